package event_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/event"
)

// A builder whose last rows were forgotten is as if they had never been.
func TestTruncate(t *testing.T) {
	row := func(b *event.Builder, i int) {
		b.Time(event.Timestamp, int64(i))
		if i%3 > 0 {
			b.Text(event.EventID, fmt.Sprint("id", i))
		}
		if i%2 > 0 {
			b.Text(event.UserName, fmt.Sprint("user", i%5))
			b.Int(event.ProcessPID, int64(i))
			b.IP(event.SourceIP, [16]byte{15: byte(i)})
		}
		if i%4 > 1 {
			b.Label([]byte("l"), fmt.Append(nil, i))
			b.Label([]byte("m"), fmt.Append(nil, i%3))
		}
		b.Next()
	}
	written := func(b *event.Builder) (rows []string) {
		batch := b.Batch()
		for i := range batch.Rows {
			rows = append(rows, string(batch.AppendJSON(nil, i)))
		}
		return rows
	}
	for keep := range 70 {
		for more := range 9 {
			got, want := event.NewBuilder(event.Log), event.NewBuilder(event.Log)
			for i := range keep {
				row(got, i)
				row(want, i)
			}
			for i := range more {
				row(got, 100+i)
			}
			got.Text(event.Message, "at hand")
			got.Truncate(keep)
			for i := range 5 {
				row(got, 200+i)
				row(want, 200+i)
			}
			for i := range keep + 5 {
				a, okA := got.StrAt(event.EventID, i)
				b, okB := want.StrAt(event.EventID, i)
				c, okC := got.StrAt(event.UserName, i)
				d, okD := want.StrAt(event.UserName, i)
				if okA != okB || okC != okD || okA && string(a) != string(b) || okC && string(c) != string(d) {
					t.Fatalf("%d rows and %d forgotten: StrAt(%d) = %q %v, %q %v, want %q %v, %q %v", keep, more, i, a, okA, c, okC, b, okB, d, okD)
				}
			}
			if diff := cmp.Diff(written(want), written(got)); diff != "" {
				t.Fatalf("%d rows and %d forgotten (-never there +forgotten):\n%s", keep, more, diff)
			}
		}
	}
}
