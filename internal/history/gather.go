package history

import (
	"bytes"
	"math"
	"math/bits"
	"slices"

	"tocsin/internal/event"
)

// gather lays out the values of one field in the order of runs, as a dictionary where values repeat and plain where they
// do not. False when no row has a value.
func gather(f *event.Field, parts []part, runs []run) (event.Column, bool) {
	rows := runRows(runs)
	if c, ok := gatherConstant(f, parts, rows); ok {
		return c, true
	}
	var c event.Column
	switch {
	case f.Type == event.String && !f.Plain:
		c = gatherStrings(f, parts, runs, rows)
	case f.Type == event.String:
		c = gatherText(f, parts, runs, rows)
	case f.Type == event.IP:
		c = gatherIPs(f, parts, runs, rows)
	default:
		c = gatherNums(f, parts, runs, rows)
	}
	if c.Codes != nil {
		return c, c.Len() > 1
	}
	if c.Present != nil {
		n := 0
		for _, w := range c.Present {
			n += bits.OnesCount64(w)
		}
		if n == rows {
			c.Present = nil
		}
		return c, n > 0
	}
	return c, rows > 0
}

// gatherConstant is for fields that have one value in all rows, as many have in flows: false when this has not.
func gatherConstant(f *event.Field, parts []part, rows int) (c event.Column, ok bool) {
	if f.ID == event.Timestamp || f.ID == event.TocsinSequence || f.Type == event.Bool || f.Type == event.Float || f.Type == event.String && f.Plain {
		return c, false
	}
	same := func(a, b *event.Column, v, w int) bool {
		switch f.Type {
		case event.String:
			return bytes.Equal(a.Str(v), b.Str(w))
		case event.IP:
			return a.IPs[v] == b.IPs[w]
		default:
			return a.Nums[v] == b.Nums[w]
		}
	}
	first := 0
	for i, p := range parts {
		v, ok := constant(p.col)
		if !ok || i > 0 && !same(parts[0].col, p.col, first, v) {
			return c, false
		}
		if i == 0 {
			first = v
		}
	}
	if len(parts) == 0 {
		return c, false
	}
	c = event.Column{Field: f, Codes: slices.Repeat([]uint32{1}, rows)}
	emptyDictionary(&c)
	switch col := parts[0].col; f.Type {
	case event.String:
		c.Strs.Append(col.Str(first))
	case event.IP:
		c.IPs = append(c.IPs, col.IPs[first])
	default:
		c.Nums = append(c.Nums, col.Nums[first])
	}
	return c, true
}

// constant returns the number of the value that all rows of a column have; false when they have several, or one has none.
func constant(c *event.Column) (v int, ok bool) {
	switch {
	case c == nil:
		return 0, false
	case c.Codes != nil:
		return 1, c.Len() == 2 && !slices.Contains(c.Codes, 0)
	case c.Present != nil || len(c.Nums) == 0:
		return 0, false
	}
	for _, n := range c.Nums {
		if n != c.Nums[0] {
			return 0, false
		}
	}
	return 0, true
}

// gatherStrings numbers the values of a row group anew. A value of a dictionary is looked up once a part and not once a row.
func gatherStrings(f *event.Field, parts []part, runs []run, rows int) event.Column {
	table := newStringTable()
	codes := make([]uint32, 0, rows)
	maps := make([][]uint32, len(parts)) // of each part: old code to new code + 1
	present := 0
	for _, r := range runs {
		p := parts[r.part]
		switch {
		case p.col == nil:
			codes = append(codes, make([]uint32, r.to-r.from)...)
		case p.col.Codes != nil:
			m := maps[r.part]
			if m == nil {
				m = make([]uint32, p.col.Len())
				m[0] = 1
				maps[r.part] = m
			}
			for _, old := range p.col.Codes[r.from-p.base : r.to-p.base] {
				if m[old] == 0 {
					m[old] = 1 + table.code(p.col.Str(int(old)))
				}
				codes = append(codes, m[old]-1)
				if old != 0 {
					present++
				}
			}
		default:
			for row := int(r.from - p.base); row < int(r.to-p.base); row++ {
				if !p.col.Has(row) {
					codes = append(codes, 0)
					continue
				}
				codes = append(codes, table.code(p.col.Str(row)))
				present++
			}
		}
	}
	c := event.Column{Field: f, Codes: codes, Strs: table.list}
	if distinct := table.list.Len() - 1; distinct > 1 && distinct*2 > present || len(table.list.Bytes) > maxDictBytes {
		return plainStrings(&c)
	}
	return c
}

// plainStrings undoes a dictionary that does not pay.
func plainStrings(c *event.Column) event.Column {
	p := event.Column{Field: c.Field, Present: event.NewBits(len(c.Codes))}
	p.Strs.Ends = make([]uint32, 0, len(c.Codes))
	for row, code := range c.Codes {
		if code != 0 {
			p.Present.Set(row)
		}
		p.Strs.Append(c.Strs.At(int(code)))
	}
	return p
}

