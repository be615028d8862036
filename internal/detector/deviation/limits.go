package deviation

import (
	"fmt"
	"time"
)

// mostBuckets bounds MinBuckets.
func (c *Config) mostBuckets() int {
	if c.Season == hourOfWeek {
		return maxBaseline
	}
	return c.Baseline
}

// validateLimits tells what is wrong with the limits and the direction in which they lie.
func (c *Config) validateLimits(want func(ok bool, key string, got any, want string)) {
	percent := c.AbovePercent != 0 || c.BelowPercent != 0
	want(c.AbovePercent == 0 || c.AbovePercent > 100 && c.AbovePercent <= 1e9, "above_percent", c.AbovePercent, "more than 100 (percent of what is usual)")
	want(c.BelowPercent >= 0 && c.BelowPercent < 100, "below_percent", c.BelowPercent, "more than 0 and less than 100 (percent of what is usual)")
	want(!percent || c.MinValue > 0, "min_value", c.MinValue, "more than 0 where a percent is set: a multiple of next to nothing is next to nothing")
	switch c.Direction {
	case "":
	case "up", "down", "both":
		if percent && c.Z == 0 {
			want(c.Direction == "down" || c.AbovePercent != 0, "direction", c.Direction, "above_percent or z as well, for what rises")
			want(c.Direction == "up" || c.BelowPercent != 0, "direction", c.Direction, "below_percent or z as well, for what drops")
		}
		want(c.Direction != "up" || c.BelowPercent == 0, "direction", c.Direction, "down or both with below_percent")
		want(c.Direction != "down" || c.AbovePercent == 0, "direction", c.Direction, "up or both with above_percent")
	default:
		want(false, "direction", c.Direction, "up, down or both")
	}
}

// validateSeason tells what is wrong with the season.
func (c *Config) validateSeason(want func(ok bool, key string, got any, want string)) {
	_, err := time.LoadLocation(c.Zone)
	want(err == nil && c.Zone != "Local", "zone", c.Zone, "a time zone such as UTC or Europe/Berlin")
	want(c.Weeks >= 1 && c.Weeks <= 52, "weeks", c.Weeks, "1 to 52")
	want(c.MinWeeks >= 1 && c.MinWeeks <= min(8, c.Weeks), "min_weeks", c.MinWeeks, "1 to 8, and to weeks")
	switch c.Season {
	case "off":
	case hourOfWeek:
		whole := c.Bucket > 0 && time.Hour%c.Bucket == 0
		want(c.Bucket >= minSeasonBucket && c.Bucket <= time.Hour && whole, "bucket", c.Bucket, "5m to 1h and a part of an hour, with a season")
		want(c.Align == "epoch", "align", c.Align, "epoch with a season")
	default:
		want(false, "season", c.Season, "hour-of-week or off")
	}
}

// settings are a configuration with its defaults worked out.
type settings struct {
	Config
	season season
}

// settled works the defaults out that hang on other settings.
func (c *Config) settled() (settings, error) {
	s := settings{Config: *c}
	if s.Z == 0 && s.AbovePercent == 0 && s.BelowPercent == 0 {
		s.Z = 3
	}
	if s.Direction == "" {
		s.Direction = "up"
		if s.BelowPercent != 0 && s.AbovePercent != 0 {
			s.Direction = "both"
		} else if s.BelowPercent != 0 {
			s.Direction = "down"
		}
	}
	if c.Season == hourOfWeek {
		zone, err := time.LoadLocation(c.Zone)
		if err != nil {
			return s, fmt.Errorf("zone %q: %w", c.Zone, err)
		}
		s.season = newSeason(zone, int(time.Hour/c.Bucket), c.Weeks, c.MinWeeks)
	}
	if s.MinBuckets == 0 {
		s.MinBuckets = (c.Baseline + 1) / 2
		if s.season.on() {
			s.MinBuckets = s.season.week()
		}
	}
	return s, nil
}

// A level is which buckets say what is usual.
type level uint8

const (
	lately  level = iota // the last ones
	thisOne              // those of the same hour of the week
	anyDay               // those of the same hour of all days
	anyHour              // all
)

// A habit is what is usual for the bucket that is judged.
type habit struct {
	mean, deviation float64
	own             float64 // mean of the few buckets of the same hour of the week, where level is another and few is set
	few             bool
	level           level
	hour            uint8 // of the week, from Monday on, unless level is lately
}

// center is what a value is held against: as long as the hour of the week is not known for long enough, it must be unusual
// for the few buckets of it, too.
func (u *habit) center(up bool) float64 {
	switch {
	case !u.few:
		return u.mean
	case up:
		return max(u.mean, u.own)
	default:
		return min(u.mean, u.own)
	}
}

// limit returns the value at which what is usual ends, upwards or downwards; false when there is no such limit.
func (d *gauge) limit(h *habit, up bool) (limit float64, ok bool) {
	sign, percent, farther := 1.0, d.config.AbovePercent, func(a, b float64) float64 { return max(a, b) }
	if !up {
		sign, percent, farther = -1, d.config.BelowPercent, func(a, b float64) float64 { return min(a, b) }
	}
	z, mean := d.config.Z, h.center(up)
	switch {
	case z == 0:
	case h.deviation > 0:
		limit, ok = mean+sign*z*h.deviation, true
	case up && d.config.Zero == "logtrack":
		limit, ok = mean*z, true
	default:
		return 0, false
	}
	if percent != 0 {
		byPercent := mean * percent / 100
		if ok {
			byPercent = farther(limit, byPercent)
		}
		return byPercent, true
	}
	return limit, ok
}

// beyond reports whether a value lies beyond all limits in one direction.
func (d *gauge) beyond(h *habit, v float64, up bool) bool {
	mean := h.center(up)
	floor, percent, distance := v, d.config.AbovePercent, v-mean
	if !up {
		floor, percent, distance = mean, d.config.BelowPercent, mean-v
	}
	if up && d.config.Direction == "down" || !up && d.config.Direction == "up" || floor < d.config.MinValue {
		return false
	}
	z, fires := d.config.Z, false
	switch {
	case z == 0:
	case h.deviation > 0:
		fires = distance/h.deviation >= z
	case up && d.config.Zero == "logtrack":
		fires = v > mean*z
	}
	if z != 0 && !fires || percent == 0 {
		return fires
	}
	if up {
		return v > mean*percent/100
	}
	return v < mean*percent/100
}
