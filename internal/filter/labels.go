package filter

import "tocsin/internal/event"

// labelRows finds the labels that filters look at, in one pass over the labels of a chunk.
type labelRows struct {
	names []string
	keys  []int32             // of the batch at hand: which of names a key is, -1 for none
	entry [][chunkRows]uint32 // one a name: 1 + the entry of the row, 0 where it has none; of several the last
	used  []bool              // one a name: some row of the chunk has it
	some  bool                // the batch has one of the labels
}

func newLabelRows(names []string) labelRows {
	return labelRows{names: names, entry: make([][chunkRows]uint32, len(names)), used: make([]bool, len(names))}
}

// begin finds the labels among the keys of a batch.
func (l *labelRows) begin(b *event.Batch) {
	l.keys, l.some = l.keys[:0], false
	if len(l.names) == 0 || len(b.Labels.Ends) == 0 {
		return
	}
	for k := range b.Labels.Names.Len() {
		name, at := b.Labels.Names.At(k), int32(-1)
		for i, n := range l.names {
			if string(name) == n {
				at, l.some = int32(i), true
				break
			}
		}
		l.keys = append(l.keys, at)
	}
}

// start collects the entries of the rows of a chunk.
func (l *labelRows) start(c *chunk) {
	for i, used := range l.used {
		if used {
			clear(l.entry[i][:])
			l.used[i] = false
		}
	}
	if !l.some {
		return
	}
	labels := &c.batch.Labels
	at, _ := labels.Of(c.from)
	for row, end := range labels.Ends[c.from : c.from+c.rows] {
		for ; at < int(end); at++ {
			if i := l.keys[labels.Keys[at]]; i >= 0 {
				l.entry[i][row] = uint32(at) + 1
				l.used[i] = true
			}
		}
	}
}

// presence finds the rows that have a label; false when there are none.
func (c *chunk) labelPresence(label int) bool {
	if !c.labels.used[label] {
		return false
	}
	entry := c.labels.entry[label][:c.rows]
	for w := range c.words {
		var m uint64
		for i, e := range entry[w*64 : min(w*64+64, len(entry))] {
			m |= uint64((e|-e)>>31) << (uint(i) & 63)
		}
		c.present[w] = m
	}
	return true
}
