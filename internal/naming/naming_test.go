package naming_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"

	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/group"
	"tocsin/internal/ledger"
	"tocsin/internal/naming"
)

// A table is a ledger in memory, which may be away.
type table struct {
	version int64
	groups  []ledger.TrafficGroup
	names   []ledger.ThingName
	away    error
	reads   int
}

func (l *table) NamingVersion(context.Context) (int64, error) { return l.version, l.away }

func (l *table) TrafficGroups(context.Context) ([]ledger.TrafficGroup, error) {
	l.reads++
	return l.groups, l.away
}

func (l *table) ThingNames(context.Context) ([]ledger.ThingName, error) { return l.names, l.away }

func (l *table) ChangeTrafficGroups(_ context.Context, decide func([]ledger.TrafficGroup) (ledger.NamingChange[ledger.TrafficGroup], error)) error {
	change, err := decide(l.groups)
	if err == nil {
		l.groups = append(l.groups, change.Put...)
		l.version++
	}
	return err
}

func (l *table) ChangeThingNames(context.Context, func([]ledger.ThingName) (ledger.NamingChange[ledger.ThingName], error)) error {
	return errors.New("not of these tests")
}

func fixed(t *testing.T, name, member string) []group.Group {
	t.Helper()
	m, err := group.ParseMember(member)
	if err != nil {
		t.Fatal(err)
	}
	return []group.Group{{Name: name, Members: []group.Member{m}, Place: "tocsin.yaml"}}
}

// of returns the group of an address.
func of(set *group.Set, address string) string {
	if number, ok := set.Node(netip.MustParseAddr(address).As16()).Of(-1, -1); ok {
		return set.Name(number)
	}
	return ""
}

// Groups of the ledger that do not go with the configuration are left out, they alone, and that is told.
func TestClash(t *testing.T) {
	l := &table{groups: []ledger.TrafficGroup{
		{Name: "office", Members: "10.0.0.0/8"}, {Name: "west", Members: "10.1.0.0/16"}, {Name: "newer", Members: "something that is not known yet\n10.2.0.0/16"},
	}}
	var log strings.Builder
	s := naming.NewShelf(l, fixed(t, "all", "10.0.0.0/8"), slog.New(slog.NewTextHandler(&log, nil)), nil)
	if err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{"10.9.0.1": "all", "10.1.0.1": "west", "10.2.0.1": "newer", "192.0.2.1": ""} {
		if got := of(s.Set(), address); got != want {
			t.Errorf("%s is in %q, want %q", address, got, want)
		}
	}
	if p := s.Problem(); !strings.Contains(p, `"all"`) || !strings.Contains(p, `"office"`) || !strings.Contains(log.String(), "do not go together") {
		t.Errorf("problem %q, log %q, want both groups named", p, log.String())
	}

	// With another configuration they go together, and back again is refused.
	if err := s.SetFixed(t.Context(), nil); err != nil || s.Problem() != "" || of(s.Set(), "10.9.0.1") != "office" {
		t.Errorf("without the group of the configuration: %v, problem %q, group %q", err, s.Problem(), of(s.Set(), "10.9.0.1"))
	}
	if err := s.SetFixed(t.Context(), fixed(t, "all", "10.0.0.0/8")); fault.Kind(err) != fault.Invalid || of(s.Set(), "10.9.0.1") != "office" {
		t.Errorf("with it again: %v, group %q, want a refusal and what was", err, of(s.Set(), "10.9.0.1"))
	}
}

