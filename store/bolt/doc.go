// Package bolt keeps calls, contacts, tasks and what must survive a crash of
// the signalling in one bbolt file, tandem.db.
//
// It owns the file: its lock, its schema, its one writer and its backups.
// Reading order: open.go (the file), writer.go (group commit), table.go and
// list.go (records, indexes, pages), live.go (what the writer remembers),
// schema.go (which buckets there are), then the verbs: journal.go, missed.go,
// contacts.go, merge.go, tasks.go, desk.go, signalling.go.
//
// Every verb that changes something is one transaction and returns after the
// commit that made it durable; verbs that come at the same time share a commit.
// Reads run beside the writer and see whole transactions only.
package bolt
