package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// A modelRow is what a row should hold: field or label name to value as text.
type modelRow map[string]string

// stored lists the fields that a batch can hold.
func stored() []Field {
	return slices.DeleteFunc(Fields(), func(f Field) bool { return len(f.Any) > 0 || f.ID == TocsinFlags })
}

// draw sets random values of the row at hand and returns them as text.
func draw(t *rapid.T, b *Builder, fields []Field) modelRow {
	row := modelRow{}
	for range rapid.IntRange(0, 12).Draw(t, "fields") {
		f := fields[rapid.IntRange(0, len(fields)-1).Draw(t, "field")]
		switch f.Type {
		case String:
			v := rapid.SliceOfN(rapid.Byte(), 0, 12).Draw(t, "string")
			b.Str(f.ID, v)
			row[f.Name] = string(v)
		case IP:
			a := netip.AddrFrom4([4]byte{10, 0, rapid.Byte().Draw(t, "net"), 1})
			if rapid.Bool().Draw(t, "six") {
				a = netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", rapid.Uint16().Draw(t, "host")))
			}
			b.Addr(f.ID, a)
			row[f.Name] = a.String()
		case Uint:
			v := rapid.Uint64().Draw(t, "uint")
			b.Uint(f.ID, v)
			row[f.Name] = fmt.Sprint(v)
		case Float:
			v := rapid.Float64().Draw(t, "float")
			b.Float(f.ID, v)
			row[f.Name] = fmt.Sprint(v)
		case Bool:
			v := rapid.Bool().Draw(t, "bool")
			b.Bool(f.ID, v)
			row[f.Name] = fmt.Sprint(v)
		case Time:
			v := rapid.Int64Range(0, math.MaxInt64).Draw(t, "time")
			b.Time(f.ID, v)
			row[f.Name] = fmt.Sprint(v)
		default:
			v := rapid.Int64().Draw(t, "int")
			b.Int(f.ID, v)
			row[f.Name] = fmt.Sprint(v)
		}
	}
	for range rapid.IntRange(0, 3).Draw(t, "labels") {
		name, val := rapid.StringN(0, 6, 12).Draw(t, "label"), rapid.StringN(0, 6, 12).Draw(t, "value")
		b.Label([]byte(name), []byte(val))
		row["labels."+name] = val
	}
	return row
}

// read turns a row of a batch back into the model.
func read(b *Batch, row int) modelRow {
	got := modelRow{}
	for i := range b.Columns() {
		c := &b.Columns()[i]
		v, ok := c.Value(row)
		if !ok {
			continue
		}
		text := string(c.AppendValueText(nil, v))
		switch c.Field.Type {
		case Time:
			text = fmt.Sprint(c.Int(v))
		case Float:
			text = fmt.Sprint(c.Float(v))
		}
		got[c.Field.Name] = text
	}
	from, to := b.Labels.Of(row)
	for e := from; e < to; e++ {
		got["labels."+string(b.Labels.Names.At(int(b.Labels.Keys[e])))] = string(b.Labels.Vals.At(e))
	}
	return got
}

func equalRows(t *rapid.T, what string, b *Batch, want []modelRow) {
	t.Helper()
	if b.Rows != len(want) {
		t.Fatalf("%s: %d rows, want %d", what, b.Rows, len(want))
	}
	for i, row := range want {
		got := read(b, i)
		if fmt.Sprint(got) != fmt.Sprint(row) {
			t.Fatalf("%s: row %d is %q, want %q", what, i, got, row)
		}
	}
}

// Whatever is set, set twice, abandoned or left out: a batch holds just the rows of the model, so does its copy after
// encoding and decoding, so does one built row by row from it, and the builder starts afresh behind it.
func TestBatchHoldsWhatWasSet(t *testing.T) {
	fields := stored()
	rapid.Check(t, func(t *rapid.T) {
		b := NewBuilder(Log)
		for round := range 2 {
			var want []modelRow
			for range rapid.IntRange(0, 70).Draw(t, "rows") {
				row := draw(t, b, fields)
				if rapid.IntRange(0, 4).Draw(t, "abandon") == 0 {
					b.Abandon()
					continue
				}
				b.Next()
				want = append(want, row)
			}
			if rapid.Bool().Draw(t, "half a row") {
				draw(t, b, fields)
			}
			batch := b.Batch()
			equalRows(t, fmt.Sprintf("round %d", round), batch, want)

			batch.Backfill = rapid.Bool().Draw(t, "backfill")
			batch.Sources = []SourceRange{{ID: "file:1", From: 3, To: 1 << 40}}
			data := batch.Append([]byte("before"))[len("before"):]
			again, err := Decode(data)
			if err != nil {
				t.Fatalf("Decode: %v", err)
			}
			equalRows(t, "decoded", again, want)
			if again.Backfill != batch.Backfill || !slices.Equal(again.Sources, batch.Sources) || again.Kind != Log {
				t.Fatalf("decoded header is %v %v %v", again.Kind, again.Backfill, again.Sources)
			}
			if !bytes.Equal(again.Append(nil), data) {
				t.Fatal("encoding what was decoded gives other bytes")
			}
			copied := NewBuilder(Log)
			for i := range again.Rows {
				copied.AppendRow(again, i)
			}
			equalRows(t, "copied", copied.Batch(), want)
		}
	})
}

func TestDecodeRefusesEveryCut(t *testing.T) {
	data := sample(40).Append(nil)
	for n := range data {
		if b, err := Decode(data[:n]); err == nil {
			t.Fatalf("Decode of the first %d of %d bytes gave %d rows, want an error", n, len(data), b.Rows)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(sample(3).Append(nil))
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := Decode(slices.Clone(data))
		if err != nil {
			return
		}
		for i := range b.Rows {
			b.AppendJSON(nil, i)
		}
		if again, err := Decode(b.Append(nil)); err != nil || again.Rows != b.Rows {
			t.Fatalf("decoded batch of %d rows does not encode: %v", b.Rows, err)
		}
	})
}

