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

func (c *cli) recordingsCommand() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use: "recordings", Short: "List recorded calls, newest first", Args: cobra.NoArgs,
		RunE: c.talk(func(ctx context.Context, sw *client, _ []string) error {
			if limit < 1 {
				return usageError{"--limit is at least 1"}
			}
			l, err := sw.recorded(ctx, limit)
			if err != nil {
				return err
			}
			return printList(c, l, table[shownCall]{
				head: []string{"CALL", "STARTED", "FROM", "TO", "USER", "LENGTH", "MISSING", "SHA256"},
				row: func(s shownCall) []string {
					missing := ""
					if s.Recording.Missing > 0 {
						missing = seconds(s.Recording.Missing)
					}
					return []string{s.ID, sw.clock(s.Started), s.caller(), s.To, s.User, seconds(s.Recording.Seconds), missing, s.Recording.SHA256}
				},
			})
		}),
	}
	limitFlag(cmd, &limit)
	cmd.AddCommand(c.exportCommand(), c.verifyCommand())
	return cmd
}

// recorded returns the newest calls that have a recording.
func (sw *client) recorded(ctx context.Context, limit int) (list, error) {
	found := list{Items: []json.RawMessage{}}
	q := url.Values{"active": {"false"}}
	for {
		page, err := sw.list(ctx, "/calls", q, pageSize)
		if err != nil {
			return list{}, err
		}
		for _, raw := range page.Items {
			s, err := read[shownCall](raw)
			if err != nil {
				return list{}, err
			}
			if s.Recording == nil {
				continue
			}
			if found.Items = append(found.Items, raw); len(found.Items) == limit {
				return found, nil
			}
		}
		if page.Next == "" {
			return found, nil
		}
		q.Set("cursor", page.Next)
	}
}

func (c *cli) exportCommand() *cobra.Command {
	var layout, channel string
	cmd := &cobra.Command{
		Use: "export ID FILE", Short: "Copy a call's recording to a new WAV file", Args: cobra.ExactArgs(2),
		RunE: c.talk(func(ctx context.Context, sw *client, args []string) error {
			q := url.Values{}
			if layout != "" {
				q.Set("layout", layout)
			}
			if channel != "" {
				q.Set("channel", channel)
			}
			res, err := sw.send(ctx, http.MethodGet, "/calls/"+url.PathEscape(args[0])+"/recording", q, "", nil)
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
