package window

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/event"
)

func TestKeysReadBack(t *testing.T) {
	b := event.NewBuilder(event.Log)
	long := strings.Repeat("x", 5000)
	b.Addr(event.SourceIP, netip.MustParseAddr("192.0.2.7"))
	b.Text(event.UserName, "ann, of \"x\"")
	b.Int(event.DestinationPort, -5)
	b.Uint(event.FlowID, math.MaxUint64)
	b.Bool(event.TLSUsed, true)
	b.Label([]byte("tenant"), []byte("red"))
	b.Next()
	b.Addr(event.SourceIP, netip.MustParseAddr("2001:db8::7"))
	b.Text(event.UserName, long+"1")
	b.Int(event.DestinationPort, 0)
	b.Uint(event.FlowID, 0)
	b.Bool(event.TLSUsed, false)
	b.Label([]byte("tenant"), []byte(""))
	b.Next()
	b.Text(event.UserName, long+"2")
	b.Next()
	batch := b.Batch()
	by := []string{"source.ip", "user.name", "destination.port", "flow.id", "tls.established", "labels.tenant"}
	keys, err := NewKeys(by)
	if err != nil {
		t.Fatal(err)
	}
	table := NewTable(keys)
	table.Bind(batch)
	id, ok := table.Row(0)
	if !ok {
		t.Fatal("row 0 has no key")
	}
	want := alert.Entity{{Field: "source.ip", Value: "192.0.2.7"}, {Field: "user.name", Value: "ann, of \"x\""}, {Field: "destination.port", Value: "-5"},
		{Field: "flow.id", Value: "18446744073709551615"}, {Field: "tls.established", Value: "true"}, {Field: "labels.tenant", Value: "red"}}
	if got := keys.Entity(table.Key(id)); !slices.Equal(got, want) {
		t.Errorf("Entity: got %v, want %v", got, want)
	}
	parsed, err := keys.Parse("192.0.2.7", "ann, of \"x\"", "-5", "18446744073709551615", "true", "red")
	if err != nil || parsed != table.Key(id) {
		t.Errorf("Parse: got %q, %v, want the key of the row", parsed, err)
	}
	other, ok := table.Row(1)
	if got := keys.Entity(table.Key(other)); !ok || got[0].Value != "2001:db8::7" || len(got[1].Value) > 300 || len(got) != 6 {
		t.Errorf("Entity of a long value: got %v", got)
	}
	if _, ok := table.Row(2); ok {
		t.Error("a row that lacks fields has a key")
	}
	for cut := range table.Key(id) {
		keys.Entity(table.Key(id)[:cut]) // must not panic
	}
	users, err := NewKeys([]string{"user.name"})
	if err != nil {
		t.Fatal(err)
	}
	byUser := NewTable(users)
	byUser.Bind(batch)
	one, _ := byUser.Row(1)
	two, _ := byUser.Row(2)
	if again, _ := byUser.Row(1); one == two || again != one {
		t.Errorf("long values that differ at the end: got numbers %d, %d and again %d", one, two, again)
	}
}

func TestKeysMistakes(t *testing.T) {
	_, err := NewKeys([]string{"source.ipp", "related.ip", "user.name", "user.name"})
	for _, want := range []string{"by[0]: no field", "did you mean source.ip?", "by[1]: related.ip stands for several", "by[3]: user.name is there twice"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("NewKeys: got %v, want %q in it", err, want)
		}
	}
	keys, err := NewKeys([]string{"source.ip"})
	if err != nil {
		t.Fatal(err)
	}
	for _, foul := range [][]string{{"x"}, {}, {"10.0.0.1", "10.0.0.2"}, {"fe80::1%eth0"}} {
		if key, err := keys.Parse(foul...); err == nil {
			t.Errorf("Parse(%q): got %q", foul, key)
		}
	}
}

func TestReads(t *testing.T) {
	fields, labels := Reads([]string{"source.ip", "labels.tenant"}, mustField(t, "network.bytes"), "")
	if !slices.Equal(fields, []event.FieldID{event.NetworkBytes, event.SourceIP}) || !labels {
		t.Errorf("Reads: got %v, %v", fields, labels)
	}
	if fields, labels := Reads(nil, nil, ""); len(fields) != 0 || labels {
		t.Errorf("Reads of nothing: got %v, %v", fields, labels)
	}
	if _, labels := Reads(nil, nil, "x"); !labels {
		t.Error("Reads of a label: got none")
	}
}

