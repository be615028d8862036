package config

import (
	"errors"
	"maps"
	"slices"
	"strconv"
	"time"

	"tocsin/internal/document"
)

// A Rate is a number of notices a minute: 0 where nothing was said, less than 0 for `off`.
type Rate int

const maxRate = 100_000

// UnmarshalText reads a number or the word off.
func (r *Rate) UnmarshalText(text []byte) error {
	if string(text) == off {
		*r = -1
		return nil
	}
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 1 || n > maxRate {
		return document.At("", string(text), "1 to 100000 notices a minute, or off")
	}
	*r = Rate(n)
	return nil
}

// String is the inverse of UnmarshalText.
func (r Rate) String() string {
	if r < 0 {
		return off
	}
	return strconv.Itoa(int(r))
}

// Else returns the rate, or another where nothing was said; 0 is any number.
func (r Rate) Else(other Rate) int {
	if r == 0 {
		r = other
	}
	return max(int(r), 0)
}

// Validate reports every mistake.
func (g Group) Validate() error {
	return errors.Join(between("wait", g.Wait, 0, time.Hour), between("every", g.Every, 0, 24*time.Hour))
}

// lasting are the settings that take effect only with a start.
func (a Alerts) lasting() Alerts {
	a.Late, a.NotifyLimit = 0, 0
	return a
}

func checkLate(late time.Duration) error {
	if late == 0 {
		return nil
	}
	return between("late", late, time.Minute, 30*24*time.Hour)
}

// checkFallback checks that a channel that names another one names one that there is.
func (c *Config) checkFallback(name string) error {
	other := c.Notify[name].Fallback
	if other == "" {
		return nil
	}
	key := "notify." + name + ".fallback"
	if other == name {
		return document.At(key, other, "another channel")
	}
	if _, known := c.Notify[other]; !known {
		return document.Choice(key, other, slices.Sorted(maps.Keys(c.Notify)))
	}
	return nil
}
