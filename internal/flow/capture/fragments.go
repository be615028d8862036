package capture

import (
	"net/netip"
	"slices"
)

// Bounds of what waits for its other fragments: 4 MiB at most.
const (
	maxWaiting   = 64
	maxDatagram  = 1<<16 - 1
	maxFragments = 64              // of one datagram: more than any network needs for 64 KiB
	waitFor      = 30 * int64(1e9) // RFC 791 section 3.2 says 15 s or more, RFC 8200 section 4.5 a minute
)

// fragments puts datagrams together (RFC 791 section 3.2, RFC 8200 section 4.5).
type fragments struct {
	waiting []*partial // the one begun first in front
	lost    int64
}

// A partial is a datagram of which some fragments came.
type partial struct {
	from, to netip.Addr
	id       uint32
	begun    int64
	pieces   []span
	body     []byte
	whole    int // its length, once the last fragment came; 0 before
	had      int // bytes of it that came
}

// A span is a piece from one place to another.
type span struct{ from, to int }

// add takes a fragment. It returns the body of the datagram when it is complete.
func (f *fragments) add(h *network, now int64) []byte {
	for len(f.waiting) > 0 && now-f.waiting[0].begun > waitFor {
		f.drop(0)
	}
	index := slices.IndexFunc(f.waiting, func(p *partial) bool { return p.id == h.id && p.from == h.from && p.to == h.to })
	if index < 0 {
		if len(f.waiting) >= maxWaiting {
			f.drop(0)
		}
		f.waiting = append(f.waiting, &partial{from: h.from, to: h.to, id: h.id, begun: now})
		index = len(f.waiting) - 1
	}
	p := f.waiting[index]
	if !p.put(h) {
		f.drop(index)
		return nil
	}
	if p.whole == 0 || p.had < p.whole {
		return nil
	}
	f.waiting = slices.Delete(f.waiting, index, index+1)
	return p.body[:p.whole]
}

func (f *fragments) drop(index int) {
	f.waiting = slices.Delete(f.waiting, index, index+1)
	f.lost++
}

// put takes a piece in. One that came before is passed over. It reports false for what no sender makes, as pieces that lie over
// each other: RFC 5722 has all of such a datagram dropped.
func (p *partial) put(h *network) bool {
	s := span{h.offset, h.offset + len(h.body)}
	if s.to > maxDatagram || s.to == s.from || h.more && len(h.body)%8 != 0 {
		return false
	}
	for _, other := range p.pieces {
		if other == s {
			return true
		}
		if s.from < other.to && other.from < s.to {
			return false
		}
	}
	if !h.more {
		if p.whole != 0 {
			return false
		}
		p.whole = s.to
	}
	if len(p.pieces) >= maxFragments || p.whole != 0 && (s.to > p.whole || len(p.body) > p.whole) {
		return false
	}
	p.pieces = append(p.pieces, s)
	if s.to > len(p.body) {
		p.body = append(p.body, make([]byte, s.to-len(p.body))...)
	}
	copy(p.body[s.from:], h.body)
	p.had += len(h.body)
	return true
}
