package detect

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/detector"
	"tocsin/internal/detector/absence"
	"tocsin/internal/detector/deviation"
	"tocsin/internal/detector/novelty"
	"tocsin/internal/detector/threshold"
	"tocsin/internal/event"
	"tocsin/internal/rule"
)

const second = int64(time.Second)

func detectors() detector.Set {
	return detector.Set{
		"threshold": threshold.Default, "absence": absence.Default, "deviation": deviation.Default, "novelty": novelty.Default,
		"broken": func() detector.Config { return &broken{} },
	}
}

func rules(t testing.TB, text string) []rule.Rule {
	t.Helper()
	all, err := rule.Decode("test.yaml", []byte(text), detectors())
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		all[i].ID = int64(i + 1)
	}
	return all
}

const every = `rules:
- {name: burst, from: log, where: http.response.status_code >= 400, detect: {threshold: {by: [source.ip], over: 1m, at_least: 8}}}
- {name: ports, from: [log, flow], detect: {threshold: {metric: distinct(destination.port), by: [source.ip], over: 1m, above: 5}}}
- {name: volume, from: flow, detect: {threshold: {metric: sum(network.bytes), over: 30s, above: 4000}}}
- {name: few, from: log, detect: {threshold: {by: [source.ip], over: 2m, below: 2}}}
- {name: silent, from: [log, flow], detect: {absence: {by: [source.ip], idle: 3m, forget: 1h, expect: [10.0.0.9]}}}
- {name: odd, from: log, detect: {deviation: {bucket: 1m, baseline: 5, min_buckets: 2, z: 1.2, direction: both}}}
- {name: new, from: log, where: destination.port > 3, detect: {novelty: {by: [source.ip, destination.port], learn: 2m, end_after: 10m}}}
`

// fact is one event of the tests.
type fact struct {
	kind     event.Kind
	t        int64
	received int64
	source   string
	ip       byte
	port     int
	status   int
	talk     *talk // what a record of a flow says besides
}

func build(kind event.Kind, facts []fact) *event.Batch {
	b := event.NewBuilder(kind)
	for _, f := range facts {
		b.Time(event.Timestamp, f.t)
		b.Time(event.Ingested, f.received)
		b.Text(event.TocsinSource, f.source)
		b.IP(event.SourceIP, [16]byte{10: 0xff, 11: 0xff, 12: 10, 15: f.ip})
		b.Int(event.DestinationPort, int64(f.port))
		b.Int(event.HTTPStatus, int64(f.status))
		b.Uint(event.NetworkBytes, uint64(f.port*100))
		f.talk.put(b, &f)
		b.Next()
	}
	return b.Batch()
}

// draw makes up facts in order of time.
func draw(r *rand.Rand, n int) []fact {
	now := 1_700_000_000 * second
	facts := make([]fact, n)
	for i := range facts {
		if r.IntN(50) == 0 {
			now += r.Int64N(400) * second
		}
		now += r.Int64N(3) * second / 2
		kind := event.Log
		if r.IntN(3) == 0 {
			kind = event.Flow
		}
		facts[i] = fact{
			kind: kind, t: now, source: fmt.Sprint("s", r.IntN(3)), ip: byte(r.IntN(3) * r.IntN(3)), port: r.IntN(10),
			status: 200 + 300*r.IntN(2),
		}
	}
	return facts
}

// journal brings facts in the order in which they are received, each up to a lateness after its time, and cuts them into
// batches of one kind.
func journal(r *rand.Rand, facts []fact, lateness int64) []*event.Batch {
	facts = slices.Clone(facts)
	for i := range facts {
		facts[i].received = facts[i].t + r.Int64N(lateness)
	}
	slices.SortStableFunc(facts, func(a, b fact) int { return cmp.Compare(a.received, b.received) })
	var batches []*event.Batch
	for len(facts) > 0 {
		n := 1 // journal time does not go back, so a batch holds what came without another kind between
		for most := 1 + r.IntN(60); n < min(most, len(facts)) && facts[n].kind == facts[0].kind; {
			n++
		}
		b := build(facts[0].kind, facts[:n])
		b.Sequence = uint64(len(batches) + 1)
		batches = append(batches, b)
		facts = facts[n:]
	}
	return batches
}

