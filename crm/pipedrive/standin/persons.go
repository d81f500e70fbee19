package standin

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// Person is a contact as Pipedrive keeps it.
type Person struct {
	ID      int       `json:"id"`
	Name    string    `json:"name"`
	OwnerID int       `json:"owner_id"`
	Phones  []Phone   `json:"phones"`
	Deleted bool      `json:"is_deleted"`
	Added   time.Time `json:"add_time"`
	Updated time.Time `json:"update_time"`
}

// Phone is one of a person's numbers, as somebody typed it.
type Phone struct {
	Value   string `json:"value"`
	Primary bool   `json:"primary"`
	Label   string `json:"label"`
}

// AddPerson adds a person with numbers as people write them, whom the search
// finds at once, and returns the ID.
func (s *Server) AddPerson(name string, numbers ...string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := Person{Name: name, OwnerID: s.options.Users[0], Added: time.Now().UTC().Add(-s.options.IndexLag)}
	for i, number := range numbers {
		p.Phones = append(p.Phones, Phone{Value: number, Primary: i == 0, Label: "work"})
	}
	return s.keepPerson(p).ID
}

func (s *Server) keepPerson(p Person) Person {
	p.ID = len(s.persons) + 1
	p.Updated = p.Added
	s.persons = append(s.persons, p)
	return p
}

// DeletePerson deletes a person, as a user of Pipedrive would.
func (s *Server) DeletePerson(id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.person(id) != nil {
		s.persons[id-1].Deleted = true
	}
}

// Persons returns everybody who is not deleted.
func (s *Server) Persons() []Person {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.livePersons()
}

func (s *Server) livePersons() []Person {
	return slices.DeleteFunc(slices.Clone(s.persons), func(p Person) bool { return p.Deleted })
}

// person returns a person who is not deleted, or nil.
func (s *Server) person(id int) *Person {
	if id < 1 || id > len(s.persons) || s.persons[id-1].Deleted {
		return nil
	}
	return &s.persons[id-1]
}

func (s *Server) addPerson(r *http.Request) reply {
	var in struct {
		Name    string  `json:"name"`
		OwnerID int     `json:"owner_id"`
		Phones  []Phone `json:"phones"`
	}
	if err := decode(r, &in); err != nil {
		return refuse(http.StatusBadRequest, err.Error())
	}
	if in.Name == "" {
		return refuse(http.StatusBadRequest, "Name must be given.")
	}
	if in.OwnerID == 0 {
		in.OwnerID = s.options.Users[0]
	}
	if !s.isUser(in.OwnerID) {
		return refuse(http.StatusBadRequest, "owner_id: User not found")
	}
	return ok(s.keepPerson(Person{Name: in.Name, OwnerID: in.OwnerID, Phones: in.Phones, Added: time.Now().UTC()}))
}

// searchPersons compares the term with what was typed, letter by letter:
// Pipedrive promises no more.
func (s *Server) searchPersons(r *http.Request) reply {
	query := r.URL.Query()
	term := strings.ToLower(query.Get("term"))
	exact := query.Get("exact_match") == "true"
	if len(term) < 2 && (!exact || term == "") {
		return refuse(http.StatusBadRequest, "term: must be at least 2 characters long")
	}
	limit, err := sizeOf(query, 100, 500)
	if err != nil {
		return refuse(http.StatusBadRequest, err.Error())
	}
	items := []any{}
	for _, p := range s.livePersons() {
		found := slices.ContainsFunc(p.Phones, func(phone Phone) bool {
			stored := strings.ToLower(phone.Value)
			return stored == term || !exact && strings.Contains(stored, term)
		})
		if found && time.Since(p.Added) >= s.options.IndexLag && len(items) < limit {
			items = append(items, map[string]any{"result_score": 0.5, "item": hit(p)})
		}
	}
	return ok(map[string]any{"items": items})
}

// hit is a person as the search shows them.
func hit(p Person) map[string]any {
	numbers := []string{}
	for _, phone := range p.Phones {
		numbers = append(numbers, phone.Value)
	}
	return map[string]any{
		"id": p.ID, "type": "person", "name": p.Name, "phones": numbers,
		"owner": map[string]int{"id": p.OwnerID},
	}
}

func (s *Server) listPersons(r *http.Request) reply {
	persons := s.livePersons()
	return list(r.URL.Query(), persons, map[string]func(a, b Person) int{
		"id":          func(a, b Person) int { return a.ID - b.ID },
		"add_time":    func(a, b Person) int { return a.Added.Compare(b.Added) },
		"update_time": func(a, b Person) int { return a.Updated.Compare(b.Updated) },
	})
}
