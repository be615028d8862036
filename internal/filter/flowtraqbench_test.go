//go:build unix

package filter

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"tocsin/internal/event"
)

// flowBatch has records of flows: half of them sent by the server, one port in a hundred 22.
func flowBatch(rows int, dict bool) *event.Batch {
	r := rand.New(rand.NewPCG(7, 8))
	b := event.NewBuilder(event.Flow)
	for range rows {
		client, server := int64(1024+r.IntN(60000)), int64(r.IntN(100))
		if r.IntN(2) == 0 {
			b.Text(event.FlowRole, "client")
			b.Int(event.SourcePort, client)
			b.Int(event.DestinationPort, server)
		} else {
			b.Text(event.FlowRole, "server")
			b.Int(event.SourcePort, server)
			b.Int(event.DestinationPort, client)
		}
		for _, id := range []event.FieldID{event.SourceIP, event.DestinationIP} {
			b.IP(id, [16]byte{10: 0xff, 11: 0xff, 12: 10, 13: byte(r.IntN(100)), 14: byte(r.IntN(10)), 15: byte(r.IntN(10))})
		}
		b.Int(event.NetworkIANA, 6)
		b.Text(event.NetworkTransport, "tcp")
		b.Uint(event.SourceBytes, r.Uint64N(100_000))
		b.Int(event.FlowTCPFlags, int64(r.IntN(32)))
		b.Next()
	}
	batch := b.Batch()
	if dict {
		batch = coded(batch)
	}
	return batch
}

// BenchmarkFlowTraq shows what FlowTraq's spelling costs beside tocsin's own of what is nearest.
func BenchmarkFlowTraq(b *testing.B) {
	for _, text := range []string{
		`destination.port == 22`, `flowtraq: SRVPORT==22`, `flowtraq: PORT==22`,
		`destination.ip in cidr("10.50.0.0/16")`, `flowtraq: SRVIP==10.50.0.0/16`,
		`flowtraq: PROTO==TCP && SRVPORT==22 && CLNIP==10.50.0.0/16`, `flowtraq: FLAGS==SYN`, `flowtraq: CLNBYTS>90000`,
	} {
		for _, dict := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/dict=%v", text, dict), func(b *testing.B) {
				batch, f := flowBatch(4096, dict), Compile(mustParse(text))
				out := f.Select(batch, nil)
				b.ReportAllocs()
				start := cpu()
				for b.Loop() {
					out = f.Select(batch, out[:0])
				}
				b.ReportMetric(float64(cpu()-start)/float64(b.N)/4096, "cpu-ns/event")
				b.ReportMetric(float64(len(out))/4096, "selected")
			})
		}
	}
}
