package web

import (
	"context"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"tandem/call"
	"tandem/routing"
)

// Role is what a user may do.
type Role string

// The roles. Each may do what the one before it may.
const (
	RoleSalesperson Role = "salesperson" // their own calls and tasks, the address book
	RoleSupervisor  Role = "supervisor"  // everybody's calls and tasks
	RoleAdmin       Role = "admin"       // the switch itself
)

// includes reports whether the role may do what the other may.
func (r Role) includes(other Role) bool {
	order := []Role{RoleSalesperson, RoleSupervisor, RoleAdmin}
	have := slices.Index(order, r)
	return have >= 0 && have >= slices.Index(order, other)
}

// Caller is who makes a request.
type Caller struct {
	User  string // empty on the socket
	Role  Role
	Local bool   // on the socket
	From  string // the peer's IP address; empty on the socket
}

// all reports whether the caller sees everybody's calls and tasks.
func (c Caller) all() bool { return c.Role.includes(RoleSupervisor) }

// name is the caller in logs and notes of who did something.
func (c Caller) name() string {
	if c.Local {
		return "administrator"
	}
	return c.User
}

type callerKey struct{}

func withCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// callerOf returns who makes the request; a request that came past
// authentication has no role, and may do nothing.
func callerOf(ctx context.Context) Caller {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c
}

// mayAsk answers 403 to callers below the role, before anything else of the
// request is looked at.
func mayAsk(api huma.API, need Role) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		if !callerOf(ctx.Context()).Role.includes(need) {
			// The peer may be gone; there is nobody else to tell.
			_ = huma.WriteErr(api, ctx, 403, "this needs the role "+string(need))
			return
		}
		next(ctx)
	}
}

// socketOnly answers 403 to whoever comes by TCP: such requests name files of
// the switch's own machine.
func socketOnly(api huma.API) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		if !callerOf(ctx.Context()).Local {
			_ = huma.WriteErr(api, ctx, 403, "this is done on the switch's own machine, by its socket")
			return
		}
		next(ctx)
	}
}

// seesCall reports whether the caller may see a call: their own ones, and those
// that they are offered.
func (s *Server) seesCall(c Caller, rec call.Record) bool {
	return c.all() || rec.User == c.User || s.lines.Offered(rec.ID, c.User)
}

// hearsCall reports whether the caller may hear a call's recording: their own
// ones; a supervisor who works for playbooks those of their playbooks, one who
// works for none those of all.
func (s *Server) hearsCall(c Caller, rec call.Record) bool {
	if c.Role.includes(RoleAdmin) || rec.User == c.User && c.User != "" {
		return true
	}
	own := s.supervised(c)
	return c.all() && (len(own) == 0 || slices.Contains(own, rec.Playbook))
}

// supervised returns the playbooks that a supervisor works for.
func (s *Server) supervised(c Caller) []string {
	u, _ := s.floor.User(c.User)
	return u.Playbooks
}

// seesTask reports whether the caller may see a task.
func seesTask(c Caller, t routing.Task) bool { return c.all() || t.User == c.User }
