package cli

import (
	"strings"
	"testing"

	"tocsin/internal/api"
)

// TestExportersFooter: what did not come because tocsin was too slow, or refused it, stands behind the table and nowhere else.
func TestExportersFooter(t *testing.T) {
	svc := func() *recorder {
		return &recorder{
			exporters: []api.Exporter{{Address: "192.0.2.1", Source: "netflow"}, {Address: "192.0.2.2", Source: "netflow", Refused: true, Datagrams: 7}},
			sources: []api.SourceHealth{
				{Name: "netflow", Rejected: map[string]int64{"dropped by the system": 41}}, {Name: "sflow", Rejected: map[string]int64{"dropped by the system": 5}}, {Name: "calm"},
			},
		}
	}
	r := (&run{svc: svc()}).do(t, "exporters")
	for _, want := range []string{"7 datagrams of exporters that allow does not name were refused", "source netflow: dropped by the system: 41"} {
		if !strings.Contains(r.err, want) {
			t.Errorf("exporters tells %q, want in it %q", r.err, want)
		}
	}
	if strings.Contains(r.err, "sflow") || strings.Contains(r.err, "calm") || strings.Contains(r.out, "dropped") {
		t.Errorf("exporters tells %q and %q, want nothing of other sources, and nothing within the table", r.out, r.err)
	}
	if r := (&run{svc: svc()}).do(t, "exporters", "-o", "json"); r.err != "" {
		t.Errorf("exporters -o json tells %q besides, want nothing", r.err)
	}
}
