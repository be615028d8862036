package replay

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/internal/source"
)

func TestPastEndsAMinuteAgo(t *testing.T) {
	now := time.Date(2030, 5, 1, 12, 0, 0, 0, time.UTC)
	text, err := Past(now)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	if len(lines) != 9000 {
		t.Fatalf("%d lines, want 9000", len(lines))
	}
	var newest, oldest time.Time
	for _, line := range lines {
		from, to := bracket(line)
		at, err := time.Parse(clfTime, string(line[from:to]))
		if err != nil {
			t.Fatal(err)
		}
		if at.After(newest) {
			newest = at
		}
		if oldest.IsZero() || at.Before(oldest) {
			oldest = at
		}
	}
	if want := now.Add(-time.Minute); !newest.Equal(want) {
		t.Errorf("newest line is of %v, want %v", newest, want)
	}
	if span := newest.Sub(oldest); span < 70*time.Hour || span > 90*time.Hour {
		t.Errorf("the lines span %v, want the three days and a half of the original", span)
	}
}

// A minute of replay brings the web lines at their pace, three attacks and what the office's server says of its own, each line with
// the time of its sending, and flows that end now.
func TestRunReplaysWithTheTimeOfNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), time.Minute+time.Millisecond)
		defer stop()
		count := map[string]int{}
		flows := newReading(t)
		send := func(datagram []byte) error {
			flows.datagram(datagram, time.Now())
			return nil
		}
		err := New(nil, nil, send).Run(ctx, func(_ context.Context, from *source.Stream, records ...source.Record) error {
			for _, r := range records {
				count[from.Source]++
				now := time.Now().UTC()
				stamp := now.Format(clfTime)
				if from.Source == "demo-auth" {
					stamp = now.Format(bsdTime)
				}
				if !bytes.Contains(r.Data, []byte(stamp)) {
					t.Errorf("line %q does not have the time %s", r.Data, stamp)
				}
			}
			return nil
		})
		if err != nil {
			t.Errorf("Run gives %v when its context ends, want nil", err)
		}
		if count["demo-web"] != 2400 || count["demo-auth"] != 24 {
			t.Errorf("a minute brought %v, want 2400 web and 24 auth lines", count)
		}
		scanned := map[[16]byte]bool{}
		for i := range flows.records {
			f := &flows.records[i]
			if age := time.Now().UnixNano() - f.End; age < 0 || age > int64(time.Minute+tick) {
				t.Errorf("a flow ended %v ago", time.Duration(age))
			}
			if f.Source == guesser.As16() {
				scanned[f.Destination] = true
			}
		}
		if len(flows.records) < 500 || len(scanned) != 64 {
			t.Errorf("a minute brought %d flows and a scan of %d hosts, want 500 or more, and 64", len(flows.records), len(scanned))
		}
	})
}

func TestRunEndsWithTheErrorOfEmit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := errors.New("full")
		err := New(nil, nil, func([]byte) error { return nil }).Run(t.Context(), func(context.Context, *source.Stream, ...source.Record) error { return full })
		if !errors.Is(err, full) {
			t.Errorf("Run gives %v, want %v", err, full)
		}
	})
}

func TestRunEndsWithTheErrorOfSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := errors.New("gone")
		emit := func(context.Context, *source.Stream, ...source.Record) error { return nil }
		if err := New(nil, nil, func([]byte) error { return gone }).Run(t.Context(), emit); !errors.Is(err, gone) {
			t.Errorf("Run gives %v, want %v", err, gone)
		}
	})
}
