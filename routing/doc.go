// Package routing decides who gets a call. It owns contacts and tasks, office
// hours, the account's numbers, and the floor: who is free, who is offered
// which call, and who waits.
//
// What it must remember it keeps through the verbs of ports.go.
package routing
