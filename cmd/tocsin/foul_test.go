package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"tocsin/internal/api"
)

// A foulFile is one that no reader would wish for.
type foulFile struct {
	name    string
	content string
	args    []string
	events  int64  // that are taken of it all the same
	bad     int64  // lines that are rejected; -1: any number
	code    int    // of ingest
	says    string // on standard error
}

func packed(t *testing.T, text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func zpacked(t *testing.T, text string) string {
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(z.EncodeAll([]byte(text), nil))
}

// noise is what no format and no compression begins with, without line ends.
func noise(n int) string {
	b := make([]byte, n)
	x := uint32(2463534242)
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = byte(x) | 0x80
	}
	return string(b)
}

// packedEvents are in the files that are compressed, and cut then.
const packedEvents = 20_000

func manyEvents() string { return good("packed", packedEvents) }

// good returns so many lines that are well, with ids that begin alike.
func good(prefix string, n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, `{"@timestamp":"2020-11-01T10:00:%02dZ","event.id":"%s%d"}`+"\n", i%60, prefix, i)
	}
	return text.String()
}

func foulFiles(t *testing.T) []foulFile {
	many := manyEvents()
	return []foulFile{
		{name: "empty.log", code: 0},
		{name: "blank.log", content: "\n\n\n"},
		{name: "binary.log", content: noise(100_000), code: 1, says: "binary.log"},
		{name: "binary-by-name.log", content: noise(100_000), args: []string{"--format", "jsonlines"}, bad: 1, code: 1, says: "binary-by-name.log:1"},
		{name: "endless.log", content: good("endless", 3) + `{"message":"` + strings.Repeat("x", 40<<20) + "\n" + good("after", 2), events: 5, bad: 1, says: "endless.log:4"},
		{name: "endless-only.log", content: strings.Repeat("x", 10<<20), code: 1, says: "endless-only.log"},
		{name: "half.log", content: good("half", 2) + `{"@timestamp":"2020-11-01T10:00:00Z","mess`, events: 2, bad: 1, says: "half.log:3"},
		{name: "utf8.log", content: good("utf8", 1) + "{\"@timestamp\":\"2020-11-01T10:00:00Z\",\"event.id\":\"utf8-bad\",\"message\":\"a\xff\xfe\xc3b\"}\n", events: 2},
		{name: "nul.log", content: "\x00\x00\x00" + good("nul", 1) + "\x00\x00\n{\"event.id\":\"nul\x00inside\"}\n" + good("behind", 1), events: 2, bad: 1, says: "nul.log:"},
		{name: "cut.log.gz", content: packed(t, many)[:len(packed(t, many))/2], code: 1, events: -1, says: "cut.log.gz: unpack gzip: the data ends early"},
		{name: "cut.log.zst", content: zpacked(t, many)[:len(zpacked(t, many))*3/4], code: 1, events: -1, says: "cut.log.zst: "},
		{name: "header.log.gz", content: "\x1f\x8b\x08", code: 1, says: "header.log.gz"},
		// What a flipped byte makes of the text behind it is seen only by the checksum at the end.
		{name: "flipped.log.gz", content: flipped(packed(t, good("flipped", packedEvents))), code: 1, events: -1, bad: -1, says: "flipped.log.gz: unpack gzip"},
		{name: "tail.log.gz", content: packed(t, good("tail", 3)) + "garbage behind", code: 1, events: 3, says: "tail.log.gz: "},
		{name: "wrong.log", content: good("wrong", 3), args: []string{"--format", "combined"}, bad: 3, code: 1, says: "wrong.log:1: .*\n.*wrong.log:2"},
		{name: "mixed.log", content: "Mon is no time\n" + good("mixed", 6) + "<script>\n", events: 6, bad: 2, says: "mixed.log:1.*\n.*mixed.log:8"},
	}
}

// flipped turns a few bytes in the middle over.
func flipped(s string) string {
	b := []byte(s)
	for i := range 8 {
		b[len(b)/2+i] ^= 0x5a
	}
	return string(b)
}

