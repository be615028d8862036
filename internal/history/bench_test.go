package history

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"syscall"
	"testing"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/filter"
	"tocsin/internal/parser/combined"
)

// accessLines are 10,000 lines of a real access log; testdata/real at the top of the repository says whose.
func accessLines(b testing.TB) [][]byte {
	b.Helper()
	text, err := os.ReadFile("../../testdata/real/apache_logs")
	if err != nil {
		b.Skipf("no sample log: %v", err)
	}
	return bytes.Split(bytes.TrimSpace(text), []byte("\n"))
}

// accessBatches parses n lines, the sample again and again, one each 10 ms.
func accessBatches(b testing.TB, n int, each func(batch *event.Batch)) {
	b.Helper()
	lines := accessLines(b)
	p, err := combined.Default().New()
	if err != nil {
		b.Fatal(err)
	}
	builder, seq := event.NewBuilder(event.Log), uint64(0)
	at := day
	send := func() {
		if builder.Rows() > 0 {
			seq++
			batch := builder.Batch()
			for _, c := range batch.Columns() {
				if c.Field.ID == event.Timestamp {
					for i := range c.Nums {
						at += int64(10 * time.Millisecond)
						c.Nums[i] = at
					}
				}
			}
			batch.Sequence = seq
			each(batch)
		}
	}
	for i := range n {
		if i > 0 && i%len(lines) == 0 {
			send()
		}
		if err := p.Parse(builder, lines[i%len(lines)], day); err != nil {
			continue
		}
		if builder.Rows() == 5000 {
			send()
		}
	}
	send()
}

func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkWriteAccess is the cost of a flush alone: batches are parsed before.
func BenchmarkWriteAccess(b *testing.B) {
	var batches []*event.Batch
	accessBatches(b, 500_000, func(batch *event.Batch) { batches = append(batches, batch) })
	for b.Loop() {
		s := open(b, Options{Dir: b.TempDir()})
		before := cpu()
		apply(b, s, batches...)
		flush(b, s)
		used := cpu() - before
		st := s.Stats()
		b.ReportMetric(used.Seconds()/float64(st.Rows)*1e6, "cpu-s/M")
		b.ReportMetric(float64(st.Bytes)/float64(st.Rows), "B/row")
		before = cpu()
		if err := s.Merge(context.Background()); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric((cpu()-before).Seconds()/float64(st.Rows)*1e6, "merge-cpu-s/M")
		_ = s.Close()
	}
}

// BenchmarkSizeAccess is the size of the real lines, once, in one segment.
func BenchmarkSizeAccess(b *testing.B) {
	for b.Loop() {
		s := open(b, Options{Dir: b.TempDir()})
		accessBatches(b, 10_000, func(batch *event.Batch) { apply(b, s, batch) })
		flush(b, s)
		st := s.Stats()
		b.ReportMetric(float64(st.Bytes)/float64(st.Rows), "B/row")
		columnSizes(b, s)
		_ = s.Close()
	}
}

func columnSizes(b *testing.B, s *Store) {
	if os.Getenv("TOCSIN_COLUMNS") == "" {
		return
	}
	seg := s.layout.segments[0]
	ft, _, err := seg.open()
	if err != nil {
		b.Fatal(err)
	}
	defer seg.release()
	g := ft.groups[0]
	for i := range g.raw.Columns {
		md := &g.raw.Columns[i].MetaData
		fmt.Printf("%-30s %8d -> %8d  %.2f B/row dict=%v\n", md.PathInSchema[len(md.PathInSchema)-1], md.TotalUncompressedSize, md.TotalCompressedSize, float64(md.TotalCompressedSize)/float64(g.rows), md.DictionaryPageOffset > 0)
	}
	for id, ref := range g.Words {
		fmt.Println("words", id, ref.Size, ref.Each)
	}
	for id, ref := range g.Blooms {
		fmt.Println("bloom", id, ref.Size)
	}
	fmt.Println("tail", seg.Bytes-seg.Tail)
}

// accessStore holds n access events in merged segments.
func accessStore(b *testing.B, n int) *Store {
	s := open(b, Options{Dir: b.TempDir()})
	accessBatches(b, n, func(batch *event.Batch) { apply(b, s, batch) })
	flush(b, s)
	if err := s.Merge(context.Background()); err != nil {
		b.Fatal(err)
	}
	return s
}

