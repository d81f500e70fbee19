package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

// read decodes one of the API's answers.
func read[T any](raw json.RawMessage) (T, error) {
	var v T
	if err := json.Unmarshal(raw, &v); err != nil {
		return v, fmt.Errorf("the switch's answer cannot be read: %w; are both of one version?", err)
	}
	return v, nil
}

// showCall shows all of one call.
func (c *cli) showCall(sw *client, raw json.RawMessage) error {
	s, err := read[shownCall](raw)
	if err != nil {
		return err
	}
	fields := []field{
		{"id", s.ID}, {"direction", s.Direction}, {"state", s.State}, {"outcome", s.outcome()},
		{"from", s.caller()}, {"to", s.To}, {"number", s.Number}, {"number rule", s.NumberRule}, {"trunk", s.Trunk},
		{"contact", s.Contact}, {"user", s.User}, {"playbook", s.Playbook}, {"started", sw.clock(s.Started)},
		{"answered", sw.clock(s.Answered)}, {"ended", sw.clock(s.Ended)}, {"waited", seconds(s.Wait)}, {"talked", seconds(s.Duration)},
		{"redirected to", s.Redirected}, {"coaches", strings.Join(s.Coaches, ", ")}, {"coached", s.coachings(sw)}, {"disposition", s.Disposition}, {"notes", s.Notes},
	}
	if r := s.Recording; r != nil {
		fields = append(fields, field{"recording", fmt.Sprintf("%s, %s", seconds(r.Seconds), r.URL)}, field{"missing", r.gap()})
		if r.Hold != nil {
			fields = append(fields, field{"on hold", fmt.Sprintf("by %s, %s: %s", r.Hold.By, sw.clock(r.Hold.At), r.Hold.Reason)})
		}
	}
	if crm := s.CRM; crm != nil {
		fields = append(fields, field{"crm", strings.TrimSpace(crm.Status + " " + crm.ID)}, field{"crm error", crm.Error})
	}
	return c.printFields(raw, fields)
}
