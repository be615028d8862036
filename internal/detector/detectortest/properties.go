package detectortest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/fstest"

	gocmp "github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/detector"
	"tocsin/internal/event"
	"tocsin/internal/window"
)

// Files are what detectors under Properties can read.
func Files() fstest.MapFS {
	return fstest.MapFS{"lists/devices.txt": {Data: []byte("# known\n10.0.0.1\n10.0.0.2\n")}}
}

// An Event is one row of the events that Properties makes up.
type Event struct {
	Time   int64 // nanoseconds
	Source int   // 10.0.0.Source
	Value  int   // destination.port and http.response.bytes
}

// Batch builds a batch of events.
func Batch(events []Event) *event.Batch {
	b := event.NewBuilder(event.Log)
	for _, e := range events {
		b.Time(event.Timestamp, e.Time)
		b.IP(event.SourceIP, [16]byte{10: 0xff, 11: 0xff, 12: 10, 15: byte(e.Source)})
		b.Int(event.DestinationPort, int64(e.Value))
		b.Int(event.HTTPResponseBytes, int64(e.Value))
		b.Text(event.UserName, fmt.Sprint("u", e.Source))
		b.Next()
	}
	return b.Batch()
}

// Draw makes up n events: quiet stretches and bursts, many at the same second.
func Draw(r *rand.Rand, n int) []Event {
	const second = int64(1e9)
	now := int64(1_700_000_000) * second
	unit := []int64{second, second, 250 * second / 1000, second / 1000, 30 * second}[r.IntN(5)]
	events := make([]Event, 0, n)
	who := r.IntN(4)
	for range n {
		switch r.IntN(40) {
		case 0:
			now += int64(r.IntN(900)) * second
		case 1:
			unit = []int64{second, second / 1000, 10 * second}[r.IntN(3)]
		case 2:
			who = r.IntN(4)
		}
		now += int64(r.IntN(3)) * unit
		source := who
		if r.IntN(3) == 0 {
			source = r.IntN(6)
		}
		events = append(events, Event{Time: now, Source: source, Value: r.IntN(12)})
	}
	return events
}

// Properties checks for one configuration that the order of arrival, the cut into batches, the times of judging, saving and
// loading, merging, and early findings change nothing, and that what Judge answers lies behind the watermark before.
func Properties(t *testing.T, config detector.Config, draw func(r *rand.Rand) []Event) {
	t.Helper()
	properties(t, config, draw, true)
}

// PropertiesInRetrospect is Properties for a detector whose findings may lie further back.
func PropertiesInRetrospect(t *testing.T, config detector.Config, draw func(r *rand.Rand) []Event) {
	t.Helper()
	properties(t, config, draw, false)
}

func properties(t *testing.T, config detector.Config, draw func(r *rand.Rand) []Event, ordered bool) {
	t.Helper()
	found := 0
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 7))
		events := draw(r)
		want := inOrder(t, config, events)
		found += len(want)
		check := func(name string, got []alert.Finding) {
			t.Helper()
			if !ordered {
				window.Order(got)
			}
			if diff := gocmp.Diff(bare(want), bare(got)); diff != "" {
				t.Fatalf("seed %d: %s gives other findings (-want +got):\n%s", seed, name, diff)
			}
		}
		for range 4 {
			check("another cut", live(t, config, events, r, way{}))
		}
		check("a shuffle", live(t, config, events, r, way{shuffle: true}))
		check("saving and loading", live(t, config, events, r, way{shuffle: true, save: true}))
		check("merging", merged(t, config, events, r))
		explained(t, config, events, r, !ordered)
		early := live(t, config, events, r, way{shuffle: true, save: true, early: true})
		if diff := gocmp.Diff(alerts(want), alerts(early)); diff != "" {
			t.Fatalf("seed %d: Early gives other alerts (-want +got):\n%s", seed, diff)
		}
	}
	if found == 0 {
		t.Error("no seed led to a finding: the property was not tested")
	}
}

func make1(t *testing.T, config detector.Config) detector.Detector {
	t.Helper()
	d, err := config.New(Files())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// inOrder judges once, at the end.
func inOrder(t *testing.T, config detector.Config, events []Event) []alert.Finding {
	d := make1(t, config)
	b := Batch(events)
	d.Fold(b, AllRows(b))
	return d.Judge(event.Watermark(horizon(events)))
}

// horizon is a while after the last event, so that time alone has its say too.
func horizon(events []Event) int64 {
	last := int64(0)
	for _, e := range events {
		last = max(last, e.Time)
	}
	return last + 3600e9
}

// way is how events reach a detector.
type way struct{ shuffle, save, early bool }

// live feeds events in batches of random size, shuffled within a lateness, and judges at random times.
func live(t *testing.T, config detector.Config, events []Event, r *rand.Rand, w way) []alert.Finding {
	const lateness = int64(300e9)
	end := horizon(events)
	events = slices.Clone(events)
	arrives := map[int]int64{}
	if w.shuffle {
		for i := range events {
			arrives[i] = events[i].Time + r.Int64N(lateness)
		}
		order := make([]int, len(events))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(arrives[a], arrives[b]) })
		shuffled := make([]Event, len(events))
		for i, j := range order {
			shuffled[i] = events[j]
		}
		events = shuffled
	}
	d := make1(t, config)
	var got []alert.Finding
	newest := int64(0)
	for rest := events; len(rest) > 0; {
		n := min(1+r.IntN(40), len(rest))
		for _, e := range rest[:n] {
			newest = max(newest, e.Time)
		}
		b := Batch(rest[:n])
		rest = rest[n:]
		d.Fold(b, AllRows(b))
		if w.early {
			got = append(got, d.Early()...)
		}
		if r.IntN(3) == 0 {
			mark := earliest(rest, newest+lateness) - 1
			if r.IntN(2) == 0 {
				mark = min(mark, newest-lateness)
			}
			got = append(got, d.Judge(event.Watermark(mark))...)
		}
		if w.save && r.IntN(4) == 0 {
			d = reloaded(t, config, d)
		}
	}
	got = append(got, d.Judge(event.Watermark(end))...)
	if s := d.Stats(); s.Late != 0 {
		t.Fatalf("%d events were late; the test means to have none", s.Late)
	}
	return got
}

