package prefix_test

import (
	"net/netip"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/prefix"
)

// address draws addresses that lie close together, so that networks hold some of them, of both families and mapped.
func address() *rapid.Generator[netip.Addr] {
	return rapid.Custom(func(t *rapid.T) netip.Addr {
		var a [16]byte
		switch rapid.IntRange(0, 2).Draw(t, "family") {
		case 0:
			return netip.AddrFrom4([4]byte{10, byte(rapid.IntRange(0, 3).Draw(t, "b")), byte(rapid.IntRange(0, 3).Draw(t, "c")), rapid.Byte().Draw(t, "d")})
		case 1:
			a = netip.MustParseAddr("2001:db8::").As16()
		}
		a[rapid.IntRange(4, 15).Draw(t, "at")] = rapid.Byte().Draw(t, "v6")
		return netip.AddrFrom16(a)
	})
}

func network() *rapid.Generator[netip.Prefix] {
	return rapid.Custom(func(t *rapid.T) netip.Prefix {
		a := address().Draw(t, "network")
		return netip.PrefixFrom(a, rapid.IntRange(0, a.BitLen()).Draw(t, "bits")).Masked()
	})
}

// The table answers as looking at all networks one by one does.
func TestAgainstScan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var table prefix.Table[int]
		model := map[netip.Prefix]int{}
		for i, p := range rapid.SliceOfN(network(), 0, 60).Draw(t, "networks") {
			table.Set(p, i)
			model[p] = i
		}
		if table.Len() != len(model) {
			t.Fatalf("Len = %d, want %d", table.Len(), len(model))
		}
		for p, want := range model {
			if got, ok := table.Get(p); !ok || got != want {
				t.Fatalf("Get(%v) = %d, %v, want %d", p, got, ok, want)
			}
		}
		for _, a := range rapid.SliceOfN(address(), 1, 40).Draw(t, "addresses") {
			var want, got []netip.Prefix
			for p := range model {
				if p.Contains(a) {
					want = append(want, p)
				}
			}
			slices.SortFunc(want, func(x, y netip.Prefix) int { return y.Bits() - x.Bits() })
			for p, v := range table.Around(a.As16()) {
				if v != model[p] {
					t.Fatalf("Around(%v) tells %v = %d, want %d", a, p, v, model[p])
				}
				got = append(got, p)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("Around(%v) = %v, want %v", a, got, want)
			}
			v, ok := table.Smallest(a.As16())
			if ok != (len(want) > 0) || ok && v != model[want[0]] {
				t.Fatalf("Smallest(%v) = %d, %v, want that of %v", a, v, ok, want)
			}
		}
	})
}

func TestFamiliesAreApart(t *testing.T) {
	var table prefix.Table[string]
	table.Set(netip.MustParsePrefix("::/0"), "six")
	if v, ok := table.Smallest(netip.MustParseAddr("192.0.2.1").As16()); ok {
		t.Errorf("192.0.2.1 is held by ::/0, which is %q", v)
	}
	table.Set(netip.MustParsePrefix("::ffff:192.0.2.0/120"), "mapped")
	if v, _ := table.Smallest(netip.MustParseAddr("192.0.2.1").As16()); v != "mapped" {
		t.Errorf("192.0.2.1 = %q, want that of the mapped network", v)
	}
	if v, _ := table.Get(netip.MustParsePrefix("192.0.2.0/24")); v != "mapped" {
		t.Errorf("192.0.2.0/24 = %q, want that of its mapped form", v)
	}
}
