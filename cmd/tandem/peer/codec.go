package peer

import "github.com/zaf/g711"

// staticPayload is the payload type of RFC 3551 6.
func staticPayload(name string) uint8 {
	if name == "PCMA" {
		return 8
	}
	return 0
}

// encoders returns the sample encoder of an encoding name, nil for one that we lack.
func encoders(name string) func(int16) uint8 {
	switch name {
	case "PCMA":
		return g711.EncodeAlawFrame
	case "PCMU":
		return g711.EncodeUlawFrame
	}
	return nil
}

// decoders returns the sample decoder of a static payload type, nil for one that we lack.
func decoders(payload uint8) func(uint8) int16 {
	switch payload {
	case 8:
		return g711.DecodeAlawFrame
	case 0:
		return g711.DecodeUlawFrame
	}
	return nil
}
