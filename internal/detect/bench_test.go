package detect

import (
	"context"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"

	"tocsin/internal/event"
)

func cpu() int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

// traffic is log events of skewed sources, of which a tenth failed.
func traffic(batches, rows int) []*event.Batch {
	r := rand.New(rand.NewPCG(1, 1))
	zipf := rand.NewZipf(r, 1.1, 1, 200_000-1)
	now := int64(1_700_000_000) * second
	all := make([]*event.Batch, batches)
	b := event.NewBuilder(event.Log)
	for i := range all {
		for range rows {
			now += 1_000_000
			who := uint32(zipf.Uint64() * 2654435761)
			status := int64(200)
			if r.IntN(10) == 0 {
				status = 404
			}
			b.Time(event.Timestamp, now)
			b.Time(event.Ingested, now)
			b.Text(event.TocsinSource, "access")
			b.Text(event.ServiceName, "apache")
			b.IP(event.SourceIP, [16]byte{10: 0xff, 11: 0xff, 12: byte(who >> 24), 13: byte(who >> 16), 14: byte(who >> 8), 15: byte(who)})
			b.Int(event.HTTPStatus, status)
			b.Next()
		}
		all[i] = b.Batch()
		all[i].Sequence = uint64(i + 1)
	}
	return all
}

// BenchmarkHistory judges a million events by one rule that selects a tenth of them.
func BenchmarkHistory(b *testing.B) {
	batches := traffic(50, 20_000)
	for _, text := range []string{
		`{name: one, from: log, where: http.response.status_code >= 400, detect: {threshold: {by: [source.ip], over: 10m, at_least: 100}}}`,
		`{name: one, from: log, where: http.response.status_code >= 400, detect: {threshold: {over: 1m, at_least: 100000}}}`,
		`{name: one, from: log, where: http.response.status_code >= 400, detect: {absence: {by: [source.ip], idle: 1h}}}`,
		`{name: one, from: log, where: http.response.status_code >= 400, detect: {deviation: {by: [service.name]}}}`,
		`{name: one, from: log, where: http.response.status_code >= 400, detect: {novelty: {by: [source.ip]}}}`,
	} {
		all := rules(b, text)
		b.Run(all[0].Detect, func(b *testing.B) {
			n, before := 0, cpu()
			for b.Loop() {
				_, stats, err := History(context.Background(), HistoryOptions{}, all, func(yield func(*event.Batch, []int32) error) error {
					for _, batch := range batches {
						if err := yield(batch, nil); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil || stats.Selected*12 < stats.Events || stats.Selected*8 > stats.Events {
					b.Fatal(stats, err)
				}
				n += int(stats.Events)
			}
			b.ReportMetric(float64(n)/float64(cpu()-before)*1e3, "M-events/cpu-s")
		})
	}
}

// BenchmarkLive judges live by a number of rules that select a tenth each and track addresses.
func BenchmarkLive(b *testing.B) {
	batches := traffic(100, 5_000)
	for _, count := range []int{1, 5, 50} {
		text := "rules:\n"
		for i := range count {
			text += fmt.Sprintf("- {name: r%d, from: log, where: http.response.status_code == 404 && service.name != \"x%d\", detect: {threshold: {by: [source.ip], over: 10m, at_least: 1000}}}\n", i, i)
		}
		all := rules(b, text)
		b.Run(fmt.Sprint(count, " rules"), func(b *testing.B) {
			n, before := 0, cpu()
			for b.Loop() {
				e, err := New(Options{}, all)
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
