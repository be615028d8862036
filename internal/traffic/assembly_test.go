package traffic

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"tocsin/internal/event"
)

// TestSessionsInAnyOrder: of a session of which records tell different things, as those of two exporters on its way do, the same is
// told in whatever order they are read.
func TestSessionsInAnyOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 13))
	b := event.NewBuilder(event.Flow)
	const records = 60
	for i := range records {
		at := int64(1_700_000_000)*1e9 + r.Int64N(60e9)
		b.Time(event.Timestamp, at)
		b.Time(event.EventStart, at-r.Int64N(10e9))
		b.Time(event.EventEnd, at)
		b.Uint(event.FlowID, uint64(i%3))
		b.Text(event.FlowRole, []string{"client", "server"}[r.IntN(2)])
		for _, end := range [][6]event.FieldID{
			{event.SourceIP, event.SourcePort, event.SourceCountry, event.SourceGroup, event.SourceMAC, event.SourceASN},
			{event.DestinationIP, event.DestinationPort, event.DestinationCountry, event.DestinationGroup, event.DestinationMAC, event.DestinationASN},
		} {
			b.IP(end[0], [16]byte{10: 0xff, 11: 0xff, 12: 10, 15: byte(r.IntN(3))})
			b.Int(end[1], int64(r.IntN(3)))
			for _, id := range end[2:5] {
				if r.IntN(3) > 0 {
					b.Text(id, fmt.Sprint(r.IntN(3)))
				}
			}
			b.Uint(end[5], r.Uint64N(3))
		}
		b.Int(event.NetworkIANA, []int64{0, 6, 17}[r.IntN(3)])
		b.Text(event.NetworkApp, []string{"web", "dns"}[r.IntN(2)])
		b.IP(event.ObserverIP, [16]byte{10: 0xff, 11: 0xff, 12: 192, 15: byte(r.IntN(2))})
		b.Uint(event.SourceBytes, r.Uint64N(1000))
		b.Next()
	}
	batch := b.Batch()
	want := map[uint64]string{}
	for try := range 20 {
		a := newAssembly(nil)
		for _, row := range r.Perm(records) {
			if err := a.fold(batch, batch, []int32{int32(row)}); err != nil {
				t.Fatal(err)
			}
		}
		for i := range a.list {
			s := a.list[i].tell()
			if got := fmt.Sprintf("%+v", s); try == 0 {
				want[s.ID] = got
			} else if got != want[s.ID] {
				t.Fatalf("in another order session %d is\n%s\nwant\n%s", s.ID, got, want[s.ID])
			}
		}
	}
}
