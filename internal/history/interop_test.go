package history

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/parquet-go/parquet-go"

	"tocsin/internal/event"
)

// Any Parquet reader can open a segment: one that shares no code with ours finds the same rows, page by page, with
// checksums, page index and bloom filters in order.
func TestAnotherReaderFindsTheSame(t *testing.T) {
	dir := t.TempDir()
	s := open(t, Options{Dir: dir})
	rng := rand.New(rand.NewPCG(3, 4))
	var batches []*event.Batch
	for seq := uint64(1); seq <= 4; seq++ {
		batches = append(batches, someBatch(rng, event.Log, seq, 20000, 1e12))
	}
	apply(t, s, batches...)
	flush(t, s)
	want := inOrder(model(batches...))
	files, _ := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix))
	if len(files) != 1 {
		t.Fatalf("segments: got %v, want one", files)
	}
	f, err := os.Open(files[0])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, _ := f.Stat()
	pf, err := parquet.OpenFile(f, info.Size())
	if err != nil {
		t.Fatalf("OpenFile: %v", err)
	}
	builder := event.NewBuilder(event.Log)
	columns := pf.Schema().Columns()
	for _, g := range pf.RowGroups() {
		rows := g.Rows()
		buf := make([]parquet.Row, 100)
		for {
			n, err := rows.ReadRows(buf)
			for _, row := range buf[:n] {
				putRow(t, builder, columns, row)
				builder.Next()
			}
			if err != nil {
				break
			}
		}
		rows.Close()
		for _, c := range g.ColumnChunks() {
			if path := columns[c.Column()]; path[0] == "source.ip" {
				bloom := c.BloomFilter()
				if ok, err := bloom.Check(parquet.FixedLenByteArrayValue([]byte{10: 0xff, 11: 0xff, 12: 10, 13: 0, 14: 0, 15: 7})); err != nil || !ok {
					t.Errorf("bloom filter of source.ip: got %v, %v, want a value that is there", ok, err)
				}
			}
		}
	}
	b := builder.Batch()
	all := make([]int32, b.Rows)
	for i := range all {
		all[i] = int32(i)
	}
	mustSame(t, "other reader", texts(rowsOf(b, all)), texts(want))
}

func putRow(t *testing.T, b *event.Builder, columns [][]string, row parquet.Row) {
	var keys, vals [][]byte
	for _, v := range row {
		path := columns[v.Column()]
		if v.IsNull() {
			continue
		}
		if len(path) == 2 {
			if path[1] == "key" {
				keys = append(keys, v.ByteArray())
			} else {
				vals = append(vals, v.ByteArray())
			}
			continue
		}
		f, ok := event.FieldByName(path[0])
		if !ok {
			t.Fatalf("column %v is no field", path)
		}
		switch f.Type {
		case event.String:
			b.Str(f.ID, v.ByteArray())
		case event.IP:
			b.IP(f.ID, [16]byte(v.ByteArray()))
		case event.Bool:
			b.Bool(f.ID, v.Boolean())
		default:
			b.Int(f.ID, v.Int64())
		}
	}
	if len(keys) != len(vals) {
		t.Fatal(fmt.Sprint("labels: ", keys, vals))
	}
	for i := range keys {
		b.Label(keys[i], vals[i])
	}
}
