package config

import (
	"net/netip"
	"time"
)

// Each field's doc tag is its description in the JSON Schema; min and max are
// its bounds, checked when the file is read; required keys must be present and
// not empty. Fields without required have a default (see defaults.go).

// Account is the company that runs the switch.
type Account struct {
	Name     string  `yaml:"name" doc:"Name of the company, shown in the console and in CRM titles."`
	Country  Country `yaml:"country" doc:"ISO 3166-1 country that a number written without a country code belongs to."`
	Timezone Zone    `yaml:"timezone" doc:"IANA time zone; the default of the playbooks."`
}

// TLS names a certificate and its private key, both PEM files.
type TLS struct {
	Cert string `yaml:"cert" doc:"PEM file with the certificate and its chain."`
	Key  string `yaml:"key" doc:"PEM file with the certificate's private key."`
}

// SIP is how phones and carriers reach the switch.
type SIP struct {
	Listen            []Listen `yaml:"listen" doc:"Addresses to listen on, each transport://host:port with transport udp, tcp, tls, ws or wss."`
	Domain            string   `yaml:"domain" doc:"Host of the agents' SIP addresses and realm of their passwords; needed as soon as there are users."`
	External          string   `yaml:"external" doc:"Address put in Via, Contact and SDP when the switch is behind NAT."`
	TLS               TLS      `yaml:"tls" doc:"Certificate for the tls and wss listeners."`
	UserAgent         string   `yaml:"user_agent" doc:"User-Agent and Server header."`
	MaxCalls          int      `yaml:"max_calls" min:"1" doc:"Calls at one time; more are answered 503 with Retry-After."`
	MaxCallsPerSecond int      `yaml:"max_calls_per_second" min:"1" doc:"New calls a second; more are answered 503 with Retry-After."`
}

// Media is how audio is carried.
type Media struct {
	Ports        PortRange     `yaml:"ports" doc:"UDP ports, first-last: even ports carry RTP, the next odd one RTCP."`
	External     string        `yaml:"external" doc:"Address put in SDP; by default the one of sip.external."`
	Jitter       Jitter        `yaml:"jitter" doc:"Bounds of the adaptive jitter buffer."`
	Timeout      time.Duration `yaml:"timeout" min:"100ms" doc:"A call without RTP for this long while talking is released."`
	CountryTones Country       `yaml:"country_tones" doc:"Country whose ringback, busy and congestion tones are played; by default the account's."`
}

// Jitter bounds the jitter buffer.
type Jitter struct {
	Min time.Duration `yaml:"min" min:"10ms" max:"1s" doc:"Least delay of the jitter buffer."`
	Max time.Duration `yaml:"max" min:"20ms" max:"2s" doc:"Most delay of the jitter buffer."`
}

// HTTP is where the API and the console are served.
type HTTP struct {
	Listen    HostPort `yaml:"listen" doc:"host:port of the API, the console and the metrics."`
	TLS       TLS      `yaml:"tls" doc:"Certificate for HTTPS; without one the listener speaks plain HTTP."`
	PublicURL string   `yaml:"public_url" doc:"Address of the console as browsers and the CRM see it; by default made from listen."`
}

// Recording is whether and where conversations are recorded.
type Recording struct {
	Enabled   bool          `yaml:"enabled" doc:"The administrator's activation; off, nothing is ever written."`
	Directory string        `yaml:"directory" doc:"Folder of the recordings; by default recordings in data."`
	Retention time.Duration `yaml:"retention" min:"0" doc:"Recordings older than this are deleted; 0 keeps them for ever."`
	Announce  string        `yaml:"announce" doc:"WAV played to the contact before the conversation is recorded."`
	Layout    Layout        `yaml:"layout" doc:"Which side is on the left channel."`
	Archive   Archive       `yaml:"archive" doc:"Where finished recordings are moved to; until they are, they wait in directory. By default they stay there."`
	Command   []string      `yaml:"command" doc:"Program and arguments, without a shell, run once on a copy of each finished recording, ten minutes at most: {in} is the WAV, {out}.flac (with the extension of your choice) what it makes, which is kept beside the WAV. The WAV stays what is played and verified, whatever the program does; a failure is logged and counted."`
}

