// Package session tells which records of flows belong to one session, and which side opened it.
//
// A session is what two ends say to each other over one pair of ports until they end it or fall silent. Both directions, and
// the records of every exporter on the way, get the same number. Records themselves are left as they are: a session is an
// aggregate of those that carry its number.
//
// The side that opened it, the client, is the one that sent a SYN without an ACK, or of whom an exporter of both directions
// says so (RFC 5103 section 6.3); else the one at the higher port; else the one whose record came first. What a SYN shows
// later on holds from then on: records that went before keep what was known then.
//
// Where several exporters see the same packets, each tells of them, and sums count them as often. Of each direction of a session
// one exporter is the teller, and what others say of it is marked as repeated; see repeated for who is.
package session

import (
	"sync"
	"time"

	"tocsin/internal/flow"
)

// A Role is that of the source of a record in its session.
type Role uint8

// The roles.
const (
	Client Role = iota + 1 // the source opened the session
	Server                 // the destination did
)

// String returns the word that field flow.role has for it.
func (r Role) String() string { return [...]string{"", "client", "server"}[min(r, 2)] }

// A Mark is what a Tracker says of one record.
type Mark struct {
	ID   uint64 // of the session; never 0
	Role Role   // of the record's source; the reverse direction of the same record has the other one
	// Repeated says that another exporter tells of this direction of the session, ReverseRepeated the same of the reverse
	// direction of a record that tells both (RFC 5103).
	Repeated, ReverseRepeated bool
}

// Options are the bounds of a Tracker; zero means the default of each.
type Options struct {
	// Max is how many sessions are remembered at a time, 150 bytes each; 1,000,000. The one silent longest gives way, to the
	// second.
	Max int
	// IdleTCP, IdleUDP and Idle, for the other protocols, are how long a session may be silent and go on; 1 h, 5 min (RFC 4787
	// section 4.3) and 5 min.
	IdleTCP, IdleUDP, Idle time.Duration
	// Grace is by how much times may be off: those of NetFlow 9 are true to the second alone, and clocks of exporters differ.
	// A SYN begins a new session only when it comes later than that behind the end of the one before; 2 s.
	Grace time.Duration
	// Silence is for how much of the time of records an exporter may say nothing of a session and remain its teller; 2 min.
	Silence time.Duration
	// Salt goes into the numbers of sessions, so that nobody outside can make two that are alike. Load brings that of the state.
	Salt uint64
}

func (o Options) withDefaults() Options {
	if o.Max <= 0 {
		o.Max = 1_000_000
	}
	for _, d := range []struct {
		v         *time.Duration
		otherwise time.Duration
	}{{&o.IdleTCP, time.Hour}, {&o.IdleUDP, 5 * time.Minute}, {&o.Idle, 5 * time.Minute}, {&o.Grace, 2 * time.Second}, {&o.Silence, 2 * time.Minute}} {
		if *d.v <= 0 {
			*d.v = d.otherwise
		}
	}
	return o
}

// A Tracker knows the sessions of late. What it says follows from the records and their times of receipt alone. Its methods
// may be called from several goroutines.
type Tracker struct {
	options Options
	secret  secret // of the table
	forget  int64  // seconds of silence after which a session is not remembered in any case

	mu    sync.Mutex
	table table

	opened, evicted, repeats uint64
}

// Statistics count since the Tracker was made.
type Statistics struct {
	Sessions int    // remembered now
	Opened   uint64 // begun
	Evicted  uint64 // forgotten while they may have gone on, because there were too many
	Repeated uint64 // directions of records that another exporter tells
}

// New returns a tracker that knows no session.
func New(o Options) *Tracker {
	o = o.withDefaults()
	t := newTable()
	return &Tracker{options: o, secret: t.secret, forget: int64(max(o.IdleTCP, o.IdleUDP, o.Idle)/time.Second) + 1, table: t}
}

// Statistics returns the counts.
func (t *Tracker) Statistics() Statistics {
	t.mu.Lock()
	defer t.mu.Unlock()
	return Statistics{Sessions: t.table.used, Opened: t.opened, Evicted: t.evicted, Repeated: t.repeats}
}

// Track appends a mark for each record of one exporter, in order. received is when they came in, in nanoseconds since 1970 UTC;
// shift is added to their times first, for exporters whose clock is known to be off.
func (t *Tracker) Track(exporter [16]byte, records []flow.Record, received int64, shift time.Duration, into []Mark) []Mark {
	w := witness{second: received / 1e9}
	var probes [together]probe
	for len(records) > 0 {
		some := records[:min(len(records), len(probes))]
		for i := range some {
			p := &probes[i]
			p.key, p.forward = keyOf(&some[i])
			p.hash = t.secret.hash(&p.key)
		}
		into = t.trackSome(&exporter, some, probes[:len(some)], &w, int64(shift), into)
		records = records[len(some):]
	}
	return into
}

// together is how many keys are looked for together: as many as a datagram of NetFlow 5 has, and not more than a processor has
// reads of memory on the way.
const together = 32

func (t *Tracker) trackSome(exporter *[16]byte, records []flow.Record, probes []probe, w *witness, shift int64, into []Mark) []Mark {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.table.warm(probes, t.options.Max)
	for i := range records {
		r := &records[i]
		if w.teller == 0 || w.domain != r.Domain {
			w.domain, w.teller = r.Domain, t.teller(exporter, r.Domain)
		}
		into = append(into, t.track(r, &probes[i], r.Start+shift, r.End+shift, w))
	}
	return into
}

