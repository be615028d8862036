package history

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"tocsin/internal/event"
)

// A footer is what a reader knows of a file before it reads pages.
type footer struct {
	groups  []*group
	foreign bool // some field is not known to this version
}

// A group is one row group.
type group struct {
	groupMeta
	number int // of the row groups of its segment
	rows   int
	chunks map[event.FieldID]*chunk
	keys   *chunk // of labels; nil when the segment has none
	vals   *chunk
	at     int64 // where its bytes begin, and
	end    int64 // end, filters included
	raw    *format.RowGroup
	index  []*format.ColumnIndex
	offs   []format.OffsetIndex
}

// A chunk is one column of a row group.
type chunk struct {
	field    *event.Field
	dictAt   int64
	dictSize int // 0: the pages hold the values themselves
	pages    []format.PageLocation
	rows     int
	nulls    int64
	min, max []byte // nil when not known
}

// pageEnd returns the row behind the last one of a page.
func (c *chunk) pageEnd(i int) int {
	if i+1 < len(c.pages) {
		return int(c.pages[i+1].FirstRowIndex)
	}
	return c.rows
}

// parseFooter reads the part of a file behind its row groups. at is where in the file it stands.
func parseFooter(tail []byte, at int64, kind event.Kind) (*footer, error) {
	n := len(tail)
	if n < 8 || string(tail[n-4:]) != parquetMagic {
		return nil, damaged("no Parquet file")
	}
	size := int(binary.LittleEndian.Uint32(tail[n-8:]))
	if size > n-8 {
		return nil, damaged("footer of %d bytes", size)
	}
	var md format.FileMetaData
	proto := &thrift.CompactProtocol{}
	if err := thrift.Unmarshal(proto, tail[n-8-size:n-8], &md); err != nil {
		return nil, damaged("decode footer: %v", err)
	}
	var meta fileMeta
	for _, kv := range md.KeyValueMetadata {
		if kv.Key == metaKey {
			if err := json.Unmarshal([]byte(kv.Value), &meta); err != nil {
				return nil, damaged("decode metadata: %v", err)
			}
		}
	}
	switch {
	case meta.Format > formatVersion:
		return nil, fmt.Errorf("format %d is newer than this tocsin reads (%d): use the version that wrote it", meta.Format, formatVersion)
	case meta.Format == 0 || meta.Kind != kind.String() || len(meta.Groups) != len(md.RowGroups):
		return nil, damaged("metadata does not fit")
	}
	ids := make(map[string]event.FieldID, len(md.Schema))
	for _, e := range md.Schema {
		if e.FieldID > 0 && e.FieldID <= 1<<15 {
			ids[e.Name] = event.FieldID(e.FieldID)
		}
	}
	ft := &footer{}
	for _, id := range ids {
		if _, ok := event.FieldByID(id); !ok {
			ft.foreign = true
		}
	}
	for i := range md.RowGroups {
		g := &group{groupMeta: meta.Groups[i], number: i, raw: &md.RowGroups[i], rows: int(md.RowGroups[i].NumRows), chunks: map[event.FieldID]*chunk{}}
		if g.rows <= 0 || g.rows > groupRows {
			return nil, damaged("row group of %d rows", g.rows)
		}
		if err := g.parse(tail, at, ids); err != nil {
			return nil, err
		}
		ft.groups = append(ft.groups, g)
	}
	return ft, nil
}

// parse reads the indexes of the columns of a group.
func (g *group) parse(tail []byte, at int64, ids map[string]event.FieldID) error {
	g.at = g.raw.FileOffset
	proto := &thrift.CompactProtocol{}
	part := func(from int64, size int32) []byte {
		if from < at || size < 0 || from+int64(size) > at+int64(len(tail)) {
			return nil
		}
		return tail[from-at:][:size]
	}
	for i := range g.raw.Columns {
		cc := &g.raw.Columns[i]
		md := &cc.MetaData
		c := &chunk{rows: g.rows, nulls: md.Statistics.NullCount, min: md.Statistics.MinValue, max: md.Statistics.MaxValue}
		var off format.OffsetIndex
		if err := thrift.Unmarshal(proto, part(cc.OffsetIndexOffset, cc.OffsetIndexLength), &off); err != nil {
			return damaged("decode offset index: %v", err)
		}
		var index *format.ColumnIndex
		if cc.ColumnIndexLength > 0 {
			index = &format.ColumnIndex{}
			if err := thrift.Unmarshal(proto, part(cc.ColumnIndexOffset, cc.ColumnIndexLength), index); err != nil {
				return damaged("decode column index: %v", err)
			}
		}
		g.offs, g.index = append(g.offs, off), append(g.index, index)
		c.pages = off.PageLocations
		if md.DictionaryPageOffset > 0 {
			c.dictAt, c.dictSize = md.DictionaryPageOffset, int(md.DataPageOffset-md.DictionaryPageOffset)
		}
		if err := c.check(g.at, at); err != nil {
			return err
		}
		g.end = max(g.end, c.pages[len(c.pages)-1].Offset+int64(c.pages[len(c.pages)-1].CompressedPageSize))
		switch path := md.PathInSchema; {
		case len(path) == 1:
			if f, ok := event.FieldByID(ids[path[0]]); ok && len(f.Any) == 0 { // a field of a newer version is passed over
				c.field = f
				g.chunks[f.ID] = c
			}
		case len(path) == 2 && path[1] == "key":
			g.keys = c
		case len(path) == 2 && path[1] == "value":
			g.vals = c
		}
	}
	for _, refs := range []map[event.FieldID]blobRef{g.Words, g.Blooms} {
		for _, ref := range refs {
			if ref.At < g.at || ref.Size < 0 || ref.At+int64(ref.Size) > at {
				return damaged("filter outside of its group")
			}
			g.end = max(g.end, ref.At+int64(ref.Size))
		}
	}
	return nil
}

// check holds the places of the pages against the file: bytes from low up to high hold row groups.
func (c *chunk) check(low, high int64) error {
	if len(c.pages) == 0 || c.pages[0].FirstRowIndex != 0 {
		return damaged("column without pages")
	}
	if c.dictSize < 0 || c.dictSize > 0 && (c.dictAt < low || c.dictAt+int64(c.dictSize) > high) {
		return damaged("dictionary outside of its group")
	}
	for i, p := range c.pages {
		if p.Offset < low || p.CompressedPageSize <= 0 || p.Offset+int64(p.CompressedPageSize) > high ||
			p.FirstRowIndex >= int64(c.rows) || i > 0 && (p.FirstRowIndex <= c.pages[i-1].FirstRowIndex ||
			p.Offset != c.pages[i-1].Offset+int64(c.pages[i-1].CompressedPageSize)) {
			return damaged("page outside of its group")
		}
	}
	return nil
}
