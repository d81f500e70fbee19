package hubspot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"tandem/crm"
	"tandem/crm/rest"
)

const (
	tokenPath = "/oauth/" + version + "/token"
	// early is how long before its end an access token is renewed: HubSpot wants
	// it done before requests fail.
	early = 5 * time.Minute
)

// OAuth is what an app with OAuth has instead of a token.
type OAuth struct {
	ClientID     string
	ClientSecret string
	RefreshToken string // of the account that has connected the app
}

// keyring has the access token of the moment.
type keyring struct {
	api  *rest.Client  // without credentials of its own
	turn chan struct{} // held by who renews

	mu      sync.Mutex // guards all below
	app     OAuth
	access  string
	expires time.Time
}

func newKeyring(app OAuth, o rest.Options) (*keyring, error) {
	if app.ClientID == "" || app.ClientSecret == "" || app.RefreshToken == "" {
		return nil, errors.New("HubSpot: crm.oauth needs client_id, client_secret and refresh_token")
	}
	o.Authorize, o.Judge = nil, judgeRenewal
	api, err := rest.New(o)
	if err != nil {
		return nil, err
	}
	return &keyring{api: api, turn: make(chan struct{}, 1), app: app}, nil
}

// judgeRenewal sorts a refusal to renew. Nothing of the answer is quoted: what
// was asked has secrets in its body.
func judgeRenewal(a rest.Answer) *crm.Fault {
	fault := a.Fault()
	fault.Say = a.Say("the access token could not be renewed")
	if fault.Kind != crm.FaultRetry {
		fault.Kind = crm.FaultAccess
		fault.Say += ": connect the app again and put its secrets into crm.oauth"
	}
	return fault
}

// authorize puts an access token into a header, renewed when it is about to end.
// One request at a time renews, and the others wait for it.
func (k *keyring) authorize(ctx context.Context, header http.Header) error {
	select {
	case k.turn <- struct{}{}:
		defer func() { <-k.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	access, left := k.current()
	if left < early {
		err := k.renew(ctx)
		if err != nil && left <= 0 {
			return err
		}
		access, _ = k.current()
	}
	header.Set("Authorization", "Bearer "+access)
	return nil
}

// current returns the access token and how long it is valid still.
func (k *keyring) current() (string, time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.access, time.Until(k.expires)
}

// forget has the access token renewed before the next request, as HubSpot
// does not take it any more.
func (k *keyring) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.expires = time.Time{}
}

// renew gets an access token (RFC 6749 6).
func (k *keyring) renew(ctx context.Context) error {
	var answer struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
		Seconds int64  `json:"expires_in"`
	}
	k.mu.Lock()
	app := k.app
	k.mu.Unlock()
	asked := time.Now()
	_, err := k.api.Do(ctx, rest.Request{Method: http.MethodPost, Path: tokenPath, Body: rest.Form(url.Values{
		"grant_type": {"refresh_token"}, "client_id": {app.ClientID}, "client_secret": {app.ClientSecret}, "refresh_token": {app.RefreshToken},
	})}, &answer)
	if err != nil {
		return err
	}
	if !isToken(answer.Access) || answer.Seconds <= 0 {
		return &crm.Fault{Kind: crm.FaultRetry, Say: fmt.Sprintf("HubSpot: POST %s: the answer has no access token", tokenPath)}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.access, k.expires = answer.Access, asked.Add(time.Duration(min(answer.Seconds, 86400))*time.Second)
	if answer.Refresh != "" {
		k.app.RefreshToken = answer.Refresh
	}
	return nil
}
