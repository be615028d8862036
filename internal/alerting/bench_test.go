package alerting_test

import (
	"context"
	"log/slog"
	"strconv"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/internal/alerting"
	"tocsin/internal/ledger"
)

// BenchmarkTake measures findings about 100 entities of 10 rules, 50 an output, that are coalesced and written to SQLite.
func BenchmarkTake(b *testing.B) {
	l, err := ledger.Open("", b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	s := alerting.New(l, rules{}, page, alerting.Options{}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	ctx, stop := context.WithCancel(b.Context())
	if _, err := s.Start(ctx); err != nil {
		b.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	var names [100]string
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	n, seq := 0, 0
	b.ReportAllocs()
	for b.Loop() {
		seq++
		j := judged(seq)
		for range 50 {
			n++
			j.Findings = append(j.Findings, trigger(int64(1+n%10), names[n%100], n))
		}
		if err := s.Take(ctx, j); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Flush(ctx); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/finding")
	stop()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}

// BenchmarkFlood measures findings of one rule that are each about another entity, as a flood of made-up addresses brings
// them: 1,000 get an alert, the rest is counted.
func BenchmarkFlood(b *testing.B) {
	l, err := ledger.Open("", b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	s := alerting.New(l, rules{}, page, alerting.Options{}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	ctx, stop := context.WithCancel(b.Context())
	if _, err := s.Start(ctx); err != nil {
		b.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	n, seq := 0, 0
	for b.Loop() {
		seq++
		j := judged(seq)
		for range 1000 {
			n++
			j.Findings = append(j.Findings, trigger(1, strconv.Itoa(n), n))
		}
		if err := s.Take(ctx, j); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Flush(ctx); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(n), "us/finding")
	stop()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}

// BenchmarkFirst measures new alerts, 100 a commit, each with one notice.
func BenchmarkFirst(b *testing.B) {
	l, err := ledger.Open("", b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	n, seq := 0, 0
	for b.Loop() {
		seq++
		c := ledger.Commit{Name: "bench", Position: pos(seq), Front: pos(seq), Route: page, Cap: 1 << 40}
		for range 100 {
			n++
			f := trigger(1, strconv.Itoa(n), n)
			var e ledger.Episode
			e.Add(f)
			ref, _ := rules{}.Rule(1)
			c.Writes = append(c.Writes, ledger.Write{Rule: ref, Entity: f.Entity, Episodes: []ledger.Episode{e}})
		}
		if _, err := l.Commit(b.Context(), c); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(n), "us/alert")
}
