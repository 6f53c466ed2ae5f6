package legacy

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// text returns a text that must be there: without what some engine cannot
// store, and not longer than the narrowest column.
func (r row) text(column string, most int) (string, error) {
	value := r[column]
	switch {
	case !value.Valid || value.String == "":
		return "", fmt.Errorf("%s is empty", column)
	case len(value.String) > most:
		return "", fmt.Errorf("%s has %d bytes, at most %d are allowed", column, len(value.String), most)
	case !utf8.ValidString(value.String):
		return "", fmt.Errorf("%s is not valid UTF-8", column)
	case strings.ContainsRune(value.String, 0):
		return "", fmt.Errorf("%s contains a NUL character", column)
	}
	return value.String, nil
}

// optional returns a text that may be null or empty.
func (r row) optional(column string, most int) (*string, error) {
	if r[column].String == "" {
		return nil, nil //nolint:nilnil // null is a value
	}
	value, err := r.text(column, most)
	return &value, err
}

// integer returns a whole number that may be null.
func (r row) integer(column string) (*int, error) {
	if !r[column].Valid {
		return nil, nil //nolint:nilnil // null is a value
	}
	value, err := strconv.Atoi(r[column].String)
	if err != nil {
		return nil, fmt.Errorf("%s is no whole number", column)
	}
	return &value, nil
}

// boolean returns a truth value; null is false.
func (r row) boolean(column string) (bool, error) {
	switch strings.ToLower(r[column].String) {
	case "", "0", "false":
		return false, nil
	case "1", "true":
		return true, nil
	default:
		return false, fmt.Errorf("%s is neither true nor false", column)
	}
}

// texts returns a list of texts; null is an empty one.
func (r row) texts(column string) ([]string, error) {
	list := []string{}
	if !r[column].Valid {
		return list, nil
	}
	var values []*string // a null among them would be read as an empty text
	if err := json.Unmarshal([]byte(r[column].String), &values); err != nil {
		return nil, fmt.Errorf("%s is no list of texts", column)
	}
	for _, value := range values {
		if value == nil {
			return nil, fmt.Errorf("%s is no list of texts", column)
		}
		list = append(list, *value)
	}
	return list, nil
}

// object returns a JSON object; null is an empty one, and
// the JSON null is none.
func (r row) object(column string) (map[string]any, error) {
	object := map[string]any{}
	if !r[column].Valid {
		return object, nil
	}
	if err := json.Unmarshal([]byte(r[column].String), &object); err != nil {
		return nil, fmt.Errorf("%s is no JSON object", column)
	}
	return object, nil
}

// time returns a time that may be null.
func (r row) time(column string) (*time.Time, error) {
	if !r[column].Valid {
		return nil, nil //nolint:nilnil // null is a value
	}
	at, err := parseTime(r[column].String)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", column, err)
	}
	return &at, nil
}

// The years that every engine and JSON can have.
const (
	firstYear = 1970
	lastYear  = 9999
)

// parseTime reads a time as 0.4 stores it: in SQLite as ISO 8601 with a zone, in
// MySQL as a wall clock, which is UTC. Either may have a fraction.
func parseTime(text string) (time.Time, error) {
	for _, layout := range []string{
		"2006-01-02T15:04:05Z07:00", "2006-01-02 15:04:05Z07:00",
		"2006-01-02T15:04:05", "2006-01-02 15:04:05",
	} {
		at, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		at = at.UTC().Truncate(time.Microsecond)
		if at.Year() < firstYear || at.Year() > lastYear {
			return time.Time{}, fmt.Errorf("the year %d cannot be", at.Year())
		}
		return at, nil
	}
	return time.Time{}, errors.New("it is no time")
}
