package window

import (
	"math/rand/v2"
	"testing"

	"tocsin/internal/event"
)

// BenchmarkRows looks the entities of flows up in a table that has 400,000 of most, half of which come again and again while
// others are new and take the place of some.
func BenchmarkRows(b *testing.B) {
	for _, by := range [][]string{{"source.ip"}, {"source.ip", "destination.ip"}, {"destination.port"}} {
		b.Run(by[len(by)-1], func(b *testing.B) {
			keys, err := NewKeys(by)
			if err != nil {
				b.Fatal(err)
			}
			r := rand.New(rand.NewPCG(1, 1))
			zipf := rand.NewZipf(r, 1.1, 8, 1<<20)
			var batches []*event.Batch
			var all []int32
			for range 100 {
				builder := event.NewBuilder(event.Flow)
				for range 8192 {
					n := uint32(zipf.Uint64())
					builder.IP(event.SourceIP, [16]byte{10: 0xff, 11: 0xff, 12: 10, 13: byte(n >> 16), 14: byte(n >> 8), 15: byte(n)})
					builder.IP(event.DestinationIP, [16]byte{10: 0xff, 11: 0xff, 12: 198, 13: 51, 14: 100, 15: byte(r.IntN(256))})
					builder.Int(event.DestinationPort, int64(r.IntN(40)*r.IntN(1500)))
					builder.Next()
				}
				batches = append(batches, builder.Batch())
			}
			for row := range int32(8192) {
				all = append(all, row)
			}
			table, ids, hand := NewTable(keys), make([]uint32, len(all)), uint32(0)
			less := func(a, b uint32) bool { return a < b }
			look := func(batch *event.Batch) {
				table.Bind(batch)
				table.Rows(all, ids)
				for table.Len() > 400_000 {
					table.Drop(table.Least(&hand, less))
				}
			}
			for _, batch := range batches {
				look(batch)
			}
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				look(batches[n%len(batches)])
				n++
			}
			b.ReportMetric(float64(b.Elapsed())/float64(n*len(all)), "ns/row")
		})
	}
}
