package enrich_test

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/event"
	"tocsin/internal/group"
)

// closest is the rule of docs/enrichment.md, said once more: of the members that fit, the smallest network, then the fewest ports,
// then the one with a protocol. A network of one family holds no address of the other.
func closest(all []group.Group, a netip.Addr, port, protocol int) string {
	name, best := "", group.Member{}
	width := func(m group.Member) int { return int(m.Last) - int(m.First) }
	for _, g := range all {
		for _, m := range g.Members {
			switch {
			case m.Network.Addr().Is4() != a.Is4() || !m.Network.Contains(a),
				m.Ports() && (port < int(m.First) || port > int(m.Last)),
				!m.Any && int(m.Protocol) != protocol:
				continue
			case name == "",
				m.Network.Bits() > best.Network.Bits(),
				m.Network.Bits() == best.Network.Bits() && width(m) < width(best),
				m.Network == best.Network && width(m) == width(best) && !m.Any && best.Any:
				name, best = g.Name, m
			}
		}
	}
	return name
}

// drawAddress draws one of few addresses of both families, so that networks of few bits meet.
func drawAddress(t *rapid.T) netip.Addr {
	if rapid.Bool().Draw(t, "v6") {
		a := netip.MustParseAddr("2001:db8::").As16()
		a[7], a[15] = byte(rapid.IntRange(0, 1).Draw(t, "net")), byte(rapid.IntRange(0, 3).Draw(t, "host"))
		return netip.AddrFrom16(a)
	}
	return netip.AddrFrom4([4]byte{10, 0, byte(rapid.IntRange(0, 1).Draw(t, "net")), byte(rapid.IntRange(0, 3).Draw(t, "host"))})
}

// drawGroups draws groups that lie within each other and are good together; nil when those drawn are not.
func drawGroups(t *rapid.T) ([]group.Group, *group.Set) {
	member := rapid.Custom(func(t *rapid.T) group.Member {
		a := drawAddress(t)
		bits := rapid.SampledFrom([]int{0, 8, 23, 24, 31, 32}).Draw(t, "bits")
		if a.Is6() {
			bits = rapid.SampledFrom([]int{0, 32, 63, 64, 127, 128}).Draw(t, "bits6")
		}
		m := group.Member{Network: netip.PrefixFrom(a, bits).Masked(), Last: 65535, Any: true}
		if rapid.Bool().Draw(t, "ports") {
			m.First = uint16(rapid.IntRange(1, 4).Draw(t, "first"))
			m.Last = uint16(rapid.IntRange(int(m.First), 5).Draw(t, "last"))
		}
		if rapid.Bool().Draw(t, "protocol") {
			m.Any, m.Protocol = false, rapid.SampledFrom([]uint8{6, 17}).Draw(t, "number")
		}
		return m
	})
	var all []group.Group
	taken := map[group.Member]bool{}
	for i := range rapid.IntRange(0, 5).Draw(t, "groups") {
		g := group.Group{Name: fmt.Sprintf("g%d", i)}
		for _, m := range rapid.SliceOfN(member, 1, 4).Draw(t, "members") {
			// One that does not go with the others is left out, so that every draw gives groups.
			next := group.Group{Name: g.Name, Members: append(g.Members[:len(g.Members):len(g.Members)], m)}
			if _, err := group.NewSet(append(all[:len(all):len(all)], next)); err == nil && !taken[m] {
				g, taken[m] = next, true
			}
		}
		if len(g.Members) > 0 {
			all = append(all, g)
		}
	}
	set, err := group.NewSet(all)
	if err != nil {
		t.Fatalf("groups %v: %v", all, err)
	}
	return all, set
}

// Groups change between batches, again and again: each side of each flow is in the group that fits it most closely among those that
// there were when it came, and stays there.
func TestGroupsAgainstOracle(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		e := newEnricher(t, nil)
		var now []group.Group
		type arrived struct {
			batch *event.Batch
			text  string
		}
		var before []arrived
		for range rapid.IntRange(1, 6).Draw(rt, "steps") {
			if rapid.Bool().Draw(rt, "change") {
				all, set := drawGroups(rt)
				e.SetGroups(set)
				now = all
			}
			var list [][]string
			var want []string
			for range rapid.IntRange(1, 12).Draw(rt, "rows") {
				protocol := rapid.SampledFrom([]int{0, 6, 17}).Draw(rt, "proto") // 0: none is told
				var row []string
				if protocol > 0 {
					row = append(row, "network.iana_number", fmt.Sprint(protocol))
				} else {
					protocol = -1
				}
				for _, side := range []string{"source", "destination"} {
					a, port := drawAddress(rt), rapid.IntRange(-1, 6).Draw(rt, "port")
					row = append(row, side+".ip", a.String())
					if port >= 0 {
						row = append(row, side+".port", fmt.Sprint(port))
					}
					want = append(want, closest(now, a, port, protocol))
				}
				list = append(list, row)
			}
			in := rows(t, event.Flow, list...)
			out := e.Batch(in)
			for row := range out.Rows {
				for i, field := range []event.FieldID{event.SourceGroup, event.DestinationGroup} {
					got := ""
					if c := out.Column(field); c != nil {
						if v, ok := c.Value(row); ok {
							got = string(c.Str(v))
						}
					}
					if got != want[2*row+i] {
						rt.Fatalf("%v, side %d: group %q, want %q of %v", list[row], i, got, want[2*row+i], now)
					}
				}
			}
			before = append(before, arrived{out, wording(out)})
		}
		for i, a := range before {
			if wording(a.batch) != a.text || e.Batch(a.batch) != a.batch && wording(e.Batch(a.batch)) != a.text && grouped(a.batch) {
				rt.Fatalf("batch %d was given other groups afterwards", i)
			}
		}
	})
}

// wording is all that a batch says.
func wording(b *event.Batch) string {
	var text []byte
	for row := range b.Rows {
		text = append(b.AppendJSON(text, row), '\n')
	}
	return string(text)
}

// grouped reports whether each side of each row has a group already.
func grouped(b *event.Batch) bool {
	text := wording(b)
	return strings.Count(text, `.group"`) == 2*b.Rows
}

// While groups change, each batch is put into those of one moment.
func TestBatchHasGroupsOfOneMoment(t *testing.T) {
	var sets []*group.Set
	for _, name := range []string{"before", "after"} {
		set, err := group.NewSet(groups(t, map[string][]string{name: {"0.0.0.0/0", "::/0"}}))
		if err != nil {
			t.Fatal(err)
		}
		sets = append(sets, set)
	}
	e := newEnricher(t, nil)
	e.SetGroups(sets[0])
	var list [][]string
	for i := range 300 {
		list = append(list, []string{"source.ip", fmt.Sprintf("10.0.%d.%d", i/200, i%200), "destination.ip", fmt.Sprintf("2001:db8::%x", i+1)})
	}
	b := rows(t, event.Flow, list...)
	stop := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		for i := 1; ; i++ {
			select {
			case <-stop:
				return
			default:
				e.SetGroups(sets[i%2])
			}
		}
	})
	for range 300 {
		text := wording(e.Batch(b))
		if one, two := strings.Count(text, `.group":"before"`), strings.Count(text, `.group":"after"`); one+two != 600 || one != 0 && two != 0 {
			t.Errorf("a batch is in %d groups of before and %d of after, want 600 of one of them", one, two)
			break
		}
	}
	close(stop)
	all.Wait()
}
