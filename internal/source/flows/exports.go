package flows

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"tocsin/internal/api"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/flow"
	"tocsin/internal/flow/capture"
	"tocsin/internal/flow/netflow"
	"tocsin/internal/flow/sflow"
	"tocsin/internal/ingest"
)

// A sink is where exporters send to.
type sink struct {
	address netip.AddrPort
	sflow   bool
}

// maxSinks bounds how many are remembered; maxErrors how many faults are shown.
const (
	maxSinks  = 4096
	maxErrors = 10
)

// customary are the ports that collectors listen on by custom: a datagram that is sent there and begins like an export is one,
// though it may be damaged.
var customary = [...]uint16{2055, 2056, 4432, 4729, 4739, 6343, 9025, 9555, 9995, 9996}

// firstUnprivileged is the lowest port that programs send from without being servers.
const firstUnprivileged = 1024

// A reading is the reading of one capture.
type reading struct {
	in       ingest.Capture
	packets  *capture.Reader
	captures *Captures
	reader   *reader
	filled   chan *event.Batch
	latest   int64

	datagrams  capture.Datagrams
	sinks      map[sink]bool
	ports      map[uint16]int64 // of datagrams that are no exports
	number     int64            // of the packet
	before     capture.Contents // what was seen before in.From
	exports    int64            // datagrams of exporters, those before in.From too
	told       api.IngestAnswer
	problems   [flow.Reasons]int64
	released   int64
	incomplete int64 // before in.From
	badTimes   int64
	began      bool // in.From is passed
	to         int64
	refused    error // by who takes the flows
}

// run reads packets to the end of the capture, which is io.EOF, or of what can be read of it.
func (r *reading) run(ctx context.Context) error {
	r.to = r.in.From
	for {
		if r.number%1024 == 0 && ctx.Err() != nil {
			r.refused = context.Cause(ctx)
			return r.refused
		}
		p, err := r.packets.Next()
		if err != nil {
			r.begin(never)
			return err
		}
		r.number++
		r.begin(p.From)
		r.packet(&p)
		if !r.began {
			r.discard()
			continue
		}
		r.to = p.To
		for len(r.filled) > 0 {
			if r.refused = r.in.Take(<-r.filled, r.to, r.answer(false)); r.refused != nil {
				return r.refused
			}
		}
		if r.reader.builder.Rows() >= r.in.Rows {
			if r.refused = r.give(); r.refused != nil {
				return r.refused
			}
		}
	}
}

// begin notes where packets begin that were not read before.
func (r *reading) begin(at int64) {
	if r.began || at < r.in.From {
		return
	}
	r.began = true
	r.reader.builder.Batch()
	r.before, r.incomplete = r.datagrams.Seen, r.datagrams.Incomplete()
}

// discard drops flows that are known already, now and then.
func (r *reading) discard() {
	for len(r.filled) > 0 {
		<-r.filled
	}
	if r.reader.builder.Rows() >= r.in.Rows {
		r.reader.builder.Batch()
	}
}

// give hands on the flows at hand. There may be none: the place up to which the capture was read is told all the same.
func (r *reading) give() error {
	return r.in.Take(r.reader.builder.Batch(), r.to, r.answer(false))
}

// packet takes the exports of one packet.
func (r *reading) packet(p *capture.Packet) {
	if r.began {
		r.told.Packets++
	}
	d, ok := r.datagrams.Find(p)
	if !ok {
		return
	}
	at, bad := r.at(p)
	if !r.export(&d, at) {
		if r.began {
			r.ports[d.To.Port()]++
		}
		return
	}
	r.exports++
	report := r.reader.take(d.From.Addr().WithZone(""), d.Payload, at)
	if !r.began {
		return
	}
	r.told.Lines++
	if bad {
		r.badTimes++
	}
	r.note(p, &d, &report)
}

// export reports whether a datagram is one of an exporter.
func (r *reading) export(d *capture.Datagram, at int64) bool {
	s := sink{d.To, sflow.Knows(d.Payload)}
	if r.sinks[s] {
		return true
	}
	certain := s.sflow && sflow.Certain(d.Payload) || !s.sflow && netflow.Certain(d.Payload, at)
	if certain && len(r.sinks) < maxSinks {
		r.sinks[s] = true
	}
	return certain || slices.Contains(customary[:], d.To.Port()) && d.From.Port() >= firstUnprivileged && (s.sflow || netflow.Knows(d.Payload))
}

