package ledger_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/event"
	"tocsin/internal/ledger"
)

// BenchmarkAlerts lists 10,000 open alerts with six samples each.
func BenchmarkAlerts(b *testing.B) {
	l, err := ledger.Open("", b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	const open = 10_000
	c := ledger.Commit{Name: "bench", Front: event.Position{Epoch: "e"}.With(0, 1), Now: time.Unix(1_700_000_000, 0), Cap: 2 * open}
	for i := range open {
		var e ledger.Episode
		for k := range 6 {
			f := alert.Finding{
				Time: int64(1_700_000_000+i) * 1e9, Triggers: 1, Value: float64(20 + k), Limit: 20, Window: 10 * time.Minute, Reason: "20 failures within 10m",
				Samples: []json.RawMessage{json.RawMessage(fmt.Sprintf(
					`{"@timestamp":"2026-03-01T12:00:%02dZ","message":"Failed password for invalid user root from 192.0.2.%d port %d ssh2","source.ip":"192.0.2.%d","host.name":"web","tocsin.source":"file:auth.log","tocsin.kind":"log"}`,
					k, i%256, i, i%256))},
			}
			e.Add(f)
		}
		c.Writes = append(c.Writes, ledger.Write{
			Rule: ledger.RuleRef{ID: 1, Version: 1, Name: "password-guessing", Severity: alert.High}, Episodes: []ledger.Episode{e},
			Entity: alert.Entity{{Field: "source.ip", Value: fmt.Sprintf("192.0.%d.%d", i/256, i%256)}},
		})
	}
	if _, err := l.Commit(b.Context(), c); err != nil {
		b.Fatal(err)
	}
	for name, q := range map[string]ledger.AlertQuery{
		"all":      {Limit: open, States: []alert.State{alert.Open, alert.Acknowledged}},
		"brief":    {Limit: open, States: []alert.State{alert.Open, alert.Acknowledged}, Brief: true},
		"page":     {Limit: 100, States: []alert.State{alert.Open, alert.Acknowledged}},
		"followed": {Limit: 100, SinceChange: open - 50},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if all, err := l.Alerts(b.Context(), q); err != nil || len(all) < 50 {
					b.Fatal(len(all), err)
				}
			}
		})
	}
}
