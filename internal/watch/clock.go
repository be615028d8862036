package watch

import (
	"fmt"
	"time"
)

// Bounds of what is told of the clock.
const (
	clockStep = 5 * time.Second // what is less is how clocks are kept right
	clockTold = 10 * time.Minute
)

// A clock compares the clock on the wall with one that nobody can set.
type clock struct {
	last time.Time
	step string
	left time.Duration // for how long the step is still told
}

func newClock(now time.Time) *clock { return &clock{last: now} }

// tick returns the time that has really passed since the last tick, and what is to be said of the clock, "" for nothing. now
// has a monotonic reading.
func (c *clock) tick(now time.Time) (elapsed time.Duration, problem string) {
	elapsed = now.Sub(c.last)
	wall := now.Round(0).Sub(c.last.Round(0))
	c.last = now
	c.note(elapsed, wall, now)
	return elapsed, c.step
}

// note compares what passed by either clock.
func (c *clock) note(elapsed, wall time.Duration, now time.Time) {
	if off := (wall - elapsed).Round(time.Second); off.Abs() >= clockStep {
		way := "ahead"
		if off < 0 {
			way = "back"
		}
		c.left = clockTold
		c.step = fmt.Sprintf("clock: at %s it went %s by %s (it was set, or the machine slept): rules may have judged events of then by another time",
			now.UTC().Format(time.RFC3339), way, off.Abs())
		return
	}
	if c.left -= elapsed; c.left <= 0 {
		c.left, c.step = 0, ""
	}
}
