package filter

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/internal/event"
)

// A constant is a value that stands in a filter.
type constant struct {
	typ    event.Type
	text   string       // of String
	bits   uint64       // of the numeric types, as a column stores them
	addr   [16]byte     // of IP
	prefix netip.Prefix // of opWithin: in IPv4 form where it lies in the v4-mapped range; typ is 0
}

// intConstant keeps an integer as Int where it fits, else as Uint.
func intConstant(v uint64) constant {
	if v > math.MaxInt64 {
		return constant{typ: event.Uint, bits: v}
	}
	return constant{typ: event.Int, bits: v}
}

// floatConstant keeps a float; one that is an integer becomes that, so that 3.0 and 3 are the same filter.
func floatConstant(v float64) constant {
	switch {
	case v != math.Trunc(v) || math.IsInf(v, 0):
	case v >= -(1<<63) && v < 1<<63:
		return constant{typ: event.Int, bits: uint64(int64(v))}
	case v >= 0 && v < 1<<64:
		return constant{typ: event.Uint, bits: uint64(v)}
	}
	return constant{typ: event.Float, bits: math.Float64bits(v)}
}

// append spells the constant.
func (c constant) append(dst []byte) []byte {
	switch c.typ {
	case event.String:
		return appendQuoted(dst, c.text)
	case event.Int:
		return strconv.AppendInt(dst, int64(c.bits), 10)
	case event.Uint:
		return strconv.AppendUint(dst, c.bits, 10)
	case event.Float:
		n := len(dst)
		dst = strconv.AppendFloat(dst, math.Float64frombits(c.bits), 'g', -1, 64)
		if !bytes.ContainsAny(dst[n:], ".e") {
			dst = append(dst, ".0"...)
		}
		return dst
	case event.Bool:
		return strconv.AppendBool(dst, c.bits != 0)
	case event.Time:
		dst = append(dst, `date("`...)
		dst = time.Unix(0, int64(c.bits)).UTC().AppendFormat(dst, time.RFC3339Nano)
		return append(dst, `")`...)
	case event.IP:
		dst = append(dst, '"')
		dst = netip.AddrFrom16(c.addr).Unmap().AppendTo(dst)
		return append(dst, '"')
	default:
		dst = append(dst, '"')
		dst = c.prefix.AppendTo(dst)
		return append(dst, '"')
	}
}

// key is the value as a Need gives it.
func (c constant) key() []byte {
	switch c.typ {
	case event.String:
		return []byte(c.text)
	case event.IP:
		return c.addr[:]
	default:
		return binary.LittleEndian.AppendUint64(nil, c.bits)
	}
}

// appendQuoted spells a text as expr-lang reads it; one that is no UTF-8 as a bytes literal.
func appendQuoted(dst []byte, text string) []byte {
	raw := !utf8.ValidString(text)
	if raw {
		dst = append(dst, 'b')
	}
	dst = append(dst, '"')
	const hex = "0123456789abcdef"
	for i := range len(text) {
		switch c := text[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c < 0x20 || c == 0x7f || raw && c >= utf8.RuneSelf:
			dst = append(dst, '\\', 'x', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// parseTime reads an instant: RFC 3339, or a day in UTC.
func parseTime(text string) (ns int64, reason string) {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t, err = time.Parse(time.DateOnly, text)
	}
	if err != nil {
		return 0, "want an instant as in \"2026-01-02T15:04:05Z\", or a day as in \"2026-01-02\""
	}
	if year := t.Year(); year < 1678 || year > 2261 {
		return 0, "the instant is outside the years 1678 to 2261"
	}
	return t.UnixNano(), ""
}

// parsePrefix reads a network or a single address. Networks inside the v4-mapped range become IPv4 ones.
func parsePrefix(text string) (p netip.Prefix, ok bool) {
	if !strings.Contains(text, "/") {
		a, err := netip.ParseAddr(text)
		if err != nil || a.Zone() != "" {
			return p, false
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, false
	}
	if p.Addr().Is4In6() {
		if p.Bits() < 96 {
			return p.Masked(), true // reaches beyond the mapped range: a network of IPv6 addresses
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), true
}

// isMAC reports whether the field holds hardware addresses.
func isMAC(f *event.Field) bool { return f != nil && strings.HasSuffix(f.Name, ".mac") }

// canonicalMAC writes a hardware address in the form of the schema: upper case, hyphens (RFC 7042).
func canonicalMAC(text string) (string, bool) {
	hw, err := net.ParseMAC(text)
	if err != nil {
		return "", false
	}
	return strings.ToUpper(strings.ReplaceAll(hw.String(), ":", "-")), true
}

// canonicalMACPart does so for a piece of one, such as "00:1a:2b"; other texts stay as they are.
func canonicalMACPart(text string) string {
	for i := range len(text) {
		c := text[i]
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' || c == ':' || c == '-') {
			return text
		}
	}
	return strings.ToUpper(strings.ReplaceAll(text, ":", "-"))
}

// unique drops repeated constants, keeping the first.
func unique(list []constant) []constant {
	seen := make(map[constant]bool, len(list))
	out := list[:0]
	for _, c := range list {
		if !seen[c] {
			seen[c] = true
			out = append(out, c)
		}
	}
	return out
}

// compareNumbers orders two numbers of any numeric types exactly; ok is false when one is not a number.
func compareNumbers(at event.Type, a uint64, bt event.Type, b uint64) (order int, ok bool) {
	if at == event.Float || bt == event.Float {
		return compareFloats(at, a, bt, b)
	}
	aNeg, bNeg := at != event.Uint && int64(a) < 0, bt != event.Uint && int64(b) < 0
	switch {
	case aNeg != bNeg && aNeg:
		return -1, true
	case aNeg != bNeg:
		return 1, true
	case aNeg:
		return cmp.Compare(int64(a), int64(b)), true
	default:
		return cmp.Compare(a, b), true
	}
}

func compareFloats(at event.Type, a uint64, bt event.Type, b uint64) (order int, ok bool) {
	if at != event.Float {
		order, ok = compareFloats(bt, b, at, a)
		return -order, ok
	}
	x := math.Float64frombits(a)
	if math.IsNaN(x) {
		return 0, false
	}
	if bt == event.Float {
		y := math.Float64frombits(b)
		return cmp.Compare(x, y), !math.IsNaN(y)
	}
	// Compare the whole part as an integer; only when that is equal does the fraction decide.
	low, high := -float64(1<<63), float64(1<<63)
	if bt == event.Uint {
		low, high = 0, 1<<64
	}
	switch {
	case x < low:
		return -1, true
	case x >= high:
		return 1, true
	}
	whole := math.Trunc(x)
	if bt == event.Uint {
		order = cmp.Compare(uint64(whole), b)
	} else {
		order = cmp.Compare(int64(whole), int64(b))
	}
	if order == 0 {
		order = cmp.Compare(x, whole)
	}
	return order, true
}
