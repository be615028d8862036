package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/fault"
	"tocsin/internal/ledger"
)

// testNaming: groups and names come back as they were put, a change is made whole or not at all, with its line in the audit
// log, and those who change at once lose nothing of each other.
func testNaming(t *testing.T, fresh Fresh) {
	dsn, dir := fresh(t)
	l := Open(t, dsn, dir)
	ctx := t.Context()
	if v, err := l.NamingVersion(ctx); v != 0 || err != nil {
		t.Fatalf("NamingVersion at first = %d, %v", v, err)
	}
	office := ledger.TrafficGroup{Name: "Büro '; DROP TABLE traffic_groups;--", Members: "10.0.0.0/8\n192.0.2.7:443/tcp", Changed: at(1), Author: "anna"}
	web := ledger.TrafficGroup{Name: "web", Members: strings.Repeat("192.0.2.0/24:65535/udp\n", 40_000) + "::/0", Changed: at(2), Author: "anna"} // 900 kB
	put := func(groups ...ledger.TrafficGroup) func([]ledger.TrafficGroup) (ledger.NamingChange[ledger.TrafficGroup], error) {
		return func([]ledger.TrafficGroup) (ledger.NamingChange[ledger.TrafficGroup], error) {
			return ledger.NamingChange[ledger.TrafficGroup]{Put: groups, Was: "before", Became: "after"}, nil
		}
	}
	if err := l.ChangeTrafficGroups(drafted(ctx, 1, "groups.change", "traffic groups"), put(office, web)); err != nil {
		t.Fatal(err)
	}
	wantGroups := func(want ...ledger.TrafficGroup) {
		t.Helper()
		for _, open := range []*ledger.Ledger{l, Open(t, dsn, dir)} { // also for who opens it later
			got, err := open.TrafficGroups(ctx)
			if err != nil {
				t.Fatal(err)
			}
			slices.SortFunc(got, func(a, b ledger.TrafficGroup) int { return strings.Compare(a.Name, b.Name) })
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("groups (-want +got):\n%s", d)
			}
		}
	}
	wantGroups(office, web)
	lines, err := l.Audit(ctx, ledger.AuditQuery{What: "groups.change"})
	if err != nil || len(lines) != 1 || lines[0].Was != "before" || lines[0].Became != "after" || lines[0].Outcome != ledger.Done {
		t.Errorf("audit log = %+v, %v", lines, err)
	}

	// What is refused leaves nothing, not even what stands in front of it.
	refused := errors.New("no")
	err = l.ChangeTrafficGroups(ctx, func(have []ledger.TrafficGroup) (c ledger.NamingChange[ledger.TrafficGroup], err error) {
		if len(have) != 2 {
			t.Errorf("decide is shown %d groups, want 2", len(have))
		}
		return c, refused
	})
	if !errors.Is(err, refused) {
		t.Errorf("ChangeTrafficGroups = %v, want what decide says", err)
	}
	err = l.ChangeTrafficGroups(ctx, func([]ledger.TrafficGroup) (ledger.NamingChange[ledger.TrafficGroup], error) {
		return ledger.NamingChange[ledger.TrafficGroup]{Delete: []ledger.TrafficGroup{{Name: "web"}, {Name: "never was"}}}, nil
	})
	if fault.Kind(err) != fault.NotFound {
		t.Errorf("deletion of a group that never was = %v, want not found", err)
	}
	wantGroups(office, web)
	if v, err := l.NamingVersion(ctx); v != 1 || err != nil {
		t.Errorf("NamingVersion = %d, %v, want 1: what failed is no change", v, err)
	}
	if err := l.ChangeTrafficGroups(ctx, put()); err != nil {
		t.Error(err)
	}
	if v, err := l.NamingVersion(ctx); v != 1 || err != nil {
		t.Errorf("NamingVersion = %d, %v, want 1 behind a change of nothing", v, err)
	}

	testNames(t, l)

	// Two who change at once: each sees what the other has done, so that no change is lost.
	var all sync.WaitGroup
	for who := range 4 {
		other := Open(t, dsn, dir)
		all.Go(func() {
			for range 5 {
				change := func(have []ledger.TrafficGroup) (ledger.NamingChange[ledger.TrafficGroup], error) {
					g := office
					for _, h := range have {
						if h.Name == office.Name {
							g = h
						}
					}
					g.Members += fmt.Sprintf("\n%d", who)
					return ledger.NamingChange[ledger.TrafficGroup]{Put: []ledger.TrafficGroup{g}}, nil
				}
				if err := insist(func() error { return other.ChangeTrafficGroups(context.WithoutCancel(ctx), change) }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	groups, err := l.TrafficGroups(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range groups {
		if n := strings.Count(g.Members, "\n"); g.Name == office.Name && n != 1+20 {
			t.Errorf("%d of 20 changes are there", n-1)
		}
	}
}

// testNames: names are told apart by kind and thing, and many are put at once.
func testNames(t *testing.T, l *ledger.Ledger) {
	ctx := t.Context()
	var many []ledger.ThingName
	for i := range 1234 { // more than one statement takes
		many = append(many, ledger.ThingName{Kind: "address", Thing: fmt.Sprintf("10.0.%d.%d", i/256, i%256), Name: fmt.Sprintf("host %d", i), Changed: at(1), Author: "anna"})
	}
	many = append(many, ledger.ThingName{Kind: "exporter", Thing: "10.0.0.0", Name: "ä'\"", Changed: at(1)})
	change := func(c ledger.NamingChange[ledger.ThingName]) error {
		return l.ChangeThingNames(ctx, func([]ledger.ThingName) (ledger.NamingChange[ledger.ThingName], error) { return c, nil })
	}
	if err := change(ledger.NamingChange[ledger.ThingName]{Put: many}); err != nil {
		t.Fatal(err)
	}
	again := many[7]
	again.Name, again.Changed, again.Author = "another", at(5), "bert"
	if err := change(ledger.NamingChange[ledger.ThingName]{Put: []ledger.ThingName{again}, Delete: []ledger.ThingName{{Kind: "address", Thing: "10.0.0.0"}}}); err != nil {
		t.Fatal(err)
	}
	many[7] = again
	many = many[1:]
	got, err := l.ThingNames(ctx)
	if err != nil {
		t.Fatal(err)
	}
	order := func(a, b ledger.ThingName) int { return strings.Compare(a.Kind+" "+a.Thing, b.Kind+" "+b.Thing) }
	slices.SortFunc(many, order)
	slices.SortFunc(got, order)
	if d := cmp.Diff(many, got); d != "" {
		t.Errorf("names (-want +got):\n%s", d)
	}
	if err := change(ledger.NamingChange[ledger.ThingName]{Delete: []ledger.ThingName{{Kind: "network", Thing: "10.0.0.1"}}}); fault.Kind(err) != fault.NotFound {
		t.Errorf("deletion of a name that never was = %v, want not found", err)
	}
	if v, err := l.NamingVersion(ctx); v != 3 || err != nil {
		t.Errorf("NamingVersion = %d, %v, want 3", v, err)
	}
}