// Foul files cost what is foul of them and nothing else: what can be read is, the rest is told with its place, and no file
// keeps another from being read.
func TestFoulFiles(t *testing.T) {
	t.Parallel()
	dir, data := t.TempDir(), t.TempDir()
	config := filepath.Join(dir, "tocsin.yaml")
	write(t, config, quietConfig, 0o600)
	for _, f := range foulFiles(t) {
		path := filepath.Join(dir, f.name)
		write(t, path, f.content, 0o600)
		cmd := command(t, data, "", append([]string{"ingest", "--config", config, "-o", "json", path}, f.args...)...)
		var out, said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &said
		code := exitCode(t, cmd.Run())
		var a api.IngestAnswer
		if out.Len() > 0 {
			if err := json.Unmarshal(out.Bytes(), &a); err != nil {
				t.Fatalf("%s: %v: %s", f.name, err, out.String())
			}
		}
		if code != f.code || f.events >= 0 && a.Events != f.events && out.Len() > 0 || f.bad >= 0 && a.Rejected != f.bad {
			t.Errorf("%s: exit code %d, %d events, %d rejected; want %d, %d, %d\n%.2000s%.2000s", f.name, code, a.Events, a.Rejected, f.code, f.events, f.bad, out.String(), said.String())
		}
		if !found(said.String(), f.says) || strings.Contains(said.String(), "goroutine ") {
			t.Errorf("%s: says %.2000q, want %s", f.name, said.String(), f.says)
		}
	}
	if os.Geteuid() != 0 {
		path := filepath.Join(dir, "closed.log")
		write(t, path, "x\n", 0o000)
		if out, err := command(t, data, "", "ingest", "--config", config, path).CombinedOutput(); exitCode(t, err) != 1 || !found(string(out), "permission denied") {
			t.Errorf("unreadable file: %v: %s", err, out)
		}
	}
	for _, path := range []string{dir, filepath.Join(dir, "nosuch.log"), "/dev/null/x"} {
		if out, err := command(t, data, "", "ingest", "--config", config, path).CombinedOutput(); exitCode(t, err) != 1 || len(out) == 0 {
			t.Errorf("ingest %s: %v: %s", path, err, out)
		}
	}
	// Of the files that were cut the beginning is there. When the whole comes, the rest is added.
	whole := filepath.Join(dir, "whole.log")
	write(t, whole, manyEvents(), 0o600)
	out, err := command(t, data, "", "ingest", "--config", config, "-o", "json", whole).Output()
	var rest api.IngestAnswer
	if err := errors.Join(err, json.Unmarshal(out, &rest)); err != nil || rest.Events == 0 || rest.Events >= packedEvents {
		t.Errorf("the whole of what was cut adds %d events of %d, %v; want only those behind the cut", rest.Events, packedEvents, err)
	}
	out, err = command(t, data, "", "top", "event.id", "--config", config, "-o", "csv", "--where", `event.id startsWith "packed"`, "--limit", "100000").Output()
	if err != nil {
		t.Fatal(err)
	}
	if once := strings.Count(string(out), ",1\n"); once != packedEvents || strings.Count(string(out), "\n") != packedEvents+1 {
		t.Errorf("%d events of the files that were cut are there once, of %d values; want %d of %[3]d", once, strings.Count(string(out), "\n")-1, packedEvents)
	}
}

func exitCode(t *testing.T, err error) int {
	t.Helper()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0
}

// found reports whether a pattern is in a text; an empty one stands for nothing at all.
func found(text, pattern string) bool {
	if pattern == "" {
		return text == ""
	}
	return regexp.MustCompile(pattern).MatchString(text)
}

// A daemon follows foul files too: it lives, takes what is good of them, once, and goes on when a line is completed, a file
// is rotated away, or another takes its name.
func TestFollowFoulFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config, logs := filepath.Join(dir, "tocsin.yaml"), filepath.Join(dir, "logs")
	if err := os.Mkdir(logs, 0o700); err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, f := range foulFiles(t) {
		if filepath.Ext(f.name) == ".log" {
			write(t, filepath.Join(logs, f.name), f.content, 0o600)
		}
	}
	for prefix, n := range map[string]int{"endless": 3, "after": 2, "half": 2, "utf8": 1, "nul": 1, "behind": 1, "mixed": 6, "wrong": 3} {
		for i := range n {
			want = append(want, fmt.Sprint(prefix, i))
		}
	}
	want = append(want, "utf8-bad")
	write(t, config, fmt.Sprintf(reloadConfig, fmt.Sprintf("{name: logs, paths: [%q]}", filepath.Join(logs, "*.log")), ""), 0o600)
	d := start(t, filepath.Join(dir, "data"), config, "")
	d.eventually("what is good is taken", func() bool { return exactly(d.events(), want...) })

	half := filepath.Join(logs, "half.log")
	extend(t, half, `age":"whole now","event.id":"completed"}`+"\n")
	want = append(want, "completed")
	d.eventually("the line is completed", func() bool { return exactly(d.events(), want...) })
	if err := os.Rename(half, filepath.Join(logs, "half.log.1")); err != nil {
		t.Fatal(err)
	}
	extend(t, filepath.Join(logs, "half.log.1"), good("late", 1)) // its writer has not noticed yet
	extend(t, half, good("anew", 2))
	want = append(want, "late0", "anew0", "anew1")
	d.eventually("the file is rotated", func() bool { return exactly(d.events(), want...) })
	if err := errors.Join(os.Remove(half), os.Remove(filepath.Join(logs, "half.log.1"))); err != nil {
		t.Fatal(err)
	}
	extend(t, filepath.Join(logs, "last.log"), good("last", 1))
	want = append(want, "last0")
	d.eventually("files are gone, others come", func() bool { return exactly(d.events(), want...) })
	d.stop()
	d = start(t, d.dir, config, "")
	extend(t, filepath.Join(logs, "last.log"), good("again", 1))
	want = append(want, "again0")
	d.eventually("nothing is read twice after a restart", func() bool { return exactly(d.events(), want...) })
	d.stop()
}
