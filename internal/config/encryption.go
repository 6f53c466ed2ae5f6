package config

import (
	"errors"
	"maps"
	"slices"

	"github.com/dffmpeg/dffmpeg/internal/config/strictyaml"
	"github.com/dffmpeg/dffmpeg/secret"
)

// Encryption is how the keys of identities are kept in the database.
type Encryption struct {
	// Keys are the encryption keys by key id, each "algorithm:…" as the
	// provider of that algorithm wants it. The content of KeysFile when that is
	// set, else what was configured inline.
	Keys     map[string]secret.Value `yaml:"encryption_keys"`
	KeysFile string                  `yaml:"encryption_keys_file,file"` // absolute; a YAML file of "id: key" lines
	// DefaultKeyID is the key that new identities are encrypted with; "" keeps
	// them unencrypted.
	DefaultKeyID string `yaml:"default_encryption_key_id"`
}

// encryptionKeys returns the section's keys.
func encryptionKeys() []string {
	return []string{"encryption_keys", "encryption_keys_file", "default_encryption_key_id"}
}

// encryption reads the keys that belong to auth.
func (d *Database) encryption(file *databaseFile) Problems {
	merged := file.Repositories.Auth.over(file.Defaults, file.EngineDefaults[d.Auth.Engine])
	return asProblems(merged.shared().Decode(&d.Encryption))
}

// resolveKeys reads the file of keys and checks that the default key is one of
// them.
func (d *Database) resolveKeys(source *Source) Problems {
	e, auth := &d.Encryption, d.node.Get("repositories").Get("auth")
	at := func(key, format string, args ...any) Problem {
		if auth.Get(key) == nil && d.node.Get("defaults").Get(key) != nil {
			return d.node.ProblemAt("defaults."+key, format, args...)
		}
		return d.node.ProblemAt("repositories.auth."+key, format, args...)
	}
	if e.KeysFile != "" {
		if len(e.Keys) > 0 {
			source.warn("%s: encryption_keys_file is used; the keys given directly are not", at("encryption_keys", "").File)
		}
		keys, err := readKeys(e.KeysFile)
		if problems, ok := errors.AsType[Problems](err); ok {
			return problems
		}
		if err != nil {
			return Problems{at("encryption_keys_file", "%s", unreadable(err))}
		}
		source.warnIfOpen(e.KeysFile)
		e.Keys = keys
	}
	if _, ok := e.Keys[e.DefaultKeyID]; ok || e.DefaultKeyID == "" {
		return nil
	}
	if meant := strictyaml.Nearest(e.DefaultKeyID, slices.Sorted(maps.Keys(e.Keys))); meant != "" && len(meant) <= 24 {
		return Problems{at("default_encryption_key_id", "there is no encryption key with this id; did you mean %q?", meant)}
	}
	return Problems{at("default_encryption_key_id", "there is no encryption key with this id; add it to encryption_keys or encryption_keys_file")}
}

// readKeys reads a file of "id: key" lines.
func readKeys(path string) (map[string]secret.Value, error) {
	data, err := readBounded(path, maxKeyFile)
	if err != nil {
		return nil, err
	}
	node, err := strictyaml.Parse(path, data)
	if err != nil {
		return nil, err
	}
	var keys map[string]secret.Value
	return keys, node.Decode(&keys)
}
