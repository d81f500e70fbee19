// Package demo owns `tandem demo`: a working day of a small sales floor in
// under a minute, on loopback, without configuration or privileges.
//
// It starts the switch as `tandem serve` does, with a configuration file that
// it leaves behind for reading, and sets real peers around it: a carrier that
// places calls of people outside, and the telephones of two salespeople. All
// that is said between them goes over SIP, RTP and HTTP.
//
// Every line on the screen tells what was observed from outside: what a phone
// showed, what was heard, what the API answered. Nothing is printed because it
// ought to have happened; what did not happen ends the demonstration with an
// error that names it and with every message that went over the wire.
package demo
