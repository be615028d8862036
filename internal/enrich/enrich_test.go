package enrich_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

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
