package enrich_test

import (
	"bytes"
	"encoding/json"
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

var cities = enrichtest.Database{Type: "GeoLite2-City", Of: map[string]map[string]any{
	"192.0.2.0/24":    enrichtest.City("DE", "Berlin"),
	"198.51.100.0/24": enrichtest.City("FR", ""),
	"2001:db8::/32":   enrichtest.City("JP", "Tokyo"),
	"203.0.113.0/25":  enrichtest.City("US", "Springfield"),
}}

var systems = enrichtest.Database{Type: "GeoLite2-ASN", Bits: 28, Of: map[string]map[string]any{
	"192.0.2.0/24":   enrichtest.AS(64500, "Example Net"),
	"2001:db8::/33":  enrichtest.AS(64501, "Beispiel"),
	"203.0.113.0/24": enrichtest.AS(4200000000, "Big Number"),
}}

func newEnricher(t testing.TB, groups []group.Group, databases ...enrichtest.Database) *enrich.Enricher {
	t.Helper()
	var paths []string
	for i, d := range databases {
		paths = append(paths, enrichtest.File(t, fmt.Sprintf("%d.mmdb", i), d))
	}
	e, err := enrich.New(paths, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	set, err := group.NewSet(groups)
	if err != nil {
		t.Fatal(err)
	}
	e.SetGroups(set)
	return e
}

func groups(t testing.TB, lists map[string][]string) (all []group.Group) {
	t.Helper()
	for name, members := range lists {
		g := group.Group{Name: name}
		for _, text := range members {
			m, err := group.ParseMember(text)
			if err != nil {
				t.Fatal(err)
			}
			g.Members = append(g.Members, m)
		}
		all = append(all, g)
	}
	return all
}

// rows makes a batch of texts: fields and values in turns.
func rows(t testing.TB, kind event.Kind, list ...[]string) *event.Batch {
	t.Helper()
	b := event.NewBuilder(kind)
	for _, row := range list {
		for i := 0; i < len(row); i += 2 {
			f, ok := event.FieldByName(row[i])
			if !ok {
				t.Fatalf("no field %s", row[i])
			}
			var n uint64
			switch f.Type {
			case event.IP:
				b.Addr(f.ID, netip.MustParseAddr(row[i+1]))
			case event.String:
				b.Text(f.ID, row[i+1])
			default:
				if _, err := fmt.Sscan(row[i+1], &n); err != nil {
					t.Fatal(err)
				}
				b.Uint(f.ID, n)
			}
		}
		b.Label([]byte("kept"), []byte("yes"))
		b.Next()
	}
	return b.Batch()
}

// added returns what of each row the second batch has and the first has not, or otherwise.
func added(t testing.TB, before, after *event.Batch) (list []map[string]any) {
	t.Helper()
	for row := range after.Rows {
		var was, is map[string]any
		if err := json.Unmarshal(before.AppendJSON(nil, row), &was); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(after.AppendJSON(nil, row), &is); err != nil {
			t.Fatal(err)
		}
		for k, v := range was {
			if !cmp.Equal(is[k], v) {
				t.Errorf("row %d: %s was %v and is %v", row, k, v, is[k])
			}
			delete(is, k)
		}
		list = append(list, is)
	}
	return list
}

func TestBatch(t *testing.T) {
	e := newEnricher(t, groups(t, map[string][]string{"office": {"192.0.2.0/24"}, "web": {"0.0.0.0/0:443/tcp", "[2001:db8::/32]:443"}}), cities, systems)
	for name, test := range map[string]struct {
		in   [][]string
		want []map[string]any
	}{
		"a flow": {
			[][]string{{"source.ip", "192.0.2.7", "source.port", "443", "destination.ip", "198.51.100.1", "destination.port", "443", "network.iana_number", "6"}},
			[]map[string]any{{"source.geo.country_iso_code": "DE", "source.geo.city_name": "Berlin", "source.as.number": 64500., "source.as.organization.name": "Example Net",
				"source.group": "office", "destination.geo.country_iso_code": "FR", "destination.group": "web"}},
		},
		"the protocol as a word": {
			[][]string{{"destination.ip", "198.51.100.1", "destination.port", "443", "network.transport", "tcp"}, {"destination.ip", "198.51.100.1", "destination.port", "443", "network.transport", "udp"},
				{"destination.ip", "198.51.100.1", "destination.port", "443", "network.transport", "carrier pigeon"}, {"destination.ip", "198.51.100.1", "destination.port", "443"}},
			[]map[string]any{{"destination.geo.country_iso_code": "FR", "destination.group": "web"}, {"destination.geo.country_iso_code": "FR"}, {"destination.geo.country_iso_code": "FR"}, {"destination.geo.country_iso_code": "FR"}},
		},
		"IPv6": {
			[][]string{{"source.ip", "2001:db8:8000::1", "destination.ip", "2001:db8::1", "destination.port", "443"}},
			[]map[string]any{{"source.geo.country_iso_code": "JP", "source.geo.city_name": "Tokyo", "destination.geo.country_iso_code": "JP", "destination.geo.city_name": "Tokyo",
				"destination.as.number": 64501., "destination.as.organization.name": "Beispiel", "destination.group": "web"}},
		},
		"a login, rows without, and one that nobody knows": {
			[][]string{{"source.ip", "192.0.2.7"}, {"user.name", "anna"}, {"source.ip", "10.0.0.1"}, {"source.ip", "192.0.2.7"}},
			[]map[string]any{
				{"source.geo.country_iso_code": "DE", "source.geo.city_name": "Berlin", "source.as.number": 64500., "source.as.organization.name": "Example Net", "source.group": "office"},
				{}, {},
				{"source.geo.country_iso_code": "DE", "source.geo.city_name": "Berlin", "source.as.number": 64500., "source.as.organization.name": "Example Net", "source.group": "office"},
			},
		},
		"what an event has it keeps": {
			[][]string{
				{"source.ip", "192.0.2.7", "source.geo.country_iso_code", "AT", "source.as.number", "1", "source.group", "own"},                        // another country and system: no city, no holder
				{"source.ip", "192.0.2.8", "source.geo.country_iso_code", "DE", "source.as.number", "64500", "source.as.organization.name", "Its Own"}, // the same country
				{"source.ip", "192.0.2.9"},
			},
			[]map[string]any{
				{},
				{"source.geo.city_name": "Berlin", "source.group": "office"},
				{"source.geo.country_iso_code": "DE", "source.geo.city_name": "Berlin", "source.as.number": 64500., "source.as.organization.name": "Example Net", "source.group": "office"},
			},
		},
		"a system that an exporter tells gets its holder": {
			[][]string{{"source.ip", "192.0.2.7", "source.as.number", "64500"}, {"source.ip", "192.0.2.7", "source.as.number", "64501"}},
			[]map[string]any{{"source.geo.country_iso_code": "DE", "source.geo.city_name": "Berlin", "source.as.organization.name": "Example Net", "source.group": "office"},
				{"source.geo.country_iso_code": "DE", "source.geo.city_name": "Berlin", "source.group": "office"}},
		},
		"a number that needs 32 bits": {
			[][]string{{"source.ip", "203.0.113.200"}}, []map[string]any{{"source.as.number": 4200000000., "source.as.organization.name": "Big Number"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, kind := range []event.Kind{event.Flow, event.Login, event.Log, event.Sighting} {
				b := rows(t, kind, test.in...)
				b.Sources, b.Backfill = []event.SourceRange{{ID: "x", From: 1, To: 2}}, true
				before := b.Append(nil)
				got := e.Batch(b)
				if diff := cmp.Diff(test.want, added(t, b, got)); diff != "" {
					t.Errorf("%v: added (-want +got):\n%s", kind, diff)
				}
				if !bytes.Equal(before, b.Append(nil)) {
					t.Error("the batch that was given was changed")
				}
				if got.Kind != kind || !got.Backfill || len(got.Sources) != 1 {
					t.Errorf("of the head is left: %v %v %v", got.Kind, got.Backfill, got.Sources)
				}
				if again := e.Batch(got); again != got {
					t.Errorf("an enriched batch was changed again: %v", added(t, got, again))
				}
				if read, err := event.Decode(got.Append(nil)); err != nil || len(added(t, got, read)) != got.Rows {
					t.Errorf("the batch cannot be journalled: %v", err)
				}
			}
		})
	}
}

// Where there is nothing to add, the batch is the one that was given.
func TestNothingToAdd(t *testing.T) {
	flow := rows(t, event.Flow, []string{"source.ip", "192.0.2.7", "destination.ip", "192.0.2.8"})
	for name, test := range map[string]struct {
		enricher *enrich.Enricher
		batch    *event.Batch
	}{
		"no database and no group": {newEnricher(t, nil), flow},
		"no address":               {newEnricher(t, nil, cities), rows(t, event.Log, []string{"message", "hello"})},
		"no row":                   {newEnricher(t, nil, cities), event.NewBatch(event.Log, 0, nil, event.Labels{})},
		"addresses that nobody knows": {newEnricher(t, groups(t, map[string][]string{"a": {"10.0.0.0/8"}}), cities),
			rows(t, event.Flow, []string{"source.ip", "172.16.0.1", "destination.ip", "172.16.0.2"})},
	} {
		if got := test.enricher.Batch(test.batch); got != test.batch {
			t.Errorf("%s: another batch, with %v", name, added(t, test.batch, got))
		}
	}
	e := newEnricher(t, nil)
	if n := testing.AllocsPerRun(100, func() { e.Batch(flow) }); n != 0 {
		t.Errorf("without any database and group a batch costs %v allocations", n)
	}
}

// The layouts of those who give databases away.
func TestLayouts(t *testing.T) {
	for name, test := range map[string]struct {
		database enrichtest.Database
		want     enrich.Facts
	}{
		"MaxMind, DB-IP: city": {enrichtest.Database{Of: map[string]map[string]any{"192.0.2.0/24": enrichtest.City("DE", "Berlin")}}, enrich.Facts{Country: "DE", City: "Berlin"}},
		"MaxMind, DB-IP: AS":   {enrichtest.Database{Of: map[string]map[string]any{"192.0.2.0/24": enrichtest.AS(64500, "Example")}}, enrich.Facts{AS: 64500, Organization: "Example"}},
		"both in one": {enrichtest.Database{Of: map[string]map[string]any{"192.0.2.0/24": {"country": map[string]any{"iso_code": "DE"}, "autonomous_system_number": uint32(64500)}}},
			enrich.Facts{Country: "DE", AS: 64500}},
		"IPinfo Lite": {enrichtest.Database{Of: map[string]map[string]any{"192.0.2.0/24": {"asn": "AS64500", "as_name": "Example", "as_domain": "example.org",
			"continent": "Europe", "continent_code": "EU", "country": "Germany", "country_code": "DE"}}}, enrich.Facts{Country: "DE", AS: 64500, Organization: "Example"}},
		"IPinfo country and AS": {enrichtest.Database{Of: map[string]map[string]any{"192.0.2.0/24": {"asn": "AS64500", "as_name": "Example", "country": "DE", "country_name": "Germany"}}},
			enrich.Facts{Country: "DE", AS: 64500, Organization: "Example"}},
		"IPinfo AS":        {enrichtest.Database{Of: map[string]map[string]any{"192.0.2.0/24": {"asn": "AS64500", "name": "Example", "domain": "example.org"}}}, enrich.Facts{AS: 64500, Organization: "Example"}},
		"flat with a city": {enrichtest.Database{Of: map[string]map[string]any{"192.0.2.0/24": {"city": "Berlin", "country": "DE"}}}, enrich.Facts{Country: "DE", City: "Berlin"}},
		"AS as a number":   {enrichtest.Database{Of: map[string]map[string]any{"192.0.2.0/24": {"asn": uint32(64500), "as_name": "Example"}}}, enrich.Facts{AS: 64500, Organization: "Example"}},
		"IPv4 alone":       {enrichtest.Database{Version4: true, Bits: 32, Of: map[string]map[string]any{"192.0.2.0/24": enrichtest.City("DE", "Berlin")}}, enrich.Facts{Country: "DE", City: "Berlin"}},
		"nothing that cannot be": {enrichtest.Database{Of: map[string]map[string]any{"192.0.2.0/24": {"country": "de", "city": "Ber\x1b[2Jlin", "asn": "AS99999999999"}, "198.51.100.0/24": {"country": "DE"}}},
			enrich.Facts{}},
		"a long name": {enrichtest.Database{Of: map[string]map[string]any{"192.0.2.0/24": enrichtest.AS(64500, strings.Repeat("x", 201))}}, enrich.Facts{AS: 64500}},
	} {
		e := newEnricher(t, nil, test.database)
		for _, a := range []string{"192.0.2.7", "::ffff:192.0.2.7"} {
			if got := e.Look(netip.MustParseAddr(a)); got != test.want {
				t.Errorf("%s: Look(%s) = %+v, want %+v", name, a, got, test.want)
			}
		}
		if got := e.Look(netip.MustParseAddr("2001:db8::1")); got != (enrich.Facts{}) {
			t.Errorf("%s: Look of another address = %+v", name, got)
		}
	}
}

// Of several databases the first that knows counts, and city goes with country.
func TestOrder(t *testing.T) {
	first := enrichtest.Database{Of: map[string]map[string]any{"192.0.2.0/25": enrichtest.City("AT", ""), "203.0.113.0/24": enrichtest.City("US", "")}}
	e := newEnricher(t, nil, first, cities, systems)
	for a, want := range map[string]enrich.Facts{
		"192.0.2.7":   {Country: "AT", AS: 64500, Organization: "Example Net"},
		"192.0.2.200": {Country: "DE", City: "Berlin", AS: 64500, Organization: "Example Net"},
		"203.0.113.1": {Country: "US", City: "Springfield", AS: 4200000000, Organization: "Big Number"},
	} {
		if got := e.Look(netip.MustParseAddr(a)); got != want {
			t.Errorf("Look(%s) = %+v, want %+v", a, got, want)
		}
	}
}

// Many more addresses than the cache holds, in batches of all sorts: each row has what looking alone says.
func TestManyAddresses(t *testing.T) {
	d := enrichtest.Database{Type: "test", Bits: 32, Of: map[string]map[string]any{}}
	for i := range 500 {
		d.Of[fmt.Sprintf("10.%d.%d.0/24", i%7, i/7)] = enrichtest.City(string([]byte{byte('A' + i%26), byte('A' + i/26)}), fmt.Sprint("city", i%40))
	}
	e := newEnricher(t, groups(t, map[string][]string{"one": {"10.1.0.0/16"}, "two": {"10.1.2.0/24", "10.0.0.0/8:53/udp"}}), d, systems)
	random := rand.New(rand.NewPCG(1, 2))
	seen := 0
	for range 40 {
		b := event.NewBuilder(event.Flow)
		for range 4000 {
			b.IP(event.SourceIP, netip.AddrFrom4([4]byte{10, byte(random.IntN(8)), byte(random.IntN(80)), byte(random.IntN(256))}).As16())
			if random.IntN(10) > 0 {
				b.IP(event.DestinationIP, netip.AddrFrom4([4]byte{10, byte(random.IntN(8)), byte(random.IntN(80)), byte(random.IntN(256))}).As16())
			}
			b.Next()
		}
		out := e.Batch(b.Batch())
		for _, side := range [][3]event.FieldID{{event.SourceIP, event.SourceCountry, event.SourceCity}, {event.DestinationIP, event.DestinationCountry, event.DestinationCity}} {
			ips, countries, places := out.Column(side[0]), out.Column(side[1]), out.Column(side[2])
			for row := range out.Rows {
				var got, want enrich.Facts
				if v, ok := ips.Value(row); ok {
					want = e.Look(ips.Addr(v))
					seen++
				}
				if v, ok := countries.Value(row); ok {
					got.Country = string(countries.Str(v))
				}
				if v, ok := places.Value(row); ok {
					got.City = string(places.Str(v))
				}
				if got != want {
					t.Fatalf("row %d: %+v, want %+v", row, got, want)
				}
			}
			for _, c := range []*event.Column{countries, places} { // each value once, as those who compare codes expect
				known := map[string]bool{}
				for v := 1; v < c.Len(); v++ {
					if s := string(c.Str(v)); known[s] || s == "" {
						t.Fatalf("%s has %q twice", c.Field.Name, s)
					} else {
						known[s] = true
					}
				}
			}
		}
	}
	if seen < 200_000 {
		t.Errorf("%d addresses seen", seen)
	}
}

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

func TestBrokenFiles(t *testing.T) {
	whole := cities.Encode()
	for name, test := range map[string]struct {
		text []byte
		want string
	}{
		"empty":          {nil, "it is empty"},
		"another file":   {bytes.Repeat([]byte("hello\n"), 1000), "MaxMind DB"},
		"the first half": {whole[:len(whole)/2], "MaxMind DB"},
		"all but a byte": {whole[:len(whole)-1], "MaxMind DB"},
		"knows something else": {enrichtest.Database{Type: "GeoIP2-Anonymous-IP", Of: map[string]map[string]any{"192.0.2.0/24": {"is_anonymous": uint16(1)}}}.Encode(),
			`of the type "GeoIP2-Anonymous-IP" and knows no country`},
		"knows nothing": {enrichtest.Database{Type: "x", Of: nil}.Encode(), "knows no country"},
	} {
		path := filepath.Join(t.TempDir(), "broken.mmdb")
		if err := os.WriteFile(path, test.text, 0o600); err != nil {
			t.Fatal(err)
		}
		err := enrich.Check([]string{path})
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v, want %q and the path", name, err, test.want)
		}
	}
	dir := t.TempDir()
	err := enrich.Check([]string{dir, filepath.Join(dir, "none.mmdb"), enrichtest.File(t, "good.mmdb", cities)})
	if err == nil || strings.Count(err.Error(), "\n") != 1 || !strings.Contains(err.Error(), "it is no file") || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("two of three are broken: %v", err)
	}
}

// A file with any bit flipped, or cut anywhere, is refused or read as far as it goes: nothing panics, and every batch comes out.
func TestDamage(t *testing.T) {
	whole := systems.Encode()
	b := rows(t, event.Flow, []string{"source.ip", "192.0.2.7", "destination.ip", "203.0.113.9"}, []string{"source.ip", "2001:db8::1", "destination.ip", "10.0.0.1"})
	path := filepath.Join(t.TempDir(), "damaged.mmdb")
	opened := 0
	try := func(what string, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		e, err := enrich.New([]string{path}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		if err != nil {
			return
		}
		opened++
		out := e.Batch(b)
		if out.Rows != b.Rows || len(out.Append(nil)) == 0 {
			t.Errorf("%s: %d rows", what, out.Rows)
		}
		for row := range out.Rows { // what is shown to people stays such
			if text := out.AppendJSON(nil, row); !json.Valid(text) {
				t.Errorf("%s: %q", what, text)
			}
		}
	}
	for i := range whole {
		text := bytes.Clone(whole)
		text[i] ^= 1 << (i % 8)
		try(fmt.Sprint("byte ", i), text)
		if i%8 == 0 {
			try(fmt.Sprint("cut at ", i), whole[:i])
		}
	}
	if opened < 20 {
		t.Errorf("%d damaged files could be opened, too few to say anything", opened)
	}
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

// FuzzDatabase: whatever the file holds, opening it and looking into it ends, without a panic.
func FuzzDatabase(f *testing.F) {
	for _, d := range []enrichtest.Database{cities, systems, {Version4: true, Bits: 32, Of: map[string]map[string]any{"192.0.2.0/24": {"country": "DE"}}}} {
		f.Add(d.Encode())
	}
	path := filepath.Join(f.TempDir(), "fuzz.mmdb")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		e, err := enrich.New([]string{path}, slog.New(slog.DiscardHandler), nil)
		if err != nil {
			return
		}
		for _, a := range []string{"192.0.2.7", "2001:db8::1", "::", "255.255.255.255"} {
			if got := e.Look(netip.MustParseAddr(a)); len(got.City) > 200 || len(got.Country) != 0 && len(got.Country) != 2 {
				t.Errorf("Look(%s) = %+v", a, got)
			}
		}
	})
}
