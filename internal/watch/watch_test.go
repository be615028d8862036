package watch

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/alerting"
	"tocsin/internal/api"
	"tocsin/internal/notifier"
)

// A world is what a service watches, in memory.
type world struct {
	mu       sync.Mutex
	sources  map[string]api.SourceHealth
	expected map[string]time.Duration
	problems []string
	works    error
	away     error // of the ledger
	open     map[string]alerting.Own
	told     []string
	settings map[string]string
}

func newWorld() *world {
	return &world{sources: map[string]api.SourceHealth{}, expected: map[string]time.Duration{}, open: map[string]alerting.Own{}, settings: map[string]string{}}
}

func (w *world) Raise(_ context.Context, o alerting.Own) error {
	return w.call("raise", o, o.Name, o.Entity)
}

func (w *world) Clear(_ context.Context, rule string, entity alert.Entity) error {
	return w.call("clear", alerting.Own{}, rule, entity)
}

func (w *world) call(what string, a alerting.Own, rule string, entity alert.Entity) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.away != nil {
		return w.away
	}
	key := rule + " " + entity.String()
	w.told = append(w.told, what+" "+key)
	if delete(w.open, key); what == "raise" {
		w.open[key] = a
	}
	return nil
}

func (w *world) Setting(_ context.Context, name string) (string, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	value, ok := w.settings[name]
	return value, ok, w.away
}

func (w *world) SetSetting(_ context.Context, name, value string, _ time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.away == nil {
		w.settings[name] = value
	}
	return w.away
}

// speak lets a source bring lines.
func (w *world) speak(name string, lines int64, problem string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sources[name] = api.SourceHealth{Name: name, Lines: lines, Problem: problem}
}

func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

func (w *world) options() Options {
	return Options{
		Alarms: w, Keeper: w, Log: slog.New(slog.DiscardHandler),
		Sources: func() (list []api.SourceHealth) {
			w.mu.Lock()
			defer w.mu.Unlock()
			for h := range maps.Values(w.sources) {
				list = append(list, h)
			}
			return list
		},
		Expected: func() map[string]time.Duration {
			w.mu.Lock()
			defer w.mu.Unlock()
			return maps.Clone(w.expected)
		},
		Problems: func(context.Context) []string {
			w.mu.Lock()
			defer w.mu.Unlock()
			return append([]string(nil), w.problems...)
		},
		Works: func(context.Context) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.works
		},
	}
}

// wants fails unless just these calls were made since the last time, in order.
func (w *world) wants(t *testing.T, when string, want ...string) {
	t.Helper()
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if diff := cmp.Diff(want, w.told); diff != "" {
		t.Errorf("%s (-want +told):\n%s", when, diff)
	}
	w.told = nil
}

// running runs a service in a bubble; stop ends it.
func (w *world) running(t *testing.T) (stop func()) { return runs(t, w.options()) }

func runs(t *testing.T, o Options) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- New(o).Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	}
}

// A source is silent after its time, is told of once, and speaks again; a restart neither forgets its silence nor counts the
// time in which nobody listened.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.expected = map[string]time.Duration{"nginx": 10 * time.Minute, "quiet": time.Hour}
		w.speak("nginx", 5, "")
		w.speak("other", 0, "") // may be silent
		stop := w.running(t)
		time.Sleep(9 * time.Minute)
		w.speak("nginx", 6, "")
		time.Sleep(9 * time.Minute)
		w.wants(t, "after a word within the time")
		time.Sleep(2 * time.Minute)
		w.wants(t, "after silence", "raise tocsin-source nginx")
		if a := w.open["tocsin-source nginx"]; !strings.Contains(a.Reason, "nginx") || a.Limit != 600 || a.Value < 600 || a.Severity != alert.High {
			t.Errorf("raised %+v", a)
		}
		time.Sleep(30 * time.Minute)
		w.wants(t, "while silence goes on")
		stop()

		time.Sleep(24 * time.Hour) // nobody listens
		w.set(func() { w.sources = map[string]api.SourceHealth{} })
		stop = w.running(t)
		time.Sleep(9 * time.Minute)
		w.wants(t, "after a restart", "raise tocsin-source nginx") // as it may not have been written before
		time.Sleep(2 * time.Minute)                                // an hour of its own, in two parts
		w.wants(t, "after an hour of listening", "raise tocsin-source quiet")
		w.speak("nginx", 1, "")
		time.Sleep(time.Minute)
		w.wants(t, "when it speaks again", "clear tocsin-source nginx")
		w.set(func() { delete(w.expected, "quiet") })
		time.Sleep(time.Minute)
		w.wants(t, "when it may be silent", "clear tocsin-source quiet")
		stop()
	})
}

