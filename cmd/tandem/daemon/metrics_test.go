package daemon_test

import (
	"regexp"
	"strings"
	"testing"
)

// TestMetrics: every promised metric is there after a call, under its name and
// labels, and no label holds a number or an ID.
func TestMetrics(t *testing.T) {
	h := newHouse(t, settings{})
	ana := h.phone("ana", anaTone)
	contact := h.call()
	h.answered(ana)
	h.hears("the contact", contact, anaTone)
	h.strange()
	ctx, cancel := wait()
	defer cancel()
	h.must(contact.Hangup(ctx))
	h.record(1)
	text := h.api.Metrics().Text
	for _, pattern := range []string{
		`tandem_calls_active\{direction="inbound"\} 0`,
		`tandem_calls_total\{direction="inbound",result="completed"\} 1`,
		`tandem_call_wait_seconds_count 1`,
		`tandem_call_setup_seconds_count 1`,
		`tandem_offers_total\{outcome="accepted"\} 1`,
		`tandem_queue_calls\{playbook="sales"\} 0`,
		`tandem_queue_oldest_seconds\{playbook="sales"\} 0`,
		`tandem_users\{playbook="sales",status="available"\} \d`,
		`tandem_registrations 1`,
		`tandem_trunk_up\{trunk="carrier"\} 1`,
		`tandem_trunk_calls\{trunk="carrier"\} 0`,
		`tandem_sip_requests_total\{method="INVITE"\} \d+`,
		`tandem_sip_responses_total\{code="200"\} \d+`,
		`tandem_sip_rejected_total\{reason="[a-z_]+"\} \d+`,
		`tandem_rtp_packets_total\{direction="[a-z]+"\} \d+`,
		`tandem_rtp_lost_packets_total 0`,
		`tandem_rtp_jitter_seconds`,
		`tandem_media_tick_lateness_seconds_bucket`,
		`tandem_recordings_total \d`,
		`tandem_recording_missing_seconds_total 0`,
		`tandem_crm_pending 0`,
		`tandem_crm_lag_seconds_count 0`,
		`tandem_store_commit_seconds_count \d+`,
		`tandem_config_last_reload_successful 1`,
		`go_goroutines \d+`,
		`process_open_fds \d+`,
	} {
		if !regexp.MustCompile(`(?m)^` + pattern).MatchString(text) {
			t.Errorf("not found: %s", pattern)
		}
	}
	if leak := regexp.MustCompile(`(?m)^tandem_.*\{.*(34600111222|34910000001|01[0-9A-Z]{24}).*$`).FindString(text); leak != "" {
		t.Errorf("a label tells too much: %s", leak)
	}
	if t.Failed() {
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "tandem_") && !strings.Contains(line, "_bucket") {
				t.Log(strings.TrimSpace(line))
			}
		}
	}
}
