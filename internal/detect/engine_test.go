package detect

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/event"
	"tocsin/internal/rule"
)

// episode is what findings of one rule and entity come to: an alert.
type episode struct {
	Rule     int64
	Entity   string
	First    int64
	Triggers int
	Ended    int64
}

func episodes(findings []alert.Finding) []episode {
	open := map[string]*episode{}
	var all []*episode
	for _, f := range findings {
		key := fmt.Sprint(f.Rule, " ", f.Entity.Key())
		e := open[key]
		if e == nil {
			if f.Ended {
				continue
			}
			e = &episode{Rule: f.Rule, Entity: f.Entity.Key(), First: f.Time}
			open[key] = e
			all = append(all, e)
		}
		e.Triggers += f.Triggers
		if e.First = min(e.First, f.Time); f.Ended {
			e.Ended = f.Time
			delete(open, key)
		}
	}
	out := make([]episode, len(all))
	for i, e := range all {
		out[i] = *e
	}
	slices.SortFunc(out, func(a, b episode) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.First, b.First), cmp.Compare(a.Entity, b.Entity))
	})
	return out
}

// What is found live, shuffled within the lateness, is what is found in history; also when the engine is saved and started
// again in between, or batches come twice.
func TestLiveIsHistory(t *testing.T) {
	for seed := range uint64(25) {
		r := rand.New(rand.NewPCG(seed, 1))
		facts := draw(r, 600)
		end := facts[len(facts)-1].t
		until := end + 7200*second
		all := rules(t, every)
		want, stats, err := History(context.Background(), HistoryOptions{Until: until}, all, stored(r, facts))
		if err != nil {
			t.Fatal(err)
		}
		if stats.Late != 0 || stats.Events != int64(len(facts)) || len(want) == 0 {
			t.Fatalf("History: got %+v and %d findings", stats, len(want))
		}
		again, _, err := History(context.Background(), HistoryOptions{Until: until}, all, stored(r, facts))
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(bare(want), bare(again)); diff != "" {
			t.Fatalf("seed %d: another cut of history gives other findings:\n%s", seed, diff)
		}
		for _, restart := range []bool{false, true} {
			got := live(t, r, all, journal(r, facts, int64(DefaultLateness)), restart, until)
			if diff := gocmp.Diff(episodes(want), episodes(got)); diff != "" {
				t.Fatalf("seed %d, restart %v: live differs (-history +live):\n%s", seed, restart, diff)
			}
		}
	}
}

func bare(findings []alert.Finding) []alert.Finding {
	out := slices.Clone(findings)
	for i := range out {
		out[i].Samples = nil
	}
	return out
}

func live(t *testing.T, r *rand.Rand, all []rule.Rule, batches []*event.Batch, restart bool, until int64) []alert.Finding {
	t.Helper()
	make1 := func() *Engine {
		e, err := New(Options{}, all)
		if err != nil {
			t.Fatal(err)
		}
		e.Begin("one")
		return e
	}
	e := make1()
	var got []alert.Finding
	for i, b := range batches {
		got = append(got, e.Apply(b).Findings...)
		if restart && r.IntN(5) == 0 {
			data, at := taken(t, e)
			if at.Seq(0) != b.Sequence {
				t.Fatalf("the snapshot stands at %v, want %d", at, b.Sequence)
			}
			lost := e // what it finds from here on is lost with it
			for _, next := range batches[i+1 : min(i+3, len(batches))] {
				lost.Apply(next)
			}
			e = make1()
			if gone, err := e.Restore(bytes.NewReader(data)); err != nil || len(gone) > 0 {
				t.Fatalf("Restore: lost %v, %v", gone, err)
			}
			if out := e.Apply(b); len(out.Findings) != 0 {
				t.Fatal("a batch that was seen already led to findings")
			}
		}
	}
	for at := batches[len(batches)-1].Times()[0]; at < until+int64(DefaultLateness); at += 600 * second {
		got = append(got, e.Tick(at).Findings...)
	}
	got = append(got, e.Tick(until+int64(DefaultLateness)).Findings...)
	for _, s := range e.Rules() {
		if s.Stats.Late != 0 || s.Panics != 0 {
			t.Fatalf("rule %s: %+v", s.Rule.Name, s)
		}
	}
	return got
}

