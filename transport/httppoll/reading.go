package httppoll

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/dffmpeg/dffmpeg"
)

// errTooLong is a line or answer beyond maxLine.
var errTooLong = fmt.Errorf("the coordinator sent more than %d MiB at once", maxLine>>20)

// readStream hands over each line until the stream ends, which
// is io.EOF, or a line is malformed.
func readStream(body io.Reader, receive func(dffmpeg.MessagesAnswer) error) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 0, 4<<10), maxLine)
	for lines.Scan() {
		line, err := decode(lines.Bytes())
		if err != nil {
			return err
		}
		if err := receive(line); err != nil {
			return err
		}
	}
	switch err := lines.Err(); {
	case err == nil:
		return io.EOF
	case errors.Is(err, bufio.ErrTooLong):
		return errTooLong
	default:
		return fmt.Errorf("read messages: %w", err)
	}
}

// readAnswer reads the answer to a poll.
func readAnswer(body io.Reader) (dffmpeg.MessagesAnswer, error) {
	text, err := io.ReadAll(io.LimitReader(body, maxLine+1))
	switch {
	case err != nil:
		return dffmpeg.MessagesAnswer{}, fmt.Errorf("read messages: %w", err)
	case len(text) > maxLine:
		return dffmpeg.MessagesAnswer{}, errTooLong
	default:
		return decode(text)
	}
}
