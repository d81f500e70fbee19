package web

import (
	"context"
	"net/http"

	"tandem/call"
)

func (s *Server) crmRoutes() {
	handle(s, route{"getCRM", http.MethodGet, "/crm", "How the CRM does", RoleSupervisor, 0}, s.getCRM)
	handle(s, route{"retryCRM", http.MethodPost, "/crm/retry", "Try calls again that are not in the CRM", RoleAdmin, 0}, s.retryCRM)
}

type crmOutput struct{ Body CRMStatus }

func (s *Server) getCRM(ctx context.Context, _ *struct{}) (*crmOutput, error) {
	status, err := s.crm.CRMStatus(ctx)
	if err != nil {
		return nil, err
	}
	status.Until, status.Oldest, status.ErrorAt = utc(status.Until), utc(status.Oldest), utc(status.ErrorAt)
	if status.Failures == nil {
		status.Failures = []CRMFailure{}
	}
	return &crmOutput{status}, nil
}

type retryInput struct {
	Body *struct {
		Calls []call.ID `json:"calls,omitempty" maxItems:"1000" doc:"ULIDs; none: all that failed"`
		All   bool      `json:"all,omitempty" doc:"All that failed"`
	}
}

// CRMRetry is what a retry did.
type CRMRetry struct {
	Calls int `json:"calls" doc:"That are tried again"`
}

type retryOutput struct{ Body CRMRetry }

func (s *Server) retryCRM(ctx context.Context, in *retryInput) (*retryOutput, error) {
	var ids []call.ID
	if in.Body != nil {
		ids = in.Body.Calls
		if in.Body.All && len(ids) > 0 {
			return nil, refuse("body.calls", "is more than all", nil)
		}
	}
	for _, id := range ids {
		if !call.ValidID(string(id)) {
			return nil, notFound("call")
		}
	}
	n, err := s.crm.RetryCRM(ctx, ids)
	if err != nil {
		return nil, err
	}
	s.log.InfoContext(ctx, "retry of the CRM asked for", "by", callerOf(ctx).name(), "calls", n)
	return &retryOutput{CRMRetry{Calls: n}}, nil
}
