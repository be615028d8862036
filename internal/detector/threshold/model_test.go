package threshold

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tocsin/internal/detector/detectortest"
	"tocsin/internal/event"
)

// model says by brute force at which events a rule with at_least fires: it looks at every event of an entity in order of
// time, and measures the whole window anew. Ends are found by looking at every instant at which an event leaves.
func model(events []detectortest.Event, over, end int64, measure func([]detectortest.Event) int, limit int) (fired, ended map[int][]int64) {
	fired, ended = map[int][]int64{}, map[int][]int64{}
	for who := range 6 {
		var mine []detectortest.Event
		for _, e := range events {
			if e.Source == who {
				mine = append(mine, e)
			}
		}
		slices.SortStableFunc(mine, func(a, b detectortest.Event) int { return cmp.Compare(a.Time, b.Time) })
		in := func(t int64) (n int) { // both ends belong to the window
			var window []detectortest.Event
			for _, e := range mine {
				if e.Time >= t-over && e.Time <= t {
					window = append(window, e)
				}
			}
			return measure(window)
		}
		last, open, fell := int64(-1), false, int64(-1)
		var instants []int64 // arrivals, and the moments just after departures
		for _, e := range mine {
			instants = append(instants, e.Time, e.Time+over+1)
		}
		slices.Sort(instants)
		arrivals := map[int64]bool{}
		for _, e := range mine {
			arrivals[e.Time] = true
		}
		for _, t := range slices.Compact(instants) {
			holds := in(t) >= limit
			if open && fell >= 0 && fell+end < t {
				ended[who] = append(ended[who], fell+end)
				open = false
			}
			switch {
			case !holds && open && fell < 0:
				fell = t - 1
			case holds && !open:
				open, last, fell = true, t, -1
				fired[who] = append(fired[who], t)
			case holds:
				if fell = -1; arrivals[t] && t-last >= over {
					last = t
					fired[who] = append(fired[who], t)
				}
			}
		}
		if open && fell >= 0 {
			ended[who] = append(ended[who], fell+end)
		}
	}
	return fired, ended
}

func TestAgainstModel(t *testing.T) {
	count := func(window []detectortest.Event) int { return len(window) }
	distinct := func(window []detectortest.Event) int {
		ports := map[int]bool{}
		for _, e := range window {
			ports[e.Value] = true
		}
		return len(ports)
	}
	sum := func(window []detectortest.Event) (n int) {
		for _, e := range window {
			n += e.Value
		}
		return n
	}
	for _, c := range []struct {
		metric  string
		measure func([]detectortest.Event) int
		over    time.Duration
		end     time.Duration
		limit   int
	}{
		{"count", count, time.Minute, time.Minute, 10},
		{"count", count, 10 * time.Second, 3 * time.Second, 4},
		{"distinct(destination.port)", distinct, time.Minute, time.Minute, 7},
		{"distinct(destination.port)", distinct, 20 * time.Second, time.Second, 4},
		{"sum(destination.port)", sum, 30 * time.Second, 30 * time.Second, 50},
	} {
		seen := 0
		for seed := range uint64(40) {
			events := detectortest.Draw(rand.New(rand.NewPCG(seed, 11)), 250)
			config := Config{Metric: c.metric, By: []string{"source.ip"}, Over: c.over, AtLeast: num(float64(c.limit)), EndAfter: c.end, Memory: 64}
			d, err := config.New(nil)
			if err != nil {
				t.Fatal(err)
			}
			b := detectortest.Batch(events)
			d.Fold(b, detectortest.AllRows(b))
			fired, ended := map[int][]int64{}, map[int][]int64{}
			for _, f := range d.Judge(event.Watermark(events[len(events)-1].Time + 1e13)) {
				who := int(f.Entity[0].Value[len(f.Entity[0].Value)-1] - '0')
				if f.Ended {
					ended[who] = append(ended[who], f.Time)
				} else {
					fired[who] = append(fired[who], f.Time)
				}
			}
			wantFired, wantEnded := model(events, int64(c.over), int64(c.end), c.measure, c.limit)
			seen += len(wantFired)
			if diff := gocmp.Diff(wantFired, fired); diff != "" {
				t.Fatalf("%s, seed %d: fired (-model +got):\n%s", c.metric, seed, diff)
			}
			if diff := gocmp.Diff(wantEnded, ended); diff != "" {
				t.Fatalf("%s, seed %d: ended (-model +got):\n%s", c.metric, seed, diff)
			}
		}
		if seen == 0 {
			t.Errorf("%s: the model never fired", c.metric)
		}
	}
}

