package deviation

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"tocsin/internal/window"
)

// hourOfWeek is the one season there is.
const hourOfWeek = "hour-of-week"

const (
	hoursOfDay      = 24
	hoursOfWeek     = 7 * hoursOfDay
	minSeasonBucket = 5 * time.Minute
	// forgetWeeks is after how many weeks without anything an entity is forgotten.
	forgetWeeks = 2
)

// season is what the buckets of all entities have in common; the zero one is off.
type season struct {
	zone    *time.Location
	perHour int // buckets
	most    int // buckets of one hour of the week that its baseline weighs
	enough  int // of them that make an hour of the week known
}

func newSeason(zone *time.Location, perHour, weeks, minWeeks int) season {
	return season{zone: zone, perHour: perHour, most: weeks * perHour, enough: minWeeks * perHour}
}

func (s *season) on() bool { return s.zone != nil }

// week is how many buckets a week has.
func (s *season) week() int { return hoursOfWeek * s.perHour }

// hour returns the hour of the week of an instant, by the clocks of the zone: 0 is Monday from midnight to one. When clocks
// are put forward an hour is left out, and when they are put back one comes twice.
func (s *season) hour(t int64) uint8 {
	at := time.Unix(0, t).In(s.zone)
	day := (int(at.Weekday()) + 6) % 7
	return uint8(day*hoursOfDay + at.Hour())
}

// A slot is what is known of one hour of the week: mean and variance over the last buckets in it, in which each of n buckets
// weighs the same until there are as many as the baseline remembers, and older ones then fade exponentially.
type slot struct {
	mean, variance float32
	n              uint16 // buckets it was learnt from, to season.most
	hour           uint8
	out            uint8 // unusual buckets in a row that were left out
}

// seasonal is what is known of the weeks of one entity.
type seasonal struct {
	slots  []slot // by hour; those that were never seen are not there
	known  int    // buckets closed since it was first seen
	silent int    // of them the last ones, in which there was nothing
	near   float64
}

const (
	slotBytes     = 12
	seasonalBytes = 48
)

// find returns where the slot of an hour is, or belongs.
func (h *seasonal) find(hour uint8) (int, bool) {
	return slices.BinarySearchFunc(h.slots, hour, func(s slot, hour uint8) int { return cmp.Compare(s.hour, hour) })
}

// usual returns what is usual in an hour of the week: what was in that hour, or while it is not known for long enough, in the
// same hour of all days, or at all hours, and besides in the few buckets of that hour.
func (h *seasonal) usual(hour uint8, enough int) habit {
	i, there := h.find(hour)
	if there && int(h.slots[i].n) >= enough {
		at := &h.slots[i]
		return habit{mean: float64(at.mean), deviation: rounded(math.Sqrt(float64(at.variance)), float64(at.mean)), level: thisOne, hour: hour}
	}
	var days [7]slot
	same := days[:0]
	for day := range uint8(len(days)) {
		if i, there := h.find(day*hoursOfDay + hour%hoursOfDay); there {
			same = append(same, h.slots[i])
		}
	}
	u, n := pooled(same)
	u.level = anyDay
	if n < enough {
		u, _ = pooled(h.slots)
		u.level = anyHour
	}
	u.hour = hour
	if there && h.slots[i].n > 0 {
		u.few, u.own = true, float64(h.slots[i].mean)
	}
	return u
}

// pooled returns what is usual in several hours together, and of how many buckets that is known.
func pooled(slots []slot) (u habit, n int) {
	for i := range slots {
		n += int(slots[i].n)
		u.mean += float64(slots[i].n) * float64(slots[i].mean)
	}
	if n == 0 {
		return habit{}, 0
	}
	u.mean /= float64(n)
	variance := 0.0
	for i := range slots {
		apart := float64(slots[i].mean) - u.mean
		variance += float64(slots[i].n) * (float64(slots[i].variance) + apart*apart)
	}
	u.deviation = rounded(math.Sqrt(variance/float64(n)), u.mean)
	return u, n
}

// rounded returns 0 in place of the rest that rounding leaves of the deviation of equal values.
func rounded(deviation, mean float64) float64 {
	if deviation < 1e-6*math.Abs(mean) {
		return 0
	}
	return deviation
}

