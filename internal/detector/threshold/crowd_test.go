package threshold

import (
	"math/rand/v2"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/detector/detectortest"
	"tocsin/internal/event"
)

// Many thousands of sessions that say they ended at one instant, and as many soon after, are put together: what comes of them is
// exact, whatever the order and the cut into batches, and takes little memory while it waits.
func TestCrowdedInstant(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 9))
	noon := int64(1_700_000_000) * 1e9
	total, records := int64(0), make([]record, 40_000)
	for i := range records {
		end := noon
		if i >= len(records)/2 {
			end += r.Int64N(3e9)
		}
		length := r.Int64N(6e9)
		records[i] = record{start: end - length, end: end, source: 1, destination: 2, port: 443, bytes: r.Int64N(1000), session: uint64(i + 1)}
		total += records[i].bytes
	}
	for metric, want := range map[string]int64{"sum(flow.sent.bytes)": total, "count": int64(len(records)), "distinct(flow.initiated)": 4001} {
		t.Run(metric, func(t *testing.T) {
			var first []alert.Finding
			for order := range 3 {
				if order > 0 {
					r.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
				}
				c := Config{Metric: metric, By: []string{"flow.client"}, Over: time.Minute, AtLeast: num(float64(want)), Memory: 512}
				d, err := c.New(nil)
				if err != nil {
					t.Fatal(err)
				}
				for rest := records; len(rest) > 0; {
					n := min(1+r.IntN(8000), len(rest))
					b := flowBatch(rest[:n])
					d.Fold(b, detectortest.AllRows(b))
					rest = rest[n:]
				}
				if got := d.Stats().Bytes; got > 3<<20 {
					t.Errorf("%d flows that wait take %d bytes", len(records), got)
				}
				found := d.Judge(event.Watermark(noon + 10e9))
				for i := range found {
					found[i].Samples = nil // of what came last
				}
				if len(found) == 0 || metric != "distinct(flow.initiated)" && found[0].Value != float64(want) {
					t.Fatalf("found %+v, want %d", found, want)
				}
				if order == 0 {
					first = found
				} else if diff := gocmp.Diff(first, found); diff != "" {
					t.Errorf("in another order (-first +now):\n%s", diff)
				}
			}
		})
	}
}
