package threshold

import (
	"math"
	"slices"

	"tocsin/internal/event"
	"tocsin/internal/window"
)

// A limit from below is broken by a host that falls quiet, and would be by an exporter that dies. To tell them apart a rule
// with such a limit knows when each exporter was heard, by any record of a flow and not only those that the rule selects,
// and which exporters told of each entity. Falling short counts only at the end of a window during the whole of which all of
// these were heard. So that this is known, judging stays behind the watermark by as long as an exporter may be silent.

// exporters are those who tell of flows, by their numbers.
type exporters struct {
	gap    int64 // how long one may say nothing and is still taken to listen
	number map[[16]byte]uint16
	all    []exporter
	spare  []uint16 // numbers that others may get when there are no more
	sought int64    // up to when was judged when these were looked for
}

// exporter is one of them.
type exporter struct {
	address [16]byte
	heard   []window.Heard // rising, further apart than gap; those that ended before what is judged are left out but for the last
}

// A feeder is who tells of an entity, and since when.
type feeder struct {
	exporter uint16
	since    int64
}

const (
	// maxExporters bounds the exporters that are told apart. One beyond gets the number of one that is gone, or holds nothing back.
	maxExporters = 4096
	// maxFeeders is of how many exporters an entity knows that they tell of it; more, and of the earliest.
	maxFeeders = 8
	// exporterGone is how long an exporter is waited for. One that said nothing for a week is not missed any more.
	exporterGone = 7 * day
	// seekEvery is how often those are looked for that are gone, which is to look at all entities.
	seekEvery     = 3600 * 1_000_000_000
	exporterBytes = 64
	feederBytes   = 16
	moreBytes     = 176 // of the rest of what few entities have
)

// hear notes who told of the flows of a batch, those that the rule leaves out among them.
func (x *exporters) hear(b *event.Batch, judged int64) {
	observer := b.Column(event.ObserverIP)
	if observer == nil || b.Kind != event.Flow {
		return
	}
	clock := window.NewClock(b)
	numbers := make([]int32, observer.Len()) // 1 + number by code
	for row := range b.Rows {
		v, ok := observer.Value(row)
		if !ok {
			continue
		}
		t := clock.At(int32(row))
		if t <= judged || t == 0 {
			continue
		}
		if numbers[v] == 0 {
			n, ok := x.of(observer.IPs[v])
			if numbers[v] = int32(n) + 1; !ok {
				numbers[v] = -1
			}
		}
		if n := numbers[v]; n > 0 {
			x.all[n-1].heard = window.Hear(x.all[n-1].heard, window.Heard{From: t, To: t}, x.gap)
		}
	}
}

// of returns the number of an exporter; false when there are too many of them.
func (x *exporters) of(address [16]byte) (uint16, bool) {
	n, ok := x.number[address]
	if !ok {
		if len(x.all) >= maxExporters {
			return x.takeOver(address)
		}
		if x.number == nil {
			x.number = map[[16]byte]uint16{}
		}
		n = uint16(len(x.all)) //nolint:gosec // at most maxExporters
		x.number[address] = n
		x.all = append(x.all, exporter{address: address})
	}
	return n, true
}

// takeOver gives an exporter the number of one that is gone; false when there is none.
func (x *exporters) takeOver(address [16]byte) (uint16, bool) {
	for len(x.spare) > 0 {
		n := x.spare[len(x.spare)-1]
		x.spare = x.spare[:len(x.spare)-1]
		if e := &x.all[n]; e.gone() { // it did not come back meanwhile
			delete(x.number, e.address)
			*e, x.number[address] = exporter{address: address}, n
			return n, true
		}
	}
	return 0, false
}