// Archive is where recordings go when they are finished: one of the two, or
// neither.
type Archive struct {
	Directory string `yaml:"directory" doc:"Folder on another disk; it has to exist, and is marked when it is used first, so that an empty mount point is not taken for it."`
	S3        S3     `yaml:"s3" doc:"Bucket of an S3 server, Amazon's or another."`
}

// S3 is a bucket and the credentials for it.
type S3 struct {
	Endpoint  string `yaml:"endpoint" doc:"host or host:port of the server, which may be on the local network; empty: no S3."`
	Secure    bool   `yaml:"secure" doc:"Speak TLS with it; false only on a network of your own."`
	Region    string `yaml:"region" doc:"Region of the bucket; by default the server is asked."`
	Bucket    string `yaml:"bucket" doc:"Name of the bucket, which has to exist."`
	Prefix    string `yaml:"prefix" doc:"Put before the names of recordings, such as sales/recordings; empty: nothing."`
	AccessKey Secret `yaml:"access_key" doc:"Access key; it has to be allowed to get, put and delete objects."`
	SecretKey Secret `yaml:"secret_key" doc:"Secret of the access key."`
}

// Trunk is a link to a carrier.
type Trunk struct {
	Name           string         `yaml:"name" required:"true" doc:"Name of the trunk, used by numbers and in metrics."`
	Address        string         `yaml:"address" required:"true" doc:"host or host:port of the carrier; without a port SRV and A/AAAA records are looked up."`
	Transport      TrunkTransport `yaml:"transport" doc:"Transport of outbound requests."`
	TLS            PeerTLS        `yaml:"tls" doc:"How the carrier is verified over transport tls, and how it verifies the switch."`
	Allow          []netip.Prefix `yaml:"allow" doc:"Addresses (CIDR) that inbound calls may come from; by default those that address resolves to. An empty list lets nobody in. Over transport tls, a carrier that shows a certificate for address from tls.ca may come from anywhere else too."`
	Register       Register       `yaml:"register" doc:"Registration at the carrier, for those that ask for it."`
	Auth           Credentials    `yaml:"auth" doc:"Answer to 401 and 407 on outbound calls."`
	Codecs         []Codec        `yaml:"codecs" doc:"Codecs in order of preference."`
	SRTP           SRTP           `yaml:"srtp" doc:"Whether media is encrypted; required needs transport tls."`
	CallerID       CallerIDHeader `yaml:"caller_id" doc:"Header that carries our number on outbound calls."`
	TrustCallerID  bool           `yaml:"trust_caller_id" doc:"Believe P-Asserted-Identity on inbound calls."`
	NumberFormat   NumberFormat   `yaml:"number_format" doc:"How numbers are written to the carrier: e164 (+34...), digits (34...) or national."`
	MaxCalls       int            `yaml:"max_calls" min:"1" doc:"Channels bought from the carrier."`
	CallsPerSecond int            `yaml:"calls_per_second" min:"1" doc:"New outbound calls a second."`
	Keepalive      time.Duration  `yaml:"keepalive" min:"0" doc:"Interval of OPTIONS requests, three misses mark the trunk down; 0 sends none."`
	RingTimeout    time.Duration  `yaml:"ring_timeout" min:"100ms" doc:"How long an outbound call may ring."`
}

// PeerTLS is how both ends of a trunk are verified.
type PeerTLS struct {
	CA   string `yaml:"ca" doc:"PEM file of the authorities that the carrier's certificate may come from, whoever connects; by default the system's."`
	Cert string `yaml:"cert" doc:"PEM file of the switch's own certificate, for carriers that ask for one."`
	Key  string `yaml:"key" doc:"PEM file with that certificate's private key."`
}

// Credentials answer a carrier's challenge.
type Credentials struct {
	Username string `yaml:"username" doc:"User name that the carrier gave; empty: no authentication."`
	Password Secret `yaml:"password" doc:"Password that the carrier gave."`
}

