package session

import (
	"encoding/binary"
	"hash/crc32"

	"tocsin/internal/fault"
)

// The form of a saved state: a line that names it, salt, entries from the one silent longest on, and the CRC-32C of it all.
const (
	header    = "tocsin sessions 1\n"
	entrySize = 16 + 16 + 2 + 2 + 1 + 1 + 4 + 6*8
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
		e := &t.table.entries[i]
		b = append(append(b, e.low[:]...), e.high[:]...)
		b = be.AppendUint16(be.AppendUint16(b, e.lowPort), e.highPort)
		b = be.AppendUint32(append(b, e.protocol, e.state), e.touched)
		for _, s := range [...]*span{&e.now, &e.before} {
			b = be.AppendUint64(b, s.id)
			b = be.AppendUint64(be.AppendUint64(b, uint64(s.first)), uint64(s.last)) //nolint:gosec // read back the same way
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
	t.options.Salt = be.Uint64(b[len(header):])
	entries := b[len(header)+8 : len(b)-4]
	if most := t.options.Max * entrySize; len(entries) > most { // those heard last count
		entries = entries[len(entries)-most:]
	}
	for ; len(entries) > 0; entries = entries[entrySize:] {
		r := entries[:entrySize]
		k := key{[16]byte(r), [16]byte(r[16:]), be.Uint16(r[32:]), be.Uint16(r[34:]), r[36]}
		e, first := fresh.find(&k)
		if !first {
			return fault.New(fault.Invalid, "load sessions: got the same ends twice")
		}
		e.state = r[37]
		for i, s := range [...]*span{&e.now, &e.before} {
			v := r[42+24*i:]
			*s = span{be.Uint64(v), int64(be.Uint64(v[8:])), int64(be.Uint64(v[16:]))} //nolint:gosec // as it was written
		}
		fresh.push(e, int64(be.Uint32(r[38:])))
	}
	t.table = fresh
	return nil
}
