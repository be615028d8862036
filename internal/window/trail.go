package window

import (
	"encoding/json"
	"math"
	"slices"
)

// Limits of what is remembered of rows whose batch was let go.
const (
	maxTrails  = 512     // entities
	maxNotes   = 8       // rows of one of them
	maxTrailed = 4 << 20 // bytes of all
	maxWritten = 16      // rows written out when batches are let go
	lookedAt   = 32      // rows of a batch that are looked at, at either end of it
)

// trails keep a few rows of some entities in writing, after their batches were let go: a finding may be made much later, and
// of events that came one by one. A large batch shows its first and its last rows only, so that this costs little however
// much comes in.
type trails struct {
	of    map[uint32][]note
	bytes int
	swept bool // since Keep began: nobody is left whose rows are all of before
}

// note is one row in writing.
type note struct {
	t, val int64
	text   json.RawMessage
}

// Keep remembers rows that are let go next, of entities that firm says are watched and of others as far as there is room.
// Rows before since will not be asked for again. values is as for Samples.
func (r *Recent) Keep(since int64, values *Values, firm func(id uint32) bool) {
	left := maxWritten
	r.trails.swept = false
	for i := range r.folds {
		f := &r.folds[i]
		if len(f.rows) == 0 {
			continue
		}
		clock := NewClock(f.batch)
		if values != nil {
			values.Bind(f.batch)
		}
		for at := 0; at < len(f.rows); at++ {
			if at == lookedAt && len(f.rows) > 2*lookedAt {
				at = len(f.rows) - lookedAt
				left = maxWritten
			}
			if f.ids[at] == 0 || left == 0 {
				continue
			}
			n := note{t: clock.At(f.rows[at])}
			if n.t < since {
				continue
			}
			if values != nil {
				n.val, _ = values.At(f.rows[at])
			}
			id := f.ids[at] - 1
			if !r.trails.room(id, since, firm) {
				continue
			}
			left--
			n.text = Sample(f.batch, f.rows[at])
			r.trails.add(id, n, since)
		}
	}
}

// room makes room for one more entity, at the cost of another that is not watched.
func (t *trails) room(id uint32, since int64, firm func(id uint32) bool) bool {
	if _, ok := t.of[id]; ok || len(t.of) < maxTrails && t.bytes < maxTrailed {
		return true
	}
	if !t.swept {
		t.swept = true
		for other, notes := range t.of {
			if notes[len(notes)-1].t < since {
				t.forget(other)
			}
		}
	}
	if len(t.of) < maxTrails && t.bytes < maxTrailed {
		return true
	}
	if !firm(id) { // who was there first stays
		return false
	}
	for other := range t.of {
		if !firm(other) {
			t.forget(other)
			return t.bytes < maxTrailed
		}
	}
	return false
}

// add takes a note in. Where there are too many, that goes which lies closest to others in time, and is neither the first,
// nor the last, nor the most unusual.
func (t *trails) add(id uint32, n note, since int64) {
	if t.of == nil {
		t.of = map[uint32][]note{}
	}
	notes := t.of[id]
	at, _ := slices.BinarySearchFunc(notes, n.t+1, func(m note, after int64) int {
		if m.t < after {
			return -1
		}
		return 1
	})
	notes = slices.Insert(notes, at, n)
	t.bytes += len(n.text)
	for len(notes) > 1 && notes[0].t < since {
		t.bytes -= len(notes[0].text)
		notes = slices.Delete(notes, 0, 1)
	}
	if len(notes) > maxNotes {
		most := 0
		for i := range notes {
			if notes[i].val > notes[most].val {
				most = i
			}
		}
		spare, least := 1, int64(math.MaxInt64)
		for i := 1; i < len(notes)-1; i++ {
			if gap := notes[i+1].t - notes[i-1].t; i != most && gap < least {
				spare, least = i, gap
			}
		}
		t.bytes -= len(notes[spare].text)
		notes = slices.Delete(notes, spare, spare+1)
	}
	t.of[id] = notes
}

func (t *trails) forget(id uint32) {
	for _, n := range t.of[id] {
		t.bytes -= len(n.text)
	}
	delete(t.of, id)
}

// Forget lets go of what is remembered of an entity, whose number another one gets.
func (r *Recent) Forget(id uint32) { r.trails.forget(id) }
