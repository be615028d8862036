package history

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/bloom"
	"github.com/parquet-go/parquet-go/encoding/delta"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"tocsin/internal/event"
)

// maxPageBytes bounds what one page may unpack to.
const maxPageBytes = 1 << 30

// A reader turns pages back into columns. It keeps its buffers, and the dictionaries of the group it is at; one
// goroutine uses it at a time. What it returns is not written to again.
type reader struct {
	zstd  *zstd.Decoder
	file  io.ReaderAt
	dicts map[*chunk]*event.Column

	raw    []byte // as read
	body   []byte // unpacked
	codes  []int32
	levels []byte
	ends   []uint32
	nums   []int64
}

func newReader() (*reader, error) {
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(maxPageBytes))
	if err != nil {
		return nil, fmt.Errorf("make decompressor: %w", err)
	}
	return &reader{zstd: dec, dicts: map[*chunk]*event.Column{}}, nil
}

// at points the reader at a file; dictionaries of another are forgotten.
func (r *reader) at(file io.ReaderAt) {
	r.file = file
	clear(r.dicts)
}

// A dataPage is one page, unpacked. Its slices are good until the next page is read.
type dataPage struct {
	values  int
	nulls   int
	enc     format.Encoding
	repeat  []byte
	define  []byte
	body    []byte
	rowsAll int
}

// next takes the page at the front of raw, which begins at its header, and is size bytes long.
func (r *reader) page(raw []byte) (p dataPage, err error) {
	var h format.PageHeader
	src := (&thrift.CompactProtocol{}).NewReaderFromBytes(raw)
	if err := thrift.NewDecoder(src).Decode(&h); err != nil {
		return p, damaged("decode page header: %v", err)
	}
	rest := raw[src.BytesRead():]
	if int(h.CompressedPageSize) != len(rest) {
		return p, damaged("page of %d bytes, want %d", len(rest), h.CompressedPageSize)
	}
	if crc32.ChecksumIEEE(rest) != uint32(h.CRC) {
		return p, damaged("checksum of a page")
	}
	if h.UncompressedPageSize < 0 || h.UncompressedPageSize > maxPageBytes {
		return p, damaged("page of %d bytes", h.UncompressedPageSize)
	}
	if h.Type == format.DictionaryPage {
		p.values = int(h.DictionaryPageHeader.V.NumValues)
		p.body, err = r.unpack(rest, int(h.UncompressedPageSize))
		return p, err
	}
	v := &h.DataPageHeaderV2.V
	if h.Type != format.DataPageV2 || !h.DataPageHeaderV2.Valid {
		return p, damaged("page of type %v", h.Type)
	}
	rl, dl := int(v.RepetitionLevelsByteLength), int(v.DefinitionLevelsByteLength)
	if rl < 0 || dl < 0 || rl+dl > len(rest) || v.NumValues < 0 || v.NumNulls < 0 || v.NumNulls > v.NumValues {
		return p, damaged("page header")
	}
	p = dataPage{values: int(v.NumValues), nulls: int(v.NumNulls), enc: v.Encoding, repeat: rest[:rl], define: rest[rl : rl+dl],
		body: rest[rl+dl:], rowsAll: int(v.NumRows)}
	if compressed, ok := v.IsCompressed.Get(); compressed || !ok {
		p.body, err = r.unpack(p.body, int(h.UncompressedPageSize)-rl-dl)
	}
	return p, err
}

func (r *reader) unpack(src []byte, size int) (_ []byte, err error) {
	if size < 0 {
		return nil, damaged("page of negative size")
	}
	if len(src) == 0 {
		return nil, nil
	}
	r.body, err = r.zstd.DecodeAll(src, slices.Grow(r.body[:0], size))
	if err != nil || len(r.body) != size {
		return nil, damaged("unpack page of %d bytes: %v", size, err)
	}
	return r.body, nil
}

