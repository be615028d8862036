package history

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"tocsin/internal/event"
)

// A page of any size is taken back as it was written: frames of few bytes say less of themselves than larger ones.
func TestPagesOfAnySize(t *testing.T) {
	p, err := newPager()
	if err != nil {
		t.Fatal(err)
	}
	r, err := newReader()
	if err != nil {
		t.Fatal(err)
	}
	f, _ := event.FieldByID(event.UserName)
	for n := range 700 {
		c := &event.Column{Field: f, Codes: []uint32{}}
		c.Strs.Append(nil)
		for i := range n {
			c.Strs.Append(fmt.Append(nil, i%7)) // three in four bytes are zero, so that it is worth packing
		}
		page, err := p.dictionary(c)
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.page(slices.Concat(page.header, page.levels, page.values))
		if err != nil || got.values != n || len(got.body) != 5*n {
			t.Fatalf("dictionary of %d values: %d values, %d bytes, %v", n, got.values, len(got.body), err)
		}
	}
}

// The header of a page stands under no checksum. One that says of all rows that they have no value, or that they have one, when that is
// not so, leads to no number that was not written, and to none that another column left in the memory.
func TestPageThatDeniesItsValues(t *testing.T) {
	p, err := newPager()
	if err != nil {
		t.Fatal(err)
	}
	r, err := newReader()
	if err != nil {
		t.Fatal(err)
	}
	const rows = 32
	f, _ := event.FieldByID(event.SourceBytes)
	full, some := event.NewBits(rows), event.NewBits(rows)
	for row := range rows {
		full.Set(row)
	}
	some.Set(3)
	for name, c := range map[string]*event.Column{
		"all":                {Field: f, Nums: make([]int64, rows)},
		"all, as is said":    {Field: f, Nums: make([]int64, rows), Present: full},
		"one":                {Field: f, Nums: make([]int64, rows), Present: some},
		"none":               {Field: f, Nums: make([]int64, rows), Present: event.NewBits(rows)},
		"none of dictionary": {Field: f, Nums: []int64{0, 5, 6}, Codes: make([]uint32, rows)},
		"all of dictionary":  {Field: f, Nums: []int64{0, 5, 6}, Codes: slices.Repeat([]uint32{1, 2}, rows/2)},
	} {
		var file []byte
		ch := &chunk{field: f, rows: rows}
		if c.Codes != nil {
			page, err := p.dictionary(c)
			if err != nil {
				t.Fatal(err)
			}
			file = slices.Concat(page.header, page.levels, page.values)
			ch.dictSize = len(file)
		}
		page, err := p.column(c, 0, rows)
		if err != nil {
			t.Fatal(err)
		}
		var header format.PageHeader
		if err := thrift.Unmarshal(&thrift.CompactProtocol{}, page.header, &header); err != nil {
			t.Fatal(err)
		}
		right := header.DataPageHeaderV2.V.NumNulls
		for _, told := range []int64{0, 1} { // what the column says of all its pages
			for nulls := range int32(rows + 1) {
				header.DataPageHeaderV2.V.NumNulls = nulls
				head, err := thrift.Marshal(&thrift.CompactProtocol{}, &header)
				if err != nil {
					t.Fatal(err)
				}
				whole := slices.Concat(file, head, page.levels, page.values)
				ch.nulls, ch.pages = told, []format.PageLocation{{Offset: int64(len(file)), CompressedPageSize: int32(len(whole) - len(file))}}
				r.at(bytes.NewReader(whole))
				r.spare = spare{nums: [][]int64{slices.Repeat([]int64{4711}, rows)}, codes: [][]uint32{slices.Repeat([]uint32{2}, rows)}}
				got, err := r.column(ch, 0, rows, nil)
				switch good := nulls == right && (nulls == 0 || told > 0); {
				case good && (err != nil || slices.Contains(got.Nums, 4711)):
					t.Errorf("%s: the page as it is: %v, %v", name, got, err)
				case !good && !isDamaged(err):
					t.Errorf("%s: %d of %d said to be missing, and by the column %d: %v, %v, want that it is damaged", name, nulls, rows, told, got, err)
				}
			}
		}
	}
}
