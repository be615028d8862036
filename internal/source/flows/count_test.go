package flows

import (
	"log/slog"
	"net/netip"
	"os"
	"testing"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/flow"
)

// TestCounterSamples: what a listener takes of counter samples is shown with their exporter; what is refused or broken off is counted
// by reason; and of captures nothing is kept, as they may be of any time.
func TestCounterSamples(t *testing.T) {
	datagram, err := os.ReadFile("../../../testdata/real/telegraf/sflow_v5_example/sflow_v5.bin")
	if err != nil {
		t.Fatal(err)
	}
	m := NewMemory()
	s := &Source{options: Options{Name: "flows", Memory: m, Rows: 8192, Delay: time.Hour, Log: slog.New(slog.DiscardHandler)}, stats: newStatistics("flows", nil)}
	r := newReader(s, make(chan *event.Batch, waiting))
	a, now := netip.MustParseAddr("192.0.2.1"), time.Unix(1_700_000_000, 0)
	r.take(a, datagram, now.UnixNano())
	list := m.Interfaces(now, a)
	if len(list) != 1 || list[0].Index != 3 || list[0].Label != "eno1" || list[0].Agent != "192.168.119.184" || list[0].Subagent != 100_000 || list[0].Samples != 1 || list[0].Over != 0 {
		t.Errorf("%+v", list)
	}
	if e := m.Exporters(now, 0)[0]; e.Counted != 1 || e.Counters != 1 || e.Problems != nil {
		t.Errorf("%+v", e)
	}
	if report := r.take(a, datagram[:len(datagram)-4], now.UnixNano()); report.String() != "truncated" {
		t.Errorf("of a datagram that is cut: %q", &report)
	}
	r.ingested = now.UnixNano()
	if r.take(netip.MustParseAddr("192.0.2.2"), datagram, now.UnixNano()); m.interfaces.count() != 1 {
		t.Error("interfaces of a capture are kept")
	}
	r.ingested = 0
	for i := range uint32(maxPortsOf) {
		one := *sampleOf(1, 1, 1, 1)
		one.Index = 1000 + i
		m.interfaces.heard(a, []flow.Interface{one}, now.UnixNano())
	}
	other := append([]byte{}, datagram...)
	other[15]++ // another part of the agent
	if report := r.take(a, other, now.UnixNano()); report.String() != "too-many-interfaces" {
		t.Errorf("of one too many: %q", &report)
	}
	if e := m.Exporters(now, 0)[0]; e.Counted != maxPortsOf || e.Problems["too-many-interfaces"] != 1 || e.Problems["truncated"] != 1 {
		t.Errorf("%d interfaces, problems %v", e.Counted, e.Problems)
	}
}
