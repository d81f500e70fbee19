package config

// choice is a text that must be one of a fixed set.
type choice interface{ choices() []string }

// Role is what a user may do.
type Role string

// The roles, from least to most.
const (
	Salesperson Role = "salesperson"
	Supervisor  Role = "supervisor"
	Admin       Role = "admin"
)

func (Role) choices() []string { return list(Salesperson, Supervisor, Admin) }

// Transport is what a SIP listener speaks.
type Transport string

// The transports of SIP listeners (RFC 3261, RFC 7118).
const (
	UDP          Transport = "udp"
	TCP          Transport = "tcp"
	TLSTransport Transport = "tls"
	WS           Transport = "ws"
	WSS          Transport = "wss"
)

func (Transport) choices() []string { return list(UDP, TCP, TLSTransport, WS, WSS) }

// secure reports whether the transport needs a certificate.
func (t Transport) secure() bool { return t == TLSTransport || t == WSS }

// TrunkTransport is how requests go to a carrier.
type TrunkTransport string

// The transports of trunks.
const (
	TrunkUDP TrunkTransport = "udp"
	TrunkTCP TrunkTransport = "tcp"
	TrunkTLS TrunkTransport = "tls"
)

func (TrunkTransport) choices() []string { return list(TrunkUDP, TrunkTCP, TrunkTLS) }

// Codec is an audio codec by its RTP name (RFC 3551).
type Codec string

// The codecs of trunks: G.711 A-law and mu-law, and G.722.
const (
	PCMA Codec = "PCMA"
	PCMU Codec = "PCMU"
	G722 Codec = "G722"
)

func (Codec) choices() []string { return list(PCMA, PCMU, G722) }

// SRTP is whether media is encrypted (RFC 3711, keys by RFC 4568).
type SRTP string

// The values of trunks[].srtp.
const (
	SRTPOff      SRTP = "off"
	SRTPOptional SRTP = "optional"
	SRTPRequired SRTP = "required"
)

func (SRTP) choices() []string { return list(SRTPOff, SRTPOptional, SRTPRequired) }

// CallerIDHeader is the header that carries our number on outbound calls.
type CallerIDHeader string

// The values of trunks[].caller_id (RFC 3261 20.20, RFC 3325; Remote-Party-ID is an older habit).
const (
	FromHeader        CallerIDHeader = "from"
	PAssertedIdentity CallerIDHeader = "p-asserted-identity" //nolint:gosec // the name of a SIP header, not a credential
	RemotePartyID     CallerIDHeader = "remote-party-id"
)

func (CallerIDHeader) choices() []string {
	return list(FromHeader, PAssertedIdentity, RemotePartyID)
}

// NumberFormat is how a carrier wants numbers written.
type NumberFormat string

// The values of trunks[].number_format: +34910000001, 34910000001, 910000001.
const (
	E164     NumberFormat = "e164"
	Digits   NumberFormat = "digits"
	National NumberFormat = "national"
)

func (NumberFormat) choices() []string { return list(E164, Digits, National) }

// Layout is which side of a conversation is on a recording's left channel.
type Layout string

// The values of recording.layout.
const (
	ContactLeft Layout = "contact-left"
	CallerLeft  Layout = "caller-left"
)

func (Layout) choices() []string { return list(ContactLeft, CallerLeft) }

// Strategy is the order in which available salespeople are asked.
type Strategy string

// The values of playbooks[].reception.strategy.
const (
	LongestIdle Strategy = "longest-idle"
	RoundRobin  Strategy = "round-robin"
	FewestCalls Strategy = "fewest-calls"
	Random      Strategy = "random"
	RingAll     Strategy = "ring-all"
)

func (Strategy) choices() []string {
	return list(LongestIdle, RoundRobin, FewestCalls, Random, RingAll)
}

// OnReject is what a salesperson's rejection does to the call.
type OnReject string

// The values of playbooks[].reception.on_reject.
const (
	RejectMissed OnReject = "missed"
	RejectNext   OnReject = "next"
)

func (OnReject) choices() []string { return list(RejectMissed, RejectNext) }

// AnswerMode is how a waiting caller hears music.
type AnswerMode string

// The values of playbooks[].reception.answer: 200 at once, or 183 until accepted.
const (
	AnswerImmediate AnswerMode = "immediate"
	AnswerEarly     AnswerMode = "early"
)

func (AnswerMode) choices() []string { return list(AnswerImmediate, AnswerEarly) }

// MissedTask is when a call outside office hours leaves a task.
type MissedTask string

// The values of playbooks[].closed.missed_task.
const (
	MissedAlways     MissedTask = "always"
	MissedUnanswered MissedTask = "unanswered"
)

func (MissedTask) choices() []string { return list(MissedAlways, MissedUnanswered) }

// Provider is a CRM.
type Provider string

// The values of crm.provider.
const (
	HubSpot   Provider = "hubspot"
	Pipedrive Provider = "pipedrive"
	NoCRM     Provider = "none"
)

func (Provider) choices() []string { return list(HubSpot, Pipedrive, NoCRM) }

// Result is a call result, as a key of crm.dispositions.
type Result string

// The six call results.
const (
	Completed    Result = "completed"
	NoAnswer     Result = "no_answer"
	Busy         Result = "busy"
	Failed       Result = "failed"
	Cancelled    Result = "cancelled"
	OfficeClosed Result = "office_closed"
)

func (Result) choices() []string {
	return list(Completed, NoAnswer, Busy, Failed, Cancelled, OfficeClosed)
}

// LogLevel is the least important level that is logged.
type LogLevel string

// The values of log.level.
const (
	LogDebug LogLevel = "debug"
	LogInfo  LogLevel = "info"
	LogWarn  LogLevel = "warn"
	LogError LogLevel = "error"
)

func (LogLevel) choices() []string { return list(LogDebug, LogInfo, LogWarn, LogError) }

// LogFormat is how log records are written.
type LogFormat string

// The values of log.format.
const (
	LogText LogFormat = "text"
	LogJSON LogFormat = "json"
)

func (LogFormat) choices() []string { return list(LogText, LogJSON) }

// list turns the constants of one type into their texts.
func list[T ~string](values ...T) []string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = string(v)
	}
	return texts
}
