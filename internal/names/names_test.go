package names_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/fault"
	"tocsin/internal/names"
)

func TestCanonical(t *testing.T) {
	for _, test := range []struct {
		kind       names.Kind
		text, want string
	}{
		{names.Address, "192.0.2.7", "192.0.2.7"},
		{names.Address, "::ffff:192.0.2.7", "192.0.2.7"},
		{names.Address, "2001:DB8::0:7", "2001:db8::7"},
		{names.Address, "192.0.2.0/24", "!want an address"},
		{names.Address, "fe80::1%eth0", "!want an address"},
		{names.Address, "", "!want an address"},
		{names.Exporter, "192.0.2.254", "192.0.2.254"},
		{names.Network, "192.0.2.0/24", "192.0.2.0/24"},
		{names.Network, "::ffff:192.0.2.0/120", "192.0.2.0/24"},
		{names.Network, "192.0.2.7/24", "!names a host of the network 192.0.2.0/24"},
		{names.Network, "192.0.2.7", "!an address is of the kind address"},
		{names.Network, "192.0.2.7/32", "192.0.2.7/32"},
		{names.Interface, "192.0.2.254#3", "192.0.2.254#3"},
		{names.Interface, "2001:db8::1#4294967295", "2001:db8::1#4294967295"},
		{names.Interface, "192.0.2.254#003", "192.0.2.254#3"},
		{names.Interface, "192.0.2.254#4294967296", "!SNMP index"},
		{names.Interface, "192.0.2.254#", "!SNMP index"},
		{names.Interface, "192.0.2.254#+3", "!SNMP index"},
		{names.Interface, "192.0.2.254", "!SNMP index"},
		{names.AS, "64500", "64500"},
		{names.AS, "AS64500", "64500"},
		{names.AS, "as064500", "64500"},
		{names.AS, "0", "!number of an autonomous system"},
		{names.AS, "AS", "!number of an autonomous system"},
		{names.AS, "+1", "!number of an autonomous system"},
		{names.AS, "4294967296", "!number of an autonomous system"},
		{"host", "192.0.2.7", "!want address, network, exporter, interface or as"},
		{names.Address, strings.Repeat("1", 99), "!at most 80 bytes"},
	} {
		k, err := names.Canonical(test.kind, test.text)
		if why, bad := strings.CutPrefix(test.want, "!"); bad {
			if !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), why) {
				t.Errorf("Canonical(%s, %q) = %v, %v, want an error with %q", test.kind, test.text, k, err, why)
			}
		} else if err != nil || k != (names.Key{Kind: test.kind, Key: test.want}) {
			t.Errorf("Canonical(%s, %q) = %v, %v, want %s", test.kind, test.text, k, err, test.want)
		}
	}
}

func TestCheckName(t *testing.T) {
	for name, good := range map[string]bool{
		"web": true, "Bürö 1": true, strings.Repeat("x", 128): true,
		"": false, " web": false, "web\n": false, "a\x1b[31m": false, "a\u202eb": false, "\xff": false, strings.Repeat("x", 129): false,
	} {
		if err := names.CheckName(name); (err == nil) != good || err != nil && !errors.Is(err, fault.Invalid) {
			t.Errorf("CheckName(%q) = %v, want good: %v", name, err, good)
		}
	}
}

func TestBook(t *testing.T) {
	var entries []names.Entry
	for _, e := range [][3]string{
		{"address", "10.1.2.3", "printer"}, {"network", "10.0.0.0/8", "office"}, {"network", "10.1.0.0/16", "west"}, {"network", "0.0.0.0/0", "world"},
		{"exporter", "10.0.0.1", "core"}, {"address", "10.0.0.2", "edge"}, {"interface", "10.0.0.1#3", "uplink"}, {"as", "64500", "us"}, {"network", "2001:db8::/32", "six"},
	} {
		k, err := names.Canonical(names.Kind(e[0]), e[1])
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, names.Entry{Key: k, Name: e[2]})
	}
	b := names.NewBook(entries)
	if b.Len() != len(entries) {
		t.Errorf("Len = %d, want %d", b.Len(), len(entries))
	}
	for _, test := range [][4]string{
		{"address", "10.1.2.3", "printer", ""},
		{"address", "10.1.2.4", "west", "10.1.0.0/16"},
		{"address", "10.2.2.4", "office", "10.0.0.0/8"},
		{"address", "192.0.2.1", "world", "0.0.0.0/0"},
		{"address", "2001:db8::1", "six", "2001:db8::/32"},
		{"address", "2001:db9::1", "", ""},
		{"network", "10.1.0.0/16", "west", ""},
		{"network", "10.1.2.0/24", "west", "10.1.0.0/16"},
		{"network", "10.0.0.0/12", "office", "10.0.0.0/8"}, // and not the smaller one within it
		{"exporter", "10.0.0.1", "core", ""},
		{"exporter", "10.0.0.2", "edge", ""},
		{"exporter", "10.0.0.3", "", ""},
		{"interface", "10.0.0.1#3", "uplink", ""},
		{"interface", "10.0.0.1#4", "", ""},
		{"as", "64500", "us", ""},
		{"as", "64501", "", ""},
		{"address", "10.0.0.1", "office", "10.0.0.0/8"}, // the name of an exporter is not that of its address
	} {
		name, network := b.Of(names.Key{Kind: names.Kind(test[0]), Key: test[1]})
		if name != test[2] || network != test[3] {
			t.Errorf("Of(%s %s) = %q by %q, want %q by %q", test[0], test[1], name, network, test[2], test[3])
		}
	}
	if name, _ := (*names.Book)(nil).Of(names.Key{Kind: names.AS, Key: "1"}); name != "" {
		t.Errorf("no book names %q", name)
	}
}

func TestCompare(t *testing.T) {
	want := []names.Key{
		{names.Address, "9.0.0.1"}, {names.Address, "10.0.0.1"}, {names.Address, "2001:db8::1"}, {names.Network, "10.0.0.0/8"}, {names.Network, "10.0.0.0/16"},
		{names.Exporter, "10.0.0.1"}, {names.Interface, "10.0.0.1#9"}, {names.Interface, "10.0.0.1#10"}, {names.AS, "9"}, {names.AS, "10"},
	}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, names.Key.Compare)
	if !slices.Equal(got, want) {
		t.Errorf("sorted: %v, want %v", got, want)
	}
}
