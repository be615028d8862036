package window

import "tocsin/internal/event"

// Of returns the key of one row, or the name of the first field that the row lacks. Unlike a Table it gives no number out
// and remembers nothing.
func (k *Keys) Of(b *event.Batch, row int32) (key, lacks string) {
	var dst []byte
	for i := range k.parts {
		p := &k.parts[i]
		var c *event.Column
		if p.field != nil {
			c = b.Column(p.field.ID)
		} else {
			c = b.LabelColumn(p.label)
		}
		if c == nil {
			return "", p.name
		}
		v, ok := c.Value(int(row))
		if !ok {
			return "", p.name
		}
		dst = appendPart(dst, c, v)
	}
	return string(dst), ""
}

// Of returns the number of one row; false when the row lacks the field. The batch that is bound stays bound.
func (v *Values) Of(b *event.Batch, row int32) (n int64, ok bool) {
	one := NewValues(v.use, v.field, v.label)
	one.Bind(b)
	return one.At(row)
}

// Name is what the numbers are read from; "" when rows are only counted.
func (v *Values) Name() string {
	switch {
	case v.field != nil:
		return v.field.Name
	case v.label != "":
		return "labels." + v.label
	default:
		return ""
	}
}
