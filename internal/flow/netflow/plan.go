package netflow

import (
	"bytes"
	"encoding/binary"

	"tocsin/internal/flow"
)

// variable is the length of a field whose values bring their own (RFC 7011 section 7). RFC 3954 has no such fields, but switches of
// H3C send them in NetFlow 9 as well; no record of a datagram could hold one of that length.
const variable = 0xffff

// A template says how the records of a set are to be read.
type template struct {
	raw     []byte // as it was sent, to know it again
	seen    int64  // when it was sent last
	count   int    // fields as sent
	options bool
	scopes  int     // fields of an options template that say what the others are about
	fields  []field // of flows: only those that are read, unless some are of variable length
	length  int     // of a record; the least, with fields of variable length
	varied  bool
}

// A field is one value of a record.
type field struct {
	offset int // in the record, where no field before it is of variable length
	length uint16
	op     op
	id     uint16 // element; with scopeBit a scope of NetFlow 9
}

// scopeBit marks the scopes of NetFlow 9, whose numbers are their own (RFC 3954 section 6.1).
const scopeBit = 0x8000

// Enterprise numbers: none, and that of the reverse direction (RFC 5103 section 6.1).
const (
	noEnterprise = 0
	reverse      = 29305
)

// parseTemplate reads the fields of a template from the front of b. It returns nil when they cannot be, and how many bytes
// they take; 0 when b is cut short.
func (d *Decoder) parseTemplate(b []byte, version uint16, count, scopes int, options bool) (t *template, size int) {
	t = &template{count: count, options: options, scopes: scopes}
	good := count > 0 && count <= d.options.MaxFields && (!options || scopes > 0 && scopes <= count)
	for i := range count {
		if len(b)-size < 4 {
			return nil, 0
		}
		f := field{offset: t.length, length: binary.BigEndian.Uint16(b[size+2:]), id: binary.BigEndian.Uint16(b[size:])}
		size += 4
		enterprise := uint32(noEnterprise)
		if version == 10 && f.id&0x8000 != 0 {
			if len(b)-size < 4 {
				return nil, 0
			}
			enterprise = binary.BigEndian.Uint32(b[size:])
			f.id &= 0x7fff
			size += 4
		}
		if !good {
			continue // to its end all the same, for the sake of those behind it
		}
		if version == 9 && i < scopes {
			f.id |= scopeBit
		}
		f.op = opOf(f.id, enterprise)
		switch {
		case f.length == variable:
			t.varied = true
			t.length++
		default:
			t.length += int(f.length)
		}
		t.fields = append(t.fields, f)
	}
	if !good || t.length == 0 || t.length > 0xffff {
		return nil, size
	}
	if !t.varied && !options {
		t.fields = used(t.fields)
	}
	t.raw = bytes.Clone(b[:size])
	return t, size
}

// same reports whether a template of so many fields at the front of b is this one.
func (t *template) same(b []byte, count, scopes int, options bool) bool {
	return t != nil && t.options == options && t.count == count && t.scopes == scopes && bytes.HasPrefix(b, t.raw)
}

// used drops the fields that nothing is made of.
func used(fields []field) []field {
	kept := make([]field, 0, len(fields))
	for _, f := range fields {
		if f.op != skip && f.length > 0 {
			kept = append(kept, f)
		}
	}
	return kept
}

// next cuts one value of variable length from b; ok is false when b is too short.
func (f *field) next(b []byte) (value, rest []byte, ok bool) {
	length := int(f.length)
	if f.length == variable {
		if len(b) < 1 {
			return nil, nil, false
		}
		length, b = int(b[0]), b[1:]
		if length == 255 {
			if len(b) < 2 {
				return nil, nil, false
			}
			length, b = int(binary.BigEndian.Uint16(b)), b[2:]
		}
	}
	if len(b) < length {
		return nil, nil, false
	}
	return b[:length], b[length:], true
}

// flows appends the records of a data set.
func (m *domain) flows(t *template, c *clock, body []byte, into []flow.Record, r *flow.Report) []flow.Record {
	for len(body) >= t.length {
		into = append(into, flow.Record{Domain: m.key.id})
		s := scratch{out: &into[len(into)-1], clock: c, tables: &m.tables}
		if !t.varied {
			rec := body[:t.length:t.length]
			body = body[t.length:]
			for i := range t.fields {
				f := &t.fields[i]
				s.take(f.op, rec[f.offset:f.offset+int(f.length)])
			}
		} else {
			for i := range t.fields {
				f := &t.fields[i]
				value, rest, ok := f.next(body)
				if !ok {
					r.Problem(flow.BadLength)
					return into[:len(into)-1]
				}
				body = rest
				if f.op != skip && len(value) > 0 {
					s.take(f.op, value)
				}
			}
		}
		if !s.finish(r) {
			into = into[:len(into)-1]
			continue
		}
		r.Records++
	}
	return into
}
