package journal

import (
	"context"
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"tocsin/internal/event"
)

// accessLines returns batches of log events as the combined-log parser makes them, each with a line of about 240 bytes.
func accessLines(count, rows int) []*event.Batch {
	rnd := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(rnd, 1.2, 1, 20000)
	agents := []string{
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/119.0.0.0 Safari/537.36",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:120.0) Gecko/20100101 Firefox/120.0 and some more of it here",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 Version/17.1 Mobile Safari/604.1",
	}
	status := []int64{200, 200, 200, 304, 404, 500, 302}
	var list []*event.Batch
	at := int64(1700000000e9)
	for range count {
		b := event.NewBuilder(event.Log)
		for range rows {
			host, page := zipf.Uint64(), zipf.Uint64()
			code, size, agent := status[rnd.IntN(len(status))], rnd.Int64N(60000), agents[rnd.IntN(len(agents))]
			at += rnd.Int64N(3e6)
			path := fmt.Sprintf("/shop/category-%d/item-%d.html?session=%08x", page%40, page, rnd.Uint32())
			line := fmt.Sprintf(`10.%d.%d.%d - - [%s] "GET %s HTTP/1.1" %d %d "https://example.org/" "%s"`, host>>16&255, host>>8&255, host&255,
				time.Unix(0, at).UTC().Format("02/Jan/2006:15:04:05 -0700"), path, code, size, agent)
			b.Time(event.Timestamp, at/1e9*1e9)
			b.Text(event.Message, line)
			b.Text(event.HostName, "web1")
			b.IP(event.SourceIP, [16]byte{10: 0xff, 11: 0xff, 12: 10, 13: byte(host >> 16), 14: byte(host >> 8), 15: byte(host)})
			b.Text(event.EventDataset, "combined")
			b.Next()
		}
		list = append(list, b.Batch())
	}
	return list
}

// cpu returns the processor time that this process has used.
func cpu() time.Duration {
	var ru syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &ru)
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano())
}

// BenchmarkAppend measures synced appends of log lines through the whole path, with one caller that has up to two batches
// on their way.
func BenchmarkAppend(b *testing.B) {
	for _, rows := range []int{100, 1000, 5000} {
		b.Run(fmt.Sprint(rows), func(b *testing.B) {
			o := testOptions(b, b.TempDir())
			o.Cursors, o.every, o.MaxBytes = nil, 0, map[Class]int64{Events: 64 << 30}
			j := opened(b, o)
			batches := accessLines(max(2, 40000/rows), rows)
			lineBytes := 0
			for _, s := range batches {
				lineBytes += len(s.Column(event.Message).Strs.Bytes)
			}
			used := cpu()
			b.ReportAllocs()
			b.ResetTimer()
			var before *Receipt
			for i := range b.N {
				r, err := j.Submit(context.Background(), batches[i%len(batches)])
				if err == nil && before != nil {
					_, err = before.Wait(context.Background())
				}
				if err != nil {
					b.Fatal(err)
				}
				before = r
			}
			if _, err := before.Wait(context.Background()); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			used = cpu() - used
			events := float64(b.N * rows)
			b.ReportMetric(events/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(used.Seconds()/events*1e6, "cpu-s/M")
			b.ReportMetric(float64(j.Health().Classes[Events].Bytes)/events, "B/event")
			b.ReportMetric(float64(lineBytes)/float64(len(batches)*rows), "line-B/event")
			b.ReportMetric(events/b.Elapsed().Seconds()*float64(lineBytes)/float64(len(batches)*rows)/1e6, "line-MB/s")
		})
	}
}

// BenchmarkRead measures a reader that is not in memory: from the stream to decoded batches.
func BenchmarkRead(b *testing.B) {
	for _, rows := range []int{1000, 5000} {
		b.Run(fmt.Sprint(rows), func(b *testing.B) {
			j := opened(b, testOptions(b, b.TempDir()))
			batches := accessLines(8, rows)
			const count = 200
			for i := range count {
				appendOne(b, j, batches[i%8])
			}
			used, events := cpu(), 0
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				r := reader(b, j, event.Position{}, 0)
				for range count {
					batch, err := r.Next(context.Background())
					if err != nil {
						b.Fatal(err)
					}
					events += batch.Rows
				}
				r.Close()
			}
			b.StopTimer()
			b.ReportMetric(float64(events)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric((cpu()-used).Seconds()/float64(events)*1e6, "cpu-s/M")
		})
	}
}

// flowRows returns batches of flows as a listener makes them of NetFlow 5.
func flowRows(count, rows int) []*event.Batch {
	rnd := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(rnd, 1.1, 8, 200_000)
	b, at := event.NewBuilder(event.Flow), int64(1700000000e9)
	var list []*event.Batch
	for range count {
		for range rows {
			host, packets := zipf.Uint64(), 1+rnd.Int64N(40)
			at += 3000
			b.Time(event.Timestamp, at)
			b.Time(event.Ingested, at/1e6*1e6)
			b.Text(event.TocsinSource, "flows")
			b.IP(event.ObserverIP, [16]byte{10: 0xff, 11: 0xff, 12: 127, 15: 1})
			b.Time(event.EventStart, at-rnd.Int64N(20e9)/1e6*1e6)
			b.Time(event.EventEnd, at)
			b.Uint(event.FlowID, rnd.Uint64())
			b.Int(event.NetworkIANA, 6)
			b.IP(event.SourceIP, [16]byte{10: 0xff, 11: 0xff, 12: 10, 13: byte(host >> 16), 14: byte(host >> 8), 15: byte(host)})
			b.IP(event.DestinationIP, [16]byte{10: 0xff, 11: 0xff, 12: 198, 13: 51, 14: 100, 15: byte(rnd.Uint32())})
			b.Int(event.SourcePort, 32768+rnd.Int64N(28_000))
			b.Int(event.DestinationPort, 443)
			b.Int(event.SourceBytes, packets*(40+rnd.Int64N(1400)))
			b.Int(event.SourcePackets, packets)
			b.Next()
		}
		list = append(list, b.Batch())
	}
	return list
}

// BenchmarkHandOn is the price of one flow that is appended and read by two readers, who keep up or find nothing in memory.
func BenchmarkHandOn(b *testing.B) {
	for name, cacheBytes := range map[string]int64{"memory": 0, "stream": -1} {
		b.Run(name, func(b *testing.B) {
			o := testOptions(b, b.TempDir())
			o.Cursors, o.every, o.MaxBytes, o.CacheBytes = nil, 0, map[Class]int64{Flows: 64 << 30}, cacheBytes
			j := opened(b, o)
			batches := flowRows(16, 8192)
			var readers [2]*Reader
			for i := range readers {
				readers[i] = reader(b, j, event.Position{}, 1)
				defer readers[i].Close()
			}
			used := cpu()
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				one := *batches[i%len(batches)] // the journal writes its place into it
				if _, err := j.Append(context.Background(), &one); err != nil {
					b.Fatal(err)
				}
				for _, r := range readers {
					if _, err := r.Next(context.Background()); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.StopTimer()
			b.ReportMetric((cpu()-used).Seconds()/float64(b.N*8192)*1e6, "cpu-s/M")
		})
	}
}
