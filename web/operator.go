package web

import (
	"context"
	"net/http"
	"path/filepath"

	"github.com/danielgtaylor/huma/v2"
)

func (s *Server) operatorRoutes() {
	handle(s, route{"getStatus", http.MethodGet, "/status", "The switch at a glance", RoleSupervisor, 0}, s.getStatus)
	handle(s, route{"reload", http.MethodPost, "/reload", "Take on the configuration anew, whole or not at all", RoleAdmin, http.StatusNoContent}, s.reload)
	handle(s, route{"drain", http.MethodPost, "/drain", "Refuse new calls and stop when the live ones are over", RoleAdmin, http.StatusAccepted}, s.drain)
	backup := s.operation(route{"backup", http.MethodPost, "/backup", "Copy the store to a new file on the switch's machine", RoleAdmin, http.StatusNoContent})
	backup.Middlewares = append(backup.Middlewares, socketOnly(s.api))
	register(s, backup, s.backup)
}

type statusOutput struct{ Body Status }

func (s *Server) getStatus(context.Context, *struct{}) (*statusOutput, error) {
	return s.status(), nil
}

func (s *Server) status() *statusOutput {
	st := s.operator.Status()
	st.StartedAt = st.StartedAt.UTC()
	return &statusOutput{st}
}

// reload answers with the faults of a refused configuration: whoever may
// reload may read them.
func (s *Server) reload(ctx context.Context, _ *struct{}) (*struct{}, error) {
	s.log.InfoContext(ctx, "reload asked for", "by", callerOf(ctx).name())
	if err := s.operator.Reload(ctx); err != nil {
		return nil, huma.Error422UnprocessableEntity("the configuration is refused, the old one stays: " + err.Error())
	}
	return nil, nil
}

func (s *Server) drain(ctx context.Context, _ *struct{}) (*statusOutput, error) {
	s.log.InfoContext(ctx, "drain asked for", "by", callerOf(ctx).name())
	s.operator.Drain()
	return s.status(), nil
}

func (s *Server) backup(ctx context.Context, in *struct {
	Body struct {
		Path string `json:"path" minLength:"1" maxLength:"4096" doc:"Absolute; the file must not exist yet"`
	}
}) (*struct{}, error) {
	path := in.Body.Path
	if !filepath.IsAbs(path) {
		return nil, refuse("body.path", "is not an absolute path", path)
	}
	if err := s.operator.Backup(ctx, path); err != nil {
		return nil, refuse("body.path", err.Error(), path)
	}
	s.log.InfoContext(ctx, "backup written", "path", path)
	return nil, nil
}
