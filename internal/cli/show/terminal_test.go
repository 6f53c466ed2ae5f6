package show

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestLastColumnIsCut(t *testing.T) {
	long := strings.Repeat("ä", 50)
	for name, tt := range map[string]struct {
		width int
		want  string
	}{
		"no terminal": {0, long},
		"wide":        {80, long},
		"it fits":     {7 + gap + 50, long},
		"by one":      {7 + gap + 49, strings.Repeat("ä", 48) + "…"},
		"too narrow":  {10, strings.Repeat("ä", shortest-1) + "…"},
	} {
		t.Run(name, func(t *testing.T) {
			rows := [][]string{{"pending", long}, {"failed", "why"}}
			cutLast([]string{"STATUS", "REASON"}, rows, tt.width)
			if rows[0][1] != tt.want || rows[1][1] != "why" {
				t.Errorf("cut to %q, want %q", rows, tt.want)
			}
		})
	}
}

func TestWhatIsNoTerminal(t *testing.T) {
	file, err := os.Create(t.TempDir() + "/list")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if got := terminalWidth(file); got != 0 {
		t.Errorf("a file is %d wide", got)
	}
	if got := terminalWidth(&bytes.Buffer{}); got != 0 {
		t.Errorf("a buffer is %d wide", got)
	}
}