func earliest(events []Event, or int64) int64 {
	for _, e := range events {
		or = min(or, e.Time)
	}
	return or
}

func reloaded(t *testing.T, config detector.Config, d detector.Detector) detector.Detector {
	t.Helper()
	var state bytes.Buffer
	if err := d.Save(&state); err != nil {
		t.Fatal(err)
	}
	fresh := make1(t, config)
	if err := fresh.Load(bytes.NewReader(state.Bytes())); err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	if err := fresh.Save(&again); err != nil {
		t.Fatal(err)
	}
	if state.Len() != again.Len() {
		t.Fatalf("a state of %d bytes was loaded and saved with %d", state.Len(), again.Len())
	}
	return fresh
}

// merged folds two halves apart and joins them before judging.
func merged(t *testing.T, config detector.Config, events []Event, r *rand.Rand) []alert.Finding {
	var halves [2][]Event
	for _, e := range events {
		i := r.IntN(2)
		halves[i] = append(halves[i], e)
	}
	a, b := make1(t, config), make1(t, config)
	left, right := Batch(halves[0]), Batch(halves[1])
	a.Fold(left, AllRows(left))
	b.Fold(right, AllRows(right))
	if err := a.Merge(b); err != nil {
		t.Fatal(err)
	}
	return a.Judge(event.Watermark(horizon(events)))
}

// An Episode is what findings about one entity come to: one alert.
type Episode struct {
	Entity   string
	First    int64
	Last     int64 // time of the newest trigger
	Triggers int
	Values   []float64 // of each trigger
	Ended    int64     // 0 while it lasts
}

func alerts(findings []alert.Finding) []Episode {
	open := map[string]*Episode{}
	var all []*Episode
	for _, f := range findings {
		key := f.Entity.Key()
		e := open[key]
		if e == nil {
			if f.Ended {
				continue
			}
			e = &Episode{Entity: key, First: f.Time}
			open[key] = e
			all = append(all, e)
		}
		switch {
		case f.Ended:
			e.Ended = f.Time
			delete(open, key)
		case f.Triggers == 0 && e.Triggers == 1: // what was told early was at another time, or of another value
			e.First, e.Last, e.Values[0] = f.Time, f.Time, f.Value
		default:
			e.First, e.Last = min(e.First, f.Time), max(e.Last, f.Time)
			e.Triggers += f.Triggers
			e.Values = append(e.Values, f.Value)
		}
	}
	out := make([]Episode, len(all))
	for i, e := range all {
		out[i] = *e
	}
	slices.SortFunc(out, func(a, b Episode) int {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Entity, b.Entity))
	})
	return out
}

// FuzzLoad seeds and runs a fuzz target: whatever bytes are loaded, the detector must not panic, and an error must be one
// of a foul state. What loads is judged, too.
func FuzzLoad(f *testing.F, configs ...detector.Config) {
	FuzzLoadOf(f, func(r *rand.Rand, _ detector.Config, n int) *event.Batch { return Batch(Draw(r, n)) }, configs...)
}

// FuzzLoadOf is FuzzLoad with batches of so many events that draw makes for a detector.
func FuzzLoadOf(f *testing.F, draw func(r *rand.Rand, c detector.Config, n int) *event.Batch, configs ...detector.Config) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, c := range configs {
		d, err := c.New(Files())
		if err != nil {
			f.Fatal(err)
		}
		b := draw(r, c, 200)
		d.Fold(b, AllRows(b))
		first, last := b.TimeRange()
		d.Judge(event.Watermark((first + last) / 2))
		var state bytes.Buffer
		if err := d.Save(&state); err != nil {
			f.Fatal(err)
		}
		f.Add(state.Bytes())
	}
	f.Fuzz(func(t *testing.T, state []byte) {
		for _, c := range configs {
			d, err := c.New(Files())
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Load(bytes.NewReader(state)); err != nil {
				if !errors.Is(err, window.ErrState) {
					t.Errorf("Load: got %v, want an ErrState", err)
				}
				continue
			}
			b := draw(rand.New(rand.NewPCG(3, 4)), c, 50)
			d.Fold(b, AllRows(b))
			d.Early()
			_, last := b.TimeRange()
			d.Explain(b, 3, last)
			d.Judge(event.Watermark(last + 3600e9))
		}
	})
}
