package history

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"slices"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"tocsin/internal/event"
)

func le64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

// A pager turns stretches of a column into Parquet data pages (version 2). It keeps its buffers between pages; one
// goroutine uses it at a time.
type pager struct {
	zstd *zstd.Encoder

	levels []byte // encoded repetition and definition levels
	raw    []byte // encoded values
	packed []byte // compressed values
	header []byte
	futile bool // the page before this one, of the same chunk, did not get smaller

	small []uint8  // levels, one a byte
	codes []int32  // of the values that are there
	nums  []int64  // likewise
	ends  []uint32 // likewise, with a leading 0
	text  []byte
}

func newPager() (*pager, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(1<<20))
	if err != nil {
		return nil, fmt.Errorf("make compressor: %w", err)
	}
	return &pager{zstd: enc}, nil
}

// A rawPage is a page that is ready to be written: the header, then levels and values.
type rawPage struct {
	header, levels, values []byte
	rows                   int
	plain                  int // bytes it would take uncompressed, header included
}

func (p *rawPage) size() int { return len(p.header) + len(p.levels) + len(p.values) }

// column encodes rows from up to to of a column. The page is good until the next call.
func (p *pager) column(c *event.Column, from, to int) (rawPage, error) {
	nulls := p.defineLevels(c, from, to)
	var (
		enc format.Encoding
		err error
	)
	switch {
	case c.Codes != nil && c.Len() == 2: // one run of the only value, which takes no bits
		enc = format.RLEDictionary
		p.raw = binary.AppendUvarint(append(p.raw[:0], 0), uint64(to-from-nulls)<<1)
	case c.Codes != nil:
		p.codes = slices.Grow(p.codes[:0], to-from)
		for _, code := range c.Codes[from:to] {
			if code != 0 {
				p.codes = append(p.codes, int32(code-1))
			}
		}
		enc = format.RLEDictionary
		p.raw, err = (&rle.DictionaryEncoding{}).EncodeInt32(p.raw, p.codes)
	case c.Field.Type == event.String:
		enc = format.DeltaLengthByteArray
		err = p.encodeText(c, from, to, nulls)
	case c.Field.Type == event.IP:
		enc = format.Plain
		p.raw = p.raw[:0]
		for row := from; row < to; row++ {
			if nulls == 0 || c.Present.Get(row) {
				p.raw = append(p.raw, c.IPs[row][:]...)
			}
		}
	default:
		enc, err = p.encodeNums(c, from, to, nulls)
	}
	if err != nil {
		return rawPage{}, fmt.Errorf("encode page of %s: %w", c.Field.Name, err)
	}
	return p.finish(enc, to-from, to-from, nulls, 0)
}

// defineLevels encodes which rows have a value and returns how many have none.
func (p *pager) defineLevels(c *event.Column, from, to int) (nulls int) {
	p.small = p.small[:0]
	switch {
	case c.Codes != nil:
		for _, code := range c.Codes[from:to] {
			if code == 0 {
				nulls++
			}
		}
	case c.Present != nil:
		for row := from; row < to; row++ {
			if !c.Present.Get(row) {
				nulls++
			}
		}
	}
	if n := to - from; nulls == 0 || nulls == n {
		level := byte(1)
		if nulls > 0 {
			level = 0
		}
		p.levels = append(binary.AppendUvarint(p.levels[:0], uint64(n)<<1), level)
		return nulls
	}
	for row := from; row < to; row++ {
		level := uint8(0)
		if c.Has(row) {
			level = 1
		}
		p.small = append(p.small, level)
	}
	p.levels = encodeLevels(p.levels[:0], p.small)
	return nulls
}

// encodeLevels appends levels of 0 and 1 as one bit-packed run (Parquet: RLE / bit-packing hybrid).
func encodeLevels(dst []byte, levels []uint8) []byte {
	groups := (len(levels) + 7) / 8
	dst = binary.AppendUvarint(dst, uint64(groups)<<1|1)
	for i := 0; i < len(levels); i += 8 {
		b := byte(0)
		for j, l := range levels[i:min(i+8, len(levels))] {
			b |= l << j
		}
		dst = append(dst, b)
	}
	return dst
}

func (p *pager) encodeText(c *event.Column, from, to, nulls int) (err error) {
	first, last := textRange(&c.Strs, from, to)
	text := c.Strs.Bytes[first:last]
	p.ends = append(p.ends[:0], 0)
	if nulls == 0 {
		for _, end := range c.Strs.Ends[from:to] {
			p.ends = append(p.ends, end-first)
		}
	} else {
		p.text = p.text[:0]
		for row := from; row < to; row++ {
			if c.Has(row) {
				p.text = append(p.text, c.Strs.At(row)...)
				p.ends = append(p.ends, uint32(len(p.text)))
			}
		}
		text = p.text
	}
	if len(p.ends) == 1 {
		p.raw = p.raw[:0]
		return nil
	}
	p.raw, err = (&delta.LengthByteArrayEncoding{}).EncodeByteArray(p.raw, text, p.ends)
	return err
}

func (p *pager) encodeNums(c *event.Column, from, to, nulls int) (enc format.Encoding, err error) {
	nums := c.Nums[from:to]
	if nulls > 0 {
		p.nums = p.nums[:0]
		for row := from; row < to; row++ {
			if c.Has(row) {
				p.nums = append(p.nums, c.Nums[row])
			}
		}
		nums = p.nums
	}
	p.raw = p.raw[:0]
	if len(nums) == 0 {
		return format.Plain, nil
	}
	switch c.Field.Type {
	case event.Bool:
		p.raw = append(p.raw, make([]byte, (len(nums)+7)/8)...)
		for i, n := range nums {
			if n != 0 {
				p.raw[i/8] |= 1 << (i % 8)
			}
		}
		return format.Plain, nil
	case event.Float:
		for _, n := range nums {
			p.raw = binary.LittleEndian.AppendUint64(p.raw, uint64(n))
		}
		return format.Plain, nil
	default:
		p.raw, err = (&delta.BinaryPackedEncoding{}).EncodeInt64(p.raw, nums)
		return format.DeltaBinaryPacked, err
	}
}

