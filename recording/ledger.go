package recording

import (
	"context"
	"fmt"
	"time"

	"tandem/call"
)

// Ledger is who keeps the calls, as far as the deletion of recordings needs it.
type Ledger interface {
	// Playbook returns whose retention a call's recording has; empty when the
	// call has no playbook, or is not known.
	Playbook(ctx context.Context, id call.ID) (string, error)
	// Drop says in the call's record, durably, that its recording is deleted: by
	// whom (empty: by age) and why. An unknown call is no error. ErrHeld: the
	// recording is on hold and stays.
	Drop(ctx context.Context, id call.ID, by, why string) error
}

// noLedger knows no calls.
type noLedger struct{}

func (noLedger) Playbook(context.Context, call.ID) (string, error)   { return "", nil }
func (noLedger) Drop(context.Context, call.ID, string, string) error { return nil }

// outlived says why a recording is older than it may be, or nothing.
func (l *Library) outlived(ctx context.Context, id call.ID, s Settings, now time.Time) (why string, err error) {
	playbook, err := l.ledger.Playbook(ctx, id)
	if err != nil {
		return "", fmt.Errorf("recording of call %s: %w", id, err)
	}
	keep := s.retention(playbook)
	if keep == 0 || !began(id).Before(now.Add(-keep)) {
		return "", nil
	}
	why = "older than " + days(keep) + ", the retention"
	if _, own := s.Playbooks[playbook]; own {
		why += " of playbook " + playbook
	}
	return why, nil
}

// days shows a retention as the configuration has it.
func days(d time.Duration) string {
	const day = 24 * time.Hour
	if d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	return d.String()
}
