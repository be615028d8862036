package combined

import (
	"bytes"

	"tocsin/internal/instant"
)

// A cutting is one line cut by a layout.
type cutting struct {
	vals  [][]byte // one a piece
	at    int64    // the time, in nanoseconds since 1970 UTC
	timed bool
	wall  bool   // the time had no offset
	zone  []byte // the offset as written
}

// cut takes a line apart. The values point into it.
func (l *layout) cut(record []byte, c *clock, out *cutting) flaw {
	*out = cutting{vals: out.vals[:0]}
	var parts wall
	at := 0
	for i := range l.pieces {
		p := &l.pieces[i]
		if !bytes.HasPrefix(record[at:], p.text) {
			return flaw{at, p.reason}
		}
		at += len(p.text)
		n := l.measure(i, record[at:], c, out, &parts)
		if n < 0 {
			return flaw{at, p.reason}
		}
		out.vals = append(out.vals, record[at:at+n:at+n])
		at += n
	}
	if !l.ends(record[at:]) {
		return flaw{at, otherEnd}
	}
	switch {
	case out.timed:
		out.at += int64(parts.Nanos)
	case l.local:
		if !parts.settle() {
			return flaw{0, noSuchTime}
		}
		out.at, out.timed, out.wall = c.instant(&parts.Reading), true, !parts.HasZone
	}
	return flaw{}
}

// ends reports whether a line may end so. The last quotation mark may be missing, as in a line that was cut.
func (l *layout) ends(rest []byte) bool {
	return bytes.Equal(bytes.TrimRight(rest, " \t\r"), bytes.TrimRight(l.end, " \t\r")) || len(rest) == 0 && string(l.end) == `"`
}

// Further ways in which a line can be wrong.
const (
	otherEnd   = "text behind the last field of log_format"
	noSuchTime = "no such time"
)

// measure returns how many bytes of b field i takes, -1 when it does not fit.
func (l *layout) measure(i int, b []byte, c *clock, out *cutting, parts *wall) int {
	p := &l.pieces[i]
	switch p.op {
	case opCLF:
		return out.clf(b, c)
	case opISO:
		return out.iso(b, c)
	case opIsArgs:
		if len(b) > 0 && b[0] == '?' {
			return 1
		}
		return 0
	case opPart:
		n := width(p.conv)
		if n == 0 {
			n = l.reach(i, b)
		}
		if n < 0 || n > len(b) || !parts.part(p.conv, b[:n]) {
			return -1
		}
		if p.conv == 'z' {
			out.zone = b[:n:n]
		}
		return n
	}
	n := l.reach(i, b)
	if n < 0 || absent(b[:n]) && p.op != opEpoch {
		return n
	}
	switch p.op {
	case opStatus:
		if n != 3 || !isDigit(b[0]) || !isDigit(b[1]) || !isDigit(b[2]) {
			return -1
		}
	case opInt:
		if _, w := decimal(b[:n]); w != n {
			return -1
		}
	case opDuration:
		if _, ok := units(b[:n], p.unit); !ok {
			return -1
		}
	case opEpoch:
		at, ok := units(b[:n], p.unit)
		if !ok {
			return -1
		}
		out.at, out.timed = at, true
	}
	return n
}

func (out *cutting) clf(b []byte, c *clock) int {
	if at, zone, n := c.read(b); n > 0 {
		out.at, out.timed, out.wall, out.zone = at, true, zone == nil, zone
		return n
	}
	when, ok := instant.CLF(b)
	if !ok {
		return -1
	}
	if when.HasZone {
		out.zone = b[when.Len-5 : when.Len : when.Len]
	}
	out.at, out.timed, out.wall = c.instant(&when), true, !when.HasZone
	return when.Len
}

func (out *cutting) iso(b []byte, c *clock) int {
	when, ok := instant.RFC3339(b)
	if !ok {
		return -1
	}
	if when.HasZone {
		if i := bytes.LastIndexAny(b[:when.Len], "+-Zz"); i > len("2006-01-02") {
			out.zone = b[i:when.Len:when.Len]
		}
	}
	out.at, out.timed, out.wall = c.instant(&when), true, !when.HasZone
	return when.Len
}

