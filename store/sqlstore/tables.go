package sqlstore

import (
	"cmp"
	"strings"

	"github.com/dffmpeg/dffmpeg/store"
)

// The names that the SQL of this package and of the engines' migrations is
// written with. What is derived from a table begins with its name.
const (
	identitiesTable = "dffmpeg_identities"
	jobsTable       = "dffmpeg_jobs"
	messagesTable   = "dffmpeg_messages"
	workersTable    = "dffmpeg_workers"

	coordinatorsTable = "dffmpeg_coordinators"
)

// naming returns what replaces the names in SQL by the configured ones. What has
// no name of its own in the configuration belongs to the jobs.
func naming(tables store.Tables) *strings.Replacer {
	coordinators := coordinatorsTable
	if tables.Jobs != "" && tables.Jobs != jobsTable {
		coordinators = tables.Jobs + "_coordinators"
	}
	return strings.NewReplacer(
		identitiesTable, cmp.Or(tables.Identities, identitiesTable),
		jobsTable, cmp.Or(tables.Jobs, jobsTable),
		messagesTable, cmp.Or(tables.Messages, messagesTable),
		workersTable, cmp.Or(tables.Workers, workersTable),
		coordinatorsTable, coordinators,
	)
}

// WithTables returns the dialect for tables of these names.
func (d Dialect) WithTables(tables store.Tables) Dialect {
	if tables == (store.Tables{}) {
		return d
	}
	rebind, names := d.Rebind, naming(tables)
	d.Rebind = func(query string) string { return rebind(names.Replace(query)) }
	return d
}
