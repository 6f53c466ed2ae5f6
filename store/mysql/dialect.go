package mysql

import (
	"errors"
	"net"
	"strconv"

	"github.com/go-sql-driver/mysql"

	"github.com/dffmpeg/dffmpeg/store/sqlstore"
)

// Numbers of errors, the same on MariaDB and MySQL:
// https://mariadb.com/kb/en/mariadb-error-code-reference/.
const (
	tableExists        = 1050
	columnExists       = 1060
	indexExists        = 1061
	cannotDrop         = 1091
	duplicateKey       = 1062
	lockTimeout        = 1205
	deadlock           = 1213 // also a failed certification on Galera
	accessDenied       = 1045
	databaseDenied     = 1044
	commandDenied      = 1142
	unknownDatabase    = 1049
	diskFull           = 1021
	tableFull          = 1114
	tooManyConnections = 1040
	readOnly           = 1290
	shutdown           = 1053
	nodeNotReady       = 1047 // WSREP has not yet prepared node for application use
)

// dialect describes the engine to the generic SQL.
func dialect() sqlstore.Dialect {
	return sqlstore.Dialect{
		Rebind: func(query string) string { return query },
		// A loose index scan: "Using index for group-by" in its plan.
		Queues: "SELECT DISTINCT queue FROM dffmpeg_jobs WHERE queue > ? ORDER BY queue LIMIT ?",
		// Else the optimizer may find all of a queue by another index, and sort them.
		Waiting:   " FORCE INDEX (dffmpeg_jobs_queue)",
		Duplicate: func(err error) bool { return number(err) == duplicateKey },
		Collided: func(err error) bool {
			return number(err) == deadlock || number(err) == lockTimeout
		},
		Lock:    " FOR UPDATE",
		Explain: explain,
		Cause:   cause,
	}
}

// number returns the server's number of an error, 0 for other errors.
func number(err error) uint16 {
	var server *mysql.MySQLError
	if errors.As(err, &server) {
		return server.Number
	}
	return 0
}

// explain says what is wrong with the server, or between us.
func explain(err error) string {
	switch number(err) {
	case accessDenied:
		return "The database server refuses our user name, password or certificate"
	case databaseDenied, commandDenied:
		return "Our user may not do that in the database"
	case unknownDatabase:
		return "The database does not exist on its server"
	case diskFull, tableFull:
		return "The database's disk is full; nothing was stored"
	case tooManyConnections:
		return "The database server has too many connections; try again"
	case readOnly:
		return "The database cannot be written: its server is read-only"
	case shutdown:
		return "The database server is shutting down; try again"
	case nodeNotReady:
		return "The database server is not part of its cluster; try again"
	}
	var network net.Error
	if number(err) == 0 && (errors.As(err, &network) || errors.Is(err, mysql.ErrInvalidConn)) {
		return "The database server cannot be reached; try again"
	}
	return ""
}

// cause returns what a log may have of an error: the server's own text can
// quote queries and values.
func cause(err error) error {
	if n := number(err); n != 0 {
		return errors.New("MySQL error " + strconv.Itoa(int(n)))
	}
	return err
}
