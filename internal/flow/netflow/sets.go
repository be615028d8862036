package netflow

import (
	"bytes"
	"encoding/binary"

	"tocsin/internal/flow"
)

// A heldSet is data that waits for its template.
type heldSet struct {
	id   uint16
	body []byte
	at   clock
}

// v9 decodes a datagram of NetFlow 9 (RFC 3954 section 5).
func (d *Decoder) v9(at arrival, b []byte, into []flow.Record, r *flow.Report) []flow.Record {
	const header = 20
	if len(b) < header {
		r.Problem(flow.Truncated)
		return into
	}
	count := int(binary.BigEndian.Uint16(b[2:]))
	uptime := binary.BigEndian.Uint32(b[4:])
	r.Exported = int64(binary.BigEndian.Uint32(b[8:])) * 1e9
	r.Domain = binary.BigEndian.Uint32(b[16:])
	c := clockOf(at, r, uptime)
	m := d.enter(at, r)
	defer m.mu.Unlock()
	if m.number(r, binary.BigEndian.Uint32(b[12:]), uptime) {
		m.next++
	}
	into = d.sets(m, &c, b[header:], into, r)
	// Some exporters count data records alone, others also templates, or sets: only nonsense is told.
	if count > r.Records+r.Options+r.Templates && r.Problems == [flow.Reasons]uint32{} {
		r.Problem(flow.WrongCount)
	}
	return into
}

// ipfix decodes a message of IPFIX (RFC 7011 section 3).
func (d *Decoder) ipfix(at arrival, b []byte, into []flow.Record, r *flow.Report) []flow.Record {
	const header = 16
	if len(b) < header {
		r.Problem(flow.Truncated)
		return into
	}
	switch length := int(binary.BigEndian.Uint16(b[2:])); {
	case length < header || length > len(b):
		r.Problem(flow.Truncated)
	default:
		b = b[:length]
	}
	r.Exported = int64(binary.BigEndian.Uint32(b[4:])) * 1e9
	r.Domain = binary.BigEndian.Uint32(b[12:])
	c := clockOf(at, r, 0)
	m := d.enter(at, r)
	defer m.mu.Unlock()
	held := m.heldBytes
	into = d.sets(m, &c, b[header:], into, r)
	sure := held == m.heldBytes && r.Problems == [flow.Reasons]uint32{}
	m.numberRecords(r, binary.BigEndian.Uint32(b[8:]), uint32(r.Records+r.Options), sure) //nolint:gosec // as many as fit into a datagram
	return into
}

// sets walks through the sets of a datagram by their lengths.
func (d *Decoder) sets(m *domain, c *clock, b []byte, into []flow.Record, r *flow.Report) []flow.Record {
	d.expire(m, c.received, r)
	for len(b) >= 4 {
		id, length := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		switch {
		case length < 4:
			if !isPadding(b) {
				r.Problem(flow.BadLength)
			}
			return into
		case length > len(b):
			r.Problem(flow.Truncated)
			length = len(b)
		}
		body := b[4:length]
		b = b[length:]
		switch {
		case m.key.version == 9 && id == 0, m.key.version == 10 && id == 2:
			into = d.templates(m, c, body, false, into, r)
		case m.key.version == 9 && id == 1, m.key.version == 10 && id == 3:
			into = d.templates(m, c, body, true, into, r)
		case id < 256:
			r.Problem(flow.ReservedSet)
		default:
			into = d.data(m, c, id, body, into, r)
		}
	}
	return into
}

// isPadding reports whether bytes are zeros alone. Some exporters, as of Palo Alto and Cisco's ACI, fill datagrams up to one size
// behind the last set.
func isPadding(b []byte) bool {
	for _, v := range b {
		if v != 0 {
			return false
		}
	}
	return true
}

