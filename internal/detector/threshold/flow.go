package threshold

import (
	"cmp"
	"maps"
	"math/bits"
	"slices"

	"tocsin/internal/event"
	"tocsin/internal/metric"
	"tocsin/internal/window"
)

// more is what an entity has that few have: shares of long flows, and the sessions of the alert that stands.
type more struct {
	shares   []share         // of records that were put together, in order
	lasting  []lasting       // records that wait and lasted one window or longer
	sessions map[int64]spell // counted in the alert that stands; nil without one
	pruned   int64           // when sessions that were over were last left out
	triggers int             // counted since the last finding
	at       int64           // of the newest of these
	peak     float64         // up to then
	fed      []feeder        // who tells of the entity, where that matters
}

// A share is what a flow sent in one sub-bucket of the window before the one in which it ended.
type share struct {
	t  int64 // when the record arrives
	at int64 // end of the sub-bucket
	v  int64
}

// A long is a record that lasted longer than a sub-bucket. What it sent in the one in which it ended stands in its entry; its
// shares in those before are worked out when it arrives.
type long struct{ t, v, length int64 }

// lasting is a record that spans whole windows.
type lasting struct{ t, session, windows int64 }

// A spell is how long a session was seen to be at it.
type spell struct{ first, last, counted int64 }

const (
	shareBytes = 24
	longBytes  = 24
	spellBytes = 96
	// maxSpells is how many sessions of an alert are told apart.
	maxSpells = 10_000
	// maxLasting is how many records that span windows may wait for the watermark.
	maxLasting = 1024
	// maxSpan is the longest that a record is taken to have lasted: a year, in nanoseconds.
	maxSpan = 366 * day
)

func (e *entity) extra() *more {
	if e.more == nil {
		e.more = &more{}
	}
	return e.more
}

func (m *more) clone() *more {
	if m == nil {
		return nil
	}
	c := *m
	c.shares, c.lasting, c.sessions = slices.Clone(m.shares), slices.Clone(m.lasting), maps.Clone(m.sessions)
	c.fed = slices.Clone(m.fed)
	return &c
}

// flows are the columns that tell how long a record of a flow lasted and of which session it is.
type flows struct{ start, end, id *event.Column }

func (f *flows) bind(b *event.Batch) {
	f.start, f.end, f.id = b.Column(event.EventStart), b.Column(event.EventEnd), b.Column(event.FlowID)
}

// length returns how long a record lasted, 0 when it does not say.
func (f *flows) length(row int32) int64 {
	if f.start == nil || f.end == nil {
		return 0
	}
	s, ok := f.start.Value(int(row))
	if !ok {
		return 0
	}
	e, ok := f.end.Value(int(row))
	if !ok || f.start.Nums[s] > f.end.Nums[e] || f.start.Nums[s] < 0 {
		return 0
	}
	return min(f.end.Nums[e]-f.start.Nums[s], maxSpan)
}

// session returns a number below 0 that stands for the session of a record, or 1, for one row, when it is of none.
func (f *flows) session(row int32) int64 {
	if f.id == nil {
		return 1
	}
	v, ok := f.id.Value(int(row))
	if !ok {
		return 1
	}
	return -1 - int64(f.id.Uint(v)*0x9e3779b97f4a7c15>>1) // 63 bits of it, well mixed
}

// credited reports whether a sum over a field is spread over the time that a flow lasted.
func credited(m metric.Metric) bool {
	if m.Op != metric.Sum || m.Field == nil {
		return false
	}
	switch m.Field.ID {
	case event.SourceBytes, event.SourcePackets, event.DestinationBytes, event.DestinationPackets, event.NetworkBytes, event.NetworkPackets,
		event.FlowSentBytes, event.FlowSentPackets, event.FlowReceivedBytes, event.FlowReceivedPackets:
		return true
	}
	return false
}

// take puts a record of a flow among what waits.
func (d *judge) take(e *entity, row int32, t, v int64) {
	n := int64(1)
	if d.sessions {
		if n = d.flows.session(row); n < 0 && d.metric.Op == metric.Count {
			v = 1
		}
	}
	if length := d.flows.length(row); length > d.grain {
		d.takeLong(e, t, v, n, length)
		return
	}
	d.insert(e, t, v, n)
}

// takeLong takes a record that lasted longer than a sub-bucket. What it sent in the one in which it ended is taken in as that
// of any other record; what it sent before waits beside it.
func (d *judge) takeLong(e *entity, t, v, n, length int64) {
	if windows := length / d.over; d.sessions && n < 0 && windows > 0 {
		if m := e.extra(); len(m.lasting) < maxLasting {
			m.lasting = append(m.lasting, lasting{t, n, windows})
		}
	}
	if !d.spread {
		d.insert(e, t, v, n)
		return
	}
	before := cap(e.longs)
	e.longs = append(e.longs, long{t, v, length})
	d.bytes += (cap(e.longs) - before) * longBytes
	from, _ := d.bucket(t)
	d.insert(e, t, v-portion(v, from-window.Earlier(t, length), length), n)
	if len(e.longs) >= 2*max(int(e.squashed), 1024) {
		d.squash(e)
	}
}

