//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"go.etcd.io/bbolt"
)

// record is what is looked at of a call in the API.
type record struct {
	ID        string `json:"id"`
	State     string `json:"state"`
	Result    string `json:"result"`
	Direction string `json:"direction"`
	From      string `json:"from"`
	Recording *struct {
		SHA256 string `json:"sha256"`
	} `json:"recording"`
}

// records lists every call that the switch knows.
func (s *switchProcess) records(ctx context.Context) ([]record, error) {
	var all []record
	for cursor := ""; ; {
		body, err := s.get(ctx, "/api/v1/calls?limit=500&cursor="+url.QueryEscape(cursor))
		if err != nil {
			return nil, err
		}
		var page struct {
			Items []record `json:"items"`
			Next  string   `json:"next"`
		}
		if err := json.Unmarshal(body, &page); err != nil {
			return nil, fmt.Errorf("calls: %w", err)
		}
		all = append(all, page.Items...)
		if page.Next == "" {
			return all, nil
		}
		cursor = page.Next
	}
}

// backup has the switch copy its store.
func (s *switchProcess) backup(ctx context.Context, path string) error {
	body, err := json.Marshal(map[string]string{"path": path})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://tandem/api/v1/backup", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := s.http.Do(req)
	if err != nil {
		return fmt.Errorf("backup: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusNoContent {
		return fmt.Errorf("backup: %s", res.Status)
	}
	return nil
}

// judge compares the switch's records with the calls that were made, by the
// caller's number: each has one record, and a result that its plan allows.
func judge(made []plan, records []record) []error {
	var faults []error
	byCaller := make(map[string][]record)
	for _, r := range records {
		byCaller[r.From] = append(byCaller[r.From], r)
		if r.Result == "" || r.State != "ended" {
			faults = append(faults, fmt.Errorf("call %s is %s with result %q", r.ID, r.State, r.Result))
		}
	}
	anonymous := 0
	for _, p := range made {
		if p.deed == withheld {
			anonymous++
			continue
		}
		found := byCaller[caller(p.number)]
		switch {
		case len(found) != 1:
			faults = append(faults, fmt.Errorf("%s (%s) made one call and has %d records", caller(p.number), p.deed, len(found)))
		case !p.allows(found[0].Result):
			faults = append(faults, fmt.Errorf("call %s, which %s, has result %s", found[0].ID, p.deed, found[0].Result))
		}
	}
	if got := len(byCaller[""]); got != anonymous {
		faults = append(faults, fmt.Errorf("%d calls were withheld, %d records are", anonymous, got))
	}
	if len(records) != len(made) {
		faults = append(faults, fmt.Errorf("%d calls were made, there are %d records", len(made), len(records)))
	}
	return faults
}

// auditRecordings reads every recording of a folder as a stranger would: a WAV
// of the length that its header says, and the checksum beside it that the call's
// record has. It returns how many there are.
func auditRecordings(dir string, records []record) (count int, faults []error) {
	sums := make(map[string]string)
	for _, r := range records {
		if r.Recording != nil {
			sums[r.ID] = r.Recording.SHA256
		}
	}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || entry.IsDir():
			return err
		case strings.HasSuffix(path, ".part"):
			faults = append(faults, fmt.Errorf("recording %s was left unfinished", entry.Name()))
		case strings.HasSuffix(path, ".wav"):
			count++
			if err := auditRecording(path, sums[strings.TrimSuffix(entry.Name(), ".wav")]); err != nil {
				faults = append(faults, fmt.Errorf("recording %s: %w", entry.Name(), err))
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		faults = append(faults, err)
	}
	if count != len(sums) {
		faults = append(faults, fmt.Errorf("%d recordings on the disk, %d in the records", count, len(sums)))
	}
	return count, faults
}

// auditRecording compares one file with its header, with the checksum beside it
// and with that of its record.
func auditRecording(path, recorded string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	note, err := os.ReadFile(strings.TrimSuffix(path, ".wav") + ".sha256")
	if err != nil {
		return err
	}
	const riff = 8 // bytes before what the RIFF header's length counts
	if len(data) < riff || string(data[:4]) != "RIFF" || int(binary.LittleEndian.Uint32(data[4:]))+riff != len(data) {
		return fmt.Errorf("the header does not fit %d bytes", len(data))
	}
	sum := sha256.Sum256(data)
	text := hex.EncodeToString(sum[:])
	if text != recorded || !strings.Contains(string(note), text) {
		return fmt.Errorf("checksum %s, the record has %q", text, recorded)
	}
	return nil
}

// auditStore has bbolt walk every page of a store.
func auditStore(path string) (err error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true, Timeout: patience})
	if err != nil {
		return fmt.Errorf("store: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.View(func(tx *bbolt.Tx) error {
		var faults []error
		for fault := range tx.Check() {
			faults = append(faults, fmt.Errorf("store %s: %w", filepath.Base(path), fault))
		}
		return errors.Join(faults...)
	})
}
