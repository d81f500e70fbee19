package pipedrive

import (
	"slices"
	"strings"

	"tandem/call"
	"tandem/crm"
)

// outcomes are what a call log may say about its call.
var outcomes = []string{"connected", "no_answer", "left_message", "left_voicemail", "wrong_number", "busy"}

// notAssigned are the SIP codes that say the number is wrong (RFC 3261 21.4.5,
// 21.4.9, 21.4.22, 21.6.3).
var notAssigned = []int{404, 410, 484, 604}

// outcomeOf returns what Pipedrive calls the end of a call. A disposition
// stands when Pipedrive knows it. There is no word for calls that failed, were
// cancelled or came after hours: the subject and the note say so.
func outcomeOf(a crm.Activity) string {
	said := strings.NewReplacer(" ", "_", "-", "_").Replace(strings.ToLower(strings.TrimSpace(a.Disposition)))
	if slices.Contains(outcomes, said) {
		return said
	}
	switch a.Result {
	case call.ResultCompleted:
		return "connected"
	case call.ResultBusy:
		return "busy"
	case call.ResultFailed:
		if slices.Contains(notAssigned, a.SIPCode) {
			return "wrong_number"
		}
	case call.ResultNoAnswer, call.ResultCancelled, call.ResultOfficeClosed, call.ResultNone:
	}
	return "no_answer"
}
