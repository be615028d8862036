//go:build unix

package filter

import (
	"fmt"
	"testing"
)

// BenchmarkFlowTraq shows what FlowTraq's spelling costs beside tocsin's own of what is nearest.
func BenchmarkFlowTraq(b *testing.B) {
	for _, text := range []string{
		`destination.port == 22`, `flowtraq: SRVPORT==22`, `flowtraq: PORT==22`,
		`destination.ip in cidr("10.50.0.0/16")`, `flowtraq: SRVIP==10.50.0.0/16`,
		`flowtraq: PROTO==TCP && SRVPORT==22 && CLNIP==10.50.0.0/16`, `flowtraq: FLAGS==SYN`, `flowtraq: CLNBYTS>90000`,
	} {
		for _, dict := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/dict=%v", text, dict), func(b *testing.B) {
				batch, f := flowBatch(4096, dict), Compile(mustParse(text))
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