// stored is a Scan over facts as a history has them: one kind a batch, in order of their first rows.
func stored(r *rand.Rand, facts []fact) Scan {
	var batches []*event.Batch
	for rest := facts; len(rest) > 0; {
		n := min(1+r.IntN(100), len(rest))
		var cut []*event.Batch
		for _, kind := range event.Kinds() {
			var some []fact
			for _, f := range rest[:n] {
				if f.kind == kind {
					some = append(some, f)
				}
			}
			if len(some) > 0 {
				cut = append(cut, build(kind, some))
			}
		}
		slices.SortFunc(cut, func(a, b *event.Batch) int {
			x, _ := a.TimeRange()
			y, _ := b.TimeRange()
			return cmp.Compare(x, y)
		})
		batches = append(batches, cut...)
		rest = rest[n:]
	}
	return func(yield func(*event.Batch, []int32) error) error {
		for _, b := range batches {
			if err := yield(b, nil); err != nil {
				return err
			}
		}
		return nil
	}
}

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
			data, at, err := e.Snapshot()
			if err != nil {
				t.Fatal(err)
			}
			if at.Seq(0) != b.Sequence {
				t.Fatalf("the snapshot stands at %v, want %d", at, b.Sequence)
			}
			lost := e // what it finds from here on is lost with it
			for _, next := range batches[i+1 : min(i+3, len(batches))] {
				lost.Apply(next)
			}
			e = make1()
			if gone, err := e.Restore(data); err != nil || len(gone) > 0 {
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

func TestWarm(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	all := rules(t, `{name: new, from: log, detect: {novelty: {by: [source.ip], learn: 1d}}}`)
	e, err := New(Options{}, all)
	if err != nil {
		t.Fatal(err)
	}
	var facts []fact
	for i := range 200 {
		facts = append(facts, fact{kind: event.Log, t: (1_700_000_000 + int64(i)*3600) * second, ip: byte(i % 5)})
	}
	if err := e.Warm(context.Background(), e.Cold(), stored(r, facts)); err != nil {
		t.Fatal(err)
	}
	if cold := e.Cold(); len(cold) != 0 {
		t.Errorf("Cold after Warm: got %v", cold)
	}
	at := (1_700_000_000 + 201*3600) * second
	out := e.Apply(build(event.Log, []fact{{t: at, received: at, ip: 3}, {t: at, received: at, ip: 77}}))
	if len(out.Findings) != 1 || out.Findings[0].Entity.String() != "10.0.0.77" {
		t.Errorf("after warming up: got %+v, want the one that history does not know", out.Findings)
	}
}

// Rows of history that the engine is still to read from the journal are left to it, whatever their time.
func TestWarmBySequence(t *testing.T) {
	all := rules(t, `{name: burst, from: log, detect: {threshold: {over: 1m, at_least: 4}}}`)
	e, err := New(Options{}, all)
	if err != nil {
		t.Fatal(err)
	}
	e.StartAt(event.Position{Epoch: "one"}.With(0, 2))
	start := 1_700_000_000 * second
	b := event.NewBuilder(event.Log)
	for i := range int64(5) { // sequences 1 to 5, of which 3 to 5 come from the journal as well
		b.Time(event.Timestamp, start+i*second)
		b.Uint(event.TocsinSequence, uint64(i+1))
		b.Next()
	}
	stored := b.Batch()
	err = e.Warm(context.Background(), all, func(yield func(*event.Batch, []int32) error) error { return yield(stored, nil) })
	if err != nil {
		t.Fatal(err)
	}
	var got []alert.Finding
	for i := int64(2); i < 5; i++ {
		b := build(event.Log, []fact{{t: start + i*second, received: start + i*second}})
		b.Sequence = uint64(i + 1)
		got = append(got, e.Apply(b).Findings...)
	}
	got = append(got, e.Tick(start+3600*second).Findings...)
	if len(got) != 2 || got[0].Time != start+3*second || !got[1].Ended {
		t.Errorf("got %+v, want the fourth event to fire", got)
	}
}

// What comes in while a rule is shown history waits for it, and is judged by what it learnt.
func TestWarmWhileLive(t *testing.T) {
	all := rules(t, `{name: new, from: log, detect: {novelty: {by: [source.ip], learn: 1d}}}`)
	e, err := New(Options{}, all)
	if err != nil {
		t.Fatal(err)
	}
	start := 1_700_000_000 * second
	var old []fact
	for i := range int64(50) {
		old = append(old, fact{kind: event.Log, t: start + i*3600*second, ip: byte(i % 5)})
	}
	now := start + 60*3600*second
	e.Apply(build(event.Log, []fact{{t: now, received: now, ip: 1}}))
	scan := stored(rand.New(rand.NewPCG(1, 1)), old)
	err = e.Warm(context.Background(), e.Cold(), func(yield func(*event.Batch, []int32) error) error {
		out := e.Apply(build(event.Log, []fact{{t: now + 1, received: now + 1, ip: 2}, {t: now + 2, received: now + 2, ip: 99}}))
		if len(out.Findings) != 0 {
			t.Errorf("Apply while warming: got %v", out.Findings)
		}
		if err := e.Warm(context.Background(), all, scan); !errors.Is(err, ErrWarming) {
			t.Errorf("a second Warm: got %v", err)
		}
		return scan(yield)
	})
	if err != nil {
		t.Fatal(err)
	}
	out := e.Tick(now + 3)
	if len(out.Findings) != 1 || out.Findings[0].Entity.String() != "10.0.0.99" {
		t.Errorf("Tick: got %+v, want the one that came meanwhile and is new", out.Findings)
	}
	if err := e.Warm(context.Background(), all, func(func(*event.Batch, []int32) error) error { return io.ErrUnexpectedEOF }); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Warm of a rule that is warm: got %v", err)
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
	data, at, err := e.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(data); i += 7 {
		flipped := bytes.Clone(data)
		flipped[i] ^= 4
		if _, err := e.Restore(flipped); !errors.Is(err, ErrSnapshot) {
			t.Fatalf("Restore with byte %d flipped: got %v", i, err)
		}
		if _, err := e.Restore(data[:i]); !errors.Is(err, ErrSnapshot) {
			t.Fatalf("Restore of %d bytes: got %v", i, err)
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
	if lost, err := fewer.Restore(data); err != nil || !slices.Equal(lost, []string{"other"}) || len(fewer.Cold()) != 1 {
		t.Errorf("Restore into other rules: got %v, %v", lost, err)
	}
}

// broken is a detector that panics when it meets the port 666.
type broken struct{}

func (*broken) Validate() error                        { return nil }
func (*broken) Reads() ([]event.FieldID, bool)         { return nil, false }
func (b *broken) New(fs.FS) (detector.Detector, error) { return b, nil }
func (*broken) Early() []alert.Finding                 { return nil }
func (*broken) Judge(event.Watermark) []alert.Finding  { return nil }
func (*broken) Merge(detector.Detector) error          { return nil }
func (*broken) Save(io.Writer) error                   { return nil }
func (*broken) Load(io.Reader) error                   { return nil }
func (*broken) Stats() detector.Stats                  { return detector.Stats{} }
func (*broken) Explain(*event.Batch, int32, int64) detector.Explanation {
	panic("it cannot say either")
}
func (*broken) Fold(b *event.Batch, rows []int32) {
	for _, row := range rows {
		if b.Column(event.DestinationPort).Int(int(row)) == 666 {
			panic("the number of the beast")
		}
	}
}

func TestPanicIsKeptApart(t *testing.T) {
	all := rules(t, `rules:
- {name: bad, from: log, detect: broken}
- {name: fine, from: log, detect: {threshold: {at_least: 3, by: [source.ip]}}}
`)
	e, err := New(Options{}, all)
	if err != nil {
		t.Fatal(err)
	}
	var got []alert.Finding
	for i := range int64(5) {
		at := 1_700_000_000*second + i*second
		b := build(event.Log, []fact{{t: at, received: at, port: 666}})
		b.Sequence = uint64(i + 1)
		got = append(got, e.Apply(b).Findings...)
	}
	if len(got) != 2 || got[0].Rule != 2 || got[1].Rule != 1 || !strings.Contains(got[1].Reason, "the number of the beast") {
		// both come with the third batch; they are of one time, and the entity orders them
		slices.SortFunc(got, func(a, b alert.Finding) int { return cmp.Compare(b.Rule, a.Rule) })
		if len(got) != 2 || got[0].Rule != 2 || !strings.Contains(got[1].Reason, "the number of the beast") {
			t.Errorf("got %+v, want one finding of the good rule and one about the bad one", got)
		}
	}
	if s := e.Rules(); s[0].Disabled == "" || s[0].Panics != 3 || s[1].Disabled != "" {
		t.Errorf("Rules: got %+v", s)
	}
	if out := e.Tick(1_700_000_000 * second * 2); out.Watermark == math.MinInt64 {
		t.Error("a disabled rule holds the watermark up")
	}
	_, _, err = History(context.Background(), HistoryOptions{}, all, func(yield func(*event.Batch, []int32) error) error {
		return yield(build(event.Log, []fact{{t: 1e18, port: 666}}), nil)
	})
	if err == nil || !strings.Contains(err.Error(), "rule bad") {
		t.Errorf("History with a rule that panics: got %v", err)
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