// portions calls f with each share of a long record but for the one that stands in its entry, in order of time.
func (d *judge) portions(l long, f func(at, v int64)) {
	from := window.Earlier(l.t, l.length)
	start, end := d.bucket(max(from, window.Earlier(l.t, d.over)))
	seen := portion(l.v, start-from, l.length)
	for ; end < l.t; end += d.grain {
		if upto := portion(l.v, end+1-from, l.length); upto > seen {
			f(end, upto-seen)
			seen = upto
		}
	}
}

// portion returns the part of v that falls into the first so many nanoseconds of a length, rounded down.
func portion(v, part, length int64) int64 {
	part = min(max(part, 0), length)
	hi, lo := bits.Mul64(uint64(v), uint64(part))
	q, _ := bits.Div64(hi, lo, uint64(length))
	return int64(q)
}

// fewLongs is up to how many long records of one instant are kept as such.
const fewLongs = 16

// squash puts the shares together of records that arrive at one time: those which were themselves put together at the end of
// their sub-bucket, and those of an instant that has many. It is done each time that the long records have doubled.
func (d *judge) squash(e *entity) {
	d.tidy(e)
	d.news = e.order(d.news)
	var grid [buckets + 2]int64 // shares of what arrives at one time, by how many sub-buckets before
	arrival, fresh := int64(0), []share(nil)
	flush := func() {
		_, end := d.bucket(arrival)
		for i := len(grid) - 1; i > 0; i-- {
			if grid[i] > 0 {
				fresh = append(fresh, share{arrival, end - int64(i)*d.grain, grid[i]})
			}
		}
		clear(grid[:])
	}
	kept := e.longs[:0]
	for rest := e.longs; len(rest) > 0; {
		t, n := rest[0].t, 1
		for n < len(rest) && rest[n].t == t {
			n++
		}
		together := rest[:n]
		rest = rest[n:]
		_, end := d.bucket(t)
		at := e.find(t)
		exact := t < end && at < len(e.ring) && e.ring[at].t == t
		if exact && n <= fewLongs {
			kept = append(kept, together...)
			continue
		}
		if !exact {
			t = end
		}
		if t != arrival {
			flush()
			arrival = t
		}
		for _, l := range together {
			d.portions(l, func(at, v int64) {
				sum := &grid[min((end-at)/d.grain, buckets+1)]
				*sum = min(*sum+v, window.MaxAddend)
			})
		}
	}
	flush()
	e.longs, e.ordered, e.squashed = kept, int32(len(kept)), int32(len(kept))
	if len(fresh) == 0 {
		return
	}
	m := e.extra()
	before := cap(m.shares)
	m.shares = united(append(m.shares, fresh...))
	d.bytes += (cap(m.shares) - before) * shareBytes
}

// united brings shares into order and those of one arrival and sub-bucket together.
func united(shares []share) []share {
	slices.SortFunc(shares, byArrival)
	kept := shares[:0]
	for _, s := range shares {
		if n := len(kept); n > 0 && kept[n-1].t == s.t && kept[n-1].at == s.at {
			kept[n-1].v = min(kept[n-1].v+s.v, window.MaxAddend)
			continue
		}
		kept = append(kept, s)
	}
	return kept
}

// byArrival is the order in which shares are taken in.
func byArrival(a, b share) int { return cmp.Or(cmp.Compare(a.t, b.t), cmp.Compare(a.at, b.at)) }

// order brings the long records into the order in which they are taken in. Those that came last are put in order by themselves,
// and then among the others. It takes scratch room and returns it, as it may have grown.
func (e *entity) order(scratch []long) []long {
	old, news := int(e.ordered), e.longs[e.ordered:]
	if len(news) == 0 {
		return scratch
	}
	e.ordered = int32(len(e.longs))
	slices.SortFunc(news, byEnd)
	if old == 0 || byEnd(e.longs[old-1], news[0]) <= 0 {
		return scratch
	}
	scratch = append(scratch[:0], news...)
	for at, rest := len(e.longs)-1, scratch; len(rest) > 0; at-- {
		if last := rest[len(rest)-1]; old > 0 && byEnd(e.longs[old-1], last) > 0 {
			old--
			e.longs[at] = e.longs[old]
		} else {
			rest = rest[:len(rest)-1]
			e.longs[at] = last
		}
	}
	return scratch
}

