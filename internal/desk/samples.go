package desk

import (
	"context"
	"encoding/json"
	"maps"
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

// maxSamples bounds how many samples of one run over history are completed, and sampleChunk how many batches are asked for
// at a time. Samples beyond keep the fields that the rule looked at.
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
	sequences := map[uint64]bool{}
	left := maxSamples
	for i := range findings {
		for k := range findings[i].Samples {
			var p place
			if left == 0 || json.Unmarshal(findings[i].Samples[k], &p) != nil || p.Sequence == 0 {
				continue
			}
			left--
			wanted[p] = append(wanted[p], &findings[i].Samples[k])
			sequences[p.Sequence] = true
		}
	}
	q.Fields, q.Labels, q.All = nil, false, true
	for chunk := range slices.Chunk(slices.Sorted(maps.Keys(sequences)), sampleChunk) {
		var text strings.Builder
		text.WriteString("tocsin.sequence in [")
		for i, seq := range chunk {
			if i > 0 {
				text.WriteString(", ")
			}
			text.WriteString(strconv.FormatUint(seq, 10))
		}
		text.WriteString("]")
		among, err := filter.Parse(text.String())
		if err != nil {
			return err
		}
		narrower := q
		narrower.Where = filter.And(q.Where, among)
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
