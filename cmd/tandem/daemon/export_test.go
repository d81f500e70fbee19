package daemon

import (
	"context"

	"tandem/config"
	"tandem/crm"
	"tandem/routing"
)

// SetVendor has the switch log calls with a CRM of the test.
func (o *Options) SetVendor(v func(config.CRM) (crm.Vendor, error)) { o.vendor = v }

// HoldStore keeps the store's writer busy until release is closed, as a commit
// does that waits for a slow disk. It returns once the writer is free again.
func (d *Daemon) HoldStore(ctx context.Context, release <-chan struct{}) error {
	return d.store.ChangeContacts(ctx, func(routing.ContactLedger) error {
		<-release
		return nil
	})
}
