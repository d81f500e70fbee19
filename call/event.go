package call

import "time"

// EventType names what happened, in the past tense.
type EventType string

// The events that are published.
const (
	EventCallArrived    EventType = "call.arrived"
	EventCallOffered    EventType = "call.offered"
	EventCallAnswered   EventType = "call.answered"
	EventCallMissed     EventType = "call.missed"
	EventCallEnded      EventType = "call.ended"
	EventCallCoached    EventType = "call.coached"
	EventCallHeld       EventType = "call.held"
	EventTaskCreated    EventType = "task.created"
	EventTaskChanged    EventType = "task.changed"
	EventContactCreated EventType = "contact.created"
	EventContactChanged EventType = "contact.changed"
	EventUserChanged    EventType = "user.changed"
	EventTrunkChanged   EventType = "trunk.changed"
	EventRecordingReady EventType = "recording.ready"
	EventCRMSynced      EventType = "crm.synced"
	EventCampaign       EventType = "campaign.changed"
)

// Event is one published fact. The store is the truth; an event says when to
// look there.
type Event struct {
	Seq  uint64    `json:"seq"` // grows, across restarts too; set by the bus
	Type EventType `json:"type"`
	At   time.Time `json:"at"`

	// Who may see it: everybody with the role, or the user it concerns.
	User     string `json:"user,omitempty"`
	Playbook string `json:"playbook,omitempty"`

	CallID    ID     `json:"call_id,omitempty"`
	ContactID string `json:"contact_id,omitempty"`
	TaskID    string `json:"task_id,omitempty"`
	Trunk     string `json:"trunk,omitempty"`

	// Call is the record as it was when a call.* event was published.
	Call *Record `json:"call,omitempty"`
	// Data is what the other events carry, ready for JSON.
	Data any `json:"data,omitempty"`
}

// Publisher takes events. It never blocks.
type Publisher interface{ Publish(Event) }
