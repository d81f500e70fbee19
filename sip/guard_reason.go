package sip

// reason is why a message, or a connection, was refused. The set is closed: it
// is a label of a metric.
type reason uint8

const (
	reasonNone        reason = iota
	reasonSize               // more bytes than a message may have
	reasonGarbage            // no SIP, or control characters in its headers
	reasonParameters         // more parameters, list items or lines than a parser should see
	reasonFraming            // request line or Content-Length that cannot be made sense of
	reasonResponse           // a response of somebody whom we asked nothing
	reasonStranger           // a request of somebody whom we do not know
	reasonRate               // more requests a second than a source may send
	reasonBanned             // a source that guessed passwords
	reasonConnections        // more connections than there may be
	reasonIdle               // a connection without a whole message in time
	reasonAccept             // the system had no descriptor left for a connection
	reasonAuth               // wrong or malformed credentials
	reasonIdentity           // right credentials of somebody else
	reasonInvalid            // headers that contradict the protocol
	reasonDialog             // no such dialog, or not that peer's
	reasonFlood              // a dialog's mailbox is full
	reasonFull               // no room for another call, phone or transaction
	reasonStore              // the store's queue is full
	reasons                  // how many there are
)

// label is the reason as the metric shows it.
func (r reason) label() string {
	return [reasons]string{"none", "size", "garbage", "parameters", "framing", "response", "stranger", "rate", "banned",
		"connections", "idle", "accept", "auth", "identity", "invalid", "dialog", "flood", "full", "store"}[r]
}
