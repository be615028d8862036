package aggregate

import (
	"math/rand/v2"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"tocsin/internal/event"
	"tocsin/internal/metric"
)

// TestByCodeIsRowByRow folds batches with dictionaries whole, and row by row, which no dictionary is worth the while for.
func TestByCodeIsRowByRow(t *testing.T) {
	field := func(name string) *event.Field {
		f, ok := event.FieldByName(name)
		if !ok {
			t.Fatalf("no field %s", name)
		}
		return f
	}
	r := rand.New(rand.NewPCG(4, 4))
	for _, by := range []string{"source.ip", "source.geo.country_iso_code", "destination.port"} {
		for _, limits := range []Limits{{}, {Groups: 3}} {
			spec := Spec{By: []Key{{Field: field(by)}}, Metrics: []metric.Metric{{Op: metric.Sum, Field: field("source.bytes")}, {Op: metric.Avg, Field: field("source.packets")}, {Op: metric.Count}}}
			whole, single := New(spec, limits), New(spec, limits)
			for range 3 {
				b := event.NewBuilder(event.Flow)
				for range 5000 {
					if r.IntN(9) > 0 {
						b.IP(event.SourceIP, [16]byte{10: 0xff, 11: 0xff, 12: 10, 15: byte(r.IntN(8))})
						b.Text(event.SourceCountry, []string{"DE", "NL", "FR"}[r.IntN(3)])
						b.Int(event.DestinationPort, int64(r.IntN(9)-4))
					}
					if r.IntN(5) > 0 {
						b.Uint(event.SourceBytes, r.Uint64())
						b.Uint(event.SourcePackets, r.Uint64N(9))
					}
					b.Next()
				}
				plain := b.Batch()
				var columns []event.Column
				for _, c := range plain.Columns() {
					if c.Field.Name == by && c.Codes == nil {
						c = codedColumn(c, plain.Rows)
					}
					columns = append(columns, c)
				}
				batch := event.NewBatch(plain.Kind, plain.Rows, columns, plain.Labels)
				if c := batch.Column(field(by).ID); c == nil || c.Codes == nil || c.Len() > 20 {
					t.Fatalf("%s has no small dictionary", by)
				}
				var rows []int32
				for row := range int32(batch.Rows) {
					if r.IntN(3) > 0 {
						rows = append(rows, row)
					}
				}
				whole.Fold(batch, rows)
				for i := range rows {
					single.Fold(batch, rows[i:i+1])
				}
			}
			if limits.Groups > 0 { // who finds room depends on who comes first
				if len(whole.Rank(0, 0, false)) != len(single.Rank(0, 0, false)) {
					t.Errorf("%s: other numbers of groups within a limit", by)
				}
				continue
			}
			if diff := gocmp.Diff(single.Rank(0, 0, false), whole.Rank(0, 0, false), gocmp.Comparer(func(a, b Row) bool {
				a.group, b.group = 0, 0
				return gocmp.Equal(a, b, gocmp.AllowUnexported(Row{}))
			})); diff != "" {
				t.Errorf("%s:\n%s", by, diff)
			}
		}
	}
}
