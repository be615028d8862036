package session

import (
	"encoding/binary"
	"hash/crc32"

	"tocsin/internal/fault"
)

// The form of a saved state: a line that names it, salt, entries from the one silent longest on, and the CRC-32C of it all.
const (
	header    = "tocsin sessions 2\n"
	spanSize  = 3*8 + 2*4
	entrySize = 5*8 + 1 + 4 + 2*4 + 2*spanSize
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Save returns what Load takes, so that sessions keep their numbers over a restart.
func (t *Tracker) Save() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	be := binary.BigEndian
	b := make([]byte, 0, len(header)+8+t.table.used*entrySize+4)
	b = be.AppendUint64(append(b, header...), t.options.Salt)
	for i := t.table.oldest; i != none; {
		e := t.table.at(i)
		for _, w := range e.key {
			b = be.AppendUint64(b, w)
		}
		b = be.AppendUint32(append(b, e.state), e.touched)
		b = be.AppendUint32(be.AppendUint32(b, e.told[0]), e.told[1])
		for _, s := range [...]*span{&e.now, &e.before} {
			b = be.AppendUint64(b, s.id)
			b = be.AppendUint64(be.AppendUint64(b, uint64(s.first)), uint64(s.last)) //nolint:gosec // read back the same way
			b = be.AppendUint32(be.AppendUint32(b, s.tellers[0]), s.tellers[1])
		}
		i = e.newer
	}
	return be.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// Load takes in what Save returned, before the first record. What is damaged is refused as a whole with an error of kind
// fault.Invalid; sessions are then numbered anew.
func (t *Tracker) Load(b []byte) error {
	be := binary.BigEndian
	body := len(b) - len(header) - 8 - 4
	if body < 0 || string(b[:len(header)]) != header || body%entrySize != 0 {
		return fault.New(fault.Invalid, "load sessions: got %d bytes that are no state of this form", len(b))
	}
	if got, want := crc32.Checksum(b[:len(b)-4], castagnoli), be.Uint32(b[len(b)-4:]); got != want {
		return fault.New(fault.Invalid, "load sessions: got checksum %08x, want %08x", got, want)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	fresh := newTable()
	fresh.secret = t.secret
	t.options.Salt = be.Uint64(b[len(header):])
	entries := b[len(header)+8 : len(b)-4]
	if most := t.options.Max * entrySize; len(entries) > most { // those heard last count
		entries = entries[len(entries)-most:]
	}
	for ; len(entries) > 0; entries = entries[entrySize:] {
		r := entries[:entrySize]
		var k key
		for i := range k {
			k[i] = be.Uint64(r[8*i:])
		}
		index, first := fresh.find(&k, fresh.secret.hash(&k))
		if !first {
			return fault.New(fault.Invalid, "load sessions: got the same ends twice")
		}
		e := fresh.at(index)
		e.state = r[40]
		e.told = [2]uint32{be.Uint32(r[45:]), be.Uint32(r[49:])}
		for i, s := range [...]*span{&e.now, &e.before} {
			v := r[53+spanSize*i:]
			*s = span{be.Uint64(v), int64(be.Uint64(v[8:])), int64(be.Uint64(v[16:])), [2]uint32{be.Uint32(v[24:]), be.Uint32(v[28:])}} //nolint:gosec // as it was written
		}
		fresh.push(index, int64(be.Uint32(r[41:])))
	}
	t.table = fresh
	return nil
}
