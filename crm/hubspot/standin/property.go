package standin

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/nyaruka/phonenumbers"
)

// Property is a property of a type of records.
type Property struct {
	Name      string `json:"name"`
	Label     string `json:"label"`
	Group     string `json:"groupName"`
	Type      string `json:"type"`
	FieldType string `json:"fieldType"`
	Unique    bool   `json:"hasUniqueValue"`

	// check says why a value is none of this property; nil: any text is.
	check func(string) string
	// derive makes the value from a record's others; nil: it is written.
	derive func(map[string]string) string
}

// view is a property as the API shows it.
func (p Property) view() map[string]any {
	return map[string]any{
		"name": p.Name, "label": p.Label, "groupName": p.Group, "type": p.Type, "fieldType": p.FieldType,
		"hasUniqueValue": p.Unique, "description": "", "options": []string{},
	}
}

// kind is a type of records.
type kind struct {
	name       string
	groups     []string
	required   []string // properties that a new record must have
	properties map[string]Property
	records    []*Record
}

func newKind(name, group string, required []string, properties ...Property) *kind {
	k := &kind{name: name, groups: []string{group}, required: required, properties: make(map[string]Property)}
	for _, p := range properties {
		p.Group, p.Type, p.FieldType = group, "string", "text"
		k.properties[p.Name] = p
	}
	return k
}

func contactKind() *kind {
	return newKind("contacts", "contactinformation", nil,
		Property{Name: "firstname"}, Property{Name: "lastname"}, Property{Name: "email", Unique: true},
		Property{Name: "phone"}, Property{Name: "mobilephone"}, Property{Name: "hubspot_owner_id"},
		Property{Name: "hs_searchable_calculated_phone_number", derive: nationalOf("phone")},
		Property{Name: "hs_searchable_calculated_mobile_number", derive: nationalOf("mobilephone")})
}

func callKind() *kind {
	return newKind("calls", "call", []string{"hs_timestamp"},
		Property{Name: "hs_timestamp", check: moment}, Property{Name: "hs_call_title"}, Property{Name: "hs_call_body"},
		Property{Name: "hs_call_duration", check: number}, Property{Name: "hs_call_direction", check: among("INBOUND", "OUTBOUND")},
		Property{Name: "hs_call_status", check: among("BUSY", "CALLING_CRM_USER", "CANCELED", "COMPLETED", "CONNECTING", "FAILED",
			"IN_PROGRESS", "NO_ANSWER", "QUEUED", "RINGING")},
		Property{Name: "hs_call_disposition"}, Property{Name: "hs_call_from_number"}, Property{Name: "hs_call_to_number"},
		Property{Name: "hs_call_recording_url", check: secureURL}, Property{Name: "hs_call_source", check: among("INTEGRATIONS_PLATFORM")},
		Property{Name: "hs_call_external_id"}, Property{Name: "hs_call_callee_object_id", check: number},
		Property{Name: "hs_call_callee_object_type_id"}, Property{Name: "hubspot_owner_id"})
}

// nationalOf calculates what HubSpot searches numbers by.
func nationalOf(property string) func(map[string]string) string {
	return func(values map[string]string) string {
		n, err := phonenumbers.Parse(values[property], "US")
		if err != nil {
			return ""
		}
		return phonenumbers.GetNationalSignificantNumber(n)
	}
}

func among(allowed ...string) func(string) string {
	return func(value string) string {
		if slices.Contains(allowed, value) {
			return ""
		}
		return fmt.Sprintf("%s was not one of the allowed options: %v", value, allowed)
	}
}

func number(value string) string {
	if _, err := strconv.ParseInt(value, 10, 64); err != nil {
		return value + " was not a valid long."
	}
	return ""
}

func moment(value string) string {
	if _, err := time.Parse(time.RFC3339, value); err == nil || number(value) == "" {
		return ""
	}
	return value + " was not a valid date."
}

func secureURL(value string) string {
	if u, err := url.Parse(value); err == nil && u.Scheme == "https" && u.Host != "" {
		return ""
	}
	return value + " was not an https URL."
}

// judge says why properties cannot be written; empty: they can.
func (s *Server) judge(k *kind, values map[string]string) string {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := values[name]
		p, ok := k.properties[name]
		switch {
		case !ok:
			return fmt.Sprintf("Property values were not valid: Property %q does not exist", name)
		case p.derive != nil:
			return fmt.Sprintf("Property values were not valid: %q is a read only property", name)
		case value == "":
			continue
		case p.check != nil && p.check(value) != "":
			return fmt.Sprintf("Property values were not valid: %s: %s", name, p.check(value))
		case name == "hubspot_owner_id" && !slices.Contains(s.options.Owners, value):
			return fmt.Sprintf("Property values were not valid: Owner %s does not exist (hubspot_owner_id)", value)
		case name == "hs_call_disposition" && !slices.ContainsFunc(s.outcomes, func(o Outcome) bool { return o.ID == value && !o.Deleted }):
			return fmt.Sprintf("Property values were not valid: hs_call_disposition: %s is no call outcome", value)
		}
	}
	return ""
}

func (s *Server) listGroups(r *http.Request) reply {
	k, ok := s.kinds[r.PathValue("kind")]
	if !ok {
		return notFound("Unable to infer object type")
	}
	results := []map[string]any{}
	for _, name := range k.groups {
		results = append(results, map[string]any{"name": name, "label": name, "displayOrder": 0, "archived": false})
	}
	return reply{http.StatusOK, map[string]any{"results": results}}
}

func (s *Server) showProperty(r *http.Request) reply {
	k, ok := s.kinds[r.PathValue("kind")]
	if !ok {
		return notFound("Unable to infer object type")
	}
	p, ok := k.properties[r.PathValue("name")]
	if !ok {
		return notFound("Property " + r.PathValue("name") + " does not exist")
	}
	return reply{http.StatusOK, p.view()}
}

func (s *Server) addProperty(r *http.Request) reply {
	k, ok := s.kinds[r.PathValue("kind")]
	if !ok {
		return notFound("Unable to infer object type")
	}
	var p Property
	if fault := decode(r, &p, "groupName", "name", "label", "type", "fieldType"); fault != "" {
		return invalid(fault)
	}
	if _, there := k.properties[p.Name]; there {
		return problem(http.StatusConflict, "CONFLICT", "A property named '"+p.Name+"' already exists.", nil)
	}
	if !slices.Contains(k.groups, p.Group) {
		return invalid("Property group " + p.Group + " does not exist")
	}
	if p.Unique && slices.Contains(s.options.NoUnique, k.name) {
		return invalid("Properties of " + k.name + " cannot have unique values")
	}
	k.properties[p.Name] = p
	return reply{http.StatusCreated, p.view()}
}

// AddProperty gives contacts or calls a property, as an administrator does.
func (s *Server) AddProperty(kind string, p Property) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kinds[kind].properties[p.Name] = p
}

// DeleteProperty takes a property of contacts or calls away, with its values.
func (s *Server) DeleteProperty(kind, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.kinds[kind]
	delete(k.properties, name)
	for _, record := range k.records {
		delete(record.Properties, name)
	}
}
