package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Component is one of the three that have a configuration file.
type Component string

// The components.
const (
	CoordinatorComponent Component = "coordinator"
	WorkerComponent      Component = "worker"
	ClientComponent      Component = "client"
)

// FileName returns the usual name of the component's file.
func (c Component) FileName() string { return "dffmpeg-" + string(c) + ".yaml" }

// Variable returns the environment variable that names the component's file.
func (c Component) Variable() string {
	return "DFFMPEG_" + strings.ToUpper(string(c)) + "_CONFIG"
}

// Environment is what the search and the overrides see of the process.
type Environment struct {
	// Lookup returns an environment variable and whether it is set; an empty one
	// counts as not set. Nil means no variables.
	Lookup func(name string) (string, bool)
	// Home is the user's home directory, "" when unknown.
	Home string
	// Executable is the path of the running binary, "" when unknown. It is not
	// resolved: an installation linked into a prefix belongs to that prefix.
	Executable string
	// Dir is the working directory; "" is the process's.
	Dir string
	// System is the directory of the system's configuration, "" for
	// /etc/dffmpeg.
	System string
}

// ProcessEnvironment returns the environment of this process.
func ProcessEnvironment() Environment {
	env := Environment{Lookup: os.LookupEnv}
	// What is unknown is simply not searched.
	env.Home, _ = os.UserHomeDir()
	env.Executable, _ = os.Executable()
	return env
}

// Only returns those of some variables that are set.
func (e Environment) Only(names []string) map[string]string {
	found := make(map[string]string)
	for _, name := range names {
		if e.Lookup == nil {
			break
		}
		if value, is := e.Lookup(name); is {
			found[name] = value
		}
	}
	return found
}

// Get returns a variable, "" when it is not set.
func (e Environment) Get(name string) string {
	if e.Lookup == nil {
		return ""
	}
	value, _ := e.Lookup(name)
	return value
}

// NotFoundError says that a component has no configuration file.
type NotFoundError struct {
	Component Component
	Looked    []string // every place, in order
	// Instead tells what would do in place of a file, "" when nothing would.
	Instead string
}

// Error lists the places.
func (e *NotFoundError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "no %s configuration found; looked at:", e.Component)
	for _, place := range e.Looked {
		b.WriteString("\n  " + place)
	}
	fmt.Fprintf(&b, "\nname one with --config or %s", e.Component.Variable())
	if e.Instead != "" {
		b.WriteString(", or " + e.Instead)
	}
	return b.String()
}

// Find returns the path of a component's configuration file: explicit (the
// --config option), else what DFFMPEG_<COMPONENT>_CONFIG names, else the first
// of the usual places that exists. A file that was named but does not exist is
// an error, as is one in a usual place that cannot be looked at. When there is
// none the error is a *NotFoundError.
func Find(component Component, explicit string, env Environment) (string, error) {
	if explicit != "" {
		return named(component, explicit, "--config", env)
	}
	if path := env.Get(component.Variable()); path != "" {
		return named(component, path, component.Variable(), env)
	}
	looked := Places(component, env)
	for _, path := range looked {
		_, err := os.Stat(path)
		switch {
		case err == nil:
			return path, nil
		case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR):
			return "", fmt.Errorf("look for the %s configuration: %w", component, err)
		}
	}
	return "", &NotFoundError{Component: component, Looked: looked}
}

// named returns a path that somebody asked for.
func named(component Component, path, by string, env Environment) (string, error) {
	path = env.absolute(path)
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("%s configuration named by %s: %w", component, by, err)
	}
	return path, nil
}

// absolute returns path as seen from the working directory.
func (e Environment) absolute(path string) string {
	if e.Dir == "" || filepath.IsAbs(path) {
		return absolute(path)
	}
	return filepath.Join(e.Dir, path)
}

// Places lists the usual places of a component's file, in the order in which
// they are looked at.
func Places(component Component, env Environment) []string {
	places := []string{env.absolute(component.FileName())}
	short := string(component) + ".yaml"
	if env.Home != "" {
		places = append(places, UserFile(component, env))
	}
	system := env.System
	if system == "" {
		system = "/etc/dffmpeg"
	}
	places = append(places, filepath.Join(system, short))
	if bin := filepath.Dir(env.Executable); env.Executable != "" && filepath.Base(bin) == "bin" {
		places = append(places, filepath.Join(filepath.Dir(bin), component.FileName()))
	}
	return places
}

// UserFile returns the path of a component's file below the user's home
// directory: where `dffmpeg standalone` writes the client's.
func UserFile(component Component, env Environment) string {
	return filepath.Join(env.Home, ".config", "dffmpeg", string(component)+".yaml")
}
