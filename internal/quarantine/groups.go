package quarantine

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// A Key is what rejected records are grouped by.
type Key struct {
	Source string `json:"source"`
	Format string `json:"format"`
	Reason string `json:"reason"`
}

// others counts what comes of more groups than are told apart.
const others = "(others)"

// A Group is what is known of the records of one key.
type Group struct {
	Key

	Count   int64     `json:"count"` // Kept + NotKept
	Kept    int64     `json:"kept"`
	NotKept int64     `json:"not_kept"` // counted alone
	Bytes   int64     `json:"bytes"`    // that the kept ones take
	First   time.Time `json:"first"`    // receipt
	Last    time.Time `json:"last"`
	Sample  []byte    `json:"sample"` // beginning of the first one that is kept
}

// sampleBytes is how much of a record is shown in a list.
const sampleBytes = 200

// A tally is a group that is counted.
type tally struct {
	Group

	kept, bytes int64
}

func (t *tally) add(bytes int64) {
	t.kept++
	t.bytes += bytes
}

func (t *tally) saw(at time.Time) { t.span(at, at) }

func (t *tally) span(first, last time.Time) {
	if t.First.IsZero() || first.Before(t.First) {
		t.First = first
	}
	if last.After(t.Last) {
		t.Last = last
	}
}

// take counts an entry that is on disk.
func (t *tally) take(e *Entry) {
	t.add(int64(frame + len(appendPayload(nil, e))))
	t.saw(e.Received)
}

func tallyOf(groups map[Key]*tally, key Key) *tally {
	t := groups[key]
	if t == nil {
		t = &tally{Group: Group{Key: key}}
		groups[key] = t
	}
	return t
}

// group returns the tally that a key is counted in; mu is held.
func (s *Store) group(key Key) *tally {
	if g := s.groups[key]; g != nil {
		return g
	}
	if len(s.groups) >= maxGroups {
		key = Key{others, others, others}
	}
	// The texts may be part of what the caller reuses.
	key = Key{strings.Clone(key.Source), strings.Clone(key.Format), strings.Clone(key.Reason)}
	return tallyOf(s.groups, key)
}

// A Filter selects entries; an empty text selects all.
type Filter struct {
	Source, Format, Reason string
	IDs                    []int64 // none selects all
}

func (f Filter) selects(k Key) bool {
	return (f.Source == "" || f.Source == k.Source) && (f.Format == "" || f.Format == k.Format) && (f.Reason == "" || f.Reason == k.Reason)
}

func (f Filter) takes(e *Entry) bool {
	return f.selects(e.Key()) && (len(f.IDs) == 0 || slices.Contains(f.IDs, int64(e.ID)))
}

// Groups returns what is there, the largest first.
func (s *Store) Groups(f Filter) ([]Group, error) {
	found := map[Key]*tally{}
	err := s.Scan(f, func(e *Entry) error {
		t := tallyOf(found, e.Key())
		if t.Sample == nil {
			t.Sample = slices.Clone(e.Data[:min(len(e.Data), sampleBytes)])
		}
		t.take(e)
		return nil
	})
	// What could not be written is counted by now.
	s.mu.Lock()
	for key, g := range s.groups {
		if g.NotKept > 0 && f.selects(key) {
			t := tallyOf(found, key)
			t.NotKept = g.NotKept
			t.span(g.First, g.Last)
		}
	}
	s.mu.Unlock()
	var list []Group
	for _, t := range found {
		t.Kept, t.Bytes = t.kept, t.bytes
		t.Count = t.Kept + t.NotKept
		list = append(list, t.Group)
	}
	slices.SortFunc(list, func(a, b Group) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Source, b.Source), strings.Compare(a.Format, b.Format), strings.Compare(a.Reason, b.Reason))
	})
	return list, err
}