// gatherText copies strings that seldom repeat; neighbours that stay neighbours are copied at once.
func gatherText(f *event.Field, parts []part, runs []run, rows int) event.Column {
	c := event.Column{Field: f, Present: event.NewBits(rows)}
	c.Strs.Ends = make([]uint32, 0, rows)
	size := 0
	for _, r := range runs {
		if p := parts[r.part]; p.col != nil && p.col.Codes == nil {
			from, to := textRange(&p.col.Strs, int(r.from-p.base), int(r.to-p.base))
			size += int(to - from)
		}
	}
	c.Strs.Bytes = make([]byte, 0, size)
	at := 0
	for _, r := range runs {
		p := parts[r.part]
		n := int(r.to - r.from)
		switch {
		case p.col == nil:
			for range n {
				c.Strs.Ends = append(c.Strs.Ends, uint32(len(c.Strs.Bytes)))
			}
		case p.col.Codes != nil:
			for i, code := range p.col.Codes[r.from-p.base : r.to-p.base] {
				c.Strs.Append(p.col.Str(int(code)))
				if code != 0 {
					c.Present.Set(at + i)
				}
			}
		default:
			first := int(r.from - p.base)
			from, to := textRange(&p.col.Strs, first, first+n)
			shift := uint32(len(c.Strs.Bytes)) - from
			for _, end := range p.col.Strs.Ends[first : first+n] {
				c.Strs.Ends = append(c.Strs.Ends, end+shift)
			}
			c.Strs.Bytes = append(c.Strs.Bytes, p.col.Strs.Bytes[from:to]...)
			copyPresent(c.Present, at, p.col.Present, first, n)
		}
		at += n
	}
	return c
}

func textRange(s *event.Strings, from, to int) (first, last uint32) {
	if from > 0 {
		first = s.Ends[from-1]
	}
	if to > 0 {
		last = s.Ends[to-1]
	}
	return first, last
}

// copyPresent sets the bits of dst from at on as n bits of src from first on are; a nil src has all set.
func copyPresent(dst event.Bits, at int, src event.Bits, first, n int) {
	if src == nil {
		setAll(dst, at, at+n)
		return
	}
	for i := range n {
		if src.Get(first + i) {
			dst.Set(at + i)
		}
	}
}

// setAll sets the bits from one up to another.
func setAll(b event.Bits, from, to int) {
	for from < to {
		n := min(64-from%64, to-from)
		b[from/64] |= (math.MaxUint64 >> (64 - n)) << (from % 64)
		from += n
	}
}

func gatherIPs(f *event.Field, parts []part, runs []run, rows int) event.Column {
	table := newIPTable()
	codes := make([]uint32, 0, rows)
	maps := make([][]uint32, len(parts))
	present := 0
	for _, r := range runs {
		p := parts[r.part]
		switch {
		case p.col == nil:
			codes = append(codes, make([]uint32, r.to-r.from)...)
		case p.col.Codes != nil:
			m := maps[r.part]
			if m == nil {
				m = make([]uint32, p.col.Len())
				m[0] = 1
				maps[r.part] = m
			}
			for _, old := range p.col.Codes[r.from-p.base : r.to-p.base] {
				if m[old] == 0 {
					m[old] = 1 + table.code(&p.col.IPs[old])
				}
				codes = append(codes, m[old]-1)
				if old != 0 {
					present++
				}
			}
		default:
			for row := int(r.from - p.base); row < int(r.to-p.base); row++ {
				if p.col.Present != nil && !p.col.Present.Get(row) {
					codes = append(codes, 0)
					continue
				}
				codes = append(codes, table.code(&p.col.IPs[row]))
				present++
			}
		}
	}
	c := event.Column{Field: f, Codes: codes, IPs: table.list}
	if distinct := len(table.list) - 1; distinct <= 1 || distinct*2 <= present {
		return c
	}
	plain := event.Column{Field: f, Present: event.NewBits(rows), IPs: make([][16]byte, rows)}
	for row, code := range codes {
		if code != 0 {
			plain.Present.Set(row)
			plain.IPs[row] = c.IPs[code]
		}
	}
	return plain
}

// gatherNums copies numbers, and codes them when a group holds few different ones.
func gatherNums(f *event.Field, parts []part, runs []run, rows int) event.Column {
	c := event.Column{Field: f, Present: event.NewBits(rows), Nums: make([]int64, rows)}
	at := 0
	for _, r := range runs {
		p := parts[r.part]
		n := int(r.to - r.from)
		switch {
		case p.col == nil:
		case p.col.Codes != nil:
			for i, code := range p.col.Codes[r.from-p.base : r.to-p.base] {
				c.Nums[at+i] = p.col.Nums[code]
				if code != 0 {
					c.Present.Set(at + i)
				}
			}
		case n == 1: // as most are where records are not told in their order
			v := int(r.from - p.base)
			c.Nums[at] = p.col.Nums[v]
			if p.col.Present == nil || p.col.Present.Get(v) {
				c.Present.Set(at)
			}
		default:
			first := int(r.from - p.base)
			copy(c.Nums[at:], p.col.Nums[first:first+n])
			copyPresent(c.Present, at, p.col.Present, first, n)
		}
		at += n
	}
	switch {
	case f.ID == event.Timestamp || f.ID == event.TocsinSequence || f.Type == event.Bool || f.Type == event.Float:
		return c
	}
	if coded, ok := codeNums(&c); ok {
		return coded
	}
	return c
}

// maxNumDict is how many different numbers of a group are coded; sampleRows are looked at before coding is tried.
const (
	maxNumDict = 2048
	sampleRows = 2048
)

// codeNums makes a dictionary of numbers, as ports and status codes are, unless there are too many.
func codeNums(c *event.Column) (event.Column, bool) {
	var table [2 * maxNumDict]uint16
	list := make([]int64, 1, 64)
	codes := make([]uint32, len(c.Nums))
	for row, v := range c.Nums {
		if !c.Present.Get(row) {
			continue
		}
		at := uint64(v) * 0x9e3779b97f4a7c15 >> (64 - 12)
		for table[at] != 0 && list[table[at]] != v {
			at = (at + 1) % uint64(len(table))
		}
		if table[at] == 0 {
			if len(list) > maxNumDict || row < sampleRows && len(list) > sampleRows/4 {
				return event.Column{}, false
			}
			list = append(list, v)
			table[at] = uint16(len(list) - 1)
		}
		codes[row] = uint32(table[at])
	}
	return event.Column{Field: c.Field, Codes: codes, Nums: list}, true
}
