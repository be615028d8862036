package csv

import (
	"bytes"

	"tocsin/internal/event"
	"tocsin/internal/instant"
	"tocsin/internal/parser"
)

// The ways in which a line can be wrong.
const (
	openQuote = "no closing quote"
	behind    = "text behind a closing quote"
	tooMany   = "more columns than can be"
	more      = "more columns than the header"
	fewer     = "fewer columns than the header"
)

// A column is one that the header names.
type column struct {
	name   []byte
	target parser.Target
}

// table is the parser.
type table struct {
	zone      *instant.Zone
	layouts   []*instant.Layout
	service   []byte
	original  bool
	delimiter byte
	columns   []column
	timeFrom  []int

	cells   [][]byte // of the line at hand
	text    []byte   // of cells that had quotes within quotes
	when    []byte
	noZone  bool
	misfits int
}

// Parse implements parser.Parser: one line is one row, but for the header, which is none.
func (p *table) Parse(b *event.Builder, record []byte, received int64) error {
	line := bytes.TrimRight(record, "\r\n")
	if len(bytes.TrimSpace(line)) == 0 {
		return nil
	}
	if bad := p.cut(line); bad != nil {
		return bad
	}
	if len(p.columns) > 0 {
		switch {
		case len(p.cells) > len(p.columns):
			return &parser.Malformed{Offset: len(line), Reason: more}
		case len(p.cells) < len(p.columns):
			return &parser.Malformed{Offset: len(line), Reason: fewer}
		case p.isHeader():
			return nil
		}
	}
	p.noZone, p.misfits = false, 0
	p.fill(b, received)
	if !b.Has(event.Timestamp) {
		b.Time(event.Timestamp, received)
		b.Flag(event.NoTime)
	} else if p.noZone {
		b.Flag(event.NoZone)
	}
	if p.misfits > 0 {
		b.Flag(event.Misfit)
	}
	if !b.Has(event.Message) {
		b.Str(event.Message, line)
	}
	if p.original && b.Kind() == event.Log && !b.Has(event.EventOriginal) {
		b.Str(event.EventOriginal, record)
	}
	if len(p.service) > 0 && !b.Has(event.ServiceName) {
		b.Str(event.ServiceName, p.service)
	}
	b.Next()
	return nil
}

// isHeader reports whether the line at hand names the columns.
func (p *table) isHeader() bool {
	for i := range p.columns {
		if !bytes.Equal(bytes.TrimSpace(p.cells[i]), p.columns[i].name) {
			return false
		}
	}
	return true
}

// fill sets what the cells say.
func (p *table) fill(b *event.Builder, received int64) {
	if len(p.columns) == 0 {
		for i, cell := range p.cells {
			n := i + 1
			number := [3]byte{byte('0' + n/100), byte('0' + n/10%10), byte('0' + n%10)}
			if v := bytes.TrimSpace(cell); len(v) > 0 {
				b.Label(bytes.TrimLeft(number[:], "0"), v)
			}
		}
		return
	}
	if len(p.timeFrom) > 0 {
		p.when = p.when[:0]
		for i, at := range p.timeFrom {
			if i > 0 {
				p.when = append(p.when, ' ')
			}
			p.when = append(p.when, bytes.TrimSpace(p.cells[at])...)
		}
		if when := bytes.TrimSpace(p.when); len(when) > 0 && !p.fillTime(b, event.Timestamp, when, received) {
			p.misfits++
			var name [10]byte
			b.Label(append(name[:0], "@timestamp"...), when)
		}
	}
	for i := range p.columns {
		c := &p.columns[i]
		v := bytes.TrimSpace(p.cells[i])
		switch {
		case c.target.Drop || len(v) == 0:
		case c.target.Field == nil:
			b.Label(c.target.Label, v)
		case c.target.Field.Type == event.Time && p.fillTime(b, c.target.Field.ID, v, received):
		case c.target.Field.Type == event.Time || !parser.Fill(b, c.target.Field, v):
			if len(v) > 1 || v[0] != '-' {
				p.misfits++
				b.Label(c.name, v)
			}
		}
	}
}

// fillTime reads a time that takes up all of v.
func (p *table) fillTime(b *event.Builder, id event.FieldID, v []byte, received int64) bool {
	for _, l := range p.layouts {
		if at, r, ok := l.Read(v, p.zone, received); ok && r.Len == len(v) {
			b.Time(id, at)
			p.noZone = p.noZone || id == event.Timestamp && !r.HasZone
			return true
		}
	}
	return false
}

// cut takes a line apart into cells (RFC 4180 section 2). A quote that does not begin a cell stands for itself.
func (p *table) cut(line []byte) *parser.Malformed {
	p.cells, p.text = p.cells[:0], p.text[:0]
	if cap(p.text) < len(line) {
		p.text = make([]byte, 0, len(line)+len(line)/4) // cells stay where they are
	}
	for at := 0; ; {
		if len(p.cells) == MaxColumns {
			return &parser.Malformed{Offset: at, Reason: tooMany}
		}
		if at == len(line) || line[at] != '"' {
			end := bytes.IndexByte(line[at:], p.delimiter)
			if end < 0 {
				p.cells = append(p.cells, line[at:])
				return nil
			}
			p.cells = append(p.cells, line[at:at+end])
			at += end + 1
			continue
		}
		end, bad := p.quoted(line, at)
		switch {
		case bad != nil:
			return bad
		case end == len(line):
			return nil
		case line[end] != p.delimiter:
			return &parser.Malformed{Offset: end, Reason: behind}
		}
		at = end + 1
	}
}

// quoted takes a cell that begins with the quote at from, and returns where it ends.
func (p *table) quoted(line []byte, from int) (end int, bad *parser.Malformed) {
	begin := len(p.text)
	for at := from + 1; ; {
		i := bytes.IndexByte(line[at:], '"')
		if i < 0 {
			return 0, &parser.Malformed{Offset: from, Reason: openQuote}
		}
		p.text = append(p.text, line[at:at+i]...)
		at += i + 1
		if at == len(line) || line[at] != '"' {
			p.cells = append(p.cells, p.text[begin:])
			return at, nil
		}
		p.text = append(p.text, '"')
		at++
	}
}
