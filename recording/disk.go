package recording

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// Disk is an archive in a folder, which is meant to be on another disk. The
// folder has to exist. It is marked when it is used first, and without its mark
// it is not used again: the mount point of a disk that is not mounted looks
// like an empty archive.
type Disk struct {
	directory string
	memory    string // file that says that the folder is marked
}

// markName is the file by which the folder of an archive is known.
const markName = ".tandem-archive"

// staleTime is how old an unfinished file is that nobody writes any more.
const staleTime = time.Hour

// NewDisk returns the archive in a folder for the library that keeps its
// recordings in another. It touches neither.
func NewDisk(directory, recordings string) (*Disk, error) {
	full, err := filepath.Abs(directory)
	if err != nil {
		return nil, fmt.Errorf("archive %s: %w", directory, err)
	}
	sum := sha256.Sum256([]byte(full))
	memory := filepath.Join(recordings, ".archive-"+hex.EncodeToString(sum[:8]))
	return &Disk{directory: full, memory: memory}, nil
}

// String implements Archive.
func (d *Disk) String() string { return "folder " + d.directory }

// open opens the folder and makes sure that it is the archive.
func (d *Disk) open() (*os.Root, error) {
	root, err := os.OpenRoot(d.directory)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s does not exist; mount its disk, or make it", d.directory) // not fs.ErrNotExist: the recording may be there
	}
	if err != nil {
		return nil, fmt.Errorf("open archive: %w", err)
	}
	if err := d.mark(root); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return root, nil
}

// mark marks the folder when it is used for the first time.
func (d *Disk) mark(root *os.Root) error {
	_, err := root.Stat(markName)
	marked := err == nil
	_, err = os.Stat(d.memory)
	known := err == nil
	switch {
	case marked && known:
		return nil
	case known:
		return fmt.Errorf("%s is not the archive that it was: its mark, %s, is missing; mount its disk, "+
			"or delete %s to begin a new archive there", d.directory, markName, d.memory)
	case !marked:
		if err := root.WriteFile(markName, []byte("Recordings of Tandem are archived in this folder.\n"), 0o600); err != nil {
			return fmt.Errorf("mark archive: %w", err)
		}
	}
	if err := os.WriteFile(d.memory, []byte(d.directory+"\n"), 0o600); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remember archive: %w", err)
	}
	return nil // without a recordings folder there is nothing to be remembered for
}

// Put implements Archive.
func (d *Disk) Put(ctx context.Context, name string, r io.ReadSeeker, is Info) error {
	root, err := d.open()
	if err != nil {
		return err
	}
	return errors.Join(put(ctx, root, name, r, is), root.Close())
}

func put(ctx context.Context, root *os.Root, name string, r io.ReadSeeker, is Info) error {
	if err := makeFolders(root, path.Dir(name)); err != nil {
		return err
	}
	if err := clearStale(root, name); err != nil {
		return err
	}
	temporary := name + "." + rand.Text() + ".tmp"
	f, err := root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, reading{ctx, r})
	if err == nil && n != is.Size {
		err = io.ErrUnexpectedEOF
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = root.Rename(temporary, name)
	}
	if err != nil {
		return errors.Join(err, root.Remove(temporary))
	}
	return syncFolder(root, path.Dir(name))
}

// makeFolders makes a folder and those around it, durably.
func makeFolders(root *os.Root, folder string) error {
	if folder == "." {
		return nil
	}
	if _, err := root.Stat(folder); err == nil {
		return nil
	}
	if err := makeFolders(root, path.Dir(folder)); err != nil {
		return err
	}
	if err := root.Mkdir(folder, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncFolder(root, path.Dir(folder))
}

// clearStale deletes what a crash left of earlier attempts to store a file.
func clearStale(root *os.Root, name string) error {
	inside, err := names(root, path.Dir(name))
	if err != nil {
		return err
	}
	for _, other := range inside {
		if !strings.HasPrefix(other, path.Base(name)+".") || !strings.HasSuffix(other, ".tmp") {
			continue
		}
		left := path.Join(path.Dir(name), other)
		if info, err := root.Stat(left); err != nil || time.Since(info.ModTime()) < staleTime {
			continue
		}
		if err := root.Remove(left); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// reading ends when its context does.
type reading struct {
	ctx context.Context //nolint:containedctx // of the one call that it is made for
	r   io.Reader
}

func (r reading) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}

// Stat implements Archive. The checksum is not known without reading the file.
func (d *Disk) Stat(_ context.Context, name string) (Info, error) {
	root, err := d.open()
	if err != nil {
		return Info{}, err
	}
	info, err := root.Stat(name)
	if err = errors.Join(err, root.Close()); err != nil {
		return Info{}, err
	}
	return Info{Size: info.Size(), ModTime: info.ModTime()}, nil
}

// Open implements Archive.
func (d *Disk) Open(_ context.Context, name string) (Reader, Info, error) {
	root, err := d.open()
	if err != nil {
		return nil, Info{}, err
	}
	f, err := root.Open(name)
	if err = errors.Join(err, root.Close()); err != nil {
		return nil, Info{}, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, Info{}, errors.Join(err, f.Close())
	}
	return f, Info{Size: info.Size(), ModTime: info.ModTime()}, nil
}

// Remove implements Archive.
func (d *Disk) Remove(_ context.Context, name string) error {
	root, err := d.open()
	if err != nil {
		return err
	}
	err = root.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err == nil {
		err = removeEmpty(root, path.Dir(name))
	}
	return errors.Join(err, root.Close())
}
