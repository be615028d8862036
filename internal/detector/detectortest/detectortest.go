// Package detectortest is the suite that every detector passes: golden cases in folders, and properties that hold for any
// events.
package detectortest

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/detector"
	"tocsin/internal/document"
	"tocsin/internal/event"
)

var update = flag.Bool("update", false, "rewrite want.jsonl of the golden cases") //nolint:gochecknoglobals // a flag of the test binary

// Run judges every case of testdata: a folder with config.yaml, input.jsonl of one event a line, and want.jsonl of one
// finding a line. A line {"judge": "2015-05-17T10:05:00Z"} in the input judges up to that time; at the end everything up to
// the last event is judged. Other files of the folder are there for the detector to read. Each case is also cut into
// batches in other ways, which must change nothing.
func Run(t *testing.T, defaults func() detector.Config) {
	t.Helper()
	dirs, err := filepath.Glob("testdata/*/config.yaml")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no cases in testdata (%v)", err)
	}
	for _, path := range dirs {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(dir), func(t *testing.T) { runCase(t, dir, defaults) })
	}
}

func runCase(t *testing.T, dir string, defaults func() detector.Config) {
	read := func(name string) []byte {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	config := defaults()
	if err := document.Decode("config.yaml", read("config.yaml"), config); err != nil {
		t.Fatal(err)
	}
	steps := parseInput(t, read("input.jsonl"))
	got := judgeSteps(t, config, dir, steps, event.MaxRows)
	var text bytes.Buffer
	for _, f := range got {
		line, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		text.Write(append(line, '\n'))
	}
	path := filepath.Join(dir, "want.jsonl")
	if *update {
		if err := os.WriteFile(path, text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(read("want.jsonl")), text.String()); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	for _, size := range []int{1, 3, 7} {
		again := judgeSteps(t, config, dir, steps, size)
		if diff := cmp.Diff(bare(got), bare(again)); diff != "" {
			t.Errorf("batches of %d rows give other findings (-want +got):\n%s", size, diff)
		}
	}
}

// step is an event, or a time up to which is judged.
type step struct {
	event json.RawMessage
	judge int64
}

func parseInput(t *testing.T, text []byte) []step {
	var steps []step
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		var order struct {
			Judge string `json:"judge"`
		}
		if err := json.Unmarshal([]byte(line), &order); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if order.Judge != "" {
			steps = append(steps, step{judge: parseTime(t, order.Judge)})
			continue
		}
		steps = append(steps, step{event: json.RawMessage(line)})
	}
	return steps
}

func judgeSteps(t *testing.T, config detector.Config, dir string, steps []step, size int) []alert.Finding {
	d, err := config.New(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	b := NewBatcher(event.Log)
	var got []alert.Finding
	var newest int64
	fold := func() {
		if b.Rows() > 0 {
			batch := b.Batch()
			_, last := batch.TimeRange()
			newest = max(newest, last)
			d.Fold(batch, AllRows(batch))
		}
	}
	for _, s := range steps {
		if s.event == nil {
			fold()
			got = append(got, d.Judge(event.Watermark(s.judge))...)
			continue
		}
		if err := b.Add(s.event); err != nil {
			t.Fatal(err)
		}
		if b.Rows() >= size {
			fold()
		}
	}
	fold()
	return append(got, d.Judge(event.Watermark(newest))...)
}

// bare leaves the samples out: they are of the rows that were at hand.
func bare(findings []alert.Finding) []alert.Finding {
	out := make([]alert.Finding, len(findings))
	for i, f := range findings {
		f.Samples = nil
		out[i] = f
	}
	return out
}

// Sample checks that a sample decodes strictly, is valid, names every setting, and makes a detector.
func Sample(t *testing.T, text string, defaults func() detector.Config, keys ...string) {
	t.Helper()
	config := defaults()
	if err := document.Decode("sample.yaml", []byte(text), config); err != nil {
		t.Fatal(err)
	}
	if _, err := config.New(fstest.MapFS{}); err != nil {
		t.Error(err)
	}
	for _, key := range keys {
		if !strings.Contains("\n"+text, "\n"+key+":") && !strings.Contains(text, "\n# "+key+":") {
			t.Errorf("the sample does not name %s", key)
		}
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, heading := range []string{"## What it does", "## Settings", "## Example", "## Limits"} {
		if !bytes.Contains(readme, []byte("\n"+heading+"\n")) {
			t.Errorf("README.md has no heading %q", heading)
		}
	}
	for _, key := range keys {
		if !bytes.Contains(readme, []byte("`"+key+"`")) {
			t.Errorf("README.md does not name `%s`", key)
		}
	}
}
