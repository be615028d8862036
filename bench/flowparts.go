package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strconv"
	"time"

	"tocsin/internal/detector/threshold"
	"tocsin/internal/event"
)

// decoders runs the benchmarks of the decoders, one core, nothing behind them.
func decoders(f *figures) error {
	text, err := exec.Command("go", "test", "-run", "^$", "-bench", "V5|V9|IPFIX|SFlow", "-benchmem", "-cpu", "1", "./internal/flow/netflow", "./internal/flow/sflow").CombinedOutput()
	if err != nil {
		return fmt.Errorf("benchmarks of the decoders: %w: %s", err, text)
	}
	line := regexp.MustCompile(`(?m)^Benchmark(\w+)\s.*\s([\d.]+) Mflows/s\s.*\s(\d+) allocs/op$`)
	for _, decoder := range []struct {
		name, benchmark string
		target          float64
	}{{"NetFlow 5", "V5", 20}, {"NetFlow 9", "V9", 3}, {"IPFIX", "IPFIX", 3}, {"sFlow", "SFlow", 10}} {
		for _, m := range line.FindAllStringSubmatch(string(text), -1) {
			if m[1] == decoder.benchmark {
				rate, _ := strconv.ParseFloat(m[2], 64)
				f.held("decoder of "+decoder.name, "%.1f M flows a CPU-second", rate, true, decoder.target)
				allocations, _ := strconv.ParseFloat(m[3], 64)
				f.held("  allocations a datagram", "%.0f", allocations, false, 0)
			}
		}
	}
	return nil
}

// millionHosts measures what one rule keeps of a million hosts, each of which was seen, and some very often.
func millionHosts(f *figures) error {
	for _, over := range []time.Duration{5 * time.Minute, time.Hour} {
		if err := millionHostsOver(f, over); err != nil {
			return err
		}
	}
	return nil
}

func millionHostsOver(f *figures, over time.Duration) error {
	const hosts, events = 1_000_000, 10_000_000
	config := threshold.Config{Metric: "sum(flow.sent.bytes)", By: []string{"flow.host"}, Over: over, Above: new(float64), Memory: 512}
	*config.Above = 1e15
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	d, err := config.New(nil)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(rng, 1.1, 8, hosts-1)
	b, now := event.NewBuilder(event.Flow), int64(1_700_000_000)*1e9
	began := time.Now()
	for i := range events {
		now += 10_000 // 100,000 a second
		who := zipf.Uint64()
		if i < hosts {
			who = uint64(i)
		}
		b.Time(event.Timestamp, now)
		b.Time(event.EventStart, now-int64(rng.IntN(2_000_000_000)))
		b.Time(event.EventEnd, now)
		b.IP(event.SourceIP, [16]byte{10: 0xff, 11: 0xff, 12: 10, 13: byte(who >> 16), 14: byte(who >> 8), 15: byte(who)})
		b.IP(event.DestinationIP, [16]byte{10: 0xff, 11: 0xff, 12: 192, 14: 2, 15: byte(i)})
		b.Uint(event.FlowID, uint64(i+1))
		b.Uint(event.SourceBytes, uint64(40+rng.IntN(60_000)))
		b.Next()
		if b.Rows() == 8192 {
			batch := b.Batch()
			rows := make([]int32, batch.Rows)
			for row := range rows {
				rows[row] = int32(row)
			}
			d.Fold(batch, rows)
			d.Early()
			d.Judge(event.Watermark(now - 1e9))
		}
	}
	took := time.Since(began)
	runtime.GC()
	runtime.ReadMemStats(&after)
	s := d.Stats()
	f.said(fmt.Sprintf("one rule on the bytes that each host sent over %s, Zipf activity", over), "%d hosts, %d given up, %.0f ns a flow", s.Entities, s.Evicted, float64(took.Nanoseconds())/events)
	f.held("  memory of 1,000,000 hosts", "%.0f MB", float64(after.HeapAlloc-before.HeapAlloc)/1e6, false, 500)
	runtime.KeepAlive(d)
	return nil
}

