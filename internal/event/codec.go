package event

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"
)

// The encoding of a batch, version 1. All lengths are checked against the bytes at hand before anything is allocated.
//
//	magic "tcb1", kind byte, backfill byte 0 or 1, rows uvarint
//	number of source ranges uvarint, each: id (length, bytes), from varint, to varint
//	number of columns uvarint, each: field number uvarint, type byte, form byte, length uvarint, then
//	  form 0 plain, every row has a value   form 1 plain, a presence bitmap first   form 2 dictionary
//	  numbers: delta to the one before, zigzag varint
//	  addresses: byte 4 or 16, then so many bytes each
//	  strings: lengths uvarint, then all bytes
//	  dictionary: number of values uvarint, values, byte 1, 2 or 4, then so many bytes a row, little endian
//	labels: number of entries uvarint; where not 0: entries a row uvarint, names, key codes uvarint, values
const magic = "tcb1"

const (
	formFull byte = iota
	formSparse
	formDict
)

// ErrCorrupt is wrapped by every error of Decode that means the bytes are not a batch.
var ErrCorrupt = errors.New("not a batch")

// Append encodes b behind dst. Partition and Sequence are not part of the encoding: they are the journal's to say.
func (b *Batch) Append(dst []byte) []byte {
	dst = append(dst, magic...)
	dst = append(dst, byte(b.Kind), 0)
	if b.Backfill {
		dst[len(dst)-1] = 1
	}
	dst = binary.AppendUvarint(dst, uint64(b.Rows))
	dst = binary.AppendUvarint(dst, uint64(len(b.Sources)))
	for _, s := range b.Sources {
		dst = binary.AppendUvarint(dst, uint64(len(s.ID)))
		dst = append(dst, s.ID...)
		dst = binary.AppendVarint(dst, s.From)
		dst = binary.AppendVarint(dst, s.To)
	}
	dst = binary.AppendUvarint(dst, uint64(len(b.columns)))
	for i := range b.columns {
		c := &b.columns[i]
		dst = binary.AppendUvarint(dst, uint64(c.Field.ID))
		form := formFull
		if c.Codes != nil {
			form = formDict
		} else if c.Present != nil {
			form = formSparse
		}
		dst = append(dst, byte(c.Field.Type), form)
		at := len(dst)
		dst = c.append(append(dst, make([]byte, lengthRoom)...), form, b.Rows)
		dst = slices.Delete(dst, at+binary.PutUvarint(dst[at:], uint64(len(dst)-at-lengthRoom)), at+lengthRoom)
	}
	return b.Labels.append(dst, b.Rows)
}

// lengthRoom is what is kept free for the length of a column, which is known when all of it stands behind.
const lengthRoom = binary.MaxVarintLen32

func (c *Column) append(dst []byte, form byte, rows int) []byte {
	switch form {
	case formSparse:
		for _, word := range c.Present[:(rows+63)/64] {
			dst = binary.LittleEndian.AppendUint64(dst, word)
		}
	case formDict:
		dst = binary.AppendUvarint(dst, uint64(c.Len()))
	}
	switch c.Field.Type {
	case String:
		dst = c.Strs.append(dst)
	case IP:
		dst = appendIPs(dst, c.IPs)
	default:
		dst = appendNums(dst, c.Nums)
	}
	if form == formDict {
		dst = appendCodes(dst, c.Codes, c.Len())
	}
	return dst
}

// appendNums is binary.AppendVarint for the difference of each to the one before, with one look at the room.
func appendNums(dst []byte, nums []int64) []byte {
	n, prev := len(dst), int64(0)
	dst = slices.Grow(dst, len(nums)*binary.MaxVarintLen64)
	dst = dst[:cap(dst)]
	for _, v := range nums {
		d := v - prev
		prev = v
		u := uint64(d)<<1 ^ uint64(d>>63)
		for ; u >= 0x80; u >>= 7 {
			dst[n] = byte(u) | 0x80
			n++
		}
		dst[n] = byte(u)
		n++
	}
	return dst[:n]
}

func (s *Strings) append(dst []byte) []byte {
	prev := uint32(0)
	for _, end := range s.Ends {
		dst = binary.AppendUvarint(dst, uint64(end-prev))
		prev = end
	}
	return append(dst, s.Bytes[:prev]...)
}

func appendIPs(dst []byte, ips [][16]byte) []byte {
	for i := range ips {
		if !mapped(&ips[i]) {
			dst = append(slices.Grow(dst, 1+16*len(ips)), 16)
			for k := range ips {
				dst = append(dst, ips[k][:]...)
			}
			return dst
		}
	}
	dst = append(slices.Grow(dst, 1+4*len(ips)), 4)
	for i := range ips {
		dst = append(dst, ips[i][12:]...)
	}
	return dst
}

