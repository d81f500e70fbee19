package bolt

import (
	"fmt"
	"strings"

	"tandem/routing"
)

// table keeps records of one kind under their IDs. Beside each it keeps a
// digest, a short line with all that filters ask for, so that a listing looks
// at a hundred bytes a record and decodes only what it returns.
type table[T any] struct {
	name    string
	id      func(T) string
	digest  func(T) string
	indexes []index[T]
	live    *live[T] // nil: the writer remembers nothing
}

// index lists the IDs of the records that share a key, in the order of the IDs.
type index[T any] struct {
	name string
	key  func(T) string // empty: the record is not in this index
}

const pageFill = 0.9 // how full a page of records is when the next one is begun

const separator = "\x00" // between an index key and the ID

func (tb table[T]) digests() string { return tb.name + "/digest" }

func (tb table[T]) buckets() []string {
	names := []string{tb.name, tb.digests()}
	for _, ix := range tb.indexes {
		names = append(names, ix.name)
	}
	return names
}

// get returns the record, routing.ErrNotFound when there is none.
func (tb table[T]) get(t *txn, id string) (T, error) {
	if t.writing {
		if v, ok := tb.live.get(id); ok {
			return v, nil
		}
	}
	raw := t.value(tb.name, id)
	if raw == nil {
		var none T
		return none, fmt.Errorf("%s %.40q: %w", tb.name, id, routing.ErrNotFound)
	}
	v, err := decodeAs(raw, id, tb.id)
	if err != nil {
		return v, fmt.Errorf("%s %s: %w", tb.name, id, err)
	}
	return v, nil
}

// put stores v in place of old, or as a new record when old is nil.
func (tb table[T]) put(t *txn, old *T, v T) error {
	id := tb.id(v)
	raw, err := encode(v)
	if err != nil {
		return err
	}
	if id == "" || strings.Contains(id, separator) {
		return fmt.Errorf("store: %s: bad ID %q", tb.name, id)
	}
	for _, ix := range tb.indexes {
		if strings.Contains(ix.key(v), separator) {
			return fmt.Errorf("store: %s %s: NUL in %q", tb.name, id, ix.key(v))
		}
	}
	// IDs grow, so that pages once filled are seldom split again.
	t.bucket(tb.name).FillPercent = pageFill
	t.bucket(tb.digests()).FillPercent = pageFill
	if err := t.put(tb.name, id, raw); err != nil {
		return err
	}
	if digest := tb.digest(v); old == nil || tb.digest(*old) != digest {
		if err := t.put(tb.digests(), id, []byte(digest)); err != nil {
			return err
		}
	}
	if err := tb.reindex(t, old, v); err != nil {
		return err
	}
	tb.live.note(id, v)
	return nil
}

// reindex moves the record's index entries from where old had them.
func (tb table[T]) reindex(t *txn, old *T, v T) error {
	id := tb.id(v)
	for _, ix := range tb.indexes {
		was, is := "", ix.key(v)
		if old != nil {
			was = ix.key(*old)
		}
		if was == is {
			continue
		}
		if was != "" {
			if err := t.delete(ix.name, was+separator+id); err != nil {
				return err
			}
		}
		if is != "" {
			if err := t.put(ix.name, is+separator+id, []byte{}); err != nil {
				return err
			}
		}
	}
	return nil
}
