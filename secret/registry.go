package secret

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Registry holds the providers that a program knows, by algorithm. It is a
// value made in main and passed down; it is immutable and safe for concurrent
// use. The zero Registry knows none.
type Registry struct {
	providers map[string]Provider
}

// NewRegistry returns a registry of these providers. Two of one algorithm, or
// an algorithm's name that could not stand before a ':' in a key, are errors.
func NewRegistry(providers ...Provider) (Registry, error) {
	r := Registry{providers: make(map[string]Provider, len(providers))}
	for _, p := range providers {
		name := p.Algorithm()
		if !validAlgorithm(name) {
			return Registry{}, fmt.Errorf("encryption provider %T: algorithm name %q: use lower case letters and digits", p, name)
		}
		if _, taken := r.providers[name]; taken {
			return Registry{}, fmt.Errorf("encryption provider %T: algorithm %q is registered already", p, name)
		}
		r.providers[name] = p
	}
	return r, nil
}

// With returns a registry that knows more providers.
func (r Registry) With(more ...Provider) (Registry, error) {
	return NewRegistry(slices.AppendSeq(more, maps.Values(r.providers))...)
}

// Algorithms returns the known algorithms, sorted.
func (r Registry) Algorithms() []string { return slices.Sorted(maps.Keys(r.providers)) }

// GenerateKey returns a new key `algorithm:material`, as keyrings read it.
func (r Registry) GenerateKey(algorithm string) (Value, error) {
	provider, err := r.provider(algorithm)
	if err != nil {
		return Value{}, err
	}
	material, err := provider.GenerateKey()
	if err != nil {
		return Value{}, fmt.Errorf("generate %s key: %w", algorithm, err)
	}
	return New(algorithm + ":" + material.Reveal()), nil
}

// NewCipher returns a cipher for a key `algorithm:material`. The error never
// contains the material.
func (r Registry) NewCipher(key Value) (Cipher, error) {
	algorithm, material, ok := strings.Cut(strings.TrimSpace(key.Reveal()), ":")
	if !ok {
		return nil, fmt.Errorf("an encryption key has the form algorithm:material, with algorithm one of %s", list(r.Algorithms()))
	}
	provider, err := r.provider(algorithm)
	if err != nil {
		return nil, err
	}
	cipher, err := provider.NewCipher(New(material))
	if err != nil {
		return nil, fmt.Errorf("%s key: %w", algorithm, err)
	}
	return cipher, nil
}

func (r Registry) provider(algorithm string) (Provider, error) {
	provider, ok := r.providers[algorithm]
	if !ok {
		return nil, &UnknownAlgorithmError{Algorithm: algorithm, Known: r.Algorithms()}
	}
	return provider, nil
}

// UnknownAlgorithmError is a key of an algorithm that no provider is
// registered for.
type UnknownAlgorithmError struct {
	Algorithm string
	Known     []string // sorted
}

// Error implements error. A word that is not an algorithm's name could be a
// misplaced secret and is not shown.
func (e *UnknownAlgorithmError) Error() string {
	if !validAlgorithm(e.Algorithm) {
		return "the encryption algorithm (before the ':') is malformed; known are " + list(e.Known)
	}
	return fmt.Sprintf("unknown encryption algorithm %q; known are %s", e.Algorithm, list(e.Known))
}

// validAlgorithm reports whether name is a word of lower case letters and
// digits, too short to be a key.
func validAlgorithm(name string) bool {
	const longest = 24
	outside := func(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') }
	return name != "" && len(name) <= longest && !strings.ContainsFunc(name, outside)
}

// list joins names for a person.
func list(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// errPlain is the reason why the empty key ID cannot name a key.
var errPlain = errors.New("the empty key ID means plain text and cannot name a key")
