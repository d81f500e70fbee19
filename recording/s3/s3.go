// Package s3 archives recordings in a bucket of an S3 server: Amazon's, or one
// that speaks its protocol, such as MinIO in the cellar.
//
// A recording is stored with one PUT, because only so does the server keep the
// SHA-256 of the whole; the longest recording, 4 GiB, is within what one PUT may
// carry. The payload is signed with its checksum, so that a server refuses what
// was damaged on the way.
package s3

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"tandem/recording"
)

// Options say where the bucket is and who we are there.
type Options struct {
	Endpoint  string // host or host:port
	Secure    bool   // over TLS
	Region    string // empty: the server is asked
	Bucket    string
	Prefix    string // before every name, without a slash at its ends; may be empty
	AccessKey string
	SecretKey string

	Transport http.RoundTripper // nil: the network
}

// answerTime is how long a server may take to answer once a request was handed to
// the network, which on a slow line sends the end of it for a while yet.
const answerTime = 5 * time.Minute

// Bucket is an archive in a bucket; it implements recording.Archive.
type Bucket struct {
	core   *minio.Core
	place  string
	name   string
	prefix string
}

// New returns the archive in a bucket. It does not speak with the server yet.
func New(o Options) (*Bucket, error) {
	if o.Transport == nil {
		t, err := minio.DefaultTransport(o.Secure)
		if err != nil {
			return nil, fmt.Errorf("s3: %w", err)
		}
		t.ResponseHeaderTimeout = answerTime
		o.Transport = t
	}
	core, err := minio.NewCore(o.Endpoint, &minio.Options{
		Creds: credentials.NewStaticV4(o.AccessKey, o.SecretKey, ""), Secure: o.Secure, Region: o.Region, Transport: o.Transport,
		MaxRetries: 1, // who asks tries again, and knows when that makes sense
	})
	if err != nil {
		return nil, fmt.Errorf("s3: endpoint %s: %w", o.Endpoint, err)
	}
	return &Bucket{
		core: core, name: o.Bucket, prefix: o.Prefix,
		place: "s3 " + path.Join(o.Endpoint, o.Bucket, o.Prefix),
	}, nil
}

// String implements recording.Archive.
func (b *Bucket) String() string { return b.place }

// key is the object's key of a name.
func (b *Bucket) key(name string) string { return path.Join(b.prefix, name) }

// Put implements recording.Archive.
func (b *Bucket) Put(ctx context.Context, name string, r io.ReadSeeker, is recording.Info) error {
	sum, err := hex.DecodeString(is.SHA256)
	if err != nil {
		return fmt.Errorf("s3: checksum %.80q: %w", is.SHA256, err)
	}
	_, err = b.core.PutObject(ctx, b.name, b.key(name), r, is.Size, "", is.SHA256, minio.PutObjectOptions{
		ContentType:          contentType(name),
		DisableContentSha256: true, // of each piece: that of the whole is signed instead
		UserMetadata:         map[string]string{"x-amz-checksum-sha256": base64.StdEncoding.EncodeToString(sum)},
	})
	return b.explain(err)
}

func contentType(name string) string {
	switch path.Ext(name) {
	case ".wav":
		return "audio/wav"
	case ".sha256":
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}

// Stat implements recording.Archive. The checksum is the server's own, when it
// keeps one of the whole object.
func (b *Bucket) Stat(ctx context.Context, name string) (recording.Info, error) {
	o, err := b.core.StatObject(ctx, b.name, b.key(name), minio.StatObjectOptions{Checksum: true})
	if err != nil {
		return recording.Info{}, b.explain(err)
	}
	if o.Size < 0 {
		return recording.Info{}, fmt.Errorf("s3: the server does not say how long %s is", name)
	}
	info := recording.Info{Size: o.Size, ModTime: o.LastModified}
	if sum, err := base64.StdEncoding.DecodeString(o.ChecksumSHA256); err == nil && len(sum) == 32 {
		info.SHA256 = hex.EncodeToString(sum)
	}
	return info, nil
}

// Open implements recording.Archive. Each read is a request of its own.
func (b *Bucket) Open(ctx context.Context, name string) (recording.Reader, recording.Info, error) {
	info, err := b.Stat(ctx, name)
	if err != nil {
		return nil, recording.Info{}, err
	}
	return reader(func(p []byte, off int64) (int, error) { return b.readAt(ctx, name, p, off) }), info, nil
}

// reader reads ranges of an object.
type reader func(p []byte, off int64) (int, error)

func (r reader) ReadAt(p []byte, off int64) (int, error) { return r(p, off) }
func (r reader) Close() error                            { return nil }

const (
	readTime  = 30 * time.Second // for one range
	readTries = 3
)

// readAt reads a range. Somebody listens: what fails is tried again at once, a
// few times.
func (b *Bucket) readAt(ctx context.Context, name string, p []byte, off int64) (n int, err error) {
	for try := range readTries {
		if try > 0 {
			select {
			case <-time.After(time.Duration(try) * 250 * time.Millisecond):
			case <-ctx.Done():
				return 0, ctx.Err()
			}
		}
		if n, err = b.readOnce(ctx, name, p, off); err == nil || ctx.Err() != nil {
			break
		}
	}
	return n, err
}

func (b *Bucket) readOnce(ctx context.Context, name string, p []byte, off int64) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	var o minio.GetObjectOptions
	if err := o.SetRange(off, off+int64(len(p))-1); err != nil {
		return 0, fmt.Errorf("s3: %w", err)
	}
	body, _, _, err := b.core.GetObject(ctx, b.name, b.key(name), o)
	if err != nil {
		return 0, b.explain(err)
	}
	n, err := io.ReadFull(body, p)
	return n, errors.Join(err, body.Close())
}

// Remove implements recording.Archive.
func (b *Bucket) Remove(ctx context.Context, name string) error {
	return b.explain(b.core.RemoveObject(ctx, b.name, b.key(name), minio.RemoveObjectOptions{}))
}

// maxMessage is how much of a server's words goes into an error, in bytes.
const maxMessage = 200

// explain says what the server refused and what to do about it.
func (b *Bucket) explain(err error) error {
	answer, ok := errors.AsType[minio.ErrorResponse](err)
	if !ok {
		if err != nil {
			err = fmt.Errorf("s3: %w", err)
		}
		return err
	}
	said := answer.Message
	if len(said) > maxMessage {
		said = strings.ToValidUTF8(said[:maxMessage], "") + "..."
	}
	switch answer.Code {
	case minio.NoSuchKey:
		return fmt.Errorf("s3: %w", &missing{answer.Key})
	case minio.NoSuchBucket:
		return fmt.Errorf("s3: there is no bucket %s: make it, or correct recording.archive.s3.bucket", b.name)
	case minio.AccessDenied, "InvalidAccessKeyId", "SignatureDoesNotMatch":
		return fmt.Errorf("s3: access refused (%s): check access_key and secret_key of recording.archive.s3 and what "+
			"they may do: get, put and delete objects", answer.Code)
	}
	return fmt.Errorf("s3: the server refused with %d %s: %s", answer.StatusCode, answer.Code, said)
}

// missing is fs.ErrNotExist with the key that is not there.
type missing struct{ key string }

func (m *missing) Error() string { return "there is no object " + m.key }

func (m *missing) Is(target error) bool { return target == fs.ErrNotExist }
