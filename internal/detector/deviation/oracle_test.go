package deviation

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/detector/detectortest"
	"tocsin/internal/event"
)

// verdict is what a finding comes to, for the comparison with an oracle.
type verdict struct {
	Who   string
	At    int64
	Value float64
	Ended bool
}

// oracle judges by keeping every value that ever was and adding it all up anew for each bucket.
type oracle struct {
	s        settings
	past     map[string][]kept // of an entity, since it was first seen
	open     map[string]bool
	verdicts []verdict
}

type kept struct {
	at      int64
	hour    uint8
	v       float64
	unusual bool
}

// weighed returns the values of an hour of the week that count and what each counts.
func (o *oracle) weighed(who string, hour uint8) (values, weights []float64) {
	out := 0
	for _, k := range o.past[who] {
		switch {
		case k.hour != hour:
			continue
		case k.unusual && out < o.s.season.enough:
			out++
			continue
		case k.unusual:
			values, weights = nil, nil
		}
		out = 0
		alpha := 1 / float64(min(len(values)+1, o.s.season.most))
		for i := range weights {
			weights[i] *= 1 - alpha
		}
		values, weights = append(values, k.v), append(weights, alpha)
	}
	return values, weights
}

// usual returns the means that rises and drops are held against, and the deviation.
func (o *oracle) usual(who string, hour uint8) (high, low, deviation float64) {
	ownValues, own := o.weighed(who, hour)
	hours := []uint8{hour}
	if len(own) < o.s.season.enough {
		hours = nil
		n := 0
		for day := range uint8(7) {
			h := day*24 + hour%24
			_, w := o.weighed(who, h)
			n += min(len(w), o.s.season.most)
			hours = append(hours, h)
		}
		if n < o.s.season.enough {
			hours = nil
			for h := range uint8(hoursOfWeek) {
				hours = append(hours, h)
			}
		}
	}
	var all, total float64
	each := func(f func(v, w float64)) {
		for _, h := range hours {
			values, weights := o.weighed(who, h)
			for i := range values {
				f(values[i], weights[i]*float64(min(len(values), o.s.season.most)))
			}
		}
	}
	each(func(v, w float64) { all, total = all+w, total+w*v })
	if all == 0 {
		return 0, 0, 0
	}
	mean := total / all
	high, low = mean, mean
	if len(hours) > 1 && len(own) > 0 {
		few := 0.0
		for i := range own {
			few += own[i] * ownValues[i]
		}
		high, low = max(high, few), min(low, few)
	}
	variance := 0.0
	each(func(v, w float64) { variance += w * (v - mean) * (v - mean) })
	return high, low, math.Sqrt(max(variance, 0) / all)
}

func (o *oracle) judge(who string, at int64, v float64) {
	hour := o.s.season.hour(at)
	end := at + int64(o.s.Bucket)
	unusual := false
	if len(o.past[who]) >= o.s.MinBuckets {
		high, low, deviation := o.usual(who, hour)
		if deviation < 1e-5*low {
			deviation = 0
		}
		rises := o.s.Direction != "down" && v >= o.s.MinValue && (o.s.Z > 0 || o.s.AbovePercent > 0)
		drops := o.s.Direction != "up" && low >= o.s.MinValue && (o.s.Z > 0 || o.s.BelowPercent > 0)
		if o.s.Z > 0 {
			rises = rises && deviation > 0 && v-high >= o.s.Z*deviation
			drops = drops && deviation > 0 && low-v >= o.s.Z*deviation
		}
		if o.s.AbovePercent > 0 {
			rises = rises && v > high*o.s.AbovePercent/100
		}
		if o.s.BelowPercent > 0 {
			drops = drops && v < low*o.s.BelowPercent/100
		}
		unusual = rises || drops
		if unusual {
			o.verdicts = append(o.verdicts, verdict{Who: who, At: end, Value: v})
		} else if o.open[who] {
			o.verdicts = append(o.verdicts, verdict{Who: who, At: end, Ended: true})
		}
		o.open[who] = unusual
	}
	o.past[who] = append(o.past[who], kept{at, hour, v, unusual})
	silent := 0
	for i := len(o.past[who]) - 1; i >= 0 && o.past[who][i].v == 0; i-- {
		silent++
	}
	if silent >= forgetWeeks*hoursOfWeek*int(time.Hour/o.s.Bucket) {
		if o.open[who] {
			o.verdicts = append(o.verdicts, verdict{Who: who, At: end, Ended: true})
		}
		delete(o.past, who)
		delete(o.open, who)
	}
}

