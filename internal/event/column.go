package event

import (
	"math"
	"net/netip"
)

// Bits is a set of row numbers, one bit each.
type Bits []uint64

// NewBits returns an empty set that can hold the numbers below n.
func NewBits(n int) Bits { return make(Bits, (n+63)/64) }

// Get reports whether i is in the set.
func (b Bits) Get(i int) bool { return b[i>>6]>>(uint(i)&63)&1 != 0 }

// Set puts i in the set.
func (b Bits) Set(i int) { b[i>>6] |= 1 << (uint(i) & 63) }

// Strings is a list of byte strings laid end to end. The zero Strings is an empty list.
type Strings struct {
	Ends  []uint32 // where value i ends in Bytes; it begins where value i-1 ends
	Bytes []byte
}

// Len returns the number of values.
func (s *Strings) Len() int { return len(s.Ends) }

// At returns value i. The slice points into the list: it must not be changed, and lives as long as the list.
func (s *Strings) At(i int) []byte {
	from := uint32(0)
	if i > 0 {
		from = s.Ends[i-1]
	}
	return s.Bytes[from:s.Ends[i]:s.Ends[i]]
}

// Append puts a copy of v at the end.
func (s *Strings) Append(v []byte) {
	s.Bytes = append(s.Bytes, v...)
	s.Ends = append(s.Ends, uint32(len(s.Bytes)))
}

// truncate drops all values from n on.
func (s *Strings) truncate(n int) {
	if n >= len(s.Ends) {
		return
	}
	end := uint32(0)
	if n > 0 {
		end = s.Ends[n-1]
	}
	s.Ends, s.Bytes = s.Ends[:n], s.Bytes[:end]
}

// A Column holds the values of one field for all rows of a batch, in one of two forms.
//
// Plain (Codes is nil): row i holds value i, unless Present says that the row has none.
//
// Dictionary-coded: row i holds value Codes[i]. Value 0 is a place holder that stands for "missing" in every such column,
// so a predicate evaluated once for each value needs no second look at the rows.
//
// Which of the slices holds the values follows from the type of the field.
type Column struct {
	Field   *Field
	Codes   []uint32
	Present Bits // plain form only; nil means that every row has a value
	Nums    []int64
	IPs     [][16]byte
	Strs    Strings
}

// Len returns the number of values, the place holder of a dictionary included.
func (c *Column) Len() int {
	switch c.Field.Type {
	case String:
		return c.Strs.Len()
	case IP:
		return len(c.IPs)
	default:
		return len(c.Nums)
	}
}

// Value returns the number of the value that a row holds; false when the row has none.
func (c *Column) Value(row int) (v int, ok bool) {
	if c.Codes != nil {
		v = int(c.Codes[row])
		return v, v != 0
	}
	return row, c.Present == nil || c.Present.Get(row)
}

// Has reports whether a row has a value.
func (c *Column) Has(row int) bool {
	_, ok := c.Value(row)
	return ok
}

// Int returns value v of an Int, Time or Bool column (Bool as 0 or 1).
func (c *Column) Int(v int) int64 { return c.Nums[v] }

// Uint returns value v of a Uint column.
func (c *Column) Uint(v int) uint64 { return uint64(c.Nums[v]) }

// Float returns value v of a Float column.
func (c *Column) Float(v int) float64 { return math.Float64frombits(uint64(c.Nums[v])) }

// Bool returns value v of a Bool column.
func (c *Column) Bool(v int) bool { return c.Nums[v] != 0 }

// Str returns value v of a String column. It must not be changed.
func (c *Column) Str(v int) []byte { return c.Strs.At(v) }

// IP returns value v of an IP column.
func (c *Column) IP(v int) [16]byte { return c.IPs[v] }

// Addr returns value v of an IP column, IPv4 unmapped, for people to read.
func (c *Column) Addr(v int) netip.Addr { return netip.AddrFrom16(c.IPs[v]).Unmap() }

// Number returns value v of any numeric column as a float64, which is exact up to 2^53.
func (c *Column) Number(v int) float64 {
	switch c.Field.Type {
	case Float:
		return c.Float(v)
	case Uint:
		return float64(uint64(c.Nums[v]))
	default:
		return float64(c.Nums[v])
	}
}
