package app

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/catalog"
	"tocsin/internal/detect"
	"tocsin/internal/event"
	"tocsin/internal/rule"
)

// A saving is a saver with all that it touches.
type saving struct {
	*saver

	t      *testing.T
	log    bytes.Buffer
	seen   []string       // the points it came by, and what was committed
	ledger event.Position // up to where it has what was found
	next   uint64
}

func newSaving(t *testing.T) *saving {
	t.Helper()
	all, err := rule.Decode("test.yaml", []byte(`{name: any, from: log, detect: {threshold: {by: [source.ip], over: 1h, at_least: 1000}}}`), catalog.Detectors())
	if err != nil {
		t.Fatal(err)
	}
	e, err := detect.New(detect.Options{}, all)
	if err != nil {
		t.Fatal(err)
	}
	e.Begin("one")
	s := &saving{t: t}
	file := filepath.Join(t.TempDir(), "detect-log.state")
	s.saver = &saver{
		engine: e, file: file, log: slog.New(slog.NewTextHandler(&s.log, nil)),
		point:  func(point string) { s.seen = append(s.seen, point+" "+s.stands()) },
		found:  func() event.Position { return s.ledger },
		commit: func(at event.Position) error { s.seen = append(s.seen, "commit "+at.String()); return nil },
		held:   func() float64 { return 0 },
	}
	return s
}

// judge shows the engine one more batch.
func (s *saving) judge() {
	b := event.NewBuilder(event.Log)
	b.Time(event.Timestamp, int64(1_700_000_000+s.next)*1e9)
	b.IP(event.SourceIP, [16]byte{10: 0xff, 11: 0xff, 12: 10, 15: byte(s.next)})
	b.Next()
	batch := b.Batch()
	s.next++
	batch.Sequence = s.next
	s.engine.Apply(batch)
}

// covers lets the ledger hold what was found up to a batch.
func (s *saving) covers(sequence uint64) { s.ledger = event.Position{Epoch: "one"}.With(0, sequence) }

// again saves as if the time for it had come.
func (s *saving) again() {
	s.began = time.Time{}
	s.save(true)
	if s.draft != nil {
		s.wait()
		s.save(false)
	}
	s.cost = 0 // however long this machine took: what a state costs is for each test to say
}

// stands returns the position of the file, as a process that starts now would find it.
func (s *saving) stands() string {
	s.t.Helper()
	f, err := os.Open(s.file)
	if err != nil {
		return "nowhere"
	}
	defer f.Close()
	e, err := detect.New(detect.Options{}, nil)
	if err == nil {
		_, err = e.Restore(f)
	}
	if err != nil {
		s.t.Errorf("the file cannot be restored: %v", err)
	}
	return e.Position().String()
}