// A burst is told at once, not when the lateness has passed.
func TestEarly(t *testing.T) {
	e, err := New(Options{}, rules(t, `{name: burst, from: log, detect: {threshold: {by: [source.ip], over: 1m, at_least: 5}}}`))
	if err != nil {
		t.Fatal(err)
	}
	var facts []fact
	for i := range 5 {
		at := 1_700_000_000*second + int64(i)*second
		facts = append(facts, fact{t: at, received: at, ip: 7})
	}
	out := e.Apply(build(event.Log, facts))
	if len(out.Findings) != 1 || out.Findings[0].Triggers != 1 || out.Findings[0].Time != facts[4].t || out.Findings[0].Rule != 1 {
		t.Fatalf("Apply: got %+v, want one finding at the fifth event", out.Findings)
	}
	if n := len(out.Findings[0].Samples); n != 2 {
		t.Errorf("got %d samples, want the first and the last event", n)
	}
	out = e.Tick(facts[4].t + 3600*second)
	if len(out.Findings) != 1 || !out.Findings[0].Ended {
		t.Errorf("Tick: got %+v, want the end alone", out.Findings)
	}
}

func TestWatermark(t *testing.T) {
	const late = 300 * second
	base := 1_700_000_000 * second
	at := func(s int64) int64 { return base + s*second }
	c := newClocks(late)
	take := func(source string, t, received int64) int64 {
		c.take(build(event.Log, []fact{{t: t, received: received, source: source}}))
		c.advance()
		w, _ := c.watermark(event.Of(event.Log))
		return w
	}
	if got := take("a", at(0), at(0)); got != at(-300) {
		t.Errorf("first event: got %d, want the lateness before it", got-base)
	}
	if got := take("b", at(30), at(30)); got != at(-300) {
		t.Errorf("the slower source counts: got %d", (got-base)/second)
	}
	if got := take("b", at(62), at(62)); got != at(-238) {
		t.Errorf("a source that is quiet for a minute drops out: got %d", (got-base)/second)
	}
	if got := take("b", at(5000), at(63)); got != at(-237) {
		t.Errorf("an event far ahead is judged at its receipt: got %d", (got-base)/second)
	}
	if got := take("old", at(-90000), at(64)); got != at(-237) {
		t.Errorf("a source whose events are all late is not waited for, and time does not go back: got %d", (got-base)/second)
	}
	c.tick(at(1000))
	c.advance()
	if got, _ := c.watermark(event.Of(event.Log)); got != at(700) {
		t.Errorf("journal time stands in when all are quiet: got %d", (got-base)/second)
	}
}

func TestBackfillIsNotJudged(t *testing.T) {
	e, err := New(Options{}, rules(t, `{name: any, from: log, detect: {threshold: {at_least: 1}}}`))
	if err != nil {
		t.Fatal(err)
	}
	b := build(event.Log, []fact{{t: 1e18, received: 1e18}})
	b.Backfill, b.Sequence = true, 4
	out := e.Apply(b)
	if len(out.Findings) != 0 || out.Position.Seq(0) != 4 {
		t.Errorf("Apply of a backfill: got %+v", out)
	}
	if s := e.Rules()[0].Stats; s.Entities != 0 {
		t.Errorf("a backfill touched the state: %+v", s)
	}
}

func TestReload(t *testing.T) {
	text := `{name: any, severity: %s, from: log, detect: {threshold: {at_least: %d}}}`
	e, err := New(Options{}, rules(t, fmt.Sprintf(text, "LOW", 3)))
	if err != nil {
		t.Fatal(err)
	}
	one := func(n int64) []alert.Finding {
		at := 1_700_000_000*second + n*second
		return e.Apply(build(event.Log, []fact{{t: at, received: at}})).Findings
	}
	one(1)
	one(2)
	if err := e.SetRules(rules(t, fmt.Sprintf(text, "HIGH", 3))); err != nil {
		t.Fatal(err)
	}
	if got := one(3); len(got) != 1 {
		t.Errorf("a change of severity lost the state: got %v", got)
	}
	if err := e.SetRules(rules(t, `{name: any, from: log, detect: {novelty: {by: [user.name], known: absent}}}`)); err == nil {
		t.Error("SetRules took a rule that cannot be made")
	}
	if got := e.Rules(); len(got) != 1 || got[0].Rule.Detector != "threshold" {
		t.Errorf("a failed change left %v", got)
	}
	if err := e.SetRules(rules(t, fmt.Sprintf(text, "HIGH", 2))); err != nil {
		t.Fatal(err)
	}
	if cold := e.Cold(); len(cold) != 1 {
		t.Errorf("Cold: got %v, want the changed rule", cold)
	}
}

