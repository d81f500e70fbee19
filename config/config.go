// Package config owns Tandem's configuration file: its keys and their
// defaults, strict reading with a position for every fault, the checks that
// need the whole file, its JSON Schema and an annotated example.
//
// A file is read whole or not at all. Every fault of a file is reported in one
// run, each with file, line, column and the path of the key; values that may be
// secret never appear in a message. The package imports nothing of Tandem:
// cmd/tandem/daemon translates a Config into the options of the other packages.
//
// Relative paths in the file (data, recordings, WAV files, certificates,
// ${file:...}) are relative to the folder of the file itself, so that a
// configuration means the same from wherever the program is started.
package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// MaxSize is the largest configuration file that is read, in bytes.
const MaxSize = 1 << 20

// Config is a whole configuration file with the defaults filled in, checked.
type Config struct {
	Account   Account    `yaml:"account" doc:"The company that runs the switch."`
	Data      string     `yaml:"data" doc:"Folder of everything that is kept: tandem.db, recordings/ and tandem.sock, the admin socket (mode 0600)."`
	SIP       SIP        `yaml:"sip" doc:"Signalling: where phones and carriers reach the switch."`
	Media     Media      `yaml:"media" doc:"Audio: ports, jitter buffer, dead-media watchdog."`
	HTTP      HTTP       `yaml:"http" doc:"API, console, /metrics, /healthz and /readyz."`
	Recording Recording  `yaml:"recording" doc:"Recording of conversations; nothing is ever written unless it is enabled."`
	Trunks    []Trunk    `yaml:"trunks" doc:"Links to carriers."`
	Numbers   []Number   `yaml:"numbers" doc:"The account's own numbers."`
	Users     []User     `yaml:"users" doc:"Salespeople, supervisors and administrators."`
	Playbooks []Playbook `yaml:"playbooks" doc:"Who sells what, from which number, when."`
	Coaching  Coaching   `yaml:"coaching" doc:"Supervisors joining live calls."`
	CRM       CRM        `yaml:"crm" doc:"Where ended calls are logged."`
	Dialer    Dialer     `yaml:"dialer" doc:"Limits that no campaign may exceed."`
	Limits    Limits     `yaml:"limits" doc:"Protection against floods and guessing, per source address."`
	Log       Log        `yaml:"log" doc:"The program's own log."`

	// Warnings are things that work as written but are probably not meant,
	// such as a playbook without users; sorted by position.
	Warnings []Fault `yaml:"-"`
}

// Load reads and checks the configuration file at path. Environment variables
// are looked up with getenv (os.LookupEnv in the program). A refused file is
// reported as Faults, which holds every fault; a file that cannot be read is
// one fault without a line.
func Load(path string, getenv func(string) (string, bool)) (*Config, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, Faults{{File: path, Message: err.Error()}}
	}
	return Parse(path, data, getenv)
}

// readFile returns at most MaxSize+1 bytes of a regular file, so that Parse can
// tell a file that is too long. Errors do not repeat the path.
func readFile(path string) ([]byte, error) {
	f, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", bare(err))
	}
	return data, nil
}

// openRegular opens a file after making sure that it is a regular one: opening
// a pipe or a device could wait for ever.
func openRegular(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", bare(err))
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("is not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", bare(err))
	}
	return f, nil
}

// bare strips operation and path from a file error; the fault names the file.
func bare(err error) error {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err
	}
	return err
}

// Parse checks a configuration held in memory. Name is the file's name in
// messages; its folder is the base of relative paths. The error is Faults.
func Parse(name string, data []byte, getenv func(string) (string, bool)) (*Config, error) {
	v, fault := read(name, data, getenv)
	if fault != nil {
		return nil, Faults{*fault}
	}
	v.all()
	if faults := v.report.sorted(name, false); len(faults) > 0 {
		return nil, faults
	}
	v.cfg.Warnings = v.report.sorted(name, true)
	return v.cfg, nil
}

// read decodes a configuration and fills in its defaults; what is wrong with
// its values is in the report. The fault is one of syntax.
func read(name string, data []byte, getenv func(string) (string, bool)) (*validator, *Fault) {
	root, fault := parseYAML(data)
	if fault != nil {
		fault.File = name
		return nil, fault
	}
	cfg := defaultConfig()
	base := filepath.Dir(name)
	d := newDecoder(root, expander{getenv: getenv, base: base})
	d.decode(&cfg)
	v := &validator{cfg: &cfg, spots: d.spots, entries: d.keys, report: d.report}
	v.deriveDefaults()
	v.resolvePaths(base)
	return v, nil
}

// Locate reads what a client of a running switch has to know: Data,
// Account.Timezone and Recording.Directory. Faults of other keys, unset secrets
// among them, are the switch's business and left aside; the rest of the Config
// is not to be relied on. The error is Faults.
func Locate(path string, getenv func(string) (string, bool)) (*Config, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, Faults{{File: path, Message: err.Error()}}
	}
	v, fault := read(path, data, getenv)
	if fault != nil {
		return nil, Faults{*fault}
	}
	v.data()
	var faults Faults
	for _, f := range v.report.sorted(path, false) {
		switch f.Key {
		case "data", "account.timezone", "recording.directory":
			faults = append(faults, f)
		}
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return v.cfg, nil
}

// Find returns the configuration file to use: the --config flag when given,
// else $TANDEM_CONFIG, else ./tandem.yaml, else /etc/tandem/tandem.yaml. The
// first two are taken as they are, so that a wrong name is an error of Load.
func Find(flag string, getenv func(string) (string, bool)) (string, error) {
	if flag != "" {
		return flag, nil
	}
	if path, ok := getenv("TANDEM_CONFIG"); ok && path != "" {
		return path, nil
	}
	return findIn("tandem.yaml", "/etc/tandem/tandem.yaml")
}

func findIn(candidates ...string) (string, error) {
	for _, path := range candidates {
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			return path, nil
		}
	}
	return "", fmt.Errorf("no configuration file: --config and $TANDEM_CONFIG are not given and none of %q exists; "+
		"`tandem config example > tandem.yaml` makes one", candidates)
}
