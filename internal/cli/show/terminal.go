package show

import (
	"io"
	"os"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// shortest is what is left of a last column at least, on a terminal that is too narrow
// for the others.
const shortest = 40

// terminalWidth returns how many characters a line of a terminal has, 0 when w is none.
func terminalWidth(w io.Writer) int {
	file, ok := w.(*os.File)
	if !ok {
		return 0
	}
	size, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	return int(size.Col)
}

// cutLast shortens the last column of a table so that its lines are not longer than
// width; 0 for no limit.
func cutLast(header []string, rows [][]string, width int) {
	if width == 0 {
		return
	}
	last, room := len(header)-1, width
	for column := range last {
		widest := utf8.RuneCountInString(header[column])
		for _, row := range rows {
			widest = max(widest, utf8.RuneCountInString(row[column]))
		}
		room -= widest + gap
	}
	room = max(room, shortest)
	for _, row := range rows {
		if runes := []rune(row[last]); len(runes) > room {
			row[last] = string(runes[:room-1]) + "…"
		}
	}
}
