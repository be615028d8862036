package mute

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
)

// shelved is a ledger in memory.
type shelved struct {
	mu     sync.Mutex
	mutes  []ledger.Mute
	alerts []alert.Alert
	away   bool
	told   []ledger.Unmuting
}

func (l *shelved) Mutes(_ context.Context, q ledger.MuteQuery) (list []ledger.Mute, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.away {
		return nil, fault.New(fault.Unavailable, "the ledger is away")
	}
	for _, m := range slices.Backward(l.mutes) {
		over := m.Ends
		if !m.Revoked.IsZero() {
			over = m.Revoked
		}
		inForce := q.InForce.IsZero() || m.Revoked.IsZero() && (m.Ends.IsZero() || m.Ends.After(q.InForce))
		untold := q.Untold && m.Kind != ledger.Excluding && over.After(m.Told)
		if (q.ID == 0 || m.ID == q.ID) && (q.Kind == "" || m.Kind == q.Kind) && (inForce || untold) {
			list = append(list, m)
		}
	}
	return list, nil
}

func (l *shelved) AddMute(_ context.Context, m ledger.Mute, most int) (ledger.Mute, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.mutes) >= most {
		return m, fault.New(fault.Conflict, "too many")
	}
	m.ID = int64(len(l.mutes) + 1)
	l.mutes = append(l.mutes, m)
	return m, nil
}

func (l *shelved) RevokeMute(_ context.Context, r ledger.Revocation) (ledger.Mute, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := &l.mutes[r.ID-1]
	if !m.Revoked.IsZero() {
		return *m, fault.New(fault.Conflict, "taken back")
	}
	m.Revoked, m.RevokedBy = r.Now, r.Who
	return *m, nil
}

func (l *shelved) Alerts(context.Context, ledger.AlertQuery) ([]alert.Alert, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.alerts), nil
}

func (l *shelved) Unmute(_ context.Context, u ledger.Unmuting) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.away {
		return 0, fault.New(fault.Unavailable, "the ledger is away")
	}
	m := &l.mutes[u.Mute-1]
	if !u.Until.After(m.Told) {
		return 0, nil
	}
	m.Told = u.Until
	n := 0
	for i := range l.alerts {
		if u.Hid(&l.alerts[i]) {
			n++
		}
	}
	l.told = append(l.told, u)
	return n, nil
}

func (l *shelved) set(do func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	do()
}

// ends returns when ends were told since it was asked last.
func (l *shelved) ends() (list []time.Time) {
	l.set(func() {
		for _, u := range l.told {
			list = append(list, u.Until)
		}
		l.told = nil
	})
	return list
}

// run starts a shelf, and returns what ends it.
func run(t *testing.T, l *shelved) (*Shelf, func()) {
	t.Helper()
	s := NewShelf(l, slog.New(slog.DiscardHandler))
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, RunOptions{Alerts: l}) }()
	return s, func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	}
}

func shelve(t *testing.T, s *Shelf, m Mute) Mute {
	t.Helper()
	m.Author, m.Note, m.Owner = "anna", "x", Anybody
	m, err := s.Add(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// Each end is told once: that of a silence, each time of a window, what ended while nobody was there, and what is taken back.
func TestEndsAreToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now().UTC() // midnight
		l := &shelved{alerts: []alert.Alert{*about("192.0.2.7", "web1")}}
		s, stop := run(t, l)
		synctest.Wait()
		shelve(t, s, Mute{Kind: Silence, Ends: start.Add(90 * time.Minute)})
		window := shelve(t, s, Mute{Kind: Window, Schedule: &Schedule{From: "02:00", To: "03:00"}})
		shelve(t, s, Mute{Kind: Exclusion, Ends: start.Add(time.Hour)})
		time.Sleep(89 * time.Minute)
		if got := l.ends(); len(got) != 0 {
			t.Errorf("ends told before any: %v", got)
		}
		time.Sleep(3 * time.Minute)
		if got := l.ends(); len(got) != 1 || !got[0].Equal(start.Add(90*time.Minute)) {
			t.Errorf("behind the silence: %v", got)
		}
		time.Sleep(5 * time.Hour)
		if got := l.ends(); len(got) != 1 || !got[0].Equal(start.Add(3*time.Hour)) {
			t.Errorf("behind the window: %v", got)
		}
		stop()
		time.Sleep(50 * time.Hour) // three nights, of which the last was the one before
		s, stop = run(t, l)
		time.Sleep(time.Minute)
		if got := l.ends(); len(got) != 1 || !got[0].Equal(start.Add(51*time.Hour)) {
			t.Errorf("behind a downtime: %v", got)
		}
		time.Sleep(17 * time.Hour) // in the middle of the next
		if _, err := s.End(t.Context(), window.ID, "anna", nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if got := l.ends(); len(got) != 1 {
			t.Errorf("behind one that was taken back: %v", got)
		}
		time.Sleep(48 * time.Hour)
		if got := l.ends(); len(got) != 0 {
			t.Errorf("of what is over: %v", got)
		}
		stop()
	})
}

