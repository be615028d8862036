package detectortest

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tocsin/internal/event"
)

// A Batcher builds batches from JSON objects with dotted field names, as AppendJSON writes them.
type Batcher struct {
	*event.Builder
}

// NewBatcher returns an empty one.
func NewBatcher(kind event.Kind) Batcher { return Batcher{event.NewBuilder(kind)} }

// Add adds one event. Fields that the schema does not know become labels.
func (b Batcher) Add(text json.RawMessage) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return err
	}
	for name, value := range fields {
		if err := b.set(name, value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	b.Next()
	return nil
}

func (b Batcher) set(name string, value json.RawMessage) (err error) {
	f, ok := event.FieldByName(name)
	if !ok {
		var s string
		err = json.Unmarshal(value, &s)
		b.Label([]byte(strings.TrimPrefix(name, "labels.")), []byte(s))
		return err
	}
	switch f.Type {
	case event.String:
		var s string
		err = json.Unmarshal(value, &s)
		b.Text(f.ID, s)
	case event.Int:
		var n int64
		err = json.Unmarshal(value, &n)
		b.Int(f.ID, n)
	case event.Uint:
		var n uint64
		err = json.Unmarshal(value, &n)
		b.Uint(f.ID, n)
	case event.Float:
		var n float64
		err = json.Unmarshal(value, &n)
		b.Float(f.ID, n)
	case event.Bool:
		var v bool
		err = json.Unmarshal(value, &v)
		b.Bool(f.ID, v)
	case event.Time:
		var at time.Time
		err = json.Unmarshal(value, &at)
		b.Time(f.ID, at.UnixNano())
	default:
		var a netip.Addr
		err = json.Unmarshal(value, &a)
		b.Addr(f.ID, a)
	}
	return err
}

// AllRows lists all rows of a batch.
func AllRows(b *event.Batch) []int32 {
	rows := make([]int32, b.Rows)
	for i := range rows {
		rows[i] = int32(i)
	}
	return rows
}

func parseTime(t *testing.T, text string) int64 {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at.UnixNano()
}
