package daemon_test

import (
	"net/http"
	"slices"
	"testing"

	"tandem/call"
	"tandem/cmd/tandem/daemon/daemontest"
	"tandem/cmd/tandem/peer"
	"tandem/routing"
)

// ringbackTone is what a telephone of the house's country hears while it rings
// at the other end, in Hz.
const ringbackTone = 425

// dials has a telephone call somebody.
func (h *house) dials(p *peer.Phone, to string, change ...func(*peer.CallOptions)) *peer.Call {
	h.t.Helper()
	o := peer.CallOptions{To: to}
	for _, c := range change {
		c(&o)
	}
	ctx, cancel := wait()
	defer cancel()
	c, err := p.Dial(ctx, o)
	h.must(err)
	return c
}

// reaches waits for a call of the switch to a number outside, through a
// carrier. Whoever lifts there says a tone.
func (h *house) reaches(carrier *peer.Carrier, number string, tone float64) *peer.Call {
	h.t.Helper()
	ctx, cancel := wait()
	defer cancel()
	c, err := carrier.Accept(ctx)
	if err != nil {
		h.t.Fatalf("nobody calls %s: %v", number, err)
	}
	if got := peer.ParseAddress(c.Invite().URI).User(); got != number {
		h.t.Errorf("the carrier gets a call to %s, want %s", got, number)
	}
	h.must(c.UseMedia(peer.MediaOptions{Source: peer.Tone(tone)}))
	return c
}

// connected has a telephone call an outside number and somebody lift there,
// until both hear each other.
func (h *house) connected(p *peer.Phone, tone float64) (user, outside *peer.Call) {
	h.t.Helper()
	user = h.dials(p, outsideNumber)
	outside = h.reaches(h.carrier, outsideNumber, outsideTone)
	h.must(outside.Ring())
	h.must(outside.Answer())
	h.talk("the user", user, tone, "outside", outside, outsideTone)
	return user, outside
}

// talk fails unless two calls hear each other.
func (h *house) talk(who string, a *peer.Call, says float64, other string, b *peer.Call, otherSays float64) {
	h.t.Helper()
	h.hears(who, a, otherSays)
	h.hears(other, b, says)
}

// hangsUp ends a call by one side and waits for the other's end.
func (h *house) hangsUp(c *peer.Call, who string, far *peer.Call) {
	h.t.Helper()
	ctx, cancel := wait()
	defer cancel()
	h.must(c.Hangup(ctx))
	if end := h.ended(who, far); !end.Remote {
		h.t.Errorf("%s %s", who, end)
	}
}

// TestSoftphoneDials is a whole outbound call for each way to write a number:
// ringback, early media, conversation, recording, record.
func TestSoftphoneDials(t *testing.T) {
	h := newHouse(t, settings{})
	ana := h.phone("ana", anaTone)
	ctx, cancel := wait()
	defer cancel()
	for i, dialed := range []string{"600999888", outsideNumber, "0034600999888"} {
		user := h.dials(ana, dialed)
		outside := h.reaches(h.carrier, outsideNumber, outsideTone)
		if shown := peer.ParseAddress(outside.Invite().Get("P-Asserted-Identity")).User(); shown != salesNumber {
			t.Errorf("%s: the carrier is shown %q", dialed, shown)
		}
		h.must(outside.Ring())
		h.hears("ana, while it rings,", user, ringbackTone)
		h.must(outside.Progress())
		h.hears("ana, before the answer,", user, outsideTone)
		if slices.Contains(user.Codes(), 200) {
			t.Errorf("%s: ana's phone is answered before the contact lifts", dialed)
		}
		h.must(outside.Answer())
		h.talk("ana", user, anaTone, "outside", outside, outsideTone)
		if err := user.Media().Stats().Unbroken(); err != nil {
			t.Errorf("%s: ana's stream from ringback to conversation: %v", dialed, err)
		}
		h.must(user.Media().WaitPackets(ctx, 75)) // enough to find both voices on the tape
		h.hangsUp(outside, "ana", user)
		rec := h.record(i + 1)
		if rec.Direction != call.Outbound || rec.Mode != call.Manual || rec.Result != call.ResultCompleted || rec.Missed ||
			rec.From != salesNumber || rec.To != outsideNumber || rec.Number != salesNumber || rec.Trunk != "carrier" ||
			rec.SIPCode != 200 || rec.Q850 != 16 || rec.User != "ana" || rec.Playbook != "sales" || rec.Duration <= 0 ||
			rec.AnsweredAt == nil || rec.ContactID == "" {
			t.Errorf("%s: record: %+v", dialed, rec)
		}
		want := routing.RuleCountry
		if i > 0 {
			want = routing.RuleLastTalked
		}
		if rec.NumberRule != string(want) {
			t.Errorf("%s: the number was chosen by %q, want %q", dialed, rec.NumberRule, want)
		}
		h.recordingHolds(rec.ID, outsideTone, anaTone)
		h.userIs("ana", routing.UserState.Available)
	}
	contacts := daemontest.List[routing.Contact](h.api, "/contacts")
	if len(contacts) != 1 || !slices.Equal(contacts[0].Numbers, []string{outsideNumber}) || contacts[0].LastNumber != "" {
		t.Errorf("contacts: %+v", contacts)
	}
	if tasks := h.tasks(routing.TaskInboundCall); len(tasks) != 0 {
		t.Errorf("inbound tasks of outbound calls: %+v", tasks)
	}
}

