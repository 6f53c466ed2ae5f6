package dffmpeg

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestWarnings(t *testing.T) {
	var many []string
	for i := range 40 {
		many = append(many, fmt.Sprint("warning ", i))
	}
	long := strings.Repeat("é", 400)
	for name, c := range map[string]struct {
		lists [][]string
		want  []string
	}{
		"none":               {nil, nil},
		"empty ones":         {[][]string{{"", " "}, nil}, nil},
		"two lists":          {[][]string{{"a", "b"}, {"b", "c"}}, []string{"a", "b", "c"}},
		"control characters": {[][]string{{"a\x00b\nc\x1b[31m"}}, []string{"a\ufffdb\ufffdc\ufffd[31m"}},
		"not UTF-8":          {[][]string{{"a\xffb"}}, []string{"a\ufffdb"}},
		"a long one":         {[][]string{{long}}, []string{strings.Repeat("é", 254) + "…"}},
		"as many as fit":     {[][]string{many[:16]}, many[:16]},
		"too many":           {[][]string{many[:20], many[20:]}, append(slices.Clone(many[:15]), "There are 25 more warnings")},
	} {
		got := Warnings(c.lists...)
		if !slices.Equal(got, c.want) || (got == nil) != (c.want == nil) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
		if again := Warnings(got); !slices.Equal(again, got) {
			t.Errorf("%s: it changes its own result to %q", name, again)
		}
		for _, warning := range got {
			if len(warning) > maxWarningBytes || !utf8.ValidString(warning) {
				t.Errorf("%s: %q is too long or no text", name, warning)
			}
		}
	}
	if many[15] != "warning 15" {
		t.Error("the argument was changed")
	}
}
