package tone

import (
	"bytes"
	"slices"
	"testing"
)

// FuzzSamples: the samples of a file of 8000 Hz are those that were written, in
// every width, alone or in pairs, which are mixed.
func FuzzSamples(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, uint8(0), false)
	f.Add([]byte{0xFF, 0x7F, 0x00, 0x80, 0x80, 0x00}, uint8(3), true)
	f.Add([]byte{0, 0x80, 0xFF}, uint8(5), true)
	f.Fuzz(func(t *testing.T, data []byte, kind uint8, extensible bool) {
		format := wavFormat{wavPCM, 1 + int(kind)%2, 8000, []int{8, 16, 24}[int(kind/2)%3]}
		width := format.bits / 8
		var mono []int16
		for at := 0; at+width*format.channels <= len(data); at += width * format.channels {
			sum := 0
			for c := range format.channels {
				sum += sample(data[at+c*width:][:width])
			}
			mono = append(mono, int16(sum/format.channels))
		}
		clip, err := LoadWAV(bytes.NewReader(file(format, data, extensible, chunk("LIST", data))))
		if (err != nil) != (len(mono) == 0) {
			t.Fatalf("%d samples of %+v: %v", len(mono), format, err)
		}
		if !slices.Equal([]int16(clip), mono) {
			t.Fatalf("%+v: %x is %v, want %v", format, data, clip, mono)
		}
	})
}

// sample is one sample in 16 bits: 8 bits have no sign, others are little-endian.
func sample(b []byte) int {
	switch len(b) {
	case 1:
		return (int(b[0]) - 128) * 256
	case 2:
		return int(int8(b[1]))*256 + int(b[0])
	default:
		return int(int8(b[2]))*256 + int(b[1])
	}
}
