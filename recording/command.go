package recording

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"tandem/call"
)

// Command is a program that is run on a copy of each recording once it is
// sealed, such as one that compresses it. What it makes is kept beside the
// recording; the recording itself is not touched.
type Command struct {
	argv      []string
	extension string // of what it makes, with the dot
}

// What an argument may hold.
const (
	inPlace  = "{in}"
	outPlace = "{out}"
)

// commandTime bounds a run.
const commandTime = 10 * time.Minute

// ParseCommand checks a command: the absolute path of a program and its
// arguments, without a shell. {in} in them stands for the WAV file that it
// reads, {out} for the file that it makes and has to be followed by that file's
// extension, as in {out}.flac. An empty argv is no command: nil.
func ParseCommand(argv []string) (*Command, error) {
	if len(argv) == 0 {
		return nil, nil
	}
	if !filepath.IsAbs(argv[0]) {
		return nil, fmt.Errorf("program %.80q: want an absolute path", argv[0])
	}
	c := &Command{argv: argv}
	ins := 0
	for _, arg := range argv[1:] {
		ins += strings.Count(arg, inPlace)
		if !strings.Contains(arg, outPlace) {
			continue
		}
		before, extension, _ := strings.Cut(arg, outPlace)
		if c.extension != "" || strings.Contains(before, inPlace) || !isExtension(extension) {
			return nil, fmt.Errorf("argument %.80q: want {out} once, with the extension of what is made at the end, as in {out}.flac", arg)
		}
		c.extension = extension
	}
	if ins == 0 {
		return nil, errors.New("no argument has {in}, the recording")
	}
	if c.extension == "" {
		return nil, errors.New("no argument has {out} and an extension, the file that is made")
	}
	return c, nil
}

// isExtension reports whether a file of that extension may lie beside a
// recording and is none of the recording's own.
func isExtension(s string) bool {
	switch s {
	case suffixSealed, suffixNote, suffixPeaks, ".part", ".tmp":
		return false
	}
	return regexp.MustCompile(`^\.[a-z0-9]{1,8}$`).MatchString(s)
}

// workPrefix begins the names of the folders that commands work in, within the
// recordings folder.
const workPrefix = ".command-"

// run runs the command on a copy of a recording and puts what it makes beside
// that.
func (c *Command) run(ctx context.Context, root *os.Root, id call.ID) (err error) {
	work := workPrefix + string(id)
	if err := errors.Join(root.RemoveAll(work), root.Mkdir(work, 0o700)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.RemoveAll(work)) }()
	if err := copyFile(root, sealedPath(id), path.Join(work, "in.wav")); err != nil {
		return err
	}
	if err := c.execute(ctx, filepath.Join(root.Name(), work)); err != nil {
		return err
	}
	return keep(root, path.Join(work, "out"+c.extension), besidePath(id, note{beside: c.extension}))
}

// execute runs the program in a folder with in.wav in it. It gets no
// environment of ours, which may hold secrets, no more than commandTime, and
// only the processor time that nobody else wants.
func (c *Command) execute(ctx context.Context, folder string) error {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	places := strings.NewReplacer(inPlace, filepath.Join(folder, "in.wav"), outPlace, filepath.Join(folder, "out"))
	args := make([]string, len(c.argv)-1)
	for i, arg := range c.argv[1:] {
		args[i] = places.Replace(arg)
	}
	said := &clipped{room: 400}
	cmd := exec.CommandContext(ctx, c.argv[0], args...) //nolint:gosec // the administrator's own command
	cmd.Dir, cmd.Env = folder, []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + folder, "TMPDIR=" + folder, "LANG=C.UTF-8"}
	cmd.Stdout, cmd.Stderr = said, said
	cmd.WaitDelay = 5 * time.Second
	alone(cmd)
	if err := cmd.Start(); err != nil {
		return err
	}
	yield(cmd.Process)
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w: %s", c.argv[0], errors.Join(err, ctx.Err()), bytes.TrimSpace(said.text))
	}
	return nil
}

// clipped keeps the beginning of what is written to it.
type clipped struct {
	text []byte
	room int // bytes
}

func (c *clipped) Write(p []byte) (int, error) {
	n := min(len(p), c.room-len(c.text))
	c.text = append(c.text, p[:n]...)
	return len(p), nil
}

func copyFile(root *os.Root, from, to string) error {
	in, err := root.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // only read
	out, err := root.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// keep gives a file that a command made its place, once it is on the disk.
func keep(root *os.Root, made, name string) error {
	info, err := root.Lstat(made)
	if err != nil {
		return fmt.Errorf("the command made no file: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() == 0 {
		return errors.New("the command made no file with anything in it")
	}
	f, err := root.Open(made)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Chmod(0o600), f.Sync(), f.Close()); err != nil {
		return err
	}
	return root.Rename(made, name)
}
