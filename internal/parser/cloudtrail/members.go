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

// object reads the members of an object; the scanner stands behind its brace, p.path holds its name.
func (p *trail) object(b *event.Builder, s *scanner, in scope, depth int) (reason string) {
	if s.next() == '}' {
		s.at++
		return ""
	}
	base := len(p.path)
	for {
		if s.next() != '"' {
			return noKey
		}
		key, plain, reason := s.quoted()
		if !plain && reason == "" {
			key, reason = p.unescape(b, key)
		}
		if reason != "" {
			return reason
		}
		if s.next() != ':' {
			return noColon
		}
		s.at++
		if base > 0 {
			p.path = append(p.path, '.')
		}
		p.path = append(p.path, key...)
		if reason = p.value(b, s, in, key, depth); reason != "" {
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

// value reads the value of a member, or an element of its array, in which case in is elsewhere.
func (p *trail) value(b *event.Builder, s *scanner, in scope, key []byte, depth int) (reason string) {
	switch s.next() {
	case '"':
		v, plain, reason := s.quoted()
		if !plain && reason == "" {
			v, reason = p.unescape(b, v)
		}
		if reason == "" && !p.fact(b, in, key, v) {
			b.Label(p.path, v)
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
		return p.object(b, s, within, depth+1)
	case '[':
		if depth >= MaxDepth {
			return tooDeep
		}
		if in == outermost && string(key) == "Records" {
			return isFile
		}
		s.at++
		return p.array(b, s, depth+1)
	default:
		v, reason := s.scalar()
		if reason == "" && v[0] != 'n' { // null is nothing
			b.Label(p.path, v)
		}
		return reason
	}
}

// array reads the elements of an array, all of which become labels of its name.
func (p *trail) array(b *event.Builder, s *scanner, depth int) (reason string) {
	if s.next() == ']' {
		s.at++
		return ""
	}
	for {
		if reason = p.value(b, s, elsewhere, nil, depth); reason != "" {
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