// Register is a registration at a carrier.
type Register struct {
	Username string        `yaml:"username" doc:"User name to register with; empty: the trunk does not register."`
	Password Secret        `yaml:"password" doc:"Password to register with."`
	Expires  time.Duration `yaml:"expires" min:"1s" doc:"Validity asked for; refreshed well before."`
}

// Number is one of the account's own numbers.
type Number struct {
	Number   string   `yaml:"number" required:"true" doc:"The number in E.164, with + and country code; in quotes."`
	Trunks   []string `yaml:"trunks" doc:"Trunks that may carry calls from this number, in order of preference."`
	Playbook string   `yaml:"playbook" doc:"Playbook that receives its calls."`
}

// User is somebody who works with the switch.
type User struct {
	Name        string `yaml:"name" required:"true" doc:"SIP user and login: lower-case letters, digits, '.', '_' and '-'."`
	Display     string `yaml:"display" doc:"Name shown to people; by default the user's name."`
	Role        Role   `yaml:"role" doc:"What the user may do."`
	Extension   string `yaml:"extension" doc:"Two to six digits by which colleagues dial the user; in quotes."`
	SIPPassword Secret `yaml:"sip_password" doc:"Password of the user's phone, better not shorter than 8 characters; absent: the user has no phone."`
	Password    Secret `yaml:"password" doc:"Console login: an argon2id hash made by tandem users hash; empty: no login."`
	SRTP        SRTP   `yaml:"srtp" doc:"Whether the media of the user's phones is encrypted; required takes phones over tls alone."`
	CRMOwner    string `yaml:"crm_owner" doc:"The user's id in the CRM, so that logged calls are theirs."`
}

// Playbook is who sells what, from which number, when.
type Playbook struct {
	Name       string        `yaml:"name" required:"true" doc:"Name of the playbook, used by numbers, campaigns and commands."`
	Users      []string      `yaml:"users" doc:"Users who take and make its calls."`
	MainNumber string        `yaml:"main_number" doc:"The account's number that outbound calls show when no better one is found."`
	Hours      *Hours        `yaml:"hours" doc:"Office hours; absent: always open."`
	Closed     Closed        `yaml:"closed" doc:"What a caller outside office hours gets."`
	Reception  Reception     `yaml:"reception" doc:"How inbound calls find a salesperson."`
	WrapUp     time.Duration `yaml:"wrap_up" min:"0" doc:"Pause after a call before the salesperson is available again."`
	Recording  OwnRecording  `yaml:"recording" doc:"How its conversations are recorded, where that differs from the account's."`
}

// OwnRecording is what a playbook says about the recording of its conversations.
type OwnRecording struct {
	Enabled   bool          `yaml:"enabled" doc:"false: its conversations are not recorded; true does nothing unless recording is enabled for the account."`
	Retention time.Duration `yaml:"retention" min:"0" doc:"Its recordings older than this are deleted, 0 keeps them for ever; by default as the account's. A recording on hold stays."`
}

// Hours is when a playbook is open.
type Hours struct {
	Timezone   Zone         `yaml:"timezone" doc:"IANA time zone of the hours; by default the account's."`
	Weekly     Weekly       `yaml:"weekly" doc:"Intervals by day: mon to sun, ranges (mon-thu) and lists (mon,wed); a day that is not named is closed."`
	Holidays   []Date       `yaml:"holidays" doc:"Dates (2026-12-25) that are closed all day."`
	Exceptions map[Date]Day `yaml:"exceptions" doc:"Dates whose intervals replace the weekly ones; [] or closed: closed all day."`
}

// Closed is what a caller outside office hours gets.
type Closed struct {
	Prompt     string     `yaml:"prompt" doc:"WAV to play; by default the built-in office-closed message."`
	Redirect   string     `yaml:"redirect" doc:"Number that the call goes to after the message; empty: it is ended."`
	MissedTask MissedTask `yaml:"missed_task" doc:"always, or unanswered: no task when the redirected call was answered."`
}

