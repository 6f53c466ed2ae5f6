package dffmpeg

// ValidVariable reports whether name can be that of an environment variable that a
// job carries: letters, digits and underscores, not a digit first (POSIX, 8.1).
func ValidVariable(name string) bool {
	for i, r := range name {
		switch {
		case r == '_', r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z', i > 0 && r >= '0' && r <= '9':
		default:
			return false
		}
	}
	return name != ""
}