// A table gives every key its own number, also after some were dropped.
func TestTable(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	keys, err := NewKeys([]string{"user.name"})
	if err != nil {
		t.Fatal(err)
	}
	table, want := NewTable(keys), map[string]uint32{}
	empty := table.Bytes()
	for range 20_000 {
		key := string(appendText(nil, fmt.Append(nil, r.IntN(300))))
		if old, ok := want[key]; ok && r.IntN(3) == 0 {
			table.Drop(old)
			delete(want, key)
			continue
		}
		id := table.Number(key)
		if old, ok := want[key]; ok && id != old {
			t.Fatalf("Number(%q): got %d, then %d", key, old, id)
		}
		want[key] = id
		if table.Key(id) != key || !table.Used(id) {
			t.Fatalf("Key(%d): got %q, want %q", id, table.Key(id), key)
		}
	}
	if table.Len() != len(want) || table.Cap() > 300 {
		t.Errorf("Len and Cap: got %d and %d, want %d and at most 300", table.Len(), table.Cap(), len(want))
	}
	for _, id := range want {
		table.Drop(id)
	}
	if table.Len() != 0 || table.Bytes() != empty {
		t.Errorf("an empty table has %d entries and %d bytes", table.Len(), table.Bytes())
	}
}

// Least looks at 16 entities at a time, passes over free numbers, and comes to everybody in turn.
func TestLeast(t *testing.T) {
	keys, err := NewKeys([]string{"user.name"})
	if err != nil {
		t.Fatal(err)
	}
	table, hand := NewTable(keys), uint32(0)
	for i := range 48 {
		table.Number(string(appendText(nil, fmt.Append(nil, i))))
	}
	greater := func(a, b uint32) bool { return a > b }
	for i, want := range []uint32{15, 31, 47, 15} {
		if got := table.Least(&hand, greater); got != want {
			t.Errorf("Least, call %d: got %d, want %d", i, got, want)
		}
	}
	for id := range uint32(48) {
		if id != 5 && id != 40 {
			table.Drop(id)
		}
	}
	hand = math.MaxUint32 - 3 // it wraps
	if got := table.Least(&hand, greater); got != 40 {
		t.Errorf("Least of two: got %d, want 40", got)
	}
}

// A calendar gives everything once, when it is due and not before, also what is added while it gives, be it little or much.
func TestCalendar(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		c := NewCalendar(1 + r.Int64N(50))
		due := map[uint32]int64{}
		next, w := uint32(0), int64(-1000)
		add := func(at int64) {
			c.Add(at, next)
			due[next] = at
			next++
		}
		for range 200 {
			n := r.IntN(10)
			if r.IntN(40) == 0 {
				n = r.IntN(4 * pageSheet)
			}
			for range n {
				add(w + 1 + r.Int64N(300))
			}
			w += r.Int64N(100)
			c.Due(w, func(id uint32, at int64) {
				if want, ok := due[id]; !ok || want != at || at > w {
					t.Fatalf("seed %d: got %d at %d by %d, want it at %d (%v)", seed, id, at, w, want, ok)
				}
				delete(due, id)
				if r.IntN(4) == 0 {
					add(w + 1 + r.Int64N(5))
				}
			})
			for id, at := range due {
				if at <= w {
					t.Fatalf("seed %d: %d was due at %d and is not given by %d", seed, id, at, w)
				}
			}
			if c.Len() != len(due) {
				t.Fatalf("seed %d: Len is %d, want %d", seed, c.Len(), len(due))
			}
		}
	}
}

// What does not stand any more is left out of a calendar in time, and nothing else is, however often somebody makes another
// appointment.
func TestThin(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	c := NewCalendar(7)
	due := map[uint32]int64{}
	stands := func(id uint32, at int64) bool { return due[id] == at }
	w, given := int64(0), 0
	for n := range 300_000 {
		id, at := uint32(r.IntN(500)), w+1+r.Int64N(1000) // who has an appointment makes another one
		if at == due[id] {
			continue
		}
		due[id] = at
		c.Add(at, id)
		if r.IntN(10) == 0 {
			delete(due, uint32(r.IntN(500)))
		}
		c.Thin(len(due), stands)
		if c.Len() > 2*500+pageSheet {
			t.Fatalf("there are %d appointments of %d", c.Len(), len(due))
		}
		if n%5000 != 0 {
			continue
		}
		w += 50
		c.Due(w, func(id uint32, at int64) {
			if stands(id, at) {
				delete(due, id)
				given++
			}
		})
		for id, at := range due {
			if at <= w {
				t.Fatalf("%d was due at %d and is not given by %d", id, at, w)
			}
		}
	}
	if given < 100 {
		t.Errorf("%d were given, want some of each of 60 times", given)
	}
}

