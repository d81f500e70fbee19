package web

import (
	"context"
	"net/http"
	"time"

	"tandem/call"
	"tandem/routing"
)

func (s *Server) tokenRoutes() {
	handle(s, route{"createToken", http.MethodPost, "/tokens", "Create an API token, shown this once", RoleAdmin, http.StatusCreated}, s.createToken)
	handle(s, route{"listTokens", http.MethodGet, "/tokens", "List API tokens", RoleAdmin, 0}, s.listTokens)
	handle(s, route{"revokeToken", http.MethodDelete, "/tokens/{id}", "Revoke an API token", RoleAdmin, http.StatusNoContent}, s.revokeToken)
}

// TokenInfo is a token as it can be listed.
type TokenInfo struct {
	ID        string    `json:"id"`
	User      string    `json:"user"`
	CreatedAt time.Time `json:"created_at"`
}

// CreatedToken is a new token with its secret.
type CreatedToken struct {
	TokenInfo
	Token string `json:"token" doc:"Send it as Authorization: Bearer; it is not kept"`
}

func shownToken(t routing.Token) TokenInfo {
	return TokenInfo{ID: t.ID, User: t.User, CreatedAt: t.CreatedAt.UTC()}
}

type createdToken struct{ Body CreatedToken }

func (s *Server) createToken(ctx context.Context, in *struct {
	Body struct {
		User string `json:"user" minLength:"1" maxLength:"64" doc:"Whose rights the token has"`
	}
}) (*createdToken, error) {
	if _, ok := s.floor.User(in.Body.User); !ok {
		return nil, refuse("body.user", "there is no such user", in.Body.User)
	}
	secret, at := newToken(), now()
	t := routing.Token{ID: string(call.NewID(at)), Hash: hashToken(secret), User: in.Body.User, CreatedAt: at}
	if err := s.tokens.AddToken(ctx, t); err != nil {
		return nil, err
	}
	s.log.InfoContext(ctx, "token created", "token_id", t.ID, "user", t.User, "by", callerOf(ctx).name())
	return &createdToken{CreatedToken{TokenInfo: shownToken(t), Token: secret}}, nil
}

func (s *Server) listTokens(ctx context.Context, p *Paging) (*listing[TokenInfo], error) {
	tokens, err := s.tokens.Tokens(ctx)
	if err != nil {
		return nil, err
	}
	shown := make([]TokenInfo, len(tokens))
	for i, t := range tokens {
		shown[i] = shownToken(t)
	}
	return cut(shown, *p, func(t TokenInfo) string { return t.ID }, false), nil
}

func (s *Server) revokeToken(ctx context.Context, in *struct {
	ID string `path:"id" maxLength:"64"`
}) (*struct{}, error) {
	if err := s.tokens.RemoveToken(ctx, in.ID); err != nil {
		return nil, err
	}
	s.log.InfoContext(ctx, "token revoked", "token_id", in.ID, "by", callerOf(ctx).name())
	return nil, nil
}
