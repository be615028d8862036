package trial_test

import (
	"bytes"
	"context"
	"os"
	"testing"

	"tocsin/internal/detect"
	"tocsin/internal/event"
	"tocsin/internal/pack"
	"tocsin/internal/rule"
)

// BenchmarkPack judges a real access log by each rule that matches texts, and by a whole pack.
func BenchmarkPack(b *testing.B) {
	text, err := os.ReadFile("../../testdata/real/apache_logs")
	if err != nil {
		b.Fatal(err)
	}
	p, err := formats()["combined"].Default().New()
	if err != nil {
		b.Fatal(err)
	}
	rows := event.NewBuilder(event.Log)
	rows.Stamp = func(r *event.Builder) { r.Text(event.TocsinSource, "access") }
	for line := range bytes.Lines(text) {
		if err := p.Parse(rows, bytes.TrimRight(line, "\n"), 0); err != nil {
			b.Fatal(err)
		}
	}
	batch := rows.Batch()
	web, _ := pack.Find("web")
	all, err := web.Rules(detectors())
	if err != nil {
		b.Fatal(err)
	}
	judge := func(b *testing.B, rules []rule.Rule) {
		for b.Loop() {
			_, _, err := detect.History(context.Background(), detect.HistoryOptions{}, rules, func(yield func(*event.Batch, []int32) error) error {
				return yield(batch, nil)
			})
			if err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(batch.Rows), "ns/line")
	}
	b.Run("all", func(b *testing.B) { judge(b, all) })
	for i := range all {
		b.Run(all[i].Name, func(b *testing.B) { judge(b, all[i:i+1]) })
	}
}
