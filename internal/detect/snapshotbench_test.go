package detect

import (
	"bytes"
	"io"
	"testing"
	"time"
)

// BenchmarkSnapshot saves the state of rules over flows of which none is judged yet, and takes it up again.
func BenchmarkSnapshot(b *testing.B) {
	all := rules(b, `rules:
- {name: sent, from: flow, detect: {threshold: {metric: sum(flow.sent.bytes), by: [flow.host], over: 5m, above: 1000000000000000}}}
- {name: reached, from: flow, detect: {threshold: {metric: distinct(flow.target), by: [flow.host], over: 5m, above: 100000}}}
- {name: pair, from: flow, detect: {threshold: {metric: sum(source.bytes), by: [flow.pair], over: 1m, above: 1000000000000000}}}
- {name: port, from: flow, detect: {threshold: {by: [flow.port], over: 5m, above: 1000000000}}}
`)
	load := func() *Engine {
		e, err := New(Options{Lateness: time.Hour}, all)
		if err != nil {
			b.Fatal(err)
		}
		return e
	}
	e, n := load(), 0
	for _, batch := range flowTraffic(30, 8192, 10_000, false) {
		e.Apply(batch)
		n += batch.Rows
	}
	state, _ := taken(b, e)
	b.Run("save", func(b *testing.B) {
		b.ReportAllocs()
		before := cpu()
		for b.Loop() {
			if _, err := e.Snapshot(io.Discard); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(cpu()-before)/float64(n)/float64(b.N), "cpu-ns/flow")
		b.ReportMetric(float64(len(state))/float64(n), "B/flow")
	})
	b.Run("load", func(b *testing.B) {
		b.ReportAllocs()
		before := cpu()
		for b.Loop() {
			if lost, err := load().Restore(bytes.NewReader(state)); err != nil || len(lost) > 0 {
				b.Fatal(lost, err)
			}
		}
		b.ReportMetric(float64(cpu()-before)/float64(n)/float64(b.N), "cpu-ns/flow")
	})
}
