// Package daemon builds the switch from its configuration and runs it. It is
// the only place that knows every room of the house: it translates the
// configuration into each room's options, starts them in order, takes on
// changes, and stops them in reverse order.
package daemon
