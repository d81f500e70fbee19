// Package sip is the signalling adapter: it speaks SIP (RFC 3261) with
// carriers and phones, posts what happens to call.Lines and carries out what
// call.Signalling is asked for.
//
// It owns dialogs (tags, CSeq, route sets, offer/answer order, session timers),
// the registrar, digest authentication, trunks (resolution, keepalive,
// registration, channels), forking, REFER with its NOTIFYs, and the one table
// between SIP status codes and causes. Transports,
// transactions and the parser are sipgo's; its dialog helpers are not used,
// because they lose a 200 that crosses a CANCEL, ignore forked answers and do
// not end calls whose ACK never comes. SDP passes through as opaque bytes.
//
// Every leg has one owner: a mailbox that runs what happens to it one after
// another (leg.go). Nothing that call.Signalling offers ever waits.
//
// Reading order: agent.go, leg.go, arrival.go and dialed.go, inbound.go and
// outbound.go, dialog.go; renewal.go for the peer's offers within a dialog and
// reinvite.go for ours, session.go, refer.go, handover.go; then registrar.go and
// trunk.go.
package sip
