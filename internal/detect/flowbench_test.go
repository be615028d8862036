package detect

import (
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"tocsin/internal/event"
)

// flowTraffic is flow records, one every so many nanoseconds, whose clients are spread after Zipf's law. They lasted up to 20
// seconds. With crowded, all that ended in one second say the same instant, as exporters that tell whole seconds do.
func flowTraffic(batches, rows int, every int64, crowded bool) []*event.Batch {
	r := rand.New(rand.NewPCG(1, 1))
	zipf := rand.NewZipf(r, 1.1, 8, 200_000-1)
	ports := [...]int64{443, 443, 443, 80, 53, 53, 22, 25, 123, 8080}
	now := int64(1_700_000_000) * second
	all := make([]*event.Batch, batches)
	b := event.NewBuilder(event.Flow)
	for i := range all {
		for range rows {
			now += every
			end := now - r.Int64N(second)
			if crowded {
				end = now / second * second
			}
			who, server := zipf.Uint64(), r.IntN(4096)
			client := [16]byte{10: 0xff, 11: 0xff, 12: 10, 13: byte(who >> 16), 14: byte(who >> 8), 15: byte(who)}
			other := [16]byte{10: 0xff, 11: 0xff, 12: 198, 13: 51, 14: byte(100 + server>>8), 15: byte(server)}
			from, to, role := event.SourcePort, event.DestinationPort, "client"
			if r.IntN(3) == 0 {
				client, other, from, to, role = other, client, to, from, "server"
			}
			packets := uint64(1 + r.IntN(40))
			b.Time(event.Timestamp, end)
			b.Time(event.Ingested, now)
			b.Time(event.EventStart, end-r.Int64N(20*second))
			b.Time(event.EventEnd, end)
			b.Text(event.TocsinSource, "flows")
			b.IP(event.SourceIP, client)
			b.IP(event.DestinationIP, other)
			b.Int(from, int64(32768+r.IntN(28_000)))
			b.Int(to, ports[r.IntN(len(ports))])
			b.Uint(event.SourceBytes, packets*uint64(40+r.IntN(1400)))
			b.Uint(event.SourcePackets, packets)
			b.Uint(event.FlowID, r.Uint64())
			b.Text(event.FlowRole, role)
			b.Next()
		}
		all[i] = b.Batch()
		all[i].Sequence = uint64(i + 1)
	}
	return all
}

// BenchmarkFlows shows flows to ten rules that group by host, pair and port. Held is the memory that they take when it ends.
func BenchmarkFlows(b *testing.B) {
	all := rules(b, `rules:
- {name: sent, from: flow, detect: {threshold: {metric: sum(flow.sent.bytes), by: [flow.host], over: 5m, above: 1000000000000000}}}
- {name: received, from: flow, detect: {threshold: {metric: sum(flow.received.bytes), by: [flow.host], over: 1m, above: 1000000000000000}}}
- {name: opened, from: flow, where: 'related.port == 22', detect: {threshold: {metric: distinct(flow.initiated), by: [flow.host], over: 5m, above: 100000}}}
- {name: hosts, from: flow, where: 'related.port == 25', detect: {threshold: {metric: distinct(flow.target), by: [flow.host], over: 5m, above: 100000}}}
- {name: ports, from: flow, where: 'source.packets < 2', detect: {threshold: {metric: distinct(flow.target.port), by: [flow.host], over: 1m, above: 100000}}}
- {name: pair, from: flow, detect: {threshold: {metric: sum(source.bytes), by: [flow.pair], over: 1m, above: 1000000000000000}}}
- {name: web-pair, from: flow, where: 'related.port == 80', detect: {threshold: {by: [flow.pair], over: 5m, above: 1000000000}}}
- {name: port, from: flow, detect: {threshold: {metric: sum(source.bytes), by: [flow.port], over: 5m, above: 1000000000000000}}}
- {name: port-packets, from: flow, detect: {threshold: {metric: sum(source.packets), by: [flow.port], over: 1m, above: 1000000000000000}}}
- {name: port-clients, from: flow, where: 'related.port == 53', detect: {threshold: {metric: distinct(flow.client), by: [flow.port], over: 1m, above: 100000}}}
`)
	for _, c := range []struct {
		name     string
		batches  int
		every    time.Duration
		crowded  bool
		lateness time.Duration
	}{
		{"waiting", 30, 10 * time.Microsecond, false, time.Hour}, // 100,000 a second, of which none is judged yet
		{"waiting crowded", 30, 10 * time.Microsecond, true, time.Hour},
		{"judged", 60, time.Millisecond, false, 5 * time.Second}, // eight minutes: most arrive in the windows and leave them
		{"judged crowded", 60, time.Millisecond, true, 5 * time.Second},
	} {
		batches := flowTraffic(c.batches, 8192, int64(c.every), c.crowded)
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			n, used, held := 0, int64(0), uint64(0)
			for b.Loop() {
				e, err := New(Options{Lateness: c.lateness}, all)
				if err != nil {
					b.Fatal(err)
				}
				start, before := heap(), cpu()
				for _, batch := range batches {
					e.Apply(batch)
					n += batch.Rows
				}
				used += cpu() - before
				held = (heap() - start) / uint64(c.batches*8192)
				runtime.KeepAlive(e)
			}
			b.ReportMetric(float64(used)/float64(n), "cpu-ns/event")
			b.ReportMetric(float64(held), "held-B/event")
		})
	}
}

// heap is how much memory is in use.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
