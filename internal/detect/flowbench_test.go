package detect

import (
	"math/rand/v2"
	"testing"
	"time"

	"tocsin/internal/event"
)

// flowTraffic is flow records, 100,000 a second, whose clients are spread after Zipf's law. They lasted up to 20 seconds. With
// crowded, all that ended in one second say the same instant, as exporters that tell whole seconds do.
func flowTraffic(batches, rows int, crowded bool) []*event.Batch {
	r := rand.New(rand.NewPCG(1, 1))
	zipf := rand.NewZipf(r, 1.1, 8, 200_000-1)
	ports := [...]int64{443, 443, 443, 80, 53, 53, 22, 25, 123, 8080}
	now := int64(1_700_000_000) * second
	all := make([]*event.Batch, batches)
	b := event.NewBuilder(event.Flow)
	for i := range all {
		for range rows {
			now += 10_000
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

// BenchmarkFlows judges flows by ten rules that group by host, pair and port, until they leave the windows of most.
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
	for name, crowded := range map[string]bool{"spread": false, "crowded": true} {
		batches := flowTraffic(30, 8192, crowded)
		for late, lateness := range map[string]time.Duration{"waiting": time.Hour, "judged": 5 * time.Second} {
			b.Run(name+" "+late, func(b *testing.B) {
				n, before := 0, cpu()
				for b.Loop() {
					e, err := New(Options{Lateness: lateness}, all)
					if err != nil {
						b.Fatal(err)
					}
					for _, batch := range batches {
						e.Apply(batch)
						n += batch.Rows
					}
				}
				b.ReportMetric(float64(cpu()-before)/float64(n), "cpu-ns/event")
			})
		}
	}
}
