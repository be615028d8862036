package history

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"tocsin/internal/event"
)

// In groups of many pages and grains each row is found by what only it holds: by a word, by a value that fell out of its
// dictionary, by time; and what comes back is that row, whole.
func TestEachRowOfManyIsFound(t *testing.T) {
	s := open(t, Options{Dir: t.TempDir(), FlushRows: 1 << 20, FlushBytes: 1 << 40})
	const rows = 150_000
	rng := rand.New(rand.NewPCG(61, 62))
	builder := event.NewBuilder(event.Log)
	var seq uint64
	text := func(row int) string { return fmt.Sprintf("job %08x done", uint32(row)*2654435761) }
	for row := range rows {
		builder.Time(event.Timestamp, day+int64(row)*int64(time.Second))
		if row%3 > 0 {
			builder.Text(event.Message, text(row))
		}
		builder.Text(event.URLPath, fmt.Sprintf("/a/long/path/to/%d", row)) // no two alike
		builder.Text(event.HTTPReferrer, fmt.Sprintf("/%d", row%60_000))    // many, but each comes again
		builder.Int(event.HTTPStatus, int64(row%7))
		if row%5 == 0 {
			builder.Int(event.HTTPResponseBytes, int64(row)<<20)
		}
		if row%11 == 0 {
			builder.Label([]byte("row"), fmt.Append(nil, row))
		}
		builder.Next()
		if builder.Rows() == 30_000 || row == rows-1 {
			seq++
			b := builder.Batch()
			b.Sequence = seq
			apply(t, s, b)
		}
	}
	check := func(what string) {
		t.Helper()
		for range 40 {
			row := rng.IntN(rows)
			at := day + int64(row)*int64(time.Second)
			queries := map[string]Query{
				"path":  {Where: parse(t, fmt.Sprintf(`url.path == "/a/long/path/to/%d"`, row))},
				"time":  {Since: at, Until: at + 1},
				"both":  {Where: parse(t, fmt.Sprintf(`http.request.referrer == "/%d"`, row%60_000)), Since: at - int64(5*time.Second), Until: at + int64(time.Minute)},
				"label": {Where: parse(t, fmt.Sprintf(`labels.row == "%d"`, row/11*11))},
			}
			if row%3 > 0 {
				queries["word"] = Query{Where: parse(t, fmt.Sprintf(`message contains %q`, text(row)[4:12]))}
			}
			if row%5 == 0 {
				queries["bytes"] = Query{Where: parse(t, fmt.Sprintf(`http.response.bytes == %d`, row<<20))}
			}
			for name, q := range queries {
				want := row
				if name == "label" {
					want = row / 11 * 11
				}
				q.All = true
				n := 0
				look := func(b *event.Batch, rows []int32) error {
					for _, r := range rows {
						n++
						if got := string(b.AppendJSON(nil, int(r))); got != oneRow(want, text) {
							return fmt.Errorf("got %s\nwant %s", got, oneRow(want, text))
						}
					}
					return nil
				}
				if err := s.Scan(context.Background(), q, look); err != nil || n != 1 {
					t.Fatalf("%s: Scan by %s of row %d: %d rows, %v", what, name, row, n, err)
				}
				n = 0
				if err := s.Newest(context.Background(), q, 10, false, look); err != nil || n != 1 {
					t.Fatalf("%s: Newest by %s of row %d: %d rows, %v", what, name, row, n, err)
				}
			}
		}
	}
	check("memory")
	flush(t, s)
	check("segment")
}

// oneRow is what TestEachRowOfManyIsFound put in, as JSON.
func oneRow(row int, text func(int) string) string {
	b := event.NewBuilder(event.Log)
	b.Time(event.Timestamp, day+int64(row)*int64(time.Second))
	if row%3 > 0 {
		b.Text(event.Message, text(row))
	}
	b.Text(event.URLPath, fmt.Sprintf("/a/long/path/to/%d", row))
	b.Text(event.HTTPReferrer, fmt.Sprintf("/%d", row%60_000))
	b.Int(event.HTTPStatus, int64(row%7))
	if row%5 == 0 {
		b.Int(event.HTTPResponseBytes, int64(row)<<20)
	}
	b.Uint(event.TocsinSequence, uint64(row/30_000+1))
	if row%11 == 0 {
		b.Label([]byte("row"), fmt.Append(nil, row))
	}
	b.Next()
	return string(b.Batch().AppendJSON(nil, 0))
}
