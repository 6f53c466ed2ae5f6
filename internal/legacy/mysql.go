package legacy

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/dffmpeg/dffmpeg/store/dbserver"
)

const (
	// connectTimeout bounds how long a connection takes to be made.
	connectTimeout = 10 * time.Second
	// ioTimeout bounds how long the server may be silent within a query.
	ioTimeout = time.Minute
)

// OpenMySQL opens a database of 0.4 on a MariaDB or MySQL server. It is only
// read.
func OpenMySQL(ctx context.Context, settings dbserver.Settings, tables Tables) (*Database, error) {
	where := fmt.Sprintf("0.4 database %s at %s", settings.Database, settings.Address())
	config, err := mysqlConfig(settings)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	pool := sql.OpenDB(connector)
	if err := pool.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", where, err), pool.Close())
	}
	return newDatabase(pool, where, tables, dialect{
		columns: "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ?",
		quote:   quoted("`"),
	}), nil
}

// mysqlConfig says how to connect. The session's time zone is left as the
// server has it: 0.4 wrote UTC wall clocks in that zone, and only in the same
// they are read as written.
func mysqlConfig(settings dbserver.Settings) (*mysql.Config, error) {
	password, err := settings.Secret()
	if err != nil {
		return nil, err
	}
	config := mysql.NewConfig()
	if config.TLS, err = settings.TLS(); err != nil {
		return nil, err
	}
	config.Net, config.Addr = "tcp", settings.Address()
	if settings.Socket() {
		config.Net, config.Addr = "unix", settings.Host
	}
	config.User, config.Passwd, config.DBName = settings.User, password.Reveal(), settings.Database
	config.Timeout, config.ReadTimeout, config.WriteTimeout = connectTimeout, ioTimeout, ioTimeout
	config.InterpolateParams = true // one round trip, and every value as text
	config.Logger = &mysql.NopLogger{}
	return config, nil
}
