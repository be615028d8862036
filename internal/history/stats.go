package history

import "slices"

// Stats say how large the history is and what is wrong with it.
type Stats struct {
	Segments    int
	Rows        int64 // in segments
	Bytes       int64 // of segments
	MemoryRows  int64 // in no segment yet
	MemoryBytes int64 // estimate
	First       int64 // earliest time of an event in a segment, nanoseconds since 1970 UTC; 0 when there is none
	Last        int64 // latest
	Quarantined []Quarantined

	Rollups     int   // of flows, by hour and day
	RollupBytes int64 // of these
	Unrolled    int   // hours with flows that have none yet
}

// Stats returns the state of the store.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Stats{MemoryRows: int64(s.memRows), MemoryBytes: s.memBytes, Quarantined: slices.Clone(s.layout.manifest.Quarantined)}
	st.Rollups, st.Unrolled = len(s.layout.manifest.Rollups), len(s.layout.manifest.Unrolled)
	for _, e := range s.layout.manifest.Rollups {
		st.RollupBytes += e.Bytes
	}
	for i, seg := range s.layout.segments {
		st.Segments++
		st.Rows += seg.Rows
		st.Bytes += seg.Bytes
		if i == 0 || seg.First < st.First {
			st.First = seg.First
		}
		if i == 0 || seg.Last > st.Last {
			st.Last = seg.Last
		}
	}
	return st
}
