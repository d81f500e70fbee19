package standin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"
)

// Record is a contact or a call.
type Record struct {
	ID         string
	Properties map[string]string
	Created    time.Time
	Updated    time.Time
	Contacts   []string // IDs of those whom a call belongs to

	archived bool
}

// view is a record as the API shows it.
func (r *Record) view(k *kind, properties []string) map[string]any {
	shown := maps.Clone(r.Properties)
	if properties != nil {
		maps.DeleteFunc(shown, func(name, _ string) bool { return !slices.Contains(properties, name) })
	}
	for _, name := range properties {
		if p := k.properties[name]; p.derive != nil {
			shown[name] = p.derive(r.Properties)
		}
	}
	return map[string]any{
		"id": r.ID, "properties": shown, "archived": r.archived,
		"createdAt": r.Created.UTC().Format(time.RFC3339Nano), "updatedAt": r.Updated.UTC().Format(time.RFC3339Nano),
	}
}

// value returns what a search compares.
func (r *Record) value(k *kind, property string) string {
	if p := k.properties[property]; p.derive != nil {
		return p.derive(r.Properties)
	}
	return r.Properties[property]
}

// decode reads a request's body, in which these members have to be. It returns
// HubSpot's complaint.
func decode(r *http.Request, into any, required ...string) string {
	var text bytes.Buffer
	if _, err := text.ReadFrom(r.Body); err != nil {
		return err.Error()
	}
	if kind := r.Header.Get("Content-Type"); kind != "application/json" {
		return "Unsupported media type " + kind
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text.Bytes(), &members); err != nil {
		return "Invalid input JSON: " + err.Error()
	}
	for _, name := range required {
		if member, ok := members[name]; !ok || string(member) == "null" {
			return fmt.Sprintf("Invalid input JSON: some required fields were not set: [%s]", name)
		}
	}
	decoder := json.NewDecoder(&text)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return "Invalid input JSON: " + err.Error()
	}
	return ""
}

func (s *Server) create(r *http.Request) reply {
	k, ok := s.kinds[r.PathValue("kind")]
	if !ok {
		return notFound("Unable to infer object type")
	}
	var body struct {
		Properties   map[string]string `json:"properties"`
		Associations []association     `json:"associations"`
	}
	if fault := decode(r, &body, "properties", "associations"); fault != "" {
		return invalid(fault)
	}
	var owners []string
	for _, a := range body.Associations {
		if k.name != "calls" || !a.sound() || s.kinds["contacts"].find(a.To.ID) == nil {
			return invalid(fmt.Sprintf("association to %q is not valid", a.To.ID))
		}
		owners = append(owners, a.To.ID)
	}
	record, refusal := s.add(k, body.Properties)
	if record == nil {
		return refusal
	}
	record.Contacts = owners
	return reply{http.StatusCreated, record.view(k, nil)}
}

// association is one in the body of a new record.
type association struct {
	To struct {
		ID string `json:"id"`
	} `json:"to"`
	Types []struct {
		Category string `json:"associationCategory"`
		Type     int    `json:"associationTypeId"`
	} `json:"types"`
}

// sound reports whether it is that of a call with its contact.
func (a association) sound() bool {
	return len(a.Types) == 1 && a.Types[0].Category == "HUBSPOT_DEFINED" && a.Types[0].Type == 194
}

// add makes a record, or returns a refusal.
func (s *Server) add(k *kind, values map[string]string) (*Record, reply) {
	for _, name := range k.required {
		if values[name] == "" {
			return nil, invalid("Error creating " + k.name + ". Some required properties were not set: " + name)
		}
	}
	if fault := s.judge(k, values); fault != "" {
		return nil, invalid(fault)
	}
	for name, value := range values {
		if k.properties[name].Unique && k.with(name, value) != nil {
			return nil, problem(http.StatusConflict, "CONFLICT", "A record with this "+name+" already exists", nil)
		}
	}
	record := &Record{ID: s.nextID(), Properties: maps.Clone(values), Created: time.Now(), Updated: time.Now()}
	if record.Properties == nil {
		record.Properties = make(map[string]string)
	}
	k.records = append(k.records, record)
	return record, reply{}
}

func (s *Server) change(r *http.Request) reply {
	k, ok := s.kinds[r.PathValue("kind")]
	if !ok {
		return notFound("Unable to infer object type")
	}
	record := k.find(r.PathValue("id"))
	if property := r.URL.Query().Get("idProperty"); property != "" {
		record = k.with(property, r.PathValue("id"))
	}
	if record == nil {
		return notFound("Object not found.  objectId are usually numeric.")
	}
	var body struct {
		Properties map[string]string `json:"properties"`
	}
	if fault := decode(r, &body, "properties"); fault != "" {
		return invalid(fault)
	}
	if fault := s.judge(k, body.Properties); fault != "" {
		return invalid(fault)
	}
	record.set(body.Properties)
	return reply{http.StatusOK, record.view(k, nil)}
}

// set writes properties; an empty value clears.
func (r *Record) set(values map[string]string) {
	for name, value := range values {
		if value == "" {
			delete(r.Properties, name)
			continue
		}
		r.Properties[name] = value
	}
	r.Updated = time.Now()
}

// find returns the record with an ID, or nil.
func (k *kind) find(id string) *Record {
	return k.first(func(r *Record) bool { return r.ID == id })
}

// with returns the record with a value, or nil.
func (k *kind) with(property, value string) *Record {
	return k.first(func(r *Record) bool { return value != "" && r.Properties[property] == value })
}

func (k *kind) first(is func(*Record) bool) *Record {
	for _, r := range k.records {
		if !r.archived && is(r) {
			return r
		}
	}
	return nil
}
