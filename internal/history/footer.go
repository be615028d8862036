package history

import (
	"encoding/binary"
	"encoding/json"
	"fmt"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"tocsin/internal/event"
)

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
