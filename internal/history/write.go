package history

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"

	"github.com/parquet-go/parquet-go/format"

	"tocsin/internal/event"
)

const parquetMagic = "PAR1"

// metaKey is where a segment keeps, in the key-value metadata of the file, what Parquet has no place for.
const metaKey = "tocsin"

// fileMeta is that.
type fileMeta struct {
	Format int         `json:"format"`
	Kind   string      `json:"kind"`
	Groups []groupMeta `json:"groups"`
}

// groupMeta describes one row group.
type groupMeta struct {
	First  int64                     `json:"first"` // earliest time
	Last   int64                     `json:"last"`  // latest time
	Words  map[event.FieldID]blobRef `json:"words,omitempty"`
	Blooms map[event.FieldID]blobRef `json:"blooms,omitempty"`
}

// A blobRef says where in the file some bytes stand that no page holds.
type blobRef struct {
	At   int64  `json:"at"`
	Size int    `json:"size"`
	Sum  uint32 `json:"sum"`            // CRC-32C
	Each []int  `json:"each,omitempty"` // sizes of the parts, for word filters one a grain
	Skip int    `json:"skip,omitempty"` // bytes of header at the beginning
}

// A segmentWriter writes one Parquet file: row group after row group, each with every field of the segment.
type segmentWriter struct {
	file    *os.File
	buf     *bufio.Writer
	at      int64
	sum     uint32
	tail    int64 // where the indexes begin
	tailed  bool  // bytes now belong to the tail
	tailSum uint32
	kind    event.Kind
	fields  []*event.Field
	labels  bool
	pager   *pager
	set     []uint64 // of word filters

	meta    fileMeta
	groups  []format.RowGroup
	offsets [][]format.OffsetIndex // of each group, one a leaf
	columns [][]*format.ColumnIndex
	rows    int64
}

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// newSegmentWriter starts a file at path, which must not exist. fields are in the order in which they become columns.
func newSegmentWriter(path string, kind event.Kind, fields []*event.Field, labels bool, p *pager) (*segmentWriter, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create segment: %w", err)
	}
	w := &segmentWriter{file: f, kind: kind, fields: fields, labels: labels, pager: p, set: make([]uint64, 1<<gramBits/64),
		meta: fileMeta{Format: formatVersion, Kind: kind.String()}}
	w.buf = bufio.NewWriterSize(w, 256<<10)
	w.put([]byte(parquetMagic))
	return w, nil
}

// Write puts bytes into the file and into its checksum; it is what the buffer of the writer calls.
func (w *segmentWriter) Write(b []byte) (int, error) {
	n, err := w.file.Write(b)
	w.sum = crc32.Update(w.sum, castagnoli(), b[:n])
	if w.tailed {
		w.tailSum = crc32.Update(w.tailSum, castagnoli(), b[:n])
	}
	return n, err
}

// put appends bytes; an error comes out of the next Flush of the buffer.
func (w *segmentWriter) put(b []byte) {
	_, _ = w.buf.Write(b)
	w.at += int64(len(b))
}

// A groupRecord is what is known of a row group while it is written.
type groupRecord struct {
	row     format.RowGroup
	meta    groupMeta
	offsets []format.OffsetIndex
	indexes []*format.ColumnIndex
}

func newGroupRecord(w *segmentWriter, rows int) *groupRecord {
	n := len(w.fields)
	if w.labels {
		n += 2
	}
	return &groupRecord{
		row:     format.RowGroup{NumRows: int64(rows), FileOffset: w.at, Ordinal: int16(len(w.groups)), Columns: make([]format.ColumnChunk, n)},
		meta:    groupMeta{Words: map[event.FieldID]blobRef{}, Blooms: map[event.FieldID]blobRef{}},
		offsets: make([]format.OffsetIndex, n), indexes: make([]*format.ColumnIndex, n),
	}
}

// group writes one row group: for each field what column returns for it, and labels.
func (w *segmentWriter) group(rows int, first, last int64, column func(f *event.Field) (event.Column, bool), labels func() event.Labels) error {
	g := newGroupRecord(w, rows)
	g.meta.First, g.meta.Last = first, last
	for i, f := range w.fields {
		c, ok := column(f)
		if !ok {
			if err := w.noValues(g, i, f); err != nil {
				return err
			}
			continue
		}
		var err error
		if g.indexes[i], err = w.chunk(&g.row.Columns[i], &g.offsets[i], &c, rows); err != nil {
			return err
		}
		w.filters(&g.meta, &g.row.Columns[i], &c, rows)
	}
	if n := len(w.fields); w.labels {
		l := labels()
		if err := w.labelChunks(g.row.Columns[n:], g.offsets[n:], &l, rows); err != nil {
			return err
		}
	}
	return w.finishGroup(g)
}

// noValues writes a column in which every value is missing.
func (w *segmentWriter) noValues(g *groupRecord, at int, f *event.Field) (err error) {
	rows := int(g.row.NumRows)
	c := event.Column{Field: f, Codes: make([]uint32, rows)}
	emptyDictionary(&c)
	g.indexes[at], err = w.chunk(&g.row.Columns[at], &g.offsets[at], &c, rows)
	return err
}

