package mute

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Schedule says when a window recurs: on some days of the week or of the month, or on all, from one time of the day to
// another. One that ends at or before its beginning goes on over midnight and belongs to the day on which it begins.
//
// Clocks that are set forward or back change nothing about that: a window begins when the clock on the wall first shows From
// or later, and ends when it last goes on to To. So one from 02:15 to 02:45 lasts, where the hour from 02:00 is there twice,
// from the first 02:15 to the second 02:45. Where that hour is missing it is moved to where the clock was set, and lasts 30
// minutes, as cron then also runs what it has missed.
type Schedule struct {
	Days  []string `json:"days,omitempty"`  // mon to sun; none: any
	Dates []int    `json:"dates,omitempty"` // days of the month, 1 to 31, and -1 for the last; none: any
	From  string   `json:"from"`            // as 22:00
	To    string   `json:"to"`              // as 02:00, or 24:00; the same as From: a whole day
	Zone  string   `json:"zone,omitempty"`  // as Europe/Berlin; empty: UTC
}

var weekdays = [...]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// ParseDays reads days of the week: "mon-fri", "sat,sun", "fri-mon", in any case and also written out.
func ParseDays(text string) (list []string, err error) {
	var on [7]bool
	for part := range strings.SplitSeq(text, ",") {
		first, last, several := strings.Cut(strings.TrimSpace(part), "-")
		from, err := weekday(first)
		if err != nil {
			return nil, err
		}
		to := from
		if several {
			if to, err = weekday(last); err != nil {
				return nil, err
			}
		}
		for d := from; ; d = (d + 1) % 7 {
			on[d] = true
			if d == to {
				break
			}
		}
	}
	for i := range 7 { // from Monday on
		if d := (i + 1) % 7; on[d] {
			list = append(list, weekdays[d])
		}
	}
	return list, nil
}

func weekday(text string) (int, error) {
	text = strings.TrimSpace(text)
	for i := range time.Saturday + 1 {
		if strings.EqualFold(text, weekdays[i]) || strings.EqualFold(text, i.String()) {
			return int(i), nil
		}
	}
	return 0, fmt.Errorf("day %q: want mon, tue, wed, thu, fri, sat or sun", cut(text))
}

// ParseDates reads days of the month: "1,15,last".
func ParseDates(text string) (list []int, err error) {
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		n, err := strconv.Atoi(part)
		if strings.EqualFold(part, "last") {
			n, err = -1, nil
		}
		if err != nil || !isDate(n) {
			return nil, fmt.Errorf("date %q: want 1 to 31, or last", cut(part))
		}
		if !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	return list, nil
}

func isDate(n int) bool { return n == -1 || n >= 1 && n <= 31 }

// parseClock reads a time of day as minutes after midnight.
func parseClock(text string) (int, error) {
	h, m, ok := strings.Cut(text, ":")
	hour, err := strconv.Atoi(h)
	minute, wrong := strconv.Atoi(m)
	if !ok || err != nil || wrong != nil || len(m) != 2 || len(h) > 2 || hour < 0 || minute < 0 || minute > 59 || hour*60+minute > 24*60 {
		return 0, fmt.Errorf("time %q: want one from 00:00 to 24:00", cut(text))
	}
	return hour*60 + minute, nil
}

// Validate reports every mistake.
func (s *Schedule) Validate() error {
	_, err := s.compile()
	return err
}

// Now returns the occurrence that t lies in, else the one that comes first after it, and whether it is on. Where there is none
// any more both are zero. The schedule is a valid one.
func (s *Schedule) Now(t time.Time) (from, to time.Time, on bool) {
	c, err := s.compile()
	if err != nil {
		return time.Time{}, time.Time{}, false
	}
	if from, to, on = c.at(t); !on {
		from, to, _ = c.next(t)
	}
	return from, to, on
}
