package daemon_test

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tandem/call"
	"tandem/cmd/tandem/daemon/daemontest"
	hubspot "tandem/crm/hubspot/standin"
	pipedrive "tandem/crm/pipedrive/standin"
)

// threeCalls are one from the contact that ana rejects, one that she takes and
// notes, and one of hers to somebody who is busy.
func (h *house) threeCalls() (missed, completed, busy call.Record) {
	h.t.Helper()
	ana := h.phone("ana", anaTone)
	contact := h.call()
	h.must(h.rung(ana).Reject(486))
	h.ended("the contact", contact)
	missed = h.record(1)
	contact = h.call()
	user := h.answered(ana)
	h.hears("the contact", contact, anaTone)
	ctx, cancel := wait()
	defer cancel()
	h.must(user.Media().WaitPackets(ctx, 75)) // long enough to have a length
	h.hangsUp(contact, "ana", user)
	completed = h.record(2)
	h.api.Want(http.StatusOK, http.MethodPatch, "/calls/"+string(completed.ID), map[string]string{"notes": "wants <two>\nby Friday"})
	user = h.dials(ana, outsideNumber)
	h.must(h.reaches(h.carrier, outsideNumber, outsideTone).Reject(486))
	h.ended("ana", user)
	busy = h.record(3)
	for i, rec := range []call.Record{missed, completed, busy} {
		if want := []call.Result{call.ResultNoAnswer, call.ResultCompleted, call.ResultBusy}[i]; rec.Result != want {
			h.t.Fatalf("call %d: %s, want %s", i+1, rec.Result, want)
		}
	}
	return missed, completed, busy
}

// titles are what the three calls are called.
func titles(completed call.Record) []string {
	length := int(time.Duration(completed.Duration * float64(time.Second)).Round(time.Second).Seconds())
	return []string{
		"Inbound call – no answer (rejected) – María López – Test",
		fmt.Sprintf("Inbound call – completed – María López – 0:%02d – Test", length),
		"Outbound call – busy – " + outsideNumber + " – Test",
	}
}

// noted is how notes look in the CRM.
const noted = "wants &lt;two&gt;<br>by Friday"

// synced fails unless all three calls say that they are in the CRM.
func (h *house) synced(ids ...string) {
	h.t.Helper()
	calls := daemontest.List[call.Record](h.api, "/calls") // the newest first
	slices.Reverse(calls)
	for i, rec := range calls {
		if want := (call.Sync{Status: "synced", ID: ids[i]}); rec.CRM == nil || *rec.CRM != want {
			h.t.Errorf("call %d says %+v, want %+v", i+1, rec.CRM, want)
		}
	}
}

// TestHubSpot: each call is one call of HubSpot's, of its contact, as it was.
func TestHubSpot(t *testing.T) {
	c, hs := hubSpot(t)
	maria := hs.AddContact(map[string]string{"firstname": "María", "phone": "600 11 12 22"})
	h := c.house("ana")
	h.run()
	missed, completed, busy := h.threeCalls()
	recording := "https://pbx.example/api/v1/calls/" + string(completed.ID) + "/recording"
	daemontest.Eventually(t, "the notes and the recording are in HubSpot", func() bool {
		i := slices.IndexFunc(hs.Calls(), func(r hubspot.Record) bool { return r.Properties["hs_call_external_id"] == string(completed.ID) })
		return i >= 0 && strings.Contains(hs.Calls()[i].Properties["hs_call_body"], noted) &&
			hs.Calls()[i].Properties["hs_call_recording_url"] == recording
	})
	h.drained()
	c.holds(missed, completed, busy)
	contacts := hs.Contacts()
	if len(contacts) != 2 || contacts[0].ID != maria || contacts[1].Properties["phone"] != outsideNumber {
		t.Fatalf("contacts: %+v", contacts)
	}
	outside := contacts[1].ID
	want := []map[string]string{
		{"hs_call_status": "NO_ANSWER", "hs_call_disposition": "73a0d17f-1163-4015-bdd5-ec830791da20", "hubspot_owner_id": anaOwner},
		{"hs_call_status": "COMPLETED", "hs_call_disposition": "f240bbac-87c9-4f6e-bf70-924b57d47db7",
			"hubspot_owner_id": anaOwner, "hs_call_recording_url": recording},
		{"hs_call_status": "BUSY", "hs_call_disposition": "9d9162e7-6cf3-4944-bf63-4dff82258764", "hubspot_owner_id": anaOwner},
	}
	calls := hs.Calls()
	for i, rec := range []call.Record{missed, completed, busy} {
		at := slices.IndexFunc(calls, func(r hubspot.Record) bool { return r.Properties["hs_call_external_id"] == string(rec.ID) })
		got := calls[at]
		maps.Copy(want[i], map[string]string{
			"hs_call_title": titles(completed)[i], "hs_timestamp": rec.StartedAt.UTC().Format("2006-01-02T15:04:05.000Z"),
			"hs_call_duration":  strconv.Itoa(int(math.Round(rec.Duration * 1000))),
			"hs_call_direction": strings.ToUpper(string(rec.Direction)), "hs_call_from_number": rec.From, "hs_call_to_number": rec.To,
			"hs_call_source": "INTEGRATIONS_PLATFORM", "hs_call_external_id": string(rec.ID), "softswitch_call_id": string(rec.ID),
			"hs_call_callee_object_id": []string{maria, maria, outside}[i], "hs_call_callee_object_type_id": "0-1",
			"hs_call_body": got.Properties["hs_call_body"],
		})
		if !maps.Equal(got.Properties, want[i]) {
			t.Errorf("call %d:\n%q, want\n%q", i+1, got.Properties, want[i])
		}
		if !slices.Equal(got.Contacts, []string{want[i]["hs_call_callee_object_id"]}) {
			t.Errorf("call %d is of contacts %q", i+1, got.Contacts)
		}
	}
	h.synced(calls[0].ID, calls[1].ID, calls[2].ID)
	h.discreet(crmToken)
}

