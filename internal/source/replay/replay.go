// Package replay brings bundled real logs and the made-up flows of a small office in as if they were written and sent now, so
// that tocsin can be seen at work on a machine that has nothing to watch yet. Where the logs come from, and under which licences,
// stands in samples/SOURCE.
package replay

import (
	"bytes"
	"compress/gzip"
	"context"
	_ "embed"
	"fmt"
	"io"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/parser"
	"tocsin/internal/source"
)

//go:embed samples/access.log.gz
var accessLog []byte

//go:embed samples/auth.log
var authLog []byte

// The pace of the replay: so many lines at each tick, and an attack on sshd so often. Fast enough that alerts appear within
// seconds, slow enough to be read.
const (
	tick        = 250 * time.Millisecond
	linesATick  = 10
	attackTicks = 80
	firstAttack = 8
	live        = 1000 // of the lines of the access log, the last, are replayed; the rest is past
)

// Time layouts of the two logs.
const (
	clfTime = "02/Jan/2006:15:04:05 -0700"
	bsdTime = "Jan _2 15:04:05"
)

// A Source replays the end of the access log over and over, each line with the time at which it is sent, and now and then
// the attack on sshd. Meanwhile it exports the traffic of the office, and every five minutes what is wrong in it.
type Source struct {
	access, auth *source.Stream
	send         func(datagram []byte) error
}

// New returns a source that has the lines read by the given parsers of the combined and the syslog format, and sends flows as
// datagrams of IPFIX by send.
func New(access, auth parser.Parser, send func(datagram []byte) error) *Source {
	return &Source{
		send:   send,
		access: &source.Stream{Source: "demo-web", Path: "access.log", Parser: access, Format: "combined", Kind: event.Log},
		auth:   &source.Stream{Source: "demo-auth", Path: "auth.log", Parser: auth, Format: "syslog", Kind: event.Log},
	}
}

// Run implements source.Source.
func (s *Source) Run(ctx context.Context, emit source.Emit) error {
	lines, err := access()
	if err != nil {
		return err
	}
	lines = lines[len(lines)-live:]
	made, router := newOffice(2), &exporter{}
	attack := bytes.Split(bytes.TrimSpace(authLog), []byte("\n"))
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case now := <-ticker.C:
			for i := range linesATick {
				line := moveCLF(lines[(n*linesATick+i)%len(lines)], now)
				if err := emit(ctx, s.access, source.Record{Data: line}); err != nil {
					return ignoreStop(ctx, err)
				}
			}
			noticed, err := s.export(made, router, n, now)
			if err != nil {
				return err
			}
			for _, line := range noticed {
				if err := emit(ctx, s.auth, source.Record{Data: []byte(line)}); err != nil {
					return ignoreStop(ctx, err)
				}
			}
			if n%attackTicks != firstAttack {
				continue
			}
			for _, line := range attack {
				if err := emit(ctx, s.auth, source.Record{Data: moveBSD(line, now)}); err != nil {
					return ignoreStop(ctx, err)
				}
			}
		}
	}
}

// export sends what the router of the office tells of at a tick, and returns the lines that its servers write.
func (s *Source) export(o *office, router *exporter, n int, now time.Time) (lines []string, err error) {
	o.ordinary(now.Add(-tick), now, sessionsATick, 1)
	lines = o.attack(n, now)
	for _, d := range router.datagrams(o.take(), now) {
		if err := s.send(d); err != nil {
			return nil, err
		}
	}
	return lines, nil
}

// ignoreStop drops the error of an emit that only says that ctx ended.
func ignoreStop(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// Past returns what of the access log is not replayed, with all times moved by the same amount so that the newest line is
// one minute before now.
func Past(now time.Time) ([]byte, error) {
	lines, err := access()
	if err != nil {
		return nil, err
	}
	lines = lines[:len(lines)-live]
	times := make([]time.Time, len(lines))
	var newest time.Time
	for i, line := range lines {
		from, to := bracket(line)
		if times[i], err = time.Parse(clfTime, string(line[from:to])); err != nil {
			return nil, fmt.Errorf("read bundled access log: line %d: %w", i+1, err)
		}
		if times[i].After(newest) {
			newest = times[i]
		}
	}
	shift := now.Add(-time.Minute).Sub(newest)
	var out bytes.Buffer
	for i, line := range lines {
		out.Write(moveCLF(line, times[i].Add(shift)))
		out.WriteByte('\n')
	}
	return out.Bytes(), nil
}

// access returns the lines of the bundled access log.
func access() ([][]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(accessLog))
	if err != nil {
		return nil, fmt.Errorf("unpack bundled access log: %w", err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("unpack bundled access log: %w", err)
	}
	return bytes.Split(bytes.TrimSpace(data), []byte("\n")), nil
}

// bracket returns where the time of an access line stands.
func bracket(line []byte) (from, to int) {
	from = bytes.IndexByte(line, '[') + 1
	return from, from + bytes.IndexByte(line[from:], ']')
}

func moveCLF(line []byte, at time.Time) []byte {
	from, to := bracket(line)
	moved := append([]byte(nil), line[:from]...)
	moved = at.UTC().AppendFormat(moved, clfTime)
	return append(moved, line[to:]...)
}

func moveBSD(line []byte, at time.Time) []byte {
	return append(at.UTC().AppendFormat(nil, bsdTime), line[len(bsdTime):]...)
}
