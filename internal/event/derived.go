package event

// A Derived remembers which values of some fields follow from the value of another, such as path and query from a URL:
// who sets the same URL again in a batch need not take it apart again. It belongs to one parser and holds for one batch at
// a time, so that parsers may share a builder. All fields are Strings and none is Plain.
type Derived struct {
	field  FieldID
	follow []FieldID
	split  func(d *Derived, v []byte)

	builder *Builder
	batch   uint64
	known   []bool   // by the number of a value of field: split was called with it
	codes   []uint32 // for each of those one entry a field of follow; 0: none follows
	at      []uint32 // those entries for the value at hand
}

// NewDerived returns one for the values of field. split takes a value apart and calls Set with what follows from it alone;
// those fields are the ones in follow.
func NewDerived(field FieldID, follow []FieldID, split func(d *Derived, v []byte)) *Derived {
	return &Derived{field: field, follow: follow, split: split}
}

// Set sets a field that follows from the value at hand. Only split calls it.
func (d *Derived) Set(id FieldID, v []byte) {
	d.builder.Str(id, v)
	for i, f := range d.follow {
		if f == id {
			d.at[i] = d.builder.slots[id].Codes[d.builder.rows]
		}
	}
}

// StrWith sets the field of d to v, and what follows from it.
func (b *Builder) StrWith(d *Derived, v []byte) {
	b.Str(d.field, v)
	if d.builder != b || d.batch != b.batch {
		d.builder, d.batch = b, b.batch
		clear(d.known)
	}
	code, n := int(b.slots[d.field].Codes[b.rows]), len(d.follow)
	if code >= len(d.known) {
		more := code + 1 - len(d.known)
		d.known = appendZeros(d.known, more)
		d.codes = appendZeros(d.codes, more*n)
	}
	d.at = d.codes[code*n : (code+1)*n]
	if !d.known[code] {
		clear(d.at)
		d.known[code] = true
		d.split(d, v)
		return
	}
	for i, value := range d.at {
		if value != 0 {
			c := b.slot(d.follow[i])
			c.Codes = append(c.Codes, value)
		}
	}
}
