package files_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"tocsin/internal/source/files"
)

// document is a file as CloudTrail delivers it, and its records.
func document(first, n int) (text string, records []string) {
	for i := range n {
		records = append(records, fmt.Sprintf(`{"eventVersion":"1.08","eventID":"%d","note":"},{ \"x\" ]}"}`, first+i))
	}
	return `{"Records":[` + strings.Join(records, ",") + `]}`, records
}

// Whole files of records that come into a directory are each read once, whatever their compression, also over a restart, and
// by the hundred.
func TestDocuments(t *testing.T) {
	r := newRig(t)
	var want []string
	for i := range 60 {
		text, records := document(i*1000, 1+i%7)
		want = append(want, records...)
		if i%3 == 0 {
			r.write(fmt.Sprintf("%03d.json", i), text)
		} else {
			r.write(fmt.Sprintf("%03d.json.gz", i), pack(t, text))
		}
	}
	r.write("empty.json.gz", pack(t, `{"Records":[]}`))
	r.write("array.json", "\ufeff[\n {\"a\":1},\n {\"a\":2}\n]\n")
	want = append(want, `{"a":1}`, `{"a":2}`)
	slices.Sort(want)
	options := func() files.Options { return files.Options{Paths: []string{"*.json", "*.json.gz"}} }
	r.start(options())
	all := func() bool { return len(r.journal.has()) >= len(want) }
	r.await("all records", all)
	r.stop()
	r.start(options())
	text, records := document(90_000, 3)
	r.write("later.json.gz", pack(t, text))
	want = append(want, records...)
	slices.Sort(want)
	r.await("those of a later file", all)
	got := r.journal.has()
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("read %d records, want %d, each once", len(got), len(want))
	}
	if r.said("level=WARN") {
		t.Errorf("said: %s", r.logged.String())
	}
}

// squeezed compresses a text in one of the ways that are recognised.
func squeezed(t *testing.T, how, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	switch how {
	case "gzip":
		w := gzip.NewWriter(&b)
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	case "zstd":
		w, err := zstd.NewWriter(&b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	default:
		c := exec.Command("bzip2", "-1")
		c.Stdin, c.Stdout = strings.NewReader(text), &b
		if err := c.Run(); err != nil {
			t.Skipf("bzip2: %v", err)
		}
	}
	return b.Bytes()
}

// Of a compressed file that ends early what could be read is kept, and the place told; when the rest has come it is read on,
// also when the whole file takes the place of the cut one. No line counts twice, and none is cut.
func TestTruncatedThenWhole(t *testing.T) {
	for _, how := range []string{"gzip", "zstd", "bzip2"} {
		for _, nested := range []bool{false, true} {
			for _, replaced := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/nested=%v/replaced=%v", how, nested, replaced), func(t *testing.T) {
					t.Parallel()
					text, want := document(0, 30_000)
					if !nested {
						text = strings.Join(want, "\n") + "\n"
					}
					packed := squeezed(t, how, text)
					r := newRig(t)
					r.write("a.gz", string(packed[:len(packed)*2/3]))
					r.start(files.Options{Paths: []string{"*.gz"}})
					r.await("the place", func() bool { return r.said("the data ends early, behind ") && len(r.journal.has()) > 100 })
					if n := len(r.journal.has()); n >= len(want) {
						t.Fatalf("%d records of a cut file, want fewer than %d", n, len(want))
					}
					if replaced {
						r.must(os.WriteFile(r.path("whole.tmp"), packed, 0o600))
						r.must(os.Rename(r.path("whole.tmp"), r.path("a.gz")))
					} else {
						r.must(os.WriteFile(r.path("a.gz"), packed, 0o600))
					}
					r.await("the rest", func() bool { return len(r.journal.has()) >= len(want) })
					r.stop()
					got := r.journal.has()
					if !slices.Equal(got, want) {
						t.Errorf("read %d records, want these %d in their order", len(got), len(want))
					}
				})
			}
		}
	}
}
