package routing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"tandem/call"
)

// recoverers is how many interrupted calls are saved at a time: enough that a
// store in which verbs share a commit needs but a few of them.
const recoverers = 256

// Recover gives every call that a crash interrupted its result, and every
// missed one its task. alive is when the switch was last known to run. It
// returns how many calls it ended; a second run finds none of them. Calls that
// could not be saved are left for the next time and returned as an error.
func (r *Reception) Recover(ctx context.Context, alive time.Time) (int, error) {
	list, err := r.Journal.Unfinished(ctx)
	if err != nil {
		return 0, fmt.Errorf("recover calls: %w", err)
	}
	return r.finish(ctx, list, alive)
}

// Reconcile does the same while the switch runs, for calls without a result
// that nobody hosts any more: they were turned away because the store was too
// slow, and it stored them after all. hosted tells which calls go on.
func (r *Reception) Reconcile(ctx context.Context, hosted func(call.ID) bool, now time.Time) (int, error) {
	list, err := r.Journal.Unfinished(ctx)
	if err != nil {
		return 0, fmt.Errorf("reconcile calls: %w", err)
	}
	var left []call.Record
	for _, rec := range list {
		if hosted(rec.ID) {
			continue
		}
		// It may have ended, with its result, since the list was made.
		rec, err := r.Journal.Call(ctx, rec.ID)
		if err != nil {
			return 0, fmt.Errorf("reconcile calls: %w", err)
		}
		if rec.Result == call.ResultNone {
			left = append(left, rec)
		}
	}
	return r.finish(ctx, left, now)
}

// finish gives calls that nobody hosts their result.
func (r *Reception) finish(ctx context.Context, list []call.Record, alive time.Time) (int, error) {
	slices.SortFunc(list, func(a, b call.Record) int { return a.StartedAt.Compare(b.StartedAt) })
	groups := byContact(list)
	counts, faults := make([]int, len(groups)), make([]error, len(groups))
	slots := make(chan struct{}, recoverers)
	var wg sync.WaitGroup
	for i, group := range groups {
		slots <- struct{}{}
		wg.Go(func() {
			counts[i], faults[i] = r.recoverAll(ctx, group, alive)
			<-slots
		})
	}
	wg.Wait()
	total := 0
	for _, n := range counts {
		total += n
	}
	return total, errors.Join(faults...)
}

// byContact groups calls whose order matters: the calls of one contact share a
// Missed Call task, which names the newest. Withheld callers share nothing.
func byContact(list []call.Record) [][]call.Record {
	var groups [][]call.Record
	places := make(map[string]int)
	for _, rec := range list {
		place, known := places[rec.ContactID]
		if !known || rec.ContactID == "" {
			place = len(groups)
			places[rec.ContactID] = place
			groups = append(groups, nil)
		}
		groups[place] = append(groups[place], rec)
	}
	return groups
}

// recoverAll ends interrupted calls one after the other.
func (r *Reception) recoverAll(ctx context.Context, list []call.Record, alive time.Time) (count int, err error) {
	var faults []error
	for _, rec := range list {
		p, _ := r.Directory.Playbook(rec.Playbook)
		change := interrupted(rec, alive, p.Closed.TaskUnlessAnswered)
		if err := r.Save(ctx, change); err != nil {
			faults = append(faults, err)
			continue
		}
		count++
		r.tellEnd(change.Record)
	}
	return count, errors.Join(faults...)
}

// tellEnd publishes what the call itself would have published.
func (r *Reception) tellEnd(rec call.Record) {
	kinds := []call.EventType{call.EventCallEnded}
	if rec.Missed {
		kinds = []call.EventType{call.EventCallMissed, call.EventCallEnded}
	}
	for _, kind := range kinds {
		r.Events.Publish(call.Event{
			Type: kind, At: *rec.EndedAt, User: rec.User, Playbook: rec.Playbook, CallID: rec.ID,
			ContactID: rec.ContactID, TaskID: rec.TaskID, Trunk: rec.Trunk, Call: &rec,
		})
	}
}

// interrupted is how a call ends that was cut off by a crash: a conversation
// is completed at the last moment the switch was known to run, everything else
// failed, and an inbound call that nobody took is missed. A call that came
// outside office hours keeps that result.
func interrupted(rec call.Record, alive time.Time, taskUnlessAnswered bool) call.Change {
	ended := rec.StartedAt
	if rec.AnsweredAt != nil && rec.AnsweredAt.After(ended) {
		ended = *rec.AnsweredAt
	}
	if alive.After(ended) {
		ended = alive
	}
	ended = ended.UTC()
	talked, closed := rec.AnsweredAt != nil, rec.Reason == call.MissedClosed
	rec.State, rec.EndedAt = call.StateEnded, &ended
	rec.Missed, rec.Reason = false, call.MissedNone
	switch {
	case closed:
		rec.Result, rec.SIPCode, rec.Q850 = call.ResultOfficeClosed, 200, 16
		if !talked {
			rec.Missed, rec.Reason = true, call.MissedClosed
		}
	case talked:
		rec.Result, rec.SIPCode, rec.Q850 = call.ResultCompleted, 200, 16
	default: // Q.850 cause 41: temporary failure
		rec.Result, rec.SIPCode, rec.Q850 = call.ResultFailed, 503, 41
		if rec.Direction == call.Inbound {
			rec.Missed, rec.Reason = true, call.MissedNoUser
		}
	}
	if talked {
		rec.Duration = ended.Sub(*rec.AnsweredAt).Seconds()
	} else {
		rec.Wait = ended.Sub(rec.StartedAt).Seconds()
	}
	rec.Coachings = slices.Clone(rec.Coachings)
	for i, s := range rec.Coachings {
		if s.LeftAt == nil {
			rec.Coachings[i].LeftAt = &ended
		}
	}
	rec.Trail = append(slices.Clone(rec.Trail), call.Mark{At: ended, What: "interrupted", Why: "the switch stopped during the call"})
	task := call.TaskDone
	if rec.Direction == call.Outbound && !talked {
		task = call.TaskOpen // what the call was made for is still to be done
	}
	return call.Change{Record: rec, Task: task, MissedTask: rec.Missed || closed && !taskUnlessAnswered}
}
