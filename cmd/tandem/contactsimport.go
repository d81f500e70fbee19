package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

func (c *cli) contactImportCommand() *cobra.Command {
	var dryRun, quiet bool
	cmd := &cobra.Command{
		Use: "import FILE.csv", Short: "Create and complete contacts from a CSV file",
		Long: "The first line names the columns: numbers, name, country, owner, follow_up, do_not_call, notes. Comma, semicolon or tab separate.\n" +
			"A line whose number is known adds what that contact does not have, so that a file can be imported again.\n" +
			"Says what became of each line. Lines that cannot be taken are left out.",
		Args: cobra.ExactArgs(1),
	}
	cmd.RunE = c.talk(func(ctx context.Context, sw *client, args []string) error {
		file, err := os.Open(args[0])
		if err != nil {
			return err
		}
		defer file.Close()
		raw, err := sw.importContacts(ctx, file, dryRun)
		if err != nil {
			return err
		}
		return c.showImport(raw, quiet)
	})
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "store nothing, say what would become of each line")
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "show the lines that are left out, and no others")
	return cmd
}

func (sw *client) importContacts(ctx context.Context, file io.Reader, dryRun bool) (raw json.RawMessage, err error) {
	query := url.Values{}
	if dryRun {
		query.Set("dry_run", "true")
	}
	res, err := sw.send(ctx, http.MethodPost, "/contacts/import", query, "text/csv", file)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&raw); err != nil {
		return nil, fmt.Errorf("the switch's answer cannot be read: %w", err)
	}
	return raw, nil
}

// importedLine is what became of a line of a file.
type importedLine struct {
	Line               int
	Outcome, Name, Why string
	Changed            []string
}

func (l importedLine) refused() bool { return l.Outcome == "refused" }

func (l importedLine) String() string {
	text := fmt.Sprintf("line %d: %s", l.Line, l.Outcome)
	switch {
	case l.refused():
		text += ": " + l.Why
	case len(l.Changed) > 0:
		text += " " + l.Name + " (" + strings.Join(l.Changed, ", ") + ")"
	default:
		text += " " + l.Name
	}
	return clean(text)
}

// showImport shows what became of an import; lines left out make it a failure.
func (c *cli) showImport(raw json.RawMessage, quiet bool) error {
	r, err := read[struct {
		DryRun                               bool `json:"dry_run"`
		Created, Updated, Unchanged, Refused int
		Lines                                []importedLine
	}](raw)
	if err != nil {
		return err
	}
	if c.output == "json" {
		err = c.printJSON(raw)
	} else {
		var b strings.Builder
		for _, line := range r.Lines {
			if !quiet || line.refused() {
				fmt.Fprintln(&b, line)
			}
		}
		fmt.Fprintf(&b, "%d created, %d updated, %d unchanged, %d refused\n", r.Created, r.Updated, r.Unchanged, r.Refused)
		if r.DryRun {
			fmt.Fprintln(&b, "dry run: nothing was stored")
		}
		_, err = fmt.Fprint(c.out, b.String())
	}
	if err == nil && r.Refused > 0 {
		err = fmt.Errorf("lines left out: %d; correct them and import the file again", r.Refused)
	}
	return err
}
