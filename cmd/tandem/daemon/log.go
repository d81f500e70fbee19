package daemon

import (
	"io"
	"log/slog"
	"os"

	"tandem/config"
)

// newLog returns the log that the configuration asks for.
func newLog(cfg *config.Config, out io.Writer, level *slog.LevelVar) *slog.Logger {
	if out == nil {
		out = os.Stderr
	}
	level.Set(logLevel(cfg))
	o := &slog.HandlerOptions{Level: level}
	if cfg.Log.Format == config.LogJSON {
		return slog.New(slog.NewJSONHandler(out, o))
	}
	return slog.New(slog.NewTextHandler(out, o))
}

func logLevel(cfg *config.Config) slog.Level {
	switch cfg.Log.Level {
	case config.LogDebug:
		return slog.LevelDebug
	case config.LogInfo:
		return slog.LevelInfo
	case config.LogWarn:
		return slog.LevelWarn
	case config.LogError:
		return slog.LevelError
	}
	return slog.LevelInfo
}
