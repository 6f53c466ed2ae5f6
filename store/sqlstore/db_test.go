package sqlstore

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/dffmpeg/dffmpeg"
)

// scripted is a Writer that fails with these errors, one after the other, and
// then succeeds.
type scripted struct {
	errs  []error
	calls int
}

func (s *scripted) Write(context.Context, Operation) error {
	s.calls++
	if s.calls <= len(s.errs) {
		return s.errs[s.calls-1]
	}
	return nil
}

func (*scripted) Close() error { return nil }

var (
	errCollided = errors.New("deadlock found in UPDATE jobs")
	errFull     = errors.New("no space for VALUES ('secret')")
)

func writing(w Writer) *DB {
	return &DB{writer: w, dialect: Dialect{
		Collided: func(err error) bool { return errors.Is(err, errCollided) },
		Explain: func(err error) string {
			if errors.Is(err, errFull) {
				return "The disk is full"
			}
			return ""
		},
		Cause: func(err error) error { return err },
	}}
}

func TestWriteExecutesAgain(t *testing.T) {
	for name, w := range map[string]*scripted{
		"no":        {},
		"collision": {errs: []error{errCollided, errCollided}},
		"changed":   {errs: []error{errChanged}},
		"lost":      {errs: []error{ErrAgain, errChanged, errCollided}},
	} {
		err := writing(w).write(t.Context(), nil)
		if err != nil || w.calls != len(w.errs)+1 {
			t.Errorf("%s: executed %d times, %v", name, w.calls, err)
		}
	}
	always := &scripted{errs: make([]error, 2*maxTries)}
	for i := range always.errs {
		always.errs[i] = errCollided
	}
	synctest.Test(t, func(t *testing.T) { // the pauses between them
		err := writing(always).write(t.Context(), nil)
		if dffmpeg.CodeOf(err) != dffmpeg.CodeUnavailable || always.calls != maxTries {
			t.Errorf("endless collisions: executed %d times, %v", always.calls, err)
		}
	})
}

// TestErrorsSayEnoughAndNotTooMuch: the detail is for the caller, the cause for
// the log.
func TestErrorsSayEnoughAndNotTooMuch(t *testing.T) {
	for name, test := range map[string]struct {
		cause error
		code  dffmpeg.Code
		want  string
	}{
		"explained": {errFull, dffmpeg.CodeUnavailable, "disk is full"},
		"unknown":   {errors.New("syntax error near VALUES ('secret')"), dffmpeg.CodeUnavailable, "try again"},
		"coded":     {dffmpeg.Errorf(dffmpeg.CodeNotFound, "Job not found"), dffmpeg.CodeNotFound, "Job not found"},
	} {
		w := &scripted{errs: []error{test.cause}}
		err := writing(w).write(t.Context(), nil)
		var coded *dffmpeg.Error
		if !errors.As(err, &coded) || coded.Code != test.code || !strings.Contains(coded.Detail, test.want) {
			t.Errorf("%s: %v, want %s with …%s…", name, err, test.code, test.want)
			continue
		}
		if strings.Contains(coded.Detail, "secret") || strings.Contains(coded.Detail, "VALUES") {
			t.Errorf("%s: the detail %q gives the query away", name, coded.Detail)
		}
		if !errors.Is(err, test.cause) || w.calls != 1 {
			t.Errorf("%s: %v after %d tries, want the cause after one", name, err, w.calls)
		}
	}
}

func TestNoWriteAfterTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := &scripted{}
	if err := writing(w).write(ctx, nil); dffmpeg.CodeOf(err) != dffmpeg.CodeUnavailable || !errors.Is(err, context.Canceled) || w.calls != 0 {
		t.Errorf("executed %d times, %v", w.calls, err)
	}
}
