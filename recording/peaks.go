package recording

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"tandem/call"
)

const (
	maxPeaks       = 2000         // points that a recording has at most
	samplesPerPeak = frameSamples // samples that a point stands for at least
	peakStep       = 256          // of a sample is one of a point
	maxPeaksFile   = 128 << 10    // bytes of their file; 2000 points take 40 KiB
)

// Peaks are what a waveform is drawn from: for each point the lowest and the
// highest sample of the stretch that it stands for.
type Peaks struct {
	Samples         int64 // of a channel
	SamplesPerPoint int64 // the last point may stand for fewer
	Left, Right     PeakChannel
}

// PeakChannel is one channel's points, -128 to 127 being full scale.
type PeakChannel struct {
	Side string `json:"-"` // contact or salesperson
	Min  []int8 `json:"min"`
	Max  []int8 `json:"max"`
}

// peakMeter makes peaks of a WAV file that is written to it from its first
// byte. It keeps the points alone.
type peakMeter struct {
	peaks Peaks
	skip  int64  // bytes of the header that are still to come
	rest  []byte // of a sample that was cut
	at    int64  // samples so far
}

// newPeakMeter expects a recording with so many bytes of samples.
func newPeakMeter(data int64) *peakMeter {
	samples := data / stereoBytes
	m := &peakMeter{skip: headerBytes, rest: make([]byte, 0, stereoBytes)}
	m.peaks = Peaks{Samples: samples, SamplesPerPoint: max(samplesPerPeak, (samples+maxPeaks-1)/maxPeaks)}
	points := m.peaks.points()
	for _, c := range []*PeakChannel{&m.peaks.Left, &m.peaks.Right} {
		c.Min, c.Max = make([]int8, points), make([]int8, points)
	}
	return m
}

// points is how many points a channel has.
func (p *Peaks) points() int { return int((p.Samples + p.SamplesPerPoint - 1) / p.SamplesPerPoint) }

// Write implements io.Writer; it never fails.
func (m *peakMeter) Write(b []byte) (int, error) {
	n := len(b)
	head := min(m.skip, int64(n))
	m.skip -= head
	b = b[head:]
	if len(m.rest) > 0 {
		missing := min(stereoBytes-len(m.rest), len(b))
		m.rest = append(m.rest, b[:missing]...)
		if b = b[missing:]; len(m.rest) < stereoBytes {
			return n, nil
		}
		m.take(m.rest)
		m.rest = m.rest[:0]
	}
	whole := len(b) / stereoBytes * stereoBytes
	m.take(b[:whole])
	m.rest = append(m.rest, b[whole:]...)
	return n, nil
}

// take looks at whole stereo samples, as many at a time as are of one point.
func (m *peakMeter) take(b []byte) {
	for len(b) >= stereoBytes && m.at < m.peaks.Samples {
		point, inside := m.at/m.peaks.SamplesPerPoint, m.at%m.peaks.SamplesPerPoint
		n := min(m.peaks.SamplesPerPoint-inside, m.peaks.Samples-m.at, int64(len(b)/stereoBytes))
		m.peaks.Left.take(point, inside == 0, b[:n*stereoBytes])
		m.peaks.Right.take(point, inside == 0, b[sampleBytes:n*stereoBytes])
		b = b[n*stereoBytes:]
		m.at += n
	}
}

// take looks at a channel's samples, the first of which b begins with.
func (c *PeakChannel) take(point int64, first bool, b []byte) {
	var low, high int16
	if first {
		low, high = math.MaxInt16, math.MinInt16
	} else {
		low, high = int16(c.Min[point])*peakStep, int16(c.Max[point])*peakStep
	}
	for ; len(b) >= sampleBytes; b = b[min(stereoBytes, len(b)):] {
		v := int16(binary.LittleEndian.Uint16(b)) // same bits
		low, high = min(low, v), max(high, v)
	}
	// Towards zero, so that noise is silence.
	c.Min[point], c.Max[point] = int8(low/peakStep), int8(high/peakStep)
}

// peaksFile is how peaks are stored.
type peaksFile struct {
	Samples         int64       `json:"samples"`
	SamplesPerPoint int64       `json:"samples_per_point"`
	Left            PeakChannel `json:"left"`
	Right           PeakChannel `json:"right"`
}

