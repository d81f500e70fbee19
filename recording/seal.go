package recording

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"

	"tandem/call"
)

// seal makes a file final: its length and header, on the disk, under its name,
// and known to whoever keeps the calls. A crash at any point leaves something
// that Repair finishes.
func (l *Library) seal(root *os.Root, id call.ID, f file, data int64, missing float64) error {
	sum, peaks, err := settle(f, data)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("recording of call %s: %w", id, err)
	}
	if err := root.Rename(partPath(id), sealedPath(id)); err != nil {
		return fmt.Errorf("recording of call %s: %w", id, err)
	}
	if err := syncFolder(root, dayPath(id)); err != nil {
		return err
	}
	if err := writePeaks(root, id, peaks); err != nil { // they can be made again
		l.log.Warn("peaks of a recording are not kept", "call_id", string(id), "error", err)
	}
	l.metrics.sealed.Inc()
	return l.tell(root, id, call.Recording{Seconds: seconds(data), SHA256: sum, Missing: missing})
}

// settle brings the file to its length, gives it its header, has it on the disk
// and returns its SHA-256 and its peaks, read back from there.
func settle(f file, data int64) (sum string, peaks Peaks, err error) {
	if err := f.Truncate(headerBytes + data); err != nil {
		return "", peaks, err
	}
	if _, err := f.WriteAt(header{channels: 2, data: data}.encode(), 0); err != nil {
		return "", peaks, err
	}
	if err := f.Sync(); err != nil {
		return "", peaks, err
	}
	meter := newPeakMeter(data)
	sum, err = checksum(f, headerBytes+data, meter)
	return sum, meter.peaks, err
}

// checksum returns the SHA-256 of so many bytes, and shows them to others;
// fewer bytes are an error.
func checksum(r io.ReaderAt, size int64, others ...io.Writer) (string, error) {
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(append(others, h)...), io.NewSectionReader(r, 0, size))
	if err != nil {
		return "", err
	}
	if n != size {
		return "", fmt.Errorf("%d bytes of %d: %w", n, size, io.ErrUnexpectedEOF)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// tell hands a sealed recording to Done, then keeps its checksum beside it:
// a recording without one is told again by Repair. With that it is in the spool.
func (l *Library) tell(root *os.Root, id call.ID, rec call.Recording) error {
	rec.URL = "/api/v1/calls/" + string(id) + "/recording"
	if err := l.done(id, rec); err != nil {
		return fmt.Errorf("recording of call %s: tell of it: %w", id, err)
	}
	n := readNote(root, id)
	n.sum, n.pending = rec.SHA256, l.current().Command != nil
	if err := settleNote(root, id, n); err != nil {
		return err
	}
	l.enqueue(root, id, n)
	return nil
}
