package mute

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/filter"
)

// A Set holds the mutes that are in force or to come, ready to be asked. It never changes; its methods may be called from
// several goroutines. A nil Set mutes nothing.
type Set struct {
	list     []Mute
	silences index // silences and windows
	excluded index
	// resolving says that one ends with the alerts that it hides.
	resolving bool
}

// NewSet compiles mutes; which of them are over by the time they are asked for does not matter. Those that cannot be
// compiled, as Validate would have found, mute nothing: the error tells them, and the set holds the others.
func NewSet(list []Mute) (*Set, error) {
	s := &Set{list: slices.Clone(list)}
	slices.SortFunc(s.list, func(a, b Mute) int { return cmp.Compare(a.ID, b.ID) })
	var wrong []error
	for i := range s.list {
		into := &s.silences
		if s.list[i].Kind == Exclusion {
			into = &s.excluded
		}
		s.resolving = s.resolving || s.list[i].EndsWhenResolved
		if err := into.add(&s.list[i]); err != nil {
			wrong = append(wrong, fmt.Errorf("%s %d: %w", s.list[i].Kind, s.list[i].ID, err))
		}
	}
	s.silences.compile()
	s.excluded.compile()
	return s, errors.Join(wrong...)
}

// Silenced returns the silence or window that keeps notices about an alert back at now; of several it is the oldest.
func (s *Set) Silenced(a *alert.Alert, now time.Time) (m Mute, ok bool) {
	if s == nil {
		return Mute{}, false
	}
	return s.silences.find(a, now)
}

// Excluded returns the exclusion by which a finding does not become an alert at now; of several it is the oldest. The finding
// is told as the alert that it would begin: by RuleName, Owner, Severity, Entity and Samples.
func (s *Set) Excluded(a *alert.Alert, now time.Time) (m Mute, ok bool) {
	if s == nil {
		return Mute{}, false
	}
	return s.excluded.find(a, now)
}

// A Matcher is one match, ready to be asked about many alerts. Its methods may be called from several goroutines.
type Matcher struct{ only index }

// Compile readies a match.
func (m Match) Compile() (*Matcher, error) {
	var x Matcher
	if err := x.only.add(&Mute{Match: m}); err != nil {
		return nil, err
	}
	x.only.compile()
	return &x, nil
}

// Means reports whether an alert is meant.
func (m *Matcher) Means(a *alert.Alert) bool {
	_, ok := m.only.search(a, func(*compiled) bool { return true })
	return ok
}

// A compiled is one mute, ready to be asked.
type compiled struct {
	*Mute
	entity   string // key; only where Mute.Entity is not nil
	calendar *calendar
	filter   int // in index.filters; -1: none
}

// An index finds the mutes that mean an alert: those of its rule, and those of any rule.
type index struct {
	mutes   []compiled // in the order in which they are asked
	byRule  map[string][]int
	anyRule []int
	exprs   []*filter.Expr
	filters *filter.Set
	clones  *sync.Pool // of filters: each is used by one goroutine at a time
}

func (x *index) add(m *Mute) error {
	c := compiled{Mute: m, filter: -1}
	if m.Entity != nil {
		c.entity = m.Entity.Key()
	}
	if m.Schedule != nil {
		var err error
		if c.calendar, err = m.Schedule.compile(); err != nil {
			return err
		}
	}
	if where := strings.TrimSpace(m.Where); where != "" {
		expr, err := filter.Parse(where)
		if err != nil {
			return err
		}
		c.filter = len(x.exprs)
		x.exprs = append(x.exprs, expr.Certain(false))
	}
	if m.Rule == "" {
		x.anyRule = append(x.anyRule, len(x.mutes))
	} else {
		if x.byRule == nil {
			x.byRule = map[string][]int{}
		}
		x.byRule[m.Rule] = append(x.byRule[m.Rule], len(x.mutes))
	}
	x.mutes = append(x.mutes, c)
	return nil
}

func (x *index) compile() {
	if len(x.exprs) == 0 {
		return
	}
	x.filters = filter.NewSet(x.exprs)
	x.clones = &sync.Pool{New: func() any { return x.filters.Clone() }}
}

func (x *index) find(a *alert.Alert, now time.Time) (Mute, bool) {
	i, ok := x.search(a, func(c *compiled) bool { return c.inForce(now) })
	if !ok {
		return Mute{}, false
	}
	return *x.mutes[i].Mute, true
}

// search returns the first mute that means an alert and for which more holds. Filters are asked only if the rest leaves some.
func (x *index) search(a *alert.Alert, more func(*compiled) bool) (found int, ok bool) {
	if len(x.mutes) == 0 {
		return 0, false
	}
	found = len(x.mutes)
	var key string
	var asking []int // whose filters are to be asked
	for _, list := range [...][]int{x.byRule[a.RuleName], x.anyRule} {
		for _, i := range list {
			c := &x.mutes[i]
			if i >= found || !c.bounds(a) {
				continue
			}
			if c.Entity != nil {
				if key == "" {
					key = a.Entity.Key()
				}
				if c.entity != key {
					continue
				}
			}
			switch {
			case !more(c):
			case c.filter >= 0:
				asking = append(asking, i)
			default:
				found = i
			}
		}
	}
	for _, i := range x.holding(a, asking) {
		found = min(found, i)
	}
	return found, found < len(x.mutes)
}

// bounds reports whether the owner and the severity of an alert are those meant.
func (c *compiled) bounds(a *alert.Alert) bool {
	return (c.Owner == Anybody || c.Owner == a.Owner) && a.Severity >= c.MinSeverity && (c.MaxSeverity == 0 || a.Severity <= c.MaxSeverity)
}

// inForce reports whether a mute acts at now.
func (c *compiled) inForce(now time.Time) bool {
	if now.Before(c.Starts) || c.Over(now) {
		return false
	}
	if c.calendar == nil {
		return true
	}
	_, _, ok := c.calendar.at(now)
	return ok
}

// holding returns those of the mutes whose filters hold for all that an alert shows.
func (x *index) holding(a *alert.Alert, asking []int) (list []int) {
	if len(asking) == 0 {
		return nil
	}
	rows := evidence(a)
	if rows == nil {
		return nil
	}
	holds := make([]bool, len(x.exprs))
	filters := x.clones.Get().(*filter.Set) //nolint:forcetypeassert // sets alone are put there
	filters.Select(rows, func(i int, found []int32) { holds[i] = len(found) == rows.Rows })
	x.clones.Put(filters)
	for _, i := range asking {
		if holds[x.mutes[i].filter] {
			list = append(list, i)
		}
	}
	return list
}