// flowStore holds n flows over six hours, with addresses spread as in real traffic (Zipf).
func flowStore(b *testing.B, n int) *Store {
	s := open(b, Options{Dir: b.TempDir()})
	rng := rand.New(rand.NewPCG(7, 7))
	src, dst := rand.NewZipf(rng, 1.1, 10, 200_000), rand.NewZipf(rng, 1.1, 10, 500_000)
	builder, seq := event.NewBuilder(event.Flow), uint64(0)
	ports := []int64{443, 80, 53, 22, 123, 8080}
	ip := func(net byte, v uint64) (a [16]byte) {
		a[10], a[11], a[12] = 0xff, 0xff, net
		binary.BigEndian.PutUint32(a[12:], uint32(net)<<24|uint32(v))
		return a
	}
	for i := range n {
		builder.Time(event.Timestamp, day+int64(i)*(int64(6*time.Hour)/int64(n)))
		builder.IP(event.SourceIP, ip(10, src.Uint64()))
		builder.IP(event.DestinationIP, ip(20, dst.Uint64()))
		builder.Int(event.SourcePort, 1024+rng.Int64N(64000))
		builder.Int(event.DestinationPort, ports[rng.IntN(6)])
		builder.Uint(event.NetworkBytes, uint64(40+rng.IntN(1500)*rng.IntN(30)))
		builder.Uint(event.NetworkPackets, uint64(1+rng.IntN(30)))
		builder.Int(event.NetworkIANA, []int64{6, 17, 1}[rng.IntN(3)])
		builder.Next()
		if builder.Rows() == 5000 || i == n-1 {
			seq++
			batch := builder.Batch()
			batch.Sequence = seq
			apply(b, s, batch)
		}
	}
	flush(b, s)
	if err := s.Merge(context.Background()); err != nil {
		b.Fatal(err)
	}
	return s
}

// topBytes sums bytes by source address as a ranking does, one state a worker.
func topBytes(b testing.TB, s *Store, q Query) int {
	q.Fields = []event.FieldID{event.SourceIP, event.NetworkBytes}
	type state struct {
		ipTable
		sums []uint64
	}
	var states []*state
	err := s.ScanParallel(context.Background(), q, func() Func {
		st := &state{ipTable: ipTable{list: make([][16]byte, 1)}, sums: make([]uint64, 1)}
		states = append(states, st)
		var sums []uint64
		return func(batch *event.Batch, rows []int32) error {
			ips, bytes := batch.Column(event.SourceIP), batch.Column(event.NetworkBytes)
			sums = append(sums[:0], make([]uint64, len(ips.IPs))...)
			for _, row := range rows {
				if v, ok := bytes.Value(int(row)); ok {
					sums[ips.Codes[row]] += bytes.Uint(v)
				}
			}
			for code, sum := range sums {
				if sum > 0 {
					at := st.code(&ips.IPs[code])
					if int(at) == len(st.sums) {
						st.sums = append(st.sums, 0)
					}
					st.sums[at] += sum
				}
			}
			return nil
		}
	})
	if err != nil {
		b.Fatal(err)
	}
	n := 0
	for _, st := range states {
		n += len(st.sums) - 1
	}
	return n
}

func parse(b testing.TB, text string) *filter.Expr {
	b.Helper()
	e, err := filter.Parse(text)
	if err != nil {
		b.Fatalf("Parse(%q): %v", text, err)
	}
	return e
}

func measure(b *testing.B, do func()) {
	b.Helper()
	do() // warm
	before := cpu()
	n := 0
	for b.Loop() {
		do()
		n++
	}
	b.ReportMetric((cpu()-before).Seconds()/float64(n)*1e3, "cpu-ms")
}

