package threshold

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"syscall"
	"testing"
	"time"

	"tocsin/internal/detector/detectortest"
	"tocsin/internal/event"
)

// traffic is batches of log events of many sources, skewed as real ones are (Zipf, s = 1.1), ten thousand a second.
func traffic(batches, rows int, sources uint64) []*event.Batch {
	r := rand.New(rand.NewPCG(1, 1))
	zipf := rand.NewZipf(r, 1.1, 1, sources-1)
	now := int64(1_700_000_000) * 1e9
	all := make([]*event.Batch, batches)
	b := event.NewBuilder(event.Log)
	for i := range all {
		for range rows {
			now += 100_000
			who := zipf.Uint64() * 2654435761 % (1 << 32)
			b.Time(event.Timestamp, now)
			b.IP(event.SourceIP, [16]byte{10: 0xff, 11: 0xff, 12: byte(who >> 24), 13: byte(who >> 16), 14: byte(who >> 8), 15: byte(who)})
			b.Int(event.DestinationPort, int64(r.IntN(1000)))
			b.Int(event.HTTPResponseBytes, int64(r.IntN(1000)))
			b.Next()
		}
		all[i] = b.Batch()
	}
	return all
}

// cpu is the processor time that the process has used, which tells more than the clock where others work too.
func cpu() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func BenchmarkFold(b *testing.B) {
	batches := traffic(50, 20_000, 200_000)
	rows := detectortest.AllRows(batches[0])
	for _, c := range []Config{
		{Metric: "count", By: []string{"source.ip"}, Over: time.Minute, AtLeast: num(100_000)},
		{Metric: "count", By: []string{"source.ip"}, Over: 10 * time.Second, AtLeast: num(100)},
		{Metric: "sum(http.response.bytes)", By: []string{"source.ip"}, Over: time.Minute, AtLeast: num(1e9)},
		{Metric: "distinct(destination.port)", By: []string{"source.ip"}, Over: time.Minute, AtLeast: num(100)},
		{Metric: "count", Over: time.Minute, AtLeast: num(1e9)},
	} {
		c.Memory = 1024
		for _, live := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s by %v %v live=%v", c.Metric, c.By, c.Over, live), func(b *testing.B) {
				b.ReportAllocs()
				n, before := 0, cpu()
				for b.Loop() {
					d, err := c.New(nil)
					if err != nil {
						b.Fatal(err)
					}
					for _, batch := range batches {
						first, last := batch.TimeRange()
						d.Fold(batch, rows)
						if live {
							d.Early()
							d.Judge(event.Watermark(last - 3e9))
						} else {
							d.Judge(event.Watermark(first - 1))
						}
						n += len(rows)
					}
				}
				b.ReportMetric(float64(cpu()-before)/float64(n), "cpu-ns/event")
			})
		}
	}
}

// BenchmarkEntities measures the memory of a million entities with three events each in their window.
func BenchmarkEntities(b *testing.B) {
	const entities = 1_000_000
	for b.Loop() {
		c := Config{Metric: "count", By: []string{"source.ip"}, Over: time.Hour, AtLeast: num(100), Memory: 4096}
		d, err := c.New(nil)
		if err != nil {
			b.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		builder := event.NewBuilder(event.Log)
		for i := range 3 * entities {
			who := uint32(i%entities) * 2654435761
			builder.Time(event.Timestamp, int64(1_700_000_000)*1e9+int64(i)*100_000)
			builder.IP(event.SourceIP, [16]byte{10: 0xff, 11: 0xff, 12: byte(who >> 24), 13: byte(who >> 16), 14: byte(who >> 8), 15: byte(who)})
			if builder.Next(); builder.Rows() == 50_000 {
				batch := builder.Batch()
				d.Fold(batch, detectortest.AllRows(batch))
				_, last := batch.TimeRange()
				d.Early()
				d.Judge(event.Watermark(last))
			}
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		s := d.Stats()
		if s.Entities != entities || s.Evicted != 0 {
			b.Fatalf("%d entities, %d evicted", s.Entities, s.Evicted)
		}
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/entities, "B/entity")
		b.ReportMetric(float64(s.Bytes)/entities, "estimated-B/entity")
		runtime.KeepAlive(d)
	}
}
