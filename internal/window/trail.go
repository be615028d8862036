package window

import (
	"encoding/json"
	"math"
	"slices"

	"tocsin/internal/event"
)

// Limits of what is remembered of rows whose batch was let go.
const (
	maxTrails  = 512     // entities
	maxNotes   = 8       // rows of one of them
	maxTrailed = 4 << 20 // bytes of all
	maxKept    = 16      // rows kept when batches are let go
	lookedAt   = 32      // rows of a batch that are looked at, at either end of it
	commonCopy = 192     // bytes that the copies of most rows fit into
)

// trails keep a few rows of some entities, after their batches were let go: a finding may be made much later, and of events that
// came one by one. A large batch shows its first and its last rows only, so that this costs little however much comes in.
type trails struct {
	of     map[uint32]*trail
	bytes  int
	oldest int64  // nobody's newest row is of before
	spare  []byte // the copy of a row that had to go, whose room the next one takes
}

// trail is the rows of one entity, in order of time.
type trail struct{ notes []note }

// note is one row that is kept, as a copy or, when that is large, in writing.
type note struct {
	t, val  int64
	row     []byte
	written bool
}

// take keeps a row.
func (t *trails) take(n *note, b *event.Batch, row int32) {
	if t.spare == nil {
		t.spare = make([]byte, 0, commonCopy)
	}
	n.row, t.spare = appendCopy(t.spare[:0], b, row), nil
	if n.written = len(n.row) > maxSample; n.written { // which is not written out whole
		n.row = Sample(b, row)
	}
}

// write returns a row as evidence.
func (n *note) write() json.RawMessage {
	if n.written {
		return n.row
	}
	return sampleOf(n.row)
}

// Keep remembers rows that are let go next, of entities that firm says are watched and of others as far as there is room.
// Rows before since will not be asked for again. values is as for Samples.
func (r *Recent) Keep(since int64, values *Values, firm func(id uint32) bool) {
	left := maxKept
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
				left = maxKept
			}
			if f.ids[at] == 0 || left == 0 || r.forgotten(f.ids[at]-1) {
				continue
			}
			n := note{t: clock.At(f.rows[at])}
			if n.t < since {
				continue
			}
			if values != nil {
				n.val, _ = values.At(f.rows[at])
			}
			trail := r.trails.trail(f.ids[at]-1, since, firm)
			if trail == nil {
				continue
			}
			left--
			r.trails.take(&n, f.batch, f.rows[at])
			r.trails.add(trail, n, since)
		}
	}
}

// trail returns that of an entity, which may be a new one; nil when there is no room.
func (t *trails) trail(id uint32, since int64, firm func(id uint32) bool) *trail {
	known := t.of[id]
	if known != nil || !t.room(id, since, firm) {
		return known
	}
	if t.of == nil {
		t.of = map[uint32]*trail{}
	}
	known = &trail{}
	t.of[id] = known
	return known
}

// room makes room for one more entity, at the cost of another that is not watched.
func (t *trails) room(id uint32, since int64, firm func(id uint32) bool) bool {
	if len(t.of) < maxTrails && t.bytes < maxTrailed {
		return true
	}
	if t.oldest < since {
		t.oldest = math.MaxInt64
		for other, known := range t.of {
			if newest := known.notes[len(known.notes)-1].t; newest < since {
				t.forget(other)
			} else {
				t.oldest = min(t.oldest, newest)
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
func (t *trails) add(to *trail, n note, since int64) {
	t.oldest = min(t.oldest, n.t)
	notes := to.notes
	at, _ := slices.BinarySearchFunc(notes, n.t+1, func(m note, after int64) int {
		if m.t < after {
			return -1
		}
		return 1
	})
	notes = slices.Insert(notes, at, n)
	t.bytes += len(n.row)
	for len(notes) > 1 && notes[0].t < since {
		notes = t.leaveOut(notes, 0)
	}
	for len(notes) > maxNotes || len(notes) > 1 && t.bytes > maxTrailed {
		notes = t.leaveOut(notes, dispensable(notes))
	}
	to.notes = notes
}

// dispensable returns the place of the note that is missed least: of a few the oldest.
func dispensable(notes []note) (at int) {
	most, least := 0, int64(math.MaxInt64)
	for i := range notes {
		if notes[i].val > notes[most].val {
			most = i
		}
	}
	for i := 1; i < len(notes)-1; i++ {
		if gap := notes[i+1].t - notes[i-1].t; i != most && gap < least {
			at, least = i, gap
		}
	}
	return at
}

// leaveOut takes one note out.
func (t *trails) leaveOut(notes []note, at int) []note {
	t.bytes -= len(notes[at].row)
	if !notes[at].written { // else the row may be in a finding
		t.spare = notes[at].row
	}
	return slices.Delete(notes, at, at+1)
}

func (t *trails) forget(id uint32) {
	known := t.of[id]
	if known == nil {
		return
	}
	for _, n := range known.notes {
		t.bytes -= len(n.row)
	}
	delete(t.of, id)
}
