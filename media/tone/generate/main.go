// Command generate makes the sounds built into the switch: it synthesises the
// hold music and has espeak-ng speak the messages, and writes all of them as
// 8 kHz µ-law WAV files. The music is a work of this program; run again it gives
// the same bytes.
package main

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"math"
	"os"
	"os/signal"
	"path/filepath"

	"tandem/media/codec"
	"tandem/media/tone"
)

func main() {
	out := flag.String("out", "clips", "folder for the files")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *out); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, folder string) error {
	music := normalise(composeMusic(), -20)
	if err := writeULaw(filepath.Join(folder, "hold.wav"), music); err != nil {
		return err
	}
	for name, m := range messages() {
		clip, err := speak(ctx, m)
		if err != nil {
			return fmt.Errorf("message %s: %w", name, err)
		}
		if err := writeULaw(filepath.Join(folder, name+".wav"), clip); err != nil {
			return err
		}
	}
	return nil
}

// normalise scales samples to a level in dBFS, less where a peak would clip.
func normalise(samples []float64, level float64) tone.Clip {
	var power, peak float64
	for _, v := range samples {
		power += v * v
		peak = max(peak, math.Abs(v))
	}
	rms := math.Sqrt(2 * power / float64(len(samples)))
	gain := min(math.MaxInt16*math.Pow(10, level/20)/rms, 0.9*math.MaxInt16/peak)
	out := make(tone.Clip, len(samples))
	for i, v := range samples {
		out[i] = int16(math.Round(v * gain))
	}
	return out
}

// writeULaw writes a WAV file of G.711 µ-law, 8000 Hz, mono.
func writeULaw(path string, clip tone.Clip) error {
	data := make([]byte, len(clip), len(clip)+1)
	codec.New(codec.PCMU).EncodeSamples(data, clip)
	if len(data)%2 == 1 {
		data = append(data, codec.PCMU.Silence())
	}
	const muLaw, mono, bits, fmtSize = 7, 1, 8, 18
	head := []byte("RIFF\x00\x00\x00\x00WAVEfmt ")
	head = binary.LittleEndian.AppendUint32(head, fmtSize)
	head = binary.LittleEndian.AppendUint16(head, muLaw)
	head = binary.LittleEndian.AppendUint16(head, mono)
	head = binary.LittleEndian.AppendUint32(head, codec.Rate)
	head = binary.LittleEndian.AppendUint32(head, codec.Rate)
	head = binary.LittleEndian.AppendUint16(head, mono)
	head = binary.LittleEndian.AppendUint16(head, bits)
	head = binary.LittleEndian.AppendUint16(head, 0)
	head = append(head, "fact"...)
	head = binary.LittleEndian.AppendUint32(head, 4)
	head = binary.LittleEndian.AppendUint32(head, uint32(len(data)))
	head = append(head, "data"...)
	head = binary.LittleEndian.AppendUint32(head, uint32(len(data)))
	binary.LittleEndian.PutUint32(head[4:], uint32(len(head)-8+len(data)))
	return os.WriteFile(path, append(head, data...), 0o644)
}
