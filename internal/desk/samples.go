package desk

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/event"
	"tocsin/internal/filter"
	"tocsin/internal/history"
)

// samplePlace are the fields by which an event is found again.
var samplePlace = []event.FieldID{event.Timestamp, event.TocsinSequence, event.LogOffset, event.EventID}

// maxSamples bounds how many samples of one run over history are completed, and sampleChunk how many are asked for
// at a time, so that the filter stays small. Samples beyond keep the fields that the rule looked at.
const (
	maxSamples  = 20_000
	sampleChunk = 1000
)

// A place is where an event is found again: its batch in the journal, its time, and what tells it from others there.
type place struct {
	Sequence uint64    `json:"tocsin.sequence"`
	Time     time.Time `json:"@timestamp"`
	Offset   int64     `json:"log.offset"`
	ID       string    `json:"event.id"`
}

// completeSamples replaces samples that hold only what the rules looked at by the whole events.
func (d *Desk) completeSamples(ctx context.Context, q history.Query, findings []alert.Finding) error {
	wanted := map[place][]*json.RawMessage{}
	var places []place
	left := maxSamples
	for i := range findings {
		for k := range findings[i].Samples {
			var p place
			if left == 0 || json.Unmarshal(findings[i].Samples[k], &p) != nil || p.Sequence == 0 {
				continue
			}
			left--
			if wanted[p] == nil {
				places = append(places, p)
			}
			wanted[p] = append(wanted[p], &findings[i].Samples[k])
		}
	}
	// In the order of time, so that each chunk is looked for in its own part of the history alone.
	slices.SortFunc(places, func(x, y place) int { return cmp.Or(x.Time.Compare(y.Time), cmp.Compare(x.Sequence, y.Sequence)) })
	q.Fields, q.Labels, q.All = nil, false, true
	for chunk := range slices.Chunk(places, sampleChunk) {
		where, err := filter.Parse(among(chunk))
		if err != nil {
			return err
		}
		narrower := q
		narrower.Where = filter.And(q.Where, where)
		if first := chunk[0].Time; !first.IsZero() {
			narrower.Since = max(q.Since, first.UnixNano())
		}
		if last := chunk[len(chunk)-1].Time.UnixNano() + 1; q.Until == 0 || last < q.Until {
			narrower.Until = last
		}
		err = d.parts.History.Scan(ctx, narrower, func(b *event.Batch, rows []int32) error {
			for _, row := range rows {
				complete(b, int(row), wanted)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// among spells a filter that selects the events at these places, and few others.
func among(places []place) string {
	var batches, times []string
	for _, p := range places {
		batches = append(batches, strconv.FormatUint(p.Sequence, 10))
		times = append(times, strconv.Quote(p.Time.UTC().Format(time.RFC3339Nano)))
	}
	slices.Sort(batches)
	return "tocsin.sequence in [" + strings.Join(slices.Compact(batches), ", ") + "] && @timestamp in [" + strings.Join(slices.Compact(times), ", ") + "]"
}

// complete writes one event to the samples that stand for it.
func complete(b *event.Batch, row int, wanted map[place][]*json.RawMessage) {
	var p place
	if c := b.Column(event.TocsinSequence); c != nil {
		if v, ok := c.Value(row); ok {
			p.Sequence = c.Uint(v)
		}
	}
	if c := b.Column(event.Timestamp); c != nil {
		if v, ok := c.Value(row); ok {
			p.Time = time.Unix(0, c.Int(v)).UTC()
		}
	}
	if c := b.Column(event.LogOffset); c != nil {
		if v, ok := c.Value(row); ok {
			p.Offset = c.Int(v)
		}
	}
	if c := b.Column(event.EventID); c != nil {
		if v, ok := c.Value(row); ok {
			p.ID = string(c.Str(v))
		}
	}
	samples := wanted[p]
	if samples == nil {
		return
	}
	whole := json.RawMessage(b.AppendJSON(nil, row))
	for _, s := range samples {
		*s = whole
	}
	delete(wanted, p)
}
