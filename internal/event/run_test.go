package event

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// Rows that are set as runs are those that are set one by one, in any mixture of both, whichever values some of them lack.
func TestRunsAreRows(t *testing.T) {
	type given struct {
		number  *int64
		address *[16]byte
		word    string
		labels  []string
	}
	rapid.Check(t, func(t *rapid.T) {
		mixed, single := NewBuilder(Flow), NewBuilder(Flow)
		set := func(b *Builder, g *given) {
			if g.number != nil {
				b.Int(SourceBytes, *g.number)
			}
			if g.address != nil {
				b.IP(SourceIP, *g.address)
			}
			if g.word != "" {
				b.Text(NetworkType, g.word)
			}
			for _, l := range g.labels {
				b.Label([]byte(l), []byte("of "+l))
			}
			b.Next()
		}
		for round := range 2 {
			for range rapid.IntRange(0, 6).Draw(t, "steps") {
				rows := make([]given, rapid.IntRange(1, 70).Draw(t, "rows"))
				sparse := rapid.IntRange(0, 10).Draw(t, "of ten have")
				has := func() bool { return rapid.IntRange(1, 10).Draw(t, "has") <= sparse }
				for i := range rows {
					if has() {
						rows[i].number = new(int64)
						*rows[i].number = rapid.Int64().Draw(t, "number")
					}
					if has() {
						rows[i].address = &[16]byte{15: rapid.Byte().Draw(t, "address")}
					}
					if has() {
						rows[i].word = fmt.Sprint("w", rapid.IntRange(0, 3).Draw(t, "word"))
					}
					for has() && sparse < 9 && len(rows[i].labels) < 3 {
						rows[i].labels = append(rows[i].labels, fmt.Sprint("l", len(rows[i].labels)))
					}
					set(single, &rows[i])
				}
				if rapid.Bool().Draw(t, "one by one") {
					for i := range rows {
						set(mixed, &rows[i])
					}
					continue
				}
				r := mixed.Run(len(rows))
				if sparse > 0 {
					numbers, addresses := r.Ints(SourceBytes), r.IPs(SourceIP)
					for i := range rows {
						numbers[i], addresses[i] = 7, [16]byte{7}
						if n := rows[i].number; n != nil {
							r.Ints(SourceBytes)[i] = *n
						} else {
							r.Lack(SourceBytes, i)
						}
						if a := rows[i].address; a != nil {
							r.IPs(SourceIP)[i] = *a
						} else {
							r.Lack(SourceIP, i)
						}
						if rows[i].word != "" {
							r.Codes(NetworkType)[i] = r.Code(NetworkType, rows[i].word)
						}
						for _, l := range rows[i].labels {
							r.Label(i, []byte(l), []byte("of "+l))
						}
					}
				}
				r.End()
			}
			got, want := mixed.Batch(), single.Batch()
			if got.Rows != want.Rows {
				t.Fatalf("round %d: %d rows, want %d", round, got.Rows, want.Rows)
			}
			var model []modelRow
			for i := range want.Rows {
				model = append(model, read(want, i))
			}
			equalRows(t, fmt.Sprintf("round %d", round), got, model)
			again, err := Decode(got.Append(nil))
			if err != nil {
				t.Fatalf("Decode: %v", err)
			}
			equalRows(t, fmt.Sprintf("round %d, decoded", round), again, model)
		}
	})
}
