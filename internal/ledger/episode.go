package ledger

import (
	"encoding/json"
	"math"

	"tocsin/internal/alert"
)

// An Episode is what a stretch of findings says about one alert: its beginning, its middle or its end.
type Episode struct {
	First, Last int64 // event times of the first and the newest trigger, nanoseconds; 0 without a trigger
	EndedAt     int64 // event time of the end
	Ended       bool
	Newest      alert.Finding // the newest that is not an end; its Samples are not used
	Peak        float64       // most unusual value
	Triggers    int64
	Samples     []json.RawMessage // the first few and the newest few
	told        bool              // Newest is set
	began       int64             // without a trigger: when the last trigger of an earlier stretch really was; 0: as was said
}

// Add takes in one finding. After an end there must be none: a further trigger begins another episode.
func (e *Episode) Add(f alert.Finding) {
	if f.Ended {
		e.Ended, e.EndedAt = true, f.Time
		return
	}
	if !e.told || unusual(f.Value, f.Limit, f.Below) > unusual(e.Peak, f.Limit, f.Below) {
		e.Peak = f.Value
	}
	switch {
	case f.Triggers == 0 && e.Triggers == 1:
		// A late event shows that what was told early was at another time.
		e.First, e.Last, e.Peak = f.Time, f.Time, f.Value
	case f.Triggers == 0 && e.Triggers > 0:
		e.First = min(e.First, f.Time)
	case f.Triggers == 0:
		e.began = f.Time
	case f.Triggers > 0:
		if e.Triggers == 0 {
			e.First = f.Time
		}
		e.First, e.Last = min(e.First, f.Time), max(e.Last, f.Time)
		e.Triggers += int64(f.Triggers)
	}
	e.Samples = joinSamples(e.Samples, f.Samples)
	e.Newest, e.told = f, true
	e.Newest.Samples = nil
}

// Bytes estimates the memory of the episode.
func (e *Episode) Bytes() int {
	n := 256 + len(e.Newest.Reason)
	for _, s := range e.Samples {
		n += len(s)
	}
	return n
}

// unusual is how far a value is beyond its limit, in the direction that is a fault.
func unusual(value, limit float64, below bool) float64 {
	if math.IsNaN(value) {
		return math.Inf(-1)
	}
	if below {
		return limit - value
	}
	return value - limit
}

// joinSamples puts newer samples behind older ones and keeps the first and the last few. Those that are not JSON or too
// long are left out, as the page and the notices could not show them.
func joinSamples(older, newer []json.RawMessage) []json.RawMessage {
	joined := older
	for _, s := range newer {
		if len(s) > maxSample || !json.Valid(s) {
			continue
		}
		if len(joined) < maxSamples {
			joined = append(joined[:len(joined):len(joined)], s)
			continue
		}
		next := make([]json.RawMessage, 0, maxSamples)
		next = append(next, joined[:maxSamples/2]...)
		next = append(next, joined[maxSamples/2+1:]...)
		joined = append(next, s)
	}
	return joined
}
