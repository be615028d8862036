// Package deviation is the detector that tells when a number, measured bucket by bucket, is far from what it used to be:
// five times the usual traffic of a service, half the usual logins.
package deviation

import (
	_ "embed" // the sample
	"errors"
	"io/fs"
	"math"
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
	// Metric is what is measured in each bucket: count, count(FIELD), sum(FIELD), min(FIELD), max(FIELD), avg(FIELD) or
	// distinct(FIELD). Default count.
	Metric string `yaml:"metric"`
	// By names the fields whose values make an entity. Default none: everything is one entity.
	By []string `yaml:"by"`
	// Bucket is the length of a bucket, 1s to 7d; buckets begin at multiples of it since 1970 UTC. Default 5m.
	Bucket time.Duration `yaml:"bucket"`
	// Baseline is how many buckets before the one judged say what is usual, 2 to 10000. It means nothing with a season.
	// Default 12.
	Baseline int `yaml:"baseline"`
	// Season says that what is usual depends on the hour of the week: hour-of-week, or off. Default off.
	Season string `yaml:"season"`
	// Zone is the time zone in which the hours of the week are told, as Europe/Berlin. Default UTC.
	Zone string `yaml:"zone"`
	// Weeks is how many weeks the baseline of a season remembers, 1 to 52. Default 6.
	Weeks int `yaml:"weeks"`
	// MinWeeks is how many weeks an hour of the week must be known for to be judged by itself, 1 to 8 and to Weeks. Default 2.
	MinWeeks int `yaml:"min_weeks"`
	// Z is how many standard deviations from the mean fire, more than 0. Default 0: 3, or none where a percent is set.
	Z float64 `yaml:"z"`
	// AbovePercent fires on more than so many percent of the mean, more than 100. Default 0: none.
	AbovePercent float64 `yaml:"above_percent"`
	// BelowPercent fires on less than so many percent of the mean, less than 100. Default 0: none.
	BelowPercent float64 `yaml:"below_percent"`
	// MinBuckets is how many buckets an entity must be known for before it is judged, to Baseline, or to 10000 with a season.
	// Default 0: half of Baseline, or a week.
	MinBuckets int `yaml:"min_buckets"`
	// MinValue is the least value that a rise must reach, and that a drop must begin from; more than 0 with a percent.
	// Default 0.
	MinValue float64 `yaml:"min_value"`
	// Direction says what fires: up, down or both. Default: up, or what the percents say.
	Direction string `yaml:"direction"`
	// Zero says what to do when all buckets of the baseline are equal: ignore, so that nothing fires, or logtrack, where a
	// value of more than the mean times Z fires. Default ignore.
	Zero string `yaml:"zero"`
	// Gaps says what a bucket is in which no event of the rule's kinds was seen at all: skip, an outage that counts for
	// nothing, or zero. Default skip.
	Gaps string `yaml:"gaps"`
	// Align says where buckets end: epoch, or newest, where the last one ends with the newest event, as LogTrack has it.
	// With newest an entity is judged once, when Baseline + 1 buckets have gone by without an event of it. Default epoch.
	Align string `yaml:"align"`
	// Memory bounds what the detector keeps, in MiB, 1 or more. Default 256.
	Memory int `yaml:"memory"`
}

// Default returns the settings that a rule begins with.
func Default() detector.Config {
	return &Config{
		Metric: "count", Bucket: 5 * time.Minute, Baseline: 12, Season: "off", Zone: "UTC", Weeks: 6, MinWeeks: 2,
		Zero: "ignore", Gaps: "skip", Align: "epoch", Memory: 256,
	}
}

const (
	maxBucket   = 7 * 24 * time.Hour
	maxBaseline = 10_000
)

// Reads implements detector.Config.
func (c *Config) Reads() ([]event.FieldID, bool) {
	m, err := metric.Parse(c.Metric)
	if err != nil { // Validate tells; it measures nothing
		m = metric.Metric{}
	}
	return window.Reads(view.Expand(c.By), m.Field, m.Label)
}

// Validate tells everything that is wrong.
func (c *Config) Validate() error {
	var errs []error
	want := func(ok bool, key string, got any, want string) {
		if !ok {
			errs = append(errs, document.At(key, got, want))
		}
	}
	m, err := metric.Parse(c.Metric)
	if err != nil {
		want(false, "metric", c.Metric, err.Error())
	} else {
		want(m.Op != metric.Quantile, "metric", c.Metric, "count, sum, min, max, avg or distinct")
	}
	if _, err := window.NewKeys(view.Expand(c.By)); err != nil {
		errs = append(errs, err)
	} else if err := view.Check(c.By, m.Field); err != nil {
		errs = append(errs, err)
	}
	want(c.Bucket >= time.Second && c.Bucket <= maxBucket, "bucket", c.Bucket, "1s to 7d")
	want(c.Baseline >= 2 && c.Baseline <= maxBaseline, "baseline", c.Baseline, "2 to 10000 (buckets)")
	want(c.Z >= 0 && c.Z <= 1e6, "z", c.Z, "more than 0")
	want(c.MinBuckets >= 0 && c.MinBuckets <= c.mostBuckets(), "min_buckets", c.MinBuckets, "0 to baseline, or to 10000 with a season")
	want(c.MinValue >= 0 && c.MinValue <= 1<<53, "min_value", c.MinValue, "0 or more")
	want(c.Zero == "ignore" || c.Zero == "logtrack", "zero", c.Zero, "ignore or logtrack")
	want(c.Gaps == "skip" || c.Gaps == "zero", "gaps", c.Gaps, "skip or zero")
	want(c.Align == "epoch" || c.Align == "newest", "align", c.Align, "epoch or newest")
	want(c.Memory >= 1 && c.Memory <= 1<<20, "memory", c.Memory, "1 to 1048576 (MiB)")
	c.validateLimits(want)
	c.validateSeason(want)
	return errors.Join(errs...)
}

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
	settled, err := c.settled()
	if err != nil {
		return nil, err
	}
	use := map[metric.Op]window.Use{metric.Count: window.Rows, metric.Sum: window.Addend, metric.Avg: window.Addend,
		metric.Min: window.Extent, metric.Max: window.Extent, metric.Distinct: window.Member}[m.Op]
	return &gauge{
		config: settled.Config, season: settled.season, metric: m, bucket: int64(c.Bucket), room: c.Memory << 20,
		view: view.Of(c.By, m.Field), table: window.NewTable(keys), values: window.NewValues(use, m.Field, m.Label),
		judged: math.MinInt64, closed: math.MinInt64, seen: map[int64]struct{}{},
		quiet: window.NewCalendar(int64(c.Bucket)),
	}, nil
}
