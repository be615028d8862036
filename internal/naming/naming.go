// Package naming keeps the traffic groups and names of a ledger at hand, and changes them.
package naming

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tocsin/internal/group"
	"tocsin/internal/ledger"
	"tocsin/internal/names"
)

// A Ledger is where groups and names are kept.
type Ledger interface {
	NamingVersion(ctx context.Context) (int64, error)
	TrafficGroups(ctx context.Context) ([]ledger.TrafficGroup, error)
	ThingNames(ctx context.Context) ([]ledger.ThingName, error)
	ChangeTrafficGroups(ctx context.Context, decide func([]ledger.TrafficGroup) (ledger.NamingChange[ledger.TrafficGroup], error)) error
	ChangeThingNames(ctx context.Context, decide func([]ledger.ThingName) (ledger.NamingChange[ledger.ThingName], error)) error
}

// lookEvery is how often it is looked whether somebody else changed the ledger, and how soon one that was away is read.
const lookEvery = 10 * time.Second

// A Shelf has groups and names at hand. Its methods may be called from several goroutines.
type Shelf struct {
	ledger  Ledger
	log     *slog.Logger
	changed func(*group.Set) // told of the groups whenever they are other ones; may be nil
	fixed   atomic.Pointer[[]group.Group]
	set     atomic.Pointer[group.Set]
	book    atomic.Pointer[names.Book]

	loading sync.Mutex    // so that what was read later is what stays
	version int64         // that what is at hand was read at, -1 for none; guarded by loading, as is what follows
	stored  []group.Group // of the ledger, as they were read last

	problem atomic.Pointer[string] // of the last load, nil for none
}

// NewShelf returns a shelf that has the groups of the configuration alone until Load. changed is told of the groups whenever they
// are other ones, and must not block.
func NewShelf(l Ledger, fixed []group.Group, log *slog.Logger, changed func(*group.Set)) *Shelf {
	s := &Shelf{ledger: l, log: log, changed: changed, version: -1}
	s.fixed.Store(&fixed)
	s.use()
	return s
}

// Set returns the groups as they are now, Book the names.
func (s *Shelf) Set() *group.Set { return s.set.Load() }

// Book returns the names as they are now.
func (s *Shelf) Book() *names.Book { return s.book.Load() }

// SetFixed makes other groups those of the configuration, and refuses those that do not go with the ones of the ledger. A ledger
// that is away is taken to be as it was.
func (s *Shelf) SetFixed(ctx context.Context, fixed []group.Group) error {
	s.loading.Lock()
	defer s.loading.Unlock()
	if err := s.load(ctx); err != nil {
		s.log.Warn("traffic groups and names cannot be read, those that were known stay", "cause", err)
	}
	if _, err := group.NewSet(slices.Concat(fixed, s.stored)); err != nil && s.problem.Load() == nil {
		return err
	}
	s.fixed.Store(&fixed)
	s.use()
	return nil
}

// Load reads groups and names anew unless they are as they were. When that fails those that were known stay.
func (s *Shelf) Load(ctx context.Context) error {
	s.loading.Lock()
	defer s.loading.Unlock()
	return s.load(ctx)
}

func (s *Shelf) load(ctx context.Context) error {
	version, err := s.ledger.NamingVersion(ctx)
	if err != nil || version == s.version {
		return err
	}
	groups, err := s.ledger.TrafficGroups(ctx)
	if err != nil {
		return err
	}
	stored, err := s.ledger.ThingNames(ctx)
	if err != nil {
		return err
	}
	book := names.NewBook(entries(stored))
	s.book.Store(book)
	s.stored = decodeGroups(groups)
	s.use()
	s.version = version // read before the rest: what was changed meanwhile is read again
	return nil
}

// use makes groups those at hand. Those of the ledger were good when they were put; should ones of the configuration not go with
// them, as after a restart with another file, the configuration counts and the others are left out one by one.
func (s *Shelf) use() {
	fixed, stored := *s.fixed.Load(), s.stored
	set, err := group.NewSet(slices.Concat(fixed, stored))
	var problem *string
	if err != nil {
		text := err.Error()
		problem, set = &text, withoutClashes(fixed, stored)
		if was := s.problem.Load(); was == nil || *was != text {
			s.log.Error("traffic groups that do not go together: some of the ledger put nothing into groups", "cause", err)
		}
	}
	s.problem.Store(problem)
	s.set.Store(set)
	if s.changed != nil {
		s.changed(set)
	}
}

// withoutClashes returns the groups of the configuration with as many of the others as go with them. It halves what is left
// until each part is good or one group, so that few clashes among many groups cost little.
func withoutClashes(fixed, stored []group.Group) *group.Set {
	good := slices.Clone(fixed)
	set, err := group.NewSet(good)
	if err != nil {
		set, good = nil, nil // what was not checked when it was read
	}
	var add func(part []group.Group)
	add = func(part []group.Group) {
		if len(part) == 0 {
			return
		}
		if s, err := group.NewSet(slices.Concat(good, part)); err == nil {
			good, set = slices.Concat(good, part), s
		} else if len(part) > 1 {
			add(part[:len(part)/2])
			add(part[len(part)/2:])
		}
	}
	add(stored)
	return set
}

// Problem says what is wrong with the groups, "" for nothing. It waits for nobody.
func (s *Shelf) Problem() string {
	problem := s.problem.Load()
	if problem == nil {
		return ""
	}
	return "traffic groups: " + *problem + " (tocsin groups list shows them)"
}

// Run looks now and then whether another process changed the ledger, until ctx ends.
func (s *Shelf) Run(ctx context.Context) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	told := false
	for {
		if err := s.Load(ctx); err == nil {
			told = false
		} else if !told && ctx.Err() == nil {
			told = true
			s.log.Warn("traffic groups and names cannot be read, those that were known stay", "cause", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// decodeGroups reads groups as they are stored; a member that a newer tocsin wrote and this one cannot read is left out.
func decodeGroups(stored []ledger.TrafficGroup) []group.Group {
	groups := make([]group.Group, 0, len(stored))
	for _, row := range stored {
		g := group.Group{Name: row.Name}
		for line := range strings.SplitSeq(row.Members, "\n") {
			if m, err := group.ParseMember(line); err == nil {
				g.Members = append(g.Members, m)
			}
		}
		if len(g.Members) > 0 {
			groups = append(groups, g)
		}
	}
	slices.SortFunc(groups, func(a, b group.Group) int { return strings.Compare(a.Name, b.Name) })
	return groups
}

// encodeMembers writes members as they are stored, in their order.
func encodeMembers(members []group.Member) string {
	slices.SortFunc(members, group.Member.Compare)
	var text strings.Builder
	for i, m := range members {
		if i > 0 {
			text.WriteByte('\n')
		}
		text.WriteString(m.String())
	}
	return text.String()
}

func entries(stored []ledger.ThingName) []names.Entry {
	list := make([]names.Entry, len(stored))
	for i, row := range stored {
		list[i] = names.Entry{Key: names.Key{Kind: names.Kind(row.Kind), Key: row.Thing}, Name: row.Name}
	}
	return list
}
