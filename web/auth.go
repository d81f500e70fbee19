package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tandem/routing"
)

// tokenPrefix lets people and secret scanners recognise a token.
const tokenPrefix = "tandem_"

// maxToken bounds what is hashed of a request, in bytes; ours are 50 long.
const maxToken = 128

// newToken returns a fresh token of 256 random bits.
func newToken() string {
	var b [32]byte
	rand.Read(b[:]) // never fails: crypto/rand
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(b[:])
}

// hashToken is what is kept of a token. A plain hash is enough for 256 random
// bits: there is nothing to guess.
func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// errUnknownToken: the token is not one of ours, or its user is gone.
var errUnknownToken = errors.New("unknown token")

// caller returns whose token it is.
func (s *Server) caller(ctx context.Context, token string) (Caller, error) {
	if token == "" || len(token) > maxToken {
		return Caller{}, errUnknownToken
	}
	t, err := s.tokens.TokenByHash(ctx, hashToken(token))
	if errors.Is(err, routing.ErrNotFound) {
		return Caller{}, errUnknownToken
	}
	if err != nil {
		return Caller{}, err
	}
	user, ok := s.floor.User(t.User)
	if !ok {
		return Caller{}, errUnknownToken
	}
	return Caller{User: user.Name, Role: Role(user.Role)}, nil
}

// authenticate lets requests to the API through with their caller.
func (s *Server) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, apiPrefix+"/") {
			next.ServeHTTP(w, r)
			return
		}
		c, err := s.caller(r.Context(), bearer(r))
		switch {
		case errors.Is(err, errUnknownToken):
			w.Header().Set("WWW-Authenticate", `Bearer realm="tandem"`)
			writeProblem(w, huma.Error401Unauthorized("send Authorization: Bearer with a token of `tandem token create`"))
		case err != nil:
			s.log.ErrorContext(r.Context(), "token look-up failed", "error", err)
			writeProblem(w, huma.Error503ServiceUnavailable("tokens cannot be checked now"))
		default:
			c.From, _, _ = net.SplitHostPort(r.RemoteAddr) // as net/http has it
			next.ServeHTTP(w, r.WithContext(withCaller(r.Context(), c)))
		}
	})
}

// trust is authenticate for the socket: its file mode has decided already.
func trust(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		admin := Caller{Role: RoleAdmin, Local: true}
		next.ServeHTTP(w, r.WithContext(withCaller(r.Context(), admin)))
	})
}

// bearer returns a request's token (RFC 6750 section 2.1), or nothing.
func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}