func TestLabelsAreBounded(t *testing.T) {
	b := NewBuilder(Log)
	for i := range MaxLabels + 10 {
		b.Label(fmt.Appendf(nil, "k%d", i), []byte("v"))
	}
	b.Next()
	b.Label([]byte("big"), bytes.Repeat([]byte("x"), MaxLabelBytes))
	b.Label([]byte("small"), []byte("kept"))
	b.Next()
	batch := b.Batch()
	if from, to := batch.Labels.Of(0); to-from != MaxLabels {
		t.Errorf("row 0 has %d labels, want %d", to-from, MaxLabels)
	}
	for row := range 2 {
		if got := read(batch, row)["tocsin.flags"]; got != "labels-cut" {
			t.Errorf("row %d is flagged %q, want labels-cut", row, got)
		}
	}
	c := batch.LabelColumn("small")
	if _, ok := c.Value(0); ok {
		t.Error("row 0 has the label small")
	}
	if v, ok := c.Value(1); !ok || string(c.Str(v)) != "kept" {
		t.Error("row 1 lacks the label small")
	}
	if batch.LabelColumn("never") != nil {
		t.Error("a label that no row has gives a column")
	}
}

// What an attacker writes in a log must not act in a terminal or page.
func TestJSONIsValidAndHarmless(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := NewBuilder(Log)
		b.Time(Timestamp, 1)
		b.Str(Message, rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		b.Label([]byte(rapid.String().Draw(t, "label")), []byte(rapid.String().Draw(t, "value")))
		b.Next()
		line := b.Batch().AppendJSON(nil, 0)
		var out map[string]any
		if err := json.Unmarshal(line, &out); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if i := strings.IndexFunc(string(line), func(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 || r == '<' || r == 0x202e }); i >= 0 {
			t.Fatalf("%q holds a character that acts at %d", line, i)
		}
	})
}

func TestSchemaIsSound(t *testing.T) {
	seen := map[FieldID]string{}
	names := map[string]bool{}
	for _, f := range Fields() {
		if seen[f.ID] != "" || names[f.Name] {
			t.Errorf("field %d %s stands twice", f.ID, f.Name)
		}
		seen[f.ID], names[f.Name] = f.Name, true
		if f.ID == 0 || f.ID > MaxFieldID || f.Doc == "" || f.Kinds == 0 || f.Type == 0 {
			t.Errorf("field %s is not complete: %+v", f.Name, f)
		}
		for _, id := range f.Any {
			if part, ok := FieldByID(id); !ok || part.Type != f.Type || len(part.Any) > 0 {
				t.Errorf("view %s: field %d is not a stored field of its type", f.Name, id)
			}
		}
	}
	for alias, id := range aliases {
		if seen[id] == "" || names[alias] {
			t.Errorf("alias %s names no field, or has the name of one", alias)
		}
	}
}

func TestSuggestion(t *testing.T) {
	for name, want := range map[string]string{
		"sorce.ip":                 " (did you mean source.ip?)",
		"http.response.statuscode": " (did you mean http.response.status_code?)",
		"status_code":              " (did you mean http.response.status_code?)",
		"zzzzzzzzzzzz":             "",
	} {
		if got := Suggestion(name); got != want {
			t.Errorf("Suggestion(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestPosition(t *testing.T) {
	a := Position{Epoch: "e1"}.With(0, 5).With(1, 7)
	b := Position{Epoch: "e1"}.With(0, 6)
	if a.Covers(b) || b.Covers(a) || !a.Covers(Position{Epoch: "e1"}) || a.Covers(Position{Epoch: "e2"}.With(0, 1)) {
		t.Error("Covers is wrong")
	}
	if got := a.Min(b).String(); got != "e1:0=5" {
		t.Errorf("Min is %s, want e1:0=5", got)
	}
}

// sample builds rows that look like an access log.
func sample(rows int) *Batch {
	b := NewBuilder(Log)
	fill(b, rows)
	return b.Batch()
}

func fill(b *Builder, rows int) {
	r := rand.New(rand.NewPCG(1, 2))
	var line [128]byte
	for i := range rows {
		b.Time(Timestamp, int64(i)*1e6)
		b.IP(SourceIP, [16]byte{10: 0xff, 11: 0xff, 12: 10, 14: byte(r.Uint32()), 15: byte(r.Uint32())})
		b.Str(URLPath, append(append(line[:0], "/page/"...), byte('a'+r.IntN(26))))
		b.Str(HTTPMethod, append(line[:0], "GET"...))
		b.Int(HTTPStatus, 200)
		b.Int(HTTPResponseBytes, int64(r.IntN(10000)))
		b.Str(EventOriginal, append(line[:0], `192.0.2.1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0"`...))
		b.Next()
	}
}

func BenchmarkBuild(b *testing.B) {
	builder := NewBuilder(Log)
	fill(builder, 5000)
	builder.Batch()
	b.ReportAllocs()
	for b.Loop() {
		fill(builder, 5000)
		builder.Batch()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/5000, "ns/event")
}

func BenchmarkEncode(b *testing.B) {
	batch := sample(5000)
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = batch.Append(buf[:0])
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/5000, "ns/event")
	b.ReportMetric(float64(len(buf))/5000, "B/event")
}

func BenchmarkDecode(b *testing.B) {
	data := sample(5000).Append(nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(data); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/5000, "ns/event")
}
