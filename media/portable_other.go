//go:build !linux

package media

// NewPacketIO returns the fastest PacketIO of this system.
func NewPacketIO() (PacketIO, error) { return NewPortableIO() }
