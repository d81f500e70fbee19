package web

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tandem/routing"
)

func (s *Server) userRoutes() {
	handle(s, route{"listUsers", http.MethodGet, "/users", "List users and what they do", RoleSalesperson, 0}, s.listUsers)
	handle(s, route{"setStatus", http.MethodPut, "/users/{name}/status", "Take calls, take a break, or go", RoleSalesperson, 0}, s.setStatus)
}

// User is a user as the API shows them.
type User struct {
	routing.UserState
	Playbooks []string `json:"playbooks" nullable:"false"`
}

type userOutput struct{ Body User }

func (s *Server) listUsers(ctx context.Context, p *Paging) (*listing[User], error) {
	users := s.floor.Users()
	shown := make([]User, len(users))
	for i, u := range users {
		shown[i] = shownUser(callerOf(ctx), u)
	}
	return cut(shown, *p, func(u User) string { return u.Name }, false), nil
}

// shownUser is a user as the caller may see them: which call they are on is
// not for their colleagues.
func shownUser(c Caller, u routing.UserState) User {
	if !c.all() && u.Name != c.User {
		u.CallID = ""
	}
	u.Since = u.Since.UTC()
	u.WrapUpUntil = utc(u.WrapUpUntil)
	return User{UserState: u, Playbooks: append([]string{}, u.Playbooks...)}
}

func (s *Server) setStatus(ctx context.Context, in *struct {
	Name string `path:"name" maxLength:"64"`
	Body struct {
		Status string `json:"status" enum:"available,break,offline"`
		Reason string `json:"reason,omitempty" maxLength:"200"`
	}
}) (*userOutput, error) {
	c := callerOf(ctx)
	if in.Name != c.User && !c.all() {
		return nil, huma.Error403Forbidden("only a supervisor changes the status of others",
			&huma.ErrorDetail{Location: "path.name", Message: "is not you", Value: in.Name})
	}
	if _, ok := s.floor.User(in.Name); !ok {
		return nil, notFound("user")
	}
	status := routing.UserStatus{User: in.Name, Status: routing.Status(in.Body.Status), Reason: in.Body.Reason, Since: now()}
	if err := s.floor.SetStatus(ctx, status); err != nil {
		return nil, err
	}
	u, ok := s.floor.User(in.Name)
	if !ok {
		return nil, notFound("user")
	}
	return &userOutput{shownUser(c, u)}, nil
}
