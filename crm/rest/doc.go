// Package rest speaks HTTP with a CRM: within its rate, within bounds, with
// nobody but the CRM, and with every failure sorted into a *crm.Fault. Requests
// are not repeated here, as only the caller knows which may be.
package rest
