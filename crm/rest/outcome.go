package rest

import (
	"net/http"

	"tandem/crm"
)

// The outcomes that Options.Count is told.
const (
	outcomeOK        = "ok"
	outcomeNetwork   = "network"   // no answer
	outcomeTimeout   = "timeout"   // none in time
	outcomeCancelled = "cancelled" // the switch stops
	outcomeJunk      = "junk"      // an answer that is not the API's
	outcomeLimited   = "limited"   // too many requests
	outcomeBudget    = "budget"    // the day's requests are used up
	outcomeRetry     = "retry"     // the vendor's trouble
	outcomeAccess    = "access"    // token, scope or address
	outcomeRefused   = "refused"   // this request
	outcomeGone      = "gone"      // the contact
)

func outcomeOf(status int, kind crm.FaultKind) string {
	switch kind {
	case crm.FaultBudget:
		return outcomeBudget
	case crm.FaultAccess:
		return outcomeAccess
	case crm.FaultRefused:
		return outcomeRefused
	case crm.FaultNoContact:
		return outcomeGone
	case crm.FaultRetry:
	}
	if status == http.StatusTooManyRequests {
		return outcomeLimited
	}
	return outcomeRetry
}
