package filter

import (
	"bytes"
	"unicode/utf8"
)

// A likePattern is a pattern of SQL's LIKE: % stands for any text, _ for any one character, and a backslash takes the
// meaning from the one after it. It is the way in which LogTrack compares keywords.
type likePattern struct {
	// parts lie between the % signs. The first must begin the text and the last must end it; a single one is the whole.
	parts []likePart
}

// A likePart is a text in which some characters stand for any.
type likePart struct {
	text []byte
	any  []bool // one a byte of text: it is a _, whatever text says; nil when there is none
}

func compileLike(source []byte) *likePattern {
	p := &likePattern{}
	part := likePart{}
	wild := false
	add := func(c byte, anything bool) {
		part.text, part.any = append(part.text, c), append(part.any, anything)
		wild = wild || anything
	}
	end := func() {
		if !wild {
			part.any = nil
		}
		p.parts = append(p.parts, part)
		part, wild = likePart{}, false
	}
	for i := 0; i < len(source); i++ {
		switch c := source[i]; {
		case c == '\\' && i+1 < len(source):
			i++
			add(source[i], false)
		case c == '%':
			end()
		case c == '_':
			add(c, true)
		default:
			add(c, false)
		}
	}
	end()
	return p
}

// literal returns the longest text that whatever the pattern matches must contain.
func (p *likePattern) literal() []byte {
	var best []byte
	for _, part := range p.parts {
		start := 0
		for i := 0; i <= len(part.text); i++ {
			if i == len(part.text) || part.any != nil && part.any[i] {
				if i-start > len(best) {
					best = part.text[start:i]
				}
				start = i + 1
			}
		}
	}
	return best
}

// match reports whether the pattern covers the whole of v. Taking each part at its first place is enough, because what
// lies between two parts may be anything.
func (p *likePattern) match(v []byte) bool {
	first := p.parts[0]
	n := first.at(v)
	if n < 0 {
		return false
	}
	if len(p.parts) == 1 {
		return n == len(v)
	}
	v = v[n:]
	for _, part := range p.parts[1 : len(p.parts)-1] {
		_, end := part.find(v)
		if end < 0 {
			return false
		}
		v = v[end:]
	}
	return p.parts[len(p.parts)-1].ends(v)
}

// at returns how many bytes of v the part covers from the start on; -1 when it does not fit there.
func (p likePart) at(v []byte) int {
	if p.any == nil {
		if !bytes.HasPrefix(v, p.text) {
			return -1
		}
		return len(p.text)
	}
	n := 0
	for i, c := range p.text {
		switch {
		case n >= len(v):
			return -1
		case p.any[i]:
			_, size := utf8.DecodeRune(v[n:])
			n += size
		case v[n] != c:
			return -1
		default:
			n++
		}
	}
	return n
}

// find returns the first place where the part fits; end is -1 when there is none. Wildcards keep in step with characters,
// so places are tried at character starts only, unless the part begins with a byte of its own.
func (p likePart) find(v []byte) (start, end int) {
	if p.any == nil {
		i := bytes.Index(v, p.text)
		if i < 0 {
			return 0, -1
		}
		return i, i + len(p.text)
	}
	for i := 0; ; {
		if n := p.at(v[i:]); n >= 0 {
			return i, i + n
		}
		if i >= len(v) {
			return 0, -1
		}
		_, size := utf8.DecodeRune(v[i:])
		i += size
	}
}

// ends reports whether the part fits at the end of v.
func (p likePart) ends(v []byte) bool {
	if p.any == nil {
		return bytes.HasSuffix(v, p.text)
	}
	for i := 0; ; {
		if p.at(v[i:]) == len(v)-i {
			return true
		}
		if i >= len(v) {
			return false
		}
		_, size := utf8.DecodeRune(v[i:])
		i += size
	}
}
