package client

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/dffmpeg/dffmpeg"
)

// ErrNotText is the error of a submission that the wire cannot carry: it has bytes
// that are not UTF-8, such as a file's name from a time before it. Nothing was sent.
var ErrNotText = errors.New("it is not UTF-8, and would be another name on a worker; rename the file, or run the program here")

// checkText refuses what would arrive as something else: JSON puts replacement
// characters where text is not UTF-8, so another file would be read or written.
func checkText(request dffmpeg.SubmitRequest) error {
	for _, arg := range request.Arguments {
		if !utf8.ValidString(arg) {
			return fmt.Errorf("argument %q: %w", arg, ErrNotText)
		}
	}
	if dir := request.WorkingDirectory; dir != nil && !utf8.ValidString(*dir) {
		return fmt.Errorf("working directory %q: %w", *dir, ErrNotText)
	}
	for _, arg := range request.Segments {
		if err := checkSegments(arg); err != nil {
			return err
		}
	}
	return nil
}

func checkSegments(arg dffmpeg.Argument) error {
	for _, s := range arg {
		for _, text := range []string{s.Literal, s.Name, s.Rest} {
			if !utf8.ValidString(text) {
				return fmt.Errorf("%q: %w", text, ErrNotText)
			}
		}
		if err := checkSegments(s.Content); err != nil {
			return fmt.Errorf("a list file: %w", err)
		}
	}
	return nil
}