// byEnd is the order of long records.
func byEnd(a, b long) int {
	switch {
	case a.t != b.t:
		return cmp.Compare(a.t, b.t)
	case a.v != b.v:
		return cmp.Compare(a.v, b.v)
	default:
		return cmp.Compare(a.length, b.length)
	}
}

// takeShares takes the shares of records that arrived up to t into the window.
func (d *judge) takeShares(e *entity, t int64) {
	d.news = e.order(d.news)
	since := window.Earlier(t, d.over)
	take := func(at, v int64) {
		if at >= since {
			d.backdate(e, share{at: at, v: v})
		}
	}
	n := 0
	for ; n < len(e.longs) && e.longs[n].t <= t; n++ {
		d.portions(e.longs[n], take)
	}
	e.longs = e.longs[n:]
	e.ordered = int32(len(e.longs))
	d.bytes -= n * longBytes
	m := e.more
	if m == nil {
		return
	}
	for n = 0; n < len(m.shares) && m.shares[n].t <= t; n++ {
		take(m.shares[n].at, m.shares[n].v)
	}
	m.shares = m.shares[n:]
	d.bytes -= n * shareBytes
}

// backdate puts a share among the entries of the window.
func (d *judge) backdate(e *entity, s share) {
	in := e.ring[e.head:e.done]
	at, there := slices.BinarySearchFunc(in, s.at, func(en entry, t int64) int { return cmp.Compare(en.t, t) })
	if at += int(e.head); there {
		before := e.ring[at].v
		e.ring[at].v = min(before+s.v, window.MaxAddend)
		e.sum += e.ring[at].v - before
		return
	}
	e.ring = slices.Insert(e.ring, at, entry{t: s.at, v: s.v})
	e.done++
	e.sum += s.v
}

// rows returns how many rows an entry is of. One of a session has rows in v where rows are counted, and is of one otherwise.
func (d *judge) rows(en entry) int64 {
	switch {
	case en.n >= 0:
		return en.n
	case d.metric.Op == metric.Count:
		return en.v
	}
	return 1
}

// trigger counts the sessions whose records arrived at t, when the limit was broken.
func (d *judge) trigger(e *entity, t int64, told int) {
	m := e.extra()
	n := -told
	for _, session := range d.instant {
		if session >= 0 { // rows without a session, or put together
			n += int(session)
			continue
		}
		n += d.count(m, session, t)
	}
	if n > 0 {
		m.triggers += n
		m.at, m.peak = t, e.peak // what comes behind it goes with the next one, so that findings add up the same however Judge is called
	}
}

// count returns by how much the record of a session that arrived at t adds to the count of triggers: once for the session,
// and once more for each window that it spans.
func (d *judge) count(m *more, session, t int64) int {
	windows := int64(0)
	for _, l := range m.lasting {
		if l.t == t && l.session == session {
			windows = max(windows, l.windows)
		}
	}
	s, known := m.sessions[session]
	if !known {
		s.first = t - windows*d.over
	}
	s.last = t
	more := 1 + (t-s.first)/d.over - s.counted
	s.counted += more
	if !known && len(m.sessions) >= maxSpells && t-m.pruned > d.grain {
		m.pruned = t
		d.bytes -= len(m.sessions) * spellBytes
		maps.DeleteFunc(m.sessions, func(_ int64, old spell) bool { return old.last < t-d.over })
		d.bytes += len(m.sessions) * spellBytes
	}
	if !known && len(m.sessions) >= maxSpells { // its next record will count as that of another one
		return int(more)
	}
	if m.sessions == nil {
		m.sessions = map[int64]spell{}
	}
	if m.sessions[session] = s; !known {
		d.bytes += spellBytes
	}
	return int(more)
}

// flush reports the triggers that were counted since the last finding.
func (d *judge) flush(id uint32, e *entity) {
	m := e.more
	if m == nil {
		return
	}
	if m.triggers > 0 {
		e.trigger = m.at
		d.report(id, e, m.at, m.peak, m.triggers)
		m.triggers = 0
	}
	if len(m.lasting) > 0 && e.done > 0 {
		m.lasting = slices.DeleteFunc(m.lasting, func(l lasting) bool { return l.t <= e.ring[e.done-1].t })
	}
	if e.state&open == 0 {
		d.bytes -= len(m.sessions) * spellBytes
		m.sessions = nil
	}
	if len(m.shares) == 0 && len(m.lasting) == 0 && m.sessions == nil && len(m.fed) == 0 {
		d.forgetMore(e)
	}
}

func (d *judge) forgetMore(e *entity) {
	if m := e.more; m != nil {
		d.bytes -= cap(m.shares)*shareBytes + len(m.sessions)*spellBytes + m.fedBytes()
		e.more = nil
	}
}
