package aggregate

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"tocsin/internal/event"
)

// TestAddressesAreToldApart numbers addresses of both versions, many of which differ in a few bits alone, one by one and by a
// dictionary, and holds the numbers against a map.
func TestAddressesAreToldApart(t *testing.T) {
	field, ok := event.FieldByName("source.ip")
	if !ok {
		t.Fatal("no field source.ip")
	}
	r := rand.New(rand.NewPCG(8, 8))
	dictionary := event.Column{Field: field, IPs: make([][16]byte, 1)}
	seen := map[[16]byte]bool{}
	add := func(high uint64, middle, low uint32) {
		var a [16]byte
		binary.BigEndian.PutUint64(a[:], high)
		binary.BigEndian.PutUint32(a[8:], middle)
		binary.BigEndian.PutUint32(a[12:], low)
		if !seen[a] {
			seen[a] = true
			dictionary.IPs = append(dictionary.IPs, a)
		}
	}
	for range 20_000 {
		low := r.Uint32N(1 << 18)
		add(0, 0xffff, low) // IPv4
		add(0, 0, low)      // and what looks like it
		add(0, 0x1ffff, low)
		add(0x20010db8<<32|uint64(r.Uint32N(4)), 0xffff, low)
	}
	in := newInterner(Key{Field: field})
	want := map[[16]byte]uint32{}
	for i := 1; i < len(dictionary.IPs); i += 2 {
		n, ok := in.address(&dictionary.IPs[i], true)
		if !ok || n != uint32(len(want)+1) {
			t.Fatalf("address %d has number %d, want %d", i, n, len(want)+1)
		}
		want[dictionary.IPs[i]] = n
	}
	codes, ids := make([]uint32, 0, chunkRows), make([]uint32, chunkRows)
	for from := 1; from < len(dictionary.IPs); from += chunkRows {
		codes = codes[:0]
		for code := from; code < min(from+chunkRows, len(dictionary.IPs)); code++ {
			codes = append(codes, uint32(code))
		}
		in.addresses(&dictionary, codes, ids[:len(codes)])
		for i, code := range codes {
			n, known := want[dictionary.IPs[code]]
			if !known {
				n = noRoom
			}
			if ids[i] != n {
				t.Fatalf("dictionary value %d has number %d, want %d", code, ids[i], n)
			}
		}
	}
}
