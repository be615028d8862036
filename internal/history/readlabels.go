package history

import (
	"fmt"

	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/format"

	"tocsin/internal/event"
)

// labels returns the labels of rows from up to to of a group.
func (r *reader) labels(g *group, from, to int) (l event.Labels, err error) {
	defer guard(&err)
	if g.keys == nil || g.vals == nil || g.keys.dictSize == 0 {
		return l, nil
	}
	dict, err := r.dictionary(g.keys)
	if err != nil {
		return l, err
	}
	for n := 1; n < dict.Strs.Len(); n++ {
		l.Names.Append(dict.Strs.At(n))
	}
	l.Ends = make([]uint32, 0, to-from)
	first, last := g.keys.span(from, to)
	for i := first; i <= last; i++ {
		if err := r.labelPage(&l, g, i, from, to); err != nil {
			return event.Labels{}, fmt.Errorf("labels: %w", err)
		}
	}
	if len(l.Keys) == 0 {
		return event.Labels{}, nil
	}
	return l, nil
}

// labelPage appends the labels of one page of keys and the page of values beside it.
func (r *reader) labelPage(l *event.Labels, g *group, i, from, to int) error {
	if i >= len(g.vals.pages) || g.vals.pages[i].FirstRowIndex != g.keys.pages[i].FirstRowIndex {
		return damaged("keys and values differ")
	}
	pl := g.keys.pages[i]
	raw, err := r.fetch(pl.Offset, int(pl.CompressedPageSize))
	if err != nil {
		return err
	}
	p, err := r.page(raw)
	if err != nil {
		return err
	}
	have := p.values - p.nulls
	repeat, err := (&rle.Encoding{BitWidth: 1}).DecodeLevels(nil, p.repeat)
	if err != nil || len(repeat) < p.values {
		return damaged("levels of a page: %v", err)
	}
	define, err := (&rle.Encoding{BitWidth: 1}).DecodeLevels(nil, p.define)
	if err != nil || len(define) < p.values {
		return damaged("levels of a page: %v", err)
	}
	if have > 0 {
		if p.enc != format.RLEDictionary {
			return damaged("keys of encoding %v", p.enc)
		}
		if err := r.indexes(&p, have, l.Names.Len()); err != nil {
			return err
		}
	}
	values := p.values
	pl = g.vals.pages[i]
	if raw, err = r.fetch(pl.Offset, int(pl.CompressedPageSize)); err != nil {
		return err
	}
	if p, err = r.page(raw); err != nil {
		return err
	}
	if p.values != values || p.values-p.nulls != have {
		return damaged("keys and values differ")
	}
	var text []byte
	if have > 0 {
		if text, err = r.texts(&p, have); err != nil {
			return err
		}
	}
	first := int(g.keys.pages[i].FirstRowIndex)
	row, v := first-1, 0
	for n := range values {
		if repeat[n] == 0 {
			if row >= max(first, from) && row < to {
				l.Ends = append(l.Ends, uint32(len(l.Keys)))
			}
			row++
		}
		if define[n] == 0 {
			continue
		}
		if v >= have {
			return damaged("more labels than values")
		}
		if row >= from && row < to {
			l.Keys = append(l.Keys, uint32(r.codes[v]))
			l.Vals.Append(text[r.ends[v]:r.ends[v+1]])
		}
		v++
	}
	if row >= max(first, from) && row < to {
		l.Ends = append(l.Ends, uint32(len(l.Keys)))
	}
	if row+1 != g.keys.pageEnd(i) {
		return damaged("labels of %d rows", row+1)
	}
	return nil
}
