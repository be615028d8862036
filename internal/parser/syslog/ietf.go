package syslog

import (
	"bytes"

	"tocsin/internal/event"
	"tocsin/internal/instant"
	"tocsin/internal/parser"
)

// A header is the fixed part of an RFC 5424 message, pointing into the record: VERSION TIMESTAMP HOSTNAME APP-NAME PROCID
// MSGID (section 6). What is a dash there is nil here.
type header struct {
	when                      instant.Reading
	timed                     bool
	host, app, process, msgID []byte
	next                      int // where the structured data begins
}

// cut reads the header at n, where the version stands.
func (h *header) cut(b []byte, n int) (reason string) {
	h.next = n + 2
	stamp, ok := h.word(b)
	if !ok {
		return shortHeader
	}
	if stamp != nil {
		if h.when, ok = instant.RFC3339(stamp); !ok || h.when.Len != len(stamp) {
			h.next = n + 2
			return badTime
		}
		h.timed = true
	}
	for _, part := range []*[]byte{&h.host, &h.app, &h.process, &h.msgID} {
		if *part, ok = h.word(b); !ok {
			return shortHeader
		}
	}
	if h.next >= len(b) || b[h.next] != '-' && b[h.next] != '[' {
		return noData
	}
	return ""
}

// word reads up to the next blank; a dash stands for nothing.
func (h *header) word(b []byte) (w []byte, ok bool) {
	if h.next >= len(b) {
		return nil, false
	}
	i := bytes.IndexByte(b[h.next:], ' ')
	if i <= 0 {
		return nil, false
	}
	w = b[h.next : h.next+i]
	h.next += i + 1
	if len(w) == 1 && w[0] == '-' {
		w = nil
	}
	return w, true
}

// ietf reads a message of RFC 5424 whose version stands at n.
func (m *messages) ietf(b *event.Builder, record []byte, n int) (at int, reason string) {
	var h header
	if reason := h.cut(record, n); reason != "" {
		return h.next, reason
	}
	if m.timed = h.timed; h.timed {
		b.Time(event.Timestamp, m.zone.Instant(&h.when))
		if !h.when.HasZone {
			b.Flag(event.NoZone)
		}
	}
	host(b, h.host)
	if h.app != nil {
		b.Str(event.ProcessName, h.app)
	}
	m.process(b, h.process)
	if h.msgID != nil {
		b.Str(event.SyslogMsgID, h.msgID)
	}
	b.Text(event.SyslogVersion, "1")
	at, reason = m.data(b, record, h.next)
	if reason != "" {
		return at, reason
	}
	if at < len(record) {
		m.text(b, h.app, record[at+1:])
	}
	return at, ""
}

// process sets a process id: a number as process.pid, any other as label procid.
func (m *messages) process(b *event.Builder, v []byte) {
	if v == nil {
		return
	}
	if pid, ok := decimal(v); ok {
		b.Int(event.ProcessPID, pid)
	} else {
		m.name = append(m.name[:0], "procid"...)
		m.label(b, m.name, v)
	}
}

// host sets the name of the sender, or its address when it gives one.
func host(b *event.Builder, v []byte) {
	if v == nil {
		return
	}
	b.Str(event.HostName, v)
	if addr, ok := parser.Address(v); ok {
		b.IP(event.HostIP, addr)
	}
}

func decimal(v []byte) (n int64, ok bool) {
	if len(v) == 0 || len(v) > 18 {
		return 0, false
	}
	for _, c := range v {
		if c-'0' > 9 {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// data reads structured data (section 6.3) at i and returns where it ends: at the blank before the message, or the end.
// Each parameter becomes the label id.name; an element without parameters the label id, empty.
func (m *messages) data(b *event.Builder, r []byte, i int) (end int, reason string) {
	if r[i] == '-' {
		i++
	} else {
		for i < len(r) && r[i] == '[' {
			if i, reason = m.element(b, r, i+1); reason != "" {
				return i, reason
			}
		}
	}
	if i < len(r) && r[i] != ' ' {
		return i, noData
	}
	return i, ""
}

// element reads one element, whose id begins at i.
func (m *messages) element(b *event.Builder, r []byte, i int) (end int, reason string) {
	n := bytes.IndexAny(r[i:], " ]")
	if n <= 0 {
		return i, openData
	}
	m.name = append(m.name[:0], r[i:i+n]...)
	id := len(m.name)
	if i += n; r[i] == ']' {
		m.label(b, m.name, nil)
		return i + 1, ""
	}
	for {
		for i < len(r) && r[i] == ' ' {
			i++
		}
		if i < len(r) && r[i] == ']' {
			return i + 1, ""
		}
		n = bytes.IndexByte(r[i:], '=')
		if n <= 0 {
			return i, openData
		}
		value := i + n + 1
		for value < len(r) && r[value] == ' ' { // examples of section 6.5, wrapped there, are copied so
			value++
		}
		if value >= len(r) || r[value] != '"' {
			return i, openData
		}
		m.name = append(append(m.name[:id], '.'), r[i:i+n]...)
		if i, reason = m.param(b, r, value+1); reason != "" {
			return i, reason
		}
	}
}

// param reads a value behind its opening quote. A backslash takes its meaning from ", \ and ] only (section 6.3.3).
func (m *messages) param(b *event.Builder, r []byte, i int) (end int, reason string) {
	from, escaped := i, false
	for ; i < len(r) && r[i] != '"'; i++ {
		if r[i] == '\\' && i+1 < len(r) {
			escaped = true
			i++
		}
	}
	if i >= len(r) {
		return from, openData
	}
	v := r[from:i]
	if escaped {
		m.value = m.value[:0]
		for j := 0; j < len(v); j++ {
			if v[j] == '\\' && j+1 < len(v) && (v[j+1] == '"' || v[j+1] == '\\' || v[j+1] == ']') {
				j++
			}
			m.value = append(m.value, v[j])
		}
		v = m.value
	}
	m.label(b, m.name, v)
	return i + 1, ""
}