// fetch reads a stretch of the file; the bytes are good until the next fetch.
func (r *reader) fetch(at int64, size int) ([]byte, error) {
	if cap(r.raw) < size {
		r.raw = make([]byte, size+size/4)
	}
	r.raw = r.raw[:size]
	if _, err := r.file.ReadAt(r.raw, at); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, damaged("cut short")
		}
		return nil, fmt.Errorf("read %d bytes at %d: %w", size, at, err)
	}
	return r.raw, nil
}

// span tells which pages of a chunk hold rows from up to to.
func (c *chunk) span(from, to int) (first, last int) {
	first, _ = slices.BinarySearchFunc(c.pages, from, func(p format.PageLocation, row int) int {
		if int(p.FirstRowIndex) <= row {
			return -1
		}
		return 1
	})
	first--
	last = first
	for last+1 < len(c.pages) && int(c.pages[last+1].FirstRowIndex) < to {
		last++
	}
	return first, last
}

// column returns rows from up to to of a chunk, nil when none of them has a value. rows, when not nil, names those that
// matter, counted from from on and ascending: pages of text without any of them are not read, and their rows look empty.
func (r *reader) column(c *chunk, from, to int, rows []int32) (_ *event.Column, err error) {
	defer guard(&err)
	if c.nulls == int64(c.rows) {
		return nil, nil
	}
	col := &event.Column{Field: c.field}
	n := to - from
	var dict *event.Column
	if c.dictSize > 0 {
		if dict, err = r.dictionary(c); err != nil {
			return nil, err
		}
		col.Codes, col.Strs, col.IPs, col.Nums = make([]uint32, n), dict.Strs, dict.IPs, dict.Nums
	} else {
		if c.nulls > 0 {
			col.Present = event.NewBits(n)
		}
		switch c.field.Type {
		case event.String:
			col.Strs.Ends = make([]uint32, 0, n)
		case event.IP:
			col.IPs = make([][16]byte, n)
		default:
			col.Nums = make([]int64, n)
		}
	}
	first, last := c.span(from, to)
	for first <= last { // stretches of neighbouring pages that matter
		for first <= last && !c.matters(first, from, to, rows) {
			c.skip(col, first, from, to)
			first++
		}
		end := first
		for end <= last && c.matters(end, from, to, rows) {
			end++
		}
		if end == first {
			break
		}
		at := c.pages[first].Offset
		raw, err := r.fetch(at, int(c.pages[end-1].Offset-at)+int(c.pages[end-1].CompressedPageSize))
		if err != nil {
			return nil, err
		}
		for ; first < end; first++ {
			pl := c.pages[first]
			p, err := r.page(raw[pl.Offset-at:][:pl.CompressedPageSize])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.field.Name, err)
			}
			if err := r.fill(col, dict, &p, c, first, from, to); err != nil {
				return nil, fmt.Errorf("%s: %w", c.field.Name, err)
			}
		}
	}
	return col, nil
}

// matters reports whether a page holds one of the rows.
func (c *chunk) matters(page, from, to int, rows []int32) bool {
	if rows == nil {
		return true
	}
	first, end := max(int(c.pages[page].FirstRowIndex), from)-from, min(c.pageEnd(page), to)-from
	at, _ := slices.BinarySearch(rows, int32(first))
	return at < len(rows) && int(rows[at]) < end
}

// skip leaves the rows of a page empty.
func (c *chunk) skip(col *event.Column, page, from, to int) {
	if col.Codes != nil || c.field.Type != event.String {
		return
	}
	n := min(c.pageEnd(page), to) - max(int(c.pages[page].FirstRowIndex), from)
	for range n {
		col.Strs.Ends = append(col.Strs.Ends, uint32(len(col.Strs.Bytes)))
	}
}