// mapped reports whether ip is an IPv4 address in its v4-mapped form (RFC 4291 section 2.5.5.2).
func mapped(ip *[16]byte) bool {
	return binary.BigEndian.Uint64(ip[:8]) == 0 && binary.BigEndian.Uint32(ip[8:12]) == 0xffff
}

func appendCodes(dst []byte, codes []uint32, values int) []byte {
	width := codeWidth(values)
	dst = slices.Grow(dst, 1+width*len(codes))
	switch width {
	case 1:
		dst = append(dst, 1)
		for _, c := range codes {
			dst = append(dst, byte(c))
		}
	case 2:
		dst = append(dst, 2)
		for _, c := range codes {
			dst = binary.LittleEndian.AppendUint16(dst, uint16(c))
		}
	default:
		dst = append(dst, 4)
		for _, c := range codes {
			dst = binary.LittleEndian.AppendUint32(dst, c)
		}
	}
	return dst
}

func codeWidth(values int) int {
	switch n := bits.Len(uint(max(values-1, 0))); {
	case n <= 8:
		return 1
	case n <= 16:
		return 2
	default:
		return 4
	}
}

func (l *Labels) append(dst []byte, rows int) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(l.Keys)))
	if len(l.Keys) == 0 {
		return dst
	}
	prev := uint32(0)
	for _, end := range l.Ends[:rows] {
		dst = binary.AppendUvarint(dst, uint64(end-prev))
		prev = end
	}
	dst = binary.AppendUvarint(dst, uint64(l.Names.Len()))
	dst = l.Names.append(dst)
	for _, k := range l.Keys {
		dst = binary.AppendUvarint(dst, uint64(k))
	}
	return l.Vals.append(dst)
}

// Decode reads a batch that Append wrote. The batch points into data, which must not be changed afterwards. Columns of
// fields that this version does not know are passed over. Foul input gives an error that wraps ErrCorrupt and costs
// memory in proportion to the length of data alone.
func Decode(data []byte) (b *Batch, err error) {
	d := &decoder{rest: data}
	if string(d.bytes(len(magic))) != magic {
		return nil, fmt.Errorf("no magic: %w", ErrCorrupt)
	}
	kind, backfill := Kind(d.byte()), d.byte()
	rows := d.count(MaxRows)
	sources := make([]SourceRange, 0, 1)
	for n := d.count(len(d.rest)); n > 0 && d.err == nil; n-- {
		sources = append(sources, SourceRange{ID: string(d.bytes(d.count(len(d.rest)))), From: d.varint(), To: d.varint()})
	}
	if len(sources) == 0 {
		sources = nil
	}
	n := d.count(int(MaxFieldID))
	columns := make([]Column, 0, n)
	var seen [MaxFieldID + 1]bool
	for range n {
		c, ok := d.column(rows)
		if d.err != nil {
			return nil, d.err
		}
		if ok && seen[c.Field.ID] {
			return nil, fmt.Errorf("field %d twice: %w", c.Field.ID, ErrCorrupt)
		}
		if ok {
			seen[c.Field.ID] = true
			columns = append(columns, c)
		}
	}
	labels := d.labels(rows)
	if d.err == nil && len(d.rest) > 0 {
		d.fail("bytes left over")
	}
	if d.err != nil {
		return nil, d.err
	}
	b = NewBatch(kind, rows, columns, labels)
	b.Sources, b.Backfill = sources, backfill != 0
	return b, nil
}

// A decoder takes values off the front of rest. After the first fault it yields zeros and keeps the fault.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) fail(what string) {
	if d.err == nil {
		d.err = fmt.Errorf("%s, %d bytes before the end: %w", what, len(d.rest), ErrCorrupt)
	}
	d.rest = nil
}

func (d *decoder) byte() byte {
	if len(d.rest) == 0 {
		d.fail("cut short")
		return 0
	}
	v := d.rest[0]
	d.rest = d.rest[1:]
	return v
}

