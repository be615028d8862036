package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"runtime"
	"syscall"
	"text/tabwriter"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/parser"
	"tocsin/internal/parser/cloudtrail"
	"tocsin/internal/parser/combined"
)

// parsing measures what it costs to turn records in memory into batches, in this process and on one goroutine.
func parsing(w io.Writer, sample string) error {
	text, err := os.ReadFile(sample)
	if err != nil {
		return err
	}
	trail, _, err := trailRecords()
	if err != nil {
		return err
	}
	out := tabwriter.NewWriter(w, 2, 8, 2, ' ', 0)
	fmt.Fprintln(out, "parsing alone\trecords\tmean bytes\tper CPU-second\tallocations a record\tlimit")
	for _, step := range []struct {
		name    string
		format  parser.Format
		records [][]byte
		rounds  int
		limit   string
	}{
		{"combined log", combined.Format(), bytes.Split(bytes.TrimSpace(text), []byte("\n")), 100, "3,000,000"},
		{"CloudTrail", cloudtrail.Format(), trail, 200_000/len(trail) + 1, "400,000 (1.3 KB mean)"},
	} {
		if err := parseAll(out, step.name, step.format, step.records, step.rounds, step.limit); err != nil {
			return err
		}
	}
	return out.Flush()
}

// rowsOfBatch is how many events are put into one batch, as ingest does it.
const rowsOfBatch = 8192

func parseAll(out io.Writer, name string, format parser.Format, records [][]byte, rounds int, limit string) error {
	p, err := format.Default().New()
	if err != nil {
		return err
	}
	b := event.NewBuilder(format.Kind)
	bytesOfAll := 0
	for _, r := range records {
		bytesOfAll += len(r)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	began := processorTime()
	for range rounds {
		for _, r := range records {
			if err := p.Parse(b, r, 0); err != nil {
				return fmt.Errorf("%s: %w: %.100q", name, err, r)
			}
			if b.Rows() >= rowsOfBatch {
				b.Batch()
			}
		}
	}
	spent := processorTime() - began
	runtime.ReadMemStats(&after)
	n := rounds * len(records)
	fmt.Fprintf(out, "%s\t%d\t%d\t%.0f\t%.3f\t%s\n", name, n, bytesOfAll/len(records), float64(n)/spent.Seconds(),
		float64(after.Mallocs-before.Mallocs)/float64(n), limit)
	return nil
}

// processorTime is what this process has used so far, the garbage collector's share with it.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
