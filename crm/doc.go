// Package crm owns the way of ended calls into a CRM: what a call looks like
// there (Activity), the durable outbox, and the worker that carries out its
// entries step by step. A vendor's own package knows that vendor's requests and
// nothing of the outbox.
package crm
