package alerting_test

import (
	"math/rand/v2"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tocsin/internal/alerting"
	"tocsin/internal/ledger/ledgertest"
)

// TestPostgresStops: a real server that goes down and comes back while findings come loses none and counts none twice.
func TestPostgresStops(t *testing.T) {
	server := ledgertest.StartPostgres(t)
	outputs := makeOutputs(rand.New(rand.NewPCG(5, 5)), 120)
	want := undisturbed(t, outputs)
	l := ledgertest.Open(t, server.Database(t), "")
	options := lively(alerting.Options{Every: 5 * time.Millisecond})
	p := start(t, l, options)
	for i, j := range outputs {
		take(t, p, j)
		switch i {
		case 30, 70:
			server.Stop(t)
		case 40:
			server.Start(t)
		case 80: // and the process stops while the server is down
			p.crash()
			server.Start(t)
			p = start(t, l, options)
			for _, again := range outputs[p.Committed().Seq(0) : i+1] {
				take(t, p, again)
			}
		}
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.end()
	if diff := gocmp.Diff(want, comparableRows(alerts(t, l))); diff != "" {
		t.Errorf("rows differ from those of an undisturbed run (-want +got):\n%s", diff)
	}
}
