package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"tandem/media/codec"
	"tandem/media/tone"
)

// message is a text and the espeak-ng voice that speaks it.
type message struct{ voice, text string }

// messages returns the built-in messages by file name.
func messages() map[string]message {
	return map[string]message{
		"closed_en":      {"en-gb", "Thank you for calling. Our office is closed at the moment."},
		"closed_es":      {"es", "Gracias por llamar. En este momento nuestra oficina está cerrada."},
		"closed_fr":      {"fr-fr", "Merci de votre appel. Nos bureaux sont fermés en ce moment."},
		"closed_de":      {"de", "Vielen Dank für Ihren Anruf. Unser Büro ist zurzeit geschlossen."},
		"closed_it":      {"it", "Grazie per averci chiamato. In questo momento i nostri uffici sono chiusi."},
		"closed_pt":      {"pt", "Obrigado por ligar. Neste momento o nosso escritório está fechado."},
		"unavailable_en": {"en-gb", "Nobody can take your call right now. We will call you back."},
		"unavailable_es": {"es", "Ahora no podemos atenderle. Le devolveremos la llamada."},
		"unavailable_fr": {"fr-fr", "Personne ne peut vous répondre. Nous vous rappellerons."},
		"unavailable_de": {"de", "Zurzeit ist niemand frei. Wir rufen Sie zurück."},
		"unavailable_it": {"it", "Nessuno può rispondere ora. La richiameremo."},
		"unavailable_pt": {"pt", "Agora ninguém pode atender. Vamos ligar de volta."},
	}
}

// speak returns the spoken message with a short silence before and after it.
func speak(ctx context.Context, m message) (tone.Clip, error) {
	folder, err := os.MkdirTemp("", "speech")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "speech.wav")
	const wordsPerMinute, pitch = "165", "42"
	speaker := exec.CommandContext(ctx, "espeak-ng", "-v", m.voice, "-s", wordsPerMinute, "-p", pitch, "-w", path, m.text)
	if out, err := speaker.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("espeak-ng: %w: %s", err, out)
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	clip, err := tone.LoadWAV(file)
	if err != nil {
		return nil, err
	}
	return normalise(framed(clip), -17), nil
}

// framed puts 300 ms of silence around a sound, so that its first syllable is
// not lost while the caller's phone opens its ear.
func framed(clip tone.Clip) []float64 {
	const pause = codec.Rate * 3 / 10
	out := make([]float64, len(clip)+2*pause)
	for i, v := range clip {
		out[pause+i] = float64(v)
	}
	return out
}
