package recording

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"tandem/call"
)

// Channel selects one channel of a recording.
type Channel string

// The channels.
const (
	Both  Channel = ""
	Left  Channel = "left"
	Right Channel = "right"
)

// PlayOptions say how a recording is to be heard.
type PlayOptions struct {
	Channel Channel // Left or Right: a mono file
	Layout  Layout  // empty: as it was recorded
}

// Playback is a WAV file made from a recording: its bytes can be read from any
// place. Of a call that is still being recorded it has what was there at Open.
type Playback struct {
	Size    int64 // bytes, header included
	ModTime time.Time
	Sealed  bool // false: still being recorded

	source  Reader
	head    []byte
	width   int64 // bytes of one sample in the output
	swap    bool  // the channels change places
	channel Channel
	at      int64
	samples []byte // stereo samples on their way to the reader
}

// playSamples is how many samples are converted at a time.
const playSamples = 4096

// Open opens a call's recording, sealed or in progress, in the folder or in the
// archive. fs.ErrNotExist when there is none, ErrUnreachable when it is in an
// archive that does not give it; the caller closes what it gets.
func (l *Library) Open(id call.ID, o PlayOptions) (*Playback, error) {
	if o.Channel != Both && o.Channel != Left && o.Channel != Right {
		return nil, fmt.Errorf("recording: channel %.40q: want %s or %s", o.Channel, Left, Right)
	}
	if _, err := ParseLayout(string(o.Layout)); err != nil {
		return nil, err
	}
	root, err := l.shelf(id)
	if err != nil {
		return nil, err
	}
	t, err := l.find(root, id)
	if err != nil {
		return nil, fmt.Errorf("recording of call %s: %w", id, err)
	}
	p := &Playback{ModTime: t.ModTime, Sealed: t.sealed, source: t.Reader, channel: o.Channel, width: stereoBytes}
	if n := readNote(root, id); o.Layout != "" {
		p.swap = o.Layout.left(n.direction) != n.left
	}
	h := header{channels: 2, data: wholeSamples(t.Size)}
	if o.Channel != Both {
		h, p.width = header{channels: 1, data: h.data / 2}, sampleBytes
	}
	p.head, p.Size = h.encode(), headerBytes+h.data
	return p, nil
}

// Close implements io.Closer.
func (p *Playback) Close() error { return p.source.Close() }

// Seek implements io.Seeker.
func (p *Playback) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += p.at
	case io.SeekEnd:
		offset += p.Size
	}
	if offset < 0 {
		return 0, errors.New("recording: seek before the start")
	}
	p.at = offset
	return offset, nil
}

// Read implements io.Reader.
func (p *Playback) Read(b []byte) (n int, err error) {
	switch {
	case p.at >= p.Size:
		return 0, io.EOF
	case len(b) == 0:
		return 0, nil
	case p.at < headerBytes:
		n = copy(b, p.head[p.at:])
	case p.width == stereoBytes && !p.swap:
		n, err = p.source.ReadAt(b[:min(int64(len(b)), p.Size-p.at)], p.at)
		if n > 0 {
			err = nil // what is wrong shows at the next read
		}
	default:
		n, err = p.convert(b)
	}
	p.at += int64(n)
	return n, err
}

// convert reads samples, swaps their channels or leaves one of them, and copies
// the result from where the reader is.
func (p *Playback) convert(b []byte) (int, error) {
	offset := p.at - headerBytes
	first, inside := offset/p.width, offset%p.width
	count := min((inside+int64(len(b))+p.width-1)/p.width, playSamples, (p.Size-headerBytes)/p.width-first)
	if p.samples == nil {
		p.samples = make([]byte, playSamples*stereoBytes)
	}
	in := p.samples[:count*stereoBytes]
	if n, err := p.source.ReadAt(in, headerBytes+first*stereoBytes); n < len(in) {
		return 0, fmt.Errorf("recording: %w", err)
	}
	right := p.channel == Right
	for i := range count {
		sample := binary.LittleEndian.Uint32(in[i*stereoBytes:])
		if p.swap {
			sample = sample<<16 | sample>>16
		}
		if p.width == stereoBytes {
			binary.LittleEndian.PutUint32(in[i*stereoBytes:], sample)
			continue
		}
		if right {
			sample >>= 16
		}
		// Never ahead of what is still to be read: the output is narrower.
		binary.LittleEndian.PutUint16(in[i*sampleBytes:], uint16(sample)) // the lower half
	}
	return copy(b, in[inside:count*p.width]), nil
}
