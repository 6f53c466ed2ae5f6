package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/store"
)

// SaveProfile implements store.Workers.
func (s *State) SaveProfile(ctx context.Context, profile dffmpeg.Profile) error {
	id := profile.ID()
	content, err := encoded(profile)
	if err != nil {
		return err
	}
	return s.write(ctx, func(ctx context.Context, tx *txn) error {
		known, err := tx.exec(ctx, "UPDATE dffmpeg_workers_profiles SET created_at = ? WHERE profile_id = ?", s.stamp().UnixMicro(), id)
		if err != nil || known > 0 {
			return err
		}
		_, err = tx.exec(ctx, "INSERT INTO dffmpeg_workers_profiles (profile_id, content, created_at) VALUES (?, ?, ?)",
			id, content, s.stamp().UnixMicro())
		if err != nil && s.dialect.Duplicate(err) {
			return errChanged // another transaction was first
		}
		return err
	})
}

// Profile implements store.Workers.
func (s *State) Profile(ctx context.Context, id string) (dffmpeg.Profile, error) {
	var profile dffmpeg.Profile
	err := s.view(ctx, func(ctx context.Context, tx *txn) error {
		var content string
		err := tx.row(ctx, "SELECT content FROM dffmpeg_workers_profiles WHERE profile_id = ?", id).Scan(&content)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return dffmpeg.Errorf(dffmpeg.CodeNotFound, "Profile not found")
		case err != nil:
			return err
		}
		return decodeAll(decoding{content, &profile})
	})
	return profile, err
}

// pruneProfiles removes profiles that were saved before a time and that no worker names.
func pruneProfiles(ctx context.Context, tx *txn, before time.Time, limit int) (store.Pruned, error) {
	old, err := list(ctx, tx, text, "SELECT profile_id FROM dffmpeg_workers_profiles WHERE created_at < ? ORDER BY created_at", before.UnixMicro())
	if err != nil || len(old) == 0 {
		return store.Pruned{}, err
	}
	offers, err := list(ctx, tx, func(row scanner) (dffmpeg.Offer, error) {
		var content string
		var offer dffmpeg.Offer
		if err := row.Scan(&content); err != nil {
			return offer, err
		}
		return offer, decodeAll(decoding{content, &offer})
	}, "SELECT offer FROM dffmpeg_workers WHERE offer IS NOT NULL")
	if err != nil {
		return store.Pruned{}, err
	}
	named := make(map[string]bool)
	for _, offer := range offers {
		for _, program := range offer.Programs {
			named[program.Profile] = true
		}
	}
	var pruned store.Pruned
	for _, id := range old {
		if named[id] {
			continue
		}
		if pruned.Profiles == limit {
			pruned.More = true
			break
		}
		if _, err := tx.exec(ctx, "DELETE FROM dffmpeg_workers_profiles WHERE profile_id = ?", id); err != nil {
			return store.Pruned{}, err
		}
		pruned.Profiles++
	}
	return pruned, nil
}
