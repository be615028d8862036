package history

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/event"
	"tocsin/internal/filter"
)

// filters are what the property tests ask with: every way of pruning, and none.
func filters() []string {
	return []string{
		"",
		`source.ip == "10.0.0.7"`,
		`source.ip in cidr("10.0.1.0/24")`,
		`destination.ip == "2001:db8::1f"`,
		`related.ip == "10.0.1.33"`,
		`event.action == "put" && source.port < 3000`,
		`event.action != "get"`,
		`user.name == "user3"`,
		`message contains "of xxxxx took"`,
		`message contains "took 77"`,
		`url.path contains "/p/12"`,
		`url.path == "/p/1"`,
		`flow.id > 9000000000000000000`,
		`tls.established == true`,
		`labels.k1 == "vv"`,
		`source.port in [22, 80, 443, 8080] || user.name == "user11"`,
		`has(user.name)`,
	}
}

// A world is a store, and a plain list of what it should hold.
type world struct {
	t       *rapid.T
	dir     string
	store   *Store
	rng     *rand.Rand
	batches []*event.Batch
	opts    Options
}

func (w *world) open() {
	s, err := Open(context.Background(), w.opts)
	if err != nil {
		w.t.Fatalf("Open: %v", err)
	}
	w.store = s
}

// want lists what a query should find, by looking at every row of every batch.
func (w *world) want(q Query) (list []seen) {
	f := filter.Compile(q.Where)
	p := newPlan(q)
	for _, b := range w.batches {
		st := stamp(b)
		if !p.kinds.Has(b.Kind) {
			continue
		}
		times := st.Times()
		rows := slices.DeleteFunc(f.Select(st, nil), func(row int32) bool { return times[row] < p.since || times[row] >= p.until })
		list = append(list, rowsOf(st, rows)...)
	}
	return list
}

// Whatever is applied, flushed, merged and opened again in whatever order: scans, ordered scans and searches find exactly
// what looking at every row finds.
func TestHistoryEqualsItsModel(t *testing.T) {
	fewer(t, "15")
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "history")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		w := &world{t: t, dir: dir, rng: rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1)), opts: Options{Dir: dir, MergeRows: 4000}}
		w.open()
		defer func() { _ = w.store.Close() }()
		t.Repeat(map[string]func(*rapid.T){
			"apply": func(t *rapid.T) {
				for range rapid.IntRange(1, 12).Draw(t, "batches") {
					seq := uint64(len(w.batches) + 1)
					kind := event.Kinds()[w.rng.IntN(2)]
					b := someBatch(w.rng, kind, seq, 1+w.rng.IntN(200), []int64{0, 1e6, 1e9, 1e14}[w.rng.IntN(4)])
					w.batches = append(w.batches, b)
					if err := w.store.Apply(epoch, b); err != nil {
						t.Fatalf("Apply: %v", err)
					}
					if w.rng.IntN(3) == 0 {
						w.flush(t)
					}
				}
			},
			"replay": func(t *rapid.T) {
				for _, b := range w.batches {
					if err := w.store.Apply(epoch, b); err != nil {
						t.Fatalf("Apply: %v", err)
					}
				}
			},
			"flush": w.flush,
			"merge": func(t *rapid.T) {
				if err := w.store.Merge(context.Background()); err != nil {
					t.Fatalf("Merge: %v", err)
				}
			},
			"reopen": func(t *rapid.T) {
				if err := w.store.Close(); err != nil {
					t.Fatalf("Close: %v", err)
				}
				w.open()
			},
			"ask": w.ask,
		})
		w.ask(t)
	})
}

func (w *world) flush(t *rapid.T) {
	if err := w.store.Flush(context.Background()); err != nil {
		t.Fatalf("Flush: %v", err)
	}
}

