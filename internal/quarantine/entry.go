package quarantine

import (
	"encoding/binary"
	"errors"
	"time"

	"tocsin/internal/parser"
)

// An Entry is one record that was refused, with all that is needed to read it again.
type Entry struct {
	ID       uint64    // rising, from 1; given by Add
	Received time.Time // when the record came
	Source   string    // name of the source in the configuration
	Path     string    // of the file; "" where there is none
	Format   string    // by which it was read
	Zone     string    // of the parser's settings; "" is UTC
	Service  string    // of the parser's settings
	Kind     string    // kind of event that it would have been
	Reason   string    // what it is counted by
	Detail   string    // the whole error
	Why      error     // in place of Detail, for Add, which asks for its text only where it is kept
	Line     int64     // number in its file, from 1; 0: unknown
	From, To int64     // its place in the uncompressed file; both 0 where there are no places
	Peer     [16]byte  // address of the sender, zero for files
	Cut      bool      // it was longer than parser.MaxRecord
	Pushed   bool      // it came over HTTP and may name its kind itself
	Data     []byte
}

// Key returns what the entry is counted by.
func (e *Entry) Key() Key { return Key{Source: e.Source, Format: e.Format, Reason: e.Reason} }

// Bounds of one entry. Texts that are longer are cut; a reason, source or format of that length is nobody's.
const (
	maxText    = 4 << 10
	maxPayload = parser.MaxRecord + 16*maxText
)

// size is not less than what the entry takes in a segment.
func (e *Entry) size() int64 {
	texts := len(e.Source) + len(e.Path) + len(e.Format) + len(e.Zone) + len(e.Service) + len(e.Kind) + len(e.Reason) + len(e.Detail)
	return int64(frame + 128 + texts + len(e.Data))
}

const (
	flagCut = 1 << iota
	flagPushed
)

// appendPayload encodes an entry.
func appendPayload(to []byte, e *Entry) []byte {
	to = binary.AppendUvarint(to, e.ID)
	to = binary.AppendVarint(to, e.Received.UnixNano())
	to = binary.AppendVarint(to, e.Line)
	to = binary.AppendVarint(to, e.From)
	to = binary.AppendVarint(to, e.To)
	flags := byte(0)
	if e.Cut {
		flags |= flagCut
	}
	if e.Pushed {
		flags |= flagPushed
	}
	to = append(to, flags)
	to = append(to, e.Peer[:]...)
	for _, text := range [...]string{e.Source, e.Path, e.Format, e.Zone, e.Service, e.Kind, e.Reason, e.Detail} {
		text = text[:min(len(text), maxText)]
		to = binary.AppendUvarint(to, uint64(len(text)))
		to = append(to, text...)
	}
	return append(to, e.Data[:min(len(e.Data), parser.MaxRecord)]...)
}

var errPayload = errors.New("its content is none of an entry")

// readPayload decodes an entry; its Data is part of p.
func readPayload(p []byte) (e Entry, err error) {
	d := decoder{rest: p}
	e.ID = d.unsigned()
	e.Received = time.Unix(0, d.signed()).UTC()
	e.Line, e.From, e.To = d.signed(), d.signed(), d.signed()
	fixed := d.take(1 + len(e.Peer))
	if d.failed {
		return e, errPayload
	}
	e.Cut, e.Pushed = fixed[0]&flagCut != 0, fixed[0]&flagPushed != 0
	copy(e.Peer[:], fixed[1:])
	for _, text := range [...]*string{&e.Source, &e.Path, &e.Format, &e.Zone, &e.Service, &e.Kind, &e.Reason, &e.Detail} {
		n := d.unsigned()
		if n > maxText {
			return e, errPayload
		}
		*text = string(d.take(int(n)))
	}
	e.Data = d.rest
	if d.failed || len(e.Data) > parser.MaxRecord {
		return e, errPayload
	}
	return e, nil
}

// A decoder reads from the beginning of rest; having failed once it gives nothing more.
type decoder struct {
	rest   []byte
	failed bool
}

func (d *decoder) unsigned() uint64 {
	v, n := binary.Uvarint(d.rest)
	d.took(n)
	return v
}

func (d *decoder) signed() int64 {
	v, n := binary.Varint(d.rest)
	d.took(n)
	return v
}

func (d *decoder) took(n int) {
	if n <= 0 {
		d.failed, d.rest = true, nil
		return
	}
	d.rest = d.rest[n:]
}

func (d *decoder) take(n int) []byte {
	if n > len(d.rest) {
		d.failed, d.rest = true, nil
		return nil
	}
	taken := d.rest[:n]
	d.rest = d.rest[n:]
	return taken
}
