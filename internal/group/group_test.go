package group_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/fault"
	"tocsin/internal/group"
)

func TestParseMember(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.0/24":                        "192.0.2.0/24",
		"192.0.2.7":                           "192.0.2.7",
		"192.0.2.7/32":                        "192.0.2.7",
		"::ffff:192.0.2.7":                    "192.0.2.7",
		"::ffff:192.0.2.0/120":                "192.0.2.0/24",
		"0.0.0.0/0":                           "0.0.0.0/0",
		"::/0":                                "::/0",
		"192.0.2.0/24:443":                    "192.0.2.0/24:443",
		"192.0.2.7:8000-8999":                 "192.0.2.7:8000-8999",
		"192.0.2.7:22-22":                     "192.0.2.7:22",
		"192.0.2.7:0-65535":                   "192.0.2.7", // all ports are no ports
		"192.0.2.7:0":                         "192.0.2.7:0",
		"192.0.2.0/24:443/tcp":                "192.0.2.0/24:443/tcp",
		"192.0.2.0/24:443/6":                  "192.0.2.0/24:443/tcp",
		"192.0.2.0/24/udp":                    "192.0.2.0/24/udp",
		"192.0.2.7/udp":                       "192.0.2.7/udp",
		"192.0.2.0/24/253":                    "192.0.2.0/24/253",
		"2001:db8::/32":                       "2001:db8::/32",
		"2001:DB8:0::1":                       "2001:db8::1",
		"2001:db8::1/tcp":                     "2001:db8::1/tcp",
		"[2001:db8::1]:443":                   "[2001:db8::1]:443",
		"[2001:db8::1]":                       "2001:db8::1",
		"2001:db8::/32:443":                   "[2001:db8::/32]:443",
		"[2001:db8::/32]:443-444/sctp":        "[2001:db8::/32]:443-444/sctp",
		"[192.0.2.0/24]:443":                  "192.0.2.0/24:443",
		"[2001:db8::/32]/ipv6-icmp":           "2001:db8::/32/ipv6-icmp",
		"192.0.2.7/24":                        "!names a host of the network 192.0.2.0/24",
		"2001:db8::1/32":                      "!names a host of the network 2001:db8::/32",
		"192.0.2.7/33":                        "!no network",
		"192.0.2.256":                         "!no address",
		"example.org":                         "!no address",
		"":                                    "!no address",
		"fe80::1%eth0":                        "!no address",
		"192.0.2.7:":                          "!ports",
		"192.0.2.7:65536":                     "!ports",
		"192.0.2.7:+80":                       "!ports",
		"192.0.2.7:80-":                       "!ports",
		"192.0.2.7:90-80":                     "!ports",
		"192.0.2.7:http":                      "!ports",
		"192.0.2.7:80/tpc":                    "!protocol",
		"192.0.2.7:80/256":                    "!protocol",
		"192.0.2.7:80/":                       "!protocol",
		"192.0.2.0/24x":                       "!want an address or network",
		"[2001:db8::1":                        "!want an address or network",
		"[2001:db8::1]443":                    "!want an address or network",
		"[[2001:db8::1]]:443":                 "!want an address or network",
		"192.0.2.7 ":                          "!no address",
		"192.0.2.7" + strings.Repeat(" ", 99): "!want an address or network",
	} {
		m, err := group.ParseMember(text)
		if why, bad := strings.CutPrefix(want, "!"); bad {
			if !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), why) {
				t.Errorf("ParseMember(%q) = %v, %v, want an error with %q", text, m, err, why)
			}
			continue
		}
		if err != nil || m.String() != want {
			t.Errorf("ParseMember(%q) = %v, %v, want %s", text, m, err, want)
			continue
		}
		if again, err := group.ParseMember(m.String()); err != nil || again != m {
			t.Errorf("ParseMember(%q) = %v, %v, want what it was written from", m.String(), again, err)
		}
	}
}

func FuzzParseMember(f *testing.F) {
	for _, text := range []string{"192.0.2.0/24:443/tcp", "[2001:db8::/32]:1-2/17", "2001:db8::1/tcp", "10.0.0.0/8/udp", "[::]:0", "1/1:1/1", "[0::]/0", "[192.0.2.1]/99"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := group.ParseMember(text)
		if err != nil {
			return
		}
		again, err := group.ParseMember(m.String())
		if err != nil || again != m {
			t.Fatalf("ParseMember(%q) = %+v is written %q, which is %+v, %v", text, m, m.String(), again, err)
		}
	})
}

func make1(t testing.TB, name string, members ...string) group.Group {
	t.Helper()
	g := group.Group{Name: name}
	for _, text := range members {
		m, err := group.ParseMember(text)
		if err != nil {
			t.Fatal(err)
		}
		g.Members = append(g.Members, m)
	}
	return g
}