// parsePeaks reads peaks that were stored and refuses what nobody can draw.
func parsePeaks(raw []byte) (Peaks, error) {
	var f peaksFile
	if err := json.Unmarshal(raw, &f); err != nil {
		return Peaks{}, fmt.Errorf("recording: peaks: %w", err)
	}
	p := Peaks(f)
	if p.Samples < 0 || p.Samples > maxData/stereoBytes || p.SamplesPerPoint < samplesPerPeak || p.SamplesPerPoint > maxData {
		return Peaks{}, fmt.Errorf("recording: peaks of %d samples, %d a point", p.Samples, p.SamplesPerPoint)
	}
	want := p.points()
	for _, c := range []PeakChannel{p.Left, p.Right} {
		if want > maxPeaks || len(c.Min) != want || len(c.Max) != want {
			return Peaks{}, fmt.Errorf("recording: peaks: %d and %d points, want %d", len(c.Min), len(c.Max), want)
		}
	}
	return p, nil
}

// writePeaks stores peaks in place of those before.
func writePeaks(root *os.Root, id call.ID, p Peaks) error {
	raw, err := json.Marshal(peaksFile(p))
	if err == nil {
		err = replace(root, peaksPath(id), raw)
	}
	if err != nil {
		return fmt.Errorf("recording of call %s: peaks: %w", id, err)
	}
	return nil
}

func readPeaks(root *os.Root, id call.ID) (Peaks, error) {
	f, err := root.Open(peaksPath(id))
	if err != nil {
		return Peaks{}, err
	}
	defer func() { _ = f.Close() }() // only read
	raw, err := io.ReadAll(io.LimitReader(f, maxPeaksFile))
	if err != nil {
		return Peaks{}, fmt.Errorf("recording of call %s: %w", id, err)
	}
	return parsePeaks(raw)
}

// Peaks returns what the waveform of a call's recording is drawn from, with the
// channels in the order of a layout (empty: as it was recorded). Those that
// are missing are made from the recording, wherever it lies. ErrLive while it is
// being recorded, fs.ErrNotExist when there is none, ErrUnreachable when they
// are missing and it is in an archive that does not give it.
func (l *Library) Peaks(id call.ID, layout Layout) (Peaks, error) {
	if _, err := ParseLayout(string(layout)); err != nil {
		return Peaks{}, err
	}
	root, err := l.shelf(id)
	if l.isLive(id) && (err != nil || !exists(root, peaksPath(id))) { // they are there before its call hears that it is sealed
		return Peaks{}, fmt.Errorf("recording of call %s: %w", id, ErrLive)
	}
	if err != nil {
		return Peaks{}, err
	}
	p, err := readPeaks(root, id)
	if err != nil {
		if p, err = l.makePeaks(root, id); err != nil {
			return Peaks{}, err
		}
	}
	n := readNote(root, id)
	p.Left.Side, p.Right.Side = n.left.name(), n.left.other().name()
	if layout != "" && layout.left(n.direction) != n.left {
		p.Left, p.Right = p.Right, p.Left
	}
	return p, nil
}

// makePeaks makes the peaks of a sealed recording and stores them; it returns
// them too when they cannot be stored. One recording is looked through at a
// time.
func (l *Library) makePeaks(root *os.Root, id call.ID) (Peaks, error) {
	l.drawing.Lock()
	defer l.drawing.Unlock()
	if p, err := readPeaks(root, id); err == nil {
		return p, nil // made meanwhile
	}
	recorded, err := l.Open(id, PlayOptions{})
	if err != nil {
		return Peaks{}, err
	}
	m := newPeakMeter(recorded.Size - headerBytes)
	_, err = io.Copy(m, recorded)
	if err = errors.Join(err, recorded.Close()); err != nil {
		return Peaks{}, fmt.Errorf("recording of call %s: peaks: %w", id, err)
	}
	if !recorded.Sealed {
		return Peaks{}, fmt.Errorf("recording of call %s: %w", id, ErrLive)
	}
	if err := l.filePeaks(root, id, m.peaks); err != nil {
		l.log.Warn("peaks of a recording are not kept", "call_id", string(id), "error", err)
	}
	return m.peaks, nil
}

// filePeaks stores the peaks of a recording that was not deleted meanwhile.
func (l *Library) filePeaks(root *os.Root, id call.ID, p Peaks) error {
	l.filing.Lock()
	defer l.filing.Unlock()
	if !isHere(root, id) {
		return nil
	}
	return writePeaks(root, id, p)
}
