package threshold

import (
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"tocsin/internal/detector/detectortest"
	"tocsin/internal/event"
)

// What is said to be kept of entities with many members is about what is: places by which they are found take more than they do.
func TestMembersAreWeighed(t *testing.T) {
	c := Config{Metric: "distinct(destination.port)", By: []string{"source.port"}, Over: time.Hour, AtLeast: num(20_000), Memory: 512}
	made, err := c.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const entities, members = 100, 3000
	b := event.NewBuilder(event.Log)
	for i := range entities * members {
		b.Time(event.Timestamp, int64(1_700_000_000)*1e9+int64(i)*1000)
		b.Int(event.SourcePort, int64(i%entities))
		b.Int(event.DestinationPort, int64(i/entities))
		if b.Next(); b.Rows() == 10_000 {
			batch := b.Batch()
			_, last := batch.TimeRange()
			made.Fold(batch, detectortest.AllRows(batch))
			made.Early()
			made.Judge(event.Watermark(last))
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	held, said := int(after.HeapAlloc-before.HeapAlloc), made.Stats().Bytes
	t.Logf("%d bytes are held, %d said to be: %d and %d a member", held, said, held/entities/members, said/entities/members)
	if said < held/4*3 || said > 2*held {
		t.Errorf("%d bytes are held, %d said to be", held, said)
	}
	runtime.KeepAlive(made)
}

// Once everybody is forgotten nothing is left of what few had: what is added when it comes is taken off when it goes.
func TestNothingIsWeighedOfNobody(t *testing.T) {
	for _, metric := range []string{"count", "sum(flow.sent.bytes)", "distinct(flow.target)", "max(flow.sent.bytes)"} {
		for _, most := range []bool{false, true} {
			c := Config{Metric: metric, By: []string{"flow.host"}, Over: 2 * time.Second, AtLeast: num(40), Memory: 64}
			if most {
				c.AtLeast, c.AtMost = nil, num(40)
			}
			made, err := c.New(nil)
			if err != nil {
				t.Fatal(err)
			}
			d := made.(*judge) //nolint:forcetypeassert // it is of this package
			r := rand.New(rand.NewPCG(3, 5))
			last := int64(0)
			for range 10 {
				records := drawFlows(r, 3000)
				for i := range records {
					records[i].end = int64(1_700_000_000)*1e9 + int64(i)*2e6 + last
					records[i].start = records[i].end - r.Int64N(5e9)
					records[i].destination = r.IntN(250)
				}
				b := flowBatch(records)
				d.Fold(b, detectortest.AllRows(b))
				d.Early()
				d.Judge(event.Watermark(records[len(records)-1].end - 1e9))
				last += 6e9
			}
			held := d.bytes
			d.Judge(event.Watermark(int64(1_800_000_000) * 1e9))
			if held == 0 && metric != "max(flow.sent.bytes)" || d.table.Len() != 0 || d.bytes != 0 {
				t.Errorf("%s, most %v: %d bytes were held, %d are left of %d entities", metric, most, held, d.bytes, d.table.Len())
			}
		}
	}
}
