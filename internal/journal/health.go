package journal

import "maps"

// Health tells how the journal is.
type Health struct {
	Epoch string `json:"epoch"`
	// Refusing says why nothing is accepted at the moment; empty when all is well.
	Refusing string        `json:"refusing,omitempty"`
	Classes  []ClassHealth `json:"classes"`
	// Free are the bytes free on the disk of the journal and Floor those below which nothing is accepted; both 0 with an
	// outside engine.
	Free  int64 `json:"free"`
	Floor int64 `json:"floor"`
	// Lag is how many batches each cursor has not committed, over all partitions.
	Lag    map[string]uint64 `json:"lag"`
	Losses int               `json:"losses"` // as listed by Losses
}

// A ClassHealth tells how one class is.
type ClassHealth struct {
	Class     Class  `json:"class"`
	Partition uint16 `json:"partition"`
	Head      uint64 `json:"head"` // number of the last accepted batch
	// Bytes are held in the streams, about; MaxBytes is the limit at which events are refused.
	Bytes       int64  `json:"bytes"`
	MaxBytes    int64  `json:"max_bytes"`
	Stream      string `json:"stream"`
	Generations int    `json:"generations"` // streams that are kept, 1 when nothing is wrong
	Refusing    string `json:"refusing,omitempty"`
}

// Health returns the state of the journal. It asks nobody and is cheap.
func (j *Journal) Health() Health {
	h := Health{Epoch: j.epoch, Lag: map[string]uint64{}}
	j.mu.Lock()
	h.Losses = len(j.losses)
	cursors := make(map[string]map[uint16]uint64, len(j.cursors))
	for name, seqs := range j.cursors {
		cursors[name] = maps.Clone(seqs)
	}
	j.mu.Unlock()
	if j.space != nil {
		h.Free, h.Floor, _ = j.space.look(0)
		if err := j.space.check(0); err != nil {
			h.Refusing = err.Error()
		}
	}
	for _, l := range j.lanes {
		l.mu.Lock()
		c := ClassHealth{Class: l.class, Partition: l.partition, Head: l.head, Bytes: l.stored,
			MaxBytes: streamLimit(j.o.MaxBytes[l.class]), Stream: l.current().Stream, Generations: len(l.gens)}
		if l.refusal != nil {
			c.Refusing = l.refusal.Error()
			h.Refusing = c.Refusing
		}
		for name, seqs := range cursors {
			h.Lag[name] += l.lag(seqs[l.partition])
		}
		l.mu.Unlock()
		h.Classes = append(h.Classes, c)
	}
	if j.sealed.Load() {
		h.Refusing = "journal is sealed: tocsin is stopping"
	}
	return h
}
