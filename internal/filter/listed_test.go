package filter

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/event"
)

// nets is a list for tests.
type nets []netip.Prefix

func (n nets) Holds(a [16]byte) bool {
	return slices.ContainsFunc(n, func(p netip.Prefix) bool { return p.Contains(netip.AddrFrom16(a).Unmap()) })
}

func TestListed(t *testing.T) {
	lists := map[string]nets{"bad": {netip.MustParsePrefix("10.0.0.0/30")}, "six": {netip.MustParsePrefix("2001:db8::/64")}}
	find := func(name string) Members { return lists[name] }
	addresses := []string{"10.0.0.1", "10.0.0.9", "2001:db8::1", "2001:db9::1", "", "10.0.0.3"}
	b := event.NewBuilder(event.Flow)
	for round := range 2000 { // several chunks
		for i, text := range addresses {
			if text != "" {
				b.Addr(event.SourceIP, netip.MustParseAddr(text))
			}
			b.Addr(event.DestinationIP, netip.MustParseAddr([]string{"10.0.0.2", "192.0.2.1"}[(round+i)%2]))
			b.Next()
		}
	}
	batch := b.Batch()
	for text, want := range map[string]func(i int, to string) bool{
		`source.ip in list("bad")`:            func(i int, _ string) bool { return i == 0 || i == 5 },
		`source.ip in list("bad", "six.txt")`: func(i int, _ string) bool { return i == 0 || i == 2 || i == 5 },
		`source.ip not in list("bad")`:        func(i int, _ string) bool { return i != 0 && i != 5 },
		`related.ip in list("bad")`:           func(i int, to string) bool { return i == 0 || i == 5 || to == "10.0.0.2" },
		`source.ip in list("six") && has(source.ip) && destination.ip in list("bad")`: func(i int, to string) bool { return i == 2 && to == "10.0.0.2" },
	} {
		e, err := ParseNaming(text)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseNaming(e.String())
		if err != nil || again.String() != e.String() {
			t.Errorf("%s is spelled %s, which reads as %v, %v", text, e, again, err)
		}
		selected := Compile(e.With(find)).Select(batch, nil)
		for row := range int32(batch.Rows) {
			i, round := int(row)%len(addresses), int(row)/len(addresses)
			to := []string{"10.0.0.2", "192.0.2.1"}[(round+i)%2]
			_, got := slices.BinarySearch(selected, row)
			if want := want(i, to); got != want {
				t.Fatalf("%s: row %d from %q to %s: got %v, want %v", text, row, addresses[i], to, got, want)
			}
		}
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), "may change at any time") {
			t.Errorf("Parse(%s): got %v, want it refused", text, err)
		}
	}
}

func TestListedMistakes(t *testing.T) {
	for text, want := range map[string]string{
		`user.name in list("bad")`:          "lists are of addresses",
		`source.ip in list()`:               "at least one name",
		`source.ip in list(bad)`:            "names in quotes",
		`source.ip in list("../etc/hosts")`: "is no name of a list",
		`source.ip in list("")`:             "is no name of a list",
		`list("bad")`:                       "is a value, not a condition",
	} {
		if _, err := ParseNaming(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}
