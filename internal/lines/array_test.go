package lines_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/lines"
	"tocsin/internal/parser"
	"tocsin/internal/source"
)

// elements reads everything, copying the data, with what had begun at the end.
func elements(s *lines.ArraySplitter) (records []source.Record, err error) {
	for {
		some, err := s.Next()
		for _, r := range some {
			r.Data = bytes.Clone(r.Data)
			records = append(records, r)
		}
		if err == nil {
			continue
		}
		if r, ok := s.Rest(); ok {
			r.Data = bytes.Clone(r.Data)
			records = append(records, r)
		}
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return records, err
	}
}

var layouts = []struct {
	name, text string
	want       []string // from-to:data
	nested     bool
}{
	{"nothing", "", nil, false},
	{"empty array", "[]\n", nil, true},
	{"empty records", `{"Records":[]}`, nil, true},
	{"array", `[{"a":1},{"b":[2]}]`, []string{`1-8:{"a":1}`, `9-18:{"b":[2]}`}, true},
	{"laid out", "[\n  {\n \"a\": 1\n  }\n]\n", []string{"4-17:{\n \"a\": 1\n  }"}, true},
	{"records", `{"Records":[{"a":1},{"b":2}]}`, []string{`12-19:{"a":1}`, `20-27:{"b":2}`}, true},
	{"records last", `{"v":[{"x":"Records"}],"Records" : [{"a":1}]}`, []string{`36-43:{"a":1}`}, true},
	{"records first", `{"Records":[{"a":1}],"next":{"Records":[{"no":1}]},"s":"]}"}` + "\n" + `{"b":2}`, []string{`12-19:{"a":1}`, `61-68:{"b":2}`}, true},
	{"two files in one", `{"Records":[{"a":1}]}{"Records":[{"b":1}]}`, []string{`12-19:{"a":1}`, `33-40:{"b":1}`}, true},
	{"mark", "\xef\xbb\xbf" + `[{"a":1}]`, []string{`4-11:{"a":1}`}, true},
	{"brackets in strings", `[{"a":"]}\"}\\"},{"\\\"]":"["}]`, []string{`1-16:{"a":"]}\"}\\"}`, `17-30:{"\\\"]":"["}`}, true},
	{"records elsewhere", `{"a":{"Records":[1]},"b":"Records"}`, []string{`0-35:{"a":{"Records":[1]},"b":"Records"}`}, false},
	{"records of no array", `{"Records":{"a":[1]}}`, []string{`0-21:{"Records":{"a":[1]}}`}, false},
	{"records null", `{"Records":null,"a":[1]}`, []string{`0-24:{"Records":null,"a":[1]}`}, false},
	{"lines", "{\"a\":1}\n{\"b\":2}\n", []string{`0-7:{"a":1}`, `8-15:{"b":2}`}, false},
	{"objects without lines", `{"a":1} {"b":2}`, []string{`0-7:{"a":1}`, `8-15:{"b":2}`}, true},
	{"objects over lines", "{\n\"a\":1\n}\n{\n\"b\":2}", []string{"0-9:{\n\"a\":1\n}", "10-18:{\n\"b\":2}"}, true},
	{"other elements", `[{}, 1 ,"a]", null,[{"b":2}]]`, []string{`1-3:{}`, `5-6:1`, `8-12:"a]"`, `14-18:null`, `19-28:[{"b":2}]`}, true},
	{"foul elements", "[{\"a\":1}} xx {\"b\":2}, }\n,{\"c\":3}]", []string{`1-8:{"a":1}`, `8-12:} xx`, `13-20:{"b":2}`, `22-23:}`, `25-32:{"c":3}`}, true},
	{"foul line between", "{\"a\":1}\nwhat [is] {this}\n{\"b\":2}", []string{`0-7:{"a":1}`, `8-24:what [is] {this}`, `25-32:{"b":2}`}, false},
	{"commas astray", `[,{"a":1},,{"b":2},]`, []string{`2-9:{"a":1}`, `11-18:{"b":2}`}, false},
	{"cut off", `[{"a":1},{"b":`, []string{`1-8:{"a":1}`, `9-14:{"b":`}, true},
	{"cut off in a string", `[{"a":"\`, []string{`1-8:{"a":"\`}, true},
	{"cut off between", `{"Records":[{"a":1},`, []string{`12-19:{"a":1}`}, true},
	{"cut off before", `{"version":1,"Records"`, []string{`0-22:{"version":1,"Records"`}, false},
	{"closed too often", "[{\"a\":1}]]}\n[{\"b\":1}]", []string{`1-8:{"a":1}`, `9-11:]}`, `13-20:{"b":1}`}, true},
}

func describe(records []source.Record) (all []string) {
	for _, r := range records {
		all = append(all, fmt.Sprintf("%d-%d:%s", r.From, r.To, r.Data))
	}
	return all
}

func TestArray(t *testing.T) {
	for _, c := range layouts {
		for name, r := range map[string]io.Reader{"whole": strings.NewReader(c.text), "bytes": iotest.OneByteReader(strings.NewReader(c.text)), "with end": iotest.DataErrReader(strings.NewReader(c.text))} {
			records, err := elements(lines.NewArraySplitter(r, 0))
			if diff := cmp.Diff(c.want, describe(records)); diff != "" || err != nil {
				t.Errorf("%s, %s: %v (-want +got):\n%s", c.name, name, err, diff)
			}
		}
		if got := lines.Nested([]byte(c.text)); got != c.nested {
			t.Errorf("Nested(%q) = %v, want %v", c.text, got, c.nested)
		}
	}
}

// Reading that ended behind any record goes on there and gives the others.
func TestArrayResumed(t *testing.T) {
	for _, c := range layouts {
		if c.name == "foul elements" { // what no comma stands before is then taken by the line
			continue
		}
		records, _ := elements(lines.NewArraySplitter(strings.NewReader(c.text), 0))
		for i, r := range records {
			s := lines.NewArraySplitter(strings.NewReader(c.text[r.To:]), r.To)
			if s.Offset() != r.To {
				t.Errorf("%s: Offset = %d before reading, want %d", c.name, s.Offset(), r.To)
			}
			rest, err := elements(s)
			if diff := cmp.Diff(describe(records[i+1:]), describe(rest)); diff != "" || err != nil {
				t.Errorf("%s, resumed at %d: %v (-want +got):\n%s", c.name, r.To, err, diff)
			}
		}
	}
}

func TestNestedOfForeignText(t *testing.T) {
	for text, want := range map[string]bool{
		"[2024-03-10 12:00:00] {\"a\":1}\n": false,
		"[\n":                               false,
		"{ not json\n":                      false,
		"{\"a\":\"open\n{\"b\":1}\n":        false,
		"{\"a\":1,\n{\"b\":1}\n":            false,
		"{\"a\":[\n{\"b\":1}]}\n":           true,
		"{\"a\":1}\r\n{\"Records\":[{}]}\n": false,
		"127.0.0.1 - - [10/Oct/2000:13:55:36 -0700] \"GET /\"\n": false,
		" \n{\n  \"Records\": [\n":                               true,
		`{"a":"` + strings.Repeat("x", 5000):                     false,
	} {
		if got := lines.Nested([]byte(text)); got != want {
			t.Errorf("Nested(%.60q) = %v, want %v", text, got, want)
		}
	}
}

// Whatever the elements hold and however the stream arrives, they come out as encoding/json sees them.
func TestArrayLikeEncodingJSON(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 150 {
		var want []string
		var text bytes.Buffer
		text.WriteString([]string{"[", `{"Records":[`, `{"v":{"w":["]"]}, "Records": [`}[rng.IntN(3)])
		end := "]"
		if text.Bytes()[0] == '{' {
			end = "]}"
		}
		for i := range rng.IntN(40) {
			v, err := json.Marshal(map[string]any{"text": awkward(rng), awkward(rng)[:1]: []any{1, awkward(rng), map[string]any{"Records": []int{1}}}})
			if err != nil {
				t.Fatal(err)
			}
			if i > 0 {
				text.WriteString(",")
			}
			if rng.IntN(2) == 0 {
				var pretty bytes.Buffer
				if err := json.Indent(&pretty, v, "", "  "); err != nil {
					t.Fatal(err)
				}
				v = pretty.Bytes()
			}
			want = append(want, string(v))
			text.Write(v)
		}
		text.WriteString(end)
		got, err := elements(lines.NewArraySplitter(&ragged{text: text.Bytes(), rng: rng}, 0))
		if err != nil || len(got) != len(want) {
			t.Fatalf("%d elements, %v, want %d of %.200s", len(got), err, len(want), text.Bytes())
		}
		for i := range want {
			if string(got[i].Data) != want[i] || string(text.Bytes()[got[i].From:got[i].To]) != want[i] {
				t.Fatalf("element %d is %.200q, want %.200q", i, got[i].Data, want[i])
			}
		}
	}
}

func awkward(rng *rand.Rand) string {
	parts := []string{`"`, `\`, "[", "]", "{", "}", ",", ":", "Records", `\"`, "é", "\n", " "}
	var s strings.Builder
	for range 1 + rng.IntN(30) {
		s.WriteString(parts[rng.IntN(len(parts))])
	}
	return strings.Repeat(s.String(), 1+rng.IntN(500)*(1/(1+rng.IntN(10))))
}

// FuzzArray wants any text, in any pieces, to be cut in the same places, all of it that is no space, comma or frame to be in
// a record, and reading to go on behind each record as it would have.
func FuzzArray(f *testing.F) {
	for _, c := range layouts {
		f.Add([]byte(c.text), uint16(1))
	}
	f.Fuzz(func(t *testing.T, text []byte, at uint16) {
		whole, err := elements(lines.NewArraySplitter(bytes.NewReader(text), 0))
		if err != nil {
			t.Fatal(err)
		}
		pieces, _ := elements(lines.NewArraySplitter(iotest.OneByteReader(bytes.NewReader(text)), 0))
		if diff := cmp.Diff(describe(whole), describe(pieces)); diff != "" {
			t.Fatalf("%q (-whole +byte by byte):\n%s", text, diff)
		}
		end := int64(0)
		for _, r := range whole {
			if r.From < end || r.To <= r.From || !bytes.Equal(text[r.From:r.To], r.Data) {
				t.Fatalf("%q: record %d-%d behind %d is %q", text, r.From, r.To, end, r.Data)
			}
			end = r.To
		}
		if json.Valid(text) && bytes.HasPrefix(text, []byte("[")) {
			var want []json.RawMessage
			if err := json.Unmarshal(text, &want); err == nil && len(want) != len(whole) {
				t.Fatalf("%q: %d records, want %d", text, len(whole), len(want))
			}
		}
		lines.Nested(text)
	})
}

// Elements around the limit, and far beyond it, keep their beginning, their range and the elements behind them.
func TestLongElements(t *testing.T) {
	for _, n := range []int{parser.MaxRecord - 9, parser.MaxRecord - 8, parser.MaxRecord - 7, 2 * parser.MaxRecord, 2*parser.MaxRecord + 1, 5*parser.MaxRecord + 3} {
		for _, fill := range []string{"x", `\"`, `\\`, "]"} {
			long := `{"a":"` + strings.Repeat(fill, n/len(fill)) + `"}`
			text := `{"Records":[{"b":1},` + long + `,{"c":"` + `"}]}`
			for name, r := range map[string]io.Reader{"whole": strings.NewReader(text), "halves": iotest.HalfReader(strings.NewReader(text))} {
				got, err := elements(lines.NewArraySplitter(r, 0))
				if err != nil || len(got) != 3 {
					t.Fatalf("%d, %s: %d records, %v, want 3", n, name, len(got), err)
				}
				r := got[1]
				if r.From != 20 || r.To != 20+int64(len(long)) || r.Cut != (len(long) > parser.MaxRecord) || string(r.Data) != long[:min(len(long), parser.MaxRecord)] {
					t.Errorf("%d, %s: %d bytes %d-%d cut %v of %d bytes", n, name, len(r.Data), r.From, r.To, r.Cut, len(long))
				}
				if string(got[2].Data) != `{"c":""}` {
					t.Errorf("%d, %s: behind it %.100q", n, name, got[2].Data)
				}
			}
		}
	}
}

// repeated gives a beginning, and then one text over and over.
type repeated struct {
	first, text string
	left, at    int
}

func (r *repeated) Read(p []byte) (n int, err error) {
	if r.first != "" {
		n = copy(p, r.first)
		r.first = r.first[n:]
		return n, nil
	}
	for n < len(p) && r.left > 0 {
		c := copy(p[n:], r.text[r.at:])
		n += c
		if r.at += c; r.at == len(r.text) {
			r.at = 0
			r.left--
		}
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func TestHugeFilesTakeBoundedMemory(t *testing.T) {
	const size = 64 << 20
	element := `{"a":"` + strings.Repeat("x", 1200) + `"},`
	for name, r := range map[string]*repeated{
		"elements":  {first: `{"Records":[`, text: element, left: size / len(element)},
		"a string":  {first: `[{"a":"`, text: strings.Repeat("x", 1000), left: size / 1000},
		"escapes":   {first: `[{"a":"`, text: strings.Repeat(`\\`, 500), left: size / 1000},
		"brackets":  {first: `[`, text: strings.Repeat("[", 1000), left: size / 1000},
		"a word":    {first: `[1`, text: strings.Repeat("1", 1000), left: size / 1000},
		"space":     {first: `[`, text: strings.Repeat(" ", 1000), left: size / 1000},
		"an object": {first: `{"a":`, text: strings.Repeat("{", 1000), left: size / 1000},
		"no frame":  {first: `{"Records":[],"a":"`, text: strings.Repeat("x", 1000), left: size / 1000},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s := lines.NewArraySplitter(r, 0)
		for {
			if _, err := s.Next(); err != nil {
				break
			}
		}
		s.Rest()
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20 {
			t.Errorf("%s: 64 MiB took %d bytes of memory, want less than 4 MiB", name, grown)
		}
	}
}

// Files as CloudTrail users have them, pretty-printed here, and in one line as AWS delivers them.
func TestRealFiles(t *testing.T) {
	paths, err := filepath.Glob("../../testdata/real/cloudtrail/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no real files (%v)", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var want []json.RawMessage
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		var line bytes.Buffer
		if err := json.Compact(&line, fmt.Appendf(nil, `{"Records":%s}`, text)); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string][]byte{"as it is": text, "in one line": line.Bytes()} {
			if !lines.Nested(text[:min(len(text), 512)]) {
				t.Errorf("%s, %s: Nested = false, want true", path, name)
			}
			got, err := elements(lines.NewArraySplitter(bytes.NewReader(text), 0))
			if err != nil || len(got) != len(want) {
				t.Errorf("%s, %s: %d records, %v, want %d", path, name, len(got), err, len(want))
				continue
			}
			for i := range want {
				var a, b bytes.Buffer
				if json.Compact(&a, want[i]) != nil || json.Compact(&b, got[i].Data) != nil || !bytes.Equal(a.Bytes(), b.Bytes()) {
					t.Errorf("%s, %s: record %d is %.100q, want %.100q", path, name, i, got[i].Data, want[i])
				}
			}
		}
	}
}

func TestArrayEnd(t *testing.T) {
	for text, want := range map[string]int64{
		"": 0, "[]\n": 3, `{"Records":[{}],"a":1}` + "\n\n": 24, `[{}`: 3, `[{},`: 3, `[{},{`: 5, `{"Records":[{}]`: 14,
	} {
		s := lines.NewArraySplitter(strings.NewReader(text), 0)
		if _, err := elements(s); err != nil {
			t.Fatal(err)
		}
		if got := s.End(); got != want {
			t.Errorf("End of %q = %d, want %d", text, got, want)
		}
	}
}

func TestArrayGrowing(t *testing.T) {
	var file bytes.Buffer
	s := lines.NewArraySplitter(&file, 0)
	for _, step := range []struct{ more, want string }{
		{"", ""}, {`[{"a"`, ""}, {`:1}`, `{"a":1}`}, {`,{"b`, ""}, {`":1}, 2`, `{"b":1}`}, {`3 ]`, "23"}, {"\n", ""},
	} {
		file.WriteString(step.more)
		got, err := s.Next()
		if step.want == "" && !errors.Is(err, io.EOF) || step.want != "" && (len(got) != 1 || string(got[0].Data) != step.want) {
			t.Fatalf("behind %q: Next = %s, %v, want %q", step.more, describe(got), err, step.want)
		}
	}
	if r, ok := s.Rest(); ok {
		t.Errorf("Rest = %q, want nothing", r.Data)
	}
}

func TestArrayOfReaderThatNeverGives(t *testing.T) {
	if _, err := lines.NewArraySplitter(never{}, 0).Next(); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("Next = %v, want io.ErrNoProgress", err)
	}
}

func BenchmarkArray(b *testing.B) {
	element := `{"eventVersion":"1.08","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::123456789012:user/frank"},"text":"` + strings.Repeat("x", 300) + `"}`
	text := []byte(`{"Records":[` + strings.Repeat(element+",", 20_000) + element + `]}`)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		s := lines.NewArraySplitter(bytes.NewReader(text), 0)
		n := 0
		for {
			some, err := s.Next()
			if n += len(some); err != nil {
				break
			}
		}
		if n != 20_001 {
			b.Fatalf("%d elements", n)
		}
	}
}
