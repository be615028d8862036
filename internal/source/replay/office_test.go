package replay

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/flow"
	"tocsin/internal/flow/capture"
	"tocsin/internal/flow/netflow"
)

// reserved are the ranges of RFC 1918, RFC 5737 and RFC 3849: nobody is accused.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"),
	netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::/32"),
}

// A reading decodes datagrams by the decoder of tocsin, as those of any exporter, and wants nothing wrong with them.
type reading struct {
	t       *testing.T
	decoder *netflow.Decoder
	records []flow.Record
	longest int
}

func newReading(t *testing.T) *reading {
	return &reading{t: t, decoder: netflow.New(netflow.Options{})}
}

func (r *reading) datagram(b []byte, at time.Time) {
	r.t.Helper()
	r.longest = max(r.longest, len(b))
	got, report := r.decoder.Decode(netip.MustParseAddr(Router).As16(), at.UnixNano(), b, nil)
	if len(got) == 0 || report.String() != "" || report.Lost > 0 {
		r.t.Fatalf("a datagram gives %d records, %s, %d lost", len(got), report.String(), report.Lost)
	}
	for i := range got {
		for _, a := range [][16]byte{got[i].Source, got[i].Destination} {
			address := netip.AddrFrom16(a).Unmap()
			if !slices.ContainsFunc(reserved, func(p netip.Prefix) bool { return p.Contains(address) }) {
				r.t.Fatalf("%s is an address that somebody may have", address)
			}
		}
	}
	r.records = append(r.records, got...)
}

func plain(a netip.AddrPort) (address [16]byte, port uint16) { return a.Addr().As16(), a.Port() }

// What is made up is what a decoder reads, of both versions of IP and to the last field.
func TestDatagramsSayWhatWasMade(t *testing.T) {
	now := time.Date(2030, 5, 1, 12, 0, 0, 0, time.UTC)
	o, e, r := newOffice(7), &exporter{}, newReading(t)
	o.ordinary(now.Add(-time.Minute), now, 500, 3)
	for n := range roundTicks {
		o.attack(n, now)
	}
	made := o.take()
	var want []flow.Record
	for part := range slices.Chunk(made, recordsAtOnce) {
		for _, v6 := range []bool{false, true} { // in this order they stand in a datagram
			for _, m := range part {
				if m.source.Addr().Is6() != v6 {
					continue
				}
				var f flow.Record
				f.Source, f.SourcePort = plain(m.source)
				f.Destination, f.DestinationPort = plain(m.destination)
				f.Protocol, f.TCPFlags, f.Bytes, f.Packets = m.protocol, m.flags, m.bytes, m.packets
				f.Start, f.End = m.start.UnixMilli(), m.end.UnixMilli()
				want = append(want, f)
			}
		}
	}
	for _, d := range e.datagrams(made, now) {
		r.datagram(d, now)
	}
	for i := range r.records {
		g := &r.records[i]
		r.records[i] = flow.Record{
			Source: g.Source, SourcePort: g.SourcePort, Destination: g.Destination, DestinationPort: g.DestinationPort,
			Protocol: g.Protocol, TCPFlags: g.TCPFlags, Bytes: g.Bytes, Packets: g.Packets,
			Start: g.Start / int64(time.Millisecond), End: g.End / int64(time.Millisecond),
		}
	}
	if diff := cmp.Diff(want, r.records); diff != "" {
		t.Errorf("records (-made +read):\n%s", diff)
	}
	if r.longest > 1472 {
		t.Errorf("a datagram of %d bytes does not fit into a packet of Ethernet", r.longest)
	}
}

// The past is a capture that tocsin reads: nine days that end now, the same each time, with the leak in the last night.
func TestPastFlows(t *testing.T) {
	zone := time.FixedZone("somewhere", 5*3600+1800)
	for _, hour := range []int{0, 3, 4, 15} {
		now := time.Date(2030, 5, 3, hour, 20, 0, 0, zone)
		text := PastFlows(now)
		if !bytes.Equal(text, PastFlows(now)) {
			t.Fatal("the past is not the same twice")
		}
		packets, err := capture.NewReader(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		r := newReading(t)
		var last int64
		for {
			p, err := packets.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if p.Time < last {
				t.Fatalf("packets are not in order")
			}
			last = p.Time
			r.datagram(p.Data[ipv4Header+udpHeader:], time.Unix(0, p.Time))
		}
		var oldest, newest int64 = 1 << 62, 0
		leaked, hours := uint64(0), map[int]bool{}
		for i := range r.records {
			f := &r.records[i]
			oldest, newest = min(oldest, f.End), max(newest, f.End)
			if netip.AddrFrom16(f.Destination).Unmap() == drop {
				leaked += f.Bytes
				hours[time.Unix(0, f.Start).In(zone).Hour()] = true
			}
		}
		if got := time.Unix(0, newest); got.After(now) || now.Sub(got) > time.Minute {
			t.Errorf("at %d o'clock the newest flow is of %v, want %v or just before", hour, got, now)
		}
		if got := newest - oldest; time.Duration(got) < 215*time.Hour {
			t.Errorf("the flows span %v, want nine days", time.Duration(got))
		}
		if leaked != 3_000_000_000 || len(hours) != 1 || !hours[2] {
			t.Errorf("at %d o'clock %d bytes leaked at %v, want 3 GB at two", hour, leaked, hours)
		}
		if n := len(r.records); n > 60_000 || len(text) > 8<<20 {
			t.Errorf("%d records in %d bytes are not small", n, len(text))
		}
	}
}

// Every habit has its share, and every name and group is of the office.
func TestTheOfficeIsWhole(t *testing.T) {
	sum := 0
	for _, h := range habits {
		sum += h.often
	}
	if sum != 100 {
		t.Errorf("habits are %d of a hundred", sum)
	}
	inside := map[netip.Addr]bool{}
	for key := range Names() {
		if strings.Contains(key, "/") {
			netip.MustParsePrefix(key)
			continue
		}
		inside[netip.MustParseAddr(key)] = true
	}
	o := newOffice(3)
	o.ordinary(time.Unix(0, 0), time.Unix(3600, 0), 5000, 1)
	seen := map[netip.Addr]bool{}
	for _, r := range o.take() {
		seen[r.source.Addr()] = true
	}
	for a := range inside {
		if !seen[a] && a != backup && a != cloudBackup && a != webV6 {
			t.Errorf("%s has a name and does nothing", a)
		}
	}
	addresses := append(slices.Collect(maps.Keys(seen)), webV6) // which only the scanner knows
	for name, members := range Groups() {
		for _, m := range members {
			p := netip.MustParsePrefix(m)
			if !slices.ContainsFunc(addresses, p.Contains) {
				t.Errorf("nobody is in %s of group %s", m, name)
			}
		}
	}
}