func (d *decoder) bytes(n int) []byte {
	if n < 0 || n > len(d.rest) {
		d.fail("cut short")
		return nil
	}
	v := d.rest[:n:n]
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.fail("bad number")
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.rest)
	if n <= 0 {
		d.fail("bad number")
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

// count reads a number that must not exceed limit.
func (d *decoder) count(limit int) int {
	v := d.uvarint()
	if v > uint64(limit) {
		d.fail("number too large")
		return 0
	}
	return int(v)
}

// column reads one column; false when the field is not known to this version.
func (d *decoder) column(rows int) (c Column, ok bool) {
	id := FieldID(d.count(1 << 15))
	typ, form := Type(d.byte()), d.byte()
	body := decoder{rest: d.bytes(d.count(len(d.rest)))}
	field, known := FieldByID(id)
	if d.err != nil || !known || len(field.Any) > 0 {
		return c, false
	}
	if typ != field.Type || form > formDict {
		d.fail("column of another type")
		return c, false
	}
	c.Field = field
	values := rows
	switch form {
	case formSparse:
		c.Present = make(Bits, 0, (rows+63)/64)
		for words := body.bytes((rows + 63) / 64 * 8); len(words) > 0; words = words[8:] {
			c.Present = append(c.Present, binary.LittleEndian.Uint64(words))
		}
	case formDict:
		if values = body.count(MaxRows + 1); values == 0 {
			body.fail("dictionary without place holder")
		}
	}
	body.values(&c, values)
	if form == formDict {
		c.Codes = body.codes(rows, values)
	}
	if body.err == nil && len(body.rest) > 0 {
		body.fail("bytes left over in a column")
	}
	if body.err != nil {
		d.err = fmt.Errorf("field %s: %w", field.Name, body.err)
	}
	return c, true
}

func (d *decoder) values(c *Column, n int) {
	switch c.Field.Type {
	case String:
		c.Strs = d.strings(n)
	case IP:
		c.IPs = d.ips(n)
	default:
		if n > len(d.rest) { // a number takes a byte or more
			d.fail("cut short")
			return
		}
		c.Nums = d.nums(n)
	}
}

// nums reads what appendNums wrote. Most differences are small.
func (d *decoder) nums(n int) []int64 {
	nums, rest, sum := make([]int64, n), d.rest, int64(0)
	for i := range nums {
		var u uint64
		if len(rest) > 0 && rest[0] < 0x80 {
			u, rest = uint64(rest[0]), rest[1:]
		} else {
			v, size := binary.Uvarint(rest)
			if size <= 0 {
				d.fail("bad number")
				return nil
			}
			u, rest = v, rest[size:]
		}
		sum += int64(u>>1) ^ -int64(u&1)
		nums[i] = sum
	}
	d.rest = rest
	return nums
}

func (d *decoder) strings(n int) (s Strings) {
	if n > len(d.rest) {
		d.fail("cut short")
		return s
	}
	s.Ends = make([]uint32, n)
	end := 0
	for i := range s.Ends {
		end += d.count(len(d.rest))
		if end > len(d.rest) {
			d.fail("string longer than the data")
			return Strings{}
		}
		s.Ends[i] = uint32(end)
	}
	s.Bytes = d.bytes(end)
	return s
}

func (d *decoder) ips(n int) [][16]byte {
	width := int(d.byte())
	if width != 4 && width != 16 {
		d.fail("address that is neither 4 nor 16 bytes")
		return nil
	}
	raw := d.bytes(n * width)
	if d.err != nil {
		return nil
	}
	ips := make([][16]byte, n)
	for i := range ips {
		if width == 4 {
			ips[i] = [16]byte{10: 0xff, 11: 0xff, 12: raw[4*i], 13: raw[4*i+1], 14: raw[4*i+2], 15: raw[4*i+3]}
		} else {
			ips[i] = [16]byte(raw[16*i:])
		}
	}
	return ips
}

func (d *decoder) codes(rows, values int) []uint32 {
	width := int(d.byte())
	if width != 1 && width != 2 && width != 4 {
		d.fail("bad width of codes")
		return nil
	}
	raw := d.bytes(rows * width)
	if d.err != nil {
		return nil
	}
	codes, highest := make([]uint32, rows), uint32(0)
	for i := range codes {
		switch width {
		case 1:
			codes[i] = uint32(raw[i])
		case 2:
			codes[i] = uint32(binary.LittleEndian.Uint16(raw[2*i:]))
		default:
			codes[i] = binary.LittleEndian.Uint32(raw[4*i:])
		}
		highest = max(highest, codes[i])
	}
	if highest >= uint32(values) {
		d.fail("code beyond the dictionary")
		return nil
	}
	return codes
}

func (d *decoder) labels(rows int) (l Labels) {
	entries := d.count(len(d.rest))
	if entries == 0 || d.err != nil {
		return l
	}
	if rows > len(d.rest) {
		d.fail("cut short")
		return l
	}
	l.Ends = make([]uint32, rows)
	total := 0
	for i := range l.Ends {
		if total += d.count(MaxLabels); total > entries {
			d.fail("more labels than entries")
			return Labels{}
		}
		l.Ends[i] = uint32(total)
	}
	if total != entries {
		d.fail("labels without a row")
		return Labels{}
	}
	l.Names = d.strings(d.count(len(d.rest)))
	l.Keys = make([]uint32, 0, min(entries, len(d.rest)))
	for range entries {
		k := d.count(MaxRows * MaxLabels)
		if d.err != nil || k >= l.Names.Len() {
			d.fail("label without a name")
			return Labels{}
		}
		l.Keys = append(l.Keys, uint32(k))
	}
	l.Vals = d.strings(entries)
	return l
}
