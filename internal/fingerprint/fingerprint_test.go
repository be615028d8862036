package fingerprint_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"tocsin/internal/fingerprint"
)

func file(device, inode uint64, content string) fingerprint.File {
	return fingerprint.File{Device: device, Inode: inode, Head: []byte(content[:min(len(content), fingerprint.Head)]),
		Look: func(offset int64) (int64, bool, error) {
			end := offset > 0 && offset <= int64(len(content)) && content[offset-1] == '\n'
			return int64(len(content)), end, nil
		}}
}

func log(first, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "2024-03-10T12:00:%05d host app: message number %d\n", first+i, first+i)
	}
	return b.String()
}

// A file keeps its name while it grows, over restarts at any size.
func TestNameOutlivesGrowth(t *testing.T) {
	for _, line := range []string{"x\n", log(0, 1), strings.Repeat("long", 200) + "\n", strings.Repeat("longer", 2000) + "\n", "\n"} {
		content := strings.Repeat(line, 200)
		for size := len(line); size < min(len(content), 3000); size += max(1, len(line)/3) {
			var x fingerprint.Index
			id, from, err := file(1, 2, content[:size]).Find(x.Resume)
			if id == "" && size < fingerprint.Head && !strings.Contains(content[:size], "\n") {
				continue
			}
			if id == "" || from != 0 || err != nil {
				t.Fatalf("Find at size %d = %q, %d, %v, want a new name", size, id, from, err)
			}
			x.Add(id, int64(size))
			for grown := size; grown < len(content); grown += 1 + grown/2 {
				again, from, err := file(1, 2, content[:grown]).Find(x.Resume)
				if again != id || from != int64(size) || err != nil {
					t.Fatalf("%.10q: Find at size %d, known as %q from size %d = %q, %d, %v", line, grown, id, size, again, from, err)
				}
			}
		}
	}
}

func TestFind(t *testing.T) {
	type known struct {
		device, inode uint64
		content       string
		to            int
	}
	a, b := log(0, 100), log(500, 100)
	small := log(0, 1)
	packed := file(5, 6, a)
	packed.Whole = true
	cut, whole, short := file(7, 8, a[:len(a)/2]), file(7, 8, a[:len(a)/2]), file(7, 8, a[:fingerprint.Head/2])
	cut.Broken, whole.Broken, short.Broken = func() bool { return true }, func() bool { return false }, cut.Broken
	for _, c := range []struct {
		name  string
		known []known
		file  fingerprint.File
		from  int
		same  bool // under the name of the last known file
	}{
		{"new", []known{{1, 2, a, 500}}, file(1, 3, b), 0, false},
		{"inode used again", []known{{1, 2, a, 500}}, file(1, 2, b), 0, false},
		{"grown", []known{{1, 2, a, 500}}, file(1, 2, a+b), 500, true},
		{"copy, all read", []known{{1, 2, a, len(a)}}, file(7, 8, a), len(a), false},
		{"copy, part read", []known{{1, 2, a, len(log(0, 40))}}, file(7, 8, a), len(log(0, 40)), false},
		{"copy of one known when it was small", []known{{1, 2, small, len(a)}}, file(7, 8, a), len(a), false},
		{"copy of one known when it was small, part read", []known{{1, 2, small, len(log(0, 40))}}, file(7, 8, a), len(log(0, 40)), false},
		{"not at a line end: another file", []known{{1, 2, a, 777}}, file(7, 8, a), 0, false},
		{"shorter copy: another file", []known{{1, 2, a, len(a)}}, file(7, 8, a[:len(a)/2]), 0, false},
		{"copy that was cut short", []known{{1, 2, a, len(a)}}, cut, len(a) / 2, false},
		{"copy that was cut short, of one of which less was read", []known{{1, 2, a, len(log(0, 40))}}, cut, len(log(0, 40)), false},
		{"copy that was cut short, beside another", []known{{3, 4, a, len(log(0, 40))}, {1, 2, a, len(a)}}, cut, len(a) / 2, false},
		{"shorter, and whole: another file", []known{{1, 2, a, len(a)}}, whole, 0, false},
		{"cut within its head: another file", []known{{1, 2, a, len(a)}}, short, 0, false},
		{"short head, same size", []known{{1, 2, "x\n", 30}}, file(7, 8, "x\n"+strings.Repeat("y", 27)+"\n"), 30, false},
		{"short head, other size", []known{{1, 2, "x\n", 10}}, file(7, 8, "x\n"+strings.Repeat("yyyyyyy\n", 27)), 0, false},
		{"packed, under the inode of its past", []known{{7, 8, a, len(a)}, {5, 6, a, 100}}, packed, len(a), true},
		{"own name before others of the content", []known{{5, 6, a, len(a)}, {7, 8, a, 100}}, file(7, 8, a), 100, true},
	} {
		var x fingerprint.Index
		id := ""
		for _, k := range c.known {
			id, _, _ = file(k.device, k.inode, k.content).Find(func(string) (int64, bool) { return 0, false })
			x.Add(id, int64(k.to))
		}
		got, from, err := c.file.Find(x.Resume)
		if from != int64(c.from) || err != nil || (got == id) != c.same {
			t.Errorf("%s: Find = %q, %d, %v, want offset %d, same name as %q: %v", c.name, got, from, err, c.from, id, c.same)
		}
	}
}

// A file that begins anew with the same head gets another name each time, also when the older ones were forgotten.
func TestGenerations(t *testing.T) {
	content := log(0, 50)
	var x fingerprint.Index
	seen := map[string]bool{}
	for i := range 5 {
		id, from, err := file(1, 2, content[:len(content)-i*100]).Find(x.Resume)
		if seen[id] || from != 0 || err != nil {
			t.Fatalf("generation %d: Find = %q, %d, %v, want a new name and 0", i, id, from, err)
		}
		seen[id] = true
		if i == 3 {
			x = fingerprint.Index{}
		}
		x.Add(id, int64(len(content)-i*100))
		again, from, err := file(1, 2, content[:len(content)-i*100]).Find(x.Resume)
		if again != id || from != int64(len(content)-i*100) || err != nil {
			t.Fatalf("generation %d: Find again = %q, %d, %v, want %q", i, again, from, err, id)
		}
	}
}

func TestNoCompleteLine(t *testing.T) {
	for _, content := range []string{"", "x", strings.Repeat("x", fingerprint.Head-1)} {
		if id, from, err := file(1, 2, content).Find(new(fingerprint.Index).Resume); id != "" || from != 0 || err != nil {
			t.Errorf("Find(%d bytes without a line end) = %q, %d, %v, want no name", len(content), id, from, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("file:1:2:3:abc")
	f.Add("file:fd00:ffff:1024:abc:7")
	f.Add("file:::5:abc")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := fingerprint.Parse(text)
		if err != nil {
			return
		}
		q, err := fingerprint.Parse(p.String())
		if err != nil || q != p {
			t.Errorf("Parse(%q) = %+v, read again %+v, %v", text, p, q, err)
		}
		var x fingerprint.Index
		x.Add(text, 5)
		if to, ok := x.Resume(text); to != 5 || !ok {
			t.Errorf("Resume(%q) = %d, %v, want 5", text, to, ok)
		}
	})
}

func TestLengths(t *testing.T) {
	if got := fingerprint.Lengths(bytes.Repeat([]byte("\n"), 5000)); len(got) != 16+6 || got[len(got)-1] != fingerprint.Head {
		t.Errorf("Lengths(line ends) = %v, want 22, the last one %d", got, fingerprint.Head)
	}
}
