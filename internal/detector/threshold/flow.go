package threshold

import (
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
	piles    []pile          // in order
	pile     int             // which of them was added to last
	lasting  []lasting       // records that wait and lasted one window or longer
	sessions map[int64]spell // counted in the alert that stands; nil without one
	pruned   int64           // when sessions that were over were last left out
	triggers int             // counted since the last finding
	at       int64           // of the newest of these
	peak     float64         // up to then
	fed      []feeder        // who tells of the entity, where that matters
	index    map[int64]int32 // place of each member in past, when there are many; nil otherwise
	indexed  int             // how many members of it are counted among the bytes
}

// A share is what a flow sent in one sub-bucket of the window before the one in which it ended.
type share struct {
	t  int64 // when the record arrives
	at int64 // end of the sub-bucket
	v  int64
}

// lasting is a record that spans whole windows.
type lasting struct{ t, session, windows int64 }

// A spell is how long a session was seen to be at it.
type spell struct{ first, last, counted int64 }

const (
	shareBytes   = 24
	spellBytes   = 96
	lastingBytes = 24
	indexBytes   = 28 // a member, measured with 300,000
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
	c.fed, c.piles, c.index = slices.Clone(m.fed), slices.Clone(m.piles), maps.Clone(m.index)
	for i := range c.piles {
		c.piles[i].shares = slices.Clone(c.piles[i].shares)
	}
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

// take puts a record of a flow among what waits. One that lasted longer than a sub-bucket waits whole: what of it lies where is
// worked out when it arrives.
func (d *judge) take(e *entity, row int32, t, v int64) {
	a := arrival{entry{t, v, 1}, 0}
	if d.sessions {
		if a.n = d.flows.session(row); a.n < 0 && d.metric.Op == metric.Count {
			a.v = 1
		}
	}
	if length := d.flows.length(row); length > d.grain {
		if d.sessions && a.n < 0 && length >= d.over {
			if m := e.extra(); len(m.lasting) < maxLasting {
				before := cap(m.lasting)
				m.lasting = append(m.lasting, lasting{t, a.n, length / d.over})
				d.bytes += (cap(m.lasting) - before) * lastingBytes
			}
		}
		if d.spread {
			a.length = length
		}
	}
	if !d.piled(e, &a) {
		d.insert(e, a)
	}
}

// portions calls f with the shares of a long record in the sub-buckets before the one in which it ended, in order of time, and
// leaves it what lies in that one. What was sent up to a time is rounded down, so that the shares add up to the whole.
func (d *judge) portions(a *arrival, f func(at, v int64)) {
	from := window.Earlier(a.t, a.length)
	last, _ := d.bucket(a.t)
	start, end := d.bucket(max(from, window.Earlier(a.t, d.over)))
	seen, _ := portion(a.v, start-from, a.length)
	upto, rest := portion(a.v, end+1-from, a.length)
	each, over := portion(a.v, d.grain, a.length) // in a whole sub-bucket
	for ; end < last; end += d.grain {
		if upto > seen {
			f(end, upto-seen)
			seen = upto
		}
		if upto, rest = upto+each, rest+over; rest >= a.length {
			upto, rest = upto+1, rest-a.length
		}
	}
	total, _ := portion(a.v, last-from, a.length)
	a.v, a.length = a.v-total, 0
}

// portion returns the part of v that falls into the first so many nanoseconds of a length, rounded down, and the rest of that
// division.
func portion(v, part, length int64) (whole, rest int64) {
	part = min(max(part, 0), length)
	hi, lo := bits.Mul64(uint64(v), uint64(part))
	q, r := bits.Div64(hi, lo, uint64(length))
	return int64(q), int64(r)
}

// putShares puts the shares together of those that are spread and arrive at one time, and leaves them what lies there.
func (d *judge) putShares(e *entity, t int64, of []arrival) {
	var sums [pileShares]int64
	_, end := d.bucket(t)
	for i := range of {
		if of[i].length > 0 {
			d.portions(&of[i], func(at, v int64) {
				sum := &sums[min((end-at)/d.grain, pileShares-1)]
				*sum = min(*sum+v, window.MaxAddend)
			})
		}
	}
	d.addShares(e, t, end, sums[:])
}

// addShares adds shares of what arrives at t, by how many sub-buckets before the one that ends at end they lie.
func (d *judge) addShares(e *entity, t, end int64, sums []int64) {
	var m *more
	before, from := 0, 0
	for i := len(sums) - 1; i > 0; i-- {
		if sums[i] == 0 {
			continue
		}
		if m == nil {
			m = e.extra()
			before, from = cap(m.shares), len(m.shares)
		}
		m.shares = append(m.shares, share{t, end - int64(i)*d.grain, sums[i]})
	}
	if m == nil {
		return
	}
	if from > 0 && byArrival(m.shares[from-1], m.shares[from]) >= 0 {
		m.shares = united(m.shares)
	}
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
func byArrival(a, b share) int {
	switch {
	case a.t != b.t:
		return sign(a.t < b.t)
	case a.at != b.at:
		return sign(a.at < b.at)
	}
	return 0
}

// takeShares takes the shares of what was put together and arrived up to t into the window.
func (d *judge) takeShares(e *entity, t int64) {
	m := e.more
	since := window.Earlier(t, d.over)
	n := 0
	for n < len(m.shares) && m.shares[n].t <= t {
		d.parts = d.parts[:0]
		for at := m.shares[n].t; n < len(m.shares) && m.shares[n].t == at && at <= t; n++ {
			if m.shares[n].at >= since {
				d.parts = append(d.parts, m.shares[n])
			}
		}
		d.backdate(e, d.parts)
	}
	m.shares = m.shares[n:]
	d.bytes -= n * shareBytes
}

// backdate puts shares, in order of time, among the entries of the window.
func (d *judge) backdate(e *entity, shares []share) {
	fresh := 0 // the last of those for which there is no entry yet, with their places
	upto := len(e.past)
	for i := len(shares) - 1; i >= 0; i-- {
		s := shares[i]
		upto = e.since(s.at, upto)
		if upto < len(e.past) && e.past[upto].t == s.at {
			en := &e.past[upto]
			before := en.v
			en.v = min(before+s.v, window.MaxAddend)
			e.sum += en.v - before
			continue
		}
		fresh++
		shares[len(shares)-fresh] = share{t: int64(upto), at: s.at, v: s.v}
		e.sum += s.v
	}
	if fresh == 0 {
		return
	}
	d.growPast(e, fresh)
	end := len(e.past)
	e.past = e.past[:end+fresh]
	place := shares[len(shares)-fresh:] // in order of time, as before
	for i := fresh - 1; i >= 0; i-- {
		at := int(place[i].t)
		copy(e.past[at+i+1:], e.past[at:end])
		e.past[at+i] = entry{t: place[i].at, v: place[i].v}
		end = at
	}
}

// since returns the place of the first entry of the window at t or later, among those up to a place.
func (e *entity) since(t int64, upto int) int {
	from := int(e.head)
	for from < upto {
		if middle := int(uint(from+upto) >> 1); e.past[middle].t < t {
			from = middle + 1
		} else {
			upto = middle
		}
	}
	return from
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
		m.at, m.peak = t, e.last().peak // what comes behind it goes with the next one, so that findings add up the same however Judge is called
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
		d.raise(e).trigger = m.at
		d.report(id, e, m.at, m.peak, m.triggers)
		m.triggers = 0
	}
	if in := e.window(); len(m.lasting) > 0 && len(in) > 0 {
		m.lasting = slices.DeleteFunc(m.lasting, func(l lasting) bool { return l.t <= in[len(in)-1].t })
	}
	if e.state&open == 0 {
		d.bytes -= len(m.sessions) * spellBytes
		m.sessions = nil
	}
	if len(m.shares) == 0 && len(m.lasting) == 0 && m.sessions == nil && len(m.fed) == 0 && len(m.piles) == 0 && m.index == nil {
		d.forgetMore(e)
	}
}

func (d *judge) forgetMore(e *entity) {
	if m := e.more; m != nil {
		d.bytes -= cap(m.shares)*shareBytes + len(m.sessions)*spellBytes + m.fedBytes() + len(m.piles)*pileBytes + cap(m.lasting)*lastingBytes + m.indexed*indexBytes
		e.more = nil
	}
}