// A silence until its alert is resolved ends with it, and not before.
func TestUntilResolved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &shelved{alerts: []alert.Alert{*about("192.0.2.7", "web1"), *about("192.0.2.8", "web1")}}
		s, stop := run(t, l)
		defer stop()
		synctest.Wait()
		m := shelve(t, s, Mute{Kind: Silence, Match: Match{Rule: "ssh-scan", Where: `source.ip == "192.0.2.7"`}, Ends: time.Now().Add(time.Hour), EndsWhenResolved: true})
		l.set(func() { l.alerts = l.alerts[:1] })
		s.Ended()
		time.Sleep(5 * time.Second)
		if got, err := s.Mute(t.Context(), m.ID); err != nil || !got.Revoked.IsZero() {
			t.Errorf("ended with another alert: %+v, %v", got, err)
		}
		l.set(func() { l.alerts = nil })
		s.Ended()
		time.Sleep(5 * time.Second)
		if got, err := s.Mute(t.Context(), m.ID); err != nil || got.Revoked.IsZero() || got.By != "" {
			t.Errorf("behind its alert: %+v, %v", got, err)
		}
		if _, ok := s.Current().Silenced(about("192.0.2.7", "web1"), time.Now()); ok {
			t.Error("it silences still")
		}
	})
}

// While the ledger is away what was known holds, also its ends; nothing is told twice when it is back.
func TestLedgerAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &shelved{}
		s, stop := run(t, l)
		defer stop()
		synctest.Wait()
		shelve(t, s, Mute{Kind: Silence, Ends: time.Now().Add(10 * time.Minute)})
		a := about("192.0.2.7", "web1")
		l.set(func() { l.away = true })
		time.Sleep(9 * time.Minute)
		if _, ok := s.Current().Silenced(a, time.Now()); !ok {
			t.Error("with the ledger away the silence is forgotten")
		}
		time.Sleep(9 * time.Minute)
		if _, ok := s.Current().Silenced(a, time.Now()); ok {
			t.Error("with the ledger away the silence does not end")
		}
		l.set(func() { l.away = false })
		time.Sleep(5 * time.Minute)
		if got := l.ends(); len(got) != 1 {
			t.Errorf("ends told: %v, want one", got)
		}
	})
}

