// Package tlsfiles makes the TLS configuration of a client of a server or broker
// from files that a configuration names.
package tlsfiles

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// Files says whom to trust and who we are. The names in the errors are those of
// the settings: ssl_ca, ssl_cert and ssl_key.
type Files struct {
	ServerName string // what the server's certificate must be for
	CA         string // certificates of the authority; "" for the system's
	Cert, Key  string // our own certificate and its key; "" for none
	Verify     bool   // whether the server's certificate and name are checked
}

// Config returns the configuration. Errors name the file that is wrong.
func (f Files) Config() (*tls.Config, error) {
	// Without verification whoever stands in between can read and change
	// everything; it is off only when the configuration says so.
	config := &tls.Config{ServerName: f.ServerName, MinVersion: tls.VersionTLS12, InsecureSkipVerify: !f.Verify} //nolint:gosec // as configured
	if f.CA != "" {
		text, err := os.ReadFile(f.CA)
		if err != nil {
			return nil, fmt.Errorf("ssl_ca: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("ssl_ca: %s has no certificate in PEM form", f.CA)
		}
	}
	switch {
	case f.Cert == "" && f.Key == "":
		return config, nil
	case f.Cert == "" || f.Key == "":
		return nil, errors.New("ssl_cert and ssl_key belong together; only one of them is set")
	}
	own, err := tls.LoadX509KeyPair(f.Cert, f.Key)
	if err != nil {
		return nil, fmt.Errorf("ssl_cert and ssl_key: %w", err)
	}
	config.Certificates = []tls.Certificate{own}
	return config, nil
}
