package detect

import (
	"bytes"
	"cmp"
	"context"
	"os"
	"slices"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/event"
	"tocsin/internal/parser"
	"tocsin/internal/parser/combined"
)

// apache reads the real access log of 10,000 lines in order of time.
func apache(t *testing.T) Scan {
	t.Helper()
	text, err := os.ReadFile("../../testdata/real/apache_logs")
	if err != nil {
		t.Fatal(err)
	}
	config := combined.Config{Options: parser.Options{Zone: "UTC", Service: "apache"}}
	p, err := config.New()
	if err != nil {
		t.Fatal(err)
	}
	all := event.NewBuilder(event.Log)
	for line := range bytes.Lines(text) {
		if err := p.Parse(all, bytes.TrimRight(line, "\n"), 0); err != nil {
			t.Fatal(err)
		}
	}
	whole := all.Batch()
	times := whole.Times()
	order := make([]int, whole.Rows)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(times[a], times[b]) })
	var batches []*event.Batch
	some := event.NewBuilder(event.Log)
	for i, row := range order {
		some.AppendRow(whole, row)
		if some.Rows() == 777 || i == len(order)-1 {
			batches = append(batches, some.Batch())
		}
	}
	return func(yield func(*event.Batch, []int32) error) error {
		for _, b := range batches {
			if err := yield(b, nil); err != nil {
				return err
			}
		}
		return nil
	}
}

// LogTrack, run over the same log with the same rules, fires at these times and with these counts, and is silent otherwise.
// Of tocsin's findings the first of each rule is meant: LogTrack knows no second one.
func TestLogTrackAsOracle(t *testing.T) {
	all := rules(t, `rules:
- {name: favicon, from: log, where: 'service.name == "apache" && like(message, "%favicon.ico%")', detect: {threshold: {over: 5m, at_least: 10}}}
- {name: exact, from: log, where: 'message == "GET /favicon.ico HTTP/1.1"', detect: {threshold: {over: 60m, at_least: 12}}}
- {name: rate-60, from: log, where: 'service.name == "apache"', detect: {threshold: {over: 60s, at_least: 60}}}
- {name: rate-200, from: log, where: 'service.name == "apache"', detect: {threshold: {over: 60s, at_least: 200}}}
- {name: FAVICON, from: log, where: 'service.name == "apache" && like(message, "%FAVICON%")', detect: {threshold: {over: 60m, at_least: 1}}}
- {name: zscore, from: log, where: 'service.name == "apache"', detect: {deviation: {bucket: 60m, baseline: 6, z: 3, zero: logtrack, align: newest}}}
- {name: silent-nginx, from: log, where: 'service.name == "nginx"', detect: {absence: {idle: 60m}}}
- {name: wildcards, from: log, where: 'service.name == "apache" && like(message, "%wp_%php%")', detect: {threshold: {over: 1440m, at_least: 2}}}
- {name: silent-apache, from: log, where: 'service.name == "apache"', detect: {absence: {idle: 60m}}}
`)
	until := time.Date(2015, 6, 1, 0, 0, 0, 0, time.UTC).UnixNano()
	findings, stats, err := History(context.Background(), HistoryOptions{Until: until}, all, apache(t))
	if err != nil || stats.Events != 10_000 || stats.Late != 0 {
		t.Fatalf("History: %+v, %v", stats, err)
	}
	first := map[string]alert.Finding{}
	for _, f := range findings {
		name := all[f.Rule-1].Name
		if _, ok := first[name]; !ok && !f.Ended {
			first[name] = f
		}
	}
	for _, want := range []struct {
		rule, at string
		n        float64
	}{
		{"favicon", "2015-05-17 12:05:34", 10},
		{"exact", "2015-05-17 12:05:22", 12},
		{"rate-60", "2015-05-17 10:05:47", 60},
		{"wildcards", "2015-05-17 17:05:24", 2},
		{"silent-apache", "2015-05-20 22:05:59", 3600}, // LogTrack says "now"; tocsin when the hour was over
	} {
		f, ok := first[want.rule]
		if at := time.Unix(0, f.Time).UTC().Format(time.DateTime); !ok || at != want.at || f.Value != want.n {
			t.Errorf("%s: got %s with %v, want %s with %v", want.rule, at, f.Value, want.at, want.n)
		}
	}
	for _, name := range []string{"rate-200", "FAVICON", "zscore", "silent-nginx"} {
		if f, ok := first[name]; ok {
			t.Errorf("%s: got %+v, want silence", name, f)
		}
	}
}
