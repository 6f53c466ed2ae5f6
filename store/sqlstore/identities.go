package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"net/netip"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// Identities keeps who may sign requests.
type Identities struct{ *DB }

var _ store.Identities = (*Identities)(nil)

const identityColumns = "client_id, role, hmac_key, key_id, allowed_cidrs, created_at, priority, max_priority"

func scanIdentity(row scanner) (store.StoredIdentity, error) {
	var (
		i       store.StoredIdentity
		cidrs   string
		created sql.NullInt64
		usual   sql.NullInt64
		highest sql.NullInt64
	)
	if err := row.Scan(&i.ClientID, &i.Role, &i.Key.Text, &i.Key.KeyID, &cidrs, &created, &usual, &highest); err != nil {
		return i, err
	}
	i.Priorities = dffmpeg.Priorities{Default: numberOf(usual), Ceiling: numberOf(highest)}
	if t := timeOf(created); t != nil {
		i.CreatedAt = *t
	}
	return i, decodeAll(decoding{cidrs, &i.AllowedCIDRs})
}

// AddIdentity implements store.Identities.
func (s *Identities) AddIdentity(ctx context.Context, identity store.StoredIdentity) (store.StoredIdentity, error) {
	cidrs, err := encoded(identity.AllowedCIDRs)
	if err != nil {
		return store.StoredIdentity{}, err
	}
	err = s.write(ctx, func(ctx context.Context, tx *txn) error {
		identity.CreatedAt = s.stamp()
		_, err := tx.exec(ctx, "INSERT INTO dffmpeg_identities ("+identityColumns+") VALUES ("+marks(8)+")",
			identity.ClientID, string(identity.Role), identity.Key.Text, identity.Key.KeyID, cidrs, micros(&identity.CreatedAt),
			identity.Priorities.Default, identity.Priorities.Ceiling)
		if err != nil && s.dialect.Duplicate(err) {
			return dffmpeg.Errorf(dffmpeg.CodeConflict, "Identity %s exists", identity.ClientID)
		}
		return err
	})
	if err != nil {
		return store.StoredIdentity{}, err
	}
	return s.Identity(ctx, identity.ClientID)
}

func errNoIdentity(clientID string) error {
	return dffmpeg.Errorf(dffmpeg.CodeNotFound, "Identity %s not found", clientID)
}

// Identity implements store.Identities.
func (s *Identities) Identity(ctx context.Context, clientID string) (store.StoredIdentity, error) {
	var found store.StoredIdentity
	err := s.view(ctx, func(ctx context.Context, tx *txn) error {
		var err error
		found, err = scanIdentity(tx.row(ctx, "SELECT "+identityColumns+" FROM dffmpeg_identities WHERE client_id = ?", clientID))
		if errors.Is(err, sql.ErrNoRows) {
			return errNoIdentity(clientID)
		}
		return err
	})
	return found, err
}

// ListIdentities implements store.Identities.
func (s *Identities) ListIdentities(ctx context.Context) ([]store.StoredIdentity, error) {
	var all []store.StoredIdentity
	err := s.view(ctx, func(ctx context.Context, tx *txn) error {
		var err error
		all, err = list(ctx, tx, scanIdentity, "SELECT "+identityColumns+" FROM dffmpeg_identities ORDER BY client_id")
		return err
	})
	return all, err
}

// touch changes one identity; none is CodeNotFound.
func (s *Identities) touch(ctx context.Context, clientID, statement string, args ...any) error {
	return s.write(ctx, func(ctx context.Context, tx *txn) error {
		count, err := tx.exec(ctx, statement+" WHERE client_id = ?", append(args, clientID)...)
		if err == nil && count == 0 {
			err = errNoIdentity(clientID)
		}
		return err
	})
}

// DeleteIdentity implements store.Identities.
func (s *Identities) DeleteIdentity(ctx context.Context, clientID string) error {
	return s.touch(ctx, clientID, "DELETE FROM dffmpeg_identities")
}

// ReplaceKey implements store.Identities.
func (s *Identities) ReplaceKey(ctx context.Context, clientID string, old, sealed store.SealedKey) error {
	return s.write(ctx, func(ctx context.Context, tx *txn) error {
		count, err := tx.exec(ctx, "UPDATE dffmpeg_identities SET hmac_key = ?, key_id = ? WHERE client_id = ? AND hmac_key = ? AND key_id = ?",
			sealed.Text, sealed.KeyID, clientID, old.Text, old.KeyID)
		if err != nil || count > 0 {
			return err
		}
		var there int
		err = tx.row(ctx, "SELECT COUNT(*) FROM dffmpeg_identities WHERE client_id = ?", clientID).Scan(&there)
		switch {
		case err != nil:
			return err
		case there == 0:
			return errNoIdentity(clientID)
		default:
			return dffmpeg.Errorf(dffmpeg.CodeConflict, "The key of %s was replaced meanwhile", clientID)
		}
	})
}

// SetScope implements store.Identities.
func (s *Identities) SetScope(ctx context.Context, clientID string, cidrs []netip.Prefix) error {
	text, err := encoded(cidrs)
	if err != nil {
		return err
	}
	return s.touch(ctx, clientID, "UPDATE dffmpeg_identities SET allowed_cidrs = ?", text)
}

// SetRole implements store.Identities.
func (s *Identities) SetRole(ctx context.Context, clientID string, role dffmpeg.Role) error {
	return s.touch(ctx, clientID, "UPDATE dffmpeg_identities SET role = ?", string(role))
}

// SetPriorities implements store.Identities.
func (s *Identities) SetPriorities(ctx context.Context, clientID string, priorities dffmpeg.Priorities) error {
	return s.touch(ctx, clientID, "UPDATE dffmpeg_identities SET priority = ?, max_priority = ?", priorities.Default, priorities.Ceiling)
}
