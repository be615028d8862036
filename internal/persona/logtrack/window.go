package logtrack

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// A window finds the first time at which so many events lie within so long, both ends included, for each key. Times count in
// whole seconds, as LogTrack keeps them.
//
// It asks for counts and not for events. A first ranking counts by coarse buckets, each longer than the window, so that what
// lies within one window lies in at most two of them; seconds are asked for only where two together hold enough. A million
// events that stay below the limit cost one ranking.
type window struct {
	where   string
	by      string // field of the key; empty: there is one
	over    time.Duration
	atLeast int64
}

// A hit is where a window was full for the first time.
type hit struct {
	key string
	at  time.Time
}

// Bounds of what one question is asked for.
const (
	coarse     = time.Hour           // at least
	coarseSpan = 4000 * coarse       // asked for at once; a span with too many groups is halved
	fineSpan   = 6 * coarse          // asked for at once, in seconds
	everything = 1 << 30             // limit of a ranking
	farPast    = -62135596800 + 1000 // seconds; before it no time is looked for
)

// first returns the first hit of each key, in the order of time.
func (w window) first(ctx context.Context, svc api.Service) ([]hit, error) {
	counts, err := w.coarse(ctx, svc)
	if err != nil {
		return nil, err
	}
	hot := w.hot(counts)
	found := map[string]hit{}
	sliding := map[string]*slide{}
	var behind time.Time // end of what was looked at
	for _, start := range slices.SortedFunc(maps.Keys(hot), time.Time.Compare) {
		waiting := hot[start]
		for key := range found {
			delete(waiting, key)
		}
		if len(waiting) == 0 {
			continue
		}
		if !start.Equal(behind) {
			clear(sliding) // what lies between cannot belong to a full window
		}
		behind = start.Add(w.bucket())
		if err := w.fine(ctx, svc, start, behind, waiting, sliding, found); err != nil {
			return nil, err
		}
	}
	return slices.SortedFunc(maps.Values(found), func(a, b hit) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.key, b.key))
	}), nil
}

// bucket is the length of coarse buckets.
func (w window) bucket() time.Duration {
	return max(coarse, (w.over/coarse+1)*coarse)
}

// A count is how many events of a key lie in a bucket.
type count struct {
	key string
	at  time.Time
	n   int64
}

// coarse counts by coarse buckets, in the order of time.
func (w window) coarse(ctx context.Context, svc api.Service) (all []count, err error) {
	first, found, err := one(ctx, svc, api.SearchRequest{Where: w.where, Oldest: true})
	if err != nil || !found {
		return nil, err
	}
	last, _, err := one(ctx, svc, api.SearchRequest{Where: w.where})
	if err != nil || last.at == nil || first.at == nil {
		return nil, err
	}
	step := w.bucket()
	span := max(coarseSpan, step)
	for from := floor(*first.at, step); !from.After(*last.at); from = from.Add(span.Truncate(step)) {
		some, err := w.count(ctx, svc, from, from.Add(span.Truncate(step)), step)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

// floor returns the beginning of the bucket that holds t. Buckets begin at multiples of their length since 1970.
func floor(t time.Time, step time.Duration) time.Time {
	s := int64(step / time.Second)
	at := max(t.Unix(), farPast)
	behind := at % s
	if behind < 0 {
		behind += s
	}
	return time.Unix(at-behind, 0).UTC()
}

// count counts between two times by buckets of step, and by key. Where there are too many groups for one answer, each half
// is asked for by itself.
func (w window) count(ctx context.Context, svc api.Service, from, to time.Time, step time.Duration) ([]count, error) {
	q := api.TopRequest{Kinds: logs(), Where: w.where, Since: from, Until: to, Bucket: step, Limit: everything}
	if w.by != "" {
		q.By = []string{w.by}
	}
	a, err := svc.Top(ctx, q)
	if err != nil {
		return nil, err
	}
	if a.Estimate || a.Others > 0 {
		middle := floor(from.Add(to.Sub(from)/2), step)
		if !middle.After(from) {
			return nil, fault.New(fault.Unavailable, "count by %s: too many of them between %s and %s", w.by, from.Format(time.DateTime), to.Format(time.DateTime))
		}
		older, err := w.count(ctx, svc, from, middle, step)
		if err != nil {
			return nil, err
		}
		newer, err := w.count(ctx, svc, middle, to, step)
		return append(older, newer...), err
	}
	counts := make([]count, 0, len(a.Rows))
	for _, r := range a.Rows {
		c := count{at: r.Time, n: int64(r.Value)}
		if len(r.Values) > 0 {
			c.key = r.Values[0]
		}
		counts = append(counts, c)
	}
	return counts, nil
}

// hot returns the buckets in which a window may be full, each with the keys whose it may be.
func (w window) hot(counts []count) map[time.Time]map[string]bool {
	hot := map[time.Time]map[string]bool{}
	mark := func(at time.Time, key string) {
		if hot[at] == nil {
			hot[at] = map[string]bool{}
		}
		hot[at][key] = true
	}
	last := map[string]count{}
	for _, c := range counts {
		before, known := last[c.key]
		switch {
		case c.n >= w.atLeast:
			mark(c.at, c.key)
			if known && before.at.Add(w.bucket()).Equal(c.at) {
				mark(before.at, c.key)
			}
		case known && before.at.Add(w.bucket()).Equal(c.at) && before.n+c.n >= w.atLeast:
			mark(before.at, c.key)
			mark(c.at, c.key)
		}
		last[c.key] = c
	}
	return hot
}

// fine looks at the seconds of one bucket for the keys that wait for their hit.
func (w window) fine(ctx context.Context, svc api.Service, from, to time.Time, waiting map[string]bool, sliding map[string]*slide, found map[string]hit) error {
	for ; from.Before(to) && len(waiting) > 0; from = from.Add(fineSpan) {
		end := from.Add(fineSpan)
		if end.After(to) {
			end = to
		}
		counts, err := w.count(ctx, svc, from, end, time.Second)
		if err != nil {
			return err
		}
		for _, c := range counts {
			if !waiting[c.key] {
				continue
			}
			s := sliding[c.key]
			if s == nil {
				s = &slide{}
				sliding[c.key] = s
			}
			if s.add(c, w.over) >= w.atLeast {
				found[c.key] = hit{key: c.key, at: c.at}
				delete(waiting, c.key)
				delete(sliding, c.key)
			}
		}
	}
	return nil
}

// A slide holds the seconds of one window.
type slide struct {
	seconds []count
	n       int64
}

// add takes the next second in and returns how many events the window that ends with it holds.
func (s *slide) add(c count, over time.Duration) int64 {
	s.seconds, s.n = append(s.seconds, c), s.n+c.n
	gone := 0
	for c.at.Sub(s.seconds[gone].at) > over {
		s.n -= s.seconds[gone].n
		gone++
	}
	s.seconds = s.seconds[gone:]
	return s.n
}
