package doctor

import "github.com/dffmpeg/dffmpeg/internal/config"

// place names settings where the user finds them: in the file, or in the environment
// that beats it.
type place struct {
	file string // "" for none
	env  config.Environment
}

// of names keys of the file that a variable overrides, "" for none.
func (p place) of(keys, variable string) string {
	switch {
	case variable != "" && p.env.Get(variable) != "":
		return variable + " of the environment"
	case p.file == "":
		return keys + " of a configuration file (there is none)"
	}
	return keys + " in " + p.file
}

// address names keys of the coordinator's address.
func (p place) address(keys string) string { return p.of(keys, config.VariableCoordinatorURL) }

// identity names whose key it is.
func (p place) identity() string { return p.of("client_id", config.VariableClientID) }

// key names where the key is, which a file of its own beats.
func (p place) key(file string) string {
	if file != "" {
		return file + " (hmac_key_file)"
	}
	return p.of("hmac_key", config.VariableHMACKey)
}
