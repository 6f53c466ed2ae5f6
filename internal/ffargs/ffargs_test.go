package ffargs

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWords(t *testing.T) {
	got := Words(strings.Fields("-y -ss -1.5 -f lavfi -i a -c:v:0 x --shortest -f null out -unheard value"))
	want := []Word{
		{Text: "-y", Option: true},
		{Text: "-ss", Option: true},
		{Text: "-1.5", Of: "ss"},
		{Text: "-f", Option: true},
		{Text: "lavfi", Of: "f"},
		{Text: "-i", Option: true},
		{Text: "a", Of: "i", Format: "lavfi"},
		{Text: "-c:v:0", Option: true},
		{Text: "x", Of: "c"},
		{Text: "--shortest", Option: true},
		{Text: "-f", Option: true},
		{Text: "null", Of: "f"},
		{Text: "out", Format: "null"},
		{Text: "-unheard", Option: true},
		{Text: "value", Of: "unheard"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for i, name := range map[int]string{0: "y", 7: "c", 9: "shortest", 12: ""} {
		if got[i].Name() != name {
			t.Errorf("the name of %q is %q, want %q", got[i].Text, got[i].Name(), name)
		}
	}
	if !got[12].File() || got[6].File() || got[0].File() {
		t.Error("only the output is a file of its own")
	}
}