// note accounts for what became of a datagram.
func (r *reading) note(p *capture.Packet, d *capture.Datagram, report *flow.Report) {
	r.released += int64(report.Released)
	for why, n := range report.Problems {
		r.problems[why] += int64(n)
	}
	report.Problems[flow.NoTemplate] = 0 // which may come
	problems := report.String()
	if problems == "" {
		if report.Records == 0 {
			r.told.Empty++
		}
		return
	}
	if len(r.told.Errors) < maxErrors {
		r.told.Errors = append(r.told.Errors, api.LineError{Line: r.number, Offset: p.From,
			Reason: fmt.Sprintf("%s of %s: %s", protocolOf(report.Version), d.From.Addr(), problems)})
	}
}

// answer says what became of the capture up to here. Notes are made for the last one.
func (r *reading) answer(last bool) api.IngestAnswer {
	a := r.told
	a.Format, a.Confidence, a.Reasons, a.Rejected = r.packets.Form().String(), 100, map[string]int64{}, 0
	add := func(why string, n int64) {
		if n > 0 {
			a.Reasons[why] += n
			a.Rejected += n
		}
	}
	for why, n := range r.problems {
		if flow.Reason(why) == flow.NoTemplate { //nolint:gosec // few
			// Of data that waited for its template, what was read after all, or given up for a reason of its own, is not counted.
			n -= r.released + r.problems[flow.HeldTooLong] + r.problems[flow.HeldTooMuch]
		}
		add(flow.Reason(why).String(), n) //nolint:gosec // few
	}
	add(flow.BadTime.String(), r.badTimes)
	add("incomplete", r.datagrams.Incomplete()-r.incomplete)
	if last {
		a.Notes = r.notes()
	}
	return a
}

// notes says what is to be said of the capture as a whole.
func (r *reading) notes() (notes []string) {
	if r.told.Packets == 0 && r.number == 0 {
		notes = append(notes, "the capture has no packets")
	}
	if others := r.others(); r.exports > 0 && others != "" {
		notes = append(notes, "packets that are no exports of flows: "+others)
	}
	if times, skipped := r.packets.Damaged(); times > 0 {
		places := "one place"
		if times > 1 {
			places = fmt.Sprintf("%d places", times)
		}
		notes = append(notes, fmt.Sprintf("the capture is damaged in %s; %d bytes of it cannot be read", places, skipped))
	}
	if r.packets.Ends() {
		notes = append(notes, fmt.Sprintf("the capture ends within a packet, at byte %d; what comes before is read", r.packets.Offset()))
	}
	return notes
}

// others counts packets that are no exports, by what they are; "" for none.
func (r *reading) others() string {
	var words []string
	for what, n := range r.datagrams.Seen {
		if c := capture.Content(what); c != capture.UDP && c != capture.Fragment && n > r.before[what] { //nolint:gosec // few
			words = append(words, fmt.Sprintf("%d %s", n-r.before[what], c))
		}
	}
	if len(r.ports) == 0 {
		return strings.Join(words, ", ")
	}
	total := int64(0)
	ports := slices.SortedFunc(maps.Keys(r.ports), func(a, b uint16) int { return cmp.Or(cmp.Compare(r.ports[b], r.ports[a]), cmp.Compare(a, b)) })
	for _, n := range r.ports {
		total += n
	}
	const shown = 5
	list, more := ports, ""
	if len(list) > shown {
		list, more = list[:shown], " and others"
	}
	text := strings.ReplaceAll(strings.Trim(fmt.Sprint(list), "[]"), " ", ", ")
	return strings.Join(append(words, fmt.Sprintf("%d UDP, to ports %s%s", total, text, more)), ", ")
}

// nothing returns an error when of all the packets none is an export.
func (r *reading) nothing() error {
	if r.exports > 0 || r.number == 0 {
		return nil
	}
	return fault.New(fault.Invalid, "there are no exports of flows in the capture, of NetFlow, IPFIX or sFlow; its packets are: %s "+
		"(to have flows made of ordinary traffic, listen, and: softflowd -r FILE -v 9 -n 127.0.0.1:2055)", r.others())
}
