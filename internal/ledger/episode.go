package ledger

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"

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
	odd         []json.RawMessage // of the finding that Peak is of
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
		e.Peak, e.odd = f.Value, oddSamples(f.Samples)
	}
	switch {
	case f.Triggers == 0 && e.Triggers == 1:
		// A late event shows that what was told early was at another time.
		e.First, e.Last, e.Peak, e.odd = f.Time, f.Time, f.Value, oddSamples(f.Samples)
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
	for _, s := range e.odd {
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

// joinSamples puts newer samples behind older ones and keeps the first and the last few, each once. Those that are not JSON
// or too long are left out, as the page and the notices could not show them.
func joinSamples(older, newer []json.RawMessage) []json.RawMessage {
	joined := older
	for _, s := range newer {
		if len(s) > maxSample || !json.Valid(s) || told(joined, s) {
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

// told reports whether samples tell of an event already, or of the session that it is of: nine records of one session show less
// than three sessions do.
func told(samples []json.RawMessage, s json.RawMessage) bool {
	id := talk(s)
	return slices.ContainsFunc(samples, func(other json.RawMessage) bool {
		return bytes.Equal(other, s) || id != "" && talk(other) == id
	})
}

// talk returns the number of the session that a sample is of, as it is written; "" when it is of none.
func talk(sample json.RawMessage) string {
	if !bytes.Contains(sample, []byte(`"flow.id"`)) { // most are of none
		return ""
	}
	var fields struct {
		ID json.RawMessage `json:"flow.id"`
	}
	if json.Unmarshal(sample, &fields) != nil {
		return ""
	}
	return string(fields.ID)
}

// oddSamples keeps the last few of a finding, which are those that made it.
func oddSamples(samples []json.RawMessage) []json.RawMessage {
	var odd []json.RawMessage
	for _, s := range samples[max(0, len(samples)-maxOdd):] {
		if len(s) <= maxSample && json.Valid(s) {
			odd = append(odd, s)
		}
	}
	return odd
}

// evidence is what an alert shows: the first few samples, those of when it was most unusual, and the last few, each once.
func evidence(samples, odd []json.RawMessage) []json.RawMessage {
	all := samples
	for at := min(maxSamples/2, len(samples)); len(odd) > 0; odd = odd[1:] {
		if !told(all, odd[0]) {
			all = slices.Insert(slices.Clone(all), at, odd[0])
			at++
		}
	}
	return all
}
