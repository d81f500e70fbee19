package call

// Role is what a leg is to the conversation; it alone decides who hears whom.
type Role uint8

// The roles of a leg.
const (
	RoleContact     Role = iota // the person outside
	RoleSalesperson             // the user who talks with the contact
	RoleCoach                   // a supervisor who listens
	RoleWhisperer               // a supervisor whom the salesperson hears
	RoleBarger                  // a supervisor whom everybody hears
	RoleOutside                 // an outside number that a call was redirected to
)

func (r Role) String() string {
	return [...]string{"contact", "salesperson", "coach", "whisperer", "barger", "outside"}[r]
}

// Hears is the one table of who hears whom. What is not said here is silence.
func Hears(listener, speaker Role) bool {
	switch speaker {
	case RoleContact:
		return listener != RoleContact
	case RoleSalesperson, RoleOutside:
		return listener == RoleContact || supervises(listener)
	case RoleWhisperer:
		return listener == RoleSalesperson || supervises(listener)
	case RoleBarger:
		return true
	case RoleCoach:
		return false
	}
	return false
}

// supervises reports whether a role belongs to a coach, in whatever mode.
func supervises(r Role) bool { return r == RoleCoach || r == RoleWhisperer || r == RoleBarger }

// Edge says that one leg hears another.
type Edge struct{ Listener, Speaker LegID }

// Seat is a leg's place in a conversation.
type Seat struct {
	Leg  LegID
	Role Role
}

// Audience returns the edges among the given seats: those of Hears and no others.
func Audience(seats []Seat) []Edge {
	var edges []Edge
	for _, listener := range seats {
		for _, speaker := range seats {
			if listener.Leg != speaker.Leg && Hears(listener.Role, speaker.Role) {
				edges = append(edges, Edge{Listener: listener.Leg, Speaker: speaker.Leg})
			}
		}
	}
	return edges
}
