package cloudtrail

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
)

// MaxDepth bounds how deep objects and arrays may stand in each other.
const MaxDepth = 64

// The ways in which a record can be wrong.
const (
	notObject  = "no JSON object"
	noRecord   = "neither eventName nor eventSource nor eventID"
	isFile     = "a file of Records where one record belongs"
	trailing   = "text behind the object"
	noKey      = "no member name in quotes"
	noColon    = "no colon behind a member name"
	noComma    = "no comma or closing brace behind a member"
	noBracket  = "no comma or closing bracket behind a value"
	noValue    = "no value"
	openString = "no closing quote"
	badEscape  = "unknown escape in a string"
	control    = "a control character in a string"
	tooDeep    = "objects or arrays too deep in each other"
)

// A scanner walks over JSON text (RFC 8259). Its methods return what is wrong, "" when nothing is; at then stands at the
// place.
type scanner struct {
	text []byte
	at   int
}

// space skips white space.
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
	if s.at < len(s.text) && s.text[s.at] > ' ' { // no white space in compact text
		return s.text[s.at]
	}
	if s.space(); s.at < len(s.text) {
		return s.text[s.at]
	}
	return 0
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// quoted reads a string; at stands at its opening quote. raw is what stands between the quotes; plain says that it holds no
// escapes.
func (s *scanner) quoted() (raw []byte, plain bool, reason string) {
	text, i := s.text, s.at+1
	from := i
	plain = true
	for i < len(text) {
		// Eight bytes at a time: the lowest high bit of m stands over the first quote, backslash or control character.
		if i+8 <= len(text) {
			w := binary.LittleEndian.Uint64(text[i:])
			quote, slash := w^'"'*ones, w^'\\'*ones
			m := ((quote-ones)&^quote | (slash-ones)&^slash | (w-' '*ones)&^w) & highs
			if m == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(m) / 8
		}
		switch c := text[i]; {
		case c == '"':
			s.at = i + 1
			return text[from:i:i], plain, ""
		case c == '\\':
			plain = false
			i += 2
		case c < ' ':
			s.at = i
			return nil, false, control
		default:
			i++
		}
	}
	return nil, false, openString
}

// unescape appends the text that raw stands for. Half of a surrogate pair becomes U+FFFD, and bad is true.
func unescape(dst, raw []byte) (text []byte, bad bool, reason string) {
	for i := 0; i < len(raw); i++ {
		run := bytes.IndexByte(raw[i:], '\\')
		if run < 0 {
			return append(dst, raw[i:]...), bad, ""
		}
		dst = append(dst, raw[i:i+run]...)
		i += run + 1 // there is a byte behind each backslash, or the string had not ended
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
			r, ok := unit(raw[i+1:])
			if !ok {
				return dst, bad, badEscape
			}
			i += 4
			if utf16.IsSurrogate(r) {
				low, _ := unit(behindU(raw[i+1:]))
				if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
					bad = true
				} else {
					i += 6
				}
			}
			dst = utf8.AppendRune(dst, r)
		default:
			return dst, bad, badEscape
		}
	}
	return dst, bad, ""
}

// behindU returns what stands behind \u, nil when there is none.
func behindU(b []byte) []byte {
	if len(b) < 2 || b[0] != '\\' || b[1] != 'u' {
		return nil
	}
	return b[2:]
}

// unit reads four hexadecimal digits.
func unit(b []byte) (r rune, ok bool) {
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
	rest := s.text[s.at:]
	n := 0
	switch {
	case len(rest) == 0:
	case rest[0] == 't' && len(rest) >= 4 && string(rest[:4]) == "true", rest[0] == 'n' && len(rest) >= 4 && string(rest[:4]) == "null":
		n = 4
	case rest[0] == 'f' && len(rest) >= 5 && string(rest[:5]) == "false":
		n = 5
	default:
		n = number(rest)
	}
	if n == 0 {
		return nil, noValue
	}
	s.at += n
	return rest[:n], ""
}

// number returns how long the number is with which b begins; 0 when it begins with none.
func number(b []byte) int {
	n := 0
	if b[0] == '-' {
		n = 1
	}
	whole := digits(b[n:])
	if whole == 0 || whole > 1 && b[n] == '0' {
		return 0
	}
	n += whole
	if n < len(b) && b[n] == '.' {
		part := digits(b[n+1:])
		if part == 0 {
			return 0
		}
		n += 1 + part
	}
	if n < len(b) && b[n]|0x20 == 'e' {
		n++
		if n < len(b) && (b[n] == '+' || b[n] == '-') {
			n++
		}
		exponent := digits(b[n:])
		if exponent == 0 {
			return 0
		}
		n += exponent
	}
	return n
}

// digits counts the decimal digits at the beginning of b.
func digits(b []byte) int {
	for i, c := range b {
		if c-'0' > 9 {
			return i
		}
	}
	return len(b)
}
