package history

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"math/bits"
	"os"

	"github.com/parquet-go/parquet-go/bloom"
	"github.com/parquet-go/parquet-go/encoding/thrift"
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

func missing(c *event.Column, from, to int) (n int) {
	for row := from; row < to; row++ {
		if !c.Has(row) {
			n++
		}
	}
	return n
}

// bounded tells the types whose smallest and largest value are kept, a page and a group.
func bounded(t event.Type) bool {
	return t == event.Int || t == event.Uint || t == event.Time || t == event.IP
}

// bounds adds one page to the column index and to the statistics of the chunk.
func (w *segmentWriter) bounds(index *format.ColumnIndex, st *format.Statistics, c *event.Column, from, to int) {
	low, high := -1, -1
	nulls := 0
	for row := from; row < to; row++ {
		v, ok := c.Value(row)
		if !ok {
			nulls++
			continue
		}
		if low < 0 || less(c, v, low) {
			low = v
		}
		if high < 0 || less(c, high, v) {
			high = v
		}
	}
	index.NullPages = append(index.NullPages, low < 0)
	index.NullCounts = append(index.NullCounts, int64(nulls))
	st.NullCount += int64(nulls)
	if low < 0 {
		index.MinValues, index.MaxValues = append(index.MinValues, []byte{}), append(index.MaxValues, []byte{})
		return
	}
	a, b := valueBytes(c, low), valueBytes(c, high)
	index.MinValues, index.MaxValues = append(index.MinValues, a), append(index.MaxValues, b)
	if st.MinValue == nil || lessBytes(c.Field.Type, a, st.MinValue) {
		st.MinValue = a
	}
	if st.MaxValue == nil || lessBytes(c.Field.Type, st.MaxValue, b) {
		st.MaxValue = b
	}
}

func less(c *event.Column, a, b int) bool {
	switch c.Field.Type {
	case event.IP:
		return string(c.IPs[a][:]) < string(c.IPs[b][:])
	case event.Uint:
		return uint64(c.Nums[a]) < uint64(c.Nums[b])
	default:
		return c.Nums[a] < c.Nums[b]
	}
}

func valueBytes(c *event.Column, v int) []byte {
	if c.Field.Type == event.IP {
		b := c.IPs[v]
		return b[:]
	}
	return binary.LittleEndian.AppendUint64(nil, uint64(c.Nums[v]))
}

func lessBytes(t event.Type, a, b []byte) bool {
	switch t {
	case event.IP:
		return string(a) < string(b)
	case event.Uint:
		return le64(a) < le64(b)
	default:
		return int64(le64(a)) < int64(le64(b))
	}
}

// filters writes the bloom filter and the word filters of a column, where it has them.
func (w *segmentWriter) filters(m *groupMeta, cc *format.ColumnChunk, c *event.Column, rows int) {
	if c.Field.Type == event.String && c.Codes == nil {
		ref := blobRef{At: w.at}
		var blob []byte
		for from := 0; from < rows; from += grainRows {
			n := len(blob)
			blob = appendGrams(blob, w.set, c, from, min(from+grainRows, rows))
			ref.Each = append(ref.Each, len(blob)-n)
		}
		ref.Size, ref.Sum = len(blob), crc32.Checksum(blob, castagnoli())
		w.put(blob)
		m.Words[c.Field.ID] = ref
	}
	if bloomed(c.Field) {
		blob, header := bloomFilter(c)
		ref := blobRef{At: w.at, Size: len(blob), Sum: crc32.Checksum(blob, castagnoli()), Skip: header}
		cc.MetaData.BloomFilterOffset, cc.MetaData.BloomFilterLength = w.at, int32(len(blob))
		w.put(blob)
		m.Blooms[c.Field.ID] = ref
	}
}

// bloomFilter returns the split-block bloom filter of a column as Parquet has it, header first.
func bloomFilter(c *event.Column) (blob []byte, header int) {
	first, n := 0, c.Len()
	if c.Codes != nil {
		first = 1
	}
	f := make(bloom.SplitBlockFilter, bloom.NumSplitBlocksOf(int64(max(n-first, 1)), bloomBits))
	for v := first; v < n; v++ {
		if c.Codes == nil && !c.Has(v) {
			continue
		}
		if c.Field.Type == event.IP {
			f.Insert(bloom.XXH64{}.Sum64(c.IPs[v][:]))
		} else {
			f.Insert(bloom.XXH64{}.Sum64(c.Str(v)))
		}
	}
	h := format.BloomFilterHeader{NumBytes: int32(len(f.Bytes()))}
	h.Algorithm.Value, h.Hash.Value, h.Compression.Value = &format.SplitBlockAlgorithm{}, &format.XxHash{}, &format.BloomFilterUncompressed{}
	blob, err := thrift.Marshal(&thrift.CompactProtocol{}, &h)
	if err != nil {
		return nil, 0 // encoding three constants into memory cannot fail
	}
	header = len(blob)
	return append(blob, f.Bytes()...), header
}

