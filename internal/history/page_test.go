package history

import (
	"fmt"
	"slices"
	"testing"

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
