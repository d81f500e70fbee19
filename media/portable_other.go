//go:build !linux

package media

// NewPacketIO returns the fastest PacketIO of this system.
func NewPacketIO() (PacketIO, error) { return NewPortableIO() }

// NewDedicatedIO returns a PacketIO for who has a processor of the Go scheduler to
// spare; here it makes no difference.
func NewDedicatedIO() (PacketIO, error) { return NewPortableIO() }