// TestSoftphoneOverTCP: a telephone on TCP calls out over its connection.
func TestSoftphoneOverTCP(t *testing.T) {
	h := newHouse(t, settings{})
	ana := h.phone("ana", anaTone, func(o *peer.Options) {
		o.Transport, o.Server = "tcp", h.sw.SIPAddrs()[1].String()
	})
	user, outside := h.connected(ana, anaTone)
	h.hangsUp(outside, "ana", user)
	if rec := h.record(1); rec.Result != call.ResultCompleted {
		t.Errorf("result %s", rec.Result)
	}
}

// TestSoftphoneWithoutOffer leaves the SDP offer to the switch.
func TestSoftphoneWithoutOffer(t *testing.T) {
	h := newHouse(t, settings{})
	ana := h.phone("ana", anaTone)
	user := h.dials(ana, outsideNumber, func(o *peer.CallOptions) { o.LateOffer = true })
	outside := h.reaches(h.carrier, outsideNumber, outsideTone)
	h.must(outside.Ring())
	h.must(outside.Answer())
	h.talk("ana", user, anaTone, "outside", outside, outsideTone)
	h.hangsUp(user, "outside", outside)
	if rec := h.record(1); rec.Result != call.ResultCompleted {
		t.Errorf("result %s", rec.Result)
	}
}

// TestColleague calls an extension: no number is shown, nothing is recorded.
func TestColleague(t *testing.T) {
	h := newHouse(t, settings{})
	ana, luis := h.phone("ana", anaTone), h.phone("luis", luisTone)
	user := h.dials(ana, "102")
	colleague := h.rung(luis)
	if from := colleague.From(); from.Display != "Ana García" || from.User() != "101" {
		t.Errorf("luis's phone shows %s", from)
	}
	h.hears("ana, while it rings,", user, ringbackTone)
	h.must(colleague.Answer())
	h.talk("ana", user, anaTone, "luis", colleague, luisTone)
	h.hangsUp(user, "luis", colleague)
	rec := h.record(1)
	if rec.Direction != call.Outbound || rec.Result != call.ResultCompleted || rec.From != "101" || rec.To != "102" ||
		rec.Number != "" || rec.Trunk != "" || rec.ContactID != "" || rec.Recording != nil {
		t.Errorf("record: %+v", rec)
	}
	for _, name := range []string{"ana", "luis"} {
		h.userIs(name, routing.UserState.Available)
	}
	if contacts := daemontest.List[routing.Contact](h.api, "/contacts"); len(contacts) != 0 {
		t.Errorf("contacts: %+v", contacts)
	}
}

