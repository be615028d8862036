// Package absence is the detector that tells when somebody who used to be heard, or ought to be, has been silent for too
// long: a service that stopped logging, an exporter that stopped sending, a device that went away.
package absence

import (
	_ "embed" // the sample
	"errors"
	"io/fs"
	"math"
	"time"

	"tocsin/internal/detector"
	"tocsin/internal/document"
	"tocsin/internal/event"
	"tocsin/internal/window"
)

// Sample is a block of configuration that names every setting.
//
//go:embed sample.yaml
var Sample string

// Config is the block of a rule.
type Config struct {
	// By names the fields whose values make an entity. Default none: everything that the rule selects is one entity.
	By []string `yaml:"by"`
	// Idle is how long an entity may be silent, in event time; an event exactly so late is in time. 1s to 366d. Default 1h.
	Idle time.Duration `yaml:"idle"`
	// Expect lists entities that are missed also when they were never heard, from one Idle after the first event of all.
	// Values of the one field of By. Default none: only who was heard is missed.
	Expect []string `yaml:"expect"`
	// Forget is after how long a silence an entity that is not expected is no longer missed and its alert ends; more than
	// Idle, to 3660d. Default 30d.
	Forget time.Duration `yaml:"forget"`
	// Memory bounds what the detector keeps, in MiB, 1 or more. Default 256.
	Memory int `yaml:"memory"`
}

// Default returns the settings that a rule begins with.
func Default() detector.Config {
	return &Config{Idle: time.Hour, Forget: 30 * 24 * time.Hour, Memory: 256}
}

const (
	year      = 366 * 24 * time.Hour
	maxExpect = 100_000
)

// Reads implements detector.Config.
func (c *Config) Reads() ([]event.FieldID, bool) { return window.Reads(c.By, nil, "") }

// Validate tells everything that is wrong.
func (c *Config) Validate() error {
	var errs []error
	keys, err := window.NewKeys(c.By)
	if err != nil {
		errs = append(errs, err)
	}
	if c.Idle < time.Second || c.Idle > year {
		errs = append(errs, document.At("idle", c.Idle, "1s to 366d"))
	}
	if c.Forget <= c.Idle || c.Forget > 10*year {
		errs = append(errs, document.At("forget", c.Forget, "more than idle, to 3660d"))
	}
	if c.Memory < 1 || c.Memory > 1<<20 {
		errs = append(errs, document.At("memory", c.Memory, "1 to 1048576 (MiB)"))
	}
	switch {
	case len(c.Expect) == 0 || err != nil:
	case len(c.By) != 1:
		errs = append(errs, document.At("expect", len(c.Expect), "no list unless `by` is one field"))
	case len(c.Expect) > maxExpect:
		errs = append(errs, document.At("expect", len(c.Expect), "100000 entries or fewer"))
	default:
		for _, v := range c.Expect {
			if _, err := keys.Parse(v); err != nil {
				errs = append(errs, document.At("expect", v, err.Error()))
			}
		}
	}
	return errors.Join(errs...)
}

// New returns a detector that has seen nothing.
func (c *Config) New(fs.FS) (detector.Detector, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	keys, err := window.NewKeys(c.By)
	if err != nil {
		return nil, err
	}
	d := &watch{
		idle: int64(c.Idle), forget: int64(c.Forget), room: c.Memory << 20,
		table: window.NewTable(keys), judged: math.MinInt64, start: math.MaxInt64,
		due: window.NewCalendar(max(int64(c.Idle)/16, int64(time.Second))),
	}
	for _, v := range c.Expect {
		key, err := keys.Parse(v)
		if err != nil {
			return nil, err
		}
		d.entity(d.table.Number(key)).state |= expected
	}
	return d, nil
}
