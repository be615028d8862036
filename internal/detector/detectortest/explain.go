package detectortest

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"tocsin/internal/alert"
	"tocsin/internal/detector"
	"tocsin/internal/event"
)

// explains checks that Explain says of a row that may come next what folding it leads to, and that it changes nothing.
func explains(t *testing.T, config detector.Config, d detector.Detector, next Event, retrospect bool) {
	t.Helper()
	b := Batch([]Event{next})
	before := state(t, d)
	x := d.Explain(b, 0, next.Time)
	if after := state(t, d); !bytes.Equal(before, after) {
		t.Fatalf("Explain of %+v changed the state", next)
	}
	if x.Lacks != "" || x.Text == "" || x.At < next.Time && !x.Late {
		t.Fatalf("Explain of %+v: got %+v", next, x)
	}
	if x.Late {
		return
	}
	with, without := reloaded(t, config, d), reloaded(t, config, d)
	with.Fold(b, []int32{0})
	found := of(with.Judge(event.Watermark(x.Settles)), x.Entity)
	was := of(without.Judge(event.Watermark(x.Settles)), x.Entity)
	fires := detector.Triggers(found) > detector.Triggers(was)
	if retrospect { // what it leads to is told of the time of the row, when it is known that nothing else came
		fires = slices.ContainsFunc(found, func(f alert.Finding) bool { return f.Triggers > 0 && f.Time == x.At })
	}
	if x.Fires != fires {
		t.Fatalf("Explain of %+v says fires %v, folding it says %v\n%+v\nwith it %+v\nwithout %+v", next, x.Fires, fires, x, found, was)
	}
	if again := of(without.Judge(event.Watermark(x.Settles)), x.Entity); again != nil {
		t.Fatalf("judged twice up to %d: got %+v", x.Settles, again)
	}
}

// of keeps the findings about one entity.
func of(findings []alert.Finding, who alert.Entity) (kept []alert.Finding) {
	for _, f := range findings {
		if f.Entity.Key() == who.Key() {
			kept = append(kept, f)
		}
	}
	return kept
}

func state(t *testing.T, d detector.Detector) []byte {
	t.Helper()
	var s bytes.Buffer
	if err := d.Save(&s); err != nil {
		t.Fatal(err)
	}
	return s.Bytes()
}

// explained feeds events in any cut, and has rows that might come next explained in between: what comes next indeed, one
// that comes late, and one from far ahead.
func explained(t *testing.T, config detector.Config, events []Event, r *rand.Rand, retrospect bool) {
	t.Helper()
	d := make1(t, config)
	newest := int64(0)
	asked := max(1, len(events)/200) // a probe copies the whole state twice
	for rest := events; len(rest) > 0; {
		n := min(1+r.IntN(25), len(rest))
		b := Batch(rest[:n])
		d.Fold(b, AllRows(b))
		if r.IntN(2) == 0 {
			d.Early()
		}
		newest = max(newest, rest[n-1].Time)
		if r.IntN(3) == 0 {
			d.Judge(event.Watermark(newest - r.Int64N(60e9)))
		}
		rest = rest[n:]
		if r.IntN(asked) != 0 {
			continue
		}
		next := []Event{{Time: newest - r.Int64N(90e9), Source: r.IntN(7), Value: r.IntN(12)}, {Time: newest + r.Int64N(900e9), Source: r.IntN(7), Value: r.IntN(12)}}
		if len(rest) > 0 {
			next = append(next, rest[0])
		}
		for _, e := range next {
			explains(t, config, d, e, retrospect)
		}
	}
}