// reach returns where the value of field i ends, which begins at b: before the text that follows it.
func (l *layout) reach(i int, b []byte) int {
	p, next := &l.pieces[i], l.end
	var after *piece
	if i+1 < len(l.pieces) {
		after = &l.pieces[i+1]
		next = after.text
	}
	if len(next) == 0 {
		return l.adjoining(i, b)
	}
	first := -1
	for from := 0; ; {
		n := p.stop(b, from, next)
		if n < 0 {
			break
		}
		if first < 0 {
			first = n
		}
		if after == nil && n+len(next) == len(b) || after != nil && after.fits(b[n+len(next):]) {
			return n
		}
		from = n + 1
	}
	if !p.quoted { // what follows says what is wrong with it
		return first
	}
	if first < 0 && after == nil && string(next) == `"` {
		return len(b)
	}
	for n := 0; ; n++ { // a server that escapes nothing: the first quotation mark that what follows fits
		k := bytes.Index(b[n:], next)
		if k < 0 {
			return first
		}
		n += k
		if after == nil && n+len(next) == len(b) || after != nil && after.fits(b[n+len(next):]) {
			return n
		}
	}
}

// stop returns where, from an offset on, the value might end: at the text that follows, but not at a quotation mark with a
// backslash before it, nor within a list.
func (p *piece) stop(b []byte, from int, next []byte) int {
	for from <= len(b) {
		var n int
		if p.quoted {
			if n = closing(b, from); n < 0 {
				return -1
			}
			if !bytes.HasPrefix(b[n:], next) {
				from = n + 1
				continue
			}
			return n
		}
		if n = bytes.Index(b[from:], next); n < 0 {
			return -1
		}
		n += from
		if !p.list || !within(b, n) {
			return n
		}
		from = n + 1
	}
	return -1
}

// within reports whether the blank at n stands in a list: of addresses by commas, of groups of servers by a colon (nginx
// documentation, ngx_http_upstream_module, "$upstream_addr").
func within(b []byte, n int) bool {
	if n == 0 || b[n] != ' ' {
		return false
	}
	return b[n-1] == ',' || n > 1 && b[n-1] == ':' && b[n-2] == ' ' || n+2 < len(b) && b[n+1] == ':' && b[n+2] == ' '
}

// adjoining is reach for a field that nothing follows, or at once another, which then is a query behind a path.
func (l *layout) adjoining(i int, b []byte) int {
	if i+1 == len(l.pieces) {
		return len(b)
	}
	end := len(b)
	for j := i + 1; j < len(l.pieces); j++ { // the first text behind the fields that adjoin
		next := l.end
		if j+1 < len(l.pieces) {
			next = l.pieces[j+1].text
		}
		if len(next) > 0 {
			if end = bytes.Index(b, next); end < 0 {
				return -1
			}
			break
		}
	}
	if q := bytes.IndexByte(b[:end], '?'); q >= 0 {
		return q
	}
	return end
}

// fits reports whether a field of this sort can begin with b, as far as can be told at little cost.
func (p *piece) fits(b []byte) bool {
	switch p.op {
	case opStatus:
		return len(b) >= 3 && isDigit(b[0]) && isDigit(b[1]) && isDigit(b[2]) || len(b) > 0 && b[0] == '-'
	case opInt, opDuration, opEpoch:
		return len(b) > 0 && (isDigit(b[0]) || b[0] == '-' || b[0] == '"')
	case opCLF:
		_, ok := instant.CLF(b)
		return ok
	case opISO:
		_, ok := instant.RFC3339(b)
		return ok
	case opPart:
		return width(p.conv) <= len(b) && new(wall).part(p.conv, b[:width(p.conv)])
	}
	return true
}

// units reads a number with decimals and multiplies it by unit, in nanoseconds. What is below a nanosecond is left out.
func units(b []byte, unit int64) (ns int64, ok bool) {
	n, width := decimal(b)
	if width == 0 || n < 0 || n > (1<<62)/unit {
		return 0, false
	}
	ns = n * unit
	if width == len(b) {
		return ns, true
	}
	if b[width] != '.' || width+1 == len(b) {
		return 0, false
	}
	for _, c := range b[width+1:] {
		if !isDigit(c) {
			return 0, false
		}
		unit /= 10
		ns += int64(c-'0') * unit
	}
	return ns, true
}
