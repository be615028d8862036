package ingest

import (
	"time"
	"unicode/utf8"

	"tocsin/internal/event"
	"tocsin/internal/source"
)

// ahead is how far an event may lie ahead of its receipt before its time is not believed.
const ahead = time.Minute

// A stamp puts on every row what ingest knows and the parser does not: when and through what it came, and from where in
// its file. It also sees to it that every row has a believable time to be ordered by.
type stamp struct {
	source, path, format []byte
	peer                 [16]byte
	offset, received     int64
	placed, cut, foul    bool // offset is known; the record was cut; it holds bytes that are no UTF-8
	stream               *source.Stream
}

// of sets what the next rows come from.
func (s *stamp) of(from *source.Stream, r *source.Record, received int64) {
	if s.stream != from {
		s.stream = from
		s.source, s.path, s.format = []byte(from.Source), []byte(from.Path), []byte(from.Format)
		s.peer = from.Peer
	}
	s.offset, s.placed, s.cut, s.received = r.From, r.To > 0, r.Cut, received
	s.foul = !utf8.Valid(r.Data)
}

// row is the Stamp of a builder.
func (s *stamp) row(b *event.Builder) {
	b.Time(event.Ingested, s.received)
	at, ok := b.IntNow(event.Timestamp)
	switch {
	case !ok:
		b.Time(event.Timestamp, s.received)
		b.Flag(event.NoTime)
	case at > s.received+int64(ahead):
		b.Flag(event.Future)
	}
	if s.cut {
		b.Flag(event.Cut)
	}
	if s.foul {
		b.Flag(event.BadUTF8)
	}
	b.Str(event.TocsinSource, s.source)
	if len(s.format) > 0 && !b.Has(event.EventDataset) {
		b.Str(event.EventDataset, s.format)
	}
	if len(s.path) > 0 {
		b.Str(event.LogFilePath, s.path)
	}
	if s.placed {
		b.Int(event.LogOffset, s.offset)
	}
	if s.peer != [16]byte{} && !b.Has(event.ObserverIP) {
		b.IP(event.ObserverIP, s.peer)
	}
}
