package delivery_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/delivery"
	"tocsin/internal/event"
	"tocsin/internal/ledger"
	"tocsin/internal/notifier"
)

// routed opens an alert for each name, with notices as a route says.
func routed(t *testing.T, l *ledger.Ledger, seq int, route ledger.Route, names ...string) {
	t.Helper()
	at := event.Position{Epoch: "e", Seqs: map[uint16]uint64{0: uint64(seq)}} //nolint:gosec // small
	c := ledger.Commit{Name: "test", Position: at, Front: at, Now: time.Now(), Route: route, Cap: 100_000}
	for _, name := range names {
		var e ledger.Episode
		e.Add(alert.Finding{Time: time.Now().UnixNano(), Triggers: 1, Value: 2, Limit: 1})
		c.Writes = append(c.Writes, ledger.Write{
			Rule: ledger.RuleRef{ID: 1, Name: "r", Severity: alert.Medium}, Entity: alert.Entity{{Field: "host.name", Value: name}}, Episodes: []ledger.Episode{e},
		})
	}
	if _, err := l.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

func one(target ledger.Target) ledger.Route {
	return func(ledger.Change) []ledger.Target { return []ledger.Target{target} }
}

// A switch is a far side that can be down.
type toggle struct {
	far

	state sync.Mutex
	down  bool
}

func newToggle(down bool) *toggle {
	s := &toggle{down: down}
	s.answer = func(notifier.Notice, int) (string, error) {
		s.state.Lock()
		defer s.state.Unlock()
		if s.down {
			return "", errors.New("connection refused")
		}
		return "ok", nil
	}
	return s
}

func (s *toggle) set(down bool) {
	s.state.Lock()
	defer s.state.Unlock()
	s.down = down
}

// TestDownForADay: a channel that is down for a day loses nothing, and each notice comes once.
func TestDownForADay(t *testing.T) {
	bubble(t, func(t *testing.T, l *ledger.Ledger) {
		page := newToggle(true)
		channels := []delivery.Channel{{Name: "page", Notifier: page}}
		p := start(t, l, channels, delivery.Options{})
		for hour := range 24 {
			raise(t, l, hour+1, channels, fmt.Sprint("a", hour), fmt.Sprint("b", hour))
			p.Wake()
			time.Sleep(time.Hour)
		}
		page.set(false)
		attempts := page.calls()
		time.Sleep(time.Hour)
		p.end()
		taken := map[string]int{}
		for _, n := range page.got[attempts:] {
			taken[n.Key]++
		}
		for key, n := range taken {
			if n != 1 {
				t.Errorf("%s came %d times", key, n)
			}
		}
		for _, d := range deliveries(t, l) {
			if d.State != ledger.Sent {
				t.Errorf("delivery = %s, created %v", d.State, d.Created)
			}
		}
		if len(taken) != 48 || attempts > 24*60 {
			t.Errorf("%d notices came, want 48, after %d attempts in vain", len(taken), attempts)
		}
	})
}

// TestSpare: what a channel cannot send for five minutes, or gives up, goes through the one that stands in for it, once, and the
// alarm tells of the channel until it works again.
func TestSpare(t *testing.T) {
	bubble(t, func(t *testing.T, l *ledger.Ledger) {
		page, mail := newToggle(true), newToggle(false)
		channels := []delivery.Channel{{Name: "page", Notifier: page, Spare: "mail"}, {Name: "mail", Notifier: mail, Spare: "page"}}
		var mu sync.Mutex
		var alarms []string
		refuse := 2
		p := start(t, l, channels, delivery.Options{Alarm: func(_ context.Context, channel, cause string) error {
			mu.Lock()
			defer mu.Unlock()
			if refuse--; refuse >= 0 {
				return errors.New("the ledger is away")
			}
			alarms = append(alarms, channel+": "+cause)
			return nil
		}})
		routed(t, l, 1, one(ledger.Target{Channel: "page"}), "a", "b", "c", "d", "e", "f")
		p.Wake()
		time.Sleep(4 * time.Minute)
		if n := mail.calls(); n != 0 {
			t.Errorf("%d notices over the spare before its time", n)
		}
		time.Sleep(20 * time.Minute)
		if n := mail.calls(); n != 1 || mail.got[0].Digest == nil || mail.got[0].Digest.Notices != 6 {
			t.Errorf("%d notices over the spare, want one summary of 6: %+v", n, mail.got)
		}
		page.set(false)
		time.Sleep(30 * time.Minute)
		p.end()
		if n := mail.calls(); n != 1 {
			t.Errorf("%d notices over the spare in the end, want each once", n)
		}
		if got := strings.Join(alarms, ", "); got != "page: connection refused, mail: , page: " && got != "mail: , page: connection refused, page: " {
			t.Errorf("alarms: %s", got)
		}
		for _, d := range deliveries(t, l) {
			if d.State != ledger.Sent && d.State != ledger.Bundled || d.Channel == "mail" && !strings.Contains(d.Why, "page only fails: connection refused") {
				t.Errorf("delivery = %+v", d)
			}
		}
	})
}

// TestHiccup: a channel that several notices found away at once, and that works when it is tried again, alarms nobody.
func TestHiccup(t *testing.T) {
	bubble(t, func(t *testing.T, l *ledger.Ledger) {
		page := newToggle(true)
		channels := []delivery.Channel{{Name: "page", Notifier: page}}
		var mu sync.Mutex
		var alarms []string
		routed(t, l, 1, one(ledger.Target{Channel: "page"}), "a", "b", "c", "d", "e", "f", "g", "h")
		p := start(t, l, channels, delivery.Options{Workers: 8, Alarm: func(_ context.Context, channel, cause string) error {
			mu.Lock()
			defer mu.Unlock()
			if cause != "" {
				alarms = append(alarms, channel+": "+cause)
			}
			return nil
		}})
		time.Sleep(time.Second)
		if got := p.Problems(); len(got) != 1 {
			t.Errorf("Problems = %v, want the channel that rests", got)
		}
		page.set(false)
		time.Sleep(5 * time.Minute)
		p.end()
		if len(alarms) != 0 {
			t.Errorf("alarms: %v", alarms)
		}
		for _, d := range deliveries(t, l) {
			if d.State != ledger.Sent {
				t.Errorf("delivery = %+v", d)
			}
		}
	})
}

// TestRefusedForGood: a channel that refuses every notice for good only fails as well.
func TestRefusedForGood(t *testing.T) {
	bubble(t, func(t *testing.T, l *ledger.Ledger) {
		page := &far{answer: func(notifier.Notice, int) (string, error) { return "", fmt.Errorf("410: %w", notifier.ErrPermanent) }}
		mail := newToggle(false)
		channels := []delivery.Channel{{Name: "page", Notifier: page, Spare: "mail"}, {Name: "mail", Notifier: mail}}
		routed(t, l, 1, one(ledger.Target{Channel: "page"}), "a", "b", "c", "d", "e")
		p := start(t, l, channels, delivery.Options{})
		time.Sleep(time.Minute)
		if got := p.Problems(); len(got) != 1 || !strings.Contains(got[0], "gave up the last 5 notices") {
			t.Errorf("Problems = %v", got)
		}
		p.end()
		if mail.calls() != 1 || mail.got[0].Digest == nil || mail.got[0].Digest.Notices != 5 {
			t.Errorf("over the spare: %+v, want one summary of 5", mail.got)
		}
	})
}

// TestSetChannels: channels come, change and go while it runs; an attempt that runs ends as it would, and what waits for a channel
// that is gone goes out when it is back.
func TestSetChannels(t *testing.T) {
	bubble(t, func(t *testing.T, l *ledger.Ledger) {
		slow, next := &far{hang: 20 * time.Second}, newToggle(false)
		p := start(t, l, nil, delivery.Options{})
		routed(t, l, 1, one(ledger.Target{Channel: "page"}), "a")
		p.Wake()
		time.Sleep(time.Minute)
		p.SetChannels([]delivery.Channel{{Name: "page", Notifier: slow}})
		time.Sleep(time.Second)
		if slow.calls() != 1 {
			t.Fatalf("%d notices over a channel that came, want what waited", slow.calls())
		}
		p.SetChannels(nil)
		time.Sleep(time.Minute)
		if d := deliveries(t, l)[0]; d.State != ledger.Sent || d.Attempts[0].Answer != "ok" {
			t.Errorf("attempt over a channel that went: %+v", d)
		}
		routed(t, l, 2, one(ledger.Target{Channel: "page"}), "b")
		p.Wake()
		time.Sleep(time.Minute)
		p.SetChannels([]delivery.Channel{{Name: "page", Notifier: newToggle(true)}})
		time.Sleep(10 * time.Minute)
		if len(p.Problems()) != 1 {
			t.Error("the channel is said to be well")
		}
		p.SetChannels([]delivery.Channel{{Name: "page", Notifier: next}})
		if len(p.Problems()) != 0 {
			t.Error("a changed channel is said to fail")
		}
		time.Sleep(15 * time.Minute)
		if next.calls() != 1 {
			t.Errorf("%d notices over the changed channel, want 1", next.calls())
		}
		p.end()
	})
}

// TestStormOfThousands: of 10,000 alerts people get a bounded number of messages, all alerts are told by one of them, also when the
// process starts anew in between, and the last says that it is over.
func TestStormOfThousands(t *testing.T) {
	bubble(t, func(t *testing.T, l *ledger.Ledger) {
		page := newToggle(false)
		channels := []delivery.Channel{{Name: "page", Notifier: page}}
		route := one(ledger.Target{Channel: "page", Limit: 30})
		var rages, ends atomic.Int64
		storm := func(_ context.Context, _ ledger.Raging, over bool) {
			if rages.Add(1); over {
				ends.Add(1)
			}
		}
		p := start(t, l, channels, delivery.Options{Storm: storm})
		time.Sleep(20 * time.Second) // summaries leave at full minutes, and nothing else happens then
		for minute := range 10 {
			var names []string
			for i := range 1000 {
				names = append(names, fmt.Sprint(minute, "-", i))
			}
			routed(t, l, minute+1, route, names...)
			p.Wake()
			if minute == 4 {
				p.end()
				p = start(t, l, channels, delivery.Options{Storm: storm})
			}
			time.Sleep(time.Minute)
		}
		time.Sleep(10 * time.Minute)
		p.end()
		if rages.Load() != 11 || ends.Load() != 1 { // ten minutes, and that it is over
			t.Errorf("%d words of the storm, %d of its end", rages.Load(), ends.Load())
		}
		told, singles, threads, final := 0, 0, map[string]bool{}, 0
		for _, n := range page.got {
			if n.Digest == nil {
				singles++
				continue
			}
			told += n.Digest.Notices
			threads[n.Digest.Thread] = true
			if n.Digest.Final {
				final = n.Digest.Total
			}
			if len(n.Digest.Lines) > notifier.MaxLines {
				t.Errorf("a summary of %d lines", len(n.Digest.Lines))
			}
		}
		if told+singles != 10_000 || singles != 30 || len(page.got) > 30+12 || len(threads) != 1 || final != 10_000-30 {
			t.Errorf("%d messages, %d of them single, tell %d notices in %d threads, the last of %d", len(page.got), singles, told+singles, len(threads), final)
		}
		counts, err := l.OutboxCounts(t.Context())
		if err != nil || counts[ledger.Bundled] != 10_000-30 || counts[ledger.Held]+counts[ledger.Pending]+counts[ledger.Dead] != 0 {
			t.Errorf("outbox: %v, %v", counts, err)
		}
	})
}

// TestEveryNoticeEndsOnce: whatever targets changes have, and whatever the channels answer, each notice is in the end sent, muted,
// bundled or given up, and what is bundled is told by a summary that was sent or given up.
func TestEveryNoticeEndsOnce(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		dir, err := os.MkdirTemp("", "outbox")
		if err != nil {
			r.Fatal(err)
		}
		defer os.RemoveAll(dir)
		synctest.Test(t, func(t *testing.T) {
			l := open(t, dir)
			defer l.Close()
			a, b := newToggle(rapid.Bool().Draw(r, "a down")), newToggle(false)
			channels := []delivery.Channel{{Name: "a", Notifier: a, Spare: rapid.SampledFrom([]string{"", "b"}).Draw(r, "spare")}, {Name: "b", Notifier: b}}
			holds := []ledger.Hold{"", ledger.Quiet, ledger.Daily, ledger.Late}
			var targets []ledger.Target
			for range rapid.IntRange(1, 4).Draw(r, "targets") {
				target := ledger.Target{
					Channel: rapid.SampledFrom([]string{"a", "b"}).Draw(r, "channel"), User: rapid.SampledFrom([]string{"", "anna"}).Draw(r, "user"),
					Hold: rapid.SampledFrom(holds).Draw(r, "hold"), Limit: rapid.IntRange(0, 3).Draw(r, "limit"), Mute: rapid.SampledFrom([]string{"", "", "silence 1"}).Draw(r, "mute"),
					Every: time.Duration(rapid.IntRange(0, 2).Draw(r, "every")) * time.Minute,
				}
				targets = append(targets, target)
			}
			route := func(ledger.Change) []ledger.Target {
				all := slices.Clone(targets)
				for i := range all {
					all[i].Due = time.Now().Add(time.Duration(i+1) * time.Minute)
				}
				return all
			}
			p := start(t, l, channels, delivery.Options{GiveUp: 12 * time.Minute}) // longer than limits and groups may keep a notice waiting
			for step := range rapid.IntRange(1, 6).Draw(r, "steps") {
				var names []string
				for i := range rapid.IntRange(1, 5).Draw(r, "alerts") {
					names = append(names, fmt.Sprint(step, "-", i))
				}
				routed(t, l, step+1, route, names...)
				p.Wake()
				time.Sleep(time.Duration(rapid.IntRange(1, 90).Draw(r, "wait")) * time.Second)
			}
			time.Sleep(45 * time.Minute)
			p.end()
			found := deliveries(t, l)
			states := map[int64]ledger.NoticeState{}
			for _, d := range found {
				states[d.ID] = d.State
			}
			for _, d := range found {
				ended := d.State == ledger.Sent || d.State == ledger.Muted || d.State == ledger.Dead
				if d.State == ledger.Bundled {
					ended = states[d.Bundle] == ledger.Sent || states[d.Bundle] == ledger.Dead
				}
				if !ended || d.Channel == "b" && d.State == ledger.Dead {
					t.Errorf("notice %+v", d)
				}
			}
		})
	})
}

