package mounts

import (
	"fmt"
	"path"
	"strings"
)

// UnitName returns the name of the systemd unit of a mount point, as
// `systemd-escape --path --suffix=mount` makes it (systemd.unit(5), "String
// escaping for inclusion in unit names").
func UnitName(mountPoint string) string {
	clean := strings.Trim(path.Clean("/"+mountPoint), "/")
	if clean == "" {
		return "-.mount"
	}
	var name strings.Builder
	for i := range len(clean) {
		c := clean[i]
		switch {
		case c == '/':
			name.WriteByte('-')
		case c == '.' && i == 0, !plain(c):
			fmt.Fprintf(&name, `\x%02x`, c)
		default:
			name.WriteByte(c)
		}
	}
	return name.String() + ".mount"
}

// plain reports whether a byte stands for itself in a unit's name.
func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == ':' || c == '_' || c == '.'
}