// A foul mute mutes nothing, and the others hold.
func TestFoulMute(t *testing.T) {
	now := time.Now()
	l := &shelved{mutes: []ledger.Mute{
		{ID: 1, Kind: "silence", Body: "{", Starts: now, Ends: now.Add(time.Hour)},
		{ID: 2, Kind: "silence", Body: `{"owner":"*","where":"=="}`, Starts: now, Ends: now.Add(time.Hour)},
		{ID: 3, Kind: "silence", Body: `{"owner":"*"}`, Starts: now, Ends: now.Add(time.Hour)},
	}}
	var log strings.Builder
	s := NewShelf(l, slog.New(slog.NewTextHandler(&log, nil)))
	for range 2 {
		if err := s.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if m, ok := s.Current().Silenced(about("192.0.2.7", "web1"), now); !ok || m.ID != 3 {
		t.Errorf("silenced by %d, %v, want 3", m.ID, ok)
	}
	if n := strings.Count(log.String(), "level=ERROR"); n != 1 {
		t.Errorf("the log has %d lines, want one: %s", n, log.String())
	}
}

// A clock that is set back puts off what is not told yet, and repeats nothing.
func TestClockSetBack(t *testing.T) {
	m := Mute{Kind: Silence, Starts: noon, Ends: noon.Add(time.Hour)}
	if e := m.ended(noon.Add(time.Hour)); !e.due || !e.hid || !e.at.Equal(m.Ends) {
		t.Errorf("at its end: %+v", e)
	}
	m.Told = m.Ends
	for _, at := range []time.Duration{0, 30 * time.Minute, time.Hour, 2 * time.Hour} {
		if m.ended(noon.Add(at)).due {
			t.Errorf("%s behind noon it is told again", at)
		}
	}
	w := Mute{Kind: Window, Starts: noon, Schedule: &Schedule{From: "14:00", To: "15:00"}, Told: noon.Add(3 * time.Hour)}
	for _, at := range []time.Duration{0, 2*time.Hour + time.Minute, 3 * time.Hour, 4 * time.Hour} {
		if w.ended(noon.Add(at)).due {
			t.Errorf("%s behind noon the window is told again", at)
		}
	}
	if e := w.ended(noon.Add(27 * time.Hour)); !e.due || !e.at.Equal(noon.Add(27*time.Hour)) {
		t.Errorf("a day later: %+v", e)
	}
}

// What was taken back while it hid nothing has nothing to tell, and is looked at no more.
func TestTakenBackInBetween(t *testing.T) {
	window := Mute{Kind: Window, Starts: noon, Schedule: &Schedule{From: "14:00", To: "15:00"}}
	later := Mute{Kind: Silence, Starts: noon.Add(time.Hour), Ends: noon.Add(2 * time.Hour)}
	for name, test := range map[string]struct {
		mute    Mute
		revoked time.Duration
		hid     bool
	}{
		"a window before its time":       {window, time.Hour, false},
		"a window in its time":           {window, 2*time.Hour + 30*time.Minute, true},
		"a silence before its time":      {later, 30 * time.Minute, false},
		"a silence in its time":          {later, 90 * time.Minute, true},
		"a window behind its first time": {window, 5 * time.Hour, true}, // which nobody was there to tell
	} {
		test.mute.Revoked = noon.Add(test.revoked)
		if e := test.mute.ended(noon.Add(6 * time.Hour)); !e.due || e.hid != test.hid || !e.at.Equal(test.mute.Revoked) {
			t.Errorf("%s: %+v, want hid %v", name, e, test.hid)
		}
		test.mute.Told = test.mute.Revoked
		if test.mute.ended(noon.Add(6 * time.Hour)).due {
			t.Errorf("%s: told again", name)
		}
	}
}

func TestValidate(t *testing.T) {
	good := Mute{Kind: Silence, Note: "x", Match: Match{Owner: Anybody}, Starts: noon, Ends: noon.Add(MaxLength)}
	if err := good.Validate(noon); err != nil {
		t.Errorf("90 days: %v", err)
	}
	for name, change := range map[string]func(*Mute){
		"a kind that is none":     func(m *Mute) { m.Kind = "other" },
		"no note":                 func(m *Mute) { m.Note = " \n" },
		"NUL in the note":         func(m *Mute) { m.Note = "\x00" },
		"foul UTF-8":              func(m *Mute) { m.Note = "\xff" },
		"an owner too long":       func(m *Mute) { m.Owner = strings.Repeat("x", 513) },
		"an entity too long":      func(m *Mute) { m.Entity = make(alert.Entity, 17) },
		"a filter too long":       func(m *Mute) { m.Where = strings.Repeat("x", 16<<10+1) },
		"a nanosecond more":       func(m *Mute) { m.Ends = m.Ends.Add(1) },
		"an end before its start": func(m *Mute) { m.Starts, m.Ends = noon.Add(time.Hour), noon.Add(time.Minute) },
		"the year 3000":           func(m *Mute) { m.Kind, m.Ends = Exclusion, noon.AddDate(1000, 0, 0) },
		"no end":                  func(m *Mute) { m.Ends = time.Time{} },
		"a window without end":    func(m *Mute) { m.Kind, m.Ends = Window, time.Time{} },
		"a severity that is none": func(m *Mute) { m.MinSeverity = 9 },
	} {
		m := good
		if change(&m); fault.Kind(m.Validate(noon)) != fault.Invalid {
			t.Errorf("%s: %v, want it refused", name, m.Validate(noon))
		}
	}
	for name, m := range map[string]Mute{
		"an exclusion for ever":       {Kind: Exclusion, Note: "x", Starts: noon},
		"an exclusion for a century":  {Kind: Exclusion, Note: "x", Starts: noon, Ends: noon.AddDate(100, 0, 0)},
		"a window that recurs":        {Kind: Window, Note: "x", Starts: noon, Schedule: &Schedule{From: "10:00", To: "10:00"}},
		"a silence that starts later": {Kind: Silence, Note: "x", Starts: noon.AddDate(1, 0, 0), Ends: noon.AddDate(1, 0, 1)},
	} {
		if err := m.Validate(noon); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
