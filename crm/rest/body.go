package rest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/url"
)

// Body is what a request carries; the zero Body is none.
type Body struct {
	Type  string // media type
	Bytes []byte
	err   error // why it could not be made
}

// JSON returns v as a body. Signs that mean something to HTML stay as they are.
func JSON(v any) Body {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return Body{Type: "application/json", Bytes: text.Bytes(), err: err}
}

// Form returns values as a body (application/x-www-form-urlencoded).
func Form(values url.Values) Body {
	return Body{Type: "application/x-www-form-urlencoded", Bytes: []byte(values.Encode())}
}

// File returns a body of one file in a field of that name (RFC 7578).
func File(field, name string, content []byte) Body {
	var text bytes.Buffer
	parts := multipart.NewWriter(&text)
	part, err := parts.CreateFormFile(field, name)
	if err == nil {
		_, err = part.Write(content)
	}
	if err == nil {
		err = parts.Close()
	}
	return Body{Type: parts.FormDataContentType(), Bytes: text.Bytes(), err: err}
}

// check says why a body cannot be sent.
func (b Body) check() error {
	if b.err != nil {
		return fmt.Errorf("the request cannot be written: %w", b.err)
	}
	if len(b.Bytes) > maxBody {
		return fmt.Errorf("the request has %d bytes, more than %d", len(b.Bytes), maxBody)
	}
	return nil
}
