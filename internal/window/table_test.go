package window

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"tocsin/internal/event"
)

// TestRowsHaveTheirKeys: many rows get the numbers of their keys, which those have one by one as well, also while entities come, go and come
// again.
func TestRowsHaveTheirKeys(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for _, by := range [][]string{{"user.name"}, {"source.ip"}, {"source.port"}, {"source.ip", "destination.ip"}, {"source.port", "user.name"},
		{"user.name", "destination.ip", "source.ip"}, {"destination.ip", "source.port"}, {}} {
		keys, err := NewKeys(by)
		if err != nil {
			t.Fatal(err)
		}
		one, many := NewTable(keys), NewTable(keys)
		for range 40 {
			b := event.NewBuilder(event.Flow)
			for range 1 + r.IntN(700) {
				for _, id := range []event.FieldID{event.SourceIP, event.DestinationIP} {
					if r.IntN(9) > 0 {
						b.IP(id, address(r))
					}
				}
				if r.IntN(9) > 0 {
					b.Int(event.SourcePort, port(r))
				}
				if r.IntN(9) > 0 {
					b.Text(event.UserName, strings.Repeat("x", r.IntN(2)*r.IntN(300))+fmt.Sprint(r.IntN(30)))
				}
				b.Next()
			}
			batch := b.Batch()
			var rows []int32
			for row := range batch.Rows {
				if r.IntN(10) > 0 {
					rows = append(rows, int32(row))
				}
			}
			one.Bind(batch)
			many.Bind(batch)
			ids := make([]uint32, len(rows))
			for i := range ids {
				ids[i] = r.Uint32() // of another batch
			}
			many.Rows(rows, ids)
			for i, row := range rows {
				key, lacks := keys.Of(batch, row)
				id, ok := one.Row(row)
				if ok != (lacks == "") || ok && (one.Key(id) != key || many.Key(ids[i]-1) != key) {
					t.Fatalf("by %v, row %d: the key is %q (lacks %q), got numbers of other keys", by, row, key, lacks)
				}
				if found, has := many.Lookup(key); ok && (!has || found != ids[i]-1) {
					t.Fatalf("by %v: Lookup(%q): got %d, %v", by, key, found, has)
				}
				if want := id + 1; ok && ids[i] != want || !ok && ids[i] != 0 {
					t.Fatalf("by %v, row %d: got %d, want %d, %v", by, row, ids[i], want, ok)
				}
			}
			for id := range uint32(one.Cap()) {
				if one.Used(id) && r.IntN(3) == 0 {
					one.Drop(id)
					many.Drop(id)
				}
			}
		}
		if one.Len() != many.Len() || one.Bytes() != many.Bytes() {
			t.Errorf("by %v: %d and %d entities of %d and %d bytes", by, one.Len(), many.Len(), one.Bytes(), many.Bytes())
		}
	}
}

// address returns one of a few, most of them of IPv4, some of which begin as others of IPv6 do.
func address(r *rand.Rand) [16]byte {
	switch ip := [16]byte{10: 0xff, 11: 0xff, 12: 10, 14: byte(r.IntN(2)), 15: byte(r.IntN(256))}; r.IntN(10) {
	case 0:
		ip[r.IntN(12)]++
		return ip
	case 1:
		return [16]byte{0: 0x20, 1: 0x01, 15: ip[15]}
	default:
		return ip
	}
}

// port returns one of a few about what is found without a search.
func port(r *rand.Rand) int64 {
	return [...]int64{0, -1, 1, 80, 1023, 1024, maxSmall - 1, maxSmall, math.MinInt64, int64(r.IntN(5000))}[r.IntN(10)]
}

