package cli

import (
	"strings"
	"testing"
	"time"

	"tocsin/internal/api"
)

// TestInterfacesTable: people read rates in short, programs in full; what is not known is empty, and what is left out is said.
func TestInterfacesTable(t *testing.T) {
	svc := func() *recorder {
		return &recorder{interfaces: api.Interfaces{More: 3, Interfaces: []api.Interface{
			{Exporter: "192.0.2.1", ExporterName: "core", Index: 3, Name: "uplink", Label: "xe-0/0/3", Speed: 2_500_000_000, Duplex: "full", Admin: "up", State: "up", Over: 20 * time.Second,
				In:  api.InterfaceSide{Bits: new(934_250_000.0), Packets: new(81_000.04), Utilisation: new(37.37), TotalErrors: new(uint64(5)), TotalDiscards: new(uint64(0))},
				Out: api.InterfaceSide{Bits: new(999.0), Utilisation: new(0.0)}},
			{Exporter: "192.0.2.1", Agent: "192.0.2.9", Index: 4, Label: "xe-0/0/4", Admin: "down", State: "down"},
			{Exporter: "192.0.2.1", Index: 5, Admin: "unknown", State: "unknown"},
		}}}
	}
	r := (&run{svc: svc()}).do(t, "exporters", "interfaces", "core", "--limit", "3")
	lines := strings.Split(r.out, "\n")
	for i, want := range []string{"EXPORTER AGENT INDEX NAME STATE SPEED IN OUT IN % OUT % IN PACKETS OUT PACKETS IN ERRORS", "core (192.0.2.1) 3 uplink up 2.5G 934.2M 999 37.4 0.0 81000.0 5 0",
		"192.0.2.1 192.0.2.9 4 xe-0/0/4 off", "192.0.2.1 5 unknown"} {
		if len(lines) <= i || !strings.HasPrefix(strings.Join(strings.Fields(lines[i]), " "), want) {
			t.Fatalf("line %d of\n%s\nis not %q", i, r.out, want)
		}
	}
	if !strings.Contains(r.err, "3 more interfaces") {
		t.Errorf("it says %q besides", r.err)
	}
	r = (&run{svc: svc()}).do(t, "exporters", "interfaces", "-o", "csv")
	if !strings.Contains(r.out, "192.0.2.1,,3,uplink,up,2500000000,934250000,999,37.4,0.0,81000.0,,5,,0,,") || !strings.Contains(r.out, ",xe-0/0/3,full,20\n") {
		t.Errorf("csv:\n%s", r.out)
	}
	if r = (&run{svc: &recorder{}}).do(t, "exporters", "interfaces"); r.code != 1 || !strings.Contains(r.err, "no interfaces") {
		t.Errorf("of none: %d, %q", r.code, r.err)
	}
}
