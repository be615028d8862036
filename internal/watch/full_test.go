package watch

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/internal/alert"
)

// TestFullTable: a rule that gives up entities is an alert of its own, which says how many, outlasts a restart and ends when
// nothing is given up any more.
func TestFullTable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		list := []Table{
			{Rule: "scan", Entity: alert.Entity{{Field: "tocsin.rule", Value: "scan"}}, Entities: 10, Evicted: 7},
			{Rule: "calm", Entity: alert.Entity{{Field: "tocsin.rule", Value: "calm"}}, Entities: 3},
		}
		options := w.options()
		options.Tables = func() []Table {
			w.mu.Lock()
			defer w.mu.Unlock()
			return append([]Table(nil), list...)
		}
		wait := func(times int, more uint64) {
			for range times {
				time.Sleep(10 * time.Second)
				w.set(func() {
					if len(list) > 0 {
						list[0].Evicted += more
					}
				})
			}
			synctest.Wait()
		}
		stop := runs(t, options)
		time.Sleep(5 * time.Second) // so that what follows lies between two looks
		wait(3, 0)
		w.wants(t, "what was given up before the start")
		wait(1, 5)
		time.Sleep(10 * time.Second)
		w.wants(t, "when entities are given up", "raise tocsin-table-full scan")
		wait(1, 5)
		time.Sleep(10 * time.Second)
		w.wants(t, "when more are", "raise tocsin-table-full scan")
		if a := w.open["tocsin-table-full scan"]; a.Value != 10 || a.Severity != alert.High || !strings.Contains(a.Reason, "rule scan keeps 10 entities") || !strings.Contains(a.Reason, "gave up 10 others") {
			t.Errorf("raised %+v", a)
		}
		stop()
		w.set(func() { list[0].Evicted = 100 }) // while nobody looked
		stop = runs(t, options)
		time.Sleep(5 * time.Second)
		wait(5, 0)
		w.wants(t, "after a restart")
		wait(3, 0)
		w.wants(t, "when a minute was calm", "clear tocsin-table-full scan")
		wait(12, 0)
		w.wants(t, "and later")
		wait(2, 1)
		w.set(func() { list[0].Evicted = 2 }) // it was changed and began anew
		wait(2, 0)
		w.wants(t, "when it happens again", "raise tocsin-table-full scan", "raise tocsin-table-full scan")
		w.set(func() { list = list[1:] })
		wait(2, 0)
		w.wants(t, "when the rule is gone", "clear tocsin-table-full scan")
		wait(12, 0)
		w.wants(t, "and when it stays so")
		stop()
		if text := w.settings[setting]; strings.Contains(text, "scan") || strings.Contains(text, "calm") {
			t.Errorf("of what is over %s is kept", text)
		}
	})
}
