package event

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// A Position is a place in the journal, as a vector with one sequence a partition. Everything up to and including it
// has been seen. The zero Position stands before the first event of an unknown journal.
type Position struct {
	// Epoch names the generation of the journal that the sequences belong to. Sequences of different epochs cannot be
	// compared: a reader that meets an epoch it does not know starts that epoch at 0 and says so.
	Epoch string `json:"epoch"`
	// Seqs holds the last sequence seen in each partition; a partition that is absent stands at 0.
	Seqs map[uint16]uint64 `json:"seqs,omitempty"`
}

// Seq returns the last sequence seen in a partition, 0 when none was.
func (p Position) Seq(partition uint16) uint64 { return p.Seqs[partition] }

// With returns a copy of p that has seen partition up to seq.
func (p Position) With(partition uint16, seq uint64) Position {
	c := Position{Epoch: p.Epoch, Seqs: maps.Clone(p.Seqs)}
	if c.Seqs == nil {
		c.Seqs = make(map[uint16]uint64, 1)
	}
	c.Seqs[partition] = seq
	return c
}

// Covers reports whether p, of the same epoch, has seen everything that q has.
func (p Position) Covers(q Position) bool {
	if p.Epoch != q.Epoch {
		return len(q.Seqs) == 0
	}
	for part, seq := range q.Seqs {
		if p.Seqs[part] < seq {
			return false
		}
	}
	return true
}

// Min returns the largest position that both p and q cover; they must share an epoch.
func (p Position) Min(q Position) Position {
	m := Position{Epoch: p.Epoch, Seqs: make(map[uint16]uint64, len(p.Seqs))}
	for part, seq := range p.Seqs {
		if other, ok := q.Seqs[part]; ok {
			m.Seqs[part] = min(seq, other)
		}
	}
	return m
}

// String writes the position as epoch:partition=seq,partition=seq.
func (p Position) String() string {
	var s strings.Builder
	s.WriteString(p.Epoch)
	sep := byte(':')
	for _, part := range slices.Sorted(maps.Keys(p.Seqs)) {
		s.WriteByte(sep)
		s.WriteString(strconv.FormatUint(uint64(part), 10))
		s.WriteByte('=')
		s.WriteString(strconv.FormatUint(p.Seqs[part], 10))
		sep = ','
	}
	return s.String()
}

// A Watermark is a time, in nanoseconds since 1970 UTC, up to which all events are taken to have arrived.
type Watermark int64

// A SourceRange says which stretch of an outside source a batch holds, so that reading can resume behind it.
type SourceRange struct {
	ID   string `json:"id"`   // what the source calls the thing it read, such as a file's identity
	From int64  `json:"from"` // offset of the first byte or record
	To   int64  `json:"to"`   // offset just behind the last
}
