// Package peer owns the telephones and carriers that meet the switch from outside: small, complete SIP and RTP user
// agents on loopback, used by the demonstration, by the scenario tests and for generating load.
//
// It shares no code with the switch: messages, dialogs, offer and answer, and media are written here a second time and on
// purpose, so that a fault of the switch's own stack cannot hide behind the same fault in its tester. A peer follows the
// RFCs unless told otherwise by Behaviour or Impairment; Raw and Message go below it, for traffic that no user agent
// would send.
//
//	phone, _ := peer.NewPhone(peer.Options{Server: addr, Domain: "pbx.example", User: "ana", Password: "secret"})
//	_ = phone.Register(ctx, time.Hour)
//	call, _ := phone.Accept(ctx)
//	_ = call.Ring()
//	_ = call.Answer()
//	err := call.Media().HearsTone(ctx, 440)
//
// Every wait is for an event (a message, a packet), bounded by its context; nothing sleeps. Each agent keeps a bounded
// record of what it sent and received; Ladder prints those of several agents as one.
//
// All addresses must be loopback: a peer never sends anything to a network.
package peer
