package demo

import (
	"testing"
	"time"

	"tandem/cmd/tandem/peer"
)

func TestOneStream(t *testing.T) {
	good := func() peer.Stats { return peer.Stats{Packets: 100, SSRCs: []uint32{1}, MaxGap: 25 * time.Millisecond} }
	for _, c := range []struct {
		name   string
		change func(*peer.Stats)
		one    bool
	}{
		{"as it should be", func(*peer.Stats) {}, true},
		{"another SSRC", func(s *peer.Stats) { s.SSRCs = append(s.SSRCs, 2) }, false},
		{"a loss", func(s *peer.Stats) { s.Lost, s.SequenceJumps = 1, 1 }, false},
		{"a jump in time", func(s *peer.Stats) { s.TimestampJumps = 1 }, false},
		{"a stalled machine", func(s *peer.Stats) { s.TimestampJumps, s.MaxGap = 2, time.Second }, true},
		{"a loss on a stalled machine", func(s *peer.Stats) { s.Lost, s.SequenceJumps, s.MaxGap = 1, 1, time.Second }, false},
		{"another SSRC on a stalled machine", func(s *peer.Stats) { s.SSRCs, s.MaxGap = append(s.SSRCs, 2), time.Second }, false},
	} {
		s := good()
		c.change(&s)
		if err := oneStream(s); (err == nil) != c.one {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