func (w *world) ask(t *rapid.T) {
	text := rapid.SampledFrom(filters()).Draw(t, "where")
	q := Query{}
	if text != "" {
		e, err := filter.Parse(text)
		if err != nil {
			t.Fatalf("Parse(%q): %v", text, err)
		}
		q.Where = e
	}
	if rapid.Bool().Draw(t, "range") {
		span := rapid.SampledFrom([]int64{0, 1000, 1e8, 1e13}).Draw(t, "span")
		q.Since, q.Until = day-span, day+span/2+1
	}
	if rapid.IntRange(0, 3).Draw(t, "kinds") == 0 {
		q.Kinds = []event.Kind{event.Flow}
	}
	want := w.want(q)
	var got []seen
	collect := func(b *event.Batch, rows []int32) error {
		got = append(got, rowsOf(b, rows)...)
		return nil
	}
	q.All = true
	if err := w.store.Scan(context.Background(), q, collect); err != nil {
		t.Fatalf("Scan: %v", err)
	}
	same(t, "Scan "+text, sorted(texts(got)), sorted(texts(want)))
	got = nil
	if err := w.store.Ordered(context.Background(), q, collect); err != nil {
		t.Fatalf("Ordered: %v", err)
	}
	ordered := texts(inOrder(want))
	same(t, "Ordered "+text, texts(got), ordered)
	limit := rapid.SampledFrom([]int{1, 7, 100, -1}).Draw(t, "limit")
	oldest := rapid.Bool().Draw(t, "oldest")
	if !oldest {
		slices.Reverse(ordered)
	}
	if limit >= 0 {
		ordered = ordered[:min(limit, len(ordered))]
	}
	got = nil
	if err := w.store.Newest(context.Background(), q, limit, oldest, collect); err != nil {
		t.Fatalf("Newest: %v", err)
	}
	same(t, fmt.Sprintf("Newest %s limit %d oldest %v", text, limit, oldest), texts(got), ordered)
}

func same(t *rapid.T, what string, got, want []string) {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("%s: event %d:\n got %s\nwant %s", what, i, got[i], want[i])
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%s: got %d events, want %d", what, len(got), len(want))
	}
}

// A text that is there is never filtered away, wherever in it the word is taken from.
func TestWordFilterNeverHidesAText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(rapid.StringMatching(`[a-c \x00ä"/0-9]{0,40}`), 1, 300).Draw(t, "texts")
		c := &event.Column{Field: &event.Field{Type: event.String, Plain: true}}
		for _, s := range list {
			c.Strs.Append([]byte(s))
		}
		blob := appendGrams(nil, make([]uint64, 1<<gramBits/64), c, 0, len(list))
		s := list[rapid.IntRange(0, len(list)-1).Draw(t, "which")]
		from := rapid.IntRange(0, len(s)).Draw(t, "from")
		to := rapid.IntRange(from, len(s)).Draw(t, "to")
		if !mayContain(blob, []byte(s[from:to])) {
			t.Fatalf("mayContain(%q) = false though %q is there", s[from:to], s)
		}
	})
}

// What no text has in it is mostly filtered away; else the filter would be of no use.
func TestWordFilterHidesMostOthers(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	c := &event.Column{Field: &event.Field{Type: event.String, Plain: true}}
	for range grainRows {
		c.Strs.Append([]byte("GET /" + strings.Repeat("a", rng.IntN(5)) + strconv.Itoa(rng.IntN(1e6)) + " HTTP/1.1"))
	}
	blob := appendGrams(nil, make([]uint64, 1<<gramBits/64), c, 0, grainRows)
	wrong := 0
	for range 1000 {
		word := make([]byte, 8)
		for i := range word {
			word[i] = byte('a' + rng.IntN(26))
		}
		if mayContain(blob, word) {
			wrong++
		}
	}
	if wrong > 20 {
		t.Errorf("of 1,000 words that are nowhere %d look as if they were there, want 20 at most", wrong)
	}
}

// fewer sets the number of checks of a test whose every check writes and syncs many files, unless the caller asked for a
// number.
func fewer(t *testing.T, checks string) {
	t.Helper()
	f := flag.Lookup("rapid.checks")
	if f == nil || f.Value.String() != f.DefValue {
		return
	}
	if err := f.Value.Set(checks); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Value.Set(f.DefValue) })
}
