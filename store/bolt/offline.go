package bolt

import (
	"go.etcd.io/bbolt"

	"tandem/call"
)

// Recordings returns the checksum of each recording that a call's record names,
// by the call's ID, from a file that no switch has open. Records that cannot be
// read are passed over. ErrInUse, ErrDamaged as for Open, fs.ErrNotExist when
// there is no file.
func Recordings(path string) (map[string]string, error) {
	if err := there(path); err != nil {
		return nil, err
	}
	sums := make(map[string]string)
	err := readOnly(path, func(tx *bbolt.Tx) error {
		records := tx.Bucket([]byte(newSchema().calls.name))
		if records == nil {
			return nil // new
		}
		return records.ForEach(func(id, raw []byte) error {
			if rec, err := decode[call.Record](raw); err == nil && rec.Recording != nil {
				sums[string(id)] = rec.Recording.SHA256
			}
			return nil
		})
	})
	return sums, err
}
