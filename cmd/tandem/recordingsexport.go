package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	"github.com/spf13/cobra"
)

func (c *cli) exportCommand() *cobra.Command {
	var layout, channel string
	cmd := &cobra.Command{
		Use: "export ID FILE", Short: "Copy a call's recording to a new WAV file", Args: cobra.ExactArgs(2),
		RunE: c.talk(func(ctx context.Context, sw *client, args []string) error {
			q := url.Values{"purpose": {"export"}}
			if layout != "" {
				q.Set("layout", layout)
			}
			if channel != "" {
				q.Set("channel", channel)
			}
			res, err := sw.send(ctx, http.MethodGet, recordingPath(args[0]), q, "", nil)
			if err != nil {
				return err
			}
			defer res.Body.Close()
			n, err := saveNew(args[1], res.Body, res.ContentLength)
			if err != nil {
				return fmt.Errorf("export to %s: %w", args[1], err)
			}
			answer, err := json.Marshal(map[string]any{"file": args[1], "bytes": n})
			if err != nil {
				return err
			}
			return c.done(answer, "%s: %d bytes", args[1], n)
		}),
	}
	cmd.Flags().StringVar(&layout, "layout", "", "contact-left or caller-left; default: as it was recorded")
	cmd.Flags().StringVar(&channel, "channel", "", "left, right, contact or salesperson: that one alone; default: both")
	complete(cmd, "layout", "contact-left", "caller-left")
	complete(cmd, "channel", "left", "right", "contact", "salesperson")
	return cmd
}

// saveNew writes a new private file whole, or none.
func saveNew(path string, from io.Reader, size int64) (int64, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		if errors.Is(err, os.ErrExist) {
			return 0, errors.New("the file exists already; choose another name")
		}
		return 0, err
	}
	n, err := io.Copy(f, from)
	if err == nil && size >= 0 && n != size {
		err = io.ErrUnexpectedEOF
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return 0, errors.Join(err, os.Remove(path))
	}
	return n, nil
}