// files lists what lies in the directory.
func (s *saving) files() string {
	entries, err := os.ReadDir(filepath.Dir(s.file))
	if err != nil {
		s.t.Error(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// A state is written at once, becomes the current one when the ledger has come so far, and only then is the journal told.
func TestStateWaitsForTheLedger(t *testing.T) {
	s := newSaving(t)
	one, two := event.Position{Epoch: "one"}.With(0, 1).String(), event.Position{Epoch: "one"}.With(0, 2).String()
	s.judge()
	s.again()
	if s.draft == nil || s.stands() != "nowhere" || s.files() != "detect-log.state.new" {
		t.Fatalf("with a ledger that is behind: files %s, the state stands %s", s.files(), s.stands())
	}
	s.judge() // what comes meanwhile is not in it
	s.covers(1)
	s.save(false)
	want := []string{"during-state nowhere", "after-state-before-rename nowhere", "after-rename-before-cursor " + one, "commit " + one}
	if !slices.Equal(s.seen, want) || s.files() != "detect-log.state" {
		t.Errorf("it came by %q, want %q; files %s", s.seen, want, s.files())
	}
	s.seen = nil
	s.covers(2)
	s.again()
	want = []string{"during-state " + one, "after-state-before-rename " + one, "after-rename-before-cursor " + two, "commit " + two}
	if !slices.Equal(s.seen, want) {
		t.Errorf("the second time it came by %q, want %q", s.seen, want)
	}
	if s.problem() != "" || s.log.Len() > 0 {
		t.Errorf("a problem %q, log %s", s.problem(), s.log.String())
	}
}

// The last state of a process is the newest one there is, unless the ledger is behind it.
func TestLastState(t *testing.T) {
	s := newSaving(t)
	s.judge()
	s.again() // and waits for the ledger
	s.judge()
	if err := s.finish(); err != nil || s.stands() != "nowhere" || s.files() != "" {
		t.Errorf("with a ledger that is behind: %v; the state stands %s; files %s", err, s.stands(), s.files())
	}
	if !strings.Contains(s.log.String(), "level=WARN") {
		t.Errorf("it did not say so: %s", s.log.String())
	}
	s.again()
	s.judge()
	s.covers(3)
	want := event.Position{Epoch: "one"}.With(0, 3).String()
	if err := s.finish(); err != nil || s.stands() != want || s.files() != "detect-log.state" {
		t.Errorf("finish: %v; the state stands %s, want %s; files %s", err, s.stands(), want, s.files())
	}
	if !strings.Contains(s.log.String(), `msg="state of the rules is saved"`) || !strings.Contains(s.log.String(), "bytes=") {
		t.Errorf("it did not say so: %s", s.log.String())
	}
}

// A large state is not written for the last time when what came since the last time is judged sooner than that, if it could be saved.
func TestLastStateThatIsNotWorthIt(t *testing.T) {
	for name, c := range map[string]struct {
		cost, judged time.Duration
		behind       bool // the ledger is, when it was saved last
		want         uint64
	}{
		"little since":                {cost: 2 * time.Second, judged: time.Second, want: 1},
		"much since":                  {cost: 2 * time.Second, judged: 3 * time.Second, want: 2},
		"a small state":               {cost: time.Millisecond, want: 2},
		"it waited for the ledger":    {cost: 2 * time.Second, judged: time.Second, behind: true, want: 1},
		"it waited, and came to much": {cost: 2 * time.Second, judged: 3 * time.Second, behind: true, want: 2},
	} {
		s := newSaving(t)
		s.judge()
		if !c.behind {
			s.covers(1)
		}
		s.again()
		s.judge()
		s.covers(2)
		s.cost, s.judged = c.cost, c.judged
		want := event.Position{Epoch: "one"}.With(0, c.want).String()
		if err := s.finish(); err != nil || s.stands() != want || s.files() != "detect-log.state" {
			t.Errorf("%s: %v; the state stands %s, want %s; files %s", name, err, s.stands(), want, s.files())
		}
		if skipped := strings.Contains(s.log.String(), "stays as it was saved last"); skipped != (c.want == 1) {
			t.Errorf("%s: the log says %s", name, s.log.String())
		}
	}
	s := newSaving(t)
	s.judge()
	s.covers(2)
	s.cost, s.judged = time.Minute, 0 // nothing was saved yet
	if err := s.finish(); err != nil || s.stands() == "nowhere" {
		t.Errorf("the first state: %v; it stands %s", err, s.stands())
	}
}

func TestDue(t *testing.T) {
	const s, ms = time.Second, time.Millisecond
	for name, c := range map[string]struct {
		since, cost, judged time.Duration
		held                float64
		want                bool
	}{
		"the first time":                   {since: 1 << 62, want: true},
		"a small state":                    {since: s, cost: ms, want: true},
		"that takes more of the time":      {since: 5 * s, cost: 200 * ms, judged: 5 * s},
		"a large state under load":         {since: 33 * s, cost: s, judged: 9 * s, want: true},
		"too soon":                         {since: 31 * s, cost: s, judged: 31 * s},
		"little to judge again":            {since: 60 * s, cost: s, judged: 7 * s},
		"but a while ago":                  {since: 120 * s, cost: s, judged: 7 * s, want: true},
		"a state that takes very long":     {since: 150 * s, cost: 5 * s, judged: 150 * s},
		"the journal runs full":            {since: 20 * s, cost: 5 * s, judged: s, held: 0.3, want: true},
		"not one state after the other":    {since: 19 * s, cost: 5 * s, judged: 19 * s, held: 0.9},
		"the journal has room":             {since: 20 * s, cost: 5 * s, judged: 20 * s, held: 0.2},
		"a small one in a journal that is": {since: ms, cost: ms / 5, held: 0.9, want: true},
	} {
		if got := due(c.since, c.cost, c.judged, c.held); got != c.want {
			t.Errorf("%s: due = %v, want %v", name, got, c.want)
		}
	}
}
