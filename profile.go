package dffmpeg

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
)

// ID returns what names the profile: equal ones have the same. It is made of the
// contents alone.
func (p Profile) ID() string {
	hash := sha256.New()
	for _, kind := range AbilityKinds() {
		names, known := p[kind]
		if !known {
			continue
		}
		_, _ = hash.Write([]byte("\n" + string(kind))) // a hash takes everything
		for _, name := range names {
			_, _ = hash.Write([]byte(" " + name))
		}
	}
	return hex.EncodeToString(hash.Sum(nil)[:16])
}

// maxAbilities bounds the names in a profile; ffmpeg with everything has about 2000.
const maxAbilities = 20000

// Problem says what is wrong with a profile that a worker sent, "" when nothing is:
// it has known kinds only, with sorted names without spaces.
func (p Profile) Problem() string {
	count := 0
	for kind, names := range p {
		if !slices.Contains(AbilityKinds(), kind) {
			return "There is no kind of abilities called " + string(kind[:min(len(kind), 32)])
		}
		count += len(names)
		for i, name := range names {
			if name == "" || len(name) > 64 || slices.ContainsFunc([]byte(name), func(c byte) bool { return c <= ' ' || c > '~' }) {
				return "A name of an ability is empty, too long or has a space"
			}
			if i > 0 && names[i-1] >= name {
				return "The names of abilities are not sorted"
			}
		}
	}
	if count > maxAbilities {
		return "A profile has too many names"
	}
	return ""
}
