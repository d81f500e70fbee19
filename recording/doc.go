// Package recording keeps conversations as stereo WAV files.
//
// It owns the recordings folder: YYYY/MM/DD (UTC, from the call's ID) with, for
// each call, <id>.wav.part while it is being recorded and <id>.wav once it is
// sealed, and beside it <id>.sha256, which `sha256sum -c` understands and whose
// comments say who is on which channel. The checksum is in it only when whoever
// keeps the calls has been told of the recording; until then Repair tells them.
// <id>.peaks is what its waveform is drawn from; it can be made again from the
// recording at any time.
// <id>.withdrawn marks one that is deleted while files of it may be left.
//
// The folder is a spool when there is an Archive: Library.Move carries what is
// sealed there and deletes it here once the archive has confirmed it. The note
// stays and says where the recording is, and the peaks stay beside it.
//
// The media tick pushes frames into a bounded ring and never waits; a writer
// goroutine per recording moves them to the disk twice a second. What the disk
// is too slow for becomes silence of the same length, and is counted.
package recording