// fill unpacks the rows of one page into the column.
func (r *reader) fill(col, dict *event.Column, p *dataPage, c *chunk, page, from, to int) error {
	start, end := int(c.pages[page].FirstRowIndex), c.pageEnd(page)
	rows := end - start
	if p.values != rows {
		return damaged("page of %d rows, want %d", p.values, rows)
	}
	if err := r.defined(p, rows); err != nil {
		return err
	}
	low, high := max(start, from)-start, min(end, to)-start // rows of the page that are wanted
	at := start + low - from                                // where they go
	have := rows - p.nulls
	switch {
	case have == 0:
		c.skip(col, page, from, to)
		return nil
	case dict != nil:
		return r.fillCodes(col.Codes[at:], p, dict.Len()-1, have, low, high)
	case c.field.Type == event.String:
		return r.fillText(col, p, have, low, high)
	case c.field.Type == event.IP:
		if p.enc != format.Plain || len(p.body) != 16*have {
			return damaged("page of addresses")
		}
		r.each(p, low, high, func(row, v int) {
			copy(col.IPs[at+row-low][:], p.body[16*v:])
			if col.Present != nil {
				col.Present.Set(at + row - low)
			}
		})
		return nil
	}
	nums, err := r.numbers(p, c.field.Type, have)
	if err != nil {
		return err
	}
	if p.nulls == 0 {
		copy(col.Nums[at:], nums[low:high])
		if col.Present != nil {
			for i := low; i < high; i++ {
				col.Present.Set(at + i - low)
			}
		}
		return nil
	}
	r.each(p, low, high, func(row, v int) {
		col.Nums[at+row-low] = nums[v]
		col.Present.Set(at + row - low)
	})
	return nil
}

