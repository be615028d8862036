package enrich

import (
	"slices"

	"tocsin/internal/event"
	"tocsin/internal/group"
)

// country adds country and city. The city is left out where the event has a country of its own that is another one.
func (w *work) country(of *side) {
	had := w.batch.Column(of.country)
	w.texts(of.country, had, nil, func(k *known) uint32 { return k.country })
	w.texts(of.city, w.batch.Column(of.city), w.unless(had, func(k *known, v int) bool { return string(had.Str(v)) == string(w.words.At(int(k.country))) }),
		func(k *known) uint32 { return k.city })
}

// system adds the autonomous system and its holder, which is left out where the event has a number of its own that is another
// one: an exporter knows better by whom it is spoken to.
func (w *work) system(of *side) {
	had := w.batch.Column(of.as)
	w.texts(of.organization, w.batch.Column(of.organization), w.unless(had, func(k *known, v int) bool { return had.Uint(v) == uint64(k.as) }),
		func(k *known) uint32 { return k.organization })
	w.numbers(of.as, had)
}

// unless returns a condition on rows: that they have no value in a column, or one that is right. It is nil where there is no
// column.
func (w *work) unless(had *event.Column, right func(k *known, v int) bool) func(row int) bool {
	if had == nil {
		return nil
	}
	return func(row int) bool {
		v, ok := had.Value(row)
		return !ok || right(&w.locals[w.rows[row]], v)
	}
}

// texts adds a dictionary-coded column of words, to the rows that have no value in had and fulfil a condition, if there is one.
func (w *work) texts(id event.FieldID, had *event.Column, may func(row int) bool, word func(k *known) uint32) {
	c := w.coded(id, had)
	if c == nil {
		return
	}
	codes := w.codes(c, word)
	for row, local := range w.rows {
		if code := codes[local]; code != 0 && !c.taken(row) && (may == nil || may(row)) {
			c.Codes[row] = code
			c.news = true
		}
	}
	w.add(c)
}

// codes returns the code of the word of each local number.
func (w *work) codes(c *codedColumn, word func(k *known) uint32) []uint32 {
	w.column++
	w.localCodes = slices.Grow(w.localCodes[:0], len(w.locals))[:len(w.locals)]
	w.wordCodes = room(w.wordCodes, w.words.Len())
	for local := range w.localCodes {
		w.localCodes[local] = 0
		n := word(&w.locals[local])
		if n == 0 {
			continue
		}
		code := &w.wordCodes[n]
		if code.column != w.column {
			code.column, code.code = w.column, c.code(w.words.At(int(n)))
		}
		w.localCodes[local] = code.code
	}
	return w.localCodes
}

// group adds the column of groups.
func (w *work) group(of *side) {
	c := w.coded(of.group, w.batch.Column(of.group))
	if c == nil {
		return
	}
	ports, protocols := w.batch.Column(of.port), protocolsOf(w.batch)
	codes := make([]uint32, w.groups.Len()) // of each group, 0 until it is met
	for row, local := range w.rows {
		node := w.locals[local].node
		if node == nil || c.taken(row) {
			continue
		}
		number, ok := node.Always()
		if !ok {
			port := int64(-1)
			if ports != nil {
				if v, has := ports.Value(row); has {
					port = ports.Int(v)
				}
			}
			if number, ok = node.Of(port, protocols.of(row)); !ok {
				continue
			}
		}
		if codes[number] == 0 {
			codes[number] = c.code([]byte(w.groups.Name(number)))
		}
		c.set(row, codes[number])
	}
	w.add(c)
}

// protocols tell the protocol of each row, by its number or else its keyword.
type protocols struct {
	numbers, words *event.Column
	memo           []int16 // 1 + protocol of each word, 0: not yet looked up
}

func protocolsOf(b *event.Batch) *protocols {
	p := &protocols{numbers: b.Column(event.NetworkIANA), words: b.Column(event.NetworkTransport)}
	if p.words != nil {
		p.memo = make([]int16, p.words.Len())
	}
	return p
}

