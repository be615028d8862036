package session_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"tocsin/internal/flow"
	"tocsin/internal/flow/session"
)

// traffic makes records of conversations between many ends: few clients talk much, many little. Each tells both directions
// in several pieces; as many conversations as said go on at a time.
func traffic(n, atATime int) []flow.Record {
	rng := rand.New(rand.NewPCG(3, 4))
	clients := rand.NewZipf(rng, 1.1, 8, 200_000)
	open, left := make([]flow.Record, atATime), make([]int, atATime)
	records := make([]flow.Record, n)
	for i := range records {
		at := rng.IntN(atATime)
		r := &open[at]
		if left[at] == 0 {
			*r = record("10.0.0.1:40000", "198.51.100.7:443", 6, ack, 0, second)
			client := clients.Uint64()
			r.Source[13], r.Source[14], r.Source[15] = byte(client>>16), byte(client>>8), byte(client)
			r.SourcePort, r.Destination[15] = uint16(32768+rng.IntN(28_000)), byte(rng.IntN(200)) //nolint:gosec // small
			left[at] = 2 * (1 + rng.IntN(3))
		}
		left[at]--
		records[i] = *r
		r.Source, r.Destination, r.SourcePort, r.DestinationPort = r.Destination, r.Source, r.DestinationPort, r.SourcePort
	}
	return records
}

// BenchmarkTrack is the price of one record while so many conversations go on; the table is full.
func BenchmarkTrack(b *testing.B) {
	for _, atATime := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint(atATime), func(b *testing.B) { benchmarkTrack(b, traffic(6<<20, atATime)) })
	}
}

// BenchmarkFlood is the price of one record while each begins a session of its own, as in a scan or a flood of made-up sources.
func BenchmarkFlood(b *testing.B) {
	tracker := session.New(session.Options{})
	rng := rand.New(rand.NewPCG(5, 6))
	marks := make([]session.Mark, 0, 32)
	records := make([]flow.Record, 30)
	for i := range records {
		records[i] = record("10.0.0.1:40000", "198.51.100.7:443", 6, syn, 0, 0)
	}
	received := base
	step := func() {
		for i := range records {
			binary.BigEndian.PutUint64(records[i].Source[8:], rng.Uint64())
		}
		marks = tracker.Track(here, records, received, 0, marks[:0])
		received += 100_000
	}
	for range 1_200_000 / len(records) {
		step()
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i += len(records) {
		step()
	}
	b.ReportMetric(float64(tracker.Statistics().Sessions), "sessions")
}

func benchmarkTrack(b *testing.B, records []flow.Record) {
	tracker := session.New(session.Options{})
	marks := make([]session.Mark, 0, 32)
	received, at := base, 0
	step := func() {
		if at+30 > len(records) {
			at = 0
		}
		marks = tracker.Track(here, records[at:at+30], received, 0, marks[:0])
		at += 30
		received += 100_000 // 300,000 a second
	}
	for range len(records) / 30 {
		step()
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i += 30 {
		step()
	}
	b.ReportMetric(float64(tracker.Statistics().Sessions), "sessions")
}

func TestTrackAllocatesNothing(t *testing.T) {
	records := traffic(60_000, 20_000)
	tracker := session.New(session.Options{Max: 10_000})
	marks := tracker.Track(here, records, base, 0, nil)
	received := base
	if n := testing.AllocsPerRun(5, func() {
		received += 10 * second
		marks = tracker.Track(here, records, received, 0, marks[:0])
	}); n != 0 {
		t.Errorf("60,000 records allocate %v times", n)
	}
	if s := tracker.Statistics(); s.Sessions != 10_000 || s.Evicted == 0 {
		t.Errorf("got %+v, want as many sessions as there may be, and others evicted", s)
	}
}
