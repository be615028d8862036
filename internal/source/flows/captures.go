package flows

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/detect"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/flow/capture"
	"tocsin/internal/flow/session"
	"tocsin/internal/ingest"
)

// captureSource is tocsin.source of flows that were read from captures.
const captureSource = "ingest"

// pastSessions bounds how many sessions of captures are remembered, which is until others are read: 150 bytes each.
const pastSessions = 250_000

// Captures reads the exports of flows in captures of packets, by what it learnt of exporters from captures before: a file that
// begins behind the templates of an exporter is understood by those of the file before it. What listeners know is kept apart.
// It implements ingest.CaptureReader; captures are read one at a time.
type Captures struct {
	dir string
	log *slog.Logger

	turn   chan struct{} // holds a token while nobody reads
	memory *Memory       // nil until the first capture
	salt   [8]byte       // of the numbers of sessions
	last   int64         // time of the last packet
}

// NewCaptures returns a reader that keeps what it learns in a directory, which need not be there yet.
func NewCaptures(dir string, log *slog.Logger) *Captures {
	c := &Captures{dir: dir, log: log, turn: make(chan struct{}, 1)}
	c.turn <- struct{}{}
	return c
}

// open reads what is known of exporters. What cannot be read is said, and begun anew. The salt is kept before it is used, so that
// sessions have the same numbers after a crash.
func (c *Captures) open() error {
	if c.memory != nil {
		return nil
	}
	c.memory = NewMemory()
	rand.Read(c.salt[:]) // which does not fail
	for _, p := range c.parts() {
		text, err := detect.ReadFile(filepath.Join(c.dir, p.name))
		if err == nil && text != nil {
			err = p.load(text)
		}
		if err != nil {
			c.log.Warn("what captures told of exporters is begun anew", "file", p.name, "err", err)
		}
	}
	c.forget()
	if err := c.save(); err != nil {
		c.memory = nil
		return err
	}
	return nil
}

// parts is what is kept.
func (c *Captures) parts() []part {
	return []part{
		{"templates.json", c.memory.netflow.Save, c.memory.netflow.Load},
		{"salt", func() ([]byte, error) { return c.salt[:], nil }, func(text []byte) error {
			if len(text) != len(c.salt) {
				return fault.New(fault.Invalid, "got %d bytes, want %d", len(text), len(c.salt))
			}
			copy(c.salt[:], text)
			return nil
		}},
	}
}

// forget begins without sessions. Their numbers follow from the salt, and who talks since when: what is read again has the same.
func (c *Captures) forget() {
	c.memory.sessions = session.New(session.Options{Max: pastSessions, Salt: binary.BigEndian.Uint64(c.salt[:])})
}

// save keeps what was learnt.
func (c *Captures) save() error {
	err := os.MkdirAll(c.dir, 0o700)
	for _, p := range c.parts() {
		var text []byte
		if err == nil {
			text, err = p.save()
		}
		if err == nil {
			err = detect.WriteFile(filepath.Join(c.dir, p.name), text)
		}
	}
	if err != nil {
		return fault.New(fault.Unavailable, "keep what captures tell of exporters: %w", err)
	}
	return nil
}

// Read implements ingest.CaptureReader. A capture in which nothing is an export is an error of kind fault.Invalid that says what is
// in it.
func (c *Captures) Read(ctx context.Context, in ingest.Capture) (api.IngestAnswer, error) {
	select {
	case <-ctx.Done():
		return api.IngestAnswer{}, context.Cause(ctx)
	case <-c.turn:
	}
	defer func() { c.turn <- struct{}{} }()
	if err := c.open(); err != nil {
		return api.IngestAnswer{}, err
	}
	packets, err := capture.NewReader(in.Body)
	if err != nil {
		return api.IngestAnswer{}, err
	}
	r := c.reading(in, packets)
	end := r.run(ctx)
	if r.refused != nil {
		return r.answer(false), end
	}
	if errors.Is(end, io.EOF) {
		if err := r.nothing(); err != nil {
			return r.answer(false), err
		}
		end = nil
	}
	// Before the last flows are kept: once they are, this file is not read again.
	if err := c.save(); err != nil {
		return r.answer(false), err
	}
	if err := r.give(); err != nil {
		return r.answer(false), err
	}
	return r.answer(true), end
}

// reading makes a reader of one capture, with all that takes the place of a socket.
func (c *Captures) reading(in ingest.Capture, packets *capture.Reader) *reading {
	s := &Source{options: Options{Name: captureSource, Memory: c.memory, Rows: mostRows, Log: c.log}, stats: newStatistics(captureSource, nil)}
	filled := make(chan *event.Batch, 4) // more than one datagram and what waited for it can fill
	r := newReader(s, filled)
	r.ingested = in.Received
	return &reading{
		in: in, packets: packets, captures: c, filled: filled, reader: r, latest: time.Now().Add(ahead).UnixNano(),
		ports: map[uint16]int64{}, sinks: map[sink]bool{},
	}
}

// ahead is by how much packets may be of the future.
const ahead = 24 * time.Hour

// at returns the time of receipt of a packet: its own, unless it has none, or one that has not come.
func (r *reading) at(p *capture.Packet) (received int64, bad bool) {
	if p.Time <= 0 || p.Time > r.latest {
		return r.latest - int64(ahead), true
	}
	if gap := p.Time - r.captures.last; gap > int64(time.Hour) || gap < -int64(time.Hour) {
		r.captures.forget() // of another time: whoever spoke then does not go on here
	}
	r.captures.last = p.Time
	return p.Time, false
}

// never is the place behind every capture.
const never = math.MaxInt64