func TestSeasonOracle(t *testing.T) {
	total := 0
	for _, text := range []string{byHour, byZ, byBoth} {
		for seed := range uint64(8) {
			events := drawWeeks(rand.New(rand.NewPCG(seed, 5)))
			c := config(t, text).(*Config)
			s, err := c.settled()
			if err != nil {
				t.Fatal(err)
			}
			got := findings(t, c, events)
			want := foretold(s, events)
			slices.SortFunc(want, func(a, b verdict) int {
				if a.At != b.At {
					return int(a.At/1e9 - b.At/1e9)
				}
				return strings.Compare(a.Who, b.Who)
			})
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%s, seed %d (-want +got):\n%s", text, seed, diff)
			}
			total += len(want)
		}
	}
	if total < 100 {
		t.Errorf("the oracle found %d things; the test means to compare many", total)
	}
}

func findings(t *testing.T, c *Config, events []detectortest.Event) (list []verdict) {
	d, err := c.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := detectortest.Batch(events)
	d.Fold(b, detectortest.AllRows(b))
	for _, f := range d.Judge(event.Watermark(events[len(events)-1].Time)) {
		v := verdict{Who: f.Entity.String(), At: f.Time, Value: f.Value, Ended: f.Ended}
		if f.Ended {
			v.Value = 0
		}
		list = append(list, v)
	}
	return list
}

// foretold runs the oracle over all buckets in order.
func foretold(s settings, events []detectortest.Event) []verdict {
	o := &oracle{s: s, past: map[string][]kept{}, open: map[string]bool{}}
	bucket := int64(s.Bucket)
	values := map[int64]map[string][]int{}
	for _, e := range events {
		k := e.Time / bucket
		if values[k] == nil {
			values[k] = map[string][]int{}
		}
		who := "everything"
		if len(s.By) > 0 {
			who = map[string]string{"source.ip": fmt.Sprintf("10.0.0.%d", e.Source), "user.name": fmt.Sprint("u", e.Source)}[s.By[0]]
		}
		values[k][who] = append(values[k][who], e.Value)
	}
	first, last := events[0].Time/bucket, events[len(events)-1].Time/bucket
	for k := first; k < last; k++ {
		if values[k] == nil && s.Gaps == "skip" {
			continue
		}
		for who := range values[k] {
			if o.past[who] == nil {
				o.past[who] = []kept{}
			}
		}
		for who := range o.past {
			v := 0.0
			switch s.Metric {
			case "count":
				v = float64(len(values[k][who]))
			case "sum(destination.port)":
				for _, p := range values[k][who] {
					v += float64(p)
				}
			default:
				different := slices.Sorted(slices.Values(values[k][who]))
				v = float64(len(slices.Compact(different)))
			}
			o.judge(who, k*bucket, v)
		}
	}
	return o.verdicts
}

// weekly builds a state by hand: so many rows in each hour, from a Monday on, as f says.
func weekly(f func(day, hour int) int, hours int) []detectortest.Event {
	monday := time.Date(2024, 3, 4, 0, 0, 0, 0, time.UTC).UnixNano()
	var events []detectortest.Event
	for h := range hours {
		for i := range f(h/24%7, h%24) {
			events = append(events, detectortest.Event{Time: monday + int64(h)*int64(time.Hour) + int64(i)*1e9, Source: 1})
		}
	}
	return events
}
