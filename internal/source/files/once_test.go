package files_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"tocsin/internal/fault"
	"tocsin/internal/fingerprint"
	"tocsin/internal/lines"
	"tocsin/internal/source/files"
)

// take reads a file as `tocsin ingest` does and notes how far it came; it returns what was new.
func take(t *testing.T, x *fingerprint.Index, path string) string {
	t.Helper()
	f, err := files.Open(path, x.Resume)
	if err != nil {
		t.Fatalf("Open(%s): %v", filepath.Base(path), err)
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		t.Fatalf("read %s: %v", filepath.Base(path), err)
	}
	if f.Taken() != f.Size {
		t.Errorf("%s: Taken = %d, want all %d bytes on disk", filepath.Base(path), f.Taken(), f.Size)
	}
	if f.ID != "" {
		x.Add(f.ID, f.From+int64(len(text)))
	}
	return string(text)
}

func pack(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, text)
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A file is taken once, whatever becomes of it in between, and goes on where it stopped when it has grown.
func TestTakenOnce(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, content := range []string{"one line only\n", "without an end", strings.Repeat("a line of some length, numbered not\n", 5000)} {
		var x fingerprint.Index
		must(os.WriteFile(path("a.log"), []byte(content), 0o644))
		if got := take(t, &x, path("a.log")); got != content {
			t.Fatalf("first: got %d bytes, want %d", len(got), len(content))
		}
		must(os.Rename(path("a.log"), path("b.log")))
		must(os.WriteFile(path("copy.log"), []byte(content), 0o644))
		must(os.WriteFile(path("b.log.gz"), []byte(pack(t, content)), 0o644))
		for _, name := range []string{"b.log", "copy.log", "b.log.gz"} {
			if got := take(t, &x, path(name)); got != "" {
				t.Errorf("%.10q: %s again: got %d bytes, want none", content, name, len(got))
			}
		}
		if !strings.HasSuffix(content, "\n") {
			continue // a line that goes on is another line
		}
		must(os.WriteFile(path("b.log"), []byte(content+"more\n"), 0o644))
		if got := take(t, &x, path("b.log")); got != "more\n" {
			t.Errorf("%.10q: grown: got %d bytes, want what is new", content, len(got))
		}
		must(os.WriteFile(path("b.log.gz"), []byte(pack(t, content+"more\nand more\n")), 0o644))
		if len(content) > 1000 {
			if got := take(t, &x, path("b.log.gz")); got != "more\nand more\n" && got != "and more\n" {
				t.Errorf("%.10q: packed and grown: got %d bytes, want what is new", content, len(got))
			}
		}
	}
}

func TestOpenWhatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	unknown := func(string) (int64, bool) { return 0, false }
	if _, err := files.Open(filepath.Join(dir, "absent"), unknown); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Open(absent) = %v, want it to say so", err)
	}
	if _, err := files.Open(dir, unknown); !errors.Is(err, fault.Invalid) {
		t.Errorf("Open(a directory) = %v, want it to be invalid", err)
	}
	packed := pack(t, strings.Repeat("a line that is in the file\n", 100_000))
	path := filepath.Join(dir, "cut.gz")
	if err := os.WriteFile(path, []byte(packed[:len(packed)/2]), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := files.Open(path, unknown)
	if err != nil {
		t.Fatalf("Open(a file that was cut): %v", err)
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	var damaged *lines.Damaged
	if !errors.As(err, &damaged) || !damaged.Truncated() || damaged.Offset != int64(len(text)) || len(text) == 0 {
		t.Errorf("reading a file that was cut: %d bytes, %v, want what there is and where it ends", len(text), err)
	}
	if f.ID == "" || f.Compression != lines.Gzip {
		t.Errorf("a file that was cut: id %q of %s, want an id, gzip", f.ID, f.Compression)
	}
}

func TestOpenEmpty(t *testing.T) {
	path := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := files.Open(path, func(string) (int64, bool) { return 0, false })
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if text, err := io.ReadAll(f); len(text) > 0 || err != nil || f.ID != "" {
		t.Errorf("an empty file: %q, %v, id %q, want nothing", text, err, f.ID)
	}
}
