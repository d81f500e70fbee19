package sip

import (
	"fmt"
	"strconv"
	"strings"

	wire "github.com/emiago/sipgo/sip"

	"tandem/call"
)

// meaning is one row of the table between SIP and Q.850 (RFC 3398 sections
// 7.2.4.1 and 8.2.6.1). The kind holds whether or not the phone rang, unless
// the code is one of those that kindOf looks at closer.
type meaning struct {
	kind call.CauseKind
	q850 int
	text string
}

// meaningOf returns what a final status says about a leg that we called.
func meaningOf(status int) meaning {
	switch status {
	case 300, 301, 302:
		return meaning{call.CauseFailed, 23, "Redirected"}
	case 486, 600:
		return meaning{call.CauseBusy, 17, "Busy"}
	case 603:
		return meaning{call.CauseDeclined, 21, "Declined"}
	case 480:
		return meaning{call.CauseUnreachable, 18, "Temporarily unavailable"}
	case 408:
		return meaning{call.CauseUnreachable, 102, "No answer to the request"}
	case 503:
		return meaning{call.CauseUnreachable, 41, "Service unavailable"}
	case 401, 402, 403, 407:
		return meaning{call.CauseFailed, 21, "Not allowed"}
	case 404, 604:
		return meaning{call.CauseFailed, 1, "Unknown number"}
	case 410:
		return meaning{call.CauseFailed, 22, "Number changed"}
	case 484:
		return meaning{call.CauseFailed, 28, "Incomplete number"}
	case 488, 606:
		return meaning{call.CauseFailed, 65, "No common codec"}
	case 487:
		return meaning{call.CauseNoAnswer, 127, "Call terminated"}
	case 502:
		return meaning{call.CauseFailed, 38, "Bad gateway"}
	case 504:
		return meaning{call.CauseFailed, 102, "Gateway timeout"}
	case 400, 481, 500:
		return meaning{call.CauseFailed, 41, "Peer failed"}
	case 405, 501:
		return meaning{call.CauseFailed, 79, "Not implemented"}
	}
	return meaning{call.CauseFailed, 127, "Refused"}
}

// causeOf maps the final status of a leg that we called. rang: a ringing
// response came before. phone: the leg is a user's phone; a trunk's timeouts
// and server errors are failures of the trunk, which the code tells apart.
func causeOf(status int, rang, phone bool) call.Cause {
	m := meaningOf(status)
	kind := m.kind
	if kind == call.CauseUnreachable {
		switch {
		case rang && status != 503:
			kind = call.CauseNoAnswer
		case rang:
			kind = call.CauseFailed
		case !phone && status == 480:
			kind = call.CauseNoAnswer
		case !phone:
			kind = call.CauseFailed
		}
	}
	return call.Cause{Kind: kind, Code: status, Q850: m.q850, Text: m.text}
}

// statusOf returns the final status and Q.850 cause with which an unanswered
// call is refused.
func statusOf(why call.Cause) (status, q850 int) {
	status, q850 = refusal(why.Kind)
	if tellable(why) {
		status, q850 = why.Code, meaningOf(why.Code).q850
	}
	if why.Code/100 == 3 {
		status, q850 = 410, 22 // nobody is there, and where else is not for the caller
	}
	if why.Q850 > 0 {
		q850 = why.Q850
	}
	return status, q850
}

// tellable reports whether a cause's own status may be told to whoever calls: not
// that another party wants credentials of us, nor that our own CANCEL was heeded.
func tellable(why call.Cause) bool {
	switch why.Code {
	case 401, 407:
		return false
	case 487:
		return why.Kind == call.CauseCancelled
	}
	return why.Code >= 400 && why.Code <= 699
}

// refusal is statusOf for a cause that carries no code of its own.
func refusal(kind call.CauseKind) (status, q850 int) {
	switch kind {
	case call.CauseNormal:
		return 480, 16
	case call.CauseCancelled:
		return 487, 16
	case call.CauseBusy, call.CauseElsewhere:
		return 486, 17
	case call.CauseDeclined:
		return 603, 21
	case call.CauseNoAnswer:
		return 480, 19
	case call.CauseUnreachable:
		return 480, 20
	case call.CauseDrained:
		return 503, 41
	case call.CauseFailed, call.CauseMediaLost:
		return 500, 41
	}
	return 500, 41
}

// byeReason is the value of the Reason header (RFC 3326) of a BYE.
func byeReason(why call.Cause) string {
	q850, text := why.Q850, why.Text
	if q850 == 0 {
		q850 = 16
		if why.Kind != call.CauseNormal && why.Kind != call.CauseCancelled {
			_, q850 = refusal(why.Kind)
		}
	}
	if text == "" {
		text = why.Kind.String()
	}
	return fmt.Sprintf("Q.850;cause=%d;text=%s", q850, quote(text))
}

