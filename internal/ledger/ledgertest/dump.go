package ledgertest

import (
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/ledger"
)

// Copy makes a new database of what another has, as an operator does who backs up and restores: with pg_dump and pg_restore. It
// returns its address.
func (s *Server) Copy(t testing.TB, dsn string) string {
	t.Helper()
	copied := s.Database(t)
	file := filepath.Join(s.dir, "dump")
	of := func(dsn string) string {
		u, err := url.Parse(dsn)
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimPrefix(u.Path, "/")
	}
	s.run(t, "pg_dump", "-h", s.dir, "-U", "tocsin", "-Fc", "-f", file, of(dsn))
	s.run(t, "pg_restore", "-h", s.dir, "-U", "tocsin", "--exit-on-error", "-d", of(copied), file)
	return copied
}

// A Naming is the groups and names of a ledger.
type Naming struct {
	Version int64
	Groups  []ledger.TrafficGroup
	Names   []ledger.ThingName
}

// GiveNames stores some groups and names in a ledger, and returns what it has then.
func GiveNames(t *testing.T, l *ledger.Ledger) Naming {
	t.Helper()
	ctx := drafted(t.Context(), 1, "groups.change", "traffic groups")
	err := l.ChangeTrafficGroups(ctx, func([]ledger.TrafficGroup) (ledger.NamingChange[ledger.TrafficGroup], error) {
		return ledger.NamingChange[ledger.TrafficGroup]{Put: []ledger.TrafficGroup{
			{Name: "Büro", Members: "10.0.0.0/8\n[2001:db8::7]:443/tcp", Changed: at(1), Author: "anna"}, {Name: "web", Members: "192.0.2.0/24", Changed: at(2)},
		}}, nil
	})
	if err == nil {
		err = l.ChangeThingNames(drafted(t.Context(), 2, "names.change", "names"), func([]ledger.ThingName) (ledger.NamingChange[ledger.ThingName], error) {
			return ledger.NamingChange[ledger.ThingName]{Put: []ledger.ThingName{
				{Kind: "address", Thing: "192.0.2.7", Name: "Drücker, 2. Stock", Changed: at(3), Author: "anna"}, {Kind: "interface", Thing: "192.0.2.254#3", Name: "uplink", Changed: at(4)},
			}}, nil
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return NamesIn(t, l)
}

// NamesIn returns the groups and names of a ledger.
func NamesIn(t *testing.T, l *ledger.Ledger) (n Naming) {
	t.Helper()
	var err error
	if n.Version, err = l.NamingVersion(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n.Groups, err = l.TrafficGroups(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n.Names, err = l.ThingNames(t.Context()); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(n.Groups, func(a, b ledger.TrafficGroup) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(n.Names, func(a, b ledger.ThingName) int { return strings.Compare(a.Kind+a.Thing, b.Kind+b.Thing) })
	return n
}

// WantNames wants a ledger to have groups and names, to go on from there, and to have written down who gave them.
func WantNames(t *testing.T, l *ledger.Ledger, want Naming) {
	t.Helper()
	if diff := cmp.Diff(want, NamesIn(t, l)); diff != "" || len(want.Groups) == 0 || len(want.Names) == 0 {
		t.Errorf("groups and names (-want +got):\n%s", diff)
	}
	lines, err := l.Audit(t.Context(), ledger.AuditQuery{What: "names.change"})
	if err != nil || len(lines) != 1 {
		t.Errorf("audit log = %+v, %v, want who gave names", lines, err)
	}
	err = l.ChangeThingNames(drafted(t.Context(), 3, "names.change", "names"), func(have []ledger.ThingName) (ledger.NamingChange[ledger.ThingName], error) {
		return ledger.NamingChange[ledger.ThingName]{Delete: have[:1]}, nil
	})
	if after := NamesIn(t, l); err != nil || after.Version == want.Version || len(after.Names) != len(want.Names)-1 {
		t.Errorf("a change of the copy = %v, version %d before and %d after", err, want.Version, after.Version)
	}
}
