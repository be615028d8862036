// Package threshold is the detector that holds a number measured over a sliding window against a limit: so many failures
// of one address within ten minutes, so many bytes of one host within an hour, so many ports tried.
package threshold

import (
	"cmp"
	_ "embed" // the sample
	"errors"
	"io/fs"
	"math"
	"strings"
	"time"

	"tocsin/internal/detector"
	"tocsin/internal/document"
	"tocsin/internal/event"
	"tocsin/internal/metric"
	"tocsin/internal/view"
	"tocsin/internal/window"
)

// Sample is a block of configuration that names every setting.
//
//go:embed sample.yaml
var Sample string

// Config is the block of a rule.
type Config struct {
	// Metric is what is measured: count, count(FIELD), sum(FIELD), min(FIELD), max(FIELD), avg(FIELD) or distinct(FIELD).
	// Default count.
	Metric string `yaml:"metric"`
	// By names the fields whose values make an entity, each of which is measured by itself. Default none: everything is
	// one entity.
	By []string `yaml:"by"`
	// Over is the length of the window, in event time; both its ends belong to it. 1s or more. Default 10m.
	Over time.Duration `yaml:"over"`
	// Unit is bits where bytes are to be measured, and held against the limit, in bits. Default: what the field has.
	Unit string `yaml:"unit"`
	// Exactly one of these is the limit: what is more than Above, at least AtLeast, less than Below or at most AtMost
	// fires. Below and AtMost judge an entity once it was known for one window.
	Above   *float64 `yaml:"above"`
	AtLeast *float64 `yaml:"at_least"`
	Below   *float64 `yaml:"below"`
	AtMost  *float64 `yaml:"at_most"`
	// EndAfter is how long the value must keep within the limit for the alert to end. Default 0: one window.
	EndAfter time.Duration `yaml:"end_after"`
	// SilentAfter is how long an exporter of flows may say nothing and is still taken to listen: of entities that it told of,
	// Below and AtMost are judged by whole windows in which it did. 1s to 1d; 0 is 2m. Default 2m.
	SilentAfter time.Duration `yaml:"silent_after"`
	// Memory bounds what the detector keeps, in MiB, 1 or more. Default 512.
	Memory int `yaml:"memory"`
}

// Default returns the settings that a rule begins with.
func Default() detector.Config {
	return &Config{Metric: "count", Over: 10 * time.Minute, SilentAfter: silentAfter, Memory: 512}
}

// Reads implements detector.Config.
func (c *Config) Reads() ([]event.FieldID, bool) {
	m, err := metric.Parse(c.Metric)
	if err != nil { // Validate tells; it measures nothing
		m = metric.Metric{}
	}
	fields, labels := window.Reads(view.Expand(c.By), m.Field, m.Label)
	if credited(m) || view.Of(c.By, m.Field) != nil { // how long a flow lasted, and of which session it is
		fields = append(fields, event.EventStart, event.EventEnd, event.FlowID)
	}
	if c.Below != nil || c.AtMost != nil { // who tells of flows
		fields = append(fields, event.ObserverIP)
	}
	return fields, labels
}

// Validate tells everything that is wrong.
func (c *Config) Validate() error {
	var errs []error
	m, err := metric.Parse(c.Metric)
	if err != nil {
		errs = append(errs, document.At("metric", c.Metric, err.Error()))
	} else if m.Op == metric.Quantile {
		errs = append(errs, document.At("metric", c.Metric, "count, sum, min, max, avg or distinct: a window cannot be asked for a quantile"))
	}
	if _, err := window.NewKeys(view.Expand(c.By)); err != nil {
		errs = append(errs, err)
	} else if err := view.Check(c.By, m.Field); err != nil {
		errs = append(errs, err)
	}
	if numbers := m.Field != nil && (m.Field.ID == event.FlowInitiated || m.Field.ID == event.FlowAccepted || m.Field.ID == event.FlowID); numbers && m.Op != metric.Distinct && m.Op != metric.Count {
		errs = append(errs, document.At("metric", c.Metric, "distinct("+m.Field.Name+"): it is the number of a session, which is not added up"))
	}
	if c.Unit != "" && (c.Unit != Bits || m.Field == nil || !strings.HasSuffix(m.Field.Name, ".bytes") || m.Op == metric.Count || m.Op == metric.Distinct) {
		errs = append(errs, document.At("unit", c.Unit, "bits, with a metric of bytes such as sum(flow.sent.bytes), or nothing"))
	}
	if c.Over < time.Second || c.Over > maxOver {
		errs = append(errs, document.At("over", c.Over, "1s to 366d"))
	}
	if c.EndAfter < 0 || c.EndAfter > maxOver {
		errs = append(errs, document.At("end_after", c.EndAfter, "0 to 366d"))
	}
	if c.SilentAfter != 0 && c.SilentAfter < time.Second || c.SilentAfter > 24*time.Hour {
		errs = append(errs, document.At("silent_after", c.SilentAfter, "1s to 1d, or 0 for 2m"))
	}
	if c.Memory < 1 || c.Memory > 1<<20 {
		errs = append(errs, document.At("memory", c.Memory, "1 to 1048576 (MiB)"))
	}
	return errors.Join(append(errs, c.validateLimit(m))...)
}