// of returns -1 for a row without one.
func (p *protocols) of(row int) int16 {
	if p.numbers != nil {
		if v, ok := p.numbers.Value(row); ok {
			if n := p.numbers.Int(v); n >= 0 && n <= 255 {
				return int16(n)
			}
		}
	}
	if p.words == nil {
		return -1
	}
	v, ok := p.words.Value(row)
	if !ok {
		return -1
	}
	if p.memo[v] == 0 {
		n, known := group.Protocol(string(p.words.Str(v)))
		p.memo[v] = int16(n) + 1
		if !known {
			p.memo[v] = -1
		}
	}
	return max(p.memo[v]-1, -1)
}

// numbers adds the column of autonomous systems to the rows that have none in had.
func (w *work) numbers(id event.FieldID, had *event.Column) {
	if had != nil && had.Codes == nil && had.Present == nil {
		return // every row has one
	}
	field, _ := event.FieldByID(id)
	c := event.Column{Field: field, Nums: make([]int64, len(w.rows))}
	filled, news := 0, false
	for row, local := range w.rows {
		if had != nil {
			if v, ok := had.Value(row); ok {
				c.Nums[row] = had.Nums[v]
				filled++
				continue
			}
		}
		if as := w.locals[local].as; as != 0 {
			c.Nums[row] = int64(as)
			filled++
			news = true
		}
	}
	if !news {
		return
	}
	if filled < len(w.rows) {
		c.Present = event.NewBits(len(w.rows))
		for row, as := range c.Nums {
			if as != 0 || had != nil && had.Has(row) {
				c.Present.Set(row)
			}
		}
	}
	w.added = append(w.added, c)
}

// A codedColumn is a dictionary-coded column that is being made, over one that the batch has.
type codedColumn struct {
	event.Column

	old  []bool            // rows that have a value already; nil: none has
	had  map[string]uint32 // codes of the values that the batch has; nil: it has none
	news bool
}

// coded begins a column, with the values that the batch has; nil when every row has one.
func (w *work) coded(id event.FieldID, had *event.Column) *codedColumn {
	field, _ := event.FieldByID(id)
	size := w.sizes[id]
	c := &codedColumn{Column: event.Column{Field: field, Strs: event.Strings{Ends: make([]uint32, 0, size.values+1), Bytes: make([]byte, 0, size.bytes)}}}
	c.Strs.Append(nil)
	if had == nil {
		c.Codes = make([]uint32, len(w.rows))
		return c
	}
	full := true
	for row := range w.rows {
		if full = had.Has(row); !full {
			break
		}
	}
	if full {
		return nil
	}
	c.Codes = make([]uint32, len(w.rows))
	c.had, c.old = map[string]uint32{}, make([]bool, len(w.rows))
	for row := range w.rows {
		if v, ok := had.Value(row); ok {
			c.Codes[row], c.old[row] = c.code(had.Str(v)), true
		}
	}
	return c
}

// taken reports whether a row has a value that the event came with.
func (c *codedColumn) taken(row int) bool { return c.old != nil && c.old[row] }

// code returns the code of a value. Values are asked for once each, those apart that the batch has.
func (c *codedColumn) code(v []byte) uint32 {
	if code, ok := c.had[string(v)]; ok {
		return code
	}
	code := uint32(c.Strs.Len())
	c.Strs.Append(v)
	if c.had != nil {
		c.had[string(v)] = code
	}
	return code
}

// set gives a row a value; code 0 is none.
func (c *codedColumn) set(row int, code uint32) {
	c.Codes[row] = code
	c.news = c.news || code != 0
}

// add keeps a column in which there is something new.
func (w *work) add(c *codedColumn) {
	if c.news {
		w.sizes[c.Field.ID] = size{len(c.Strs.Ends) * 9 / 8, len(c.Strs.Bytes) * 9 / 8}
		w.added = append(w.added, c.Column)
	}
}

// room returns a list with n entries or more, those that it had included.
func room(list []stamped, n int) []stamped {
	if n <= len(list) {
		return list
	}
	return append(list, make([]stamped, n-len(list)+n/2)...)
}