func TestClock(t *testing.T) {
	minute := int64(time.Minute)
	b := event.NewBuilder(event.Log)
	for _, row := range [][2]int64{{5, 7}, {0, 7}, {7 + minute, 7}, {8 + minute, 7}, {9, 0}, {0, 0}} {
		if row[0] != 0 {
			b.Time(event.Timestamp, row[0])
		}
		if row[1] != 0 {
			b.Time(event.Ingested, row[1])
		}
		b.Next()
	}
	clock := NewClock(b.Batch())
	for row, want := range []int64{5, 7, 7 + minute, 7, 9, 0} {
		if got := clock.At(int32(row)); got != want {
			t.Errorf("At(%d): got %d, want %d", row, got, want)
		}
	}
	if first, last, ok := clock.Range(); !ok || first != 5 || last != 7+minute {
		t.Errorf("Range: got %d, %d, %v", first, last, ok)
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", 90 * time.Second: "1m30s", time.Minute: "1m", time.Hour: "1h", 90 * time.Minute: "1h30m", 24 * time.Hour: "1d",
		7 * 24 * time.Hour: "7d", 25 * time.Hour: "25h", 10 * time.Second: "10s", 10 * time.Minute: "10m", 1500 * time.Millisecond: "1.5s",
	} {
		if got := Span(d); got != want {
			t.Errorf("Span(%v): got %q, want %q", d, got, want)
		}
	}
}

func TestTimeDoesNotWrap(t *testing.T) {
	if Later(math.MaxInt64-3, 5) != math.MaxInt64 || Earlier(math.MinInt64+3, 5) != math.MinInt64 || Later(1, 2) != 3 || Earlier(1, 2) != -1 {
		t.Error("Later and Earlier must stop at the ends of time")
	}
	for n, want := range map[int64]int64{-11: -2, -10: -1, -1: -1, 0: 0, 9: 0, 10: 1} {
		if got := FloorDiv(n, 10); got != want {
			t.Errorf("FloorDiv(%d, 10): got %d, want %d", n, got, want)
		}
	}
}

func TestSampleIsBounded(t *testing.T) {
	b := event.NewBuilder(event.Log)
	b.Time(event.Timestamp, 1)
	b.Text(event.Message, strings.Repeat("\u00e9<", 50_000))
	b.Text(event.UserName, "ann")
	for i := range 200 {
		b.Label(fmt.Append(nil, "k", i), bytes.Repeat([]byte("v"), 100))
	}
	b.Next()
	got := Sample(b.Batch(), 0)
	if len(got) > maxSample || !bytes.Contains(got, []byte(`"user.name":"ann"`)) || !bytes.Contains(got, []byte("…")) {
		t.Errorf("Sample: got %d bytes: %.200s", len(got), got)
	}
}

func TestRecent(t *testing.T) {
	var r Recent
	var values = NewValues(Addend, mustField(t, "http.response.bytes"), "")
	for n := range 6 {
		b := event.NewBuilder(event.Log)
		for i := range 4 {
			b.Time(event.Timestamp, int64(1+10*n+i))
			b.Int(event.HTTPResponseBytes, int64((n*4+i)%9))
			b.Next()
		}
		batch := b.Batch()
		r.Begin(batch, []int32{1, 2, 3})
		for i := range 3 {
			r.Note(i, uint32(i%2))
		}
	}
	// The first two batches are gone. Of entity 0 rows 1 and 3 are left: times 22 24 32 34 42 44 52 54, bytes 0 2 4 6 8 1 3 5.
	got := r.Samples(0, 23, 53, values)
	var texts []string
	for _, s := range got {
		texts = append(texts, string(s))
	}
	want := []string{
		`{"@timestamp":"1970-01-01T00:00:00.000000024Z","http.response.bytes":2}`,
		`{"@timestamp":"1970-01-01T00:00:00.000000042Z","http.response.bytes":8}`,
		`{"@timestamp":"1970-01-01T00:00:00.000000052Z","http.response.bytes":3}`,
	}
	if !slices.Equal(texts, want) {
		t.Errorf("Samples: got %q, want %q", texts, want)
	}
	r.Release()
	if got := r.Samples(0, 0, 100, values); got != nil {
		t.Errorf("Samples after Release: got %q", got)
	}
}

func mustField(t *testing.T, name string) *event.Field {
	f, ok := event.FieldByName(name)
	if !ok {
		t.Fatal(name)
	}
	return f
}