func BenchmarkFlows(b *testing.B) {
	s := flowStore(b, 5_000_000)
	st := s.Stats()
	b.Logf("%d flows, %d segments, %.1f B/flow", st.Rows, st.Segments, float64(st.Bytes)/float64(st.Rows))
	b.Run("read-two-columns", func(b *testing.B) { // what a ranking costs without the ranking
		measure(b, func() {
			if err := s.Scan(context.Background(), Query{Fields: []event.FieldID{event.SourceIP, event.NetworkBytes}}, func(*event.Batch, []int32) error { return nil }); err != nil {
				b.Fatal(err)
			}
		})
	})
	b.Run("top", func(b *testing.B) { measure(b, func() { topBytes(b, s, Query{}) }) })
	where := parse(b, "destination.port == 22")
	b.Run("top-filtered", func(b *testing.B) { measure(b, func() { topBytes(b, s, Query{Where: where}) }) })
	b.Run("count-port", func(b *testing.B) {
		measure(b, func() {
			n := 0
			if err := s.Scan(context.Background(), Query{Where: where}, func(_ *event.Batch, rows []int32) error { n += len(rows); return nil }); err != nil {
				b.Fatal(err)
			}
		})
	})
	b.Run("ordered", func(b *testing.B) {
		tenth := parse(b, "destination.port == 22 && source.port > 26000") // 10 %
		n := 0
		measure(b, func() {
			n = 0
			if err := s.Ordered(context.Background(), Query{Where: tenth, Fields: []event.FieldID{event.SourceIP, event.DestinationIP}}, func(_ *event.Batch, rows []int32) error { n += len(rows); return nil }); err != nil {
				b.Fatal(err)
			}
		})
		b.ReportMetric(float64(n)/float64(st.Rows)*100, "%selected")
	})
	needle := parse(b, `source.ip == "10.2.200.17"`)
	b.Run("needle", func(b *testing.B) {
		n := 0
		measure(b, func() {
			n = 0
			if err := s.Newest(context.Background(), Query{Where: needle}, 100, false, func(_ *event.Batch, rows []int32) error { n += len(rows); return nil }); err != nil {
				b.Fatal(err)
			}
		})
		b.ReportMetric(float64(n), "found")
	})
}

func BenchmarkAccess(b *testing.B) {
	s := accessStore(b, 2_000_000)
	builder := event.NewBuilder(event.Log)
	builder.Time(event.Timestamp, day)
	builder.Text(event.Message, "kernel: unfathomable xylophone 4711")
	builder.Text(event.EventOriginal, "Mar  4 kernel: unfathomable xylophone 4711")
	builder.Next()
	batch := builder.Batch()
	batch.Sequence = 1 << 40
	apply(b, s, batch)
	flush(b, s)
	st := s.Stats()
	b.Logf("%d lines, %d segments, %.1f B/line", st.Rows, st.Segments, float64(st.Bytes)/float64(st.Rows))
	for name, text := range map[string]string{
		"word-once": `message contains "xylophone"`, "word-in-line": `event.original contains "xylophone"`, "word-nowhere": `event.original contains "zeppelins"`,
		"word-common": `event.original contains "Firefox"`, "status": "http.response.status_code >= 500", "path": `url.path contains "/presentations"`,
	} {
		where := parse(b, text)
		b.Run(name, func(b *testing.B) {
			n := 0
			measure(b, func() {
				n = 0
				if err := s.Scan(context.Background(), Query{Where: where}, func(_ *event.Batch, rows []int32) error { n += len(rows); return nil }); err != nil {
					b.Fatal(err)
				}
			})
			b.ReportMetric(float64(n), "found")
		})
	}
	b.Run("newest-100", func(b *testing.B) {
		where := parse(b, `http.response.status_code == 404`)
		measure(b, func() {
			if err := s.Newest(context.Background(), Query{Where: where}, 100, false, func(*event.Batch, []int32) error { return nil }); err != nil {
				b.Fatal(err)
			}
		})
	})
}

// BenchmarkIngestAccess applies lines as they are parsed, with flushes and merges beside, and tells cost and memory.
func BenchmarkIngestAccess(b *testing.B) {
	for b.Loop() {
		s := open(b, Options{Dir: b.TempDir()})
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { defer close(ended); _ = s.Run(ctx) }()
		before := cpu()
		var parsed time.Duration
		const lines = 2_000_000
		accessBatches(b, lines, func(batch *event.Batch) { apply(b, s, batch) })
		flush(b, s)
		parsed = cpu() - before
		if err := s.Merge(ctx); err != nil {
			b.Fatal(err)
		}
		all := cpu() - before
		cancel()
		<-ended
		st := s.Stats()
		b.ReportMetric(parsed.Seconds()/lines*1e6, "parse+write-cpu-s/M")
		b.ReportMetric((all-parsed).Seconds()/lines*1e6, "merge-cpu-s/M")
		b.ReportMetric(float64(st.Segments), "segments")
		b.ReportMetric(peakMemory(), "peak-MB")
		_ = s.Close()
	}
}

// peakMemory is the largest resident size of the process so far, in MB.
func peakMemory() float64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return float64(u.Maxrss) / 1024
}
