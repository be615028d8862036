package event

import (
	"encoding/base64"
	"math"
	"strconv"
	"time"
	"unicode/utf8"
)

// AppendJSON writes one row as a JSON object on one line: every field that the row has, under its dotted name, in the
// order of the schema; times as RFC 3339 in UTC with nanoseconds; labels last, as "labels.NAME". Bytes that are no UTF-8
// are replaced by U+FFFD, and what HTML or a terminal could act on is escaped.
func (b *Batch) AppendJSON(dst []byte, row int) []byte {
	dst = append(dst, '{')
	sep := false
	for i := range fields {
		c := b.Column(fields[i].ID)
		if c == nil || fields[i].View {
			continue
		}
		v, ok := c.Value(row)
		if !ok {
			continue
		}
		if sep {
			dst = append(dst, ',')
		}
		sep = true
		dst = AppendQuoted(dst, []byte(c.Field.Name))
		dst = append(dst, ':')
		dst = c.AppendValueJSON(dst, v)
	}
	from, to := b.Labels.Of(row)
	for e := from; e < to; e++ {
		if sep {
			dst = append(dst, ',')
		}
		sep = true
		name := append([]byte("labels."), b.Labels.Names.At(int(b.Labels.Keys[e]))...)
		dst = AppendQuoted(dst, name)
		dst = append(dst, ':')
		dst = AppendQuoted(dst, b.Labels.Vals.At(e))
	}
	return append(dst, '}')
}

// AppendValueJSON writes value v of the column as JSON.
func (c *Column) AppendValueJSON(dst []byte, v int) []byte {
	switch c.Field.Type {
	case Int, Uint, Bool, Float:
		if c.Field.Type == Float && (math.IsNaN(c.Float(v)) || math.IsInf(c.Float(v), 0)) {
			return append(dst, "null"...)
		}
		return c.AppendValueText(dst, v)
	case String:
		return AppendQuoted(dst, c.Str(v))
	default:
		dst = append(dst, '"')
		dst = c.AppendValueText(dst, v)
		return append(dst, '"')
	}
}

// AppendValueText writes value v of the column as people read it: no quotes, times in UTC. Strings are written as they
// are: whoever shows them must escape them.
func (c *Column) AppendValueText(dst []byte, v int) []byte {
	switch c.Field.Type {
	case String:
		return append(dst, c.Str(v)...)
	case Int:
		return strconv.AppendInt(dst, c.Int(v), 10)
	case Uint:
		return strconv.AppendUint(dst, c.Uint(v), 10)
	case Float:
		return strconv.AppendFloat(dst, c.Float(v), 'g', -1, 64)
	case Bool:
		return strconv.AppendBool(dst, c.Bool(v))
	case Time:
		return time.Unix(0, c.Int(v)).UTC().AppendFormat(dst, time.RFC3339Nano)
	default:
		return c.Addr(v).AppendTo(dst)
	}
}

const hex = "0123456789abcdef"

// AppendQuoted writes s as a JSON string. Control characters, also C1 ones, and < > & are escaped, so that the text can do
// nothing in a terminal or a page; bytes that are no UTF-8 become U+FFFD.
func AppendQuoted(dst, s []byte) []byte {
	dst = append(dst, '"')
	for len(s) > 0 {
		c := s[0]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRune(s)
			switch {
			case r == utf8.RuneError && n == 1:
				dst = append(dst, "\ufffd"...)
			case r < 0xa0 || r == 0x2028 || r == 0x2029 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
				dst = append(dst, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
			default:
				dst = append(dst, s[:n]...)
			}
			s = s[n:]
			continue
		}
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c < 0x20 || c == 0x7f || c == '<' || c == '>' || c == '&':
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
		s = s[1:]
	}
	return append(dst, '"')
}

// Fingerprint encodes bytes as short text for names and ids: unpadded base64 of the URL alphabet (RFC 4648 section 5).
func Fingerprint(sum []byte) string { return base64.RawURLEncoding.EncodeToString(sum) }
