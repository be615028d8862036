package enrich_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"tocsin/internal/enrich"
	"tocsin/internal/enrich/enrichtest"
	"tocsin/internal/event"
)

// processor returns the processor time that the process has used, which says more than the clock on a busy machine.
func processor(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkBatch adds country, city, AS and groups to both ends of flows. 200,000 sources are met as Zipf says (exponent 1.1), each of
// a network of its own, with 20,000 servers. It tells the processor
// time of one flow, the collector of garbage included.
func BenchmarkBatch(b *testing.B) {
	cities, systems := enrichtest.Database{Bits: 32, Of: map[string]map[string]any{}}, enrichtest.Database{Bits: 32, Of: map[string]map[string]any{}}
	for i := range 40_000 { // as many networks as a 16-bit slice of the space has, with 5,000 cities and 20,000 systems
		network := fmt.Sprintf("%d.%d.0.0/16", 10+i/256, i%256)
		cities.Of[network] = enrichtest.City(string([]byte{byte('A' + i%26), byte('A' + i/26%26)}), fmt.Sprint("city ", i%5000))
		systems.Of[network] = enrichtest.AS(uint32(i%20_000+1), fmt.Sprint("organization ", i%20_000))
	}
	e := newEnricher(b, groups(b, map[string][]string{"office": {"10.0.0.0/8"}, "servers": {"172.16.0.0/12", "20.0.0.0/8:443/tcp"}, "far": {"100.0.0.0/6"}}), cities, systems)
	random := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(random, 1.1, 1, 199_999)
	var batches []*event.Batch
	for range 64 {
		builder := event.NewBuilder(event.Flow)
		for range 4096 {
			n := uint32(zipf.Uint64()) * 2654435761 // spread over the space
			builder.Addr(event.SourceIP, netip.AddrFrom4([4]byte{10 + byte(n>>24)%150, byte(n >> 16), byte(n >> 8), byte(n)}))
			m := uint32(random.IntN(20_000)) * 2654435761
			builder.Addr(event.DestinationIP, netip.AddrFrom4([4]byte{10 + byte(m>>24)%150, byte(m >> 16), byte(m >> 8), byte(m)}))
			builder.Int(event.SourcePort, int64(1024+random.IntN(60_000)))
			builder.Int(event.DestinationPort, 443)
			builder.Int(event.NetworkIANA, 6)
			builder.Next()
		}
		batches = append(batches, builder.Batch())
	}
	for _, batch := range batches {
		e.Batch(batch)
	}
	measure(b, e, batches)
}

// BenchmarkFlood is BenchmarkBatch for addresses that are all met once, as in a flood from made-up sources.
func BenchmarkFlood(b *testing.B) {
	cities := enrichtest.Database{Bits: 32, Of: map[string]map[string]any{}}
	for i := range 40_000 {
		cities.Of[fmt.Sprintf("%d.%d.0.0/16", 10+i/256, i%256)] = enrichtest.City(string([]byte{byte('A' + i%26), byte('A' + i/26%26)}), fmt.Sprint("city ", i%5000))
	}
	e := newEnricher(b, groups(b, map[string][]string{"office": {"10.0.0.0/8"}}), cities)
	random := rand.New(rand.NewPCG(1, 2))
	var batches []*event.Batch
	for range 64 {
		builder := event.NewBuilder(event.Flow)
		for range 4096 {
			n := random.Uint32()
			builder.Addr(event.SourceIP, netip.AddrFrom4([4]byte{10 + byte(n>>24)%150, byte(n >> 16), byte(n >> 8), byte(n)}))
			builder.Addr(event.DestinationIP, netip.AddrFrom4([4]byte{10, 0, 0, 1}))
			builder.Next()
		}
		batches = append(batches, builder.Batch())
	}
	measure(b, e, batches)
}

// BenchmarkFew adds country and system to both ends of flows as the bench of the whole program sends them: 200,000 sources after Zipf's
// law in 800 networks, and 4,096 servers in 256.
func BenchmarkFew(b *testing.B) {
	countries, systems := enrichtest.Database{Bits: 32, Of: map[string]map[string]any{}}, enrichtest.Database{Bits: 32, Of: map[string]map[string]any{}}
	know := func(network string, i int) {
		countries.Of[network] = enrichtest.City(string([]byte{'A' + byte(i%10), 'A' + byte(i/10%10)}), "")
		systems.Of[network] = enrichtest.AS(uint32(i%500+1), fmt.Sprint("organization ", i%500))
	}
	for i := range 800 {
		know(fmt.Sprintf("10.%d.%d.0/24", i/256, i%256), i)
	}
	for i := range 256 {
		know(fmt.Sprintf("198.51.%d.%d/28", 100+i/16, i%16*16), i)
	}
	e := newEnricher(b, nil, countries, systems)
	random := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(random, 1.1, 8, 199_999)
	var batches []*event.Batch
	for range 64 {
		builder := event.NewBuilder(event.Flow)
		for range 8192 {
			n, m := zipf.Uint64(), random.IntN(4096)
			builder.Addr(event.SourceIP, netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}))
			builder.Addr(event.DestinationIP, netip.AddrFrom4([4]byte{198, 51, byte(100 + m>>8), byte(m)}))
			builder.Next()
		}
		batches = append(batches, builder.Batch())
	}
	for _, batch := range batches {
		e.Batch(batch)
	}
	measure(b, e, batches)
}

// measure enriches batches again and again, and reports the processor time of a flow.
func measure(b *testing.B, e *enrich.Enricher, batches []*event.Batch) {
	b.ReportAllocs()
	flows, began := 0, processor(b)
	for i := 0; b.Loop(); i++ {
		flows += e.Batch(batches[i%len(batches)]).Rows
	}
	b.ReportMetric(float64((processor(b)-began).Nanoseconds())/float64(flows), "cpu-ns/flow")
}
