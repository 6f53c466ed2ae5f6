package store

import "context"

// Part is one of the two parts that a database can have: they may be in
// different ones.
type Part int

// The parts.
const (
	StatePart      Part = iota + 1 // jobs, their output, messages, workers
	IdentitiesPart                 // who may sign requests
)

// String is for people.
func (p Part) String() string {
	if p == IdentitiesPart {
		return "identities"
	}
	return "state"
}

// Inspection is what a database has of a part.
type Inspection struct {
	// Place is where it is, without a password.
	Place string
	// Version is the schema's, 0 when there is none yet; Known is the one that
	// the program brings it to.
	Version, Known int
	// Old reports that it is a database of the 0.4 generation.
	Old bool
	// Tables are the part's tables with their number of rows, in a fixed order;
	// none without a schema.
	Tables []TableSize
}

// TableSize is a table and how many rows it has.
type TableSize struct {
	Name string
	Rows int64
}

// Archive takes a copy of a part: rows of tables, by the tables' default names.
// Values are int64, string, []byte, bool or nil.
type Archive interface {
	Insert(ctx context.Context, table string, columns []string, rows [][]any) error
}
