package flows

import (
	"encoding/binary"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"tocsin/internal/event"
)

// BenchmarkTake is the price of one flow of NetFlow 5, from the datagram to the batch that is to be made durable, while a million
// sessions are known and two of three flows begin another one.
func BenchmarkTake(b *testing.B) {
	const records = 30
	queue := make(chan *event.Batch, waiting)
	s := &Source{options: Options{Name: "flows", Memory: NewMemory(), Rows: 8192, Delay: time.Hour, Log: slog.New(slog.DiscardHandler)}, stats: newStatistics("flows", nil)}
	r := newReader(s, queue)
	rng := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(rng, 1.1, 8, 200_000)
	datagrams := make([][]byte, 1<<16)
	for i := range datagrams {
		d := make([]byte, 24+48*records)
		binary.BigEndian.PutUint16(d, 5)
		binary.BigEndian.PutUint16(d[2:], records)
		binary.BigEndian.PutUint32(d[4:], 3_600_000)
		for n := range records {
			f := d[24+48*n:]
			binary.BigEndian.PutUint32(f, 10<<24+uint32(zipf.Uint64()))     //nolint:gosec // small
			binary.BigEndian.PutUint32(f[4:], 0xc6336400+rng.Uint32()%4096) // 198.51.100.0
			binary.BigEndian.PutUint32(f[16:], 1+rng.Uint32()%40)
			binary.BigEndian.PutUint32(f[20:], 40+rng.Uint32()%60_000)
			binary.BigEndian.PutUint32(f[24:], 3_595_000-rng.Uint32()%20_000)
			binary.BigEndian.PutUint32(f[28:], 3_595_000)
			binary.BigEndian.PutUint16(f[32:], uint16(32768+rng.Uint32()%28_000)) //nolint:gosec // it fits
			binary.BigEndian.PutUint16(f[34:], 443)
			f[37], f[38] = 0x1b, 6
			if n%3 == 2 { // the answer to the one before
				q := d[24+48*(n-1):]
				copy(f, q[4:8])
				copy(f[4:], q[:4])
				copy(f[32:], q[34:36])
				copy(f[34:], q[32:34])
			}
		}
		datagrams[i] = d
	}
	from, now, sent := netip.MustParseAddr("127.0.0.1"), time.Unix(1_700_000_000, 0).UnixNano(), uint32(0)
	take := func(i int) {
		d := datagrams[i%len(datagrams)]
		now += records * int64(time.Second) / 300_000
		binary.BigEndian.PutUint32(d[8:], uint32(now/1e9))  //nolint:gosec // until 2106
		binary.BigEndian.PutUint32(d[12:], uint32(now%1e9)) //nolint:gosec // below 1e9
		binary.BigEndian.PutUint32(d[16:], sent)
		sent += records
		if report := r.take(from, d, now); report.Records != records {
			b.Fatalf("%d records of %d: %v", report.Records, records, &report)
		}
		for len(queue) > 0 {
			<-queue
		}
	}
	for i := range datagrams {
		take(i)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := 0; i < b.N; i += records {
		take(i / records)
	}
}
