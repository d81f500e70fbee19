package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"tandem/call"
	"tandem/config"
	"tandem/media"
	"tandem/media/codec"
	"tandem/media/tone"
	"tandem/routing"
)

// audio translates what may change of media while calls are up.
func audio(ctx context.Context, cfg *config.Config) (media.Settings, error) {
	clips, err := sounds(cfg)
	if err != nil {
		return media.Settings{}, err
	}
	preferences, err := laws(cfg)
	if err != nil {
		return media.Settings{}, err
	}
	external, err := address(ctx, cfg.Media.External)
	if err != nil {
		return media.Settings{}, fmt.Errorf("media.external: %w", err)
	}
	trunks, users := encryption(cfg)
	return media.Settings{
		External: external, Codecs: preferences, TrunkEncryption: trunks, UserEncryption: users, Sounds: clips, Country: string(cfg.Media.CountryTones),
		JitterMin: cfg.Media.Jitter.Min, JitterMax: cfg.Media.Jitter.Max, Timeout: cfg.Media.Timeout,
	}, nil
}

// address returns the IP address of a host, which may be a name; the zero
// address for none.
func address(ctx context.Context, host string) (netip.Addr, error) {
	if host == "" {
		return netip.Addr{}, nil
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return addr, nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip4", host)
	if err != nil {
		return netip.Addr{}, err
	}
	return found[0].Unmap(), nil
}

// sounds loads everything that a leg can be played. A file that is missing or
// broken is an error here, never silence in a call; all of them are reported.
func sounds(cfg *config.Config) (map[call.Sound]tone.Clip, error) {
	language := tone.Language(string(cfg.Account.Country))
	clips := map[call.Sound]tone.Clip{call.SoundUnavailable: tone.Unavailable(language)}
	var faults []error
	add := func(name call.Sound, key, path string, builtin func() tone.Clip) {
		if path == "" {
			clips[name] = builtin()
			return
		}
		clip, err := loadWAV(path)
		if err != nil {
			faults = append(faults, fmt.Errorf("%s: %s: %w", key, path, err))
			return
		}
		clips[name] = clip
	}
	for i, p := range cfg.Playbooks {
		key := fmt.Sprintf("playbooks[%d]", i)
		add(routing.MusicSound(p.Name), key+".reception.hold_music", p.Reception.HoldMusic, tone.HoldMusic)
		add(routing.ClosedSound(p.Name), key+".closed.prompt", p.Closed.Prompt, func() tone.Clip { return tone.OfficeClosed(language) })
	}
	if cfg.Recording.Announce != "" {
		add(routing.AnnounceSound, "recording.announce", cfg.Recording.Announce, nil)
	}
	return clips, errors.Join(faults...)
}

func loadWAV(path string) (tone.Clip, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return tone.LoadWAV(f)
}

// laws translates the codec preferences of the trunks.
func laws(cfg *config.Config) (map[string][]codec.Law, error) {
	byTrunk := make(map[string][]codec.Law)
	var faults []error
	for _, t := range cfg.Trunks {
		for _, c := range t.Codecs {
			switch c {
			case config.PCMA:
				byTrunk[t.Name] = append(byTrunk[t.Name], codec.PCMA)
			case config.PCMU:
				byTrunk[t.Name] = append(byTrunk[t.Name], codec.PCMU)
			case config.G722:
				faults = append(faults, fmt.Errorf("trunk %s: codec G722: this version speaks PCMA and PCMU", t.Name))
			}
		}
	}
	return byTrunk, errors.Join(faults...)
}
