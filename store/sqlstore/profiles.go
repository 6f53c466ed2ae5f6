package sqlstore

import (
	"context"
	"database/sql"
	"errors"

	"github.com/dffmpeg/dffmpeg"
)

// SaveProfile implements store.Workers.
func (s *State) SaveProfile(ctx context.Context, profile dffmpeg.Profile) error {
	id := profile.ID()
	content, err := encoded(profile)
	if err != nil {
		return err
	}
	return s.write(ctx, func(ctx context.Context, tx *txn) error {
		known, err := list(ctx, tx, text, "SELECT profile_id FROM dffmpeg_workers_profiles WHERE profile_id = ?", id)
		if err != nil || len(known) > 0 {
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
