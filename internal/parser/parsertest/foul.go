package parsertest

import (
	"bytes"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/event"
	"tocsin/internal/parser"
)

// Growth bounds what a record may add to a batch: so many bytes for each byte of it, and Floor on top.
const (
	Growth = 16
	Floor  = 300 << 10 // labels may take event.MaxLabelBytes, however short their names; syslog writes out repeated messages
)

// foul feeds damaged records to one parser and builder, and looks after each whether a good record still reads the same.
func (c *testcase) foul(t *testing.T) {
	good, want := c.good(t)
	if good == nil {
		t.Skip("the case has no good record")
	}
	p := c.parser(t)
	b := event.NewBuilder(c.format.Kind)
	for _, r := range c.records {
		for _, bad := range damaged(r, c.format.Name) {
			c.checkAfter(t, p, b, bad, good, want)
			if t.Failed() {
				return
			}
		}
	}
	for _, b1 := range []byte("\x00 \"\\[]{}<>:=-1a\xff%\t") {
		c.checkAfter(t, p, b, bytes.Repeat([]byte{b1}, parser.MaxRecord), good, want)
	}
}

// good returns a record that parses alone, and its rows.
func (c *testcase) good(t *testing.T) (record []byte, want []string) {
	for _, r := range c.records {
		if rows, bad := Rows(t, c.format.Kind, c.parser(t), r, c.received); bad == nil && len(rows) > 0 {
			return r, rows
		}
	}
	return nil, nil
}

// checkAfter parses a foul record, checks what it added, and then parses the good one.
func (c *testcase) checkAfter(t testing.TB, p parser.Parser, b *event.Builder, foul, good []byte, want []string) {
	t.Helper()
	Parse(t, p, b, foul, c.received)
	batch := b.Batch()
	if got, most := Size(batch), Growth*len(foul)+Floor; got > most {
		t.Errorf("Parse(%q), %d bytes, added %d bytes to the batch, want at most %d", clip(foul), len(foul), got, most)
	}
	JSON(batch)
	Parse(t, p, b, foul, c.received)
	rows := b.Rows()
	Parse(t, p, b, good, c.received)
	if diff := cmp.Diff(want, JSON(b.Batch())[rows:]); diff != "" {
		t.Errorf("after %q a good record reads differently (-alone +after):\n%s", clip(foul), diff)
	}
}

// Size counts the bytes that the values of a batch take.
func Size(batch *event.Batch) int {
	n := len(batch.Labels.Vals.Bytes) + len(batch.Labels.Names.Bytes) + 8*len(batch.Labels.Keys)
	for _, col := range batch.Columns() {
		n += len(col.Strs.Bytes) + 4*len(col.Strs.Ends) + 4*len(col.Codes) + 8*len(col.Nums) + 16*len(col.IPs)
	}
	return n
}

// damaged returns variants of a record: every beginning and end of it, every byte turned into something that means
// something to some format, pieces doubled and left out.
func damaged(r []byte, _ string) [][]byte {
	var all [][]byte
	step := max(1, len(r)/200) // long records are damaged at 200 places
	for i := 0; i <= len(r); i += step {
		all = append(all, r[:i:i], r[i:])
		if i == len(r) {
			break
		}
		for _, c := range []byte("\x00\xff\"\\ -[]{},:9") {
			v := bytes.Clone(r)
			v[i] = c
			all = append(all, v)
		}
		all = append(all, append(bytes.Clone(r[:i]), r[min(i+3, len(r)):]...))
		all = append(all, append(bytes.Clone(r[:i]), r[max(0, i-5):]...))
	}
	return append(all, append(bytes.Clone(r), r...))
}

// allocations parses the good records of a case often, and wants no more allocations than the growth of columns takes.
func (c *testcase) allocations(t *testing.T) {
	var good [][]byte
	for _, r := range c.records {
		if _, bad := Rows(t, c.format.Kind, c.parser(t), r, c.received); bad == nil {
			good = append(good, r)
		}
	}
	if len(good) == 0 {
		t.Skip("the case has no good record")
	}
	p := c.parser(t)
	b := event.NewBuilder(c.format.Kind)
	fill := func() {
		for range 2000/len(good) + 1 {
			for _, r := range good {
				if err := p.Parse(b, r, c.received); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	fill()
	perFill := testing.AllocsPerRun(10, fill)
	if perRow := perFill / float64(b.Rows()/12); perRow > 0.05 {
		t.Errorf("%.2f allocations a row, want none but the growth of columns", perRow)
	}
}

// Fuzz runs a parser over foul bytes: it must not panic, keep to its contract, and read a good record after it as before.
// The input.log files of the golden cases are the seeds.
func Fuzz(f *testing.F, format parser.Format) {
	f.Helper()
	config := format.Default()
	p, err := config.New()
	if err != nil {
		f.Fatal(err)
	}
	var good []byte
	var want []string
	for _, path := range inputs(f) {
		for _, r := range Records(f, path) {
			f.Add(r)
			if good != nil {
				continue
			}
			if rows, bad := Rows(f, format.Kind, p, r, Received); bad == nil && len(rows) > 0 {
				good, want = r, rows
			}
		}
	}
	c := testcase{format: format, config: config, received: Received}
	f.Fuzz(func(t *testing.T, record []byte) {
		p := c.parser(t)
		c.checkAfter(t, p, event.NewBuilder(format.Kind), record, good, want)
		if s := format.Score; s != nil {
			if n := s(record); n < 0 || n > 100 {
				t.Errorf("Score(%q) = %d, want 0 to 100", clip(record), n)
			}
		}
	})
}

// Bench measures a parser over records, batches of 4,096 rows, builder included.
func Bench(b *testing.B, format parser.Format, records [][]byte) {
	b.Helper()
	p, err := format.Default().New()
	if err != nil {
		b.Fatal(err)
	}
	size := 0
	for _, r := range records {
		size += len(r) + 1
	}
	b.SetBytes(int64(size / len(records)))
	b.ReportAllocs()
	builder := event.NewBuilder(format.Kind)
	at, before := 0, cpuTime()
	for b.Loop() {
		if err := p.Parse(builder, records[at], Received); err != nil {
			b.Fatalf("%v: %q", err, records[at])
		}
		if at++; at == len(records) {
			at = 0
		}
		if builder.Rows() >= 4096 {
			builder.Batch()
		}
	}
	b.ReportMetric(float64(cpuTime()-before)/float64(b.N), "cpu-ns/line")
}

// cpuTime is the processor time that the process has used, collector included, in nanoseconds. On a shared machine it says
// more than the time on the wall.
func cpuTime() int64 {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		return 0
	}
	return use.Utime.Nano() + use.Stime.Nano()
}