// Thousands of instants in one window are put together by sixtieths of it; order, cut and judging still change nothing.
func TestDense(t *testing.T) {
	dense := func(r *rand.Rand) []detectortest.Event {
		now := int64(1_700_000_000) * 1e9
		events := make([]detectortest.Event, 3500)
		for i := range events {
			now += r.Int64N(9e6)
			if r.IntN(1000) == 0 {
				now += 20e9
			}
			events[i] = detectortest.Event{Time: now, Source: r.IntN(8) / 7, Value: r.IntN(9000)}
		}
		return events
	}
	for _, c := range []Config{
		{Metric: "count", By: []string{"source.ip"}, Over: 10 * time.Second, AtLeast: num(1500)},
		{Metric: "sum(destination.port)", By: []string{"source.ip"}, Over: 10 * time.Second, AtLeast: num(6.5e6)},
		{Metric: "count", Over: 10 * time.Second, AtLeast: num(500)},
	} {
		c.Memory = 64
		t.Run(c.Metric, func(t *testing.T) {
			t.Parallel()
			detectortest.Properties(t, &c, dense)
		})
	}
}

// Rings stay bounded however much happens.
func TestRingIsBounded(t *testing.T) {
	for _, metric := range []string{"count", "sum(destination.port)", "distinct(destination.port)", "max(destination.port)"} {
		c := Config{Metric: metric, Over: time.Minute, AtLeast: num(1e6), Memory: 64}
		if metric == "distinct(destination.port)" {
			c.AtLeast = num(100)
		}
		d, err := c.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		now := int64(1_700_000_000) * 1e9
		for range 400 {
			var events []detectortest.Event
			for range 1000 {
				now += 1e6
				events = append(events, detectortest.Event{Time: now, Value: int(now / 1e6 % 5000)})
			}
			b := detectortest.Batch(events)
			d.Fold(b, detectortest.AllRows(b))
			d.Judge(event.Watermark(now - 1e9))
		}
		if got := d.Stats().Bytes; got > 200_000 {
			t.Errorf("%s: 400,000 events in 400 seconds take %d bytes, want fewer than 200,000", metric, got)
		}
	}
}

func TestEviction(t *testing.T) {
	c := Config{Metric: "count", By: []string{"source.port"}, Over: time.Hour, AtLeast: num(50), Memory: 1}
	d, err := c.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := event.NewBuilder(event.Log)
	add := func(port int64, t int64) {
		b.Time(event.Timestamp, 1_700_000_000*1e9+t)
		b.Int(event.SourcePort, port)
		b.Next()
	}
	for i := range int64(40) { // the one that is near to firing
		add(7, i)
	}
	for i := range int64(20_000) {
		add(1000+i, 100+i)
	}
	for i := range int64(10) {
		add(7, 30_000+i)
	}
	batch := b.Batch()
	for rest := detectortest.AllRows(batch); len(rest) > 0; {
		n := min(500, len(rest))
		d.Fold(batch, rest[:n])
		rest = rest[n:]
	}
	found := d.Judge(event.Watermark(1_700_000_000*1e9 + 120e9))
	s := d.Stats()
	if s.Evicted == 0 || s.Bytes > 1<<20 {
		t.Errorf("Stats: got %+v, want some evicted and at most 1 MiB", s)
	}
	if len(found) != 1 || found[0].Entity.String() != "7" {
		t.Errorf("Judge: got %+v, want the one that was near to firing all along", found)
	}
}

func FuzzLoad(f *testing.F) {
	detectortest.FuzzLoad(f,
		&Config{Metric: "count", By: []string{"source.ip"}, Over: time.Minute, AtLeast: num(5), Memory: 64},
		&Config{Metric: "distinct(destination.port)", By: []string{"source.ip"}, Over: time.Minute, Below: num(3), Memory: 64})
}
