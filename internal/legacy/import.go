package legacy

import (
	"context"
	"fmt"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/store"
)

// Target is where to import to.
type Target struct {
	Identities store.Identities
	Keyring    *secret.Keyring // seals the keys, with its default key
	Jobs       store.Restorer  // such as a store.State
}

// Options say how to import.
type Options struct {
	// SetRoles gives identities the role that their history shows. It applies to
	// identities that exist as well.
	SetRoles bool
}

// Report is what an import did.
type Report struct {
	Identities Counts
	// Bootstrap says that localadmin was left out: the key that 0.4 gave it is
	// of no use here. An admin for the new database has to be made.
	Bootstrap bool
	Jobs      Counts
	// Unfinished is how many jobs had not ended. They are not imported.
	Unfinished int
	Problems   []Problem      // rows that could not be read, by table and ID
	Roles      []RoleConflict // by name
}

// Counts is what became of the rows of a table.
type Counts struct {
	Added    int
	Existing int // left alone
	Problems int // not read; see Report.Problems
}

// Problem is a row that could not be read.
type Problem struct {
	Table  string
	ID     string // of the row, as far as it has one
	Reason string // one line for each thing that is wrong
}

// RoleConflict is an identity whose history contradicts its role in the new
// database. 0.4 did not look at roles.
type RoleConflict struct {
	ClientID string
	Role     dffmpeg.Role // that it has
	// Worked and Submitted are how many jobs of the old database it ran, and
	// how many it asked for.
	Worked, Submitted int
	// Want is the role to set; "" when it did both, or is an admin: then it needs
	// to become two identities.
	Want dffmpeg.Role
	Set  bool // by Options.SetRoles
}

// Import brings identities and jobs that ended from a database of 0.4 over to a
// new one. It may be repeated, also after an error; what the report says was
// done by then.
func Import(ctx context.Context, source Source, target Target, options Options) (Report, error) {
	i := &importer{source: source, target: target, worked: make(map[string]int), submitted: make(map[string]int)}
	if source.Identities != nil {
		if err := i.identities(ctx); err != nil {
			return i.report, err
		}
	}
	if source.Jobs != nil {
		if err := i.jobs(ctx); err != nil {
			return i.report, err
		}
	}
	return i.report, i.roles(ctx, options)
}

// importer is an import under way.
type importer struct {
	source Source
	target Target
	report Report
	// worked and submitted count jobs by identity.
	worked, submitted map[string]int
}

// existing returns the identities of the new database, by name.
func (i *importer) existing(ctx context.Context) (map[string]bool, error) {
	stored, err := i.target.Identities.ListIdentities(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the identities of the new database: %w", err)
	}
	names := make(map[string]bool, len(stored))
	for _, s := range stored {
		names[s.ClientID] = true
	}
	return names, nil
}

// identities imports all identities.
func (i *importer) identities(ctx context.Context) error {
	t, err := i.source.Identities.identityTable(ctx)
	if err != nil {
		return err
	}
	exists, err := i.existing(ctx)
	if err != nil {
		return err
	}
	return i.each(ctx, t, identityKey, &i.report.Identities, func(rows []row) error {
		for _, r := range rows {
			id := r[identityKey].String
			switch {
			case id == bootstrapID:
				i.report.Bootstrap = true
			case exists[id]:
				// Not read: it may have been made anew because it cannot be.
				i.report.Identities.Existing++
			default:
				if err := i.identity(ctx, t, r); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// each calls do with the rows of a table, and reports those that have no key.
func (i *importer) each(ctx context.Context, t *table, key string, counts *Counts, do func([]row) error) error {
	nameless, err := t.nameless(ctx, key)
	if err != nil {
		return err
	}
	for range nameless {
		i.problem(t, counts, "", fmt.Errorf("%s is empty", key))
	}
	return t.each(ctx, key, do)
}

// identity imports one identity.
func (i *importer) identity(ctx context.Context, t *table, r row) error {
	found, err := readIdentity(r, i.source.Keyring)
	if err != nil {
		i.problem(t, &i.report.Identities, r[identityKey].String, err)
		return nil
	}
	keyID, token, err := i.target.Keyring.Seal(found.key.Text())
	if err != nil {
		return fmt.Errorf("seal the key of %s: %w", found.ClientID, err)
	}
	_, err = i.target.Identities.AddIdentity(ctx, store.StoredIdentity{
		Identity: found.Identity, Key: store.SealedKey{KeyID: keyID, Text: token},
	})
	switch {
	case dffmpeg.CodeOf(err) == dffmpeg.CodeConflict && err != nil:
		i.report.Identities.Existing++ // since a moment ago
	case err != nil:
		return fmt.Errorf("add identity %s: %w", found.ClientID, err)
	default:
		i.report.Identities.Added++
	}
	return nil
}

// problem reports a row that could not be read.
func (i *importer) problem(t *table, counts *Counts, id string, err error) {
	counts.Problems++
	i.report.Problems = append(i.report.Problems, Problem{Table: t.name, ID: id, Reason: err.Error()})
}

// jobs imports all jobs that ended.
func (i *importer) jobs(ctx context.Context) error {
	t, err := i.source.Jobs.jobTable(ctx)
	if err != nil {
		return err
	}
	return i.each(ctx, t, jobKey, &i.report.Jobs, func(rows []row) error { return i.someJobs(ctx, t, rows) })
}

// someJobs imports those of some rows that ended.
func (i *importer) someJobs(ctx context.Context, t *table, rows []row) error {
	var ended []dffmpeg.Job
	for _, r := range rows {
		i.attribute(r)
		if status, err := jobStatus(r); err == nil && status.Active() {
			i.report.Unfinished++
			continue
		}
		job, err := readJob(r)
		if err != nil {
			i.problem(t, &i.report.Jobs, r[jobKey].String, err)
			continue
		}
		ended = append(ended, job)
	}
	added, err := i.target.Jobs.Restore(ctx, ended)
	if err != nil {
		return fmt.Errorf("store jobs: %w", err)
	}
	i.report.Jobs.Added += added
	i.report.Jobs.Existing += len(ended) - added
	return nil
}
