package detect

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"tocsin/internal/alert"
	"tocsin/internal/event"
)

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

// What a rule that is shown history cannot be kept waiting with is let go of at once.
func TestQueueLetsGo(t *testing.T) {
	q := queue{batches: make([]chosen, 0, 1000)}
	all := q.batches[:1000]
	const batches = 2 * maxWaiting / event.MaxRows
	for range batches {
		b := event.NewBatch(event.Log, event.MaxRows, nil, event.Labels{})
		q.add(b, []int32{0})
	}
	held := 0
	for _, c := range all {
		if c.batch != nil {
			held++
		}
	}
	if want := maxWaiting / event.MaxRows; held != want || len(q.batches) != want || q.rows != maxWaiting {
		t.Errorf("%d batches are held, %d of them in the queue, with %d rows: want %d with %d", held, len(q.batches), q.rows, want, maxWaiting)
	}
}