// TestSoftphoneRefused: what is not to be called is refused and leaves nothing
// behind, neither a call nor anything at the carrier.
func TestSoftphoneRefused(t *testing.T) {
	h := newHouse(t, settings{})
	ana := h.phone("ana", anaTone)
	h.api.Want(http.StatusCreated, http.MethodPost, "/contacts",
		map[string]any{"name": "Do not", "numbers": []string{"+34600555000"}, "do_not_call": true})
	from := func(user string) func(*peer.CallOptions) {
		return func(o *peer.CallOptions) { o.From = user }
	}
	for _, c := range []struct {
		name, dialed string
		code         int
		change       func(*peer.CallOptions)
	}{
		{"another user's From", outsideNumber, 403, from("luis")},
		{"a From that is nobody's", outsideNumber, 403, from("nobody")},
		{"another user's identity", outsideNumber, 403, func(o *peer.CallOptions) { o.Asserted = "luis" }},
		{"do not call", "600555000", 403, nil},
		{"a number of our own", salesNumber, 403, nil},
		{"a word", "maria", 484, nil},
		{"too few digits", "+34123", 484, nil},
		{"too many digits", "+346009998887776665", 484, nil},
		{"the own extension", "101", 486, nil},
		{"a colleague without a phone", "102", 480, nil},
		{"no such feature code", "*7", 404, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			change := c.change
			if change == nil {
				change = func(*peer.CallOptions) {}
			}
			if end := h.ended("ana", h.dials(ana, c.dialed, change)); end.Code != c.code {
				t.Errorf("%s: ana's phone %s, want %d", c.dialed, end, c.code)
			}
		})
	}
	if calls := daemontest.List[call.Record](h.api, "/calls"); len(calls) != 0 {
		t.Errorf("calls: %+v", calls)
	}
	if n := len(h.carrier.Incoming()); n != 0 {
		t.Errorf("%d calls came to the carrier", n)
	}
	h.userIs("ana", routing.UserState.Available)
}

// TestBreakByCode: *5 takes a user on a break and back; both times they hear
// that it is done.
func TestBreakByCode(t *testing.T) {
	h := newHouse(t, settings{})
	ana := h.phone("ana", anaTone)
	for _, status := range []routing.Status{routing.StatusBreak, routing.StatusAvailable} {
		c := h.dials(ana, "*5")
		h.hearsMusic("ana", c)
		h.userIs("ana", func(u routing.UserState) bool { return u.Status == status && u.Activity == routing.ActivityIdle })
		if end := h.ended("ana", c); end.How != peer.ByBYE || !end.Remote {
			t.Errorf("ana's phone %s", end)
		}
	}
	if calls := daemontest.List[call.Record](h.api, "/calls"); len(calls) != 0 {
		t.Errorf("a feature code is no call: %+v", calls)
	}
}

// TestPickUpByCode: *8 takes the call that waits longest, though the user is on
// a break; without one it is refused.
func TestPickUpByCode(t *testing.T) {
	h := newHouse(t, settings{})
	ana := h.phone("ana", anaTone)
	if end := h.ended("ana", h.dials(ana, "*8")); end.Code != 404 {
		t.Errorf("nothing waits: ana's phone %s", end)
	}
	h.api.Want(http.StatusOK, http.MethodPut, "/users/ana/status", map[string]string{"status": "break"})
	contact := h.call()
	h.hearsMusic("the contact", contact)
	user := h.dials(ana, "*8")
	h.talk("ana", user, anaTone, "the contact", contact, contactTone)
	h.hangsUp(contact, "ana", user)
	rec := h.record(1)
	if rec.Direction != call.Inbound || rec.Result != call.ResultCompleted || rec.User != "ana" || rec.Missed {
		t.Errorf("record: %+v", rec)
	}
	h.recordingHolds(rec.ID, contactTone, anaTone)
	if err := contact.Media().Stats().Unbroken(); err != nil {
		t.Errorf("the contact's stream: %v", err)
	}
}

// TestOneMachine: the carrier, the phones and the switch have one address.
func TestOneMachine(t *testing.T) {
	h := newHouse(t, settings{carrierAt: "127.0.0.1"})
	ana := h.phone("ana", anaTone)
	user, outside := h.connected(ana, anaTone)
	h.hangsUp(user, "outside", outside)

	if rec := h.record(1); rec.Direction != call.Outbound || rec.Result != call.ResultCompleted {
		t.Errorf("the call out: %s, %s", rec.Direction, rec.Result)
	}

	contact := h.call()
	lifted := h.answered(ana)
	h.talk("the contact", contact, contactTone, "ana", lifted, anaTone)
	h.hangsUp(contact, "ana", lifted)
	if rec := h.record(2); rec.Direction != call.Inbound || rec.Result != call.ResultCompleted {
		t.Errorf("the call in: %s, %s", rec.Direction, rec.Result)
	}
}
