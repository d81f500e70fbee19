package daemon_test

import (
	"testing"

	"tandem/call"
	"tandem/routing"
)

// TestKillWhileCallingOut: a call that rang outside when the switch died has a
// result, both sides are released, and the user can call again.
func TestKillWhileCallingOut(t *testing.T) {
	h := prepareHouse(t, settings{})
	h.fixPort()
	sw := h.spawn()
	ana := h.phone("ana", anaTone)
	user := h.dials(ana, outsideNumber)
	outside := h.reaches(h.carrier, outsideNumber, outsideTone)
	h.must(outside.Ring())
	h.hears("ana, while it rings,", user, ringbackTone)
	sw.kill()
	h.spawn()
	if end := h.ended("outside", outside); !end.Remote {
		t.Errorf("outside %s", end)
	}
	if end := h.ended("ana", user); !end.Remote {
		t.Errorf("ana's phone %s", end)
	}
	rec := h.record(1)
	if rec.Direction != call.Outbound || rec.Result != call.ResultFailed || rec.Missed || rec.AnsweredAt != nil {
		t.Errorf("record: %+v", rec)
	}
	if tasks := h.tasks(routing.TaskMissedCall); len(tasks) != 0 {
		t.Errorf("missed-call tasks of a call that went out: %+v", tasks)
	}
	h.userIs("ana", routing.UserState.Available)
	h.connected(ana, anaTone)
}

// TestKillWhileTalkingOutbound: the call is completed, both sides get BYE, and
// the recording can be played.
func TestKillWhileTalkingOutbound(t *testing.T) {
	h := prepareHouse(t, settings{})
	h.fixPort()
	sw := h.spawn()
	ana := h.phone("ana", anaTone)
	user, outside := h.connected(ana, anaTone)
	ctx, cancel := wait()
	defer cancel()
	h.must(user.Media().WaitPackets(ctx, 150)) // three seconds of conversation
	sw.kill()
	h.spawn()
	for who, end := range map[string]string{
		"outside": h.ended("outside", outside).String(), "ana": h.ended("ana", user).String(),
	} {
		if want := "ended by them by BYE"; len(end) < len(want) || end[:len(want)] != want {
			t.Errorf("%s %s", who, end)
		}
	}
	rec := h.record(1)
	if rec.Result != call.ResultCompleted || rec.Missed || rec.Duration <= 0 || rec.Number != salesNumber {
		t.Errorf("record: %+v", rec)
	}
	h.recordingHolds(rec.ID, outsideTone, anaTone)
	h.userIs("ana", routing.UserState.Available)
}
