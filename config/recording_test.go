package config

import (
	"strings"
	"testing"
)

func TestRecordingFaults(t *testing.T) {
	const s3 = "recording.archive.s3."
	full := func(rest string) string {
		return "recording: {archive: {s3: {endpoint: minio.lan, bucket: calls, access_key: a, secret_key: b" + rest + "}}}\n"
	}
	cases := map[string]struct {
		text  string
		wants []want
	}{
		"nothing":           {"recording: {archive: {directory: \"\", s3: {endpoint: \"\", bucket: \"\"}}, command: []}\n", nil},
		"s3":                {full(", prefix: sales/recordings, region: eu-west-1, secure: false"), nil},
		"two archives":      {"recording:\n  archive:\n    directory: /\n    s3: {endpoint: minio.lan, bucket: calls, access_key: a, secret_key: b}\n", []want{{"3:16: recording.archive.directory", "beside s3.endpoint", ""}}},
		"spool in archive":  {"data: d\nrecording: {archive: {directory: d}}\n", []want{{"2:34: recording.archive.directory", "within recording.directory", "another disk"}}},
		"archive in spool":  {"recording: {directory: r, archive: {directory: r/old}}\n", []want{{"1:48: recording.archive.directory", "within recording.directory", ""}}},
		"s3 without":        {"recording: {archive: {s3: {prefix: x}}}\n", []want{{"1:27: " + s3 + "endpoint", "is required", ""}, {"1:27: " + s3 + "bucket", "is required", ""}, {"1:27: " + s3 + "access_key", "is required", ""}, {"1:27: " + s3 + "secret_key", "is required", ""}}},
		"s3 url":            {"recording: {archive: {s3: {bucket: calls, access_key: a, secret_key: b, endpoint: \"https://s3.example\"}}}\n", []want{{"1:83: " + s3 + "endpoint", "is a URL", "secure"}}},
		"s3 port":           {"recording: {archive: {s3: {bucket: calls, access_key: a, secret_key: b, endpoint: \"s3.example:0\"}}}\n", []want{{"1:83: " + s3 + "endpoint", "1 to 65535", ""}}},
		"s3 bucket":         {"recording: {archive: {s3: {endpoint: x, access_key: a, secret_key: b, bucket: Calls}}}\n", []want{{"1:79: " + s3 + "bucket", "not the name of a bucket", "small letters"}}},
		"s3 prefix":         {full(", prefix: /x"), []want{{"1:102: " + s3 + "prefix", "is not a prefix", ""}}},
		"s3 prefix parent":  {full(", prefix: x/../y"), []want{{"1:102: " + s3 + "prefix", "..", ""}}},
		"s3 region":         {full(", region: \"eu west\""), []want{{"1:102: " + s3 + "region", "is not a region", ""}}},
		"s3 secret unset":   {full(", region: \"${NOPE}\""), []want{{"1:102: " + s3 + "region", "NOPE is not set", ""}}},
		"command":           {"recording: {command: [/bin/sh, -c, \"x\", \"{in}\", \"--to={out}.mp3\"]}\n", nil},
		"command relative":  {"recording: {command: [flac, \"{in}\", \"{out}.flac\"]}\n", []want{{"1:23: recording.command[0]", "not an absolute path", ""}}},
		"command no in":     {"recording: {command: [/bin/sh, \"{out}.flac\"]}\n", []want{{"1:22: recording.command", "no {in}", ""}}},
		"command no out":    {"recording: {command: [/bin/sh, \"{in}\"]}\n", []want{{"1:22: recording.command", "exactly one", "{out}.flac"}}},
		"command extension": {"recording: {command: [/bin/sh, \"{in}\", \"{out}\"]}\n", []want{{"1:40: recording.command[2]", "an extension", "{out}.flac"}}},
		"command on itself": {"recording: {command: [/bin/sh, \"{in}\", \"{out}.wav\"]}\n", []want{{"1:40: recording.command[2]", "own files", ""}}},
		"command on peaks":  {"recording: {command: [/bin/sh, \"{in}\", \"{out}.peaks\"]}\n", []want{{"1:40: recording.command[2]", "own files", ""}}},
		"command two outs":  {"recording: {command: [/bin/sh, \"{in}\", \"{out}.a\", \"{out}.b\"]}\n", []want{{"1:22: recording.command", "exactly one", ""}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { checkFaults(t, c.text, c.wants) })
	}
}

func TestRecordingWarnings(t *testing.T) {
	for text, want := range map[string]string{
		"archive: {directory: /not/mounted}": "1:34: recording.archive.directory: there is no folder",
		"archive: {s3: {endpoint: s3.example.com, secure: false, bucket: abc, access_key: a, secret_key: b}}":       "1:38: recording.archive.s3.endpoint: recordings travel",
		"archive: {s3: {endpoint: \"192.168.1.2:9000\", secure: false, bucket: abc, access_key: a, secret_key: b}}": "",
		"archive: {s3: {endpoint: s3.example.com, bucket: abc, access_key: a, secret_key: b}}":                      "",
		"command: [/not/there, \"{in}\", \"{out}.flac\"]":                                                           "1:23: recording.command[0]: \"/not/there\" is not a program",
	} {
		cfg, err := Parse("t.yaml", []byte("recording: {"+text+"}\n"), testEnv)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := Faults(cfg.Warnings).Error()
		if len(cfg.Warnings) > 1 || want == "" != (len(cfg.Warnings) == 0) || !strings.Contains(got, want) {
			t.Errorf("%s: warned %s", text, got)
		}
	}
}

// The credentials of the archive show nowhere.
func TestArchiveSecretsStayHidden(t *testing.T) {
	cfg, err := Parse("t.yaml", []byte("recording: {archive: {s3: {endpoint: x, bucket: abc, access_key: \"${SECRET}\", secret_key: \"${SECRET}\"}}}\n"), testEnv)
	if err != nil {
		t.Fatal(err)
	}
	s := cfg.Recording.Archive.S3
	if s.AccessKey == "" || s.SecretKey != s.AccessKey || s.AccessKey.String() != "******" || s.SecretKey.String() != "******" {
		t.Errorf("%+v", s)
	}
}
