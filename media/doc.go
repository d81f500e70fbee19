// Package media carries what people say: it owns RTP sockets and ports, the
// 20 ms clock, and the rooms in which a call's legs meet.
//
// A fixed number of workers do all of it, each one locked OS thread with its own
// I/O and clock. A room, and with it every leg of the call, belongs to one worker,
// so nothing on the packet path needs a lock; what signalling wants done reaches
// the worker as a command between two looks at its sockets.
//
// A listener that hears one speaker gets that speaker's packets within a
// millisecond of their arrival (relay.go), under its own SSRC, sequence numbers and
// timestamps: untouched, or byte for byte in the other law of G.711. Everything
// else, music and tones and several voices, is made on the tick (room.go). Both
// write to the same stream (stream.go), which never breaks.
//
// A leg that hears nobody is sent nothing but RTCP; so is a listener whose only
// speaker says nothing after having spoken once, since a loss on one side is a
// loss on the other.
//
// Reading order: engine.go (what callers see), worker.go (the clock), room.go and
// leg.go (what happens on a tick and on arrival), packetio.go (the edge).
package media
