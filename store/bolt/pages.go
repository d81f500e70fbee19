package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"go.etcd.io/bbolt"
)

// bbolt ends the process on pages that make no sense: it maps the file into
// memory, follows what it finds there, and does so in goroutines of its own. So
// before it may, all pages are read here, as plain bytes within bounds.

// The layout of a page: a head, elements of a fixed size, then keys and values.
// Numbers have the machine's byte order.
const (
	pageHead    = 16 // id uint64, flags uint16, count uint16, overflow uint32
	elementSize = 16
	flagBranch  = 0x01
	flagLeaf    = 0x02
	flagBucket  = 0x01 // of an element: its value is a bucket
	bucketHead  = 16   // root page uint64, sequence uint64; root 0: the page follows
	maxDepth    = 64   // of the tree and the buckets in it; ours has no more than ten
)

// pageWalk visits the pages that a transaction can reach.
type pageWalk struct {
	file io.ReaderAt
	size int    // bytes of a page
	seen []bool // by page: reached before
}

// legible checks that every page can be followed: within the file, used once,
// keys in order.
func legible(file io.ReaderAt, tx *bbolt.Tx) error {
	size := tx.DB().Info().PageSize
	w := &pageWalk{file: file, size: size, seen: make([]bool, tx.Size()/int64(size))}
	return w.page(uint64(tx.Cursor().Bucket().Root()), keyRange{}, 0)
}

// keyRange is where a page's keys lie; nil: no bound.
type keyRange struct{ from, below []byte }

func (w *pageWalk) page(id uint64, keys keyRange, depth int) error {
	if err := w.use(id); err != nil {
		return err
	}
	raw := make([]byte, w.size)
	if _, err := w.file.ReadAt(raw, int64(id)*int64(w.size)); err != nil { // within the file
		return fmt.Errorf("page %d: %w", id, err)
	}
	ne := binary.NativeEndian
	if own := ne.Uint64(raw); own != id {
		return fmt.Errorf("page %d calls itself %d", id, own)
	}
	overflow := uint64(ne.Uint32(raw[12:]))
	for next := range overflow {
		if err := w.use(id + 1 + next); err != nil {
			return err
		}
	}
	if overflow > 0 {
		raw = make([]byte, (overflow+1)*uint64(w.size))
		if _, err := w.file.ReadAt(raw, int64(id)*int64(w.size)); err != nil { // within the file
			return fmt.Errorf("page %d: %w", id, err)
		}
	}
	if err := w.elements(raw, keys, depth); err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	return nil
}

// use marks a page as reached.
func (w *pageWalk) use(id uint64) error {
	if id < 2 || id >= uint64(len(w.seen)) {
		return fmt.Errorf("page %d of %d", id, len(w.seen))
	}
	if w.seen[id] {
		return fmt.Errorf("page %d is used twice", id)
	}
	w.seen[id] = true
	return nil
}

// elements checks a page's elements and follows them. raw is the whole page,
// which may lie within a value.
func (w *pageWalk) elements(raw []byte, keys keyRange, depth int) error {
	if depth > maxDepth {
		return errors.New("too deep")
	}
	flags, count := binary.NativeEndian.Uint16(raw[8:]), int(binary.NativeEndian.Uint16(raw[10:]))
	if flags != flagLeaf && flags != flagBranch || flags == flagBranch && count == 0 || pageHead+count*elementSize > len(raw) {
		return fmt.Errorf("%d elements of kind %#x", count, flags)
	}
	var all []element
	for i := range count {
		e, err := readElement(raw, i, flags == flagBranch)
		if err != nil {
			return err
		}
		if i > 0 && bytes.Compare(all[i-1].key, e.key) >= 0 ||
			keys.from != nil && bytes.Compare(e.key, keys.from) < 0 ||
			keys.below != nil && bytes.Compare(e.key, keys.below) >= 0 {
			return fmt.Errorf("key %d is out of order", i)
		}
		all = append(all, e)
	}
	for i, e := range all {
		inside := keyRange{from: e.key, below: keys.below}
		if i+1 < len(all) {
			inside.below = all[i+1].key
		}
		if err := w.follow(e, inside, depth); err != nil {
			return err
		}
	}
	return nil
}

// follow goes where an element leads: to a page of the same tree, or to the
// bucket in its value.
func (w *pageWalk) follow(e element, inside keyRange, depth int) error {
	switch {
	case e.child != 0:
		return w.page(e.child, inside, depth+1)
	case !e.bucket:
		return nil
	case len(e.value) < bucketHead:
		return errors.New("a bucket is cut short")
	}
	if root := binary.NativeEndian.Uint64(e.value); root != 0 {
		return w.page(root, keyRange{}, depth+1)
	}
	inline := e.value[bucketHead:]
	if len(inline) < pageHead || binary.NativeEndian.Uint16(inline[8:]) != flagLeaf {
		return errors.New("a bucket has no page")
	}
	return w.elements(inline, keyRange{}, depth+1)
}

// element is one entry of a page.
type element struct {
	key, value []byte
	child      uint64 // of a branch
	bucket     bool   // of a leaf
}

func readElement(raw []byte, i int, branch bool) (element, error) {
	ne := binary.NativeEndian
	at := pageHead + i*elementSize
	head := raw[at : at+elementSize]
	var e element
	var pos, keyLen, valueLen uint64
	if branch {
		pos, keyLen, e.child = uint64(ne.Uint32(head)), uint64(ne.Uint32(head[4:])), ne.Uint64(head[8:])
		if e.child == 0 {
			return e, fmt.Errorf("element %d leads nowhere", i)
		}
	} else {
		e.bucket = ne.Uint32(head)&flagBucket != 0
		pos, keyLen, valueLen = uint64(ne.Uint32(head[4:])), uint64(ne.Uint32(head[8:])), uint64(ne.Uint32(head[12:]))
	}
	from := uint64(at) + pos
	if from+keyLen+valueLen > uint64(len(raw)) {
		return e, fmt.Errorf("element %d lies beyond the page", i)
	}
	e.key, e.value = raw[from:from+keyLen], raw[from+keyLen:from+keyLen+valueLen]
	return e, nil
}
