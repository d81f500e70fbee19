package daemon

import (
	"context"
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"tandem/config"
)

// reloadMeter tells whether the file on disk is the one in force.
type reloadMeter struct {
	successful prometheus.Gauge
	at         prometheus.Gauge
}

func newReloadMeter(r prometheus.Registerer) *reloadMeter {
	m := &reloadMeter{
		successful: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tandem_config_last_reload_successful", Help: "1 when the last reload was taken on, 0 when it was refused.",
		}),
		at: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tandem_config_last_reload_success_timestamp_seconds", Help: "When the configuration in force was taken on.",
		}),
	}
	r.MustRegister(m.successful, m.at)
	m.done()
	return m
}

func (m *reloadMeter) done() {
	m.successful.Set(1)
	m.at.SetToCurrentTime()
}

// Reload reads the configuration file anew and takes it on, whole or not at
// all. Live calls go on as they are. The error lists every fault, or the keys
// that need a restart. It does not stop halfway when ctx ends.
func (d *Daemon) Reload(ctx context.Context) error {
	if err := d.reload(context.WithoutCancel(ctx)); err != nil {
		d.reloads.successful.Set(0)
		d.log.Error("configuration refused, the old one stays", "error", err)
		return err
	}
	d.reloads.done()
	d.log.Info("configuration taken on", "file", d.opts.Config)
	return nil
}

func (d *Daemon) reload(ctx context.Context) error {
	cfg, err := config.Load(d.opts.Config, d.opts.Getenv)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if keys := cfg.RestartNeeded(d.cfg); len(keys) > 0 {
		return fmt.Errorf("restart the switch to change %s", strings.Join(keys, ", "))
	}
	if err := d.take(ctx, cfg); err != nil {
		return err
	}
	d.cfg = cfg
	d.level.Set(logLevel(cfg))
	return nil
}

// take puts a configuration in force. Everything that may refuse it comes
// before the first change.
func (d *Daemon) take(ctx context.Context, cfg *config.Config) error {
	acct, err := account(cfg)
	if err != nil {
		return err
	}
	settings, err := audio(ctx, cfg)
	if err != nil {
		return err
	}
	if _, err := listeners(cfg); err != nil {
		return err
	}
	recordings, err := recordingSettings(cfg)
	if err != nil {
		return err
	}
	calls, err := d.crmSettings(cfg)
	if err != nil {
		return err
	}
	if err := d.sip.RenewCertificate(); err != nil {
		return err
	}
	if err := d.media.Reconfigure(settings); err != nil {
		return err
	}
	if err := d.sip.Reconfigure(phones(cfg)); err != nil {
		return err
	}
	if err := d.directory.Replace(acct); err != nil {
		return err
	}
	if err := d.recorder.Apply(recordings); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if err := d.floor.Reconfigure(ctx, acct); err != nil {
		return err
	}
	d.exchange.SetMaxCalls(cfg.SIP.MaxCalls)
	d.crm.Apply(calls)
	return nil
}
