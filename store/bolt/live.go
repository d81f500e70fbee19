package bolt

// liveMax bounds what the writer remembers of a table: more calls than a
// switch carries.
const liveMax = 8192

// live is what the writer remembers of a table: the records that it wrote and
// that are about to change again, so that the next change need not read and
// decode them. Nobody but the writer uses it. It never knows more than the
// file: what a transaction wrote that was rolled back is forgotten, with all
// the rest, and what is not remembered is read.
type live[T any] struct {
	keep func(T) bool // about to change again
	rows map[string]T
}

func newLive[T any](keep func(T) bool) *live[T] {
	return &live[T]{keep: keep, rows: make(map[string]T)}
}

// get returns a record that is remembered.
func (l *live[T]) get(id string) (v T, ok bool) {
	if l == nil {
		return v, false
	}
	v, ok = l.rows[id]
	return v, ok
}

// note remembers a record that was just written, or forgets it when it will
// hardly change again.
func (l *live[T]) note(id string, v T) {
	switch {
	case l == nil:
	case !l.keep(v):
		l.drop(id)
	default:
		if len(l.rows) >= liveMax {
			clear(l.rows)
		}
		l.rows[id] = v
	}
}

// drop forgets one record.
func (l *live[T]) drop(id string) {
	if l != nil {
		delete(l.rows, id)
	}
}

// forget forgets everything.
func (l *live[T]) forget() {
	if l != nil {
		clear(l.rows)
	}
}

// forget has the tables forget what a transaction wrote that was rolled back.
func (s *schema) forget() {
	s.calls.live.forget()
	s.contacts.live.forget()
	s.tasks.live.forget()
}
