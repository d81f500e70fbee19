// Package interop owns the tests of the switch against telephones and carriers
// that nobody here wrote: baresip as a salesperson's phone, SIPp as the carrier
// and as a phone, sox as the player of recordings, and the scanners that look for
// switches and guess passwords. The peers live in a network namespace of their
// own, so that their packets cross a real interface. A test whose programs or
// privileges are missing is skipped and says which.
package interop
