package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dffmpeg/dffmpeg/internal/config/strictyaml"
)

// SQLiteName is the name of the default engine.
const SQLiteName = "sqlite"

// Database is the section "database", resolved: for each repository general
// defaults, then those of its engine, then its own settings are laid over each
// other. Jobs, messages and workers share one database, because their changes
// commit together; auth may be elsewhere.
type Database struct {
	Auth, Jobs, Messages, Workers Repository
	// Encryption is how keys of identities are kept.
	Encryption Encryption

	node *strictyaml.Node
}

// Repository is where one kind of record is kept.
type Repository struct {
	Name      string   // auth, jobs, messages or workers
	Engine    string   // default sqlite
	TableName string   // default dffmpeg_ and what is kept there
	Settings  Settings // the engine's

	resolved any // the settings with the engine's defaults, once it was asked
}

// Resolved returns the engine's settings, a pointer of the type that its Settings
// method returns.
func (r Repository) Resolved() any { return r.resolved }

// DefaultTable reports whether the table has the name that it has without any in
// the configuration.
func (r Repository) DefaultTable() bool { return r.TableName == defaultTable(r.Name) }

// maxTableName bounds a table's name: those of its indexes are longer, and no
// engine takes more than 63 bytes.
const maxTableName = 40

// defaultTable returns the name of a repository's table.
func defaultTable(repository string) string {
	if repository == "auth" {
		return "dffmpeg_identities"
	}
	return "dffmpeg_" + repository
}

// SQLiteDatabase returns a section that keeps everything in one SQLite file,
// for a coordinator that is configured by a program.
func SQLiteDatabase(path string) Database {
	settings := Settings{node: strictyaml.NewMapping(map[string]string{"path": path})}
	var d Database
	for name, r := range map[string]*Repository{"auth": &d.Auth, "jobs": &d.Jobs, "messages": &d.Messages, "workers": &d.Workers} {
		*r = Repository{Name: name, Engine: SQLiteName, TableName: defaultTable(name), Settings: settings}
	}
	return d
}

// databaseFile is the section as it is written.
type databaseFile struct {
	Defaults       Settings            `yaml:"defaults"`
	EngineDefaults map[string]Settings `yaml:"engine_defaults"`
	Repositories   repositoriesFile    `yaml:"repositories"`
}

// repositoriesFile is the part with each repository's own settings.
type repositoriesFile struct {
	Auth     Settings `yaml:"auth"`
	Jobs     Settings `yaml:"jobs"`
	Messages Settings `yaml:"messages"`
	Workers  Settings `yaml:"workers"`
}

// repositoryKeys are the keys of a repository that are not the engine's.
type repositoryKeys struct {
	Engine    string `yaml:"engine,required"`
	TableName string `yaml:"tablename,required"`
}

// UnmarshalNode reads and resolves the section.
func (d *Database) UnmarshalNode(n *strictyaml.Node) Problems {
	d.node = n
	var file databaseFile
	problems := asProblems(n.Decode(&file))
	for _, r := range []struct {
		name string
		own  Settings
		into *Repository
	}{
		{"auth", file.Repositories.Auth, &d.Auth},
		{"jobs", file.Repositories.Jobs, &d.Jobs},
		{"messages", file.Repositories.Messages, &d.Messages},
		{"workers", file.Repositories.Workers, &d.Workers},
	} {
		problems = append(problems, r.into.resolve(r.name, file, r.own)...)
	}
	problems = append(problems, d.encryption(&file)...)
	problems = append(problems, d.shared()...)
	return append(problems, d.distinct()...)
}

// resolve merges a repository's settings.
func (r *Repository) resolve(name string, file databaseFile, own Settings) Problems {
	general := file.Defaults.shared()
	keys := repositoryKeys{Engine: SQLiteName, TableName: defaultTable(name)}
	// The engine decides which defaults apply, so it is read before they are merged.
	_ = own.over(general).shared().Decode(&keys)
	engine := file.EngineDefaults[keys.Engine]
	merged := own.over(general, engine)
	problems := asProblems(merged.shared().Decode(&keys))
	if !isIdentifier(keys.TableName) {
		problems = append(problems, merged.Problem("tablename", fmt.Sprintf("expected letters, digits and _ only, at most %d and not beginning with a digit", maxTableName)))
	}
	foreign := []string{"engine", "tablename"}
	if name == "auth" {
		foreign = append(foreign, encryptionKeys()...)
	}
	*r = Repository{
		Name: name, Engine: keys.Engine, TableName: keys.TableName,
		Settings: Settings{node: merged.node.Without(foreign...)},
	}
	return problems
}

