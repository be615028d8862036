package combined_test

import (
	"testing"

	"tocsin/internal/event"
	"tocsin/internal/parser"
	"tocsin/internal/parser/combined"
	"tocsin/internal/parser/parsertest"
)

const realLog = "../../../testdata/real/apache_logs"

func TestContract(t *testing.T) { parsertest.Run(t, combined.Format(), combined.Sample) }

func FuzzParse(f *testing.F) { parsertest.Fuzz(f, combined.Format()) }

func BenchmarkParse(b *testing.B) {
	parsertest.Bench(b, combined.Format(), parsertest.Records(b, realLog))
}

// The combined format as an order of the user's own.
func BenchmarkOrdered(b *testing.B) {
	format := combined.Format()
	format.Default = func() parser.Config { return &combined.Config{LogFormat: "combined"} }
	parsertest.Bench(b, format, parsertest.Records(b, realLog))
}

// The scanner without the builder.
func BenchmarkScore(b *testing.B) {
	lines := parsertest.Records(b, realLog)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if combined.Score(lines[i%len(lines)]) == 0 {
			b.Fatal("not recognised")
		}
	}
}

// The figures of the real log were counted with cut, sort and grep.
func TestRealLog(t *testing.T) {
	p, err := combined.Default().New()
	if err != nil {
		t.Fatal(err)
	}
	b := event.NewBuilder(event.Log)
	for i, r := range parsertest.Records(t, realLog) {
		if err := p.Parse(b, r, parsertest.Received); err != nil {
			t.Errorf("line %d: %v", i+1, err)
		}
	}
	batch := b.Batch()
	if batch.Rows != 10_000 {
		t.Errorf("rows: got %d, want 10000", batch.Rows)
	}
	addresses := map[[16]byte]bool{}
	ips := batch.Column(event.SourceIP)
	for row := range batch.Rows {
		v, ok := ips.Value(row)
		if !ok {
			t.Fatalf("row %d has no source.ip", row)
		}
		addresses[ips.IP(v)] = true
	}
	if len(addresses) != 1753 {
		t.Errorf("addresses: got %d, want 1753", len(addresses))
	}
	count := map[string]int{}
	for _, id := range []event.FieldID{event.HTTPMethod, event.EventOutcome, event.EventTimezone} {
		c := batch.Column(id)
		for row := range batch.Rows {
			if v, ok := c.Value(row); ok {
				count[string(c.Str(v))]++
			}
		}
	}
	for what, want := range map[string]int{"GET": 9952, "POST": 5, "HEAD": 42, "OPTIONS": 1, "+0000": 10_000} {
		if count[what] != want {
			t.Errorf("%s: got %d, want %d", what, count[what], want)
		}
	}
}
