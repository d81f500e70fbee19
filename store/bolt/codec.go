package bolt

import (
	"encoding/json"
	"errors"
	"fmt"
)

// errBadRecord: a stored record cannot be read.
var errBadRecord = errors.New("damaged record")

// encode makes the stored form of a record: JSON.
func encode(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("store: encode %T: %w", v, err)
	}
	return raw, nil
}

// decode reads a stored record back. Whatever the bytes are, the outcome is a
// record or an error.
func decode[T any](raw []byte) (T, error) {
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		var none T
		return none, fmt.Errorf("%w: %w", errBadRecord, err)
	}
	return v, nil
}

// decodeAs is decode for a record that carries the key that it is stored under.
func decodeAs[T any](raw []byte, id string, idOf func(T) string) (T, error) {
	v, err := decode[T](raw)
	if err == nil && idOf(v) != id {
		var none T
		return none, fmt.Errorf("%w: %q is stored under %q", errBadRecord, idOf(v), id)
	}
	return v, err
}