// shared checks that what commits together is in one place.
func (d *Database) shared() Problems {
	var odd Repository
	switch {
	case d.Jobs.together(d.Messages) && d.Jobs.together(d.Workers):
		return nil
	case d.Messages.together(d.Workers):
		odd = d.Jobs
	case d.Jobs.together(d.Messages):
		odd = d.Workers
	default:
		odd = d.Messages
	}
	return Problems{d.node.ProblemAt("repositories."+odd.Name,
		"%s are in a database of their own, but jobs, messages and workers must share one: "+
			"their changes commit together; give engine and settings once, in defaults and engine_defaults", odd.Name)}
}

// distinct checks that no two kinds of record are in one table. Output has a
// table beside that of jobs.
func (d *Database) distinct() Problems {
	var problems Problems
	jobs := strings.ToLower(d.Jobs.TableName)
	taken := map[string]string{
		jobs + "_output": "the output of jobs", "dffmpeg_schema": "the version of the schema",
		jobs + "_coordinators": "the coordinators", jobs + "_coordinators_leases": "the leases of coordinators",
		"dffmpeg_coordinators": "the coordinators", "dffmpeg_coordinators_leases": "the leases of coordinators",
	}
	for _, r := range d.repositories() {
		name := strings.ToLower(r.TableName)
		if other := taken[name]; other != "" {
			problems = append(problems, d.node.ProblemAt("repositories."+r.Name+".tablename", "%s is the table of %s already", r.TableName, other))
		}
		taken[name] = r.Name
	}
	return problems
}

// together reports whether two repositories are in the same database.
func (r Repository) together(other Repository) bool {
	return r.Engine == other.Engine && r.Settings.node.Equal(other.Settings.node)
}

// repositories lists the four.
func (d *Database) repositories() []Repository {
	return []Repository{d.Auth, d.Jobs, d.Messages, d.Workers}
}

// Engines are the database engines that a program knows: of each, what returns
// a pointer to its settings with their defaults.
type Engines map[string]func() any

// checkEngines returns a problem for every engine, in use or with defaults, that
// is not known, and for settings that an engine does not take.
// After it, the section shows the engines' defaults, too.
func (d *Database) checkEngines(engines Engines) Problems {
	known := slices.Sorted(maps.Keys(engines))
	var problems Problems
	for _, r := range []*Repository{&d.Auth, &d.Jobs, &d.Messages, &d.Workers} {
		if settings := engines[r.Engine]; settings != nil {
			r.resolved = settings()
			for _, p := range asProblems(r.Settings.Decode(r.resolved)) {
				if !slices.Contains(problems, p) { // of defaults for several
					problems = append(problems, p)
				}
			}
			continue
		}
		key := "repositories." + r.Name + ".engine"
		if d.node.Get("repositories").Get(r.Name).Get("engine") == nil {
			key = "defaults.engine"
		}
		problems = append(problems, unknownName(d.node, key, "engine "+show(r.Engine), r.Engine, known))
	}
	for _, name := range d.node.Get("engine_defaults").Keys() {
		if !slices.Contains(known, name) {
			problems = append(problems, unknownName(d.node, "engine_defaults."+name, "engine", name, known))
		}
	}
	return problems
}

// MarshalNode writes what applies to each repository.
func (d Database) MarshalNode() any {
	var repositories strictyaml.Fields
	for _, r := range d.repositories() {
		section := strictyaml.Fields{}.Add("engine", r.Engine).Add("tablename", r.TableName)
		if r.Name == "auth" {
			section = section.AddAll(d.Encryption)
		}
		if r.resolved != nil {
			section = section.AddAll(r.resolved)
		} else {
			section = section.AddAll(r.Settings)
		}
		repositories = repositories.Add(r.Name, section)
	}
	return strictyaml.Fields{}.Add("repositories", repositories)
}

// isIdentifier reports whether name can be a table's without quoting.
func isIdentifier(name string) bool {
	if name == "" || len(name) > maxTableName || name[0] >= '0' && name[0] <= '9' {
		return false
	}
	return strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// show returns a name fit for a message.
func show(name string) string {
	if len(name) > 24 {
		return "(a long name)"
	}
	return fmt.Sprintf("%q", name)
}

// list joins names for a message.
func list(names []string) string {
	return strings.Join(slices.Sorted(slices.Values(names)), ", ")
}
