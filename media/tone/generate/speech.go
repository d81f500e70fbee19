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
		"closed_en":      {"en-gb", "Thank you for calling. Our office is closed at the moment. Please call again during our office hours. Goodbye."},
		"closed_es":      {"es", "Gracias por llamar. En este momento nuestra oficina está cerrada. Por favor, vuelva a llamar en nuestro horario de atención. Hasta pronto."},
		"closed_fr":      {"fr-fr", "Merci de votre appel. Nos bureaux sont actuellement fermés. Veuillez rappeler pendant nos heures d'ouverture. Au revoir."},
		"closed_de":      {"de", "Vielen Dank für Ihren Anruf. Unser Büro ist zurzeit geschlossen. Bitte rufen Sie während unserer Geschäftszeiten wieder an. Auf Wiederhören."},
		"closed_it":      {"it", "Grazie per averci chiamato. In questo momento i nostri uffici sono chiusi. La preghiamo di richiamare durante l'orario d'ufficio. Arrivederci."},
		"closed_pt":      {"pt", "Obrigado por ligar. Neste momento o nosso escritório está fechado. Por favor, volte a ligar durante o nosso horário de atendimento. Até breve."},
		"unavailable_en": {"en-gb", "Thank you for calling. Nobody is available to take your call right now. We will call you back as soon as we can. Goodbye."},
		"unavailable_es": {"es", "Gracias por llamar. En este momento nadie puede atenderle. Le devolveremos la llamada lo antes posible. Hasta pronto."},
		"unavailable_fr": {"fr-fr", "Merci de votre appel. Personne n'est disponible pour vous répondre. Nous vous rappellerons dès que possible. Au revoir."},
		"unavailable_de": {"de", "Vielen Dank für Ihren Anruf. Im Moment ist leider niemand frei. Wir rufen Sie so bald wie möglich zurück. Auf Wiederhören."},
		"unavailable_it": {"it", "Grazie per averci chiamato. In questo momento nessuno è disponibile. La richiameremo appena possibile. Arrivederci."},
		"unavailable_pt": {"pt", "Obrigado por ligar. Neste momento ninguém pode atender. Ligaremos de volta assim que possível. Até breve."},
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
	const wordsPerMinute, pitch = "140", "42"
	speaker := exec.CommandContext(ctx, "espeak-ng", "-v", m.voice, "-s", wordsPerMinute, "-p", pitch, "-g", "2", "-w", path, m.text)
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
