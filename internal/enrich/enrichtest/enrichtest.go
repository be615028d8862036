// Package enrichtest writes databases for tests, in the format of MaxMind DB, version 2.0
// (https://maxmind.github.io/MaxMind-DB/): as small as a test wants them, and nothing that anybody licenses.
package enrichtest

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// A Database maps networks to records. A record is a map whose values are texts, numbers or maps.
type Database struct {
	Type     string
	Bits     int  // of a record of the tree: 24, 28 or 32; 0 is 24
	Version4 bool // it has IPv4 alone
	Built    time.Time
	Of       map[string]map[string]any // by network
}

// City returns a record as MaxMind and DB-IP have them in their databases of cities and countries.
func City(country, city string) map[string]any {
	r := map[string]any{"country": map[string]any{"iso_code": country, "names": map[string]any{"en": country + "land", "de": country + "-Land"}}}
	if city != "" {
		r["city"] = map[string]any{"geoname_id": uint32(1), "names": map[string]any{"de": city + "stadt", "en": city}}
	}
	return r
}

// AS returns a record as they have them in those of autonomous systems.
func AS(number uint32, organization string) map[string]any {
	return map[string]any{"autonomous_system_number": number, "autonomous_system_organization": organization}
}

// A node of the tree has two children: nodes, or records by their number in data, or nothing.
type node struct {
	child  [2]*node
	record int // 1 + number; 0 is none
}

// Encode writes a database.
func (d Database) Encode() []byte {
	var data []byte
	var offsets []int
	root := &node{}
	for _, text := range slices.Sorted(maps.Keys(d.Of)) {
		p := netip.MustParsePrefix(text)
		offsets = append(offsets, len(data))
		data = appendValue(data, d.Of[text])
		a, bits := p.Addr().As16(), p.Bits()
		first := 0
		if p.Addr().Is4() {
			if d.Version4 {
				first = 96
			} else { // IPv4 lies at ::/96 in a tree of both
				v4 := p.Addr().As4()
				a = [16]byte{12: v4[0], v4[1], v4[2], v4[3]}
			}
			bits += 96
		}
		root.insert(a, first, bits, len(offsets))
	}
	nodes := []*node{}
	var count func(n *node)
	count = func(n *node) {
		nodes = append(nodes, n)
		for _, c := range n.child {
			if c != nil && c.record == 0 {
				count(c)
			}
		}
	}
	count(root)
	numbers := map[*node]int{}
	for i, n := range nodes {
		numbers[n] = i
	}
	bits := d.Bits
	if bits == 0 {
		bits = 24
	}
	var out []byte
	for _, n := range nodes {
		var values [2]uint32
		for i, c := range n.child {
			switch {
			case c == nil:
				values[i] = uint32(len(nodes))
			case c.record > 0:
				values[i] = uint32(len(nodes) + 16 + offsets[c.record-1])
			default:
				values[i] = uint32(numbers[c])
			}
		}
		out = appendNode(out, values, bits)
	}
	out = append(out, make([]byte, 16)...)
	out = append(out, data...)
	out = append(out, "\xab\xcd\xefMaxMind.com"...)
	version, built := uint16(6), d.Built
	if d.Version4 {
		version = 4
	}
	if built.IsZero() {
		built = time.Unix(1_700_000_000, 0)
	}
	return appendValue(out, map[string]any{
		"node_count": uint32(len(nodes)), "record_size": uint16(bits), "ip_version": version, "database_type": d.Type,
		"languages": []string{"en"}, "binary_format_major_version": uint16(2), "binary_format_minor_version": uint16(0),
		"build_epoch": uint64(built.Unix()), "description": map[string]any{"en": "of a test"},
	})
}

// insert puts a record at a network; smaller networks are given after larger ones, or lie apart.
func (n *node) insert(a [16]byte, at, bits, record int) {
	for ; at < bits; at++ {
		side := a[at/8] >> (7 - at%8) & 1
		if n.record > 0 { // a larger network: both halves have its record, until one is told otherwise
			n.child = [2]*node{{record: n.record}, {record: n.record}}
			n.record = 0
		}
		if n.child[side] == nil {
			n.child[side] = &node{}
		}
		n = n.child[side]
	}
	n.record, n.child = record, [2]*node{}
}

func appendNode(out []byte, v [2]uint32, bits int) []byte {
	switch bits {
	case 24:
		return append(out, byte(v[0]>>16), byte(v[0]>>8), byte(v[0]), byte(v[1]>>16), byte(v[1]>>8), byte(v[1]))
	case 28:
		return append(out, byte(v[0]>>16), byte(v[0]>>8), byte(v[0]), byte(v[0]>>24)<<4|byte(v[1]>>24)&15, byte(v[1]>>16), byte(v[1]>>8), byte(v[1]))
	default:
		return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(out, v[0]), v[1])
	}
}

// appendValue writes one value of the data section.
func appendValue(out []byte, v any) []byte {
	switch v := v.(type) {
	case map[string]any:
		out = control(out, 7, len(v))
		for _, k := range slices.Sorted(maps.Keys(v)) {
			out = appendValue(appendValue(out, k), v[k])
		}
		return out
	case string:
		return append(control(out, 2, len(v)), v...)
	case []string:
		out = control(out, 11, len(v))
		for _, s := range v {
			out = appendValue(out, s)
		}
		return out
	case uint16:
		return appendUint(out, 5, uint64(v))
	case uint32:
		return appendUint(out, 6, uint64(v))
	case uint64:
		return appendUint(out, 9, v)
	case float64:
		return binary.BigEndian.AppendUint64(control(out, 3, 8), math.Float64bits(v))
	}
	panic(fmt.Sprintf("enrichtest: no way to write %T", v))
}

func appendUint(out []byte, kind int, v uint64) []byte {
	var b []byte
	for ; v > 0; v >>= 8 {
		b = append(b, byte(v))
	}
	slices.Reverse(b)
	return append(control(out, kind, len(b)), b...)
}

// control writes the byte or bytes in front of a value: its type and size.
func control(out []byte, kind, size int) []byte {
	var extra []byte
	first := byte(size)
	switch {
	case size >= 285+1<<16:
		panic("enrichtest: too large")
	case size >= 285:
		first, extra = 30, []byte{byte((size - 285) >> 8), byte(size - 285)}
	case size >= 29:
		first, extra = 29, []byte{byte(size - 29)}
	}
	if kind > 7 { // an extended type follows
		out = append(out, first, byte(kind-7))
	} else {
		out = append(out, byte(kind)<<5|first)
	}
	return append(out, extra...)
}

// File writes a database into a directory of the test and returns its path.
func File(t testing.TB, name string, d Database) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, d.Encode(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
