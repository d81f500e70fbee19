package standin

import (
	"fmt"
	"net/http"
	"time"
)

// accessAge is how long HubSpot takes an access token.
const accessAge = 30 * time.Minute

// App is an app that the account has connected with OAuth; the zero App is none.
type App struct {
	ClientID     string
	ClientSecret string
	RefreshToken string
}

// issue gives the app an access token.
func (s *Server) issue(w http.ResponseWriter, r *http.Request) {
	order := s.Receive(r)
	if upset(order, w, r) {
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		send(w, invalid(err.Error()))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	asking := App{r.PostForm.Get("client_id"), r.PostForm.Get("client_secret"), r.PostForm.Get("refresh_token")}
	if r.PostForm.Get("grant_type") != "refresh_token" || asking != s.options.App || asking == (App{}) {
		// The real one tells what it was sent, too.
		send(w, problem(http.StatusBadRequest, "BAD_REFRESH_TOKEN", "missing or invalid refresh token "+asking.RefreshToken, nil))
		return
	}
	token := fmt.Sprintf("access-%s-%d", asking.ClientID, len(s.issued))
	s.issued[token] = time.Now().Add(accessAge)
	send(w, reply{http.StatusOK, map[string]any{
		"access_token": token, "refresh_token": asking.RefreshToken, "token_type": "bearer", "token_use": "access_token",
		"expires_in": int(accessAge / time.Second),
	}})
}

// Revoke ends all access tokens of the app.
func (s *Server) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for token := range s.issued {
		s.issued[token] = time.Time{}
	}
}
