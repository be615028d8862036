package text

import "bytes"

// A literal is text between values. A blank in it stands for one or more blanks and tabs.
type literal struct {
	text []byte
	head []byte // up to the first blank
}

func newLiteral(text []byte) literal {
	head, _, _ := bytes.Cut(text, []byte(" "))
	return literal{text: text, head: head}
}

// at returns how much of b the literal takes, which must begin there; -1 when it does not.
func (l literal) at(b []byte) int {
	n := 0
	for _, c := range l.text {
		if c == ' ' {
			gap := blanks(b[n:])
			if gap == 0 {
				return -1
			}
			n += gap
			continue
		}
		if n >= len(b) || b[n] != c {
			return -1
		}
		n++
	}
	return n
}

func blanks(b []byte) (n int) {
	for n < len(b) && (b[n] == ' ' || b[n] == '\t') {
		n++
	}
	return n
}

// find returns where in b the literal stands first, and how much it takes there; to the end of b, if that is asked. A
// quotation mark behind a backslash is part of a value.
func (l literal) find(b []byte, toEnd bool) (at, size int) {
	for from := 0; from <= len(b); {
		i := l.candidate(b[from:])
		if i < 0 {
			return -1, 0
		}
		at = from + i
		size = l.at(b[at:])
		escaped := l.text[0] == '"' && (at-len(bytes.TrimRight(b[:at], `\`)))%2 == 1
		if size >= 0 && !escaped && (!toEnd || at+size == len(b)) {
			return at, size
		}
		if from = at + 1; l.text[0] == ' ' {
			from = at + blanks(b[at:]) // a run of blanks is one
		}
	}
	return -1, 0
}

// candidate returns where the literal may stand first.
func (l literal) candidate(b []byte) int {
	if len(l.head) > 0 {
		return bytes.Index(b, l.head)
	}
	for i, c := range b {
		if c == ' ' || c == '\t' {
			return i
		}
	}
	return -1
}

// scan looks whether a line has the form of the pattern, and notes in p.spans what its slots stand for.
func (m *pattern) scan(p *plain, line []byte, received int64) bool {
	p.spans = p.spans[:0]
	if m.re != nil {
		return m.scanExpression(p, line, received)
	}
	at := m.lead.at(line)
	if at < 0 {
		return false
	}
	for i := range m.slots {
		timeless := false
		next, last := m.behind[i], i == len(m.slots)-1
		if m.slots[i].isTime() {
			s, ok := p.instant(line[at:], received, func(rest []byte) bool {
				n := next.at(rest)
				return n >= 0 && (!last || n == len(rest))
			})
			if ok {
				s.from, s.to = at, at+s.to
				p.spans = append(p.spans, s)
				at = s.to + next.at(line[s.to:])
				continue
			}
			timeless = true
		}
		end, size := len(line)-at, 0
		if len(next.text) > 0 {
			end, size = next.find(line[at:], last)
		} else if !last {
			return false // a time that is none, with nothing that ends it
		}
		if end < 0 || timeless && !bytes.ContainsAny(line[at:at+end], "0123456789") {
			return false // text without a digit is no time that went wrong, but another sort of line
		}
		p.spans = append(p.spans, span{from: at, to: at + end})
		at += end + size
	}
	return at == len(line)
}

// scanExpression is scan for regular expressions.
func (m *pattern) scanExpression(p *plain, line []byte, received int64) bool {
	if !bytes.Contains(line, m.need) {
		return false
	}
	found := m.re.FindSubmatchIndex(line)
	if found == nil {
		return false
	}
	for i := range m.slots {
		from, to := found[2*m.slots[i].number], found[2*m.slots[i].number+1]
		if from < 0 { // a group that took no part
			from, to = 0, 0
		}
		s := span{from: from, to: to}
		if m.slots[i].isTime() {
			if read, ok := p.instant(line[from:to], received, func(rest []byte) bool { return len(rest) == 0 }); ok {
				s = span{from: from, to: to, at: read.at, timed: true, zoned: read.zoned}
			}
		}
		p.spans = append(p.spans, s)
	}
	return true
}
