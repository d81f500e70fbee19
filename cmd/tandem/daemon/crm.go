package daemon

import (
	"context"
	"fmt"
	"time"

	"tandem/call"
	"tandem/config"
	"tandem/crm"
	"tandem/crm/hubspot"
	"tandem/crm/pipedrive"
	"tandem/web"
)

// crmOwner is who holds the outbox's leases: a store has one switch.
const crmOwner = "switch"

// buildCRM makes the worker that logs ended calls, with the vendor that the
// configuration names.
func (d *Daemon) buildCRM(_ context.Context, cfg *config.Config) (err error) {
	d.crm, err = crm.NewWorker(crm.Options{
		Outbox: d.store, Events: d.bus, Log: d.log, Registerer: d.registry, Owner: crmOwner,
	})
	if err != nil {
		return err
	}
	settings, err := d.crmSettings(cfg)
	if err != nil {
		return err
	}
	d.crm.Apply(settings)
	return nil
}

// crmSettings translates what the configuration says about the CRM.
func (d *Daemon) crmSettings(cfg *config.Config) (crm.Settings, error) {
	vendor, err := d.vendor(cfg)
	if err != nil {
		return crm.Settings{}, fmt.Errorf("crm: %w", err)
	}
	style := crm.Style{
		Account: cfg.Account.Name, PublicURL: cfg.HTTP.PublicURL, CreateContacts: cfg.CRM.CreateContacts,
		Dispositions: make(map[call.Result]string), Displays: make(map[string]string), Owners: make(map[string]string),
	}
	for result, disposition := range cfg.CRM.Dispositions {
		style.Dispositions[call.Result(result)] = disposition
	}
	for _, u := range cfg.Users {
		style.Displays[u.Name], style.Owners[u.Name] = u.Display, u.CRMOwner
	}
	return crm.Settings{Vendor: vendor, Style: style, SyncAfter: cfg.CRM.SyncAfter}, nil
}

// vendor returns the CRM that the configuration names, nil for none.
func (d *Daemon) vendor(cfg *config.Config) (crm.Vendor, error) {
	if d.opts.vendor != nil {
		return d.opts.vendor(cfg.CRM)
	}
	c := cfg.CRM
	log := d.log.With("crm", string(c.Provider))
	count := d.crm.Counter(string(c.Provider))
	switch c.Provider {
	case config.HubSpot:
		return hubspot.New(hubspot.Options{
			Token: string(c.Token), OAuth: oauth(c.OAuth), BaseURL: c.BaseURL, AllowPrivate: c.AllowPrivate,
			Country: string(cfg.Account.Country), Log: log, Count: count,
		})
	case config.Pipedrive:
		return pipedrive.New(pipedrive.Options{
			Token: string(c.Token), BaseURL: c.BaseURL, AllowPrivate: c.AllowPrivate,
			Country: string(cfg.Account.Country), Log: log, Count: count,
		})
	case config.NoCRM:
	}
	return nil, nil
}

// oauth is what an app of HubSpot signs in with, nil for none.
func oauth(c config.OAuth) *hubspot.OAuth {
	if c == (config.OAuth{}) {
		return nil
	}
	return &hubspot.OAuth{ClientID: c.ClientID, ClientSecret: string(c.ClientSecret), RefreshToken: string(c.RefreshToken)}
}

// crmName is the provider as calls keep it; empty for none.
func crmName(cfg *config.Config) string {
	if cfg.CRM.Provider == config.NoCRM {
		return ""
	}
	return string(cfg.CRM.Provider)
}

// crmDesk shows the CRM's outbox to the API.
type crmDesk struct{ *Daemon }

// CRMStatus implements web.CRM.
func (c crmDesk) CRMStatus(ctx context.Context) (web.CRMStatus, error) {
	s, err := c.crm.Status(ctx)
	if err != nil {
		return web.CRMStatus{}, err
	}
	shown := web.CRMStatus{
		Provider: string(c.config().CRM.Provider), State: string(s.Stop), Until: given(s.Until),
		Pending: s.ToLog, ToComplete: s.ToComplete, Failed: s.Failed, Oldest: given(s.Oldest),
		Error: s.Error, ErrorAt: given(s.ErrorAt),
	}
	switch {
	case s.Provider == "":
		shown.State = "off"
	case s.Stop == crm.StopNone:
		shown.State = "working"
	}
	for _, e := range s.Failures {
		shown.Failures = append(shown.Failures, web.CRMFailure{CallID: e.CallID, Error: e.Error})
	}
	return shown, nil
}

// RetryCRM implements web.CRM.
func (c crmDesk) RetryCRM(ctx context.Context, ids []call.ID) (int, error) {
	return c.crm.Retry(ctx, ids)
}

// given is a time, nil for none.
func given(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
