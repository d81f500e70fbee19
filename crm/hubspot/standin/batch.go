package standin

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"
)

const (
	mostInputs  = 100 // of a batch
	mostGroups  = 5
	mostFilters = 6 // of a group
	mostResults = 200
)

// upsert makes or changes records by a property with unique values.
func (s *Server) upsert(r *http.Request) reply {
	k, ok := s.kinds[r.PathValue("kind")]
	if !ok {
		return notFound("Unable to infer object type")
	}
	var body struct {
		Inputs []struct {
			ID         string            `json:"id"`
			IDProperty string            `json:"idProperty"`
			Properties map[string]string `json:"properties"`
		} `json:"inputs"`
	}
	if fault := decode(r, &body, "inputs"); fault != "" {
		return invalid(fault)
	}
	if len(body.Inputs) == 0 || len(body.Inputs) > mostInputs {
		return invalid(fmt.Sprintf("%d inputs", len(body.Inputs)))
	}
	results := []any{}
	for _, input := range body.Inputs {
		if input.ID == "" || input.Properties == nil {
			return invalid("Invalid input JSON: some required fields were not set: [id, properties]")
		}
		if !k.properties[input.IDProperty].Unique {
			return invalid(fmt.Sprintf("Unable to perform update/upsert by non-unique property %s in portal ID 1", input.IDProperty))
		}
		record, made, refusal := s.put(k, input.IDProperty, input.ID, input.Properties)
		if record == nil {
			return refusal
		}
		view := record.view(k, nil)
		view["new"] = made
		results = append(results, view)
	}
	now := time.Now().UTC().Format(time.RFC3339Nano)
	return reply{http.StatusOK, map[string]any{"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}}
}

// put changes the record with a value, or makes it.
func (s *Server) put(k *kind, property, value string, values map[string]string) (record *Record, made bool, refusal reply) {
	if record = k.with(property, value); record == nil {
		values = maps.Clone(values)
		values[property] = value
		record, refusal = s.add(k, values)
		return record, true, refusal
	}
	if fault := s.judge(k, values); fault != "" {
		return nil, false, invalid(fault)
	}
	record.set(values)
	return record, false, reply{}
}

// query is a search.
type query struct {
	Groups []struct {
		Filters []struct {
			Property string `json:"propertyName"`
			Operator string `json:"operator"`
			Value    string `json:"value"`
		} `json:"filters"`
	} `json:"filterGroups"`
	Properties []string `json:"properties"`
	Sorts      []string `json:"sorts"`
	Limit      int      `json:"limit"`
	After      string   `json:"after"`
}

func (s *Server) search(r *http.Request) reply {
	k, ok := s.kinds[r.PathValue("kind")]
	if !ok {
		return notFound("Unable to infer object type")
	}
	var q query
	if fault := decode(r, &q, "filterGroups", "properties", "sorts", "limit", "after"); fault != "" {
		return invalid(fault)
	}
	if fault := q.check(k); fault != "" {
		return invalid(fault)
	}
	results, total := []any{}, 0
	for _, record := range k.records {
		if record.archived || time.Since(record.Created) < s.options.IndexLag || !q.meets(k, record) {
			continue
		}
		if total++; len(results) < q.Limit {
			results = append(results, record.view(k, q.Properties))
		}
	}
	return reply{http.StatusOK, map[string]any{"total": total, "results": results}}
}

// check says why a search cannot be carried out; empty: it can.
func (q query) check(k *kind) string {
	if len(q.Groups) > mostGroups || q.Limit < 1 || q.Limit > mostResults {
		return fmt.Sprintf("%d groups of filters, limit %d", len(q.Groups), q.Limit)
	}
	for _, g := range q.Groups {
		if len(g.Filters) == 0 || len(g.Filters) > mostFilters {
			return fmt.Sprintf("%d filters in a group", len(g.Filters))
		}
		for _, f := range g.Filters {
			if _, ok := k.properties[f.Property]; !ok || f.Operator != "EQ" {
				return fmt.Sprintf("There was a problem with the request: %s %s", f.Property, f.Operator)
			}
		}
	}
	return ""
}

// meets reports whether a record meets all filters of a group.
func (q query) meets(k *kind, r *Record) bool {
	for _, g := range q.Groups {
		all := true
		for _, f := range g.Filters {
			all = all && f.Value != "" && r.value(k, f.Property) == f.Value
		}
		if all {
			return true
		}
	}
	return false
}

// associate makes a call a contact's; a second time changes nothing.
func (s *Server) associate(r *http.Request) reply {
	if r.PathValue("kind") != "calls" || r.PathValue("other") != "contacts" {
		return invalid("no default association between " + r.PathValue("kind") + " and " + r.PathValue("other"))
	}
	record, contact := s.kinds["calls"].find(r.PathValue("id")), s.kinds["contacts"].find(r.PathValue("otherID"))
	if record == nil || contact == nil {
		return notFound(fmt.Sprintf("One or more associations are invalid: CALL=%s to CONTACT=%s", r.PathValue("id"), r.PathValue("otherID")))
	}
	if !slices.Contains(record.Contacts, contact.ID) {
		record.Contacts = append(record.Contacts, contact.ID)
	}
	now := time.Now().UTC().Format(time.RFC3339Nano)
	return reply{http.StatusOK, map[string]any{"status": "COMPLETE", "results": []any{}, "startedAt": now, "completedAt": now}}
}

// Calls returns all calls, in the order in which they were made.
func (s *Server) Calls() []Record { return s.list("calls") }

// Contacts returns all contacts, in the order in which they were made.
func (s *Server) Contacts() []Record { return s.list("contacts") }

func (s *Server) list(name string) []Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []Record
	for _, r := range s.kinds[name].records {
		if r.archived {
			continue
		}
		shown := *r
		shown.Properties, shown.Contacts = maps.Clone(r.Properties), slices.Clone(r.Contacts)
		list = append(list, shown)
	}
	return list
}

// AddContact makes a contact, as a user of HubSpot does, and returns its ID.
// Properties are not judged.
func (s *Server) AddContact(properties map[string]string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.kinds["contacts"]
	record := &Record{ID: s.nextID(), Properties: maps.Clone(properties), Created: time.Now(), Updated: time.Now()}
	k.records = append(k.records, record)
	return record.ID
}

// Delete takes a contact or a call away, as a user of HubSpot does.
func (s *Server) Delete(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.kinds {
		if record := k.find(id); record != nil {
			record.archived = true
		}
	}
}
