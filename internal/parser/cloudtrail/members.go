package cloudtrail

import (
	"tocsin/internal/event"
)

// A scope is an object whose members have a meaning of their own.
type scope uint8

const (
	elsewhere scope = iota
	outermost
	identity // userIdentity
	response // responseElements
)

// object reads the members of an object; the scanner stands behind its brace, p.path holds its name, and self is it among
// the known members, or nil.
func (p *trail) object(b *event.Builder, s *scanner, in scope, self *member, depth int) (reason string) {
	if s.next() == '}' {
		s.at++
		return ""
	}
	base, before := len(p.path), (*member)(nil)
	for {
		var key []byte
		m := self.expected(before, s)
		if m != nil {
			key = m.key()
			s.at += len(m.text)
		} else {
			var plain bool
			if key, plain, reason = p.key(b, s); reason != "" {
				return reason
			}
			if plain {
				m = p.known.find(self, before, key)
			}
		}
		before = m
		if base > 0 {
			p.path = append(p.path, '.')
		}
		p.path = append(p.path, key...)
		if reason = p.value(b, s, in, key, m, depth); reason != "" {
			return reason
		}
		p.path = p.path[:base]
		switch s.next() {
		case ',':
			s.at++
		case '}':
			s.at++
			return ""
		default:
			return noComma
		}
	}
}

// key reads the name of a member and the colon behind it.
func (p *trail) key(b *event.Builder, s *scanner) (key []byte, plain bool, reason string) {
	if s.next() != '"' {
		return nil, false, noKey
	}
	key, plain, reason = s.quoted()
	if !plain && reason == "" {
		key, reason = p.unescape(b, key)
	}
	if reason != "" {
		return nil, false, reason
	}
	if s.next() != ':' {
		return nil, false, noColon
	}
	s.at++
	return key, plain, ""
}

// label adds a label with the name at hand.
func (p *trail) label(b *event.Builder, m *member, v []byte) {
	if m != nil {
		b.LabelAgain(p.path, v, &m.label)
	} else {
		b.Label(p.path, v)
	}
}

// value reads the value of a member, or an element of its array, in which case in is elsewhere. m is the member among those
// that are known, or nil.
func (p *trail) value(b *event.Builder, s *scanner, in scope, key []byte, m *member, depth int) (reason string) {
	switch s.next() {
	case '"':
		v, plain, reason := s.quoted()
		if !plain && reason == "" {
			v, reason = p.unescape(b, v)
		}
		if reason == "" && !p.fact(b, in, key, v) {
			p.label(b, m, v)
		}
		return reason
	case '{':
		if depth >= MaxDepth {
			return tooDeep
		}
		s.at++
		within := elsewhere
		if in == outermost {
			switch string(key) {
			case "userIdentity":
				within = identity
			case "responseElements":
				within = response
			}
		}
		return p.object(b, s, within, m, depth+1)
	case '[':
		if depth >= MaxDepth {
			return tooDeep
		}
		if in == outermost && string(key) == "Records" {
			return isFile
		}
		s.at++
		return p.array(b, s, m, depth+1)
	default:
		v, reason := s.scalar()
		if reason == "" && v[0] != 'n' { // null is nothing
			p.label(b, m, v)
		}
		return reason
	}
}

// array reads the elements of an array, all of which become labels of its name.
func (p *trail) array(b *event.Builder, s *scanner, m *member, depth int) (reason string) {
	if s.next() == ']' {
		s.at++
		return ""
	}
	for {
		if reason = p.value(b, s, elsewhere, nil, m, depth); reason != "" {
			return reason
		}
		switch s.next() {
		case ',':
			s.at++
		case ']':
			s.at++
			return ""
		default:
			return noBracket
		}
	}
}

// unescape returns what a string with escapes stands for, which stays as it is until the record is done.
func (p *trail) unescape(b *event.Builder, raw []byte) (v []byte, reason string) {
	var bad bool
	from := len(p.text)
	if p.text, bad, reason = unescape(p.text, raw); bad {
		b.Flag(event.BadUTF8)
	}
	return p.text[from:len(p.text):len(p.text)], reason
}
