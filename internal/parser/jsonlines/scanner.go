package jsonlines

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDepth bounds how deep objects and arrays may stand in each other.
const MaxDepth = 64

// The ways in which a line can be wrong.
const (
	notObject  = "no JSON object"
	behind     = "text behind the object"
	noKey      = "no member name in quotes"
	noColon    = "no colon behind a member name"
	noComma    = "no comma or closing brace behind a member"
	noBracket  = "no comma or closing bracket behind a value"
	noValue    = "no value"
	openString = "no closing quote"
	badEscape  = "unknown escape in a string"
	control    = "a control character in a string"
	badNumber  = "a number that is none"
	tooDeep    = "objects or arrays too deep in each other"
)

// A scanner walks over JSON text (RFC 8259). Its methods return what is wrong, "" when nothing is; at then stands at the
// place.
type scanner struct {
	text []byte
	at   int
	stop bool // ends skip early
}

func (s *scanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\r', '\n':
			s.at++
		default:
			return
		}
	}
}

// next skips white space and returns the byte it stands at, 0 at the end.
func (s *scanner) next() byte {
	if s.space(); s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

// quoted reads a string; at stands at its opening quote. raw is what stands between the quotes; plain says that raw holds
// no escapes.
func (s *scanner) quoted() (raw []byte, plain bool, reason string) {
	from := s.at + 1
	end := bytes.IndexByte(s.text[from:], '"')
	if end < 0 {
		return nil, false, openString
	}
	end += from
	if slash := bytes.IndexByte(s.text[from:end], '\\'); slash < 0 {
		raw, plain = s.text[from:end], true
	} else {
		if end = s.closing(from + slash); end < 0 {
			return nil, false, openString
		}
		raw = s.text[from:end]
	}
	for i, c := range raw {
		if c < 0x20 {
			s.at = from + i
			return nil, false, control
		}
	}
	s.at = end + 1
	return raw, plain, ""
}

// closing returns where the string ends whose first backslash stands at i; -1 when it does not.
func (s *scanner) closing(i int) int {
	for i < len(s.text) {
		switch s.text[i] {
		case '\\':
			i += 2
		case '"':
			return i
		default:
			i++
		}
	}
	return -1
}

// unescape appends the text that raw stands for. Half of a surrogate pair becomes U+FFFD, and bad is true.
func unescape(dst, raw []byte) (text []byte, bad bool, reason string) {
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		if c != '\\' {
			dst = append(dst, c)
			continue
		}
		if i++; i == len(raw) {
			return dst, bad, badEscape
		}
		switch raw[i] {
		case '"', '\\', '/':
			dst = append(dst, raw[i])
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r, n := rune4(raw[i+1:])
			if n == 0 {
				return dst, bad, badEscape
			}
			i += n
			bad = bad || r == utf8.RuneError && n == 4
			dst = utf8.AppendRune(dst, r)
		default:
			return dst, bad, badEscape
		}
	}
	return dst, bad, ""
}

// checkEscapes says what is wrong with the escapes in raw.
func checkEscapes(raw []byte) (reason string) {
	for {
		i := bytes.IndexByte(raw, '\\')
		if i < 0 {
			return ""
		}
		raw = raw[i+1:]
		if len(raw) == 0 {
			return badEscape
		}
		switch raw[0] {
		case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			raw = raw[1:]
		case 'u':
			if _, ok := hex4(raw[1:]); !ok {
				return badEscape
			}
			raw = raw[5:]
		default:
			return badEscape
		}
	}
}

// rune4 reads the four digits behind \u, and a second \u that completes a surrogate pair; n is how many bytes it took, 0
// when there are no four digits.
func rune4(b []byte) (r rune, n int) {
	r, ok := hex4(b)
	if !ok {
		return 0, 0
	}
	if !utf16.IsSurrogate(r) {
		return r, 4
	}
	if len(b) >= 10 && b[4] == '\\' && b[5] == 'u' {
		if low, ok := hex4(b[6:]); ok {
			if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
				return both, 10
			}
		}
	}
	return utf8.RuneError, 4
}

func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		switch {
		case c-'0' <= 9:
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// scalar reads a number, true, false or null as the text it is.
func (s *scanner) scalar() (raw []byte, reason string) {
	from := s.at
	rest := s.text[from:]
	for _, word := range []string{"true", "false", "null"} {
		if len(rest) >= len(word) && string(rest[:len(word)]) == word {
			s.at += len(word)
			return rest[:len(word)], ""
		}
	}
	if n := numberLen(rest); n > 0 {
		s.at += n
		return rest[:n], ""
	}
	if c := s.next(); c == '-' || c-'0' <= 9 {
		return nil, badNumber
	}
	return nil, noValue
}

// numberLen returns how long the number is with which b begins; 0 when it begins with none. More digits than a value can
// have a meaning for are no number.
func numberLen(b []byte) int {
	n := 0
	if n < len(b) && b[n] == '-' {
		n++
	}
	whole := digitsLen(b[n:])
	if whole == 0 || whole > 1 && b[n] == '0' {
		return 0
	}
	n += whole
	if n < len(b) && b[n] == '.' {
		part := digitsLen(b[n+1:])
		if part == 0 {
			return 0
		}
		n += 1 + part
	}
	if n < len(b) && b[n]|0x20 == 'e' {
		m := n + 1
		if m < len(b) && (b[m] == '+' || b[m] == '-') {
			m++
		}
		exponent := digitsLen(b[m:])
		if exponent == 0 {
			return 0
		}
		n = m + exponent
	}
	return n
}

func digitsLen(b []byte) int {
	for i, c := range b {
		if c-'0' > 9 {
			return i
		}
	}
	return len(b)
}

// skip reads a value without looking at it; each is called with the raw name of every member of the outermost object and
// the place of its value.
func (s *scanner) skip(depth int, each func(key []byte, value int)) (reason string) {
	if depth > MaxDepth {
		return tooDeep
	}
	switch c := s.next(); c {
	case '"':
		raw, plain, reason := s.quoted()
		if reason == "" && !plain {
			reason = checkEscapes(raw)
		}
		return reason
	case '{', '[':
		return s.skipList(c, depth, each)
	default:
		_, reason = s.scalar()
		return reason
	}
}

func (s *scanner) skipList(open byte, depth int, each func(key []byte, value int)) (reason string) {
	s.at++
	closing := open + 2 // of { and of [ alike
	if s.next() == closing {
		s.at++
		return ""
	}
	for {
		if open == '{' {
			key, reason := s.key()
			if reason == "" {
				reason = checkEscapes(key)
			}
			if reason != "" {
				return reason
			}
			s.space()
			if depth == 0 && each != nil {
				each(key, s.at)
				if s.stop {
					return ""
				}
			}
		}
		if reason = s.skip(depth+1, each); reason != "" {
			return reason
		}
		switch s.next() {
		case ',':
			s.at++
		case closing:
			s.at++
			return ""
		default:
			if open == '{' {
				return noComma
			}
			return noBracket
		}
	}
}

// key reads a member's name, still escaped, and the colon behind it.
func (s *scanner) key() (raw []byte, reason string) {
	if s.next() != '"' {
		return nil, noKey
	}
	if raw, _, reason = s.quoted(); reason != "" {
		return nil, reason
	}
	if s.next() != ':' {
		return nil, noColon
	}
	s.at++
	return raw, ""
}