// defined unpacks which rows of the page have a value into levels; it is left alone when all have or none has.
func (r *reader) defined(p *dataPage, rows int) (err error) {
	if p.nulls == 0 || p.nulls == rows {
		return nil
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

func (r *reader) fillCodes(dst []uint32, p *dataPage, values, have, low, high int) (err error) {
	if p.enc != format.RLEDictionary {
		return damaged("page of encoding %v under a dictionary", p.enc)
	}
	if err := r.indexes(p, have, values); err != nil {
		return err
	}
	if p.nulls == 0 {
		for i, code := range r.codes[low:high] {
			dst[i] = uint32(code) + 1
		}
		return nil
	}
	r.each(p, low, high, func(row, v int) { dst[row-low] = uint32(r.codes[v]) + 1 })
	return nil
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

func (r *reader) fillText(col *event.Column, p *dataPage, have, low, high int) (err error) {
	text, err := r.texts(p, have)
	if err != nil {
		return err
	}
	at := len(col.Strs.Ends)
	base := uint32(len(col.Strs.Bytes))
	if p.nulls == 0 {
		from, to := r.ends[low], r.ends[high]
		if col.Strs.Bytes == nil {
			guess := (int(to-from) + int(to-from)/16) * max(1, cap(col.Strs.Ends)/max(1, high-low))
			col.Strs.Bytes = make([]byte, 0, max(int(to-from), min(guess, 16<<20)))
		}
		col.Strs.Bytes = append(col.Strs.Bytes, text[from:to]...)
		for i, end := range r.ends[low+1 : high+1] {
			col.Strs.Ends = append(col.Strs.Ends, end-from+base)
			if col.Present != nil {
				col.Present.Set(at + i)
			}
		}
		return nil
	}
	v := 0
	for row := range high {
		has := r.levels[row] != 0
		if row >= low {
			if has {
				col.Strs.Bytes = append(col.Strs.Bytes, text[r.ends[v]:r.ends[v+1]]...)
				col.Present.Set(at + row - low)
			}
			col.Strs.Ends = append(col.Strs.Ends, uint32(len(col.Strs.Bytes)))
		}
		if has {
			v++
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
		d.IPs = make([][16]byte, 1, p.values+1)
		for ; len(body) > 0; body = body[16:] {
			d.IPs = append(d.IPs, [16]byte(body))
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

// labels returns the labels of rows from up to to of a group.
func (r *reader) labels(g *group, from, to int) (l event.Labels, err error) {
	defer guard(&err)
	if g.keys == nil || g.vals == nil || g.keys.dictSize == 0 {
		return l, nil
	}
	dict, err := r.dictionary(g.keys)
	if err != nil {
		return l, err
	}
	for n := 1; n < dict.Strs.Len(); n++ {
		l.Names.Append(dict.Strs.At(n))
	}
	l.Ends = make([]uint32, 0, to-from)
	first, last := g.keys.span(from, to)
	for i := first; i <= last; i++ {
		if err := r.labelPage(&l, g, i, from, to); err != nil {
			return event.Labels{}, fmt.Errorf("labels: %w", err)
		}
	}
	if len(l.Keys) == 0 {
		return event.Labels{}, nil
	}
	return l, nil
}

// labelPage appends the labels of one page of keys and the page of values beside it.
func (r *reader) labelPage(l *event.Labels, g *group, i, from, to int) error {
	if i >= len(g.vals.pages) || g.vals.pages[i].FirstRowIndex != g.keys.pages[i].FirstRowIndex {
		return damaged("keys and values differ")
	}
	pl := g.keys.pages[i]
	raw, err := r.fetch(pl.Offset, int(pl.CompressedPageSize))
	if err != nil {
		return err
	}
	p, err := r.page(raw)
	if err != nil {
		return err
	}
	have := p.values - p.nulls
	repeat, err := (&rle.Encoding{BitWidth: 1}).DecodeLevels(nil, p.repeat)
	if err != nil || len(repeat) < p.values {
		return damaged("levels of a page: %v", err)
	}
	define, err := (&rle.Encoding{BitWidth: 1}).DecodeLevels(nil, p.define)
	if err != nil || len(define) < p.values {
		return damaged("levels of a page: %v", err)
	}
	if have > 0 {
		if p.enc != format.RLEDictionary {
			return damaged("keys of encoding %v", p.enc)
		}
		if err := r.indexes(&p, have, l.Names.Len()); err != nil {
			return err
		}
	}
	values := p.values
	pl = g.vals.pages[i]
	if raw, err = r.fetch(pl.Offset, int(pl.CompressedPageSize)); err != nil {
		return err
	}
	if p, err = r.page(raw); err != nil {
		return err
	}
	if p.values != values || p.values-p.nulls != have {
		return damaged("keys and values differ")
	}
	var text []byte
	if have > 0 {
		if text, err = r.texts(&p, have); err != nil {
			return err
		}
	}
	first := int(g.keys.pages[i].FirstRowIndex)
	row, v := first-1, 0
	for n := range values {
		if repeat[n] == 0 {
			if row >= max(first, from) && row < to {
				l.Ends = append(l.Ends, uint32(len(l.Keys)))
			}
			row++
		}
		if define[n] == 0 {
			continue
		}
		if v >= have {
			return damaged("more labels than values")
		}
		if row >= from && row < to {
			l.Keys = append(l.Keys, uint32(r.codes[v]))
			l.Vals.Append(text[r.ends[v]:r.ends[v+1]])
		}
		v++
	}
	if row >= max(first, from) && row < to {
		l.Ends = append(l.Ends, uint32(len(l.Keys)))
	}
	if row+1 != g.keys.pageEnd(i) {
		return damaged("labels of %d rows", row+1)
	}
	return nil
}

// blob reads and checks bytes that no page holds. They are the caller's.
func (r *reader) blob(ref blobRef) ([]byte, error) {
	raw, err := r.fetch(ref.At, ref.Size)
	if err != nil {
		return nil, err
	}
	if crc32.Checksum(raw, castagnoli()) != ref.Sum {
		return nil, damaged("checksum of a filter")
	}
	return raw, nil
}

// bloomHas reports whether the group can hold the value; true when there is no filter.
func (r *reader) bloomHas(g *group, id event.FieldID, values [][]byte) (bool, error) {
	ref, ok := g.Blooms[id]
	if !ok {
		return true, nil
	}
	raw, err := r.blob(ref)
	if err != nil {
		return false, err
	}
	bits := raw[min(ref.Skip, len(raw)):]
	if len(bits) == 0 || len(bits)%bloom.BlockSize != 0 {
		return true, nil
	}
	set := bytes.NewReader(bits)
	for _, v := range values {
		if has, err := bloom.CheckSplitBlock(set, int64(len(bits)), bloom.XXH64{}.Sum64(v)); err != nil || has {
			return true, err
		}
	}
	return false, nil
}
