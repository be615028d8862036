package flows

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"tocsin/internal/flow"
)

func TestWhoIsMissed(t *testing.T) {
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	heard := func(m *Memory, address string, ago time.Duration, r flow.Report) {
		m.exporters.heard("flows", netip.MustParseAddr(address), now.Add(-ago).UnixNano(), 100, &r, 0)
	}
	v9 := flow.Report{Version: 9, Records: 3}
	m := NewMemory()
	heard(m, "192.0.2.1", time.Hour, v9) // for long
	heard(m, "192.0.2.1", 20*time.Minute, v9)
	heard(m, "192.0.2.2", 9*time.Minute, v9) // not for long
	heard(m, "192.0.2.2", 0, v9)
	heard(m, "192.0.2.3", 10*24*time.Hour, v9) // gone for long
	heard(m, "192.0.2.3", 8*24*time.Hour, v9)
	heard(m, "192.0.2.4", time.Hour, flow.Report{Problems: [flow.Reasons]uint32{flow.UnknownVersion: 1}}) // says nothing that is known
	heard(m, "192.0.2.4", 0, flow.Report{Problems: [flow.Reasons]uint32{flow.UnknownVersion: 1}})
	m.exporters.refuse("flows", netip.MustParseAddr("192.0.2.5"), now.Add(-time.Hour).UnixNano(), 100)
	m.exporters.refuse("flows", netip.MustParseAddr("192.0.2.5"), now.UnixNano(), 100)
	if got := m.Steady(now); len(got) != 1 || got[netip.MustParseAddr("192.0.2.1")] != 2 {
		t.Errorf("Steady = %v, want 192.0.2.1 alone with its 2 datagrams", got)
	}
	silent := map[string]bool{}
	for _, e := range m.Exporters(now, 2*time.Minute) {
		silent[e.Address] = e.Silent
	}
	if want := map[string]bool{"192.0.2.1": true, "192.0.2.2": false, "192.0.2.3": true, "192.0.2.4": false, "192.0.2.5": false}; fmt.Sprint(silent) != fmt.Sprint(want) {
		t.Errorf("silent: got %v, want %v", silent, want)
	}
}

// TestManyExporters: of forged ones there are not more than the bound, and the one silent longest gives way.
func TestManyExporters(t *testing.T) {
	x := newExporters()
	address := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}) }
	r := flow.Report{Version: 5, Records: 1}
	for i := range maxExporters {
		x.heard("flows", address(i), int64(i+1)*1e9, 100, &r, 0)
	}
	x.heard("flows", address(0), 1e15, 100, &r, 0)
	x.heard("flows", address(maxExporters), 1e15, 100, &r, 0)
	if len(x.all) != maxExporters || x.all[address(0)] == nil || x.all[address(1)] != nil {
		t.Errorf("got %d exporters, want %d without the one silent longest", len(x.all), maxExporters)
	}
	text, err := x.save()
	if err != nil {
		t.Fatal(err)
	}
	fresh := newExporters()
	if err := fresh.load(text); err != nil || len(fresh.all) != maxExporters || fresh.order.Front().Value.(*exporter).address != address(maxExporters) {
		t.Errorf("load: got %d exporters and %v, want the same in the same order", len(fresh.all), err)
	}
	if err := fresh.load([]byte(`[{"address":""}]`)); err == nil {
		t.Error("an exporter without address is taken")
	}
}

// TestManyRefused: however many are refused, they take no place of those that are heard, and have a bound of their own. Who is allowed
// by one source and refused by another is listed once.
func TestManyRefused(t *testing.T) {
	x := newExporters()
	address := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}) }
	heard, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	r := flow.Report{Version: 5, Records: 1}
	x.heard("flows", heard, 1e9, 100, &r, 0)
	x.heard("flows", other, 1e9, 100, &r, 0)
	for i := range 2 * maxExporters {
		x.refuse("flows", address(i), int64(i+2)*1e9, 100)
		if i%100 == 0 {
			x.refuse("closed", other, int64(i+2)*1e9, 100)
			x.heard("flows", other, int64(i+2)*1e9, 100, &r, 0)
		}
	}
	if e := x.all[heard]; e == nil || e.first != 1e9 || x.all[other].flows != 2*maxExporters/100+1 {
		t.Errorf("who is heard made place for those that are refused: %+v", e)
	}
	if len(x.all) != maxExporters+2 || x.refused.Len() != maxExporters || x.order.Len() != 2 {
		t.Errorf("%d are listed, %d refused and %d others, want %d refused and two others", len(x.all), x.refused.Len(), x.order.Len(), maxExporters)
	}
}

func TestRate(t *testing.T) {
	x := newExporters()
	a, r := netip.MustParseAddr("192.0.2.1"), flow.Report{Version: 5, Records: 30}
	for second := range int64(120) {
		x.heard("flows", a, second*1e9, 100, &r, 0)
	}
	if got := x.all[a].rate(119e9); got != 30 {
		t.Errorf("rate = %v, want 30", got)
	}
	if got := x.all[a].rate(500e9); got != 0 {
		t.Errorf("rate long after = %v, want 0", got)
	}
}