// data reads the records of one set, or holds it for its template.
func (d *Decoder) data(m *domain, c *clock, id uint16, body []byte, into []flow.Record, r *flow.Report) []flow.Record {
	t := m.templates[id]
	switch {
	case t == nil:
		r.Problem(flow.NoTemplate)
		if m.heldBytes+len(body) > d.options.HoldDomain || d.held.Load()+int64(len(body)) > int64(d.options.HoldTotal) {
			r.Problem(flow.HeldTooMuch)
			break
		}
		m.held = append(m.held, heldSet{id, bytes.Clone(body), *c})
		m.heldBytes += len(body)
		d.held.Add(int64(len(body)))
	case t.options:
		m.options(t, body, r)
	default:
		into = m.flows(t, c, body, into, r)
	}
	return into
}

// templates reads a set of templates, and the data that waited for them.
func (d *Decoder) templates(m *domain, c *clock, b []byte, options bool, into []flow.Record, r *flow.Report) []flow.Record {
	for len(b) >= 4 {
		id, count, scopes := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:])), 0
		b = b[4:]
		if m.key.version == 10 && count == 0 {
			m.withdraw(id, options)
			r.Templates++
			continue
		}
		if options {
			if len(b) < 2 {
				r.Problem(flow.Truncated)
				return into
			}
			second := int(binary.BigEndian.Uint16(b))
			b = b[2:]
			if scopes = second; m.key.version == 9 { // lengths in bytes: of the scopes, then of the rest
				scopes, count = count/4, count/4+second/4
			}
		}
		if id == 0 && count == 0 {
			return into // padding
		}
		if old := m.templates[id]; old.same(b, count, scopes, options) { // as most are: sent again and again
			old.seen = c.received
			r.Templates++
			b = b[len(old.raw):]
			continue
		}
		t, size := d.parseTemplate(b, m.key.version, count, scopes, options)
		if size == 0 {
			r.Problem(flow.Truncated)
			return into
		}
		b = b[size:]
		if t == nil || id < 256 {
			r.Problem(flow.BadTemplate)
			continue
		}
		into = d.learn(m, c, id, t, into, r)
	}
	return into
}

// learn keeps a template, and reads the data that waited for it.
func (d *Decoder) learn(m *domain, c *clock, id uint16, t *template, into []flow.Record, r *flow.Report) []flow.Record {
	old := m.templates[id]
	if old == nil && len(m.templates) >= d.options.MaxTemplates {
		r.Problem(flow.TooManyTemplates)
		return into
	}
	r.Templates++
	t.seen = c.received
	m.templates[id] = t
	if len(m.held) == 0 {
		return into
	}
	kept := m.held[:0]
	for _, h := range m.held {
		if h.id != id {
			kept = append(kept, h)
			continue
		}
		m.heldBytes -= len(h.body)
		d.held.Add(-int64(len(h.body)))
		r.Released++
		if t.options {
			m.options(t, h.body, r)
		} else {
			into = m.flows(t, &h.at, h.body, into, r)
		}
	}
	clear(m.held[len(kept):])
	m.held = kept
	return into
}

// withdraw forgets a template, or all of its kind (RFC 7011 section 8.1).
func (m *domain) withdraw(id uint16, options bool) {
	const allTemplates, allOptions = 2, 3
	if id == allTemplates || id == allOptions {
		for other, t := range m.templates {
			if t.options == options {
				delete(m.templates, other)
			}
		}
		return
	}
	delete(m.templates, id)
}

// expire drops data that was held for too long, and templates that were not sent again.
func (d *Decoder) expire(m *domain, now int64, r *flow.Report) {
	for len(m.held) > 0 && m.held[0].at.received < now-int64(d.options.HoldFor) {
		r.Problem(flow.HeldTooLong)
		m.heldBytes -= len(m.held[0].body)
		d.held.Add(-int64(len(m.held[0].body)))
		m.held = m.held[1:]
	}
	if now-m.swept < int64(d.options.Expire)/24 {
		return
	}
	m.swept = now
	for id, t := range m.templates {
		if t.seen < now-int64(d.options.Expire) {
			delete(m.templates, id)
		}
	}
}
