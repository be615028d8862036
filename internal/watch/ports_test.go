package watch

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestPorts: an interface that stays busy, and one that was up and stays down, are alerts, which outlast a restart and end when that
// is over for as long, when nobody asks for them any more, and when the interface has no name any more.
func TestPorts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		calm := func() []Port {
			return []Port{{Key: "192.0.2.1#3", Used: 12, Way: "in", Up: true}, {Key: "192.0.2.1#4", Used: -1, Down: true}}
		}
		now, limits := calm(), PortLimits{Busy: 5 * time.Minute, Down: time.Minute}
		options := w.options()
		options.Ports = func() ([]Port, PortLimits) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return append([]Port{}, now...), limits
		}
		be := func(used float64, up bool) {
			w.set(func() { now[0].Used, now[0].Up, now[0].Down = used, up, !up })
		}
		const busy, down = "tocsin-interface-busy 192.0.2.1#3", "tocsin-interface-down 192.0.2.1#3"
		stop := runs(t, options)
		time.Sleep(time.Hour)
		w.wants(t, "while it is calm, and one that never was up is down")
		be(91, true)
		time.Sleep(4 * time.Minute)
		be(90, true)
		time.Sleep(time.Minute)
		be(99.5, true)
		time.Sleep(4*time.Minute + 50*time.Second)
		w.wants(t, "before five minutes in a row")
		time.Sleep(30 * time.Second)
		w.wants(t, "after them", "raise "+busy)
		if a := w.open[busy]; a.Value != 99.5 || a.Limit != 90 || !strings.Contains(a.Reason, "interface 192.0.2.1#3 has used") || !strings.Contains(a.Reason, "99.5 % in") {
			t.Errorf("raised %+v", a)
		}
		be(-1, false)
		time.Sleep(2 * time.Minute)
		w.wants(t, "when it is down", "raise "+down)
		if a := w.open[down]; !strings.Contains(a.Reason, "192.0.2.1#3 is down for 1m though it is switched on") {
			t.Errorf("raised %+v", a)
		}
		stop()
		stop = runs(t, options)
		time.Sleep(80 * time.Second)
		w.wants(t, "after a restart", "raise "+down) // as it may not have been written before
		time.Sleep(4 * time.Minute)
		w.wants(t, "when it is not busy for five minutes", "clear "+busy)
		be(5, true)
		time.Sleep(80 * time.Second)
		w.wants(t, "when it is up again", "clear "+down)
		be(95, false)
		time.Sleep(6 * time.Minute)
		w.wants(t, "both", "raise "+down, "raise "+busy)
		w.set(func() { limits.Down = 0 })
		time.Sleep(20 * time.Second)
		w.wants(t, "when it may be down", "clear "+down)
		w.set(func() { now = now[1:] })
		time.Sleep(20 * time.Second)
		w.wants(t, "when its name is taken back", "clear "+busy)
		w.set(func() { now, limits.Down = calm(), time.Minute })
		be(1, false)
		time.Sleep(time.Hour)
		w.wants(t, "when it is new, and was not seen up")
		stop()
	})
}