// silentAfter is also how long sources.exporter_silent_after is at first.
const silentAfter = 2 * time.Minute

// Bits is the unit that a metric of bytes can have instead.
const Bits = "bits"

const maxOver = 366 * 24 * time.Hour

func (c *Config) validateLimit(m metric.Metric) error {
	set, name := 0, ""
	var value float64
	for _, l := range []struct {
		name  string
		value *float64
	}{{"above", c.Above}, {"at_least", c.AtLeast}, {"below", c.Below}, {"at_most", c.AtMost}} {
		if l.value != nil {
			set, name, value = set+1, l.name, *l.value
		}
	}
	counts := m.Op == metric.Count || m.Op == metric.Distinct
	switch {
	case set != 1:
		return errors.New("want one limit: above, at_least, below or at_most")
	case math.IsNaN(value) || math.Abs(value) > 1<<53:
		return document.At(name, value, "a number between -9e15 and 9e15")
	case counts && name == "above" && value < 0, counts && name == "at_least" && value <= 0:
		return document.At(name, value, "more than 0: nothing falls short of it")
	case counts && name == "below" && value <= 0, counts && name == "at_most" && value < 0:
		return document.At(name, value, "more than 0: nothing falls short of it")
	case m.Op == metric.Distinct && value > maxDistinct:
		return document.At(name, value, "100000 or less for distinct")
	}
	return nil
}

// maxDistinct bounds the members that a window has to remember of one entity.
const maxDistinct = 100_000

// New returns a detector that has seen nothing.
func (c *Config) New(fs.FS) (detector.Detector, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	m, err := metric.Parse(c.Metric)
	if err != nil {
		return nil, err
	}
	keys, err := window.NewKeys(view.Expand(c.By))
	if err != nil {
		return nil, err
	}
	d := &judge{
		metric: m, limit: c.limit(), over: int64(c.Over), end: int64(c.EndAfter),
		view: view.Of(c.By, m.Field), table: window.NewTable(keys), judged: math.MinInt64, room: c.Memory << 20,
	}
	if d.end == 0 {
		d.end = d.over
	}
	d.grain, d.exact = max(d.over/buckets, 1), exact
	use := map[metric.Op]window.Use{metric.Count: window.Rows, metric.Sum: window.Addend, metric.Avg: window.Addend,
		metric.Min: window.Extent, metric.Max: window.Extent, metric.Distinct: window.Member}[m.Op]
	d.values = window.NewValues(use, m.Field, m.Label)
	if d.scale = d.values.Scale(); c.Unit == Bits {
		d.scale, d.unit = 8*d.scale, " in bits"
	}
	d.keep = d.limit.members()
	d.spread = credited(m)
	d.sessions = d.view != nil && !d.limit.below && (m.Op == metric.Count || m.Op == metric.Sum || m.Op == metric.Distinct)
	signed := m.Field != nil && m.Field.Type != event.Uint && m.Op == metric.Sum
	d.grows = !signed && (!d.limit.below && m.Op != metric.Avg && m.Op != metric.Min || d.limit.below && m.Op == metric.Min)
	d.early = d.grows || signed && !d.limit.below
	if d.grows && !d.limit.below {
		switch m.Op {
		case metric.Count, metric.Distinct:
			d.least = d.limit.first()
		case metric.Sum: // which is held against the limit as a number with a fraction
			d.least = int64(min(d.limit.value/d.scale*(1-1e-9), plenty))
		}
	}
	d.warms = d.limit.below && (m.Op == metric.Count || m.Op == metric.Sum || m.Op == metric.Distinct)
	d.exporters.gap = int64(cmp.Or(c.SilentAfter, silentAfter))
	d.pending = window.NewCalendar(int64(time.Second))
	d.timers = window.NewCalendar(max(d.over/16, int64(time.Second)))
	return d, nil
}

func (c *Config) limit() limit {
	switch {
	case c.Above != nil:
		return limit{value: *c.Above}
	case c.AtLeast != nil:
		return limit{value: *c.AtLeast, equal: true}
	case c.Below != nil:
		return limit{value: *c.Below, below: true}
	default:
		return limit{value: *c.AtMost, below: true, equal: true}
	}
}

// limit is what a value is held against.
type limit struct {
	value        float64
	below, equal bool
}

// broken reports whether a value lies beyond the limit.
func (l limit) broken(v float64) bool {
	if l.equal && v == l.value {
		return true
	}
	return !l.below && v > l.value || l.below && v < l.value
}

// first returns the smallest whole number that breaks a limit from above.
func (l limit) first() int64 {
	n := int64(math.Ceil(l.value))
	if !l.equal && float64(n) == l.value {
		n++
	}
	return max(n, 0)
}

// members returns how many of the most recently seen members decide.
func (l limit) members() int { return max(int(l.first())+1, 64) }

// String writes the limit as people read it.
func (l limit) String() string {
	word := map[limit]string{{}: "above", {equal: true}: "at least", {below: true}: "below", {below: true, equal: true}: "at most"}
	return word[limit{below: l.below, equal: l.equal}] + " " + number(l.value)
}
