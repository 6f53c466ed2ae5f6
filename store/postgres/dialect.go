package postgres

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dffmpeg/dffmpeg/store/sqlstore"
)

// Codes of errors: https://www.postgresql.org/docs/15/errcodes-appendix.html.
const (
	uniqueViolation      = "23505"
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
	invalidPassword      = "28P01"
	invalidAuthorization = "28000"
	noSuchDatabase       = "3D000"
	diskFull             = "53100"
	tooManyConnections   = "53300"
	noPrivilege          = "42501"
	readOnly             = "25006"
)

// dialect describes the engine to the generic SQL.
func dialect() sqlstore.Dialect {
	return sqlstore.Dialect{
		Rebind:    rebind,
		Queues:    sqlstore.SkippingQueues(""),
		Duplicate: func(err error) bool { return code(err) == uniqueViolation },
		Collided: func(err error) bool {
			return code(err) == serializationFailure || code(err) == deadlockDetected
		},
		Lock:    " FOR UPDATE",
		Explain: explain,
		Cause:   cause,
	}
}

// rebind numbers the placeholders. The store's SQL has no other question marks.
func rebind(query string) string {
	var text strings.Builder
	number := 0
	for part := range strings.SplitSeq(query, "?") {
		if number > 0 {
			text.WriteString("$" + strconv.Itoa(number))
		}
		text.WriteString(part)
		number++
	}
	return text.String()
}

// code returns the server's code of an error, "" for other errors.
func code(err error) string {
	var server *pgconn.PgError
	if errors.As(err, &server) {
		return server.Code
	}
	return ""
}

// explain says what is wrong with the server, or between us.
func explain(err error) string {
	switch code(err) {
	case invalidPassword, invalidAuthorization:
		return "The database server refuses our user name, password or certificate"
	case noSuchDatabase:
		return "The database does not exist on its server"
	case diskFull:
		return "The database's disk is full; nothing was stored"
	case tooManyConnections:
		return "The database server has too many connections; try again"
	case noPrivilege:
		return "Our user may not do that in the database"
	case readOnly:
		return "The database cannot be written: its server is read-only"
	}
	if strings.HasPrefix(code(err), "57P") {
		return "The database server is shutting down or starting; try again"
	}
	var connect *pgconn.ConnectError
	var network net.Error
	if code(err) == "" && (errors.As(err, &connect) || errors.As(err, &network)) {
		return "The database server cannot be reached; try again"
	}
	return ""
}

// cause returns what a log may have of an error: the server's own text can
// quote queries and values.
func cause(err error) error {
	if c := code(err); c != "" {
		return errors.New("PostgreSQL error " + c)
	}
	var connect *pgconn.ConnectError
	var network *net.OpError
	switch {
	case errors.As(err, &network):
		return network
	case errors.As(err, &connect):
		return errors.New("the connection to the server failed")
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return err
}
