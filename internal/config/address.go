package config

import (
	"errors"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Address is where a coordinator is reached.
type Address struct {
	Scheme   string `yaml:"scheme,required,oneof=http|https"` // default http
	Host     string `yaml:"host,required"`                    // name or address; default localhost
	Port     int    `yaml:"port,min=1,max=65535"`             // default 8000
	PathBase string `yaml:"path_base"`                        // path that a reverse proxy adds in front; default none
}

// DefaultAddress returns where 0.4's components look for a coordinator.
func DefaultAddress() Address { return Address{Scheme: "http", Host: "localhost", Port: 8000} }

// URL returns the address with the path that all endpoints are below, without a
// trailing "/".
func (a Address) URL() *url.URL {
	host := strings.TrimSuffix(strings.TrimPrefix(a.Host, "["), "]")
	base := strings.Trim(a.PathBase, "/")
	if base != "" {
		base = "/" + base
	}
	return &url.URL{Scheme: a.Scheme, Host: net.JoinHostPort(host, strconv.Itoa(a.Port)), Path: base}
}

// Validate checks that the parts are parts.
func (a *Address) Validate(problem func(key, message string)) {
	switch {
	case strings.Contains(a.Host, "://"):
		problem("host", "a URL where a host name belongs; put its parts into scheme, host, port and path_base")
	case strings.ContainsAny(a.Host, "/?#@ "), strings.Count(a.Host, ":") == 1:
		problem("host", "expected a host name or an address alone; port and path_base have keys of their own")
	}
	if strings.ContainsAny(a.PathBase, "?# ") || strings.Contains(a.PathBase, "://") {
		problem("path_base", "expected a path such as /dffmpeg")
	}
}

// ParseAddress reads a coordinator's URL. Errors do not repeat it: it may
// contain a password.
func ParseAddress(text string) (Address, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "":
		return Address{}, errors.New("expected a URL such as http://coordinator:8000")
	case u.User != nil:
		return Address{}, errors.New("the URL contains a user or password; the key is given separately")
	case u.RawQuery != "" || u.Fragment != "":
		return Address{}, errors.New("the URL contains a query or fragment")
	}
	a := Address{Scheme: u.Scheme, Host: u.Hostname(), PathBase: strings.TrimSuffix(u.Path, "/")}
	switch {
	case u.Port() != "":
		a.Port, err = strconv.Atoi(u.Port())
		if err != nil || a.Port < 1 || a.Port > 65535 {
			return Address{}, errors.New("the URL's port is out of range; use 1 to 65535")
		}
	case u.Scheme == "https":
		a.Port = 443
	default:
		a.Port = 80
	}
	return a, nil
}
