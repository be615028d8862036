package threshold

import (
	"io/fs"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tocsin/internal/detector"
	"tocsin/internal/detector/detectortest"
	"tocsin/internal/event"
)

// soonCrowded is settings whose detector puts together from the 33rd entry on.
type soonCrowded struct{ Config }

func (c *soonCrowded) New(files fs.FS) (detector.Detector, error) {
	d, err := c.Config.New(files)
	if j, ok := d.(*judge); ok {
		j.exact = few
	}
	return d, err
}

// drawCrowd makes up records of few hosts, hundreds in a sub-bucket, some of them at the same instants.
func drawCrowd(r *rand.Rand, n int) []record {
	now, unit := int64(1_700_000_000)*1e9, []int64{1, 1e6, 500e6}[r.IntN(3)]
	records := make([]record, n)
	for i := range records {
		if now += r.Int64N(1e6); r.IntN(300) == 0 {
			now += r.Int64N(6) * 1e9
		}
		end := now / unit * unit
		length := []int64{0, r.Int64N(1e9), r.Int64N(8e9)}[r.IntN(3)]
		records[i] = record{start: end - length, end: end, source: r.IntN(2), destination: 2 + r.IntN(2), port: 443, bytes: r.Int64N(1000), session: uint64(i + 1)}
	}
	return records
}

// What is put together is the same in whatever order it comes, and however often it is looked at and saved meanwhile.
func TestCrowdsInAnyOrder(t *testing.T) {
	for name, c := range map[string]Config{
		"sum":   {Metric: "sum(flow.sent.bytes)", By: []string{"flow.host"}, Over: 10 * time.Second, EndAfter: time.Second},
		"count": {Metric: "count", By: []string{"flow.pair"}, Over: 10 * time.Second},
		"plain": {Metric: "sum(source.bytes)", By: []string{"source.ip"}, Over: 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.Memory, c.Above = 64, num(map[string]float64{"sum": 150_000, "count": 180, "plain": 120_000}[name])
			piles, alerts := 0, 0
			for seed := range uint64(8) {
				r := rand.New(rand.NewPCG(seed, 15))
				records := drawCrowd(r, 1500)
				config := &soonCrowded{c}
				d, err := config.New(nil)
				if err != nil {
					t.Fatal(err)
				}
				for some := range slices.Chunk(records, 500) {
					b := flowBatch(some)
					d.Fold(b, detectortest.AllRows(b))
				}
				for _, page := range d.(*judge).pages {
					for i := range page {
						if !page[i].more.empty() {
							piles++
						}
					}
				}
				want := episodes(d.Judge(event.Watermark(records[len(records)-1].end + 7200e9)))
				for _, w := range []struct{ early, save bool }{{}, {early: true}, {save: true}, {true, true}} {
					if diff := gocmp.Diff(want, play(t, config, records, r, w.early, w.save)); diff != "" {
						t.Fatalf("seed %d, %+v: alerts (-at once +bit by bit):\n%s", seed, w, diff)
					}
				}
				for _, list := range want {
					alerts += len(list)
				}
			}
			if piles == 0 || alerts == 0 {
				t.Errorf("%d piles, %d alerts: nothing was put to the test", piles, alerts)
			}
		})
	}
}

// The shares of a record that lasted add up to all of it, and each is what was sent up to its end less what was sent before, rounded
// down.
func TestPortions(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		d := &judge{over: []int64{1e9, 60e9, 7e9 + 1, 366 * day}[r.IntN(4)]}
		d.grain = d.over / buckets
		end := int64(1_700_000_000)*1e9 + r.Int64N(1e12)
		length := d.grain + 1 + r.Int64N([]int64{10, d.over, 3 * d.over}[r.IntN(3)])
		a := arrival{entry{t: end, v: r.Int64N(1 << []int{1, 10, 52}[r.IntN(3)])}, min(length, maxSpan)}
		if a.length <= d.grain {
			continue
		}
		whole, began := a.v, end-a.length
		first, _ := d.bucket(max(began, end-d.over))
		before, _ := portion(whole, first-began, a.length)
		total, last := before, a
		d.portions(&last, func(at, v int64) {
			if v <= 0 || (at+1)%d.grain != 0 || at >= end {
				t.Fatalf("%+v: a share of %d at %d", a, v, at)
			}
			total += v
			if upto, _ := portion(whole, at+1-began, a.length); upto != total {
				t.Fatalf("%+v: %d up to %d, want %d", a, total, at, upto)
			}
		})
		if total+last.v != whole || last.length != 0 {
			t.Fatalf("%+v: %d in the sub-buckets before and %d in the last, want %d", a, total, last.v, whole)
		}
	}
}

// Lists keep what is in them while they grow, share no room, and use again what was given back.
func TestBlocks(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	var b blocks[int]
	lists, next := make([][]int, 50), 0
	want := make([][]int, len(lists))
	for range 20_000 {
		i := r.IntN(len(lists))
		if r.IntN(60) == 0 {
			b.release(lists[i])
			lists[i], want[i] = nil, nil
			continue
		}
		more := 1 + r.IntN(3)
		for lists[i] = b.grown(lists[i], more); more > 0; more-- {
			next++
			lists[i], want[i] = append(lists[i], next), append(want[i], next)
		}
	}
	if diff := gocmp.Diff(want, lists); diff != "" {
		t.Fatalf("lists (-want +got):\n%s", diff)
	}
	list := b.grown(nil, 2)
	room := cap(list)
	b.release(list)
	if again := b.grown(nil, room); &again[:1][0] != &list[:1][0] {
		t.Error("room that was given back is not used again")
	}
}
