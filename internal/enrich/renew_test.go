package enrich_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"tocsin/internal/enrich"
	"tocsin/internal/enrich/enrichtest"
	"tocsin/internal/event"
	"tocsin/internal/group"
)

// While databases are renewed in the middle of a stream, whose batches have many addresses in common, every batch is given what
// the databases say then, and nothing of what was remembered of those before.
func TestRenewedInTheMiddle(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	draw := func() []byte {
		d := enrichtest.Database{Type: "test", Bits: 32, Of: map[string]map[string]any{}}
		for i := range 60 {
			if random.IntN(5) > 0 { // some networks come and go
				d.Of[fmt.Sprintf("10.%d.%d.0/24", i%4, i/4)] = enrichtest.City(string([]byte{byte('A' + random.IntN(26)), byte('A' + random.IntN(26))}), fmt.Sprint("city", random.IntN(40)))
			}
		}
		return d.Encode()
	}
	path := filepath.Join(t.TempDir(), "city.mmdb")
	put := func(second int64) {
		t.Helper()
		if err := os.WriteFile(path, draw(), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Time{}, time.Unix(second, 0)); err != nil {
			t.Fatal(err)
		}
	}
	put(1_700_000_000)
	e, err := enrich.New([]string{path}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	before, changed := map[netip.Addr]string{}, 0
	for n := range int64(120) {
		if random.IntN(4) == 0 {
			put(1_700_000_001 + n)
			e.Renew()
		}
		b := event.NewBuilder(event.Flow)
		for range 300 {
			b.Addr(event.SourceIP, netip.AddrFrom4([4]byte{10, byte(random.IntN(4)), byte(random.IntN(18)), byte(random.IntN(3))}))
			b.Next()
		}
		out := e.Batch(b.Batch())
		ips, countries := out.Column(event.SourceIP), out.Column(event.SourceCountry)
		for row := range out.Rows {
			v, _ := ips.Value(row)
			got, want := "", e.Look(ips.Addr(v)).Country
			if countries != nil {
				if c, ok := countries.Value(row); ok {
					got = string(countries.Str(c))
				}
			}
			if got != want {
				t.Fatalf("batch %d, %s: %q, want %q", n, ips.Addr(v), got, want)
			}
			if old, met := before[ips.Addr(v)]; met && old != want {
				changed++
			}
			before[ips.Addr(v)] = want
		}
	}
	if changed < 1000 {
		t.Errorf("what is known of an address changed %d times: nothing was put to the test", changed)
	}
}

// Batches of several goroutines, while groups and databases change.
func TestConcurrently(t *testing.T) {
	path := enrichtest.File(t, "city.mmdb", cities)
	e, err := enrich.New([]string{path}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	b := rows(t, event.Flow, []string{"source.ip", "192.0.2.7", "destination.ip", "198.51.100.1"})
	set, err := group.NewSet(groups(t, map[string][]string{"office": {"192.0.2.0/24"}}))
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			for range 2000 {
				out := e.Batch(b)
				c := out.Column(event.SourceCountry)
				if v, ok := c.Value(0); !ok || string(c.Str(v)) != "DE" {
					t.Error("a batch without its country")
					return
				}
			}
		})
	}
	all.Go(func() {
		for i := range 200 {
			if i%2 == 0 {
				e.SetGroups(set)
			} else {
				e.SetGroups(nil)
			}
			if err := os.Chtimes(path, time.Time{}, time.Unix(1_700_000_000+int64(i), 0)); err != nil {
				t.Error(err)
			}
			e.Renew()
		}
	})
	all.Wait()
}

// Another file takes the place of the first; a broken one does not, and that is told, until it is whole again.
func TestRenew(t *testing.T) {
	path := enrichtest.File(t, "city.mmdb", cities)
	var log bytes.Buffer
	e, err := enrich.New([]string{path}, slog.New(slog.NewTextHandler(&log, nil)), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	berlin := netip.MustParseAddr("192.0.2.7")
	second := int64(1_700_000_000)
	put := func(text []byte) {
		t.Helper()
		second++ // a file system may tell whole seconds
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, time.Time{}, time.Unix(second, 0)); err != nil {
			t.Fatal(err)
		}
		e.Renew()
	}
	want := func(country string, problems int) {
		t.Helper()
		if got := e.Look(berlin).Country; got != country {
			t.Errorf("country = %s, want %s", got, country)
		}
		if got := e.Problems(); len(got) != problems {
			t.Errorf("problems: %q, want %d", got, problems)
		}
	}
	want("DE", 0)
	moved := enrichtest.Database{Of: map[string]map[string]any{"192.0.2.0/24": enrichtest.City("PL", "Poznan")}}.Encode()
	put(moved)
	want("PL", 0)
	put(moved[:len(moved)/2])
	want("PL", 1)
	told := strings.Count(log.String(), "stays as it was")
	e.Renew()
	e.Renew()
	if again := strings.Count(log.String(), "stays as it was"); told != 1 || again != 1 {
		t.Errorf("a broken file was told of %d and then %d times, want once:\n%s", told, again, log.String())
	}
	put(cities.Encode())
	want("DE", 0)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	e.Renew()
	want("DE", 1)
	put(moved)
	want("PL", 0)

	// Other databases: one that is in use may be broken, a new one may not.
	other := enrichtest.File(t, "as.mmdb", systems)
	if err := e.SetDatabases([]string{path, other}); err != nil {
		t.Fatal(err)
	}
	if f := e.Look(berlin); f.Country != "PL" || f.AS != 64500 {
		t.Errorf("with another database: %+v", f)
	}
	put(nil)
	if err := e.SetDatabases([]string{path, other, filepath.Join(t.TempDir(), "none")}); err == nil {
		t.Error("a new database that is not there is no error")
	}
	want("PL", 1)
	if err := e.SetDatabases([]string{other}); err != nil {
		t.Fatal(err)
	}
	want("", 0)
}

// Groups hold for what comes from then on.
func TestGroupsChange(t *testing.T) {
	e := newEnricher(t, groups(t, map[string][]string{"old": {"192.0.2.0/24"}}))
	b := rows(t, event.Flow, []string{"source.ip", "192.0.2.7", "destination.ip", "192.0.2.8"})
	before := e.Batch(b)
	set, err := group.NewSet(groups(t, map[string][]string{"new": {"192.0.2.0/24"}}))
	if err != nil {
		t.Fatal(err)
	}
	e.SetGroups(set)
	if again := e.Batch(before); again != before {
		t.Errorf("a batch that has groups was given others: %v", added(t, before, again))
	}
	if diff := cmp.Diff([]map[string]any{{"source.group": "new", "destination.group": "new"}}, added(t, b, e.Batch(b))); diff != "" {
		t.Error(diff)
	}
}
