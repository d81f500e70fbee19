package routing

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"tandem/call"
)

// Merge makes one contact of two that are one person: keep stays and takes over
// what the other has. Live calls of either go on, and the other's ID finds keep
// from then on. What they disagree about is keep's to say, but who must not be
// called by one is not called by the other. A merge that is asked for again
// changes nothing.
//
// *InvalidError: the two are the same, or have too many numbers or notes for
// one contact; ErrNotFound; ErrConflict: other has too many calls to move.
func (b *AddressBook) Merge(ctx context.Context, keep, other string) (Contact, error) {
	if keep == other {
		return Contact{}, &InvalidError{Field: "contact_id", Why: "is the same contact"}
	}
	merged, err := b.Contacts.MergeContacts(ctx, keep, other, join)
	if err != nil {
		return Contact{}, fmt.Errorf("merge contact %s into %s: %w", other, keep, err)
	}
	if merged.Gone.ID == "" {
		return merged.Contact, nil
	}
	at := time.Now()
	publishContact(b.Events, call.EventContactChanged, merged.Contact, at)
	// Who shows the other one learns by its ID who it is now.
	b.Events.Publish(call.Event{Type: call.EventContactChanged, At: at.UTC(), User: merged.Gone.Owner, ContactID: merged.Gone.ID, Data: merged.Contact})
	for _, task := range merged.Tasks {
		publishTask(b.Events, call.EventTaskChanged, task, at)
	}
	return merged.Contact, nil
}

// join adds to a contact what the one that goes knows. The notes of both are
// kept: people wrote them.
func join(kept *Contact, gone Contact) error {
	if kept.Notes != "" && !strings.Contains(kept.Notes, gone.Notes) {
		kept.Notes = strings.TrimSpace(kept.Notes + "\n\n" + gone.Notes)
	}
	if utf8.RuneCountInString(kept.Notes) > maxNotes {
		return &InvalidError{Field: "contact_id", Why: fmt.Sprintf("the notes of both are longer than %d characters", maxNotes)}
	}
	if gone.CreatedAt.Before(kept.CreatedAt) {
		kept.CreatedAt = gone.CreatedAt
	}
	_, err := kept.learn(gone)
	if invalid, ok := errors.AsType[*InvalidError](err); ok {
		return &InvalidError{Field: "contact_id", Why: "the numbers of both " + invalid.Why}
	}
	return err
}
