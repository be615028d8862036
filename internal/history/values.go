package history

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/format"

	"tocsin/internal/event"
)

// defined unpacks which rows of the page have a value into levels, which may be left alone when all have or none has. That header and
// levels agree is looked at in any case, as the one stands under no checksum.
func (r *reader) defined(p *dataPage, rows int) (err error) {
	if n, size := binary.Uvarint(p.define); size > 0 && n == uint64(rows)<<1 && len(p.define) == size+1 { // one run of a level
		if level := p.define[size]; level == 1 && p.nulls == 0 || level == 0 && p.nulls == rows {
			return nil
		}
		return damaged("levels of a page")
	}
	if r.levels, err = (&rle.Encoding{BitWidth: 1}).DecodeLevels(r.levels, p.define); err != nil || len(r.levels) < rows {
		return damaged("levels of a page: %v", err)
	}
	have := 0
	for _, l := range r.levels[:rows] {
		have += int(l & 1)
	}
	if have != rows-p.nulls {
		return damaged("levels of a page")
	}
	return nil
}

// each calls do for every row of the page from low up to high that has a value, with the number of the value.
func (r *reader) each(p *dataPage, low, high int, do func(row, v int)) {
	if p.nulls == 0 {
		for row := low; row < high; row++ {
			do(row, row)
		}
		return
	}
	v := 0
	for row := range high {
		if r.levels[row] == 0 {
			continue
		}
		if row >= low {
			do(row, v)
		}
		v++
	}
}

// indexes unpacks n numbers of dictionary values, each below values, into codes.
func (r *reader) indexes(p *dataPage, n, values int) (err error) {
	if r.codes, err = (&rle.DictionaryEncoding{}).DecodeInt32(r.codes, p.body); err != nil {
		return damaged("codes of a page: %v", err)
	}
	for len(r.codes) < n { // trailing zeros of width 0 may be left out
		r.codes = append(r.codes, 0)
	}
	r.codes = r.codes[:n]
	for _, code := range r.codes {
		if uint32(code) >= uint32(values) {
			return damaged("code beyond its dictionary")
		}
	}
	return nil
}

// texts unpacks n strings: the text, and their ends with a leading 0 into ends.
func (r *reader) texts(p *dataPage, n int) (text []byte, err error) {
	if p.enc != format.DeltaLengthByteArray {
		return nil, damaged("text of encoding %v", p.enc)
	}
	var lengths int
	if lengths, r.nums, err = deltaLengths(r.nums, p.body); err != nil || len(r.nums) != n {
		return nil, damaged("lengths of a page: %v", err)
	}
	text = p.body[lengths:]
	r.ends = append(r.ends[:0], 0)
	sum := int64(0)
	for _, l := range r.nums {
		if sum += l; l < 0 || sum > int64(len(text)) {
			return nil, damaged("text longer than its page")
		}
		r.ends = append(r.ends, uint32(sum))
	}
	return text, nil
}

// deltaLengths unpacks the lengths before the text of a page and says how many bytes they take (Parquet:
// DELTA_BINARY_PACKED, blocks of 128 values in 4 miniblocks).
func deltaLengths(dst []int64, src []byte) (size int, _ []int64, err error) {
	dst = dst[:0]
	pos := 0
	uvarint := func() uint64 {
		v, n := binary.Uvarint(src[min(pos, len(src)):])
		if n <= 0 {
			err = io.ErrUnexpectedEOF
		}
		pos += max(n, 0)
		return v
	}
	block, minis, total, zig := uvarint(), uvarint(), uvarint(), uvarint()
	if err != nil || block != 128 || minis != 4 || total > groupRows {
		return 0, dst, errDamaged
	}
	if total == 0 {
		return pos, dst, nil
	}
	last := int64(zig>>1) ^ -int64(zig&1)
	dst = append(dst, last)
	for uint64(len(dst)) < total {
		zig = uvarint()
		low := int64(zig>>1) ^ -int64(zig&1)
		if err != nil || pos+4 > len(src) {
			return 0, dst, errDamaged
		}
		widths := src[pos : pos+4]
		pos += 4
		for _, w := range widths {
			if uint64(len(dst)) == total {
				break // miniblocks without values have no body
			}
			if w > 32 || pos+int(w)*4 > len(src) {
				return 0, dst, errDamaged
			}
			body := src[pos : pos+int(w)*4]
			pos += int(w) * 4
			n := min(32, int(total)-len(dst))
			var acc uint64
			have, at := uint(0), 0
			for range n {
				for have < uint(w) {
					acc |= uint64(body[at]) << have
					at++
					have += 8
				}
				v := acc & (1<<w - 1)
				acc >>= w
				have -= uint(w)
				last += low + int64(v)
				dst = append(dst, last)
			}
		}
	}
	return pos, dst, nil
}