func TestMostSpecificWins(t *testing.T) {
	s, err := group.NewSet([]group.Group{
		make1(t, "all", "0.0.0.0/0", "::/0"),
		make1(t, "web", "0.0.0.0/0:80", "0.0.0.0/0:443/tcp"),
		make1(t, "office", "10.0.0.0/8"),
		make1(t, "servers", "10.1.0.0/16", "10.2.0.9:5432"),
		make1(t, "secure", "10.1.0.0/16:400-500"),
		make1(t, "quic", "10.1.0.0/16:443/udp"),
		make1(t, "https", "10.1.0.0/16:443"),
		make1(t, "own", "10.1.2.3"),
		make1(t, "six", "2001:db8::/32"),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		address  string
		port     int64
		protocol int16
		want     string
	}{
		{"192.0.2.1", -1, -1, "all"},
		{"192.0.2.1", 80, -1, "web"},
		{"192.0.2.1", 443, 6, "web"},
		{"192.0.2.1", 443, 17, "all"},
		{"192.0.2.1", 443, -1, "all"}, // a protocol that is not known fits no member that wants one
		{"10.9.9.9", 80, 6, "office"}, // the smaller network wins over the port
		{"10.1.9.9", -1, -1, "servers"},
		{"10.1.9.9", 22, 6, "servers"},
		{"10.1.9.9", 450, 6, "secure"},
		{"10.1.9.9", 443, 6, "https"},  // the narrower range
		{"10.1.9.9", 443, 17, "quic"},  // and with a protocol before without
		{"10.1.9.9", 443, -1, "https"}, //
		{"10.1.2.3", 443, 17, "own"},
		{"10.2.0.9", 5432, 6, "servers"},
		{"10.2.0.9", 22, 6, "office"}, // its only member does not fit: the next larger network
		{"2001:db8::1", 1, 6, "six"},
		{"2001:db9::1", 80, 6, "all"},
	} {
		n := s.Node(netip.MustParseAddr(test.address).As16())
		got := "none"
		if number, ok := n.Of(test.port, test.protocol); ok {
			got = s.Name(number)
		}
		if got != test.want {
			t.Errorf("%s port %d protocol %d: group %s, want %s", test.address, test.port, test.protocol, got, test.want)
		}
	}
}

func TestRefused(t *testing.T) {
	many := func(n int, member func(int) string) (g group.Group) {
		g.Name = "many"
		for i := range n {
			m, err := group.ParseMember(member(i))
			if err != nil {
				t.Fatal(err)
			}
			g.Members = append(g.Members, m)
		}
		return g
	}
	tooMany := make([]group.Group, group.MaxGroups+1)
	for name, test := range map[string]struct {
		groups []group.Group
		want   string
	}{
		"one member in two groups":    {[]group.Group{make1(t, "a", "192.0.2.0/24"), make1(t, "b", "192.0.2.0/24")}, `member 192.0.2.0/24 stands in group "a" and in group "b"`},
		"one port in two groups":      {[]group.Group{make1(t, "a", "192.0.2.0/24:80"), make1(t, "b", "192.0.2.0/24:80")}, `192.0.2.0/24:80 stands in group "a" and in group "b"`},
		"mapped is the same":          {[]group.Group{make1(t, "a", "192.0.2.0/24"), make1(t, "b", "::ffff:192.0.2.0/120")}, "stands in group"},
		"ports overlap":               {[]group.Group{make1(t, "a", "192.0.2.0/24:1-10"), make1(t, "b", "192.0.2.0/24:5-20")}, `192.0.2.0/24:1-10 of group "a" and 192.0.2.0/24:5-20 of group "b" overlap`},
		"ports overlap, one for tcp":  {[]group.Group{make1(t, "a", "192.0.2.0/24:1-10/tcp"), make1(t, "b", "192.0.2.0/24:5-20")}, "overlap"},
		"twice in one":                {[]group.Group{make1(t, "a", "192.0.2.0/24", "192.0.2.0/24")}, `group "a": member 192.0.2.0/24 stands twice`},
		"a name twice":                {[]group.Group{make1(t, "a", "192.0.2.0/24"), make1(t, "a", "192.0.3.0/24")}, `group "a" stands twice`},
		"against one of a file":       {[]group.Group{{Name: "a", Members: make1(t, "a", "192.0.2.0/24").Members, Place: "tocsin.yaml"}, make1(t, "b", "192.0.2.0/24")}, `"a" of them in tocsin.yaml`},
		"no members":                  {[]group.Group{{Name: "a"}}, "got no members"},
		"no name":                     {[]group.Group{make1(t, "", "192.0.2.1")}, "want a name"},
		"a name of a terminal":        {[]group.Group{make1(t, "a\x1b[2J", "192.0.2.1")}, "want a name"},
		"a long name":                 {[]group.Group{make1(t, strings.Repeat("x", 65), "192.0.2.1")}, "want a name"},
		"too many groups":             {tooMany, "want at most 10000"},
		"too many members":            {[]group.Group{{Name: "a", Members: make([]group.Member, group.MaxMembers+1)}}, "more than 250000"},
		"too many ports of a network": {[]group.Group{many(group.MaxSame+1, func(i int) string { return fmt.Sprintf("192.0.2.0/24:%d", i) })}, "named 257 times, want at most 256"},
	} {
		_, err := group.NewSet(test.groups)
		if !errors.Is(err, fault.Invalid) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	for name, groups := range map[string][]group.Group{
		"ranges within each other":    {make1(t, "a", "192.0.2.0/24:1-10"), make1(t, "b", "192.0.2.0/24:5-6")},
		"one port, two protocols":     {make1(t, "a", "192.0.2.0/24:53/tcp"), make1(t, "b", "192.0.2.0/24:53/udp"), make1(t, "c", "192.0.2.0/24:53")},
		"ranges of two protocols":     {make1(t, "a", "192.0.2.0/24:1-10/tcp"), make1(t, "b", "192.0.2.0/24:5-20/udp")},
		"as many ports as may be":     {many(group.MaxSame, func(i int) string { return fmt.Sprintf("192.0.2.0/24:%d", i) })},
		"blanks and letters in names": {make1(t, "Bürö 1, west", "192.0.2.1")},
	} {
		if _, err := group.NewSet(groups); err != nil {
			t.Errorf("%s: %v, want no error", name, err)
		}
	}
}

// A set answers as trying every member of every group does.
func TestAgainstScan(t *testing.T) {
	member := rapid.Custom(func(t *rapid.T) group.Member {
		bits := rapid.SampledFrom([]int{0, 8, 15, 16, 23, 24, 31, 32}).Draw(t, "bits")
		a := netip.AddrFrom4([4]byte{10, byte(rapid.IntRange(0, 1).Draw(t, "b")), byte(rapid.IntRange(0, 1).Draw(t, "c")), byte(rapid.IntRange(0, 3).Draw(t, "d"))})
		m := group.Member{Network: netip.PrefixFrom(a, bits).Masked(), Last: 65535, Any: true}
		if rapid.Bool().Draw(t, "ports") {
			m.First = uint16(rapid.IntRange(0, 9).Draw(t, "first"))
			m.Last = uint16(rapid.IntRange(int(m.First), 9).Draw(t, "last"))
		}
		if rapid.Bool().Draw(t, "protocol") {
			m.Any, m.Protocol = false, rapid.SampledFrom([]uint8{6, 17}).Draw(t, "number")
		}
		return m
	})
	sets := 0
	rapid.Check(t, func(t *rapid.T) {
		var groups []group.Group
		for i, m := range rapid.SliceOfN(member, 1, 8).Draw(t, "members") {
			groups = append(groups, group.Group{Name: fmt.Sprint(i), Members: []group.Member{m}})
		}
		s, err := group.NewSet(groups)
		if err != nil {
			return
		}
		sets++
		for range 40 {
			a := netip.AddrFrom4([4]byte{10, byte(rapid.IntRange(0, 1).Draw(t, "ab")), byte(rapid.IntRange(0, 1).Draw(t, "ac")), byte(rapid.IntRange(0, 3).Draw(t, "ad"))})
			port, protocol := int64(rapid.IntRange(-1, 10).Draw(t, "port")), rapid.SampledFrom([]int16{-1, 6, 17}).Draw(t, "proto")
			want := "none"
			var best group.Member
			for _, g := range groups {
				m := g.Members[0]
				fits := m.Network.Contains(a) && (m.Any || int16(m.Protocol) == protocol) && (!m.Ports() || port >= int64(m.First) && port <= int64(m.Last))
				if fits && (want == "none" || closer(m, best)) {
					want, best = g.Name, m
				}
			}
			n := s.Node(a.As16())
			got := "none"
			if number, ok := n.Of(port, protocol); ok {
				got = s.Name(number)
			}
			if got != want {
				t.Fatalf("%v port %d protocol %d: group %s, want %s of %v", a, port, protocol, got, want, groups)
			}
			if number, ok := n.Always(); ok && s.Name(number) != want {
				t.Fatalf("%v is always in %s, and with port %d in %s", a, s.Name(number), port, want)
			}
		}
	})
	if sets == 0 {
		t.Error("no set was good, so that nothing was compared")
	}
}

// closer is the rule of the documentation: smaller network, fewer ports, with a protocol.
func closer(a, b group.Member) bool {
	if a.Network.Bits() != b.Network.Bits() {
		return a.Network.Bits() > b.Network.Bits()
	}
	if wa, wb := int(a.Last)-int(a.First), int(b.Last)-int(b.First); wa != wb {
		return wa < wb
	}
	return !a.Any && b.Any
}
