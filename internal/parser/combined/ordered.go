package combined

import (
	"bytes"

	"tocsin/internal/event"
	"tocsin/internal/parser"
)

// An ordered reads lines in an order of the user's own.
type ordered struct {
	accessLog
	layout   *layout
	line     cutting
	target   []byte // path and query, put together
	told     []byte // the message, put together
	protocol []byte // of the line at hand
}

// Parse implements parser.Parser: one line is one row.
func (o *ordered) Parse(b *event.Builder, record []byte, received int64) error {
	if blank(record) {
		return nil
	}
	if bad := o.layout.cut(record, &o.clock, &o.line); bad.reason != "" {
		return &parser.Malformed{Offset: bad.offset, Reason: bad.reason}
	}
	if o.line.timed {
		b.Time(event.Timestamp, o.line.at)
	} else {
		b.Time(event.Timestamp, received)
		b.Flag(event.NoTime)
	}
	if len(o.line.zone) > 0 {
		b.Str(event.EventTimezone, o.line.zone)
	} else if o.line.wall {
		b.Flag(event.NoZone)
	}
	b.Str(event.EventOriginal, record)
	if len(o.service) > 0 {
		b.Str(event.ServiceName, o.service)
	}
	o.target, o.told, o.protocol = o.target[:0], o.told[:0], nil
	for i, v := range o.line.vals {
		o.set(b, &o.layout.pieces[i], v)
	}
	o.tell(b, record)
	b.Next()
	return nil
}

// set sets what a field says; "-" and nothing say that there is nothing.
func (o *ordered) set(b *event.Builder, p *piece, v []byte) {
	if p.op == opRequest && !p.spare {
		o.told = append(o.told, v...)
		o.request(b, v)
		return
	}
	if absent(v) || string(v) == `""` { // Apache's way to write a user name that is empty
		return
	}
	if p.spare {
		b.Label(p.label, v)
		return
	}
	switch p.op {
	case opText:
		if p.id == 0 {
			b.Label(p.label, v)
			return
		}
		b.Str(p.id, v)
		if p.id == event.HTTPMethod {
			o.told = append(append(o.told, v...), ' ')
		}
	case opHost:
		o.who(b, v)
	case opAddr:
		if addr, ok := parser.Address(v); ok {
			b.IP(p.id, addr)
		} else {
			b.Label(p.label, v)
		}
	case opInt:
		if n, _ := decimal(v); n >= 0 {
			b.Int(p.id, n)
		}
	case opDuration:
		ns, _ := units(v, p.unit)
		b.Int(p.id, ns)
	case opStatus:
		status(b, int(v[0]-'0')*100+int(v[1]-'0')*10+int(v[2]-'0'))
	case opTarget, opPath, opQuery, opIsArgs, opArgs:
		o.target = append(o.target, v...)
	case opVersion:
		o.protocol = v
		b.Str(event.HTTPVersion, bytes.TrimPrefix(v, []byte("HTTP/")))
	}
}

// who sets the client; of several, divided by commas, the first is the client.
func (o *ordered) who(b *event.Builder, v []byte) {
	if i := bytes.IndexByte(v, ','); i > 0 {
		v = v[:i]
	}
	o.client(b, v)
}

// tell sets the URL that was put together, and the message: the request line or as much of one as there is, and the whole
// line where there is nothing of it.
func (o *ordered) tell(b *event.Builder, record []byte) {
	if len(o.target) > 0 {
		b.StrWith(o.url, o.target)
		o.told = append(o.told, o.target...)
	}
	switch {
	case o.layout.asks:
		b.Str(event.Message, o.told)
	case len(bytes.TrimSpace(o.told)) == 0:
		b.Str(event.Message, record)
	default:
		o.told = append(append(o.told, ' '), o.protocol...)
		b.Str(event.Message, bytes.TrimSpace(o.told))
	}
}
