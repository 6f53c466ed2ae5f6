package config

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/dffmpeg/dffmpeg/internal/config/strictyaml"
	"github.com/dffmpeg/dffmpeg/secret"
)

// ClientFile is what WriteClient writes.
type ClientFile struct {
	ClientID    string
	HMACKey     secret.Value
	Coordinator Address
	Paths       map[string]string
}

// MarshalNode writes the keys as they are called in the file.
func (c ClientFile) MarshalNode() any {
	return strictyaml.Fields{}.
		Add("client_id", c.ClientID).
		Add("hmac_key", c.HMACKey).
		Add("coordinator", c.Coordinator).
		Add("paths", c.Paths)
}

// WriteClient writes a client's configuration file, key included, readable by
// its owner only. A file that exists is replaced as a whole or not at all;
// missing directories are made for the owner alone.
func WriteClient(path string, file ClientFile) error {
	directory := filepath.Dir(path)
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return fmt.Errorf("write the client configuration: %w", err)
	}
	// os.CreateTemp makes files with mode 0600.
	temporary, err := os.CreateTemp(directory, "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write the client configuration: %w", err)
	}
	defer os.Remove(temporary.Name()) //nolint:errcheck // gone after the rename
	_, err = temporary.Write(strictyaml.Encode(file, strictyaml.Reveal))
	if err == nil {
		err = temporary.Sync()
	}
	if closing := temporary.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("write the client configuration: %w", err)
	}
	return nil
}
