package sqlstore

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// micros is how a time is stored; nil for a time that is not there.
func micros(t *time.Time) any {
	if t == nil || t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// fromMicros reads a stored time that is always there.
func fromMicros(v int64) time.Time { return time.UnixMicro(v).UTC() }

// timeOf reads a stored time.
func timeOf(v sql.NullInt64) *time.Time {
	if !v.Valid {
		return nil
	}
	t := fromMicros(v.Int64)
	return &t
}

// textOf reads a text that may be null.
func textOf(v sql.NullString) *string {
	if !v.Valid {
		return nil
	}
	return &v.String
}

// numberOf reads a number that may be null.
func numberOf(v sql.NullInt64) *int {
	if !v.Valid {
		return nil
	}
	n := int(v.Int64)
	return &n
}

// orNull stores an empty text as null.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// encoded stores a list or a map as JSON.
func encoded(v any) (string, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("encode a value for the database: %w", err)
	}
	return string(text), nil
}

// encodedOrNull stores a list, a map or a struct as JSON, one that is nil or empty as
// null; lists that are empty are not.
func encodedOrNull(v any) (any, error) {
	text, err := encoded(v)
	if err != nil || text == "null" || text == "{}" {
		return nil, err
	}
	return text, nil
}

// encodedAll stores each of several values by encode.
func encodedAll[T any](encode func(any) (T, error), values ...any) ([]T, error) {
	texts := make([]T, len(values))
	for i, v := range values {
		var err error
		if texts[i], err = encode(v); err != nil {
			return nil, err
		}
	}
	return texts, nil
}

// decodeAll reads JSON texts into what they were.
func decodeAll(pairs ...decoding) error {
	for _, p := range pairs {
		if err := json.Unmarshal([]byte(p.text), p.into); err != nil {
			return fmt.Errorf("decode a value of the database: %w", err)
		}
	}
	return nil
}

// decodeRare reads JSON texts that may be null.
func decodeRare(texts ...rare) error {
	for _, t := range texts {
		if !t.text.Valid {
			continue
		}
		if err := decodeAll(decoding{t.text.String, t.into}); err != nil {
			return err
		}
	}
	return nil
}

// rare is a JSON text that may be null, and where its value goes.
type rare struct {
	text sql.NullString
	into any
}

// decoding is a JSON text and where its value goes.
type decoding struct {
	text string
	into any
}

// marks returns n placeholders.
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?,", n), ",") }

// anys returns a list as arguments of a query.
func anys[T ~string](values []T) []any {
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = string(v)
	}
	return args
}
