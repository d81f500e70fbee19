package config

import (
	"reflect"
	"time"
)

// defaultConfig is the configuration of a file that sets nothing. Defaults that
// follow from other keys (media.external, users[].display, ...) are filled in
// by deriveDefaults after reading.
func defaultConfig() Config {
	return Config{
		Account: Account{Country: "ES", Timezone: "Europe/Madrid"},
		Data:    "./data",
		SIP: SIP{
			Listen: []Listen{
				{Transport: UDP, Host: "0.0.0.0", Port: 5060},
				{Transport: TCP, Host: "0.0.0.0", Port: 5060},
			},
			UserAgent:         "Tandem",
			MaxCalls:          2000,
			MaxCallsPerSecond: 50,
		},
		Media: Media{
			Ports:   PortRange{First: 20000, Last: 29999},
			Jitter:  Jitter{Min: 20 * time.Millisecond, Max: 200 * time.Millisecond},
			Timeout: 30 * time.Second,
		},
		HTTP: HTTP{Listen: HostPort{Host: "127.0.0.1", Port: 8080}},
		Recording: Recording{
			Enabled: false, Retention: 365 * 24 * time.Hour, Layout: ContactLeft,
			Archive: Archive{S3: S3{Secure: true}}, Command: []string{},
		},
		Coaching: Coaching{NotifySalesperson: true, Roles: []Role{Supervisor, Admin}},
		CRM:      CRM{SyncAfter: 5 * time.Minute, CreateContacts: true},
		Dialer: Dialer{
			AbandonmentLimit:  0.03,
			AbandonmentWindow: 30 * 24 * time.Hour,
			ConnectWithin:     2 * time.Second,
			RingAtLeast:       15 * time.Second,
			CallingHours:      []Interval{{From: 8 * 60, Until: 21 * 60}},
			RetryGap:          time.Hour,
			MaxAttemptsPerDay: 3,
		},
		Limits: Limits{FailedAuthPerMinute: 10, RequestsPerSecond: 100, Ban: 10 * time.Minute},
		Log:    Log{Level: LogInfo, Format: LogText},
	}
}

// elementDefault is what an element of a list starts from before its keys are
// read, for the sections that come as lists.
func elementDefault(t reflect.Type) reflect.Value {
	switch t {
	case reflect.TypeFor[Trunk]():
		return reflect.ValueOf(Trunk{
			Transport:      TrunkUDP,
			Register:       Register{Expires: time.Hour},
			Codecs:         []Codec{PCMA, PCMU},
			SRTP:           SRTPOff,
			CallerID:       PAssertedIdentity,
			TrustCallerID:  true,
			NumberFormat:   E164,
			MaxCalls:       60,
			CallsPerSecond: 5,
			Keepalive:      30 * time.Second,
			RingTimeout:    45 * time.Second,
		})
	case reflect.TypeFor[User]():
		return reflect.ValueOf(User{Role: Salesperson, SRTP: SRTPOptional})
	case reflect.TypeFor[Playbook]():
		return reflect.ValueOf(Playbook{
			Closed: Closed{MissedTask: MissedAlways},
			Reception: Reception{
				Strategy:     LongestIdle,
				PreferOwner:  true,
				Timeout:      time.Minute,
				OfferTimeout: time.Minute,
				OnReject:     RejectMissed,
				Answer:       AnswerImmediate,
			},
			WrapUp:    15 * time.Second,
			Recording: OwnRecording{Enabled: true, Retention: 365 * 24 * time.Hour},
		})
	}
	return reflect.Zero(t)
}