// Numbers of IANA, and bits of the flags of TCP (RFC 9293 section 3.1).
const (
	icmp, tcp, udp, icmpv6 = 1, 6, 17, 58
	fin, syn, rst, ack     = 1, 2, 4, 16
)

func (t *Tracker) track(r *flow.Record, p *probe, start, end int64, w *witness) Mark {
	t.expire(w.second)
	k, forward := &p.key, p.forward
	index, fresh := t.table.find(k, p.hash)
	e := t.table.at(index)
	if fresh {
		t.begin(e, r, k, forward, start, end)
		t.table.push(index, w.second)
		if t.table.used > t.options.Max {
			t.table.drop(t.table.oldest)
			t.evicted++
		}
		return t.mark(e, &e.now, r, forward, start, end, w)
	}
	if e.touched != uint32(w.second) { //nolint:gosec // until 2106
		t.table.touch(index, w.second)
	}
	idle, grace := t.idle(r.Protocol), int64(t.options.Grace)
	opens := r.Has&flow.HasTCPFlags != 0 && r.TCPFlags&syn != 0
	switch {
	case start > e.now.last+idle, e.is(ended) && start > e.now.last+min(idle, timeWait), e.is(ended) && opens && start > e.now.last+grace:
		e.before = e.now
		t.begin(e, r, k, forward, start, end)
		return t.mark(e, &e.now, r, forward, start, end, w)
	case e.is(clean) && end < e.now.first-grace, end < e.now.first-idle:
		t.earlier(e, k, start, end, idle)
		return t.mark(e, &e.before, r, forward, start, end, w)
	}
	e.now.first, e.now.last = min(e.now.first, start), max(e.now.last, end)
	if opens {
		e.state |= clean
	}
	e.learn(r, forward)
	return t.mark(e, &e.now, r, forward, start, end, w)
}

// timeWait is for how long after its end packets of a connection may come: twice the longest life of a segment (RFC 9293 section
// 3.4.1), in nanoseconds. What comes later is another one, of which the beginning was not seen.
const timeWait = 4 * int64(time.Minute)

// idle is how long a session of a protocol may be silent, in nanoseconds.
func (t *Tracker) idle(protocol uint8) int64 {
	switch protocol {
	case tcp:
		return int64(t.options.IdleTCP)
	case udp:
		return int64(t.options.IdleUDP)
	default:
		return int64(t.options.Idle)
	}
}

// expire forgets sessions that are over whatever comes: two a record are more than can be added.
func (t *Tracker) expire(second int64) {
	for range 2 {
		oldest := t.table.oldest
		if oldest == none || second-int64(t.table.at(oldest).touched) <= t.forget {
			return
		}
		t.table.drop(oldest)
	}
}

// begin makes an entry that of a new session.
func (t *Tracker) begin(e *entry, r *flow.Record, k *key, forward bool, start, end int64) {
	t.opened++
	e.now, e.told = span{id: t.number(k, start), first: start, last: end}, [2]uint32{}
	e.state = 0
	if r.Has&flow.HasTCPFlags != 0 && r.TCPFlags&syn != 0 {
		e.state |= clean
	}
	switch {
	case r.SourcePort != r.DestinationPort && r.Has&flow.HasPorts != 0:
		e.client(forward == (r.SourcePort > r.DestinationPort))
	default:
		e.client(forward)
	}
	e.learn(r, forward)
}

// earlier takes a record that came late into the session before the one at hand.
func (t *Tracker) earlier(e *entry, k *key, start, end, idle int64) {
	b := &e.before
	if b.id == 0 || start > b.last+idle || end < b.first-idle {
		t.opened++
		*b = span{id: t.number(k, start), first: start, last: end}
		return
	}
	b.first, b.last = min(b.first, start), max(b.last, end)
}

// learn takes from a record of a session who opened it, and whether it is over.
func (e *entry) learn(r *flow.Record, forward bool) {
	if r.Has&flow.HasTCPFlags != 0 {
		if r.TCPFlags&(fin|rst) != 0 {
			e.state |= ended
		}
		if !e.is(shown) && r.TCPFlags&(syn|ack) == syn {
			e.state |= shown
			e.client(forward)
		}
	}
	if e.is(shown) {
		return
	}
	switch {
	case r.Has&flow.HasReverse != 0, asks(r):
		e.state |= shown
		e.client(forward)
	case answers(r):
		e.state |= shown
		e.client(!forward)
	}
}

// asks and answers say so of echoes: the types of RFC 792 and RFC 4443 section 4.
func asks(r *flow.Record) bool {
	return r.Protocol == icmp && r.DestinationPort>>8 == 8 || r.Protocol == icmpv6 && r.DestinationPort>>8 == 128
}

func answers(r *flow.Record) bool {
	return r.Protocol == icmp && r.Has&flow.IsICMP != 0 && r.DestinationPort>>8 == 0 || r.Protocol == icmpv6 && r.DestinationPort>>8 == 129
}

// number makes the number of a session from its ends and its beginning: no two restarts, and no two nodes that were given the
// same salt, number differently what they both saw begin.
func (t *Tracker) number(k *key, start int64) uint64 {
	h := t.options.Salt
	for _, w := range k {
		h = mix(h ^ w)
	}
	return max(1, mix(h^uint64(start))) //nolint:gosec // bits alone matter
}

// mix is the finisher of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
func mix(v uint64) uint64 {
	v += 0x9e3779b97f4a7c15
	v = (v ^ v>>30) * 0xbf58476d1ce4e5b9
	v = (v ^ v>>27) * 0x94d049bb133111eb
	return v ^ v>>31
}