// numbers unpacks n numbers.
func (r *reader) numbers(p *dataPage, t event.Type, n int) (_ []int64, err error) {
	switch {
	case t == event.Bool && p.enc == format.Plain && len(p.body) == (n+7)/8:
		r.nums = r.nums[:0]
		for i := range n {
			r.nums = append(r.nums, int64(p.body[i/8]>>(i%8)&1))
		}
	case p.enc == format.Plain && t != event.Bool && len(p.body) == 8*n:
		r.nums = r.nums[:0]
		for i := range n {
			r.nums = append(r.nums, int64(le64(p.body[8*i:])))
		}
	case p.enc == format.DeltaBinaryPacked:
		r.nums, err = (&delta.BinaryPackedEncoding{}).DecodeInt64(r.nums, p.body)
		if err != nil || len(r.nums) != n {
			return nil, damaged("numbers of a page: %v", err)
		}
	default:
		return nil, damaged("numbers of encoding %v", p.enc)
	}
	return r.nums, nil
}

// dictionary returns the values of a chunk, value 0 being the place holder.
func (r *reader) dictionary(c *chunk) (*event.Column, error) {
	if d := r.dicts[c]; d != nil {
		return d, nil
	}
	raw, err := r.fetch(c.dictAt, c.dictSize)
	if err != nil {
		return nil, err
	}
	p, err := r.page(raw)
	if err != nil {
		return nil, fmt.Errorf("dictionary: %w", err)
	}
	if p.values < 0 || p.values > groupRows*event.MaxLabels {
		return nil, damaged("dictionary of %d values", p.values)
	}
	typ := event.String // of labels, which have no field
	if c.field != nil {
		typ = c.field.Type
	}
	d := &event.Column{Field: c.field}
	body := p.body
	switch typ {
	case event.String:
		if p.values > len(body) {
			return nil, damaged("dictionary cut short")
		}
		d.Strs = event.Strings{Ends: make([]uint32, 1, p.values+1), Bytes: make([]byte, 0, len(body)-4*min(p.values, len(body)/4))}
		for range p.values {
			if len(body) < 4 || uint64(binary.LittleEndian.Uint32(body)) > uint64(len(body)-4) {
				return nil, damaged("dictionary cut short")
			}
			n := binary.LittleEndian.Uint32(body)
			d.Strs.Append(body[4 : 4+n])
			body = body[4+n:]
		}
	case event.IP:
		if len(body) != 16*p.values {
			return nil, damaged("dictionary of addresses")
		}
		d.IPs = make([][16]byte, p.values+1)
		for i := range p.values {
			d.IPs[i+1] = [16]byte(body[16*i:])
		}
	default:
		if len(body) != 8*p.values {
			return nil, damaged("dictionary of numbers")
		}
		d.Nums = make([]int64, 1, p.values+1)
		for ; len(body) > 0; body = body[8:] {
			d.Nums = append(d.Nums, int64(le64(body)))
		}
	}
	r.dicts[c] = d
	return d, nil
}
