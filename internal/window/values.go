package window

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"net/netip"

	"tocsin/internal/event"
)

// A Use says what the values of a field are taken for.
type Use uint8

// The uses.
const (
	Rows   Use = iota // the row itself counts; the field, if any, must be there
	Addend            // to be added up: clamped to MaxAddend either way
	Extent            // to be compared
	Member            // to be told apart: a fingerprint of the value
)

// MaxAddend bounds one addend, so that the sum of a thousand of them is exact: 4.5e15, which is 4.5 petabytes.
const MaxAddend = 1 << 52

// scale is what values of float fields are multiplied by to become whole numbers, which add up the same in any order.
const scale = 1e6

// Values reads one whole number out of each row.
type Values struct {
	use    Use
	field  *event.Field // nil with a label or without a field
	label  string
	column *event.Column
	none   bool
	plain  []int64 // of a column of numbers that every row has
	memo   []int64 // fingerprints by dictionary code
	known  event.Bits
}

// NewValues takes a field or a label; neither is fine for Rows.
func NewValues(use Use, field *event.Field, label string) *Values {
	return &Values{use: use, field: field, label: label}
}

// Scale returns what the numbers have to be multiplied by to be values of the field again.
func (v *Values) Scale() float64 {
	if v.field != nil && v.field.Type == event.Float && v.use != Member {
		return 1 / scale
	}
	return 1
}

// Bind makes b the batch that At looks at.
func (v *Values) Bind(b *event.Batch) {
	v.column, v.none, v.plain = nil, false, nil
	switch {
	case v.field != nil:
		v.column = b.Column(v.field.ID)
	case v.label != "":
		v.column = b.LabelColumn(v.label)
	default:
		return
	}
	v.none = v.column == nil
	if c := v.column; c != nil && c.Codes == nil && c.Present == nil && (v.use == Addend || v.use == Extent) && (c.Field.Type == event.Int || c.Field.Type == event.Uint) {
		v.plain = c.Nums
	}
	if v.none || v.use != Member || v.column.Codes == nil {
		return
	}
	n := v.column.Len()
	if n > cap(v.memo) {
		v.memo = make([]int64, n)
	}
	v.memo = v.memo[:n]
	if words := (n + 63) / 64; words > cap(v.known) {
		v.known = event.NewBits(n)
	} else {
		v.known = v.known[:words]
		clear(v.known)
	}
}

// At returns the number of a row; false when the row lacks the field.
func (v *Values) At(row int32) (n int64, ok bool) {
	if v.plain != nil {
		if n = v.plain[row]; uint64(n) <= MaxAddend {
			return n, true
		}
	}
	return v.at(row)
}

// at is At of whatever is not a number of common size.
func (v *Values) at(row int32) (n int64, ok bool) {
	if v.none {
		return 0, false
	}
	c := v.column
	if c == nil {
		return 0, true
	}
	i, ok := c.Value(int(row))
	if !ok {
		return 0, false
	}
	switch v.use {
	case Rows:
		return 0, true
	case Member:
		if c.Codes == nil {
			return fingerprint(c, i), true
		}
		if !v.known.Get(i) {
			v.known.Set(i)
			v.memo[i] = fingerprint(c, i)
		}
		return v.memo[i], true
	}
	switch c.Field.Type {
	case event.Float:
		f := c.Float(i) * scale
		if math.IsNaN(f) {
			return 0, false
		}
		n = int64(min(max(f, -MaxAddend), MaxAddend))
	case event.Uint:
		n = int64(min(c.Uint(i), math.MaxInt64))
	default:
		n = c.Int(i)
	}
	if v.use == Addend {
		n = min(max(n, -MaxAddend), MaxAddend)
	}
	return n, true
}

// fingerprint is the value itself for numbers and IPv4 addresses, and 64 bits of SHA-256 for all else, which a sender
// cannot choose to fall together.
func fingerprint(c *event.Column, i int) int64 {
	switch c.Field.Type {
	case event.String:
		sum := sha256.Sum256(c.Str(i))
		return int64(binary.LittleEndian.Uint64(sum[:]))
	case event.IP:
		ip := c.IP(i)
		if netip.AddrFrom16(ip).Is4In6() {
			return int64(binary.BigEndian.Uint32(ip[12:]))
		}
		sum := sha256.Sum256(ip[:])
		return int64(binary.LittleEndian.Uint64(sum[:]))
	default:
		return c.Nums[i]
	}
}
