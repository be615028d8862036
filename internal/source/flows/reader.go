package flows

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/flow"
	"tocsin/internal/flow/rows"
	"tocsin/internal/flow/session"
	"tocsin/internal/flow/sflow"
)

// tolerance is by how much the clock of an exporter may be off before its times are not believed.
const tolerance = time.Minute

// largest is what a datagram of UDP can hold, in bytes.
const largest = 1 << 16

// mostRows is how full a batch may become and hold both directions of some records more.
const mostRows = event.MaxRows - rows.Together

// maxNames bounds how many names a reader remembers.
const maxNames = 1 << 14

// A reader reads one socket and makes batches.
type reader struct {
	source *Source
	queue  chan<- *event.Batch
	// ingested is when a capture is read; 0 of what comes in now.
	ingested int64

	records  []flow.Record
	counters []flow.Interface
	marks    []session.Mark
	notes    []rows.Note
	names    map[nameKey]rows.Note // names alone

	mu      sync.Mutex // for what flush also touches
	builder *event.Builder
	due     *time.Timer // when the batch at hand has waited long enough
}

type nameKey struct {
	exporter           [16]byte
	version            uint16
	domain, input, app uint32
}

func newReader(s *Source, queue chan<- *event.Batch) *reader {
	return &reader{source: s, queue: queue, builder: event.NewBuilder(event.Flow), due: time.NewTimer(s.options.Delay), names: map[nameKey]rows.Note{}}
}

// read reads datagrams until the socket is closed, which whoever closes it explains.
func (r *reader) read(ctx context.Context, c *net.UDPConn) error {
	in := newReceiver(c)
	for {
		n, err := in.receive()
		switch {
		case err == nil:
			received := time.Now().UnixNano()
			for i := range n {
				datagram, from := in.datagram(i)
				r.take(from.Unmap().WithZone(""), datagram, received)
			}
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			return nil
		default:
			return err
		}
	}
}

// flush hands on what has waited long enough, and all when the reader has ended.
func (r *reader) flush(ended <-chan struct{}) {
	defer r.due.Stop()
	for {
		over := false
		select {
		case <-ended:
			over = true
		case <-r.due.C:
		}
		r.mu.Lock()
		r.hand()
		r.mu.Unlock()
		if over {
			return
		}
	}
}

// hand puts the batch at hand into the queue. It waits while that is full, and so the reader does. It is called with mu held.
func (r *reader) hand() {
	if r.builder.Rows() > 0 {
		r.queue <- r.builder.Batch()
	}
}

// take makes rows of one datagram, and says what became of it.
func (r *reader) take(from netip.Addr, datagram []byte, received int64) (report flow.Report) {
	s, m := r.source, r.source.options.Memory
	s.stats.datagrams.Inc()
	if !s.allowed(from) {
		s.stats.refused.Inc()
		m.exporters.refuse(s.options.Name, from, received, len(datagram))
		return report
	}
	exporter := from.As16()
	if sflow.Knows(datagram) {
		r.records, report = m.sflow.Decode(exporter, received, datagram, r.records[:0])
		r.count(from, datagram, received, &report)
	} else {
		r.records, report = m.netflow.Decode(exporter, received, datagram, r.records[:0])
	}
	sampling := uint32(0)
	if n := len(r.records); n > 0 {
		sampling = r.records[n-1].Sampling
	}
	s.stats.report(&report)
	m.exporters.heard(s.options.Name, from, received, len(datagram), &report, sampling)
	if len(r.records) == 0 {
		return report
	}
	s.stats.flows.Add(float64(len(r.records)))
	if report.Options > 0 {
		clear(r.names) // which may have changed
	}
	origin := rows.Origin{Source: s.options.Name, Format: protocolOf(report.Version), Exporter: exporter, Received: received, Ingested: r.ingested}
	skew := time.Duration(0)
	if report.Exported != 0 && report.Problems[flow.BadTime] == 0 { // else the decoder has put the time of receipt in its place
		skew = time.Duration(report.Exported - received)
		origin.Doubted = skew > tolerance || skew < -tolerance
	}
	if !origin.Doubted {
		skew = 0
	}
	r.marks = m.sessions.Track(exporter, r.records, received, -skew, r.marks[:0])
	r.notes = r.notes[:0]
	for i := range r.records {
		note, mark := r.name(exporter, report.Version, &r.records[i]), &r.marks[i]
		note.ID, note.Client, note.Repeated, note.ReverseRepeated = mark.ID, mark.Role == session.Client, mark.Repeated, mark.ReverseRepeated
		r.notes = append(r.notes, note)
	}
	r.append(&origin)
	return report
}

// count takes what the counter samples of a datagram of sFlow say of interfaces. Of those in captures no more is told than what is
// foul.
func (r *reader) count(from netip.Addr, datagram []byte, received int64, report *flow.Report) {
	if report.Counters == 0 {
		return
	}
	r.counters = sflow.Counters(datagram, r.counters[:0], report)
	r.source.stats.samples.Add(float64(report.Counters))
	if len(r.counters) > 0 && r.ingested == 0 {
		report.Problems[flow.TooManyInterfaces] += r.source.options.Memory.interfaces.heard(from, r.counters, received)
	}
}

// append makes rows of the records at hand, and hands on each batch that is full.
func (r *reader) append(origin *rows.Origin) {
	r.mu.Lock()
	defer r.mu.Unlock()
	records, notes := r.records, r.notes
	for len(records) > 0 {
		if r.builder.Rows() == 0 {
			r.due.Reset(r.source.options.Delay)
		}
		n := min(len(records), rows.Together, r.source.options.Rows-r.builder.Rows()) // 1 or more: a full batch was handed on
		origin.Append(r.builder, records[:n], notes[:n])
		records, notes = records[n:], notes[n:]
		if r.builder.Rows() >= r.source.options.Rows {
			r.hand()
		}
	}
}

// allowed reports whether an exporter is heard.
func (s *Source) allowed(from netip.Addr) bool {
	for _, n := range s.options.Allow {
		if n.Contains(from) {
			return true
		}
	}
	return len(s.options.Allow) == 0
}

// name returns what the exporter calls the input interface and the application of a record.
func (r *reader) name(exporter [16]byte, version uint16, rec *flow.Record) rows.Note {
	if rec.Ingress == 0 && rec.Application == 0 || version < 9 || version == sflow.Version {
		return rows.Note{}
	}
	k := nameKey{exporter, version, rec.Domain, rec.Ingress, rec.Application}
	n, known := r.names[k]
	if !known {
		if len(r.names) >= maxNames {
			clear(r.names)
		}
		n.Interface, n.Application = r.source.options.Memory.netflow.Names(exporter, version, rec.Domain, rec.Ingress, rec.Application)
		r.names[k] = n
	}
	return n
}
