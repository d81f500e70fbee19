package daemon

import (
	"context"

	"tandem/call"
	"tandem/store/bolt"
)

// phonebook keeps registrations and dialogs for sip.
type phonebook struct{ *bolt.Store }

func (p phonebook) DeleteBinding(ctx context.Context, b call.Binding) error {
	return p.Store.DeleteBinding(ctx, b.User, b.ContactURI)
}

func (p phonebook) SaveDialog(_ context.Context, d call.Dialog) error {
	p.Store.SaveDialog(d)
	return nil
}

func (p phonebook) DeleteDialog(_ context.Context, leg call.LegID) error {
	p.Store.DeleteDialog(leg)
	return nil
}
