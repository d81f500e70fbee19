package main

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"
)

func (c *cli) tokenCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "token", Short: "Create, list and revoke API tokens", Args: cobra.NoArgs, RunE: c.needsSubcommand}
	cmd.AddCommand(
		c.tokenCreateCommand(),
		&cobra.Command{
			Use: "list", Short: "List API tokens", Args: cobra.NoArgs,
			RunE: c.talk(func(ctx context.Context, sw *client, _ []string) error {
				l, err := sw.list(ctx, "/tokens", nil, everything)
				if err != nil {
					return err
				}
				type token struct {
					ID      string     `json:"id"`
					User    string     `json:"user"`
					Created *time.Time `json:"created_at"`
				}
				return printList(c, l, table[token]{
					head: []string{"ID", "USER", "CREATED"},
					row:  func(t token) []string { return []string{t.ID, t.User, sw.clock(t.Created)} },
				})
			}),
		},
		&cobra.Command{
			Use: "revoke ID", Short: "Revoke an API token", Args: cobra.ExactArgs(1),
			RunE: c.talk(func(ctx context.Context, sw *client, args []string) error {
				raw, err := sw.ask(ctx, http.MethodDelete, "/tokens/"+url.PathEscape(args[0]), nil, nil)
				if err != nil {
					return err
				}
				return c.done(raw, "revoked")
			}),
		},
	)
	return cmd
}

func (c *cli) tokenCreateCommand() *cobra.Command {
	var user string
	cmd := &cobra.Command{
		Use: "create --user NAME", Short: "Create an API token, shown this once", Args: cobra.NoArgs,
		RunE: c.talk(func(ctx context.Context, sw *client, _ []string) error {
			if user == "" {
				return usageError{"--user says whose rights the token has"}
			}
			raw, err := sw.ask(ctx, http.MethodPost, "/tokens", nil, map[string]string{"user": user})
			if err != nil {
				return err
			}
			t, err := read[struct{ Token string }](raw)
			if err != nil {
				return err
			}
			return c.done(raw, "%s", t.Token)
		}),
	}
	cmd.Flags().StringVar(&user, "user", "", "whose rights the token has")
	return cmd
}
