package config

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

func (v *validator) recordings() {
	v.wav("recording.announce", v.cfg.Recording.Announce)
	if v.given("recording.directory") && v.sound("data") && v.cfg.Recording.Directory == v.cfg.Data {
		v.fault("recording.directory", "is the data folder itself", "leave the key out for recordings inside it")
	}
	v.archiveDirectory()
	v.archiveS3()
	v.recordingCommand()
}

// archiveDirectory checks the folder of the archive. That it is not there is no
// fault: without the disk the switch works all the same.
func (v *validator) archiveDirectory() {
	const path = "recording.archive.directory"
	r := v.cfg.Recording
	directory := r.Archive.Directory
	switch {
	case directory == "" || !v.sound(path):
		return
	case r.Archive.S3.Endpoint != "":
		v.fault(path, "is given beside s3.endpoint", "recordings go to one archive; leave one of the two out")
	case inside(directory, r.Directory), inside(r.Directory, directory):
		v.fault(path, "is within recording.directory, or holds it", "name a folder on another disk")
	}
	if info, err := os.Stat(directory); err != nil || !info.IsDir() {
		v.warn(path, "there is no folder "+v.shown(path)+": recordings wait in recording.directory until there is")
	}
}

// inside reports whether a path is a folder or in it.
func inside(path, folder string) bool {
	rest, err := filepath.Rel(folder, path)
	return err == nil && rest != ".." && !strings.HasPrefix(rest, ".."+string(filepath.Separator))
}

// archiveS3 checks the bucket of the archive.
func (v *validator) archiveS3() {
	const path = "recording.archive.s3"
	s := v.cfg.Recording.Archive.S3
	if s.Endpoint == "" && s.Bucket+s.Prefix+s.Region+string(s.AccessKey)+string(s.SecretKey) == "" {
		return
	}
	for _, needed := range []struct{ key, value string }{
		{"endpoint", s.Endpoint}, {"bucket", s.Bucket}, {"access_key", string(s.AccessKey)}, {"secret_key", string(s.SecretKey)},
	} {
		if at := path + "." + needed.key; needed.value == "" && v.sound(at) {
			v.fault(at, "is required for an archive in S3", "")
		}
	}
	v.endpoint(path+".endpoint", s)
	v.pattern(path+".bucket", s.Bucket, `^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`, "is not the name of a bucket", "3 to 63 small letters, digits, '.' and '-'")
	v.pattern(path+".region", s.Region, `^[A-Za-z0-9-]{1,64}$`, "is not a region", "such as eu-west-1")
	if strings.Contains("/"+s.Prefix+"/", "/../") || strings.Contains("/"+s.Prefix+"/", "/./") {
		v.fault(path+".prefix", v.shown(path+".prefix")+" has a part that is . or ..", "")
	}
	v.pattern(path+".prefix", s.Prefix, `^[A-Za-z0-9!_.*'()-]+(/[A-Za-z0-9!_.*'()-]+)*$`, "is not a prefix", "parts of letters, digits and !_.*'()- with / between them, none at the ends")
}

// endpoint checks the address of an S3 server.
func (v *validator) endpoint(path string, s S3) {
	if s.Endpoint == "" || !v.sound(path) {
		return
	}
	if strings.Contains(s.Endpoint, "//") {
		v.fault(path, v.shown(path)+" is a URL", "write its host or host:port alone; recording.archive.s3.secure says whether to speak TLS")
		return
	}
	v.carrierAddress(path, s.Endpoint)
	if v.sound(path) && !s.Secure && !nearby(s.Endpoint) {
		v.warn(path, "recordings travel to "+v.shown(path)+" in the clear: recording.archive.s3.secure is false")
	}
}

// nearby reports whether an address is on this machine or a network of one's
// own, as far as it tells.
func nearby(address string) bool {
	host := address
	if h, _, err := net.SplitHostPort(address); err == nil {
		host = h
	}
	if ip, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast()
	}
	return regexp.MustCompile(`^[^.]+$|\.(lan|local|localhost|internal|home\.arpa)$`).MatchString(host)
}

// pattern checks the form of a text that may be empty.
func (v *validator) pattern(path, value, form, message, hint string) {
	if value != "" && v.sound(path) && !regexp.MustCompile(form).MatchString(value) {
		v.fault(path, v.shown(path)+" "+message, hint)
	}
}

// recordingCommand checks the program that is run on recordings.
func (v *validator) recordingCommand() {
	const path = "recording.command"
	argv := v.cfg.Recording.Command
	if len(argv) == 0 || !v.sound(path) {
		return
	}
	if first := path + "[0]"; !filepath.IsAbs(argv[0]) {
		v.fault(first, v.shown(first)+" is not an absolute path", "such as /usr/bin/flac")
	} else if info, err := os.Stat(argv[0]); err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
		v.warn(first, v.shown(first)+" is not a program that can be run: every run will fail")
	}
	ins, outs := 0, 0
	for i, arg := range argv[1:] {
		at := fmt.Sprintf("%s[%d]", path, i+1)
		ins += strings.Count(arg, "{in}")
		if !strings.Contains(arg, "{out}") {
			continue
		}
		outs++
		if !regexp.MustCompile(`^[^{}]*\{out\}\.[a-z0-9]{1,8}$`).MatchString(arg) {
			v.fault(at, v.shown(at)+" does not end in {out} and an extension", "such as {out}.flac, of small letters and digits")
		} else if regexp.MustCompile(`\.(wav|sha256|peaks|part|tmp)$`).MatchString(arg) {
			v.fault(at, v.shown(at)+" has an extension of the recording's own files", "the WAV itself is kept as it is")
		}
	}
	if ins == 0 {
		v.fault(path, "has no {in}, which stands for the recording", "")
	}
	if outs != 1 && v.sound(path) {
		v.fault(path, "needs exactly one argument with {out} and an extension", "such as {out}.flac: the file that the program makes")
	}
}
