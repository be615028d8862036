package hdfs_test

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"tocsin/internal/event"
	"tocsin/internal/parser/hdfs"
	"tocsin/internal/parser/parsertest"
)

func TestContract(t *testing.T) { parsertest.Run(t, hdfs.Format(), hdfs.Sample) }

func FuzzParse(f *testing.F) { parsertest.Fuzz(f, hdfs.Format()) }

// FuzzColumns holds the columns to encoding/csv: what a writer of CSV puts into them comes out again.
func FuzzColumns(f *testing.F) {
	f.Add("plain", "E1")
	f.Add(`with "quotes", commas`, `"`)
	f.Add(`"`, `,""`)
	p, err := hdfs.Default().New()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, content, template string) {
		if strings.ContainsAny(content+template, "\r\n") || strings.TrimSpace(template) != template || !utf8.ValidString(content) || !utf8.ValidString(template) {
			return
		}
		var text strings.Builder
		w := csv.NewWriter(&text)
		if err := w.Write([]string{"1", "081109", "203615", "148", "INFO", "dfs.DataNode", content, "E1", template}); err != nil {
			t.Fatal(err)
		}
		w.Flush()
		rows, bad := parsertest.Rows(t, event.Log, p, []byte(text.String()), parsertest.Received)
		if bad != nil || len(rows) != 1 {
			t.Fatalf("%q: %v, %d rows", text.String(), bad, len(rows))
		}
		var got map[string]any
		if err := json.Unmarshal([]byte(rows[0]), &got); err != nil {
			t.Fatal(err)
		}
		label, _ := got["labels.event_template"].(string)
		if message, _ := got["message"].(string); message != content || label != template {
			t.Errorf("%q: got %q and %q, want %q and %q", text.String(), message, label, content, template)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	parsertest.Bench(b, hdfs.Format(), parsertest.Records(b, "testdata/csv/input.log")[1:])
}

func BenchmarkRaw(b *testing.B) {
	parsertest.Bench(b, hdfs.Format(), parsertest.Records(b, "testdata/raw/input.log"))
}

// Tables of other programs of Hadoop's kin have other columns in other places: they are not taken for this one.
func TestOtherTables(t *testing.T) {
	for line, want := range map[string]int{
		"1,081109,203615,148,INFO,dfs.DataNode,Receiving block,E1,Receiving block":                     95,
		`1,2015-10-18,"18:01:47,978",INFO,main,org.apache.Application,Created,E29,Created`:             0,
		`1,2015-07-29,"17:41:44,747",INFO,QuorumPeer,Election,774,Notification time out,E31,Timed out`: 0,
	} {
		if got := hdfs.Score([]byte(line)); got != want {
			t.Errorf("Score(%q) = %d, want %d", line, got, want)
		}
	}
}
