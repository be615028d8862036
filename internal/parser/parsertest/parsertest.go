// Package parsertest is the suite that every parser must pass: golden cases, what the contract says about foul input, and
// the files that belong into a parser's folder.
package parsertest

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/event"
	"tocsin/internal/parser"
)

var update = flag.Bool("update", false, "write the golden files anew from what the parser does")

// Received is the time of receipt in all tests, unless a case has a file received.txt with another in RFC 3339.
var Received = time.Date(2024, time.March, 10, 12, 0, 0, 0, time.UTC).UnixNano()

// Run runs the whole suite in the folder of a parser; sample is its embedded sample.yaml. Each folder testdata/<case>
// holds input.log, want.jsonl, and config.yaml where the settings are not the defaults.
func Run(t *testing.T, f parser.Format, sample []byte) {
	t.Helper()
	cases := load(t, f)
	t.Run("golden", func(t *testing.T) {
		for i := range cases {
			t.Run(cases[i].name, cases[i].golden)
		}
	})
	t.Run("batches", func(t *testing.T) { // how records fall into batches makes no difference
		for i := range cases {
			t.Run(cases[i].name, cases[i].batches)
		}
	})
	t.Run("foul", func(t *testing.T) {
		for i := range cases {
			t.Run(cases[i].name, cases[i].foul)
		}
	})
	t.Run("allocations", func(t *testing.T) {
		for i := range cases {
			t.Run(cases[i].name, cases[i].allocations)
		}
	})
	t.Run("score", func(t *testing.T) { score(t, f, cases) })
	t.Run("folder", func(t *testing.T) { folder(t, f, sample) })
}

// A golden case.
type testcase struct {
	format   parser.Format
	name     string
	dir      string
	config   parser.Config
	records  [][]byte
	received int64
}

func load(t *testing.T, f parser.Format) []testcase {
	t.Helper()
	inputs, err := filepath.Glob(filepath.Join("testdata", "*", "input.log"))
	if err != nil || len(inputs) == 0 {
		t.Fatalf("no golden cases testdata/*/input.log (%v)", err)
	}
	var cases []testcase
	for _, input := range inputs {
		dir := filepath.Dir(input)
		c := testcase{format: f, name: filepath.Base(dir), dir: dir, config: f.Default(), received: Received}
		if text, err := os.ReadFile(filepath.Join(dir, "config.yaml")); err == nil {
			if err := decode(text, c.config); err != nil {
				t.Fatalf("%s: config.yaml: %v", dir, err)
			}
		}
		if err := c.config.Validate(); err != nil {
			t.Fatalf("%s: config.yaml: %v", dir, err)
		}
		if text, err := os.ReadFile(filepath.Join(dir, "received.txt")); err == nil {
			at, err := time.Parse(time.RFC3339, strings.TrimSpace(string(text)))
			if err != nil {
				t.Fatalf("%s: received.txt: %v", dir, err)
			}
			c.received = at.UnixNano()
		}
		c.records = Records(t, input)
		cases = append(cases, c)
	}
	return cases
}

// Records reads a file and splits it into lines.
func Records(tb testing.TB, path string) [][]byte {
	tb.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	lines := bytes.Split(text, []byte("\n"))
	if len(lines[len(lines)-1]) == 0 {
		lines = lines[:len(lines)-1]
	}
	return lines
}

func (c *testcase) parser(tb testing.TB) parser.Parser {
	tb.Helper()
	p, err := c.config.New()
	if err != nil {
		tb.Fatalf("New: %v", err)
	}
	return p
}

// golden compares the events of each record, or what is wrong with it, with want.jsonl.
func (c *testcase) golden(t *testing.T) {
	var got bytes.Buffer
	p := c.parser(t)
	for _, r := range c.records {
		rows, err := Rows(t, c.format.Kind, p, r, c.received)
		for _, row := range rows {
			fmt.Fprintln(&got, row)
		}
		if err != nil {
			fmt.Fprintf(&got, "{\"malformed\":%s,\"offset\":%d}\n", event.AppendQuoted(nil, []byte(err.Reason)), err.Offset)
		}
	}
	path := filepath.Join(c.dir, "want.jsonl")
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	gotLines, wantLines := strings.Split(got.String(), "\n"), strings.Split(string(want), "\n")
	for i, line := range wantLines {
		if line != "" && !json.Valid([]byte(line)) {
			t.Errorf("%s:%d: no JSON", path, i+1)
		}
	}
	if diff := cmp.Diff(wantLines, gotLines); diff != "" {
		t.Errorf("parsing %s (-want +got):\n%s", filepath.Join(c.dir, "input.log"), diff)
	}
}

// Rows parses one record in a builder of its own and returns the events as JSON, or what is wrong with the record. It
// fails the test when the parser breaks its contract.
func Rows(tb testing.TB, kind event.Kind, p parser.Parser, record []byte, received int64) ([]string, *parser.Malformed) {
	tb.Helper()
	b := event.NewBuilder(kind)
	bad := Parse(tb, p, b, record, received)
	return JSON(b.Batch()), bad
}

// JSON writes all rows of a batch.
func JSON(batch *event.Batch) []string {
	var rows []string
	for i := range batch.Rows {
		rows = append(rows, string(batch.AppendJSON(nil, i)))
	}
	return rows
}

// Parse parses one record and fails the test when the parser breaks its contract: an error that is no *parser.Malformed,
// rows beside an error, an offset outside the record, or a record that was written to.
func Parse(tb testing.TB, p parser.Parser, b *event.Builder, record []byte, received int64) *parser.Malformed {
	tb.Helper()
	before, keep := b.Rows(), bytes.Clone(record)
	err := p.Parse(b, record, received)
	if !bytes.Equal(keep, record) {
		tb.Errorf("Parse(%q) wrote to the record", clip(keep))
	}
	if err == nil {
		return nil
	}
	var bad *parser.Malformed
	if !errors.As(err, &bad) {
		tb.Fatalf("Parse(%q) = %v, want a *parser.Malformed", clip(record), err)
	}
	if b.Rows() != before {
		tb.Errorf("Parse(%q) = %v and %d rows, want none", clip(record), err, b.Rows()-before)
	}
	if bad.Offset < 0 || bad.Offset > len(record) || bad.Reason == "" {
		tb.Errorf("Parse(%q) = %v, want a reason and an offset within the record of %d bytes", clip(record), err, len(record))
	}
	return bad
}

func clip(b []byte) []byte { return b[:min(len(b), 200)] }

// batches parses a whole case into one batch, twice with the same parser and builder, and compares with one by one.
func (c *testcase) batches(t *testing.T) {
	var want []string
	p := c.parser(t)
	for _, r := range c.records {
		rows, _ := Rows(t, c.format.Kind, p, r, c.received)
		want = append(want, rows...)
	}
	p = c.parser(t)
	b := event.NewBuilder(c.format.Kind)
	for turn := range 2 {
		for _, r := range c.records {
			Parse(t, p, b, r, c.received)
		}
		if diff := cmp.Diff(want, JSON(b.Batch())); diff != "" {
			t.Errorf("turn %d, all records in one batch (-one by one +together):\n%s", turn+1, diff)
		}
	}
}