// An alert is not ended by a restart alone, however the time was rounded that is kept of its silence.
func TestSilenceIsRounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.expected["nginx"] = 119 * time.Second
		w.running(t)()
		stop := w.running(t)
		time.Sleep(125 * time.Second)
		w.wants(t, "after silence", "raise tocsin-source nginx")
		stop()
		w.expected["nginx"] = 179 * time.Second
		stop = w.running(t)
		time.Sleep(30 * time.Second)
		w.wants(t, "after a restart")
		w.speak("nginx", 1, "")
		time.Sleep(30 * time.Second)
		w.wants(t, "when it speaks again", "clear tocsin-source nginx")
		stop()
	})
}

// A source that cannot be heard is not silent, and what the ledger does not take is told when it does.
func TestSilenceThatCannotBeTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.away = errors.New("away")
		w.expected["nginx"] = 10 * time.Minute
		w.speak("nginx", 0, "permission denied")
		stop := w.running(t)
		defer stop()
		time.Sleep(time.Minute)
		w.set(func() { w.away = nil })
		time.Sleep(time.Hour)
		w.wants(t, "of a source that cannot be read")
		w.speak("nginx", 0, "")
		w.set(func() { w.away = nil })
		time.Sleep(9 * time.Minute)
		w.set(func() { w.away = errors.New("away") })
		time.Sleep(10 * time.Minute)
		w.wants(t, "with the ledger away")
		w.set(func() { w.away = nil })
		time.Sleep(time.Minute)
		w.wants(t, "with the ledger back", "raise tocsin-source nginx")
	})
}

// A trouble that lasts is told once, one that comes and goes is not; that of a channel is for others to tell. The alert of one
// that is gone after a restart is ended.
func TestLastingTroubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		stop := w.running(t)
		for range 5 {
			w.set(func() { w.problems = []string{"journal: no room (make room)"} })
			time.Sleep(40 * time.Second)
			w.set(func() { w.problems = nil })
			time.Sleep(20 * time.Second)
		}
		w.wants(t, "of one that comes and goes")
		w.set(func() {
			w.problems = []string{"journal: 3 bytes left", "journal: 2 bytes left", "channel pager failed 5 times in a row: x", "rule x was switched off: y", "source x: z", ": "}
		})
		time.Sleep(30 * time.Second)
		w.set(func() { w.problems[0], w.problems[1] = "journal: 1 byte left", "journal: 0 bytes left" })
		time.Sleep(time.Minute)
		w.wants(t, "of lasting ones", "raise tocsin-health journal", "raise tocsin-health source x")
		if a := w.open["tocsin-health journal"]; a.Reason != "journal: 0 bytes left" {
			t.Errorf("raised %+v", a)
		}
		w.set(func() { w.problems = w.problems[:2] })
		time.Sleep(30 * time.Second)
		w.wants(t, "of one that has just gone")
		time.Sleep(time.Minute)
		w.wants(t, "of one that is gone", "clear tocsin-health source x")
		stop()
		w.set(func() { w.problems = nil })
		stop = w.running(t)
		defer stop()
		time.Sleep(2 * time.Minute)
		w.wants(t, "after a restart", "clear tocsin-health journal")
	})
}

// What is stored and cannot be read does no harm.
func TestForeignMemory(t *testing.T) {
	for _, text := range []string{"", "{", "[]", `{"silence":null,"trouble":null}`, `{"silence":{"nginx":null},"trouble":{"x":null}}`, `{"silence":{"nginx":{"quiet_minutes":-5}}}`, `{"silence":{"nginx":{"quiet_minutes":99999999999999}}}`} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			w.settings[setting] = text
			w.expected["nginx"] = 365 * 24 * time.Hour
			stop := w.running(t)
			defer stop()
			time.Sleep(time.Minute)
			synctest.Wait()
			if got := w.settings[setting]; !json.Valid([]byte(got)) || strings.Contains(got, "-5") {
				t.Errorf("of %q becomes %q", text, got)
			}
		})
	}
}

func TestClock(t *testing.T) {
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	c := newClock(now)
	c.note(10*time.Second, 14*time.Second, now)
	if c.step != "" {
		t.Errorf("a small correction is told: %s", c.step)
	}
	c.note(10*time.Second, 10*time.Second-3*time.Hour, now)
	if !strings.Contains(c.step, "back by 3h0m0s") {
		t.Errorf("a step back by 3 h is told as %q", c.step)
	}
	c.note(10*time.Second, time.Hour+10*time.Second, now)
	if !strings.Contains(c.step, "ahead by 1h0m0s") {
		t.Errorf("a step ahead by 1 h is told as %q", c.step)
	}
	for range 59 {
		c.note(10*time.Second, 10*time.Second, now)
	}
	if c.step == "" {
		t.Error("a step is forgotten before 10 minutes are over")
	}
	if c.note(10*time.Second, 10*time.Second, now); c.step != "" {
		t.Errorf("a step of long ago is told: %s", c.step)
	}
}

