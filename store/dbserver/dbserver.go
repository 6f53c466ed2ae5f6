// Package dbserver is the part of a database server's configuration that all
// engines with a server have in common: where it is, who we are, and TLS.
package dbserver

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/dffmpeg/dffmpeg/internal/tlsfiles"
	"github.com/dffmpeg/dffmpeg/secret"
)

// maxPasswordFile bounds a file with a password.
const maxPasswordFile = 4096

// Settings are an engine's section of the configuration. The keys are those of
// 0.4's mysql, and more.
type Settings struct {
	Host string `yaml:"host,required"`        // name, address, or the directory or file of a local socket; default 127.0.0.1
	Port int    `yaml:"port,min=1,max=65535"` // default the engine's
	User string `yaml:"user,required"`        // default the engine's
	// Password; PasswordFile and PasswordEnv win, in this order.
	Password     secret.Value `yaml:"password"`
	PasswordFile string       `yaml:"password_file,file"` // whose first line is the password
	PasswordEnv  string       `yaml:"password_env"`       // name of the environment variable that has it
	Database     string       `yaml:"database,required"`  // default dffmpeg
	UseSSL       bool         `yaml:"use_ssl"`            // TLS; any file below turns it on, too
	SSLCA        string       `yaml:"ssl_ca,file"`        // certificates of the authority; default the system's
	SSLCert      string       `yaml:"ssl_cert,file"`      // our certificate, for servers that want one
	SSLKey       string       `yaml:"ssl_key,file"`       // its key
	SSLVerify    bool         `yaml:"ssl_verify"`         // whether the server's certificate and name are checked; default true
	// MaxConnections bounds the connections of one process to each repository;
	// default 10.
	MaxConnections int `yaml:"max_connections,min=2,max=1000"`
}

// Defaults returns the settings that apply when nothing is configured, but for
// port and user.
func Defaults(port int, user string) Settings {
	return Settings{Host: "127.0.0.1", Port: port, User: user, Database: "dffmpeg", SSLVerify: true, MaxConnections: 10}
}

// Address returns where the server is, for people and for dialling TCP.
func (s *Settings) Address() string { return net.JoinHostPort(s.Host, strconv.Itoa(s.Port)) }

// Socket reports whether the host is a path: then the server is on this machine
// and reached by a local socket.
func (s *Settings) Socket() bool { return strings.HasPrefix(s.Host, "/") }

// Secret returns the password. Errors name the file or the variable.
func (s *Settings) Secret() (secret.Value, error) {
	switch {
	case s.PasswordFile != "":
		info, err := os.Stat(s.PasswordFile)
		if err == nil && info.Size() > maxPasswordFile {
			err = errors.New("it is too long for one")
		}
		var text []byte
		if err == nil {
			text, err = os.ReadFile(s.PasswordFile)
		}
		if err != nil {
			return secret.Value{}, fmt.Errorf("password_file %s: %w", s.PasswordFile, err)
		}
		line, _, _ := strings.Cut(string(text), "\n")
		return secret.New(strings.TrimSuffix(line, "\r")), nil
	case s.PasswordEnv != "":
		text, set := os.LookupEnv(s.PasswordEnv)
		if !set {
			return secret.Value{}, fmt.Errorf("password_env: the environment variable %s is not set", s.PasswordEnv)
		}
		return secret.New(text), nil
	default:
		return s.Password, nil
	}
}

// TLS returns how to encrypt the connection; nil when it is not to be. Errors
// name the file that is wrong.
func (s *Settings) TLS() (*tls.Config, error) {
	if !s.UseSSL && s.SSLCA == "" && s.SSLCert == "" && s.SSLKey == "" {
		return nil, nil //nolint:nilnil // none is a value
	}
	return tlsfiles.Files{ServerName: s.Host, CA: s.SSLCA, Cert: s.SSLCert, Key: s.SSLKey, Verify: s.SSLVerify}.Config()
}
