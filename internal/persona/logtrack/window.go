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
	coarseSteps = 100_000                    // coarse buckets of a whole history, about
	coarseAsk   = 20_000                     // of them asked for at once; a span with too many groups is halved
	longest     = 100 * 365 * 24 * time.Hour // asked for at once
	fineAsk     = 24 * time.Hour             // asked for at once, in seconds
	everything  = 1 << 30                    // limit of a ranking
	farPast     = -62_135_596_800 + 1e6      // seconds; before it no time is looked for
)

// first returns the first hit of each key, in the order of time.
func (w window) first(ctx context.Context, svc api.Service) ([]hit, error) {
	oldest, found, err := one(ctx, svc, api.SearchRequest{Where: w.where, Oldest: true})
	if err != nil || !found {
		return nil, err
	}
	newest, found, err := one(ctx, svc, api.SearchRequest{Where: w.where})
	if err != nil || !found {
		return nil, err
	}
	s := &seeker{window: w, svc: svc, step: w.bucket(newest.at.Sub(*oldest.at)), sliding: map[string]*slide{}, found: map[string]hit{}}
	counts, err := s.coarse(ctx, *oldest.at, *newest.at)
	if err != nil {
		return nil, err
	}
	if err := s.fine(ctx, s.hot(counts)); err != nil {
		return nil, err
	}
	return slices.SortedFunc(maps.Values(s.found), func(a, b hit) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.key, b.key))
	}), nil
}

// bucket is the length of coarse buckets: longer than the window, and so long that there are not too many.
func (w window) bucket(span time.Duration) time.Duration {
	return min(max(w.over, span/coarseSteps), longest).Truncate(time.Minute) + time.Minute
}

// A seeker looks for the hits of one window.
type seeker struct {
	window

	svc     api.Service
	step    time.Duration
	sliding map[string]*slide
	found   map[string]hit
}

// A count is how many events of a key lie in a bucket.
type count struct {
	key string
	at  time.Time
	n   int64
}

// coarse counts by coarse buckets, in the order of time.
func (s *seeker) coarse(ctx context.Context, first, last time.Time) (all []count, err error) {
	ask := s.step * time.Duration(min(coarseAsk, int64(longest/s.step)))
	for from := floor(first, s.step); !from.After(last); from = from.Add(ask) {
		some, err := s.count(ctx, from, from.Add(ask), s.step)
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
func (s *seeker) count(ctx context.Context, from, to time.Time, step time.Duration) ([]count, error) {
	q := api.TopRequest{Kinds: logs(), Where: s.where, Since: from, Until: to, Bucket: step, Limit: everything}
	if s.by != "" {
		q.By = []string{s.by}
	}
	a, err := s.svc.Top(ctx, q)
	if err != nil {
		return nil, err
	}
	if a.Estimate || a.Others > 0 {
		middle := floor(from.Add(to.Sub(from)/2), step)
		if !middle.After(from) {
			return nil, fault.New(fault.Unavailable, "count by %s: too many of them between %s and %s", s.by, from.Format(time.DateTime), to.Format(time.DateTime))
		}
		older, err := s.count(ctx, from, middle, step)
		if err != nil {
			return nil, err
		}
		newer, err := s.count(ctx, middle, to, step)
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
func (s *seeker) hot(counts []count) map[time.Time]map[string]bool {
	hot := map[time.Time]map[string]bool{}
	mark := func(at time.Time, key string) {
		if hot[at] == nil {
			hot[at] = map[string]bool{}
		}
		hot[at][key] = true
	}
	last := map[string]count{}
	for _, c := range counts {
		before := last[c.key]
		joined := before.n > 0 && before.at.Add(s.step).Equal(c.at)
		if c.n >= s.atLeast || joined && before.n+c.n >= s.atLeast {
			mark(c.at, c.key)
			if joined {
				mark(before.at, c.key)
			}
		}
		last[c.key] = c
	}
	return hot
}

// fine looks at the seconds of hot buckets, in the order of time: of as many at once as lie side by side.
func (s *seeker) fine(ctx context.Context, hot map[time.Time]map[string]bool) error {
	starts := slices.SortedFunc(maps.Keys(hot), time.Time.Compare)
	var behind time.Time // end of what was looked at
	for len(starts) > 0 {
		from, to, waiting := starts[0], starts[0].Add(s.step), hot[starts[0]]
		for starts = starts[1:]; len(starts) > 0 && starts[0].Equal(to) && to.Sub(from)+s.step <= fineAsk; starts = starts[1:] {
			maps.Copy(waiting, hot[to])
			to = to.Add(s.step)
		}
		maps.DeleteFunc(waiting, func(key string, _ bool) bool { _, done := s.found[key]; return done })
		if !from.Equal(behind) {
			clear(s.sliding) // what lies between belongs to no full window
		}
		behind = to
		for ; len(waiting) > 0 && from.Before(to); from = from.Add(fineAsk) {
			if err := s.seconds(ctx, from, earlier(from.Add(fineAsk), to), waiting); err != nil {
				return err
			}
		}
	}
	return nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// seconds lets the windows of the keys that wait slide over the seconds between two times.
func (s *seeker) seconds(ctx context.Context, from, to time.Time, waiting map[string]bool) error {
	counts, err := s.count(ctx, from, to, time.Second)
	if err != nil {
		return err
	}
	for _, c := range counts {
		if !waiting[c.key] {
			continue
		}
		if s.sliding[c.key] == nil {
			s.sliding[c.key] = &slide{}
		}
		if s.sliding[c.key].add(c, s.over) >= s.atLeast {
			s.found[c.key] = hit{key: c.key, at: c.at}
			delete(waiting, c.key)
			delete(s.sliding, c.key)
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
