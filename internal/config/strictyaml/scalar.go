package strictyaml

import (
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// longestShownValue is the longest value that a message repeats.
const longestShownValue = 24

// show returns a scalar fit for a message, or what it is.
func (n *Node) show() string {
	if n.kind != Scalar {
		return n.kind.String()
	}
	if len(n.text) > longestShownValue {
		return "a longer text"
	}
	return strconv.Quote(n.text)
}

// text decodes a string. Plain numbers and booleans are taken as they are
// spelt.
func (d *decoder) text(n *Node, v reflect.Value, r rules) {
	if n.kind != Scalar {
		d.fail(n, "expected text, found %s", n.kind)
		return
	}
	text := n.text
	if !d.empty(n, text, r) {
		return
	}
	if strings.ContainsRune(text, 0) {
		d.fail(n, "the text contains a NUL character")
		return
	}
	if len(r.oneOf) > 0 && !slices.Contains(r.oneOf, text) {
		d.fail(n, "%s is not possible; use one of %s", n.show(), strings.Join(r.oneOf, ", "))
		return
	}
	if r.file && text != "" {
		if strings.HasPrefix(text, "~") {
			d.fail(n, "~ is not expanded here; write the directory in full")
			return
		}
		text = n.beside(text)
	}
	v.SetString(text)
}

// beside returns a path named in the file, taken from the file's directory when
// it is relative.
func (n *Node) beside(path string) string {
	if filepath.IsAbs(path) || n.file == "" {
		return filepath.Clean(path)
	}
	return filepath.Join(filepath.Dir(n.file), path)
}

// empty records a required text that is empty; it returns whether text is fine.
func (d *decoder) empty(n *Node, text string, r rules) bool {
	if r.required && strings.TrimSpace(text) == "" {
		d.fail(n, "the value is empty")
		return false
	}
	return true
}

// boolean decodes true and false in the spellings that 0.4 took.
func (d *decoder) boolean(n *Node, v reflect.Value) {
	if n.kind == Scalar {
		switch strings.ToLower(n.text) {
		case "true", "yes", "on", "y", "t", "1":
			v.SetBool(true)
			return
		case "false", "no", "off", "n", "f", "0":
			v.SetBool(false)
			return
		}
	}
	d.fail(n, "expected true or false, found %s", n.show())
}

// isNumber reports whether text is a decimal number as YAML 1.2 has it, _ between
// digits allowed. What 1.1 and 1.2 read differently (0123) is no number.
func isNumber(text string) bool {
	text = strings.TrimLeft(text, "+-")
	mantissa, exponent, scientific := strings.Cut(strings.ToLower(text), "e")
	before, after, _ := strings.Cut(mantissa, ".")
	if before+after == "" || !isDigits(before) || !isDigits(after) || strings.HasPrefix(before, "_") {
		return false
	}
	if len(before) > 1 && before[0] == '0' {
		return false
	}
	exponent = strings.TrimLeft(exponent, "+-")
	return !scientific || exponent != "" && isDigits(exponent)
}

// isDigits reports whether text has nothing but digits and underscores.
func isDigits(text string) bool {
	return strings.Trim(text, "0123456789_") == ""
}

// integer decodes a whole number.
func (d *decoder) integer(n *Node, v reflect.Value, r rules) {
	digits, fraction, _ := strings.Cut(strings.ReplaceAll(n.text, "_", ""), ".")
	if n.kind != Scalar || !isNumber(n.text) || strings.Trim(fraction, "0") != "" || strings.ContainsAny(digits, "eE") {
		d.fail(n, "expected a whole number, found %s", n.show())
		return
	}
	number, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || v.OverflowInt(number) {
		d.fail(n, "the number is too large")
		return
	}
	if d.within(n, float64(number), r) {
		v.SetInt(number)
	}
}

// number decodes a number.
func (d *decoder) number(n *Node, r rules) (float64, bool) {
	if n.kind != Scalar || !isNumber(n.text) {
		d.fail(n, "expected a number, found %s", n.show())
		return 0, false
	}
	number, err := strconv.ParseFloat(strings.ReplaceAll(n.text, "_", ""), 64)
	if err != nil {
		d.fail(n, "the number is too large")
		return 0, false
	}
	return number, d.within(n, number, r)
}

// longestDuration keeps durations in seconds far from overflowing.
const longestDuration = 10 * 365 * 24 * time.Hour

// unit returns the text of a duration without its unit, and the unit in seconds.
func unit(text string) (string, float64) {
	for suffix, seconds := range map[string]float64{"s": 1, "m": 60, "h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600} {
		if number, found := strings.CutSuffix(text, suffix); found {
			return number, seconds
		}
	}
	return text, 1
}

// duration decodes a number of seconds, or of another unit that follows it.
func (d *decoder) duration(n *Node, into *time.Duration, r rules) {
	text, factor := unit(n.text)
	if n.kind != Scalar || !isNumber(text) {
		d.fail(n, "expected a number of seconds, or one with a unit (s, m, h, d, w) such as 30d, found %s", n.show())
		return
	}
	plain := *n
	plain.text = text
	seconds, ok := d.number(&plain, rules{})
	seconds *= factor
	ok = ok && d.within(n, seconds, r)
	switch {
	case !ok:
	case seconds > longestDuration.Seconds():
		d.fail(n, "more than ten years; without a unit the value is in seconds")
	case r.whole && seconds != math.Trunc(seconds):
		d.fail(n, "expected whole seconds, found %s", n.show())
	default:
		*into = time.Duration(math.Round(seconds * float64(time.Second)))
	}
}

// within records a number out of bounds.
func (d *decoder) within(n *Node, number float64, r rules) bool {
	low, high := r.min != nil && number < *r.min, r.max != nil && number > *r.max
	switch {
	case !low && !high:
		return true
	case r.min != nil && r.max != nil:
		d.fail(n, "%s is out of range; use %s to %s", n.show(), plain(*r.min), plain(*r.max))
	case low:
		d.fail(n, "%s is too small; use %s or more", n.show(), plain(*r.min))
	default:
		d.fail(n, "%s is too large; use %s or less", n.show(), plain(*r.max))
	}
	return false
}

// plain returns a number without an exponent.
func plain(number float64) string { return strconv.FormatFloat(number, 'f', -1, 64) }

// Seconds returns a duration as the number of seconds that files have.
func Seconds(d time.Duration) string { return plain(d.Seconds()) }
