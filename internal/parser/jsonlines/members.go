package jsonlines

import (
	"bytes"

	"tocsin/internal/event"
)

// object reads the members of an object; the scanner stands behind its brace. p.path holds the name of the object.
func (p *lines) object(b *event.Builder, s *scanner, depth int) (reason string) {
	if s.next() == '}' {
		s.at++
		return ""
	}
	base := len(p.path)
	for {
		raw, reason := s.key()
		if reason != "" {
			return reason
		}
		if base > 0 {
			p.path = append(p.path, '.')
		}
		if bytes.IndexByte(raw, '\\') < 0 {
			p.path = append(p.path, raw...)
		} else {
			var bad bool
			if p.path, bad, reason = unescape(p.path, raw); reason != "" {
				return reason
			}
			p.bad = p.bad || bad
		}
		if reason = p.value(b, s, depth, true); reason != "" {
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

// array reads the elements of an array under one name: the first sets a field, further ones become labels.
func (p *lines) array(b *event.Builder, s *scanner, depth int, first bool) (reason string) {
	if s.next() == ']' {
		s.at++
		return ""
	}
	for {
		if reason = p.value(b, s, depth, first); reason != "" {
			return reason
		}
		first = false
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

func (p *lines) value(b *event.Builder, s *scanner, depth int, first bool) (reason string) {
	switch s.next() {
	case '{':
		if depth >= MaxDepth {
			return tooDeep
		}
		s.at++
		return p.members(b, s, depth+1, first)
	case '[':
		if depth >= MaxDepth {
			return tooDeep
		}
		s.at++
		return p.array(b, s, depth+1, first)
	case '"':
		raw, plain, reason := s.quoted()
		if reason != "" {
			return reason
		}
		if !plain {
			var bad bool
			if p.text, bad, reason = unescape(p.text[:0], raw); reason != "" {
				return reason
			}
			p.bad = p.bad || bad
			raw = p.text
		}
		p.set(b, raw, true, first)
		return ""
	default:
		raw, reason := s.scalar()
		if reason == "" && raw[0] != 'n' { // null is nothing
			p.set(b, raw, false, first)
		}
		return reason
	}
}

// members reads an object within the line. In an array, objects behind the first set labels only, as other elements do.
func (p *lines) members(b *event.Builder, s *scanner, depth int, first bool) (reason string) {
	if first {
		return p.object(b, s, depth)
	}
	p.later++
	reason = p.object(b, s, depth)
	p.later--
	return reason
}
