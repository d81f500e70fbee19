package recording

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Archive is where sealed recordings go from the recordings folder: another
// disk, or S3. Names are paths with slashes, such as 2026/11/22/ID.wav, made of
// a call's ID and nothing else. Methods may be called from any goroutine and
// end soon after their context does.
type Archive interface {
	// String says where the archive is, for people and for the notes beside the
	// recordings: two archives are the same when it is. It holds no credential.
	String() string
	// Put stores what r gives, from its start, in place of what has the name: as
	// a whole or not at all.
	Put(ctx context.Context, name string, r io.ReadSeeker, is Info) error
	// Stat says what has the name; fs.ErrNotExist when nothing has.
	Stat(ctx context.Context, name string) (Info, error)
	// Open reads what has the name, at any place, as long as the context lasts;
	// fs.ErrNotExist when nothing has.
	Open(ctx context.Context, name string) (Reader, Info, error)
	// Remove deletes what has the name; nothing is no error.
	Remove(ctx context.Context, name string) error
}

// Reader reads a file of an archive; whoever opened it closes it.
type Reader interface {
	io.ReaderAt
	io.Closer
}

// Info is what is known of a file.
type Info struct {
	Size    int64     // bytes
	SHA256  string    // hexadecimal; empty: the archive cannot tell without reading it
	ModTime time.Time // zero where it does not matter
}

// ErrUnreachable says that a recording is in an archive that does not give it
// now; the error around it says which and what to do.
var ErrUnreachable = errors.New("the recording is archived and cannot be had now")

// errOtherBytes says that a file was spoilt on its way to the archive, or there.
var errOtherBytes = errors.New("the archive holds other bytes than it was given")

// transfer moves files to an archive, or compares them with what it holds.
type transfer struct {
	Archive
	moved func() // called as bytes move; a transfer without any is stuck
}

// deposit brings a file into the archive and returns when that holds its very
// bytes. With again, what is there from an attempt before is looked at first;
// sent is false when that was enough.
func (t transfer) deposit(ctx context.Context, name string, file io.ReaderAt, want Info, again bool) (sent bool, err error) {
	if again && t.confirm(ctx, name, want) == nil {
		return false, nil
	}
	if err := t.Put(ctx, name, io.NewSectionReader(attended{file, t.moved}, 0, want.Size), want); err != nil {
		return false, fmt.Errorf("store %s: %w", name, err)
	}
	return true, t.confirm(ctx, name, want)
}

// confirm makes sure that the archive holds a file of that length and SHA-256.
// From an archive that does not keep checksums the file is read back.
func (t transfer) confirm(ctx context.Context, name string, want Info) error {
	got, err := t.Stat(ctx, name)
	if err != nil {
		return fmt.Errorf("look for %s: %w", name, err)
	}
	if got.Size == want.Size && got.SHA256 == "" {
		if got.SHA256, err = t.readBack(ctx, name, want.Size); err != nil {
			return fmt.Errorf("read %s back: %w", name, err)
		}
	}
	if got.Size != want.Size || got.SHA256 != want.SHA256 {
		return fmt.Errorf("%w: %s: %d for %d, SHA-256 %.12q for %.12q", errOtherBytes, name, got.Size, want.Size, got.SHA256, want.SHA256)
	}
	return nil
}

func (t transfer) readBack(ctx context.Context, name string, size int64) (sum string, err error) {
	f, _, err := t.Open(ctx, name)
	if err != nil {
		return "", err
	}
	sum, err = checksum(newWindow(attended{f, t.moved}, size), size)
	return sum, errors.Join(err, f.Close())
}
