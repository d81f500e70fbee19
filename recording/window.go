package recording

import (
	"errors"
	"io"
)

// windowBytes is how much of an archived recording is fetched at a time: eight
// seconds.
const windowBytes = 8 * secondBytes

// window reads a file that is far away in large pieces and hands it out in
// small ones. It keeps one piece.
type window struct {
	from  io.ReaderAt
	size  int64
	piece []byte
	start int64 // where the piece begins
}

func newWindow(from io.ReaderAt, size int64) *window { return &window{from: from, size: size} }

// ReadAt implements io.ReaderAt, for one goroutine.
func (w *window) ReadAt(p []byte, off int64) (n int, err error) {
	for n < len(p) {
		if err := w.fetch(off + int64(n)); err != nil {
			return n, err
		}
		n += copy(p[n:], w.piece[off+int64(n)-w.start:])
	}
	return n, nil
}

// fetch makes sure that a place is in the piece; io.EOF when it is beyond the
// file.
func (w *window) fetch(at int64) error {
	if at >= w.start && at < w.start+int64(len(w.piece)) {
		return nil
	}
	if at >= w.size {
		return io.EOF
	}
	if w.piece == nil {
		w.piece = make([]byte, min(windowBytes, w.size))
	}
	piece := w.piece[:min(int64(cap(w.piece)), w.size-at)]
	w.piece = piece[:0] // nothing, should this fail
	if n, err := w.from.ReadAt(piece, at); n < len(piece) {
		if err == nil || errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return err
	}
	w.piece, w.start = piece, at
	return nil
}

// attended tells of every read.
type attended struct {
	io.ReaderAt
	read func()
}

func (a attended) ReadAt(p []byte, off int64) (int, error) {
	a.read()
	return a.ReaderAt.ReadAt(p, off)
}