// cancelReason is the value of the Reason header of a CANCEL.
func cancelReason(why call.Cause) string {
	if why.Kind == call.CauseElsewhere {
		return `SIP;cause=200;text="Call completed elsewhere"`
	}
	text := why.Text
	if text == "" {
		text = why.Kind.String()
	}
	return fmt.Sprintf("SIP;cause=487;text=%s", quote(text))
}

// reasonOf returns the Q.850 cause that a message gives as its Reason (RFC
// 3326), or 0; a SIP status stands for the cause that it means.
func reasonOf(msg wire.Message) int {
	sip := 0
	for _, h := range msg.GetHeaders("Reason") {
		if q850 := q850Of(h.Value()); q850 != 0 {
			return q850
		}
		switch status := causeIn(h.Value(), "SIP", 699); {
		case status == 200:
			sip = 26 // answered elsewhere
		case status >= 300:
			sip = meaningOf(status).q850
		}
	}
	return sip
}

// q850Of reads the Q.850 cause out of a Reason header value, or 0.
func q850Of(reason string) int { return causeIn(reason, "Q.850", 127) }

// causeIn reads a protocol's cause out of a Reason header value; 0 when there is
// none up to top.
func causeIn(reason, wanted string, top int) int {
	for one := range strings.SplitSeq(reason, ",") {
		protocol, rest, _ := strings.Cut(strings.TrimSpace(one), ";")
		if !strings.EqualFold(strings.TrimSpace(protocol), wanted) {
			continue
		}
		for param := range strings.SplitSeq(rest, ";") {
			key, value, _ := strings.Cut(strings.TrimSpace(param), "=")
			if n, err := strconv.Atoi(value); err == nil && strings.EqualFold(key, "cause") && n > 0 && n <= top {
				return n
			}
		}
	}
	return 0
}

// rank orders the causes of a fork set that failed: the most telling wins.
func rank(kind call.CauseKind) int {
	switch kind {
	case call.CauseDeclined:
		return 5
	case call.CauseBusy:
		return 4
	case call.CauseNoAnswer:
		return 3
	case call.CauseFailed:
		return 2
	case call.CauseUnreachable:
		return 1
	case call.CauseNormal, call.CauseCancelled, call.CauseElsewhere, call.CauseDrained, call.CauseMediaLost:
	}
	return 0
}

// best returns the most telling cause of a fork set; none means that there was
// nobody to call.
func best(causes []call.Cause) call.Cause {
	top := call.Cause{Kind: call.CauseUnreachable, Code: 480, Q850: 20, Text: "No phone registered"}
	for i, c := range causes {
		if i == 0 || rank(c.Kind) > rank(top.Kind) {
			top = c
		}
	}
	return top
}

// phrase is the reason phrase of a status (RFC 3261 section 21).
func phrase(status int) string {
	switch status {
	case 100:
		return "Trying"
	case 180:
		return "Ringing"
	case 183:
		return "Session Progress"
	case 200:
		return "OK"
	case 202:
		return "Accepted"
	case 400:
		return "Bad Request"
	case 401:
		return "Unauthorized"
	case 403:
		return "Forbidden"
	case 404:
		return "Not Found"
	case 405:
		return "Method Not Allowed"
	case 410:
		return "Gone"
	case 415:
		return "Unsupported Media Type"
	case 416:
		return "Unsupported URI Scheme"
	case 420:
		return "Bad Extension"
	case 422:
		return "Session Interval Too Small"
	case 423:
		return "Interval Too Brief"
	case 480:
		return "Temporarily Unavailable"
	}
	return laterPhrase(status)
}

// laterPhrase continues phrase from 481 on.
func laterPhrase(status int) string {
	switch status {
	case 481:
		return "Call/Transaction Does Not Exist"
	case 482:
		return "Loop Detected"
	case 483:
		return "Too Many Hops"
	case 484:
		return "Address Incomplete"
	case 486:
		return "Busy Here"
	case 487:
		return "Request Terminated"
	case 488:
		return "Not Acceptable Here"
	case 491:
		return "Request Pending"
	case 500:
		return "Server Internal Error"
	case 501:
		return "Not Implemented"
	case 503:
		return "Service Unavailable"
	case 504:
		return "Server Time-out"
	case 505:
		return "Version Not Supported"
	case 600:
		return "Busy Everywhere"
	case 603:
		return "Decline"
	}
	return "Refused"
}
