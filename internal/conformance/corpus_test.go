package conformance_test

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/catalog"
	"tocsin/internal/event"
	"tocsin/internal/parser"
)

var update = flag.Bool("update", false, "write the lists of cases that differ anew; new ones get the reason ?")

// samplesVar names the folder that holds copies of public projects, each at <owner>/<name>.
const samplesVar = "TOCSIN_SAMPLES"

// samples returns a folder of samples: the first that exists of places, which are absolute or below $TOCSIN_SAMPLES. The
// test is skipped without it, but fails in CI when debian names a package that has it.
func samples(t *testing.T, debian string, places ...string) string {
	t.Helper()
	for _, p := range places {
		if !filepath.IsAbs(p) {
			root := os.Getenv(samplesVar)
			if root == "" {
				continue
			}
			p = filepath.Join(root, p)
		}
		if info, err := os.Stat(p); err == nil && info.IsDir() {
			return p
		}
	}
	if debian != "" && os.Getenv("CI") != "" {
		t.Fatalf("the samples are not there; install the Debian package %s", debian)
	}
	t.Skipf("the samples are not there; put a copy of the project at $%s/%s", samplesVar, places[0])
	return ""
}

// A verdict is what comes of comparing one sample with its annotation.
type verdict struct {
	id     string // of the case, the same for every version of the project that has it
	line   string
	format string // that the line was read as; empty where none fits
	wrong  string // what differs; empty where all agrees
}

// name makes the id of a case from its file and its text, so that nothing of the text stands in our files.
func name(file, text string) string {
	sum := sha256.Sum256([]byte(text))
	return file + ":" + hex.EncodeToString(sum[:5])
}

// settle compares verdicts with the list of cases known to differ, testdata/<corpus>.differ, and logs the counts. Each line
// of the list is an id, or the name of a file for all of its cases, and the reason.
func settle(t *testing.T, corpus string, verdicts []verdict) {
	t.Helper()
	if len(verdicts) == 0 {
		t.Fatal("no cases at all")
	}
	path := filepath.Join("testdata", corpus+".differ")
	known := reasons(t, path)
	agree, foreign, counts := 0, 0, map[string]int{}
	kept := map[string]string{}
	differ := map[string]bool{} // files listed as a whole, and whether any of their cases differs
	for _, v := range verdicts {
		file, _, _ := strings.Cut(v.id, ":")
		reason, listed := known[v.id]
		whole, all := known[file]
		if strings.HasPrefix(v.wrong, "time") && strings.Contains(cmp.Or(reason, whole), "the time agrees") {
			t.Errorf("%s is said to agree in time, but differs: %s\n\t%s", v.id, v.wrong, v.line)
		}
		switch {
		case all:
			differ[file] = differ[file] || v.wrong != ""
			kept[file] = whole
			if v.wrong == "" {
				agree++
			} else if counts[whole]++; v.format == "" {
				foreign++
			}
		case v.wrong == "" && listed && !*update:
			t.Errorf("%s agrees now, but is listed: %s\n\t%s", v.id, reason, v.line)
		case v.wrong == "":
			agree++
		case !listed && !*update:
			t.Errorf("%s (%s) differs: %s\n\t%s", v.id, v.format, v.wrong, v.line)
		default:
			if v.format == "" {
				foreign++
			}
			kept[v.id] = cmp.Or(reason, "?")
			counts[kept[v.id]]++
		}
	}
	for file, some := range differ {
		if !some {
			t.Errorf("all cases of %s agree now, but it is listed: %s", file, known[file])
		}
	}
	if *update {
		var text strings.Builder
		for _, id := range slices.Sorted(maps.Keys(kept)) {
			fmt.Fprintf(&text, "%s\t%s\n", id, kept[id])
		}
		if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%s: %d cases, %d agree, %d differ, of which no format of tocsin fits %d", corpus, len(verdicts), agree, len(verdicts)-agree, foreign)
	for _, r := range slices.SortedFunc(maps.Keys(counts), func(a, b string) int { return cmp.Or(counts[b]-counts[a], cmp.Compare(a, b)) }) {
		t.Logf("%5d %s", counts[r], r)
		if r == "?" && !*update {
			t.Errorf("%s: some cases have no reason", path)
		}
	}
}

func reasons(t *testing.T, path string) map[string]string {
	text, err := os.ReadFile(path)
	if err != nil && !(*update && os.IsNotExist(err)) {
		t.Fatal(err)
	}
	known := map[string]string{}
	for line := range strings.Lines(string(text)) {
		id, reason, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !ok || reason == "" {
			t.Fatalf("%s: no reason in %q", path, line)
		}
		known[id] = reason
	}
	return known
}

// A reader reads lines as tocsin does.
type reader struct {
	zone     string
	received time.Time
	parsers  map[string]parser.Parser
	formats  parser.Set
}

func newReader(zone string, received time.Time) *reader {
	return &reader{zone: zone, received: received, parsers: map[string]parser.Parser{}, formats: catalog.Formats()}
}

// guess returns the format that a line is most likely of, by the line alone; empty when none is likely.
func (r *reader) guess(line string) string {
	best, most := "", 29
	for _, n := range slices.Sorted(maps.Keys(r.formats)) {
		if score := r.formats[n].Score; score != nil {
			if s := score([]byte(line)); s > most {
				best, most = n, s
			}
		}
	}
	return best
}

// read reads a line as one format and returns the events in it, each as its fields' texts.
func (r *reader) read(t *testing.T, format, line string) ([]map[string]any, error) {
	t.Helper()
	f := r.formats[format]
	p := r.parsers[format]
	if p == nil {
		config := f.Default()
		config.Base().Zone = r.zone
		var err error
		if p, err = config.New(); err != nil {
			t.Fatal(err)
		}
		r.parsers[format] = p
	}
	b := event.NewBuilder(f.Kind)
	if err := p.Parse(b, []byte(line), r.received.UnixNano()); err != nil {
		return nil, err
	}
	batch := b.Batch()
	var rows []map[string]any
	for i := range batch.Rows {
		var row map[string]any
		d := json.NewDecoder(strings.NewReader(string(batch.AppendJSON(nil, i))))
		d.UseNumber()
		if err := d.Decode(&row); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// text returns a field of an event as text; empty when it is missing.
func text(row map[string]any, field string) string {
	if v, ok := row[field]; ok {
		return fmt.Sprint(v)
	}
	return ""
}
