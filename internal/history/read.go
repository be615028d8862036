package history

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"slices"

	"github.com/klauspost/compress/zstd"
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
	spare  spare
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
	values int
	nulls  int
	enc    format.Encoding
	repeat []byte
	define []byte
	body   []byte
}

// page checks and unpacks the page that raw holds, header first.
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
		body: rest[rl+dl:]}
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
	// What the frame says stands under the checksum of the page, which the size in the page header does not. A frame of less
	// than 256 bytes need not say it (RFC 8878 section 3.1.1.1.4).
	var h zstd.Header
	if err := h.Decode(src); err != nil || h.HasFCS && h.FrameContentSize != uint64(size) || !h.HasFCS && size >= 256 {
		return nil, damaged("page that unpacks to other than %d bytes", size)
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
		col.Codes, col.Strs, col.IPs, col.Nums = taken(&r.spare.codes, n, c.nulls > 0 || rows != nil), dict.Strs, dict.IPs, dict.Nums
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
			col.Nums = taken(&r.spare.nums, n, c.nulls > 0 || rows != nil)
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
	if p.nulls > 0 && c.nulls == 0 { // then nothing would be written over what a column had before
		return damaged("page of %d rows without a value, want none", p.nulls)
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
