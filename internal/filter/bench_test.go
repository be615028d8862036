//go:build unix

package filter

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"tocsin/internal/event"
)

// cpu returns the processor time that the process has used: on a busy machine the clock says little.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// benchFields are the 20 fields that the rules of the benchmarks share: ten texts, two addresses, eight numbers.
var benchTexts = []event.FieldID{event.UserName, event.HostName, event.ServiceName, event.EventAction, event.LogLevel, event.ProcessName, event.HTTPMethod, event.EventDataset, event.NetworkTransport, event.URLPath}
var benchNums = []event.FieldID{event.SourcePort, event.DestinationPort, event.HTTPStatus, event.NetworkIANA, event.FlowTOS, event.FlowTCPFlags, event.ProcessPID, event.SyslogSeverity}

// benchBatch has, in every text and number field, values 0 to 99 evenly, addresses in 100 networks, and messages of about
// 100 bytes in which one in 100 holds the word that a rule looks for.
func benchBatch(rows int, dict bool) *event.Batch {
	r := rand.New(rand.NewPCG(3, 4))
	b := event.NewBuilder(event.Log)
	for i := range rows {
		for _, id := range benchTexts {
			b.Text(id, fmt.Sprintf("value-%02d", r.IntN(100)))
		}
		for _, id := range benchNums {
			b.Int(id, int64(r.IntN(100)))
		}
		for _, id := range []event.FieldID{event.SourceIP, event.DestinationIP} {
			b.IP(id, [16]byte{10: 0xff, 11: 0xff, 12: 10, 13: byte(r.IntN(100)), 14: byte(r.IntN(10)), 15: byte(r.IntN(10))})
		}
		b.Uint(event.NetworkBytes, r.Uint64N(1_000_000))
		b.Text(event.Message, fmt.Sprintf("Nov 21 03:%02d:%02d host sshd[%d]: keyword%02d password for user%d from 10.0.%d.%d port %d ssh2", i/60%60, i%60, r.IntN(30000), r.IntN(100), r.IntN(1000), r.IntN(256), r.IntN(256), r.IntN(60000)))
		b.Next()
	}
	batch := b.Batch()
	if dict {
		batch = coded(batch)
	}
	return batch
}

func mustParse(text string) *Expr {
	e, err := Parse(text)
	if err != nil {
		panic(err)
	}
	return e
}

// BenchmarkSelect shows the cost of one event for one rule of three predicates; the goal is 20 ns.
func BenchmarkSelect(b *testing.B) {
	for name, text := range map[string]string{
		"number, text, network":    `destination.port < 50 && user.name in ["value-01", "value-02", "value-03"] && source.ip in cidr("10.50.0.0/16")`,
		"port, network, message":   `destination.port == 22 && source.ip in cidr("10.0.0.0/9") && message contains "keyword55"`,
		"status, path, not method": `http.response.status_code >= 50 && url.path contains "lue-1" && http.request.method != "value-01"`,
		"message first":            `message contains "keyword55" && message contains "user7" && message matches "port [0-9]+ ssh2"`,
	} {
		for _, dict := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/dict=%v", name, dict), func(b *testing.B) {
				batch, f := benchBatch(4096, dict), Compile(mustParse(text))
				out := f.Select(batch, nil)
				b.ReportAllocs()
				start := cpu()
				for b.Loop() {
					out = f.Select(batch, out[:0])
				}
				b.ReportMetric(float64(cpu()-start)/float64(b.N)/4096, "cpu-ns/event")
				b.ReportMetric(float64(len(out))/4096, "selected")
			})
		}
	}
}

// manyRules are rules of three predicates over the 20 fields (and the message, in every tenth rule), of which each selects
// about 1 % of the events.
func manyRules(n int) []*Expr {
	r := rand.New(rand.NewPCG(5, 6))
	turn := 0
	name := func(ids []event.FieldID) string { // in turn, so that ten rules look at all fields already
		f, _ := event.FieldByID(ids[turn%len(ids)])
		turn++
		return f.Name
	}
	var list []*Expr
	for i := range n {
		var text string
		switch v := r.IntN(100); i % 10 {
		case 0:
			text = fmt.Sprintf(`message contains "keyword%02d" && %s >= 0 && has(source.ip)`, v, name(benchNums))
		case 1, 2, 3:
			text = fmt.Sprintf([]string{"source", "destination"}[i%2]+`.ip in cidr("10.%d.0.0/16") && %s < 95 && %s != "value-%02d"`, v, name(benchNums), name(benchTexts), v)
		case 4, 5, 6:
			text = fmt.Sprintf(`%s == "value-%02d" && %s != "value-%02d" && %s >= %d`, name(benchTexts), v, name(benchTexts), r.IntN(100), name(benchNums), r.IntN(10))
		default:
			text = fmt.Sprintf(`%s == %d && %s != "value-%02d" && %s < %d`, name(benchNums), v, name(benchTexts), r.IntN(100), name(benchNums), 90+r.IntN(10))
		}
		list = append(list, mustParse(text))
	}
	return list
}

// BenchmarkSet shows the cost of one event for many rules together; 1,000 rules shall cost less than 3 times what 10 do.
func BenchmarkSet(b *testing.B) {
	for _, dict := range []bool{false, true} {
		for _, n := range []int{10, 100, 1000} {
			b.Run(fmt.Sprintf("%d rules/dict=%v", n, dict), func(b *testing.B) {
				batch, s := benchBatch(4096, dict), NewSet(manyRules(n))
				selected := 0
				s.Select(batch, func(_ int, rows []int32) { selected += len(rows) })
				some := float64(selected) / float64(n) / 4096
				b.ReportAllocs()
				start := cpu()
				for b.Loop() {
					s.Select(batch, func(_ int, rows []int32) { selected += len(rows) })
				}
				b.ReportMetric(float64(cpu()-start)/float64(b.N)/4096, "cpu-ns/event")
				b.ReportMetric(some, "selected")
			})
		}
	}
}
