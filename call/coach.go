package call

import "time"

// CoachMode is what a coach lets be heard of themselves.
type CoachMode string

// The modes of a coach.
const (
	CoachListens  CoachMode = "listen"  // nobody hears them
	CoachWhispers CoachMode = "whisper" // the salesperson alone hears them
	CoachBarges   CoachMode = "barge"   // everybody hears them
)

// role is a coach's place in the table of who hears whom. What is no mode is silent.
func (c CoachMode) role() Role {
	switch c {
	case CoachWhispers:
		return RoleWhisperer
	case CoachBarges:
		return RoleBarger
	case CoachListens:
	}
	return RoleCoach
}

// Coaching is what routing decided about a supervisor who joins a conversation.
// They are reserved until Floor.Over or Floor.Free is called for them.
type Coaching struct {
	User string    // the supervisor
	Mode CoachMode // in which they join
	// Barge lets keys of their phone choose CoachBarges.
	Barge bool
	// Stays keeps them with the salesperson: when that one's conversation is
	// over, they wait for the next.
	Stays bool
	With  string // whom they stay with; filled in as they join
	Show  Party  // whom their phone's display names
	Music Sound  // while they wait

	RingTimeout time.Duration // how long their phone may ring
}

// CoachSession is one coaching of a call, from joining to leaving.
type CoachSession struct {
	User     string      `json:"user"`
	JoinedAt time.Time   `json:"joined_at"`
	LeftAt   *time.Time  `json:"left_at"` // nil while they are there
	Modes    []CoachTurn `json:"modes"`   // the first one is that of joining
}

// Mode is the session's mode, or its last one.
func (s CoachSession) Mode() CoachMode {
	if len(s.Modes) == 0 {
		return CoachListens
	}
	return s.Modes[len(s.Modes)-1].Mode
}

// CoachTurn is when a coach took on a mode.
type CoachTurn struct {
	Mode CoachMode `json:"mode"`
	At   time.Time `json:"at"`
}
