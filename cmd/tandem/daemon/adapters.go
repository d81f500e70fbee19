package daemon

import (
	"context"
	"time"

	"tandem/call"
	"tandem/routing"
	"tandem/store/bolt"
	"tandem/web"
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

// keyring keeps API tokens for web.
type keyring struct{ *bolt.Store }

func (k keyring) AddToken(ctx context.Context, t web.Token) error {
	return k.Store.AddToken(ctx, routing.Token(t))
}

func (k keyring) TokenByHash(ctx context.Context, hash string) (web.Token, error) {
	t, err := k.Store.TokenByHash(ctx, hash)
	return web.Token(t), err
}

func (k keyring) Tokens(ctx context.Context) ([]web.Token, error) {
	list, err := k.Store.Tokens(ctx)
	out := make([]web.Token, len(list))
	for i, t := range list {
		out[i] = web.Token(t)
	}
	return out, err
}

// explainer tells web what routing says.
type explainer struct{ *routing.Explainer }

func (e explainer) Explain(ctx context.Context, number string, at time.Time) (web.Explanation, error) {
	x, err := e.Explainer.Explain(ctx, number, at)
	out := web.Explanation{Number: x.Number, At: x.At, Contact: x.Contact}
	for _, f := range x.Inbound {
		out.Inbound = append(out.Inbound, web.Finding(f))
	}
	for _, f := range x.Outbound {
		out.Outbound = append(out.Outbound, web.Finding(f))
	}
	return out, err
}
