package bolt

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"tandem/routing"
)

// AddToken implements routing.Tokens.
func (s *Store) AddToken(ctx context.Context, t routing.Token) error {
	if t.Hash == "" {
		return fmt.Errorf("store: token %.40q has no hash", t.ID)
	}
	return keep(ctx, s, bucketTokens, t.Hash, t)
}

// TokenByHash implements routing.Tokens.
func (s *Store) TokenByHash(ctx context.Context, hash string) (token routing.Token, err error) {
	err = s.view(ctx, func(t *txn) error {
		raw := t.value(bucketTokens, hash)
		if raw == nil {
			return routing.ErrNotFound
		}
		token, err = decode[routing.Token](raw)
		return err
	})
	return token, err
}

// Tokens implements routing.Tokens.
func (s *Store) Tokens(ctx context.Context) ([]routing.Token, error) {
	tokens, err := all[routing.Token](ctx, s, bucketTokens)
	slices.SortFunc(tokens, func(a, b routing.Token) int { return cmp.Compare(a.ID, b.ID) })
	return tokens, err
}

// RemoveToken implements routing.Tokens.
func (s *Store) RemoveToken(ctx context.Context, id string) error {
	return change(ctx, s, func(t *txn) error {
		hash, err := t.tokenHash(id)
		if err != nil {
			return err
		}
		return t.delete(bucketTokens, hash)
	})
}

// tokenHash finds the key that a token is stored under; there are few tokens.
func (t *txn) tokenHash(id string) (string, error) {
	c := t.bucket(bucketTokens).Cursor()
	for key, raw := c.First(); key != nil; key, raw = c.Next() {
		if token, err := decode[routing.Token](raw); err == nil && token.ID == id {
			return string(key), nil
		}
	}
	return "", fmt.Errorf("token %.40q: %w", id, routing.ErrNotFound)
}