// seekSpare looks once in a while, when no more exporters can be told apart, for those that are gone and of whom no entity is known
// to be told.
func (d *judge) seekSpare() {
	x := &d.exporters
	if len(x.all) < maxExporters || window.Earlier(d.judged, seekEvery) < x.sought {
		return
	}
	x.sought, x.spare = d.judged, x.spare[:0]
	var fed [maxExporters]bool
	for id := range d.table.Cap() {
		if m := d.entity(uint32(id)).more; m != nil {
			for _, f := range m.fed {
				fed[f.exporter] = true
			}
		}
	}
	for n := range x.all {
		if x.all[n].gone() && !fed[n] {
			x.spare = append(x.spare, uint16(n))
		}
	}
}

// gone reports whether nobody waits for an exporter any more. The number of one that comes back is the same.
func (e *exporter) gone() bool { return len(e.heard) == 0 }

// forget leaves out what lies before a time that is judged.
func (x *exporters) forget(judged int64) {
	for i := range x.all {
		e := &x.all[i]
		old := 0
		for old+1 < len(e.heard) && e.heard[old].To < judged {
			old++
		}
		if n := len(e.heard); n > 0 && e.heard[n-1].To < window.Earlier(judged, exporterGone) {
			old = n
		}
		if old > 0 {
			e.heard = slices.Delete(e.heard, 0, old)
		}
	}
}

func (x *exporters) bytes() (n int) {
	for i := range x.all {
		n += exporterBytes + cap(x.all[i].heard)*16
	}
	return n
}

// lag is by how much judging stays behind the watermark.
func (d *judge) lag() int64 {
	if len(d.exporters.all) == 0 {
		return 0
	}
	return d.exporters.gap
}

// observe finds the column that says who told of the rows, when that matters.
func (d *judge) observe(b *event.Batch) {
	d.observers = nil
	if d.warms && b.Kind == event.Flow {
		d.observers = b.Column(event.ObserverIP)
	}
}

// feed notes who told of an entity. Two records in a row mostly come from the same.
func (d *judge) feed(e *entity, row int32, t int64) {
	v, ok := d.observers.Value(int(row))
	if !ok {
		return
	}
	if n, ok := d.exporters.of(d.observers.IPs[v]); ok {
		d.fed(e, feeder{n, t})
	}
}

func (d *judge) fed(e *entity, f feeder) {
	m := e.extra()
	for i := range m.fed {
		if m.fed[i].exporter == f.exporter {
			m.fed[i].since = min(m.fed[i].since, f.since)
			return
		}
	}
	if len(m.fed) == maxFeeders {
		gone := slices.IndexFunc(m.fed, func(f feeder) bool { return d.exporters.all[f.exporter].gone() })
		if gone >= 0 {
			m.fed[gone] = f
		}
		return
	}
	before := m.fedBytes()
	m.fed = append(m.fed, f)
	d.bytes += m.fedBytes() - before
}

// fedBytes is what knowing who tells of an entity takes.
func (m *more) fedBytes() int {
	if m.fed == nil {
		return 0
	}
	return moreBytes + cap(m.fed)*feederBytes
}

// covered returns the first time at or after t that ends a window during which everybody who tells of an entity was heard;
// the end of time when nothing heard so far makes it known. Of an entity of which no exporter told it is t.
func (d *judge) covered(e *entity, t int64) int64 {
	if e.more == nil {
		return t
	}
	if d.deserted(e) {
		return math.MaxInt64
	}
	for again := true; again; {
		again = false
		for _, f := range e.more.fed {
			heard := d.exporters.all[f.exporter].heard
			if f.since > t || len(heard) == 0 {
				continue
			}
			at, _ := slices.BinarySearchFunc(heard, t, func(s window.Heard, t int64) int {
				if s.To < t {
					return -1
				}
				return 1
			})
			if at == len(heard) {
				return math.MaxInt64
			}
			if from := window.Later(heard[at].From, d.over); from > t {
				t, again = from, true
			}
		}
	}
	return t
}

// deserted reports whether exporters told of an entity of whom nobody is waited for any more.
func (d *judge) deserted(e *entity) bool {
	if e.more == nil || len(e.more.fed) == 0 {
		return false
	}
	return !slices.ContainsFunc(e.more.fed, func(f feeder) bool { return !d.exporters.all[f.exporter].gone() })
}
