package detectortest

import (
	"testing"

	"tocsin/internal/detector"
	"tocsin/internal/event"
)

// Flood shows a detector by source.port 100,000 entities, each once within 25 seconds of events, of which its memory holds few.
// What it noted of when to look at those that it gave up, as noted counts, must not pile up until it would have been due.
func Flood(t *testing.T, d detector.Detector, noted func() int) {
	t.Helper()
	now, b := int64(1_700_000_000)*1e9, event.NewBuilder(event.Log)
	for n := range 25 {
		for i := range 4000 {
			now += 250_000
			b.Time(event.Timestamp, now)
			b.Int(event.SourcePort, int64(1+n*4000+i))
			b.Next()
		}
		batch := b.Batch()
		d.Fold(batch, AllRows(batch))
		d.Early()
		d.Judge(event.Watermark(now))
	}
	s := d.Stats()
	if noted := noted(); s.Evicted < 50_000 || noted > 3*s.Entities+2048 {
		t.Errorf("%d entities, %d given up: %d are to be looked at, want no more than a few of each", s.Entities, s.Evicted, noted)
	}
}