func TestValues(t *testing.T) {
	b := event.NewBuilder(event.Flow)
	b.Uint(event.NetworkBytes, math.MaxUint64)
	b.Int(event.HTTPResponseBytes, math.MinInt64)
	b.Text(event.UserName, "ann")
	b.Addr(event.SourceIP, netip.MustParseAddr("0.0.0.7"))
	b.Label([]byte("x"), []byte("ann"))
	b.Next()
	b.Text(event.UserName, "bob")
	b.Next()
	batch := b.Batch()
	read := func(use Use, name string, row int32) (int64, bool) {
		label, isLabel := strings.CutPrefix(name, "labels.")
		var v *Values
		switch {
		case isLabel:
			v = NewValues(use, nil, label)
		case name == "":
			v = NewValues(use, nil, "")
		default:
			v = NewValues(use, mustField(t, name), "")
		}
		v.Bind(batch)
		v.At(row)
		return v.At(row)
	}
	for _, c := range []struct {
		use  Use
		name string
		row  int32
		want int64
		ok   bool
	}{
		{Rows, "", 1, 0, true},
		{Rows, "network.bytes", 1, 0, false},
		{Addend, "network.bytes", 0, MaxAddend, true},
		{Addend, "http.response.bytes", 0, -MaxAddend, true},
		{Extent, "http.response.bytes", 0, math.MinInt64, true},
		{Extent, "network.bytes", 0, math.MaxInt64, true},
		{Addend, "source.bytes", 0, 0, false},
		{Member, "source.ip", 0, 7, true},
	} {
		if got, ok := read(c.use, c.name, c.row); got != c.want || ok != c.ok {
			t.Errorf("value of %s for %d in row %d: got %d, %v, want %d, %v", c.name, c.use, c.row, got, ok, c.want, c.ok)
		}
	}
	ann, _ := read(Member, "user.name", 0)
	bob, _ := read(Member, "user.name", 1)
	label, _ := read(Member, "labels.x", 0)
	if ann == bob || ann != label {
		t.Errorf("fingerprints: ann %d, bob %d, ann as a label %d", ann, bob, label)
	}
}

func FuzzDecoder(f *testing.F) {
	var text bytes.Buffer
	e := NewEncoder(&text, "x", 1)
	e.Int(-5)
	e.Uint(7)
	e.Float(1.5)
	e.Text("abc")
	e.Row(1, -2, 1<<40)
	if err := e.Flush(); err != nil {
		f.Fatal(err)
	}
	f.Add(text.Bytes())
	f.Fuzz(func(t *testing.T, text []byte) {
		d := NewDecoder(bytes.NewReader(text), "x", 1)
		a, b, c, s := d.Int(), d.Uint(), d.Float(), d.Text()
		d.Row()
		for range d.Count(1) {
			d.Int()
		}
		if d.Err() == nil {
			return
		}
		if d.Int() != 0 || d.Uint() != 0 || d.Float() != 0 || d.Text() != "" {
			t.Errorf("after %v it still reads (%v %v %v %q)", d.Err(), a, b, c, s)
		}
	})
}

func TestRecentKeepsAFewInWriting(t *testing.T) {
	var r Recent
	values := NewValues(Addend, mustField(t, "http.response.bytes"), "")
	watched := func(id uint32) bool { return id == 0 }
	come := func(at, bytes int64, id uint32) {
		b := event.NewBuilder(event.Log)
		b.Time(event.Timestamp, at)
		b.Int(event.HTTPResponseBytes, bytes)
		b.Next()
		r.Begin(b.Batch(), []int32{0})
		r.Note(0, id)
		r.Keep(at-100, values, watched)
		r.Release()
	}
	row := func(at, bytes int64) string {
		b := event.NewBuilder(event.Log)
		b.Time(event.Timestamp, at)
		b.Int(event.HTTPResponseBytes, bytes)
		b.Next()
		return string(Sample(b.Batch(), 0))
	}
	check := func(what string, id uint32, since, until int64, want ...string) {
		t.Helper()
		var got []string
		for _, s := range r.Samples(id, since, until, values) {
			got = append(got, string(s))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}
	for at := int64(1); at <= 50; at++ { // one by one, the largest in the middle
		come(at, 50-max(at-23, 23-at), 0)
	}
	check("first, largest and last", 0, 0, 50, row(1, 28), row(23, 50), row(50, 23))
	if n := len(r.trails.of[0].notes); n > maxNotes {
		t.Errorf("%d rows are in writing, want %d at most", n, maxNotes)
	}
	come(140, 5, 0)
	if n := r.trails.of[0].notes[0].t; n < 40 {
		t.Errorf("a row of time %d is still in writing, although nobody asks for it any more", n)
	}
	r.Forget(0)
	check("the next one of that number", 0, 0, 200)
	if r.trails.bytes != 0 {
		t.Errorf("%d bytes are counted, want 0", r.trails.bytes)
	}
	for id := range uint32(2 * maxTrails) {
		come(300, 1, 1+id)
	}
	come(301, 1, 0)
	check("a watched one among many", 0, 0, 400, row(301, 1))
	if n := len(r.trails.of); n > maxTrails {
		t.Errorf("%d entities are remembered, want %d at most", n, maxTrails)
	}
}
