package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"unicode"

	"github.com/dffmpeg/dffmpeg/internal/config/strictyaml"
	"github.com/dffmpeg/dffmpeg/secret"
)

// Credentials are who a worker or client is.
type Credentials struct {
	ClientID string `yaml:"client_id"` // required
	// HMACKey is the key itself: the content of HMACKeyFile when that could be
	// read, else what was configured inline.
	HMACKey     secret.Value `yaml:"hmac_key"`
	HMACKeyFile string       `yaml:"hmac_key_file,file"` // absolute; "" when none is configured
}

// maxKeyFile bounds a file that holds one key or a few.
const maxKeyFile = 64 << 10

// resolve reads the key file and checks that there is an identity. Where says,
// for messages, where else than in the file it could be given.
func (c *Credentials) resolve(node *strictyaml.Node, source *Source, idElsewhere, keyElsewhere string) Problems {
	var problems Problems
	if c.ClientID == "" && !isGiven(node, "client_id") {
		problems = append(problems, node.ProblemAt("client_id", "the identity is missing; give the name that the coordinator knows%s", idElsewhere))
	}
	if strings.ContainsFunc(c.ClientID, unicode.IsControl) {
		problems = append(problems, node.ProblemAt("client_id", "the name contains a control character"))
	}
	c.HMACKey = secret.New(strings.TrimSpace(c.HMACKey.Reveal()))
	if c.HMACKeyFile != "" {
		key, err := readKey(c.HMACKeyFile, source)
		switch {
		case err == nil:
			c.HMACKey = key
			return problems
		case c.HMACKey.IsZero():
			return append(problems, node.ProblemAt("hmac_key_file", "%s", unreadable(err)))
		}
		source.warn("%s: hmac_key_file: %s; using the key given directly", node.Problem("").File, unreadable(err))
	}
	if c.HMACKey.IsZero() && !isGiven(node, "hmac_key") && !isGiven(node, "hmac_key_file") {
		problems = append(problems, node.ProblemAt("hmac_key", "the key is missing; give hmac_key or hmac_key_file%s", keyElsewhere))
	}
	return problems
}

// isGiven reports whether a key has a value, even one that was refused.
func isGiven(node *strictyaml.Node, key string) bool {
	value := node.Get(key)
	return value != nil && value.Kind() != strictyaml.Null &&
		(value.Kind() != strictyaml.Scalar || strings.TrimSpace(value.Text()) != "")
}

// readKey returns the key in a file, without surrounding white space.
func readKey(path string, source *Source) (secret.Value, error) {
	data, err := readBounded(path, maxKeyFile)
	if err != nil {
		return secret.Value{}, err
	}
	key := strings.TrimSpace(string(data))
	if key == "" {
		return secret.Value{}, &fs.PathError{Op: "read", Path: path, Err: errors.New("it is empty")}
	}
	source.warnIfOpen(path)
	return secret.New(key), nil
}

// unreadable says why a file named in a configuration cannot be read. The name
// is not repeated: a key given where its file's name belongs is a mistake that
// people make.
func unreadable(err error) string {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	return fmt.Sprintf("cannot read the file: %s (a relative name is looked up beside the configuration)", err)
}

// warn records a warning.
func (s *Source) warn(format string, args ...any) {
	s.Warnings = append(s.Warnings, fmt.Sprintf(format, args...))
}

// warnIfOpen records a warning when everybody may read a file of secrets.
func (s *Source) warnIfOpen(path string) {
	const others = 0o004
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&others != 0 {
		s.warn("%s: everybody on this machine may read this key file; chmod o-r it", path)
	}
}