// TestNames: a number has the key that it was given last, whatever lengths came and went, and a number that is dropped makes
// room for the next key of its length.
func TestNames(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	keys, err := NewKeys([]string{"user.name", "labels.a", "labels.b", "labels.c"})
	if err != nil {
		t.Fatal(err)
	}
	table, want := NewTable(keys), map[uint32]string{}
	room := func() (n int) {
		for _, s := range table.names.shelves {
			for _, page := range s.pages {
				n += len(page)
			}
		}
		return n
	}
	most, total := 0, 0
	for range 30_000 {
		key := strings.Repeat(string(rune('a'+r.IntN(3))), r.IntN(30)+r.IntN(2)*r.IntN(1000)) + "."
		if id, ok := table.Lookup(key); ok {
			if want[id] != key {
				t.Fatalf("Lookup(%q): got the number of %q", key, want[id])
			}
			table.Drop(id)
			delete(want, id)
			total -= len(key)
		} else {
			want[table.Number(key)] = key
			total += len(key)
		}
		most = max(most, total)
	}
	for id := range uint32(table.Cap()) {
		if key, ok := want[id]; ok != table.Used(id) || table.Key(id) != key {
			t.Errorf("number %d: got %q (%v), want %q", id, table.Key(id), table.Used(id), key)
		}
		if !table.Among(map[string]bool{want[id]: true}, id) || table.Among(map[string]bool{want[id] + "x": true}, id) {
			t.Errorf("number %d: it is not among its own key, or among others", id)
		}
	}
	if table.Len() != len(want) || table.Bytes() != len(want)*entryBytes+total || room() > 8*most {
		t.Errorf("%d entities of %d bytes in %d, want %d of %d, in less than %d", table.Len(), table.Bytes(), room(), len(want), len(want)*entryBytes+total, 8*most)
	}
}

// TestNamesLetGo: keys of one length do not cost their room for ever when others of another length take their place.
func TestNamesLetGo(t *testing.T) {
	keys, err := NewKeys([]string{"user.name"})
	if err != nil {
		t.Fatal(err)
	}
	table := NewTable(keys)
	for length := 12; length < 2000; length += 40 {
		for i := range 1000 {
			table.Number(fmt.Sprintf("%0*d", length, i))
		}
		for id := range uint32(table.Cap()) {
			if table.Used(id) && id != 7 { // one stays
				table.Drop(id)
			}
		}
	}
	held := 0
	for _, s := range table.names.shelves {
		for _, page := range s.pages {
			held += len(page)
		}
	}
	if table.Len() != 1 || table.Key(7) != fmt.Sprintf("%012d", 7) || held > 64<<10 {
		t.Errorf("%d keys, one of them %q, take %d bytes", table.Len(), table.Key(7), held)
	}
}

// TestIndexSpreads: keys that follow a pattern do not crowd: a search looks at few places.
func TestIndexSpreads(t *testing.T) {
	for name, key := range map[string]func(n uint32) []byte{
		"hosts of a network":  func(n uint32) []byte { return binary.BigEndian.AppendUint32([]byte{4}, 10<<24|n) },
		"networks":            func(n uint32) []byte { return binary.LittleEndian.AppendUint32([]byte{4}, n) },
		"pairs by the first":  func(n uint32) []byte { return append(binary.BigEndian.AppendUint32([]byte{4}, n), 4, 10, 0, 0, 1) },
		"pairs by the second": func(n uint32) []byte { return binary.BigEndian.AppendUint32([]byte{4, 10, 0, 0, 1, 4}, n) },
		"pairs of equals": func(n uint32) []byte {
			return binary.BigEndian.AppendUint32(append(binary.BigEndian.AppendUint32([]byte{4}, n), 4), n)
		},
		"numbers":           func(n uint32) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) },
		"numbers far apart": func(n uint32) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)<<40) },
		"short names":       func(n uint32) []byte { return fmt.Appendf(nil, "host%d", n) },
		"hosts of one network": func(n uint32) []byte {
			return binary.BigEndian.AppendUint32(append([]byte{16, 0x20, 1, 0xd, 0xb8}, make([]byte, 8)...), n)
		},
	} {
		table := NewTable(&Keys{})
		const keys = 24_500 // of 32,768 places
		for n := range uint32(keys) {
			table.Number(string(key(n)))
		}
		steps := 0
		for at, s := range table.index.slots {
			if s.number != 0 {
				steps += int(table.index.place(uint32(at) - table.index.place(table.index.hash(s.head()))))
			}
		}
		if mean := float64(steps) / keys; len(table.index.slots) != 1<<15 || mean > 3 { // 1.5 by chance alone
			t.Errorf("%s: %d places, %.2f steps a search", name, len(table.index.slots), mean)
		}
	}
}

// TestFoulKey: a key that no row has, as a foul state may name one, comes and goes like any other.
func TestFoulKey(t *testing.T) {
	keys, err := NewKeys([]string{"source.port"})
	if err != nil {
		t.Fatal(err)
	}
	table := NewTable(keys)
	for _, key := range []string{"", "abc", strings.Repeat("x", 300), "\x00\x00\x00\x00\x00\x00\x00\x50"} {
		table.Drop(table.Number(key))
		if _, ok := table.Lookup(key); ok || table.Len() != 0 {
			t.Errorf("%q is there after it was dropped", key)
		}
	}
}
