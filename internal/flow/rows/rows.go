// Package rows makes events of flow records.
//
// A record is kept as it was told, with two exceptions. Where packets were sampled, bytes and packets are estimates of the
// traffic: what was told times flow.sampling, so that sums, rankings and rules need not know of sampling, and what was told is
// the quotient. And a record of both directions (RFC 5103) is two events, each with what its source sent.
package rows

import (
	"math"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/flow"
)

// An Origin is what all records of a datagram have in common.
type Origin struct {
	Source   string // name of the source of tocsin
	Format   string // event.dataset
	Exporter [16]byte
	Received int64 // in nanoseconds since 1970 UTC
	// Ingested is when tocsin got them, where that is not when they were received by whoever captured them; 0: it is.
	Ingested int64
	// Doubted says that the clock of the exporter is off by more than is tolerated: the time of receipt is when its flows
	// happened, and what it says itself stands in event.start and event.end alone.
	Doubted bool
}

// A Note is what is known of a record besides what it tells.
type Note struct {
	ID                     uint64 // of its session
	Client                 bool   // its source opened the session
	Repeated               bool   // another exporter tells of this direction of the session
	ReverseRepeated        bool   // of the reverse direction, where the record tells both
	Interface, Application string // names of the input interface and of the application; "" for none
}

// Ahead is how far a flow may end behind its receipt before its time is not believed.
const Ahead = time.Minute

// Together is how many records Append is best given at a time: as many as a datagram holds, and few enough to stay in the cache of
// a processor while it goes through them once a column.
const Together = 64

// Append appends the rows of records, of which there is a note each, and returns how many: one a record, or two.
func (o *Origin) Append(b *event.Builder, records []flow.Record, notes []Note) int {
	if len(records) == 0 {
		return 0
	}
	for i := range records {
		if both(&records[i]) {
			records, notes = directions(records, notes)
			break
		}
	}
	w := work{Origin: o, records: records, notes: notes, run: b.Run(len(records))}
	w.look()
	w.when()
	w.protocol()
	w.labels()
	w.ends()
	w.traffic()
	w.flags()
	w.run.End()
	return len(records)
}

// both reports whether a record tells of traffic in both directions.
func both(r *flow.Record) bool {
	return r.Has&flow.HasReverse != 0 && (r.ReverseBytes != 0 || r.ReversePackets != 0)
}

// directions makes two records of each that tells both directions. Flags of TCP and interfaces are those of the first.
func directions(records []flow.Record, notes []Note) (of []flow.Record, about []Note) {
	for i := range records {
		r, n := records[i], notes[i]
		of, about = append(of, r), append(about, n)
		if !both(&r) {
			continue
		}
		r.Source, r.Destination = r.Destination, r.Source
		if r.Has&flow.HasPorts != 0 { // else the one is what ICMP says
			r.SourcePort, r.DestinationPort = r.DestinationPort, r.SourcePort
		}
		r.SourceAS, r.DestinationAS = r.DestinationAS, r.SourceAS
		r.SourceMAC, r.DestinationMAC = r.DestinationMAC, r.SourceMAC
		r.Bytes, r.Packets = r.ReverseBytes, r.ReversePackets
		r.Has &^= flow.HasTCPFlags | flow.HasInterfaces
		n.Client, n.Repeated, n.Interface = !n.Client, n.ReverseRepeated, ""
		of, about = append(of, r), append(about, n)
	}
	return of, about
}

// work is one call of Append. It goes through the records once a column, and makes no column in which no row has a value.
type work struct {
	*Origin

	records []flow.Record // a row each
	notes   []Note
	run     event.Run

	all, any                 flow.Has // what is told of every row, and of one at least
	sampled, repeated, named bool     // some are
	future                   bool     // some end too far ahead
}

// look finds out what columns there will be.
func (w *work) look() {
	w.all = math.MaxUint16
	for i := range w.records {
		r, n := &w.records[i], &w.notes[i]
		w.all &= r.Has
		w.any |= r.Has
		w.sampled = w.sampled || r.Sampling > 0
		w.repeated = w.repeated || n.Repeated
		w.named = w.named || n.Interface != "" || n.Application != ""
	}
}

// lack takes the values of fields, which were set for all rows, from those of which a fact is not told.
func (w *work) lack(fact flow.Has, fields ...event.FieldID) {
	if w.all&fact != 0 {
		return
	}
	for i := range w.records {
		if w.records[i].Has&fact == 0 {
			for _, id := range fields {
				w.run.Lack(id, i)
			}
		}
	}
}

// some sets a field where its value is not 0.
func (w *work) some(id event.FieldID, of func(i int) int64) {
	first := 0
	for first < len(w.records) && of(first) == 0 {
		first++
	}
	if first == len(w.records) {
		return
	}
	values := w.run.Ints(id)
	for i := range values {
		if values[i] = of(i); values[i] == 0 {
			w.run.Lack(id, i)
		}
	}
}

// words sets a field where there is a word for it.
func (w *work) words(id event.FieldID, of func(i int) string) {
	var codes []uint32
	last, code := "", uint32(0)
	for i := range w.records {
		word := of(i)
		if word == "" {
			continue
		}
		if codes == nil {
			codes = w.run.Codes(id)
		}
		if word != last {
			last, code = word, w.run.Code(id, word)
		}
		codes[i] = code
	}
}

// word sets a field of all rows to one word.
func (w *work) word(id event.FieldID, word string) {
	fill(w.run.Codes(id), w.run.Code(id, word))
}

// fill sets all values of a column to one.
func fill[T any](values []T, v T) {
	for i := range values {
		values[i] = v
	}
}
