package bolt

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// txn is one transaction, reading or writing.
type txn struct {
	*bbolt.Tx
	*schema
	writing bool
	wrote   int // counts writes, so that the writer knows what a failed verb left behind
	report  func(bucket, id string, err error)
}

// view runs a reading transaction in the caller's goroutine.
func (s *Store) view(ctx context.Context, run func(*txn) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	tx, err := s.db.Begin(false)
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	if err != nil {
		return fmt.Errorf("store %s: %w", s.path, err)
	}
	defer func() { _ = tx.Rollback() }() // of a reading transaction: cannot fail
	return run(&txn{Tx: tx, schema: &s.schema, report: s.reportBad})
}

func (t *txn) bucket(name string) *bbolt.Bucket { return t.Bucket([]byte(name)) }

// value returns what is stored under a key, nil when nothing is; it holds
// until the transaction ends.
func (t *txn) value(bucket, key string) []byte {
	if key == "" {
		return nil
	}
	return t.bucket(bucket).Get([]byte(key))
}

func (t *txn) put(bucket, key string, value []byte) error {
	if err := t.bucket(bucket).Put([]byte(key), value); err != nil {
		return fmt.Errorf("store: %s: %w", bucket, err)
	}
	t.wrote++
	return nil
}

func (t *txn) delete(bucket, key string) error {
	if err := t.bucket(bucket).Delete([]byte(key)); err != nil {
		return fmt.Errorf("store: %s: %w", bucket, err)
	}
	t.wrote++
	return nil
}

// reportBad counts a record that cannot be read and logs it the first time.
func (s *Store) reportBad(bucket, id string, err error) {
	s.metrics.bad.Inc()
	if _, known := s.reported.LoadOrStore(bucket+"/"+id, true); !known {
		s.log.Error("store skips a damaged record", "bucket", bucket, "id", id, "error", err)
	}
}