// finishGroup adds a row group that was written to the footer to be.
func (w *segmentWriter) finishGroup(g *groupRecord) error {
	for i := range g.row.Columns {
		g.row.TotalByteSize += g.row.Columns[i].MetaData.TotalUncompressedSize
		g.row.TotalCompressedSize += g.row.Columns[i].MetaData.TotalCompressedSize
	}
	w.groups, w.meta.Groups = append(w.groups, g.row), append(w.meta.Groups, g.meta)
	w.offsets, w.columns = append(w.offsets, g.offsets), append(w.columns, g.indexes)
	w.rows += g.row.NumRows
	if w.rows > math.MaxInt32 || len(w.groups) > math.MaxInt16 {
		return errors.New("segment is too large")
	}
	return w.buf.Flush()
}

// emptyDictionary gives a column without values the place holder of its dictionary.
func emptyDictionary(c *event.Column) {
	switch c.Field.Type {
	case event.String:
		c.Strs.Append(nil)
	case event.IP:
		c.IPs = make([][16]byte, 1)
	default:
		c.Nums = make([]int64, 1)
	}
}

// pageRowsOf says how many rows a page of the column takes: few enough for pages of text that one can be read for a few
// rows. Always a power of two, so that pages of all columns meet at the ends of grains.
func pageRowsOf(c *event.Column, rows int) int {
	if c.Codes != nil || c.Field.Type != event.String {
		return codePage
	}
	n := maxTextRows
	for n > minTextRows && len(c.Strs.Bytes)/max(rows, 1)*n > textPage {
		n /= 2
	}
	return n
}

// chunk writes one column of a row group.
func (w *segmentWriter) chunk(cc *format.ColumnChunk, off *format.OffsetIndex, c *event.Column, rows int) (*format.ColumnIndex, error) {
	md := &cc.MetaData
	*md = format.ColumnMetaData{Type: physical(c.Field.Type), PathInSchema: []string{c.Field.Name}, Codec: format.Zstd, NumValues: int64(rows)}
	md.Encoding = []format.Encoding{format.RLE}
	if c.Codes != nil && c.Len() > 1 {
		page, err := w.pager.dictionary(c)
		if err != nil {
			return nil, err
		}
		md.DictionaryPageOffset = w.at
		w.page(md, &page)
		md.Encoding = append(md.Encoding, format.Plain, format.RLEDictionary)
		md.EncodingStats = append(md.EncodingStats, format.PageEncodingStats{PageType: format.DictionaryPage, Encoding: format.Plain, Count: 1})
	}
	md.DataPageOffset = w.at
	step := pageRowsOf(c, rows)
	w.pager.futile = false
	var index *format.ColumnIndex
	if bounded(c.Field.Type) {
		index = &format.ColumnIndex{}
	}
	for from := 0; from < rows; from += step {
		to := min(from+step, rows)
		at := w.at
		var page rawPage
		var err error
		if c.Codes != nil && c.Len() <= 1 { // nothing but missing values: no dictionary to point into
			page, err = w.pager.nothing(to - from)
		} else {
			page, err = w.pager.column(c, from, to)
		}
		if err != nil {
			return nil, err
		}
		w.page(md, &page)
		off.PageLocations = append(off.PageLocations, format.PageLocation{Offset: at, CompressedPageSize: int32(page.size()), FirstRowIndex: int64(from)})
		if index != nil {
			w.bounds(index, &md.Statistics, c, from, to)
		} else {
			md.Statistics.NullCount += int64(missing(c, from, to))
		}
	}
	enc := encodingOf(c)
	if enc != format.RLEDictionary {
		md.Encoding = append(md.Encoding, enc)
	}
	md.EncodingStats = append(md.EncodingStats, format.PageEncodingStats{PageType: format.DataPageV2, Encoding: enc, Count: int32(len(off.PageLocations))})
	return index, nil
}

func encodingOf(c *event.Column) format.Encoding {
	switch {
	case c.Codes != nil && c.Len() > 1:
		return format.RLEDictionary
	case c.Codes != nil:
		return format.Plain
	case c.Field.Type == event.String:
		return format.DeltaLengthByteArray
	case c.Field.Type == event.IP || c.Field.Type == event.Bool || c.Field.Type == event.Float:
		return format.Plain
	default:
		return format.DeltaBinaryPacked
	}
}

// nothing is a page in which no row has a value.
func (p *pager) nothing(rows int) (rawPage, error) {
	p.raw = p.raw[:0]
	p.levels = append(binary.AppendUvarint(p.levels[:0], uint64(rows)<<1), 0)
	return p.finish(format.Plain, rows, rows, rows, 0)
}

func (w *segmentWriter) page(md *format.ColumnMetaData, page *rawPage) {
	w.put(page.header)
	w.put(page.levels)
	w.put(page.values)
	md.TotalUncompressedSize += int64(page.plain)
	md.TotalCompressedSize += int64(page.size())
}

// copyFrom appends bytes of another file as they are, and returns where they now begin.
func (w *segmentWriter) copyFrom(r io.ReaderAt, at, size int64) (int64, error) {
	begin := w.at
	n, err := io.Copy(w.buf, io.NewSectionReader(r, at, size))
	w.at += n
	if err == nil && n != size {
		err = io.ErrUnexpectedEOF
	}
	return begin, err
}