// A ledger that is away takes nothing away; what did not change is not read again.
func TestLedgerAway(t *testing.T) {
	l := &table{version: 1, groups: []ledger.TrafficGroup{{Name: "office", Members: "10.0.0.0/8"}}}
	told := 0
	s := naming.NewShelf(l, nil, slog.New(slog.DiscardHandler), func(*group.Set) { told++ })
	for range 3 {
		if err := s.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if l.reads != 1 || told != 2 { // at first, and with the ledger
		t.Errorf("the ledger was read %d times, and groups told %d times, want 1 and 2", l.reads, told)
	}
	l.away = fault.New(fault.Unavailable, "ledger: away")
	if err := s.SetFixed(t.Context(), fixed(t, "web", "10.1.0.0/16")); err != nil {
		t.Errorf("another configuration while the ledger is away: %v", err)
	}
	if a, b := of(s.Set(), "10.9.0.1"), of(s.Set(), "10.1.0.1"); a != "office" || b != "web" {
		t.Errorf("groups %q and %q, want office and web", a, b)
	}
	if err := s.Load(t.Context()); fault.Kind(err) != fault.Unavailable || of(s.Set(), "10.9.0.1") != "office" {
		t.Errorf("Load while it is away: %v", err)
	}
	l.away, l.version, l.groups = nil, 2, nil
	if err := s.Load(t.Context()); err != nil || of(s.Set(), "10.9.0.1") != "" {
		t.Errorf("when it is back: %v, group %q", err, of(s.Set(), "10.9.0.1"))
	}
}

// One that somebody else made is seen by who decides, and a group of the configuration is left to it.
func TestPut(t *testing.T) {
	l := &table{groups: []ledger.TrafficGroup{{Name: "theirs", Members: "10.0.0.0/8"}}} // not loaded yet
	s := naming.NewShelf(l, fixed(t, "all", "192.0.2.0/24"), slog.New(slog.DiscardHandler), nil)
	for name, test := range map[string]struct {
		edit api.GroupEdit
		kind error
	}{
		"a member of theirs":            {api.GroupEdit{Name: "mine", Members: []string{"10.0.0.0/8"}}, fault.Invalid},
		"a member of the configuration": {api.GroupEdit{Name: "mine", Members: []string{"192.0.2.0/24"}}, fault.Invalid},
		"a name of the configuration":   {api.GroupEdit{Name: "all", Members: []string{"10.1.0.0/16"}}, fault.Conflict},
	} {
		if _, err := s.PutGroups(t.Context(), api.GroupsEdit{Groups: []api.GroupEdit{test.edit}}, "anna"); fault.Kind(err) != test.kind {
			t.Errorf("%s: %v, want kind %v", name, err, test.kind)
		}
	}
	if _, err := s.PutGroups(t.Context(), api.GroupsEdit{Groups: []api.GroupEdit{{Name: "mine", Members: []string{"10.1.0.0/16"}}}}, "anna"); err != nil || of(s.Set(), "10.1.0.1") != "mine" {
		t.Errorf("a good one: %v, group %q", err, of(s.Set(), "10.1.0.1"))
	}
}

func TestReadTables(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"nothing":           {"", "0"},
		"a header":          {"group,member\na,10.0.0.0/8\n", "1"},
		"none":              {"a,10.0.0.0/8\n\n# b,10.1.0.0/16\n\"b, c\",10.1.0.0/16", "2"},
		"a header too late": {"a,10.0.0.0/8\ngroup,member\n", `f.csv:2: member "member"`},
		"three columns":     {"a,10.0.0.0/8,x\n", "want lines of group,member"},
		"an open quote":     {"\"a,10.0.0.0/8\n", "want lines of group,member"},
		"twice":             {"a,10.0.0.0/8\n\na,::ffff:10.0.0.0/104\n", "f.csv:3: member 10.0.0.0/8 stands on line 1 already"},
		"too large":         {strings.Repeat("#\n", 33<<20), "larger than 64 MiB"},
	} {
		groups, err := naming.ReadGroups("f.csv", strings.NewReader(test.text))
		got := fmt.Sprint(len(groups))
		if err != nil {
			got = err.Error()
			if fault.Kind(err) != fault.Invalid {
				t.Errorf("%s: kind %v", name, fault.Kind(err))
			}
		}
		if !strings.Contains(got, test.want) {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
	if _, err := naming.ReadNames("n.csv", strings.NewReader("as,64500,a\nas,AS64500,b\n")); err == nil || !strings.Contains(err.Error(), "n.csv:2: as 64500 stands on line 1 already") {
		t.Errorf("one thing twice: %v", err)
	}
}
