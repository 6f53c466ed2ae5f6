package dffmpeg

import (
	"reflect"
	"strconv"
	"strings"
	"testing"
)

func TestLimits(t *testing.T) {
	many := make(map[string]string)
	counts := make(map[string]int)
	for i := range MaxLabels + 1 {
		many[strconv.Itoa(i)], counts[strconv.Itoa(i)] = "", 0
	}
	long := strings.Repeat("é", MaxNameLength/2)
	for name, tt := range map[string]struct {
		problem string
		want    bool
	}{
		"labels":                 {LabelsProblem(map[string]string{long: long, "a": ""}), false},
		"none":                   {LabelsProblem(nil) + CountsProblem(nil), false},
		"a long name":            {LabelsProblem(map[string]string{long + "x": ""}), true},
		"a long value":           {LabelsProblem(map[string]string{"x": long + "x"}), true},
		"no name":                {LabelsProblem(map[string]string{"": "x"}), true},
		"a line":                 {LabelsProblem(map[string]string{"x": "a\nb"}), true},
		"no UTF-8":               {LabelsProblem(map[string]string{"x": "\xff"}), true},
		"too many":               {LabelsProblem(many), true},
		"counts":                 {CountsProblem(map[string]int{long: 0, "a": MaxCount}), false},
		"too many counts":        {CountsProblem(counts), true},
		"a count that is less":   {CountsProblem(map[string]int{"a": -1}), true},
		"one that is more":       {CountsProblem(map[string]int{"a": MaxCount + 1}), true},
		"a count without a name": {CountsProblem(map[string]int{"": 1}), true},
	} {
		if got := tt.problem != ""; got != tt.want {
			t.Errorf("%s: %q", name, tt.problem)
		}
	}
	for _, schema := range []struct {
		of         reflect.Type
		field, tag string
		want       int
	}{
		{reflect.TypeFor[Offer](), "MaxJobs", "maximum", MaxSlots},
		{reflect.TypeFor[Offer](), "MaxLightJobs", "maximum", MaxSlots},
		{reflect.TypeFor[Program](), "Hardware", "maxItems", MaxHardware},
	} {
		if field, _ := schema.of.FieldByName(schema.field); field.Tag.Get(schema.tag) != strconv.Itoa(schema.want) {
			t.Errorf("the schema of %s has %q, want %d", schema.field, field.Tag, schema.want)
		}
	}
}
