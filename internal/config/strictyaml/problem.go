// Package strictyaml reads YAML files into tagged structs and refuses whatever
// does not fit: unknown and duplicate keys, wrong types, impossible values. It
// reports everything it finds at once, each with file, line, column, key path
// and, where it can, what was probably meant.
//
// No message ever contains the text of a value that could be a secret: a
// problem names keys and places, and quotes only short values of fields that
// are not secret.
package strictyaml

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing wrong with a configuration.
type Problem struct {
	File    string // as it was named by whoever opened it; "" when no file is at fault
	Line    int    // from 1; 0 when the file as a whole is meant
	Column  int    // from 1; 0 like Line
	Path    string // key path such as "janitor.interval" or "paths.Media"; "" for the whole file
	Message string // what is wrong and what to do
}

// String returns the problem on one line: file:line:column: path: message.
func (p Problem) String() string {
	var b strings.Builder
	if p.File != "" {
		b.WriteString(p.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
		}
		b.WriteString(": ")
	}
	if p.Path != "" {
		b.WriteString(p.Path)
		b.WriteString(": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// Problems is every problem found, sorted by file, line and column. As an error
// it is never empty.
type Problems []Problem

// Error returns one problem per line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// Err returns p sorted and without repetitions as an error, nil when there is
// no problem.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	sorted := slices.Clone(p)
	slices.SortStableFunc(sorted, func(a, b Problem) int {
		return cmp.Or(
			cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Path, b.Path), cmp.Compare(a.Message, b.Message),
		)
	})
	return slices.Compact(sorted)
}

// Join returns the problems of all errs as one error of type Problems, nil when
// there are none. An error of another kind becomes a problem without a place.
func Join(errs ...error) error {
	var all Problems
	for _, err := range errs {
		all = append(all, problemsOf(err)...)
	}
	return all.Err()
}

// problemsOf returns err as problems.
func problemsOf(err error) Problems {
	if err == nil {
		return nil
	}
	if problems, ok := errors.AsType[Problems](err); ok {
		return problems
	}
	return Problems{{Message: err.Error()}}
}
