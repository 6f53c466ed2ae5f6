package accounts

import (
	"context"

	"github.com/dffmpeg/dffmpeg"
	"github.com/dffmpeg/dffmpeg/secret"
	"github.com/dffmpeg/dffmpeg/store"
)

// ClusterID is the identity that the coordinators of a cluster share, by which
// they call each other.
const ClusterID = "dffmpeg-coordinators"

// ClusterKey returns the key of that identity, which the first one to ask makes.
// It is sealed as other keys are, and may be rotated as they are.
func (a *Accounts) ClusterKey(ctx context.Context) (secret.Value, error) {
	stored, err := a.identities.Identity(ctx, ClusterID)
	if dffmpeg.CodeOf(err) == dffmpeg.CodeNotFound {
		stored, err = a.makeCluster(ctx)
	}
	if err != nil {
		return secret.Value{}, err
	}
	if stored.Role != dffmpeg.RoleCoordinator {
		return secret.Value{}, dffmpeg.Errorf(dffmpeg.CodeConflict,
			"The identity %s has the role %s and is in the way of the one that coordinators share; delete it: dffmpeg admin user delete %[1]s", ClusterID, stored.Role)
	}
	return a.open(stored)
}

// makeCluster makes the identity unless another coordinator was first.
func (a *Accounts) makeCluster(ctx context.Context) (store.StoredIdentity, error) {
	_, sealed, err := a.newKey()
	if err != nil {
		return store.StoredIdentity{}, err
	}
	stored, err := a.identities.AddIdentity(ctx, store.StoredIdentity{
		Identity: dffmpeg.Identity{ClientID: ClusterID, Role: dffmpeg.RoleCoordinator, AllowedCIDRs: dffmpeg.AnyAddress()},
		Key:      sealed,
	})
	if dffmpeg.CodeOf(err) == dffmpeg.CodeConflict {
		return a.identities.Identity(ctx, ClusterID)
	}
	return stored, err
}
