package deviation

import (
	"fmt"

	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/detector/detectortest"
	"tocsin/internal/document"
	"tocsin/internal/event"
)

// drawWeeks makes up events over weeks: by day more than by night, now and then far more, hours in which nothing came in at
// all, and entities that leave.
func drawWeeks(r *rand.Rand) []detectortest.Event {
	const hour = int64(time.Hour)
	var events []detectortest.Event
	start := int64(1_700_000_000)*1e9 + r.Int64N(168)*hour
	leaves := start + (60+r.Int64N(60))*hour
	for h := range int64(480) {
		if r.IntN(15) == 0 {
			continue
		}
		n := 1 + int(h%24)/12
		if r.IntN(40) == 0 {
			n += 6
		}
		for range n {
			e := detectortest.Event{Time: start + h*hour + r.Int64N(hour), Source: r.IntN(3), Value: r.IntN(12)}
			if e.Source == 2 && e.Time > leaves {
				e.Source = 0
			}
			events = append(events, e)
		}
	}
	slices.SortFunc(events, func(a, b detectortest.Event) int { return int((a.Time - b.Time) / 1000) })
	return events
}

const (
	byHour = "{by: [source.ip], bucket: 1h, season: hour-of-week, zone: Europe/Berlin, weeks: 2, min_weeks: 1, min_buckets: 30, above_percent: 251.7, min_value: 2}"
	byZ    = "{metric: sum(destination.port), bucket: 30m, by: [user.name], season: hour-of-week, weeks: 3, min_weeks: 2, min_buckets: 50, z: 2.37, direction: both}"
	byBoth = "{metric: distinct(destination.port), bucket: 1h, season: hour-of-week, weeks: 1, min_weeks: 1, min_buckets: 10, z: 1.37, above_percent: 133.3, below_percent: 41.3, min_value: 1, gaps: zero}"
)

func TestSeasonProperties(t *testing.T) {
	for _, text := range []string{byHour, byZ, byBoth} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			detectortest.Properties(t, config(t, text), drawWeeks)
		})
	}
}

// A backup on Sunday night is usual on Sunday night, and only then.
func TestSeasonKnowsTheWeek(t *testing.T) {
	usual := func(day, hour int) int {
		if day == 6 && hour == 2 {
			return 50
		}
		return 5
	}
	c := config(t, "{by: [source.ip], bucket: 1h, season: hour-of-week, above_percent: 300, min_value: 20}").(*Config)
	quiet := weekly(usual, 5*168)
	got := findings(t, c, quiet)
	if len(got) != 0 { // also in the second week, which is judged by all days
		t.Fatalf("five weeks with a backup: got %+v, want nothing", got)
	}
	strange := append(slices.Clone(quiet), weekly(func(day, hour int) int { return 1 }, 24*7)...)
	week := int64(5*168) * int64(time.Hour)
	for i := len(quiet); i < len(strange); i++ {
		strange[i].Time += week
	}
	wednesday := strange[len(quiet)+2*24+2].Time
	for i := range 50 { // as many as on Sunday, but on a Wednesday
		strange = append(strange, detectortest.Event{Time: wednesday + int64(i)*1e6, Source: 1})
	}
	slices.SortFunc(strange, func(a, b detectortest.Event) int { return int((a.Time - b.Time) / 1000) })
	got = findings(t, c, strange)
	if len(got) != 2 || got[0].Value != 51 || got[0].At != wednesday-wednesday%int64(time.Hour)+int64(time.Hour) {
		t.Errorf("50 on a Wednesday: got %+v, want an alert of 51 rows then", got)
	}
}

// What is unusual does not become usual at once; what goes on for more than min_weeks does.
func TestSeasonLearnsNewHabits(t *testing.T) {
	c := config(t, "{by: [source.ip], bucket: 1h, season: hour-of-week, above_percent: 300, min_value: 20}").(*Config)
	events := weekly(func(int, int) int { return 8 }, 4*168)
	more := weekly(func(_, hour int) int {
		if hour == 12 {
			return 60
		}
		return 8
	}, 6*168)
	for _, e := range more {
		e.Time += int64(4*168) * int64(time.Hour)
		events = append(events, e)
	}
	fired := map[int64]int{} // by week
	for _, v := range findings(t, c, events) {
		if !v.Ended {
			fired[(v.At-events[0].Time)/int64(7*24*time.Hour)]++
		}
	}
	if diff := cmp.Diff(map[int64]int{4: 7, 5: 7, 6: 7}, fired); diff != "" {
		t.Errorf("alerts by week (-want +got):\n%s", diff)
	}
}

// Clocks that are put forward leave an hour out, and those that are put back have it twice.
func TestSeasonSummerTime(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	s := newSeason(zone, 1, 1, 1)
	for _, test := range []struct {
		from time.Time
		want []uint8
	}{
		{time.Date(2024, 3, 31, 0, 0, 0, 0, time.UTC), []uint8{145, 147, 148}}, // Sunday: 1, then 3
		{time.Date(2024, 10, 27, 0, 0, 0, 0, time.UTC), []uint8{146, 146, 147}},
		{time.Date(2024, 3, 3, 22, 0, 0, 0, time.UTC), []uint8{167, 0, 1}},
	} {
		for i, want := range test.want {
			if got := s.hour(test.from.Add(time.Duration(i) * time.Hour).UnixNano()); got != want {
				t.Errorf("%d hours after %v: got hour %d of the week, want %d", i, test.from, got, want)
			}
		}
	}
}