// finish compresses what is in raw, unless the page before shows that it is no use, and puts the header before it. values counts the
// levels, nulls those without a value, and repeated says how many bytes of the levels are repetition levels.
func (p *pager) finish(enc format.Encoding, values, rows, nulls, repeated int) (rawPage, error) {
	body, compressed := p.raw, false
	if len(p.raw) > 64 && !p.futile {
		p.packed = p.zstd.EncodeAll(p.raw, p.packed[:0])
		if len(p.packed) < len(p.raw)-len(p.raw)/64 { // less is not worth unpacking
			body, compressed = p.packed, true
		}
		p.futile = !compressed && enc != format.DeltaLengthByteArray // one text says little of another
	}
	plain, size := len(p.levels)+len(p.raw), len(p.levels)+len(body)
	if plain > math.MaxInt32 {
		return rawPage{}, fmt.Errorf("page of %d bytes is too large", plain)
	}
	sum := crc32.Update(crc32.ChecksumIEEE(p.levels), crc32.IEEETable, body)
	header := format.PageHeader{
		Type: format.DataPageV2, UncompressedPageSize: int32(plain), CompressedPageSize: int32(size), CRC: int32(sum),
		DataPageHeaderV2: thrift.New(format.DataPageHeaderV2{
			NumValues: int32(values), NumNulls: int32(nulls), NumRows: int32(rows), Encoding: enc,
			DefinitionLevelsByteLength: int32(len(p.levels) - repeated), RepetitionLevelsByteLength: int32(repeated),
			IsCompressed: thrift.New(compressed),
		}),
	}
	var err error
	if p.header, err = thrift.Marshal(&thrift.CompactProtocol{}, &header); err != nil {
		return rawPage{}, fmt.Errorf("encode page header: %w", err)
	}
	return rawPage{header: p.header, levels: p.levels, values: body, rows: rows, plain: len(p.header) + plain}, nil
}

// dictionary encodes the values of a dictionary, which come before the pages that number them.
func (p *pager) dictionary(c *event.Column) (rawPage, error) {
	p.raw, p.levels = p.raw[:0], p.levels[:0]
	n := c.Len()
	for v := 1; v < n; v++ {
		switch c.Field.Type {
		case event.String:
			s := c.Strs.At(v)
			p.raw = binary.LittleEndian.AppendUint32(p.raw, uint32(len(s)))
			p.raw = append(p.raw, s...)
		case event.IP:
			p.raw = append(p.raw, c.IPs[v][:]...)
		default:
			p.raw = binary.LittleEndian.AppendUint64(p.raw, uint64(c.Nums[v]))
		}
	}
	p.packed = p.zstd.EncodeAll(p.raw, p.packed[:0]) // a dictionary page has no flag for "as it is"
	header := format.PageHeader{
		Type: format.DictionaryPage, UncompressedPageSize: int32(len(p.raw)), CompressedPageSize: int32(len(p.packed)),
		CRC:                  int32(crc32.ChecksumIEEE(p.packed)),
		DictionaryPageHeader: thrift.New(format.DictionaryPageHeader{NumValues: int32(n - 1), Encoding: format.Plain}),
	}
	var err error
	if p.header, err = thrift.Marshal(&thrift.CompactProtocol{}, &header); err != nil {
		return rawPage{}, fmt.Errorf("encode dictionary header of %s: %w", c.Field.Name, err)
	}
	return rawPage{header: p.header, values: p.packed, plain: len(p.header) + len(p.raw)}, nil
}

// labels encodes the keys or the values of the labels of rows from up to to.
func (p *pager) labels(l *event.Labels, keys bool, from, to int) (page rawPage, values, nulls int, err error) {
	var repeat, define []uint8
	p.codes, p.ends, p.text = p.codes[:0], append(p.ends[:0], 0), p.text[:0]
	for row := from; row < to; row++ {
		first, last := l.Of(row)
		if first == last {
			repeat, define = append(repeat, 0), append(define, 0)
			nulls++
			continue
		}
		for e := first; e < last; e++ {
			level := uint8(1)
			if e == first {
				level = 0
			}
			repeat, define = append(repeat, level), append(define, 1)
			if keys {
				p.codes = append(p.codes, int32(l.Keys[e]))
				continue
			}
			p.text = append(p.text, l.Vals.At(e)...)
			p.ends = append(p.ends, uint32(len(p.text)))
		}
	}
	p.levels = encodeLevels(p.levels[:0], repeat)
	repeated := len(p.levels)
	p.levels = encodeLevels(p.levels, define)
	enc := format.DeltaLengthByteArray
	p.raw = p.raw[:0]
	switch {
	case keys && len(p.codes) > 0:
		enc = format.RLEDictionary
		p.raw, err = (&rle.DictionaryEncoding{}).EncodeInt32(p.raw, p.codes)
	case !keys && len(p.ends) > 1:
		p.raw, err = (&delta.LengthByteArrayEncoding{}).EncodeByteArray(p.raw, p.text, p.ends)
	}
	if err != nil {
		return page, 0, 0, fmt.Errorf("encode page of labels: %w", err)
	}
	page, err = p.finish(enc, len(repeat), to-from, nulls, repeated)
	return page, len(repeat), nulls, err
}
