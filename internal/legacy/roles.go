package legacy

import (
	"context"
	"fmt"

	"github.com/dffmpeg/dffmpeg"
)

// attribute counts a job for who ran it and who asked for it, whatever became
// of it.
func (i *importer) attribute(r row) {
	if worker := r["worker_id"].String; worker != "" {
		i.worked[worker]++
	}
	if requester := r["requester_id"].String; requester != "" {
		i.submitted[requester]++
	}
}

// roles compares the roles in the new database with the history of the old one.
func (i *importer) roles(ctx context.Context, options Options) error {
	stored, err := i.target.Identities.ListIdentities(ctx)
	if err != nil {
		return fmt.Errorf("list the identities of the new database: %w", err)
	}
	for _, s := range stored {
		conflict := RoleConflict{
			ClientID: s.ClientID, Role: s.Role,
			Worked: i.worked[s.ClientID], Submitted: i.submitted[s.ClientID],
		}
		if !conflict.judge() {
			continue
		}
		if options.SetRoles && conflict.Want != "" {
			if err := i.target.Identities.SetRole(ctx, s.ClientID, conflict.Want); err != nil {
				return fmt.Errorf("set the role of %s: %w", s.ClientID, err)
			}
			conflict.Set = true
		}
		i.report.Roles = append(i.report.Roles, conflict)
	}
	return nil
}

// judge reports whether the role contradicts the history, and decides on one. An
// admin may submit; one that also works was made so on purpose, and is asked to
// be two.
func (c *RoleConflict) judge() bool {
	contradicted := c.Role != dffmpeg.RoleWorker && c.Worked > 0 || c.Role == dffmpeg.RoleWorker && c.Submitted > 0
	switch {
	case !contradicted:
		return false
	case c.Role == dffmpeg.RoleAdmin || c.Worked > 0 && c.Submitted > 0:
		c.Want = ""
	case c.Worked > 0:
		c.Want = dffmpeg.RoleWorker
	default:
		c.Want = dffmpeg.RoleClient
	}
	return true
}