// flood sends flows of sources that are made up, each of which is new to the rule and to the sessions, and among them those of an
// exporter that makes nothing up, of which none is to be lost. The shape is flood or, for addresses of version 6, flood6.
func flood(f *figures, o options, dir, shape string) error {
	const budget = 64 // MiB
	rules := fmt.Sprintf(`- {name: sent, from: flow, detect: {threshold: {metric: sum(source.bytes), by: [source.ip], over: 5m, above: 1000000000000000, memory: %d}}, severity: LOW}`+"\n", budget)
	o.enrich = false // what the rule and the sessions keep is in question
	d, address, err := takesFlows(o, dir, rules)
	if err != nil {
		return err
	}
	defer d.end()
	o.duration = min(o.duration, 30*time.Second)
	load, err := generate(o, address, shape)
	if err != nil {
		return err
	}
	kept, err := settle(d, load.sent)
	if err != nil {
		return err
	}
	honest, err := flowsOf(d, honestExporter)
	if err != nil {
		return err
	}
	said, err := awaitFull(d, "open", 30*time.Second)
	if err != nil {
		return err
	}
	f.said(map[string]string{"flood": "flood of made-up sources", "flood6": "the same of version 6"}[shape]+", rule with memory of 64 MiB", "%d flows of %d sent", kept, load.sent)
	f.held("  lost of an exporter that makes nothing up", "%.3f %%", 100*float64(load.honest-honest)/float64(max(load.honest, 1)), false, 0)
	f.line("  alert that says so", said, "tocsin-table-full opens", verdict(said != ""))
	if !o.short {
		ended, err := awaitFull(d, "ended", 2*time.Minute)
		if err != nil {
			return err
		}
		f.line("  it ends when the flood does", verdict(ended != ""), "met", verdict(ended != ""))
	}
	var memory struct{ now, peak float64 }
	for _, v := range []struct {
		name string
		into *float64
	}{{"VmRSS", &memory.now}, {"VmHWM", &memory.peak}} {
		if *v.into, err = d.status(v.name); err != nil {
			return err
		}
	}
	f.held("  memory of the whole program at its peak", "%.0f MB", memory.peak/1e6, false, 1000)
	f.said("  and a while after", "%.0f MB", memory.now/1e6)
	return nil
}

// flowsOf returns how many flows were taken from an exporter.
func flowsOf(d *daemon, address string) (flows int64, err error) {
	var list []struct {
		Address string `json:"address"`
		Flows   int64  `json:"flows"`
	}
	err = d.get("/api/v1/exporters", &list)
	for _, e := range list {
		if e.Address == address {
			flows += e.Flows
		}
	}
	return flows, err
}

// status returns a size from the status of the process, proc(5), in bytes.
func (d *daemon) status(name string) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", d.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	m := regexp.MustCompile(`(?m)^` + name + `:\s+(\d+) kB$`).FindSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("status of the process: no %s", name)
	}
	kib, err := strconv.ParseFloat(string(m[1]), 64)
	return kib * 1024, err
}

func verdict(ok bool) string {
	if ok {
		return "met"
	}
	return "missed"
}

// awaitFull waits until the alert that a rule has no room is in a state, and returns what it says.
func awaitFull(d *daemon, state string, most time.Duration) (string, error) {
	for end := time.Now().Add(most); time.Now().Before(end); time.Sleep(time.Second) {
		var alerts []struct {
			Rule  string  `json:"rule_name"`
			State string  `json:"state"`
			Value float64 `json:"value"`
		}
		if err := d.get("/api/v1/alerts", &alerts); err != nil {
			return "", err
		}
		for _, a := range alerts {
			if a.Rule == "tocsin-table-full" && a.State == state {
				return fmt.Sprintf("%.0f entities given up", a.Value), nil
			}
		}
	}
	return "", nil
}
