package strictyaml

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// field is one field of a struct as its tag describes it.
type field struct {
	name  string
	index []int
	rules rules
}

// rules are the options of a tag.
type rules struct {
	required bool     // the key must be there and not empty
	whole    bool     // a duration must be whole seconds
	file     bool     // text is a path; a relative one is below the file's directory
	min, max *float64 // bounds of numbers, of durations in seconds
	oneOf    []string
}

// fieldsOf lists the fields of a struct type in order, those of embedded
// structs in their place. A tag that is not understood is a programming error
// and panics.
func fieldsOf(t reflect.Type) []field {
	var fields []field
	for i := range t.NumField() {
		f := t.Field(i)
		tag := f.Tag.Get("yaml")
		if tag == "-" || !f.IsExported() && !f.Anonymous {
			continue
		}
		if f.Anonymous && tag == "" {
			for _, inner := range fieldsOf(f.Type) {
				inner.index = append([]int{i}, inner.index...)
				fields = append(fields, inner)
			}
			continue
		}
		if tag == "" {
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		fields = append(fields, field{name: name, index: []int{i}, rules: parseRules(t, f, options)})
	}
	return fields
}

// parseRules reads the options of a tag.
func parseRules(t reflect.Type, f reflect.StructField, options string) rules {
	var r rules
	for option := range strings.SplitSeq(options, ",") {
		key, value, _ := strings.Cut(option, "=")
		switch key {
		case "":
		case "required":
			r.required = true
		case "whole":
			r.whole = true
		case "file":
			r.file = true
		case "min", "max":
			bound, err := strconv.ParseFloat(value, 64)
			if err != nil {
				panic(fmt.Sprintf("strictyaml: %s.%s: bound %q is no number", t, f.Name, value))
			}
			if key == "min" {
				r.min = &bound
			} else {
				r.max = &bound
			}
		case "oneof":
			r.oneOf = strings.Split(value, "|")
		default:
			panic(fmt.Sprintf("strictyaml: %s.%s: unknown tag option %q", t, f.Name, key))
		}
	}
	return r
}
