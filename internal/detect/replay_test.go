package detect

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/event"
	"tocsin/internal/lines"
	"tocsin/internal/parser"
	"tocsin/internal/parser/cloudtrail"
	"tocsin/internal/parser/combined"
	"tocsin/internal/rule"
)

// replayed are rules of every detector over what the real logs hold.
const replayed = `rules:
- {name: missing, from: log, where: http.response.status_code == 404, detect: {threshold: {by: [source.ip], over: 10m, at_least: 4}}}
- {name: busy, from: log, where: service.name == "web", detect: {threshold: {by: [source.ip], over: 1m, above: 20}}}
- {name: heavy, from: log, where: service.name == "web", detect: {threshold: {metric: sum(http.response.bytes), by: [source.ip], over: 1h, above: 30000000}}}
- {name: wide, from: log, where: service.name == "web", detect: {threshold: {metric: distinct(url.path), by: [source.ip], over: 1h, above: 25}}}
- {name: slow, from: log, where: service.name == "web", detect: {threshold: {over: 2m, below: 50}}}
- {name: mean, from: log, where: service.name == "web", detect: {threshold: {metric: avg(http.response.bytes), over: 5m, above: 400000}}}
- {name: largest, from: log, where: service.name == "web", detect: {threshold: {metric: max(http.response.bytes), by: [source.ip], over: 30m, at_least: 50000000}}}
- {name: smallest, from: log, where: service.name == "web", detect: {threshold: {metric: min(http.response.bytes), over: 10s, at_most: 200}}}
- {name: silent, from: log, where: service.name == "web", detect: {absence: {idle: 30m}}}
- {name: gone, from: log, detect: {absence: {by: [source.ip], idle: 6h, forget: 2d}}}
- {name: volume, from: log, where: service.name == "web", detect: {deviation: {bucket: 1h, baseline: 12, min_buckets: 4, z: 1.5, direction: both}}}
- {name: volumes, from: log, detect: {deviation: {metric: sum(http.response.bytes), by: [http.response.status_code], bucket: 30m, baseline: 8, min_buckets: 2, z: 2, gaps: zero}}}
- {name: logtrack, from: log, detect: {deviation: {bucket: 60m, baseline: 6, z: 1, zero: logtrack, align: newest}}}
- {name: new-agent, from: log, where: service.name == "web", detect: {novelty: {by: [user_agent.original], learn: 1d, end_after: 2h}}}
- {name: new-call, from: log, where: has(event.action), detect: {novelty: {by: [event.action], learn: off}}}
- {name: calls, from: log, where: has(event.action), detect: {threshold: {by: [user.name], over: 1h, at_least: 3}}}
`

