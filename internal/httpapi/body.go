package httpapi

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/klauspost/compress/zstd"

	"tocsin/internal/fault"
)

// A body is what a request carries: decompressed, bounded, and with a time limit for each read. It keeps its own failure,
// because who reads it may wrap that beyond recognition.
type body struct {
	from    io.Reader
	control *http.ResponseController
	armed   time.Time
	left    int64 // bytes that may still come; negative: no bound
	limit   int64
	err     error // why it ended early
	coded   string
	close   func()
}

// newBody opens the body of a request of at most limit bytes, before and after decompression; negative: no bound.
func newBody(w *response, r *http.Request, limit int64) (*body, error) {
	b := &body{from: r.Body, control: w.control, left: limit, limit: limit, close: func() {}}
	if limit >= 0 && r.ContentLength > limit {
		return nil, b.tooLarge()
	}
	plain := io.Reader(&timedReader{r.Body, b})
	switch b.coded = r.Header.Get("Content-Encoding"); b.coded {
	case "", "identity":
		b.from = plain
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(plain)
		if err != nil {
			return nil, fault.New(fault.Invalid, "body is not gzip: %w", err)
		}
		b.from = z
	case "zstd":
		z, err := zstd.NewReader(plain, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(8<<20))
		if err != nil {
			return nil, fault.New(fault.Invalid, "body is not zstd: %w", err)
		}
		b.from, b.close = z, z.Close
	default:
		return nil, &refusal{status: http.StatusUnsupportedMediaType, kind: fault.Invalid,
			text: "content-encoding " + b.coded + ": want gzip, zstd or none"}
	}
	return b, nil
}

func (b *body) tooLarge() error {
	return &refusal{status: http.StatusRequestEntityTooLarge, kind: fault.Invalid,
		text: "body is too large: at most " + byteCount(b.limit) + ", send it in parts"}
}

// timedReader renews the time limit of the connection before it reads, and lifts it at the end: behind the end the server
// itself reads on, to learn that the asker left, and that must not time out.
type timedReader struct {
	from io.Reader
	b    *body
}

func (t *timedReader) Read(p []byte) (int, error) {
	if now := time.Now(); now.Sub(t.b.armed) > time.Second {
		t.b.armed = now
		_ = t.b.control.SetReadDeadline(now.Add(idle)) // fails only where there is no connection
	}
	n, err := t.from.Read(p)
	if err != nil {
		_ = t.b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// Read reads the decompressed body.
func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if b.left >= 0 && int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.from.Read(p)
	if b.left >= 0 {
		if int64(n) > b.left {
			n, err = int(b.left), b.tooLarge()
		}
		b.left -= int64(n)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		if fault.Kind(err) == nil {
			err = fault.New(fault.Invalid, "read body: %w", err)
		}
		b.err = err
	}
	return n, err
}

// decodeJSON reads a small JSON body strictly. An empty one leaves into as it is.
func decodeJSON(w *response, r *http.Request, into any) error { return decodeLarge(w, r, 1<<20, into) }

// decodeLarge is decodeJSON for a body of at most limit bytes.
func decodeLarge(w *response, r *http.Request, limit int64, into any) error {
	b, err := newBody(w, r, limit)
	if err != nil {
		return err
	}
	defer b.close()
	d := json.NewDecoder(b)
	d.DisallowUnknownFields()
	err = d.Decode(into)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("more follows behind the JSON object")
		}
	}
	if b.err != nil {
		return b.err
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return fault.New(fault.Invalid, "decode body: %w", err)
	}
	return nil
}
