package threshold

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tocsin/internal/detector"
	"tocsin/internal/event"
)

// Peaks are the most that any window holds, as going through all windows shows, whatever the limit.
func TestPeaks(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	type seen struct {
		t      int64
		member int
		bytes  int64
	}
	for round := range 40 {
		metric := []string{"distinct(flow.target)", "sum(flow.sent.bytes)", "count"}[round%3]
		over := time.Duration(1+random.IntN(20)) * time.Minute
		hosts := map[string][]seen{}
		b := event.NewBuilder(event.Flow)
		start := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC).UnixNano()
		var last int64
		var times []int64
		for i := range 900 {
			last = start + int64(i)*int64(2*time.Second) + random.Int64N(int64(time.Second))
			times = append(times, last)
			host, member, n := fmt.Sprintf("10.0.0.%d", random.IntN(3)), random.IntN(1+random.IntN(400)), random.Int64N(10_000)
			hosts[host] = append(hosts[host], seen{last, member, n})
			b.Time(event.Timestamp, last)
			b.Addr(event.SourceIP, netip.MustParseAddr(host))
			b.Addr(event.DestinationIP, netip.AddrFrom4([4]byte{192, 168, byte(member / 200), byte(member % 200)}))
			b.Uint(event.SourceBytes, uint64(n))
			b.Text(event.FlowRole, "client")
			b.Next()
		}
		c := &Config{Metric: metric, By: []string{"flow.client"}, Over: over, Memory: 64, Above: new(float64)}
		*c.Above = 99
		p, err := c.Peaks()
		if err != nil {
			t.Fatal(err)
		}
		d, err := p.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		batch := b.Batch()
		var rows []int32
		for row := range batch.Rows {
			rows = append(rows, int32(row))
		}
		for len(rows) > 0 {
			n := min(len(rows), 1+random.IntN(300))
			d.Fold(batch, rows[:n])
			rows = rows[n:]
			if len(rows) > 0 && random.IntN(2) == 0 {
				if found := d.Judge(event.Watermark(times[rows[0]] - 1)); len(found) > 0 {
					t.Fatalf("it finds %+v", found)
				}
			}
		}
		if found := d.Judge(event.Watermark(last + 3*int64(over) + 1)); len(found) > 0 || len(d.Early()) > 0 {
			t.Fatalf("it finds %+v", found)
		}
		list := p.List()
		if len(list) != len(hosts) {
			t.Fatalf("%s: %d peaks, want one of each of %d hosts", metric, len(list), len(hosts))
		}
		for i, peak := range list {
			most := 0.0
			all := hosts[peak.Entity[0].Value]
			for to := range all {
				members, sum, rows := map[int]bool{}, int64(0), 0
				for from := to; from >= 0 && all[from].t >= all[to].t-int64(over); from-- {
					members[all[from].member] = true
					sum += all[from].bytes
					rows++
				}
				most = max(most, map[string]float64{"count": float64(rows), "sum(flow.sent.bytes)": float64(sum), "distinct(flow.target)": float64(len(members))}[metric])
			}
			if peak.Value != most || peak.Estimate || i > 0 && peak.Value > list[i-1].Value {
				t.Errorf("%s over %v of %s: peak %v (estimate %v), want %v", metric, over, peak.Entity, peak.Value, peak.Estimate, most)
			}
		}
	}
	if _, err := (&Config{Metric: "count", Below: new(float64)}).Peaks(); err == nil {
		t.Error("peaks of a lower limit are not refused")
	}
}

// Exact settings fire when others do, and tell the most where those tell what decides.
func TestExact(t *testing.T) {
	above := 10.0
	c := &Config{Metric: "distinct(destination.ip)", By: []string{"source.ip"}, Over: time.Hour, Memory: 64, Above: &above}
	b := event.NewBuilder(event.Flow)
	for i := range 200 {
		b.Time(event.Timestamp, int64(1+i)*int64(time.Second))
		b.Addr(event.SourceIP, netip.MustParseAddr("192.0.2.1"))
		b.Addr(event.DestinationIP, netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}))
		b.Next()
	}
	batch := b.Batch()
	rows := make([]int32, batch.Rows)
	for i := range rows {
		rows[i] = int32(i)
	}
	for exact, want := range map[bool]string{false: "11 64 false", true: "11 200 false"} {
		config := detector.Config(c)
		if exact {
			config = c.Exact()
		}
		d, err := config.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		d.Fold(batch, rows)
		found := d.Judge(event.Watermark(10 * time.Hour))
		if got := fmt.Sprint(found[0].Value, found[len(found)-1].Value, found[0].Estimate); got != want {
			t.Errorf("exact %v: first and last value %s, want %s", exact, got, want)
		}
	}
}

// TestMoreThanRemembered: what was as many as are remembered is told as an estimate, also when it is told later, by sessions.
func TestMoreThanRemembered(t *testing.T) {
	above := 50.0
	for hosts, want := range map[int]bool{60: false, 92: true} {
		d, err := (&Config{Metric: "distinct(flow.target)", By: []string{"flow.host"}, Over: time.Hour, Memory: 64, Above: &above}).New(nil)
		if err != nil {
			t.Fatal(err)
		}
		b := event.NewBuilder(event.Flow)
		for i := range hosts {
			b.Time(event.Timestamp, int64(1+i)*int64(time.Second))
			b.Addr(event.SourceIP, netip.MustParseAddr("192.0.2.1"))
			b.Addr(event.DestinationIP, netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}))
			b.Text(event.FlowRole, "client")
			b.Uint(event.FlowID, uint64(i+1))
			b.Next()
		}
		batch := b.Batch()
		rows := make([]int32, batch.Rows)
		for i := range rows {
			rows[i] = int32(i)
		}
		d.Fold(batch, rows)
		told := 0
		for _, f := range d.Judge(event.Watermark(10 * time.Hour)) {
			if f.Ended || f.Value == 51 {
				continue
			}
			if told++; f.Estimate != want || f.Value != float64(min(hosts, 64)) || strings.Contains(f.Reason, "about") != want {
				t.Errorf("%d hosts: %v, an estimate: %v (%s)", hosts, f.Value, f.Estimate, f.Reason)
			}
		}
		if told == 0 {
			t.Errorf("%d hosts: nothing is told but the first trigger", hosts)
		}
	}
}