func TestFoulSnapshots(t *testing.T) {
	all := rules(t, every)
	e, err := New(Options{}, all)
	if err != nil {
		t.Fatal(err)
	}
	e.Begin("one")
	for _, b := range journal(rand.New(rand.NewPCG(1, 1)), draw(rand.New(rand.NewPCG(2, 2)), 100), second) {
		e.Apply(b)
	}
	data, at := taken(t, e)
	old, err := os.ReadFile("testdata/states/v1")
	if err != nil {
		t.Fatal(err)
	}
	for step, data := range map[int][]byte{2: data, 7: old} {
		for i := 0; i < len(data); i += step {
			flipped := bytes.Clone(data)
			flipped[i] ^= 1 << (i % 8)
			if _, err := e.Restore(bytes.NewReader(flipped)); !errors.Is(err, ErrSnapshot) {
				t.Fatalf("Restore with byte %d flipped: got %v", i, err)
			}
			if _, err := e.Restore(bytes.NewReader(data[:i])); !errors.Is(err, ErrSnapshot) {
				t.Fatalf("Restore of %d bytes: got %v", i, err)
			}
		}
		if _, err := e.Restore(bytes.NewReader(append(bytes.Clone(data), 0))); !errors.Is(err, ErrSnapshot) {
			t.Errorf("Restore with a byte behind: got %v", err)
		}
	}
	if !e.Position().Covers(at) {
		t.Error("a foul snapshot moved the engine")
	}
	path := t.TempDir() + "/detect.snapshot"
	if data, err := ReadFile(path); data != nil || err != nil {
		t.Errorf("ReadFile of nothing: got %d bytes, %v", len(data), err)
	}
	for range 2 {
		if err := WriteFile(path, data); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := ReadFile(path); err != nil || !bytes.Equal(got, data) {
		t.Errorf("ReadFile: got %d bytes, %v", len(got), err)
	}
	if err := WriteFile(path+"/below", data); err == nil {
		t.Error("WriteFile below a file: got no error")
	}
	fewer, err := New(Options{}, rules(t, `{name: other, from: log, detect: {threshold: {above: 7}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if lost, err := fewer.Restore(bytes.NewReader(data)); err != nil || !slices.Equal(lost, []string{"other"}) || len(fewer.Cold()) != 1 {
		t.Errorf("Restore into other rules: got %v, %v", lost, err)
	}
}

func TestHistoryStops(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	stop()
	_, _, err := History(ctx, HistoryOptions{}, rules(t, every), stored(rand.New(rand.NewPCG(1, 2)), draw(rand.New(rand.NewPCG(1, 2)), 10)))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("History: got %v, want it cancelled", err)
	}
}

// Only the rows that the scan names are judged.
func TestHistoryOfSomeRows(t *testing.T) {
	b := build(event.Log, []fact{{t: 1e18, ip: 1}, {t: 1e18 + 1, ip: 2}, {t: 1e18 + 2, ip: 3}})
	got, stats, err := History(context.Background(), HistoryOptions{}, rules(t, `{name: any, from: log, detect: {threshold: {at_least: 1, by: [source.ip]}}}`),
		func(yield func(*event.Batch, []int32) error) error { return yield(b, []int32{0, 2}) })
	if err != nil || stats.Events != 2 || len(got) != 2 || got[1].Entity.String() != "10.0.0.3" {
		t.Errorf("History: got %+v, %+v, %v", got, stats, err)
	}
}
