package window

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"tocsin/internal/event"
)

// TestCopiedRow: a row that was copied is shown as one that was not, whatever it has.
func TestCopiedRow(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for n, kind := range append(event.Kinds(), event.Kinds()...) {
		b := event.NewBuilder(kind)
		for range 40 {
			for id := event.FieldID(1); id < event.MaxFieldID; id++ {
				f, ok := event.FieldByID(id)
				if !ok || f.View || len(f.Any) > 0 || r.IntN(3) == 0 {
					continue
				}
				switch f.Type {
				case event.IP:
					b.IP(id, address(r))
				case event.String:
					b.Text(id, strings.Repeat("\u00e9<\x00", r.IntN(3)*r.IntN(1+n*100)))
				case event.Float:
					b.Float(id, r.NormFloat64())
				case event.Bool:
					b.Bool(id, r.IntN(2) == 0)
				case event.Uint:
					b.Uint(id, r.Uint64())
				case event.Time:
					b.Time(id, r.Int64())
				default:
					b.Int(id, int64(r.Uint64()))
				}
			}
			for range r.IntN(4) {
				b.Label(fmt.Append(nil, "k", r.IntN(2)), bytes.Repeat([]byte("v"), r.IntN(100)))
			}
			b.Next()
		}
		batch := b.Batch()
		for row := range int32(batch.Rows) {
			if got, want := sampleOf(appendCopy(nil, batch, row)), Sample(batch, row); !bytes.Equal(got, want) {
				t.Fatalf("row %d: got %.300s, want %.300s", row, got, want)
			}
		}
	}
}

// TestKeepIsBounded: large rows take no more room than they would in writing.
func TestKeepIsBounded(t *testing.T) {
	var r Recent
	for id := range uint32(2 * maxTrails) {
		b := event.NewBuilder(event.Log)
		b.Time(event.Timestamp, 1)
		b.Text(event.Message, strings.Repeat("x", 60_000))
		b.Next()
		batch := b.Batch()
		r.Begin(batch, []int32{0})
		r.Note(0, id)
		r.Keep(0, nil, func(uint32) bool { return false })
		r.Release()
		if got := r.Samples(id, 0, 1, nil); id < 100 && (len(got) != 1 || !bytes.Equal(got[0], Sample(batch, 0))) {
			t.Fatalf("Samples(%d): got %q", id, got)
		}
	}
	if r.trails.bytes > maxTrailed+maxSample {
		t.Errorf("%d bytes are kept, want about %d at most", r.trails.bytes, maxTrailed)
	}
}

// TestKeepOfFewIsBounded: of entities that are known already no more is kept than of all together may be.
func TestKeepOfFewIsBounded(t *testing.T) {
	var r Recent
	const entities = 300
	for n := range 6 * entities {
		b := event.NewBuilder(event.Log)
		b.Time(event.Timestamp, int64(1+n))
		b.Text(event.Message, strings.Repeat("x", maxSample-100))
		b.Next()
		r.Begin(b.Batch(), []int32{0})
		r.Note(0, uint32(n%entities))
		r.Keep(0, nil, func(uint32) bool { return true })
		r.Release()
	}
	if r.trails.bytes > maxTrailed+maxSample {
		t.Errorf("%d bytes are kept, want about %d at most", r.trails.bytes, maxTrailed)
	}
	if got := r.Samples(entities-1, 0, 6*entities, nil); len(got) == 0 || !bytes.Contains(got[len(got)-1], []byte("00:00:00.0000018Z")) {
		t.Errorf("the newest row is not among the %d that are kept of its entity", len(got))
	}
}