// A heartbeat is sent as long as tocsin works, says what is wrong besides, and is not sent when tocsin does not work.
func TestHeartbeat(t *testing.T) {
	var got []Beat
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		var b Beat
		if err != nil || json.Unmarshal(text, &b) != nil || r.Method != http.MethodPost || r.URL.Path != "/secret" {
			t.Errorf("heartbeat %s %s %q, %v", r.Method, r.URL, text, err)
		}
		got = append(got, b)
		rw.WriteHeader(status)
		_, _ = io.WriteString(rw, strings.Repeat("no\n", 100_000))
	}))
	defer server.Close()
	w := newWorld()
	o := w.options()
	o.Heartbeat = Heartbeat{URL: server.URL + "/secret", Node: "here", Version: "1"}
	s := New(o)
	if text := s.beatOnce(t.Context(), s.post); text != "" || len(got) != 1 || !got[0].OK || got[0].Node != "here" {
		t.Errorf("heartbeat = %q, received %+v", text, got)
	}
	w.problems = []string{"journal: x"}
	if text := s.beatOnce(t.Context(), s.post); text != "" || len(got) != 2 || got[1].OK || len(got[1].Problems) != 1 {
		t.Errorf("heartbeat with a problem = %q, received %+v", text, got)
	}
	w.works = errors.New("ledger is away")
	if text := s.beatOnce(t.Context(), s.post); !strings.Contains(text, "ledger is away") || len(got) != 2 {
		t.Errorf("heartbeat though nothing works = %q, received %+v", text, got)
	}
	for _, code := range []int{404, 302, 500} {
		status = code
		if err := s.post(t.Context(), Beat{}); err == nil || strings.Contains(err.Error(), "secret") || len(err.Error()) > 600 {
			t.Errorf("heartbeat that is answered %d = %v", code, err)
		}
	}
	server.Close()
	if err := s.post(t.Context(), Beat{}); err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "127.0.0.1") {
		t.Errorf("heartbeat to nobody = %v", err)
	}
}

// What is not received is tried again, then told by health, and is well again with the next that is received.
func TestHeartbeatThatIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		s := New(w.options())
		var sent, lost atomic.Int64
		lost.Store(2)
		send := func(context.Context, Beat) error {
			if sent.Add(1) <= lost.Load() {
				return errors.New("nobody there")
			}
			return nil
		}
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go s.beat(ctx, "heartbeat", time.Minute, send)
		time.Sleep(30 * time.Second)
		if p := s.Problems(); sent.Load() != 3 || p != nil {
			t.Errorf("%d sent, problems %q, want 3 and none", sent.Load(), p)
		}
		lost.Store(6)
		time.Sleep(time.Minute)
		if p := s.Problems(); sent.Load() != 6 || len(p) != 1 || p[0] != "heartbeat: not received: nobody there" {
			t.Errorf("%d sent, problems %q, want 6 and that nobody is there", sent.Load(), p)
		}
		time.Sleep(time.Minute)
		if p := s.Problems(); sent.Load() != 7 || p != nil {
			t.Errorf("%d sent, problems %q, want 7 and none", sent.Load(), p)
		}
	})
}

// taker takes notices.
type taker struct{ got notifier.Notice }

func (k *taker) Send(_ context.Context, n notifier.Notice) (string, error) {
	k.got = n
	return "", nil
}

func TestHeartbeatOverChannel(t *testing.T) {
	w, k := newWorld(), &taker{}
	o := w.options()
	o.Heartbeat = Heartbeat{Channel: k, Node: "here"}
	s := New(o)
	w.problems = []string{"journal: x"}
	if text := s.beatOnce(t.Context(), s.notify); text != "" {
		t.Fatal(text)
	}
	n := k.got
	if n.Change != notifier.Summary || n.Key == "" || n.Digest == nil || n.Alert.Title != "tocsin on here works, with 1 to act on" ||
		!strings.Contains(n.Alert.Reason, "journal: x") || n.Alert.State != alert.Ended || n.Alert.Severity != alert.Info {
		t.Errorf("sent %+v, digest %+v", n, n.Digest)
	}
}
