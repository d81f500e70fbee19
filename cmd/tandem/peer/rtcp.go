package peer

import (
	"errors"
	"net"
	"time"

	"github.com/pion/rtcp"
)

// ntpEpoch is 1900 in Unix seconds (RFC 3550 4).
const ntpEpoch = 2208988800

// readRTCP counts reports until the socket is closed.
func (m *Media) readRTCP() {
	buf := make([]byte, 2048)
	for {
		n, _, err := m.rtcp.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			m.countReports(buf[:n])
		}
	}
}

func (m *Media) countReports(data []byte) {
	packets, err := rtcp.Unmarshal(data)
	m.watch.Lock()
	defer m.watch.Unlock()
	defer m.watch.ring()
	s := &m.in.stats
	if err != nil {
		s.Malformed++
		return
	}
	for _, p := range packets {
		switch p.(type) {
		case *rtcp.SenderReport:
			s.SenderReports++
		case *rtcp.ReceiverReport:
			s.ReceiverReports++
		case *rtcp.Goodbye:
			s.Goodbyes++
		}
	}
}

// sendReport sends SR (RR while nothing was sent) and SDES in one compound packet (RFC 3550 6.1).
func (m *Media) sendReport() {
	m.watch.Lock()
	defer m.watch.Unlock()
	if !m.started || !m.control.IsValid() {
		return
	}
	data, err := rtcp.Marshal([]rtcp.Packet{m.report(), rtcp.NewCNAMESourceDescription(m.out.ssrc, "peer")})
	if err != nil {
		return
	}
	m.in.stats.ReportsSent++
	_, _ = m.rtcp.WriteToUDPAddrPort(data, m.control)
}

func (m *Media) report() rtcp.Packet {
	var blocks []rtcp.ReceptionReport
	if s := m.in.stats; len(s.SSRCs) > 0 {
		blocks = append(blocks, rtcp.ReceptionReport{
			SSRC:               s.SSRCs[len(s.SSRCs)-1],
			TotalLost:          uint32(min(s.Lost, 1<<23-1)),
			LastSequenceNumber: uint32(m.in.last.seq),
			Jitter:             uint32(s.jitter),
		})
	}
	if m.out.packets == 0 {
		return &rtcp.ReceiverReport{SSRC: m.out.ssrc, Reports: blocks}
	}
	now := time.Now()
	return &rtcp.SenderReport{
		SSRC:        m.out.ssrc,
		NTPTime:     uint64(now.Unix()+ntpEpoch)<<32 | uint64(now.Nanosecond())<<32/uint64(time.Second),
		RTPTime:     m.out.stamp,
		PacketCount: m.out.packets,
		OctetCount:  m.out.octets,
		Reports:     blocks,
	}
}
