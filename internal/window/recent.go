package window

import (
	"encoding/json"
	"strconv"

	"tocsin/internal/event"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// Limits of the evidence that goes with findings.
const (
	maxFolds    = 4       // batches held at a time
	maxEvidence = 256     // findings that get samples between two calls of Release
	maxSample   = 8 << 10 // bytes of a sample; longer texts in it are cut
	maxText     = 512     // bytes of one text in a sample that had to be cut
)

// Recent keeps the rows folded last, so that a finding can show some of them. It costs a number a row; a row is looked at
// again only when it is shown.
type Recent struct {
	folds  []fold
	given  int
	trails trails
	gone   []uint32   // entities that were forgotten while batches are held
	isGone event.Bits // likewise, by their numbers
}

type fold struct {
	batch *event.Batch
	rows  []int32
	ids   []uint32 // 1 + whose each row is, 0 for nobody's
	// stretches say between which times the rows lie, stretch by stretch, so that a finding looks only at rows of its own
	// time. They are found out when the first one asks.
	stretches []stretch
}

// stretchRows is how many rows one stretch has.
const stretchRows = 256

type stretch struct{ first, last int64 }

// stretch finds out between which times the rows lie.
func (f *fold) stretch(clock *Clock) {
	if len(f.stretches) > 0 {
		return
	}
	for at, row := range f.rows {
		t := clock.At(row)
		if at%stretchRows == 0 {
			f.stretches = append(f.stretches, stretch{t, t})
		}
		s := &f.stretches[len(f.stretches)-1]
		s.first, s.last = min(s.first, t), max(s.last, t)
	}
}

// Begin makes b the batch whose rows are noted next.
func (r *Recent) Begin(b *event.Batch, rows []int32) {
	r.disown()
	if len(r.folds) == maxFolds {
		oldest := r.folds[0]
		copy(r.folds, r.folds[1:])
		r.folds[maxFolds-1] = oldest.with(b, rows)
		return
	}
	if n := len(r.folds); n < cap(r.folds) {
		r.folds = r.folds[:n+1]
		r.folds[n] = r.folds[n].with(b, rows)
		return
	}
	r.folds = append(r.folds, fold{}.with(b, rows))
}

// with keeps the room of f for another batch.
func (f fold) with(b *event.Batch, rows []int32) fold {
	f.batch, f.rows, f.stretches = b, append(f.rows[:0], rows...), f.stretches[:0]
	if cap(f.ids) < len(rows) {
		f.ids = make([]uint32, len(rows))
	} else {
		f.ids = f.ids[:len(rows)]
		clear(f.ids)
	}
	return f
}

// Note says whose row i of the rows of the batch is.
func (r *Recent) Note(i int, id uint32) { r.folds[len(r.folds)-1].ids[i] = id + 1 }

// Release lets go of the batches.
func (r *Recent) Release() {
	for i := range r.folds {
		r.folds[i] = r.folds[i].with(nil, nil)
		if cap(r.folds[i].rows) > event.MaxRows/4 { // one large batch should not cost its room for ever
			r.folds[i] = fold{}
		}
	}
	r.folds = r.folds[:0]
	r.given = 0
	r.reuse()
}

// Forget lets go of what is remembered of an entity, whose number another one gets. Rows of it that are held are nobody's.
func (r *Recent) Forget(id uint32) {
	r.trails.forget(id)
	if len(r.folds) == 0 {
		return
	}
	if words := int(id)/64 + 1; words > len(r.isGone) {
		r.isGone = append(r.isGone, make(event.Bits, words-len(r.isGone))...)
	}
	r.isGone.Set(int(id))
	r.gone = append(r.gone, id)
}

// forgotten reports whether an entity was forgotten since the batches that are held came.
func (r *Recent) forgotten(id uint32) bool {
	return int(id) < 64*len(r.isGone) && r.isGone.Get(int(id))
}

// disown takes the rows that are held from those who were forgotten, before others are noted by their numbers.
func (r *Recent) disown() {
	if len(r.gone) == 0 {
		return
	}
	for i := range r.folds {
		for at, id := range r.folds[i].ids {
			if id != 0 && r.forgotten(id-1) {
				r.folds[i].ids[at] = 0
			}
		}
	}
	r.reuse()
}

// reuse says that nothing is held any more of those who were forgotten.
func (r *Recent) reuse() {
	for _, id := range r.gone {
		r.isGone[id/64] = 0
	}
	r.gone = r.gone[:0]
}

// kept stands for the fold of a row that was let go.
const kept = -1

// spot is one row that is held, or kept.
type spot struct {
	fold, at int
	t, val   int64
}

// Samples writes out the first, the last and the most unusual (largest) row of an entity between two times, inclusive,
// oldest first, of those that are still held or kept. values, which is bound anew, says what is large; nil when nothing is.
func (r *Recent) Samples(id uint32, since, until int64, values *Values) []json.RawMessage {
	if r.given >= maxEvidence {
		return nil
	}
	var first, most, last spot
	found := false
	see := func(s spot) {
		if !found {
			first, most, last, found = s, s, s, true
		}
		if s.t < first.t {
			first = s
		}
		if s.t >= last.t {
			last = s
		}
		if s.val > most.val {
			most = s
		}
	}
	known := r.trails.of[id]
	if known == nil {
		known = &trail{}
	}
	for at, n := range known.notes {
		if n.t >= since && n.t <= until {
			see(spot{fold: kept, at: at, t: n.t, val: n.val})
		}
	}
	for i := range r.folds {
		f := &r.folds[i]
		if len(f.rows) == 0 {
			continue
		}
		clock := NewClock(f.batch)
		f.stretch(&clock)
		bound := false
		for n, s := range f.stretches {
			if s.last < since || s.first > until {
				continue
			}
			for at := n * stretchRows; at < min((n+1)*stretchRows, len(f.ids)); at++ {
				if f.ids[at] != id+1 {
					continue
				}
				s := spot{fold: i, at: at, t: clock.At(f.rows[at])}
				if s.t < since || s.t > until {
					continue
				}
				if values != nil {
					if !bound {
						bound = true
						values.Bind(f.batch)
					}
					s.val, _ = values.At(f.rows[at])
				}
				see(s)
			}
		}
	}
	if !found {
		return nil
	}
	r.given++
	samples := []json.RawMessage{r.write(id, first)}
	if most != first && most != last {
		samples = append(samples, r.write(id, most))
	}
	if last != first {
		samples = append(samples, r.write(id, last))
	}
	return samples
}

func (r *Recent) write(id uint32, s spot) json.RawMessage {
	if s.fold == kept {
		return r.trails.of[id].notes[s.at].write()
	}
	f := &r.folds[s.fold]
	return Sample(f.batch, f.rows[s.at])
}

// Sample writes a row out as evidence: a JSON object of bounded size.
func Sample(b *event.Batch, row int32) json.RawMessage {
	text := b.AppendJSON(nil, int(row))
	if len(text) <= maxSample {
		return text
	}
	text = append(text[:0], '{')
	stored := b.Stored()
	for i := range stored {
		c := &stored[i]
		v, ok := c.Value(int(row))
		if !ok {
			continue
		}
		before := len(text)
		if len(text) > 1 {
			text = append(text, ',')
		}
		text = event.AppendQuoted(text, []byte(c.Field.Name))
		text = append(text, ':')
		if c.Field.Type != event.String || len(c.Str(v)) <= maxText {
			text = c.AppendValueJSON(text, v)
		} else {
			text = event.AppendQuoted(text, append(append([]byte(nil), c.Str(v)[:maxText]...), "…"...))
		}
		if len(text) >= maxSample { // this field is one too many
			text = text[:before]
			break
		}
	}
	return append(text, '}')
}