// Memory stays in its bounds under addresses that come once; who is known for long stays.
func TestSeasonEviction(t *testing.T) {
	c := config(t, "{by: [destination.port], bucket: 1h, season: hour-of-week, above_percent: 300, min_value: 20, memory: 1}").(*Config)
	made, err := c.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	d := made.(*gauge)
	now := time.Date(2024, 3, 4, 0, 0, 0, 0, time.UTC).UnixNano()
	next := 100
	for range 3 * 168 {
		var events []detectortest.Event
		for i := range 300 { // of a few entities that are looked at one is given up, so these must not stand side by side
			if i%15 == 0 {
				events = append(events, detectortest.Event{Time: now + 1, Value: i / 15})
			}
			events = append(events, detectortest.Event{Time: now + 1, Value: next})
			next++
		}
		b := detectortest.Batch(events)
		d.Fold(b, detectortest.AllRows(b))
		now += int64(time.Hour)
		d.Judge(event.Watermark(now))
		if got := d.Stats(); got.Bytes > 1<<20+350*300 {
			t.Fatalf("%d bytes kept, want 1 MiB", got.Bytes)
		}
	}
	if d.Stats().Evicted == 0 {
		t.Error("nothing was given up")
	}
	for port := range 20 {
		key, err := d.table.Keys().Parse(fmt.Sprint(port))
		if err != nil {
			t.Fatal(err)
		}
		if id, ok := d.table.Lookup(key); !ok || d.all[id].season.known != 3*168 {
			t.Errorf("port %d, which is always there, was given up for those seen once", port)
		}
	}
}

func TestSeasonMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"{season: weekly}":                                        `season: got "weekly"`,
		"{season: hour-of-week, bucket: 1m}":                      "bucket: got 1m",
		"{season: hour-of-week, bucket: 7m}":                      "bucket: got 7m",
		"{season: hour-of-week, align: newest}":                   "align",
		"{season: hour-of-week, min_weeks: 7}":                    "min_weeks: got 7",
		"{zone: Mars/Phobos}":                                     `zone: got "Mars/Phobos"`,
		"{above_percent: 90, min_value: 1}":                       "above_percent: got 90",
		"{below_percent: 200, min_value: 1}":                      "below_percent: got 200",
		"{above_percent: 300}":                                    "min_value: got 0",
		"{above_percent: 300, min_value: 1, direction: both}":     `direction: got "both"`,
		"{below_percent: 30, min_value: 1, direction: up, z: 2}":  `direction: got "up"`,
		"{above_percent: 300, min_value: 1, direction: sideways}": `direction: got "sideways"`,
		"{season: off, min_buckets: 100}":                         "min_buckets: got 100",
		"{season: hour-of-week, min_buckets: 100000, bucket: 1h}": "min_buckets: got 100000",
	} {
		c := Default()
		if err := document.Decode("test", []byte(text), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}

// Explain names the hour whose habit counts.
func TestSeasonExplained(t *testing.T) {
	c := config(t, "{by: [source.ip], bucket: 1h, season: hour-of-week, above_percent: 300, min_value: 20}")
	d, err := c.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	events := weekly(func(int, int) int { return 8 }, 4*168)
	b := detectortest.Batch(events)
	d.Fold(b, detectortest.AllRows(b))
	last := events[len(events)-1].Time
	d.Judge(event.Watermark(last + int64(time.Hour)))
	x := d.Explain(detectortest.Batch([]detectortest.Event{{Time: last, Source: 1}}), 0, last+2*int64(time.Hour))
	if !strings.Contains(x.Text, "usual on Mondays from 01:00 to 02:00 are 8 (limit: 24)") {
		t.Errorf("Explain: got %q", x.Text)
	}
}

func BenchmarkSeasonClose(b *testing.B) {
	c := config(b, "{by: [destination.port], bucket: 1h, season: hour-of-week, above_percent: 300, min_value: 20, memory: 4096}").(*Config)
	made, err := c.New(nil)
	if err != nil {
		b.Fatal(err)
	}
	d := made.(*gauge)
	const entities = 10_000
	now := time.Date(2024, 3, 4, 0, 0, 0, 0, time.UTC).UnixNano()
	step := func(all bool) {
		var events []detectortest.Event
		for port := range entities {
			if all || port%10 == 0 {
				events = append(events, detectortest.Event{Time: now + 1, Value: port})
			}
		}
		batch := detectortest.Batch(events)
		d.Fold(batch, detectortest.AllRows(batch))
		now += int64(time.Hour)
		d.Judge(event.Watermark(now))
	}
	for range 168 {
		step(true)
	}
	bytes := d.Stats().Bytes
	for b.Loop() {
		d.closeUpTo(d.closed + 1)
		d.seen[d.closed+1] = struct{}{}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/entities, "ns/entity")
	b.ReportMetric(float64(bytes)/entities, "B/entity")
}
