// Package web is the switch's HTTP side: the JSON API under /api/v1, its
// OpenAPI 3.1 description, the stream of events (Server-Sent Events), and the
// probes /healthz, /readyz and /metrics.
//
// It owns who may ask for what (roles, bearer tokens), the shape of what goes
// out and the checks of what comes in. It decides nothing about calls: it reads
// the exchange and the store through the small interfaces of ports.go, and acts
// by posting inputs and changing what people may change.
//
// Two listeners serve the same handlers: TCP, where every request needs a
// token, and a Unix socket of mode 0600, where whoever may open it is an
// administrator.
package web
