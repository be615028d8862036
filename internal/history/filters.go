package history

import (
	"hash/crc32"

	"github.com/parquet-go/parquet-go/bloom"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"tocsin/internal/event"
)

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
		w.pager.futile = false
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