// realLogs reads the access log and the CloudTrail records into one batch, in the order in which they stand, and says when
// each row would have been received by whoever reads the logs as they are written.
func realLogs(t *testing.T) (whole *event.Batch, received []int64) {
	t.Helper()
	all := event.NewBuilder(event.Log)
	web := combined.Config{Options: parser.Options{Zone: "UTC", Service: "web"}}
	p, err := web.New()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../testdata/real/apache_logs")
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		if err := p.Parse(all, bytes.TrimRight(line, "\n"), 0); err != nil {
			t.Fatal(err)
		}
	}
	rows := all.Rows()
	if p, err = cloudtrail.Default().New(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../../testdata/real/cloudtrail/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no CloudTrail files (%v)", err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		split := lines.NewArraySplitter(bytes.NewReader(text), 0)
		for {
			records, err := split.Next()
			for _, r := range records {
				if err := p.Parse(all, r.Data, 0); err != nil {
					t.Fatal(err)
				}
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if all.Rows() <= rows {
		t.Fatal("no CloudTrail record was read")
	}
	whole = all.Batch()
	times := whole.Times()
	order := make([]int, whole.Rows)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order[rows:], func(a, b int) int { return cmp.Compare(times[a], times[b]) })
	newest := int64(0)
	for _, row := range order {
		all.AppendRow(whole, row)
		newest = max(newest, times[row])
		received = append(received, newest+second)
	}
	return all.Batch(), received
}

// cut cuts rows into batches of a size, in an order of rows.
func cut(whole *event.Batch, order []int, size int, received []int64) (batches []*event.Batch) {
	b := event.NewBuilder(event.Log)
	for i, row := range order {
		if received != nil {
			b.Stamp = func(b *event.Builder) { b.Time(event.Ingested, received[row]) }
		}
		b.AppendRow(whole, row)
		if b.Rows() == size || i == len(order)-1 {
			batches = append(batches, b.Batch())
			batches[len(batches)-1].Sequence = uint64(len(batches))
		}
	}
	return batches
}

func scanOf(batches []*event.Batch) Scan {
	return func(yield func(*event.Batch, []int32) error) error {
		for _, b := range batches {
			if err := yield(b, nil); err != nil {
				return err
			}
		}
		return nil
	}
}

// The same log leads to the same findings, byte for byte: however it is cut into batches, on however many processors, and
// again. Read as it is written, with any cut and with time told in between, it leads to the same alerts.
func TestReplayIsDeterministic(t *testing.T) {
	whole, received := realLogs(t)
	times := whole.Times()
	inFile := make([]int, whole.Rows)
	for i := range inFile {
		inFile[i] = i
	}
	byTime := slices.Clone(inFile)
	slices.SortStableFunc(byTime, func(a, b int) int { return cmp.Compare(times[a], times[b]) })
	all := rules(t, replayed)
	until := slices.Max(times) + 40*24*3600*second
	history := func(size int) []alert.Finding {
		t.Helper()
		found, stats, err := History(context.Background(), HistoryOptions{Until: until}, all, scanOf(cut(whole, byTime, size, nil)))
		if err != nil || stats.Late != 0 || stats.Events != int64(whole.Rows) {
			t.Fatalf("History in batches of %d: %+v, %v", size, stats, err)
		}
		return found
	}
	want := history(8192)
	fired := map[int64]int{}
	for _, f := range want {
		fired[f.Rule] += f.Triggers
	}
	for _, r := range all {
		if fired[r.ID] == 0 {
			t.Errorf("rule %s never fires: nothing is shown of it", r.Name)
		}
	}
	for _, size := range []int{1, 7, 777} {
		if diff := gocmp.Diff(marshalLines(t, bare(want)), marshalLines(t, bare(history(size)))); diff != "" {
			t.Fatalf("batches of %d give other findings (-8192 +%d):\n%s", size, size, diff)
		}
	}
	for _, processors := range []int{1, 2} {
		was := runtime.GOMAXPROCS(processors)
		again := marshalLines(t, history(8192))
		runtime.GOMAXPROCS(was)
		if diff := gocmp.Diff(marshalLines(t, want), again); diff != "" { // samples, too
			t.Fatalf("on %d processors the findings differ:\n%s", processors, diff)
		}
	}
	for _, size := range []int{1, 7, 8192} {
		for seed := range uint64(2) {
			r := rand.New(rand.NewPCG(seed, uint64(size)))
			got := fed(t, r, all, cut(whole, inFile, size, received), until)
			if diff := gocmp.Diff(outcomes(want), outcomes(got)); diff != "" {
				t.Fatalf("read as it is written, in batches of %d, seed %d, other alerts (-history +live):\n%s", size, seed, diff)
			}
		}
	}
}

// fed shows batches to an engine with ticks in between, some of which say nothing new, and lets time go on at the end.
func fed(t *testing.T, r *rand.Rand, all []rule.Rule, batches []*event.Batch, until int64) []alert.Finding {
	t.Helper()
	e, err := New(Options{}, all)
	if err != nil {
		t.Fatal(err)
	}
	var got []alert.Finding
	newest := int64(0)
	for _, b := range batches {
		got = append(got, e.Apply(b).Findings...)
		_, last := b.TimeRange()
		newest = max(newest, last)
		for range r.IntN(3) {
			got = append(got, e.Tick(newest-r.Int64N(60*second)).Findings...)
		}
	}
	got = append(got, e.Tick(until+int64(DefaultLateness)).Findings...)
	for _, s := range e.Rules() {
		if s.Stats.Late != 0 || s.Panics != 0 {
			t.Fatalf("rule %s: %+v", s.Rule.Name, s)
		}
	}
	return got
}

// An outcome is what an alert comes to that people read: when it began and ended, how often it fired, and its last measured
// value.
type outcome struct {
	Rule               int64
	Entity             string
	First, Last, Ended int64
	Triggers           int
	Values             []float64 // of each trigger
	Limit              float64
}

func outcomes(findings []alert.Finding) []outcome {
	var all []outcome
	at := map[string]int{}
	for _, f := range findings {
		key := fmt.Sprint(f.Rule, " ", f.Entity.Key())
		i, open := at[key]
		if !open {
			if f.Ended {
				continue
			}
			i = len(all)
			at[key] = i
			all = append(all, outcome{Rule: f.Rule, Entity: f.Entity.Key(), First: f.Time})
		}
		o := &all[i]
		switch {
		case f.Ended:
			o.Ended = f.Time
			delete(at, key)
		case f.Triggers == 0: // what was told early was at another time
			o.First, o.Last, o.Values[0] = f.Time, f.Time, f.Value
			if o.Triggers != 1 {
				panic("the only trigger of an alert can be corrected")
			}
		default:
			o.Triggers += f.Triggers
			o.Last, o.Limit, o.Values = f.Time, f.Limit, append(o.Values, f.Value)
		}
	}
	slices.SortFunc(all, func(a, b outcome) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.First, b.First), cmp.Compare(a.Entity, b.Entity))
	})
	return all
}

func marshalLines(t *testing.T, findings []alert.Finding) []string {
	t.Helper()
	out := make([]string, len(findings))
	for i := range findings {
		out[i] = string(marshal(t, findings[i]))
	}
	return out
}
