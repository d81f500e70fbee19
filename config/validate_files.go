package config

import (
	"bytes"
	"io"
)

// file checks that a file can be opened.
func (v *validator) file(path, name string) {
	if name == "" || !v.sound(path) {
		return
	}
	f, err := openRegular(name)
	if err != nil {
		v.fault(path, "file "+v.shown(path)+" "+err.Error(), "")
		return
	}
	_ = f.Close()
}

// wav checks that a file is there and begins as a RIFF WAVE file does; what is
// inside is the player's to check.
func (v *validator) wav(path, name string) {
	v.file(path, name)
	if name == "" || !v.sound(path) {
		return
	}
	f, err := openRegular(name)
	if err != nil {
		v.fault(path, "file "+v.shown(path)+" "+err.Error(), "")
		return
	}
	defer f.Close()
	header := make([]byte, 12)
	_, err = io.ReadFull(f, header)
	if err != nil || !bytes.Equal(header[:4], []byte("RIFF")) || !bytes.Equal(header[8:], []byte("WAVE")) {
		v.fault(path, "file "+v.shown(path)+" is not a WAV", "")
	}
}