// Reception is how inbound calls find a salesperson.
type Reception struct {
	Strategy     Strategy      `yaml:"strategy" doc:"Order in which available salespeople are asked."`
	PreferOwner  bool          `yaml:"prefer_owner" doc:"Ask the contact's own salesperson first, when available."`
	Timeout      time.Duration `yaml:"timeout" min:"100ms" doc:"Time from the call's arrival after which it is missed."`
	OfferTimeout time.Duration `yaml:"offer_timeout" min:"100ms" doc:"How long one salesperson rings before the next is asked; at most timeout, and by default no more than it."`
	OnReject     OnReject      `yaml:"on_reject" doc:"missed: a rejection ends the call as missed; next: the next salesperson is asked."`
	HoldMusic    string        `yaml:"hold_music" doc:"WAV to play while waiting; by default the built-in music."`
	Answer       AnswerMode    `yaml:"answer" doc:"immediate: 200 OK, then music; early: 183 with music until a salesperson accepts."`
}

// Coaching is supervisors joining live calls.
type Coaching struct {
	NotifySalesperson bool   `yaml:"notify_salesperson" doc:"Show on the salesperson's screen that a coach is on the call."`
	Roles             []Role `yaml:"roles" doc:"Roles that may coach."`
	Barge             bool   `yaml:"barge" doc:"Whether a coach may let the contact hear them."`
}

// CRM is where ended calls are logged.
type CRM struct {
	Provider       Provider          `yaml:"provider" doc:"The CRM; by default hubspot when a token is given, else none."`
	Token          Secret            `yaml:"token" doc:"The CRM's API token; needed unless provider is none or oauth is given."`
	OAuth          OAuth             `yaml:"oauth" doc:"A HubSpot app that the account has connected, instead of token."`
	BaseURL        string            `yaml:"base_url" doc:"Address of the CRM's API; by default the provider's own."`
	AllowPrivate   bool              `yaml:"allow_private" doc:"Whether base_url may lead to a private or loopback address."`
	SyncAfter      time.Duration     `yaml:"sync_after" min:"0" doc:"How long after its end a logged call is completed with notes and disposition."`
	CreateContacts bool              `yaml:"create_contacts" doc:"Create contacts that the CRM does not know."`
	Dispositions   map[Result]string `yaml:"dispositions" doc:"The CRM's own outcome for a call result, where the default does not fit."`
}

// OAuth is what an app of the CRM's has instead of a token.
type OAuth struct {
	ClientID     string `yaml:"client_id" doc:"The app's client ID."`
	ClientSecret Secret `yaml:"client_secret" doc:"The app's client secret."`
	RefreshToken Secret `yaml:"refresh_token" doc:"The refresh token that connecting the app to the account gave."`
}

// Dialer holds the limits that no campaign may exceed.
type Dialer struct {
	AbandonmentLimit  float64       `yaml:"abandonment_limit" min:"0" max:"1" doc:"Share of the calls answered by a person that may be abandoned, per campaign."`
	AbandonmentWindow time.Duration `yaml:"abandonment_window" min:"1m" doc:"Rolling window over which abandonment is counted."`
	ConnectWithin     time.Duration `yaml:"connect_within" min:"100ms" doc:"An answered call not connected by then is abandoned."`
	RingAtLeast       time.Duration `yaml:"ring_at_least" min:"0" doc:"How long a contact's phone rings before the call is given up."`
	CallingHours      []Interval    `yaml:"calling_hours" doc:"When contacts may be called, in their own time zone."`
	RetryGap          time.Duration `yaml:"retry_gap" min:"0" doc:"Least time between two attempts at one number."`
	MaxAttemptsPerDay int           `yaml:"max_attempts_per_day" min:"1" doc:"Attempts at one number a day, across campaigns."`
}

// Limits protect against floods and guessing; each is per source address.
type Limits struct {
	FailedAuthPerMinute int           `yaml:"failed_auth_per_minute" min:"1" doc:"Wrong passwords a minute before a ban."`
	RequestsPerSecond   int           `yaml:"requests_per_second" min:"1" doc:"SIP requests a second."`
	Ban                 time.Duration `yaml:"ban" min:"0" doc:"How long a ban lasts."`
}

// Log is the program's own log.
type Log struct {
	Level  LogLevel  `yaml:"level" doc:"Least important level that is written."`
	Format LogFormat `yaml:"format" doc:"text for people, json for machines."`
}
