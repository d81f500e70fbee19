// Package routing decides who gets a call. It owns contacts and tasks, office
// hours, the account's numbers, and the floor: who is free, who is offered
// which call, and who waits.
//
// What it must remember it keeps through the verbs of ports.go.
//
// Reading order: contact.go and task.go (what is kept), directory.go (what the
// configuration says), reception.go and recovery.go (how a call begins and
// ends), hours.go and office.go (whether anybody takes it), roster.go, queue.go
// and assign.go (the floor's decisions, pure) with floor.go (its goroutine),
// chooser.go (the number to call from), explain.go (all of it, asked in
// advance), addressbook.go, import.go and tasklist.go (what people change).
package routing
