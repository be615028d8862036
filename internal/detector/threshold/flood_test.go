package threshold

import (
	"strings"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/detector/detectortest"
	"tocsin/internal/event"
)

// flooded is a rule that has no room for more than a few thousand entities, while each batch brings as many that it never saw and
// never sees again. In each batch a few are seen often enough to fire.
func flooded(t *testing.T, batches int) (d *judge, found []alert.Finding) {
	c := Config{Metric: "count", By: []string{"source.port"}, Over: time.Hour, AtLeast: num(5), Memory: 1}
	made, err := c.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	d = made.(*judge) //nolint:forcetypeassert // it is of this package
	now := int64(1_700_000_000) * 1e9
	b := event.NewBuilder(event.Log)
	for n := range batches {
		for i := range 4000 {
			now += 250_000
			b.Time(event.Timestamp, now)
			port := int64(1 + n*4000 + i)
			if i%10 == 0 {
				port = -int64(1 + n*80 + i/10%80)
			}
			b.Int(event.SourcePort, port)
			b.Next()
		}
		batch := b.Batch()
		d.Fold(batch, detectortest.AllRows(batch))
		found = append(found, d.Early()...)
		found = append(found, d.Judge(event.Watermark(now-2e9))...)
	}
	return d, found
}

// What was noted of those who were given up does not pile up.
func TestNothingIsLeftOfTheFlooded(t *testing.T) {
	d, _ := flooded(t, 40)
	entities, pending, timers := d.Stats().Entities, d.pending.Len(), d.timers.Len()
	if d.Stats().Evicted < 100_000 || pending > 3*entities+2048 || timers > 3*entities+2048 {
		t.Errorf("%d entities, %d given up: %d wait and %d are to be looked at, want no more than a few of each", entities, d.Stats().Evicted, pending, timers)
	}
}

// Numbers of those who were given up are used again, and nothing is shown of the one as evidence of the other.
func TestEvidenceOfTheFlooded(t *testing.T) {
	_, found := flooded(t, 30)
	fired := 0
	for _, f := range found {
		fired += f.Triggers
		for _, s := range f.Samples {
			if want := `"source.port":` + f.Entity.String(); !strings.Contains(string(s)+",", want+",") && !strings.Contains(string(s), want+"}") {
				t.Errorf("a finding of port %s shows %s", f.Entity, s)
			}
		}
	}
	if fired < 500 {
		t.Errorf("%d fired, want many of the 2,400 that could", fired)
	}
}
