package watch

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// TestSilentExporter: an exporter that was heard and says nothing is an alert of its own, which outlasts a restart and ends when
// it speaks again, or when nobody misses it any more.
func TestSilentExporter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		datagrams, after := map[netip.Addr]int64{netip.MustParseAddr("192.0.2.1"): 5, netip.MustParseAddr("2001:db8::1"): 9}, 2*time.Minute
		options := w.options()
		options.Exporters = func() (map[netip.Addr]int64, time.Duration) {
			w.mu.Lock()
			defer w.mu.Unlock()
			copied := map[netip.Addr]int64{}
			for a, n := range datagrams {
				copied[a] = n
			}
			return copied, after
		}
		speak := func(address string) { w.set(func() { datagrams[netip.MustParseAddr(address)]++ }) }
		wait := func(times int) {
			for range times {
				time.Sleep(10 * time.Second)
				speak("2001:db8::1")
			}
		}
		stop := runs(t, options)
		wait(12)
		w.wants(t, "before two minutes of silence")
		wait(2)
		w.wants(t, "after them", "raise tocsin-exporter 192.0.2.1")
		if a := w.open["tocsin-exporter 192.0.2.1"]; a.Title != "Exporter silent" || a.Limit != 120 || a.Entity[0].Field != "observer.ip" {
			t.Errorf("raised %+v", a)
		}
		stop()
		w.set(func() { clear(datagrams) }) // of both nothing was heard since the start
		w.set(func() {
			datagrams[netip.MustParseAddr("192.0.2.1")], datagrams[netip.MustParseAddr("2001:db8::1")] = 0, 0
		})
		stop = runs(t, options)
		wait(2)
		w.wants(t, "after a restart", "raise tocsin-exporter 192.0.2.1") // as it may not have been written before
		speak("192.0.2.1")
		wait(2)
		w.wants(t, "when it speaks again", "clear tocsin-exporter 192.0.2.1")
		time.Sleep(3 * time.Minute)
		w.wants(t, "when both are silent", "raise tocsin-exporter 192.0.2.1", "raise tocsin-exporter 2001:db8::1")
		w.set(func() { after = 0 })
		time.Sleep(20 * time.Second)
		w.wants(t, "when nobody is missed", "clear tocsin-exporter 192.0.2.1", "clear tocsin-exporter 2001:db8::1")
		stop()
	})
}
