package daemon

import (
	"fmt"
	"time"

	"tandem/config"
	"tandem/recording"
	"tandem/recording/s3"
)

// recordingSettings are what the configuration says of recordings.
func recordingSettings(cfg *config.Config) (recording.Settings, error) {
	archive, err := Archive(cfg)
	if err != nil {
		return recording.Settings{}, err
	}
	command, err := recording.ParseCommand(cfg.Recording.Command)
	if err != nil {
		return recording.Settings{}, fmt.Errorf("recording.command: %w", err)
	}
	s := recording.Settings{
		Enabled: cfg.Recording.Enabled, Layout: recording.Layout(cfg.Recording.Layout), Retention: cfg.Recording.Retention,
		Playbooks: make(map[string]time.Duration), Archive: archive, Command: command,
	}
	for _, p := range cfg.Playbooks {
		if p.Recording.Retention != s.Retention {
			s.Playbooks[p.Name] = p.Recording.Retention
		}
	}
	return s, nil
}

// Archive is where a switch of that configuration moves its recordings; nil when
// they stay where they are. It is not spoken with yet.
func Archive(cfg *config.Config) (recording.Archive, error) {
	a := cfg.Recording.Archive
	switch {
	case a.Directory != "":
		disk, err := recording.NewDisk(a.Directory, RecordingsPath(cfg))
		if err != nil {
			return nil, fmt.Errorf("recording.archive.directory: %w", err)
		}
		return disk, nil
	case a.S3.Endpoint != "":
		bucket, err := s3.New(s3.Options{
			Endpoint: a.S3.Endpoint, Secure: a.S3.Secure, Region: a.S3.Region, Bucket: a.S3.Bucket, Prefix: a.S3.Prefix,
			AccessKey: string(a.S3.AccessKey), SecretKey: string(a.S3.SecretKey),
		})
		if err != nil {
			return nil, fmt.Errorf("recording.archive.s3: %w", err)
		}
		return bucket, nil
	}
	return nil, nil
}