// TestPipedrive: each call is one activity and one call log of Pipedrive's, of
// its person, as it was.
func TestPipedrive(t *testing.T) {
	c, pd := pipeDrive(t)
	maria := pd.AddPerson("María", "600 11 12 22")
	h := c.house("ana")
	h.run()
	missed, completed, busy := h.threeCalls()
	link := `<a href="https://pbx.example/api/v1/calls/` + string(completed.ID) + `/recording">`
	daemontest.Eventually(t, "the notes and the recording are in Pipedrive", func() bool {
		return slices.ContainsFunc(pd.Activities(), func(a pipedrive.Activity) bool {
			return strings.Contains(a.Note, noted) && strings.Contains(a.Note, link)
		})
	})
	h.drained()
	c.holds(missed, completed, busy)
	persons := pd.Persons()
	if len(persons) != 2 || persons[0].ID != maria || persons[1].Name != outsideNumber || persons[1].Phones[0].Value != outsideNumber {
		t.Fatalf("persons: %+v", persons)
	}
	activities, logs := pd.Activities(), pd.CallLogs()
	for i, rec := range []call.Record{missed, completed, busy} {
		at := slices.IndexFunc(activities, func(a pipedrive.Activity) bool { return strings.Contains(a.Note, string(rec.ID)) })
		got := activities[at]
		person := []int{maria, maria, persons[1].ID}[i]
		start := rec.StartedAt.UTC()
		if got.Subject != titles(completed)[i] || got.Type != "call" || !got.Done || strconv.Itoa(got.OwnerID) != anaOwner || got.PersonID != person ||
			got.DueDate != start.Format(time.DateOnly) || got.DueTime != start.Format("15:04") ||
			got.Duration != []string{"00:00", "00:01", "00:00"}[i] || strings.Contains(got.Note, "Recording") != (i == 1) {
			t.Errorf("call %d: %+v", i+1, got)
		}
		at = slices.IndexFunc(logs, func(l pipedrive.CallLog) bool { return l.ActivityID == got.ID })
		if at < 0 {
			t.Fatalf("call %d has no call log: %+v", i+1, logs)
		}
		log := logs[at]
		if log.Outcome != []string{"no_answer", "connected", "busy"}[i] || strconv.Itoa(log.UserID) != anaOwner || log.PersonID != person ||
			log.From != rec.From || log.To != rec.To || log.Duration != strconv.Itoa(int(math.Round(rec.Duration))) ||
			log.StartTime != start.Format(time.RFC3339) || log.EndTime != rec.EndedAt.UTC().Format(time.RFC3339) {
			t.Errorf("call log %d: %+v", i+1, log)
		}
	}
	h.synced(strconv.Itoa(activities[0].ID), strconv.Itoa(activities[1].ID), strconv.Itoa(activities[2].ID))
	h.discreet(crmToken)
}
