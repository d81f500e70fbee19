package main

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// shownTrunk is what tables show of a trunk.
type shownTrunk struct {
	Name      string     `json:"name"`
	Address   string     `json:"address"`
	Transport string     `json:"transport"`
	Up        bool       `json:"up"`
	Why       string     `json:"why"`
	Since     *time.Time `json:"since"`
	Calls     int        `json:"calls"`
	MaxCalls  int        `json:"max_calls"`
}

// state is whether the trunk is up, and why not.
func (s shownTrunk) state() string {
	if s.Up {
		return "up"
	}
	if s.Why == "" {
		return "down"
	}
	return "down (" + s.Why + ")"
}

// channels is how much of the trunk is in use.
func (s shownTrunk) channels() string {
	if s.MaxCalls == 0 {
		return strconv.Itoa(s.Calls)
	}
	return strconv.Itoa(s.Calls) + "/" + strconv.Itoa(s.MaxCalls)
}

func (c *cli) trunksCommand() *cobra.Command {
	return &cobra.Command{
		Use: "trunks", Short: "List carrier links", Args: cobra.NoArgs,
		RunE: c.talk(func(ctx context.Context, sw *client, _ []string) error {
			l, err := sw.list(ctx, "/trunks", nil, everything)
			if err != nil {
				return err
			}
			return printList(c, l, table[shownTrunk]{
				head: []string{"NAME", "ADDRESS", "TRANSPORT", "STATE", "SINCE", "CALLS"},
				row: func(s shownTrunk) []string {
					return []string{s.Name, s.Address, s.Transport, s.state(), sw.clock(s.Since), s.channels()}
				},
			})
		}),
	}
}

// shownNumber is what tables show of one of the account's numbers.
type shownNumber struct {
	Number   string   `json:"number"`
	Country  string   `json:"country"`
	Playbook string   `json:"playbook"`
	Trunks   []string `json:"trunks"`
}

func (c *cli) numbersCommand() *cobra.Command {
	return &cobra.Command{
		Use: "numbers", Short: "List the account's own numbers", Args: cobra.NoArgs,
		RunE: c.talk(func(ctx context.Context, sw *client, _ []string) error {
			l, err := sw.list(ctx, "/numbers", nil, everything)
			if err != nil {
				return err
			}
			return printList(c, l, table[shownNumber]{
				head: []string{"NUMBER", "COUNTRY", "PLAYBOOK", "TRUNKS"},
				row: func(s shownNumber) []string {
					return []string{s.Number, s.Country, s.Playbook, strings.Join(s.Trunks, " ")}
				},
			})
		}),
	}
}
