package dffmpeg

import (
	"crypto/rand"
	"fmt"
	"io"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/oklog/ulid/v2"
)

// MaxClientIDBytes bounds an identity's name, so that it fits every engine's
// index and every transport's topic.
const MaxClientIDBytes = 128

// IDSource makes job, message and log line IDs: ULIDs of 26 characters. It may
// be called by several goroutines at once.
type IDSource interface {
	NewID(now time.Time) string
}

// NewIDSource returns a source of ULIDs whose random part comes from
// crypto/rand and increases within a millisecond.
func NewIDSource() IDSource {
	return &ulidSource{entropy: ulid.Monotonic(rand.Reader, 0)}
}

type ulidSource struct {
	mu      sync.Mutex
	entropy io.Reader
}

func (s *ulidSource) NewID(now time.Time) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return ulid.MustNew(ulid.Timestamp(now), s.entropy).String()
}

// ValidID reports whether id has the form of a job or message ID: a ULID in
// its canonical text form, upper case.
func ValidID(id string) bool {
	parsed, err := ulid.ParseStrict(id)
	return err == nil && parsed.String() == id
}

// NextID returns the smallest ULID greater than id: how a store keeps the IDs
// of a recipient's messages ascending when two were made in the same
// millisecond or the clock stepped back. It fails for a malformed id and for
// the greatest one.
func NextID(id string) (string, error) {
	parsed, err := ulid.ParseStrict(id)
	if err != nil {
		return "", fmt.Errorf("next of ID %q: %w", id, err)
	}
	for i := len(parsed) - 1; i >= 0; i-- {
		parsed[i]++
		if parsed[i] != 0 {
			return parsed.String(), nil
		}
	}
	return "", fmt.Errorf("next of ID %q: there is none", id)
}

// AscendingID returns candidate when it sorts after last, else the ID that
// follows last. An empty last stands before everything.
func AscendingID(candidate, last string) (string, error) {
	if candidate > last {
		return candidate, nil
	}
	return NextID(last)
}

// CheckClientID returns an error that says what is wrong with the name of an
// identity, nil when it may be used. Names appear in URL paths, topics and
// routing keys: separators, wildcards and control characters are refused.
func CheckClientID(id string) error {
	switch {
	case id == "":
		return Errorf(CodeInvalid, "A client ID must not be empty")
	case len(id) > MaxClientIDBytes:
		return Errorf(CodeInvalid, "A client ID may have at most %d bytes, this one has %d", MaxClientIDBytes, len(id))
	case !utf8.ValidString(id):
		return Errorf(CodeInvalid, "A client ID must be valid UTF-8")
	}
	for _, r := range id {
		if unicode.IsControl(r) || unicode.IsSpace(r) || !unicode.IsGraphic(r) {
			return Errorf(CodeInvalid, "A client ID must not contain white space or control characters (found %U)", r)
		}
		switch r {
		case '/', '+', '#', '|', '?', '%', '\\', '"', '*', '>':
			return Errorf(CodeInvalid, "A client ID must not contain %q", r)
		}
	}
	return nil
}