// labelChunks writes the two columns of labels: a repeated group of key and value.
func (w *segmentWriter) labelChunks(cc []format.ColumnChunk, off []format.OffsetIndex, l *event.Labels, rows int) error {
	for i, name := range []string{"key", "value"} {
		md := &cc[i].MetaData
		*md = format.ColumnMetaData{Type: format.ByteArray, PathInSchema: []string{"labels", name}, Codec: format.Zstd,
			Encoding: []format.Encoding{format.RLE, format.DeltaLengthByteArray}}
		dict := i == 0 && l.Names.Len() > 0
		if dict {
			c := event.Column{Field: &event.Field{Name: name, Type: event.String}, Codes: []uint32{}}
			c.Strs.Append(nil)
			for n := range l.Names.Len() {
				c.Strs.Append(l.Names.At(n))
			}
			page, err := w.pager.dictionary(&c)
			if err != nil {
				return err
			}
			md.DictionaryPageOffset = w.at
			w.page(md, &page)
			md.Encoding = []format.Encoding{format.RLE, format.Plain, format.RLEDictionary}
		}
		md.DataPageOffset = w.at
		for from := 0; from < rows; from += labelPage {
			to := min(from+labelPage, rows)
			at := w.at
			page, values, nulls, err := w.pager.labels(l, i == 0, from, to)
			if err != nil {
				return err
			}
			w.page(md, &page)
			md.NumValues += int64(values)
			md.Statistics.NullCount += int64(nulls)
			off[i].PageLocations = append(off[i].PageLocations, format.PageLocation{Offset: at, CompressedPageSize: int32(page.size()), FirstRowIndex: int64(from)})
		}
	}
	return nil
}

// schema lists the elements of the Parquet schema: the root, the fields, the labels.
func (w *segmentWriter) schema() []format.SchemaElement {
	n := int32(len(w.fields))
	if w.labels {
		n++
	}
	list := []format.SchemaElement{{Name: "event", NumChildren: thrift.New(n)}}
	for _, f := range w.fields {
		e := format.SchemaElement{Name: f.Name, Type: thrift.New(physical(f.Type)), RepetitionType: thrift.New(format.Optional), FieldID: int32(f.ID)}
		switch f.Type {
		case event.String:
			e.LogicalType.Value = &format.StringType{}
		case event.Uint:
			e.LogicalType.Value = &format.IntType{BitWidth: 64}
		case event.Int:
			e.LogicalType.Value = &format.IntType{BitWidth: 64, IsSigned: true}
		case event.Time:
			t := &format.TimestampType{IsAdjustedToUTC: true}
			t.Unit.Value = &format.NanoSeconds{}
			e.LogicalType.Value = t
		case event.IP:
			e.TypeLength = thrift.New(int32(16))
		}
		list = append(list, e)
	}
	if !w.labels {
		return list
	}
	list = append(list, format.SchemaElement{Name: "labels", NumChildren: thrift.New(int32(2)), RepetitionType: thrift.New(format.Repeated)})
	for _, name := range []string{"key", "value"} {
		e := format.SchemaElement{Name: name, Type: thrift.New(format.ByteArray), RepetitionType: thrift.New(format.Required)}
		e.LogicalType.Value = &format.StringType{}
		list = append(list, e)
	}
	return list
}

func physical(t event.Type) format.Type {
	switch t {
	case event.String:
		return format.ByteArray
	case event.IP:
		return format.FixedLenByteArray
	case event.Bool:
		return format.Boolean
	case event.Float:
		return format.Double
	default:
		return format.Int64
	}
}

// close writes indexes and footer, and syncs. The file is then whole, and known by its size and checksums.
func (w *segmentWriter) close() (err error) {
	defer func() {
		if cerr := w.file.Close(); err == nil && cerr != nil {
			err = fmt.Errorf("close segment: %w", cerr)
		}
	}()
	if err := w.buf.Flush(); err != nil {
		return fmt.Errorf("write segment: %w", err)
	}
	w.tail, w.tailed = w.at, true
	if err := w.putIndexes(); err != nil {
		return err
	}
	meta, err := json.Marshal(&w.meta)
	if err != nil {
		return fmt.Errorf("encode metadata: %w", err)
	}
	footer := format.FileMetaData{
		Version: 2, Schema: w.schema(), NumRows: w.rows, RowGroups: w.groups, CreatedBy: "tocsin",
		KeyValueMetadata: []format.KeyValue{{Key: metaKey, Value: string(meta)}},
	}
	for range w.groups[0].Columns {
		footer.ColumnOrders = append(footer.ColumnOrders, format.ColumnOrder{Value: &format.TypeDefinedOrder{}})
	}
	b, err := thrift.Marshal(&thrift.CompactProtocol{}, &footer)
	if err != nil {
		return fmt.Errorf("encode footer: %w", err)
	}
	w.put(b)
	w.put(binary.LittleEndian.AppendUint32(nil, uint32(len(b))))
	w.put([]byte(parquetMagic))
	if err := w.buf.Flush(); err != nil {
		return fmt.Errorf("write segment: %w", err)
	}
	if err := w.file.Sync(); err != nil {
		return fmt.Errorf("sync segment: %w", err)
	}
	return nil
}

// putIndexes writes the page indexes: those of values in one piece and then those of places, as some readers want it.
func (w *segmentWriter) putIndexes() error {
	put := func(index any, at *int64, size *int32) error {
		b, err := thrift.Marshal(&thrift.CompactProtocol{}, index)
		if err != nil {
			return fmt.Errorf("encode page index: %w", err)
		}
		*at, *size = w.at, int32(len(b))
		w.put(b)
		return nil
	}
	for g := range w.groups {
		for i, index := range w.columns[g] {
			if cc := &w.groups[g].Columns[i]; index != nil {
				if err := put(index, &cc.ColumnIndexOffset, &cc.ColumnIndexLength); err != nil {
					return err
				}
			}
		}
	}
	for g := range w.groups {
		for i := range w.offsets[g] {
			cc := &w.groups[g].Columns[i]
			if err := put(&w.offsets[g][i], &cc.OffsetIndexOffset, &cc.OffsetIndexLength); err != nil {
				return err
			}
		}
	}
	return nil
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

// onesIn counts the rows of a set below n.
func onesIn(b event.Bits, n int) (ones int) {
	for _, w := range b[:(n+63)/64] {
		ones += bits.OnesCount64(w)
	}
	return ones
}
