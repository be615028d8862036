package history

import (
	"bytes"
	"math"
	"net/netip"
	"slices"

	"tocsin/internal/event"
	"tocsin/internal/filter"
)

// A pruner tells from summaries and filters which parts of a segment no selected row can be in.
type pruner struct {
	since, until int64
	needs        []filter.Need
}

// stored lists the fields that a field stands for: itself, or those that it is a view of.
func stored(id event.FieldID) []event.FieldID {
	if f, ok := event.FieldByID(id); ok && len(f.Any) > 0 {
		return f.Any
	}
	return []event.FieldID{id}
}

// segment reports whether a segment can hold a selected row, by what the manifest says.
func (p *pruner) segment(e *entry) bool {
	if e.Last < p.since || e.First >= p.until {
		return false
	}
	for i := range p.needs {
		n := &p.needs[i]
		if n.Field == 0 {
			if !e.Labels {
				return false
			}
			continue
		}
		can := false
		for _, id := range stored(n.Field) {
			f, ok := e.field(id)
			if ok && (f.Min == nil || meets(n, *f.Min, *f.Max)) {
				can = true
			}
		}
		if !can {
			return false
		}
	}
	return true
}

// meets reports whether a number between low and high can meet the need.
func meets(n *filter.Need, low, high int64) bool {
	switch {
	case n.Range:
		return n.Low <= high && n.High >= low
	case n.Values != nil:
		return slices.ContainsFunc(n.Values, func(v []byte) bool {
			return len(v) != 8 || int64(le64(v)) >= low && int64(le64(v)) <= high
		})
	default:
		return true
	}
}

// group reports whether a row group can hold a selected row.
func (p *pruner) group(r *reader, g *group) (bool, error) {
	if g.Last < p.since || g.First >= p.until {
		return false, nil
	}
	for i := range p.needs {
		n := &p.needs[i]
		if n.Field == 0 {
			if g.keys == nil || g.keys.dictSize == 0 {
				return false, nil
			}
			continue
		}
		can := false
		for _, id := range stored(n.Field) {
			one, err := p.chunk(r, g, n, g.chunks[id])
			if err != nil {
				return false, err
			}
			if one {
				can = true
				break
			}
		}
		if !can {
			return false, nil
		}
	}
	return true, nil
}

// chunk reports whether a row of the chunk can meet the need.
func (p *pruner) chunk(r *reader, g *group, n *filter.Need, c *chunk) (bool, error) {
	if c == nil || c.nulls == int64(c.rows) {
		return false, nil
	}
	if c.min != nil && c.max != nil {
		switch t := c.field.Type; {
		case (t == event.Int || t == event.Time) && len(c.min) == 8 && len(c.max) == 8:
			if !meets(n, int64(le64(c.min)), int64(le64(c.max))) {
				return false, nil
			}
		case t == event.Uint && len(c.min) == 8 && len(c.max) == 8:
			if !meetsUint(n, le64(c.min), le64(c.max)) {
				return false, nil
			}
		case t == event.IP && len(c.min) == 16 && len(c.max) == 16:
			if !meetsIP(n, [16]byte(c.min), [16]byte(c.max)) {
				return false, nil
			}
		}
	}
	if n.Values != nil {
		return r.bloomHas(g, c.field.ID, n.Values)
	}
	return true, nil
}

func meetsUint(n *filter.Need, low, high uint64) bool {
	switch {
	case n.Range:
		return (n.Low <= 0 || uint64(n.Low) <= high) && (n.High == math.MaxInt64 || n.High >= 0 && uint64(n.High) >= low)
	case n.Values != nil:
		return slices.ContainsFunc(n.Values, func(v []byte) bool { return len(v) != 8 || le64(v) >= low && le64(v) <= high })
	default:
		return true
	}
}

func meetsIP(n *filter.Need, low, high [16]byte) bool {
	switch {
	case n.Values != nil:
		return slices.ContainsFunc(n.Values, func(v []byte) bool {
			return bytes.Compare(v, low[:]) >= 0 && bytes.Compare(v, high[:]) <= 0
		})
	case n.Prefixes != nil:
		return slices.ContainsFunc(n.Prefixes, func(p netip.Prefix) bool {
			first, last := prefixRange(p)
			return bytes.Compare(last[:], low[:]) >= 0 && bytes.Compare(first[:], high[:]) <= 0
		})
	default:
		return true
	}
}

// prefixRange returns the first and last address of a prefix, IPv4 in its v4-mapped form.
func prefixRange(p netip.Prefix) (first, last [16]byte) {
	bits := p.Bits()
	if p.Addr().Is4() {
		bits += 96
	}
	first = p.Masked().Addr().As16()
	last = first
	for i := bits; i < 128; i++ {
		last[i/8] |= 0x80 >> (i % 8)
	}
	return first, last
}

// grains returns for each grain of the group whether its texts can meet the needs; nil when all can.
func (p *pruner) grains(r *reader, g *group) ([]bool, error) {
	var can []bool
	for i := range p.needs {
		n := &p.needs[i]
		words := n.Contains
		if n.Values != nil {
			words = n.Values
		}
		if n.Field == 0 || len(words) == 0 {
			continue
		}
		ids := stored(n.Field)
		if len(ids) != 1 || g.chunks[ids[0]] == nil || g.chunks[ids[0]].field.Type != event.String {
			continue
		}
		ref, ok := g.Words[ids[0]]
		if !ok || !slices.ContainsFunc(words, func(w []byte) bool { return len(w) >= gramBytes }) {
			continue
		}
		blob, err := r.blob(ref)
		if err != nil {
			return nil, err
		}
		if can == nil {
			can = make([]bool, (g.rows+grainRows-1)/grainRows)
			for j := range can {
				can[j] = true
			}
		}
		for j, size := range ref.Each {
			if j >= len(can) || size < 0 || size > len(blob) {
				return nil, damaged("word filter")
			}
			one := blob[:size]
			blob = blob[size:]
			can[j] = can[j] && slices.ContainsFunc(words, func(w []byte) bool { return mayContain(one, w) })
		}
	}
	return can, nil
}
