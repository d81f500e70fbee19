package bolt

import (
	"context"

	"tandem/routing"
)

// UserStatuses implements routing.Desk, in the order of the users' names.
func (s *Store) UserStatuses(ctx context.Context) ([]routing.UserStatus, error) {
	return all[routing.UserStatus](ctx, s, bucketStatuses)
}

// SetUserStatus implements routing.Desk.
func (s *Store) SetUserStatus(ctx context.Context, u routing.UserStatus) error {
	return keep(ctx, s, bucketStatuses, u.User, u)
}

// Overrides implements routing.Desk, in the order of the playbooks' names.
func (s *Store) Overrides(ctx context.Context) ([]routing.Override, error) {
	return all[routing.Override](ctx, s, bucketOverrides)
}

// SetOverride implements routing.Desk.
func (s *Store) SetOverride(ctx context.Context, o routing.Override) error {
	return keep(ctx, s, bucketOverrides, o.Playbook, o)
}

// ClearOverride implements routing.Desk; clearing what is not set is no error.
func (s *Store) ClearOverride(ctx context.Context, playbook string) error {
	return change(ctx, s, func(t *txn) error {
		if t.value(bucketOverrides, playbook) == nil {
			return nil
		}
		return t.delete(bucketOverrides, playbook)
	})
}

// keep stores a record in a bucket that has no indexes.
func keep(ctx context.Context, s *Store, bucket, key string, v any) error {
	raw, err := encode(v)
	if err != nil {
		return err
	}
	return change(ctx, s, func(t *txn) error { return t.put(bucket, key, raw) })
}

// all returns the records of a bucket in the order of their keys.
func all[T any](ctx context.Context, s *Store, bucket string) ([]T, error) {
	items := []T{}
	err := s.view(ctx, func(t *txn) error {
		return t.bucket(bucket).ForEach(func(key, raw []byte) error {
			v, err := decode[T](raw)
			if err != nil {
				t.report(bucket, string(key), err)
				return nil
			}
			items = append(items, v)
			return nil
		})
	})
	return items, err
}