// A speller is a channel whose template fails.
type speller struct{ *far }

func (speller) Preview(notifier.Notice) notifier.Preview {
	return notifier.Preview{Text: "x", Problem: "the template was not used: text:1: it loops"}
}

// TestTemplate: that a template cannot be used stands with the attempt and among the problems.
func TestTemplate(t *testing.T) {
	bubble(t, func(t *testing.T, l *ledger.Ledger) {
		channels := []delivery.Channel{{Name: "page", Notifier: speller{&far{}}}}
		raise(t, l, 1, channels, "a")
		p := start(t, l, channels, delivery.Options{})
		time.Sleep(time.Minute)
		if got := p.Problems(); len(got) != 1 || got[0] != "channel page: the template was not used: text:1: it loops" {
			t.Errorf("Problems = %v", got)
		}
		if answer, err := p.Try(t.Context(), "page", notifier.Notice{Key: "t"}); err != nil || answer != "ok; the template was not used: text:1: it loops" {
			t.Errorf("Try = %q, %v", answer, err)
		}
		if _, err := p.Try(t.Context(), "pag", notifier.Notice{}); err == nil || !strings.Contains(err.Error(), "there are: page") {
			t.Errorf("Try of no channel: %v", err)
		}
		p.end()
		if d := deliveries(t, l)[0]; d.Attempts[0].Answer != "ok; the template was not used: text:1: it loops" {
			t.Errorf("attempt = %+v", d.Attempts)
		}
	})
}
