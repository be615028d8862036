package window

import (
	"encoding/binary"
	"encoding/json"

	"tocsin/internal/event"
)

// appendCopy writes a copy of a row behind dst: its kind, each field that it has with its value, 0, how many labels there are, and
// their names and values. That takes a small part of the time that it takes to write it out, and few rows are ever shown.
func appendCopy(dst []byte, b *event.Batch, row int32) []byte {
	dst = append(dst, byte(b.Kind))
	stored := b.Stored()
	for i := range stored {
		c := &stored[i]
		v, ok := c.Value(int(row))
		if !ok {
			continue
		}
		dst = binary.AppendUvarint(dst, uint64(c.Field.ID))
		switch c.Field.Type {
		case event.IP:
			dst = append(dst, c.IPs[v][:]...)
		case event.String:
			dst = appendBytes(dst, c.Str(v))
		default:
			dst = binary.LittleEndian.AppendUint64(dst, uint64(c.Nums[v]))
		}
	}
	dst = append(dst, 0)
	from, to := b.Labels.Of(int(row))
	dst = binary.AppendUvarint(dst, uint64(to-from))
	for e := from; e < to; e++ {
		dst = appendBytes(dst, b.Labels.Names.At(int(b.Labels.Keys[e])))
		dst = appendBytes(dst, b.Labels.Vals.At(e))
	}
	return dst
}

func appendBytes(dst, s []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// sampleOf is Sample of a row that appendCopy has copied.
func sampleOf(copied []byte) json.RawMessage {
	r := reader(copied[1:])
	var columns []event.Column
	for id := r.uvarint(); id != 0; id = r.uvarint() {
		f, _ := event.FieldByID(event.FieldID(id))
		c := event.Column{Field: f}
		switch f.Type {
		case event.IP:
			c.IPs = [][16]byte{[16]byte(r.take(16))}
		case event.String:
			c.Strs.Append(r.take(r.uvarint()))
		default:
			c.Nums = []int64{int64(binary.LittleEndian.Uint64(r.take(8)))}
		}
		columns = append(columns, c)
	}
	var labels event.Labels
	n := r.uvarint()
	for e := range uint32(n) {
		labels.Names.Append(r.take(r.uvarint()))
		labels.Vals.Append(r.take(r.uvarint()))
		labels.Keys = append(labels.Keys, e)
	}
	if n > 0 {
		labels.Ends = []uint32{uint32(n)}
	}
	return Sample(event.NewBatch(event.Kind(copied[0]), 1, columns, labels), 0)
}

// reader is what is left of a copied row.
type reader []byte

func (r *reader) uvarint() uint64 {
	n, size := binary.Uvarint(*r)
	*r = (*r)[size:]
	return n
}

func (r *reader) take(n uint64) []byte {
	taken := (*r)[:n]
	*r = (*r)[n:]
	return taken
}
