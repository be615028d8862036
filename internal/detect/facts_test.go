package detect

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tocsin/internal/detector"
	"tocsin/internal/detector/absence"
	"tocsin/internal/detector/deviation"
	"tocsin/internal/detector/novelty"
	"tocsin/internal/detector/threshold"
	"tocsin/internal/event"
	"tocsin/internal/rule"
)

const second = int64(time.Second)

func detectors() detector.Set {
	return detector.Set{
		"threshold": threshold.Default, "absence": absence.Default, "deviation": deviation.Default, "novelty": novelty.Default,
		"broken": func() detector.Config { return &broken{} },
	}
}

func rules(t testing.TB, text string) []rule.Rule {
	t.Helper()
	all, err := rule.Decode("test.yaml", []byte(text), detectors())
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		all[i].ID = int64(i + 1)
	}
	return all
}

const every = `rules:
- {name: burst, from: log, where: http.response.status_code >= 400, detect: {threshold: {by: [source.ip], over: 1m, at_least: 8}}}
- {name: ports, from: [log, flow], detect: {threshold: {metric: distinct(destination.port), by: [source.ip], over: 1m, above: 5}}}
- {name: volume, from: flow, detect: {threshold: {metric: sum(network.bytes), over: 30s, above: 4000}}}
- {name: few, from: log, detect: {threshold: {by: [source.ip], over: 2m, below: 2}}}
- {name: silent, from: [log, flow], detect: {absence: {by: [source.ip], idle: 3m, forget: 1h, expect: [10.0.0.9]}}}
- {name: odd, from: log, detect: {deviation: {bucket: 1m, baseline: 5, min_buckets: 2, z: 1.2, direction: both}}}
- {name: new, from: log, where: destination.port > 3, detect: {novelty: {by: [source.ip, destination.port], learn: 2m, end_after: 10m}}}
`

// fact is one event of the tests.
type fact struct {
	kind     event.Kind
	t        int64
	received int64
	source   string
	ip       byte
	port     int
	status   int
	talk     *talk // what a record of a flow says besides
}

func build(kind event.Kind, facts []fact) *event.Batch {
	b := event.NewBuilder(kind)
	for _, f := range facts {
		b.Time(event.Timestamp, f.t)
		b.Time(event.Ingested, f.received)
		b.Text(event.TocsinSource, f.source)
		b.IP(event.SourceIP, [16]byte{10: 0xff, 11: 0xff, 12: 10, 15: f.ip})
		b.Int(event.DestinationPort, int64(f.port))
		b.Int(event.HTTPStatus, int64(f.status))
		b.Uint(event.NetworkBytes, uint64(f.port*100))
		f.talk.put(b, &f)
		b.Next()
	}
	return b.Batch()
}

// draw makes up facts in order of time.
func draw(r *rand.Rand, n int) []fact {
	now := 1_700_000_000 * second
	facts := make([]fact, n)
	for i := range facts {
		if r.IntN(50) == 0 {
			now += r.Int64N(400) * second
		}
		now += r.Int64N(3) * second / 2
		kind := event.Log
		if r.IntN(3) == 0 {
			kind = event.Flow
		}
		facts[i] = fact{
			kind: kind, t: now, source: fmt.Sprint("s", r.IntN(3)), ip: byte(r.IntN(3) * r.IntN(3)), port: r.IntN(10),
			status: 200 + 300*r.IntN(2),
		}
	}
	return facts
}

// journal brings facts in the order in which they are received, each up to a lateness after its time, and cuts them into
// batches of one kind.
func journal(r *rand.Rand, facts []fact, lateness int64) []*event.Batch {
	facts = slices.Clone(facts)
	for i := range facts {
		facts[i].received = facts[i].t + r.Int64N(lateness)
	}
	slices.SortStableFunc(facts, func(a, b fact) int { return cmp.Compare(a.received, b.received) })
	var batches []*event.Batch
	for len(facts) > 0 {
		n := 1 // journal time does not go back, so a batch holds what came without another kind between
		for most := 1 + r.IntN(60); n < min(most, len(facts)) && facts[n].kind == facts[0].kind; {
			n++
		}
		b := build(facts[0].kind, facts[:n])
		b.Sequence = uint64(len(batches) + 1)
		batches = append(batches, b)
		facts = facts[n:]
	}
	return batches
}

// stored is a Scan over facts as a history has them: one kind a batch, in order of their first rows.
func stored(r *rand.Rand, facts []fact) Scan {
	var batches []*event.Batch
	for rest := facts; len(rest) > 0; {
		n := min(1+r.IntN(100), len(rest))
		var cut []*event.Batch
		for _, kind := range event.Kinds() {
			var some []fact
			for _, f := range rest[:n] {
				if f.kind == kind {
					some = append(some, f)
				}
			}
			if len(some) > 0 {
				cut = append(cut, build(kind, some))
			}
		}
		slices.SortFunc(cut, func(a, b *event.Batch) int {
			x, _ := a.TimeRange()
			y, _ := b.TimeRange()
			return cmp.Compare(x, y)
		})
		batches = append(batches, cut...)
		rest = rest[n:]
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
