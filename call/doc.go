// Package call decides what happens to a call.
//
// It owns the vocabulary (IDs, roles, causes, results), the call machine, the
// exchange that hosts one machine per call, the ports through which the
// machine's effects are carried out, and the event bus. It knows nothing of
// SIP, RTP, files or HTTP: adapters post inputs and carry out effects.
//
// Reading order: record.go (what a call is), input.go and effect.go (what goes
// in and out), machine.go and the files beside it (the decisions), exchange.go
// (the host), ports.go (what adapters implement).
package call
