package tone

import (
	"bytes"
	"embed"
	"path"
	"strings"
	"sync"
)

//go:embed clips/*.wav
var clipFiles embed.FS

// clips decodes the built-in sounds, each under its name without extension, the
// first time that one is asked for. The files are part of the program; the test
// that loads every one of them stands in for an error here.
var clips = sync.OnceValue(func() map[string]Clip {
	out := make(map[string]Clip)
	files, _ := clipFiles.ReadDir("clips")
	for _, file := range files {
		data, err := clipFiles.ReadFile(path.Join("clips", file.Name()))
		if err != nil {
			continue
		}
		if clip, err := LoadWAV(bytes.NewReader(data)); err == nil {
			out[strings.TrimSuffix(file.Name(), ".wav")] = clip
		}
	}
	return out
})

// HoldMusic returns the built-in music, made to be looped.
func HoldMusic() Clip { return clips()["hold"] }

// OfficeClosed returns the message for calls outside office hours, in a language
// (ISO 639-1) or, where there is none in it, English.
func OfficeClosed(lang string) Clip { return message("closed", lang) }

// Unavailable returns the message that nobody can take the call and that the
// caller will be called back, in a language (ISO 639-1) or else English.
func Unavailable(lang string) Clip { return message("unavailable", lang) }

func message(name, lang string) Clip {
	if clip, ok := clips()[name+"_"+strings.ToLower(lang)]; ok {
		return clip
	}
	return clips()[name+"_en"]
}
