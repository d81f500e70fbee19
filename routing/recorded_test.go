package routing

import (
	"slices"
	"testing"
	"testing/synctest"
)

// TestUnrecordedPlaybook: a playbook may keep its conversations from being
// recorded, those that come and those that go out, and no other's.
func TestUnrecordedPlaybook(t *testing.T) {
	for _, unrecorded := range []bool{false, true} {
		a := account(t)
		a.Playbooks[0].Unrecorded = unrecorded
		d := newDesk(t, a)
		plan, err := d.Admit(t.Context(), arrival(), noon)
		if err != nil || plan.Record == unrecorded {
			t.Errorf("unrecorded %t: the call that comes is recorded: %t, %v", unrecorded, plan.Record, err)
		}
		late := arrival()
		late.Called = "+34910000002"
		if plan, err := d.Admit(t.Context(), late, noon); err != nil || !plan.Record {
			t.Errorf("unrecorded %t: another playbook's is recorded: %t, %v", unrecorded, plan.Record, err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		a := o.Directory.Account()
		a.Playbooks = slices.Clone(a.Playbooks)
		a.Playbooks[0].Unrecorded = true
		if err := o.Directory.Replace(a); err != nil {
			t.Fatal(err)
		}
		if p, refusal := o.place(t, origination("600 111 222")); refusal != nil || p.Record {
			t.Errorf("the call that goes out is recorded: %+v, %v", p, refusal)
		}
	})
}