// learn takes the value of a bucket in. One that was unusual is left out, until as many in a row as make an hour known were:
// then that is the new habit.
func (h *seasonal) learn(s *season, hour uint8, v float64, unusual bool) {
	i, there := h.find(hour)
	if !there {
		if len(h.slots) == cap(h.slots) { // a day at a time, so that little lies idle
			h.slots = append(make([]slot, 0, len(h.slots)+hoursOfDay), h.slots...)
		}
		h.slots = slices.Insert(h.slots, i, slot{hour: hour})
	}
	at := &h.slots[i]
	if unusual && int(at.out) < s.enough {
		at.out++
		return
	}
	if unusual {
		*at = slot{hour: hour}
	}
	at.out = 0
	at.n = uint16(min(int(at.n)+1, s.most))
	alpha := 1 / float64(at.n)
	apart := v - float64(at.mean)
	at.mean = float32(float64(at.mean) + alpha*apart)
	at.variance = float32(min((1-alpha)*(float64(at.variance)+alpha*apart*apart), math.MaxFloat32))
}

// closeSeason judges bucket k of an entity, which lies in an hour of the week and has the value v, by its season and learns
// from it.
func (d *gauge) closeSeason(id uint32, e *entity, v float64, k int64, hour uint8, estimate bool) {
	if e.season == nil {
		e.season = &seasonal{}
		d.bytes += seasonalBytes
	}
	h := e.season
	unusual := false
	if h.known >= d.config.MinBuckets {
		u := h.usual(hour, d.season.enough)
		h.near = d.nearness(&u, v)
		unusual = d.judge(id, e, v, &u, k*d.bucket, (k+1)*d.bucket, k*d.bucket, (k+1)*d.bucket-1, estimate)
	}
	before := cap(h.slots)
	h.learn(&d.season, hour, v, unusual)
	d.bytes += slotBytes * (cap(h.slots) - before)
	h.known++
	h.silent++
	if v != 0 {
		h.silent = 0
	}
	if h.silent >= forgetWeeks*d.season.week() {
		d.forget(id, e, (k+1)*d.bucket)
	}
}

// forget makes an entity one that was never seen.
func (d *gauge) forget(id uint32, e *entity, at int64) {
	if e.state&open != 0 {
		d.end(id, e, at, fmt.Sprintf("forgotten: nothing in %d weeks", forgetWeeks))
	}
	d.bytes -= seasonalBytes + slotBytes*cap(e.season.slots)
	e.season, e.state = nil, 0
	if len(e.ahead) == 0 {
		d.drop(id, e)
	}
}

// nearness is how close a value comes to firing: 1 at the limit, and 0 when nothing would.
func (d *gauge) nearness(u *habit, v float64) (near float64) {
	if limit, ok := d.limit(u, true); ok && d.config.Direction != "down" {
		near = max(near, v/max(limit, d.config.MinValue, 1e-9))
	}
	if limit, ok := d.limit(u, false); ok && d.config.Direction != "up" && u.mean >= d.config.MinValue {
		near = max(near, limit/max(v, 1e-9))
	}
	return min(max(near, 0), 1)
}

// save writes what is known of the weeks of an entity; of nil that nothing is.
func (h *seasonal) save(s *window.Encoder) {
	if h == nil {
		s.Uint(0)
		return
	}
	s.Uint(uint64(h.known))
	s.Uint(uint64(h.silent))
	s.Float(h.near)
	s.Uint(uint64(len(h.slots)))
	for _, at := range h.slots {
		s.Uint(uint64(at.hour))
		s.Uint(uint64(at.n))
		s.Uint(uint64(at.out))
		s.Float(float64(at.mean))
		s.Float(float64(at.variance))
	}
}

// loadSeason reads what save wrote.
func (d *gauge) loadSeason(s *window.Decoder) *seasonal {
	known := s.Uint()
	if known == 0 {
		return nil
	}
	h := &seasonal{known: int(min(known, math.MaxInt32)), silent: int(min(s.Uint(), math.MaxInt32)), near: s.Float()}
	for range s.Count(3 + 2*8) {
		hour, n, out := s.Uint(), s.Uint(), s.Uint()
		at := slot{hour: uint8(hour), n: uint16(n), out: uint8(out), mean: float32(s.Float()), variance: float32(s.Float())}
		last := len(h.slots) - 1
		if hour >= hoursOfWeek || n > uint64(d.season.most) || out > uint64(d.season.enough) || last >= 0 && h.slots[last].hour >= at.hour ||
			math.IsNaN(float64(at.mean)) || !(at.variance >= 0) {
			s.Fail("hours of the week out of order")
			break
		}
		h.slots = append(h.slots, at)
	}
	return h
}
