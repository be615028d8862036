package replay

import (
	"cmp"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"
)

// The office is made up: all of its addresses are of the ranges that RFC 1918, RFC 5737 and RFC 3849 keep for private use and
// for documentation. It has desks, servers inside, servers that the world sees, printers, and guests.
var (
	deskNames = [...]string{"anna", "boris", "chen", "dilek", "emil", "fatima", "goran", "hana", "ivo", "judith"}

	fileServer = netip.MustParseAddr("10.20.2.10")
	resolver   = netip.MustParseAddr("10.20.2.53")
	backup     = netip.MustParseAddr("10.20.2.90")
	monitor    = netip.MustParseAddr("10.20.2.9")
	printer    = netip.MustParseAddr("10.20.3.5")

	gate  = netip.MustParseAddr("192.0.2.22")
	mail  = netip.MustParseAddr("192.0.2.25")
	web   = netip.MustParseAddr("192.0.2.80")
	webV6 = netip.MustParseAddr("2001:db8:20:2::80")

	clock       = netip.MustParseAddr("203.0.113.123")
	video       = netip.MustParseAddr("203.0.113.200")
	cloudBackup = netip.MustParseAddr("198.51.100.200")
)

// Those of the outside who do harm.
var (
	guesser = netip.MustParseAddr("203.0.113.66")
	scanner = netip.MustParseAddr("2001:db8:bad::99")
	listed  = netip.MustParseAddr("198.51.100.221")
	drop    = netip.MustParseAddr("198.51.100.250")
)

// Blacklist is a list of addresses on which one is that a desk of the office comes to speak to.
const Blacklist = "# made up for the demo\n198.51.100.220/30 ; control of a made-up botnet\n"

// Router is the address that the office's exporter of flows has.
const Router = "127.0.0.1"

// Names returns what people in the office call its addresses and networks, by how they are spelt.
func Names() map[string]string {
	all := map[string]string{
		fileServer.String(): "files", resolver.String(): "resolver", backup.String(): "backup", monitor.String(): "monitor", printer.String(): "printer",
		gate.String(): "gate", mail.String(): "mail", web.String(): "www", webV6.String(): "www (IPv6)",
		clock.String(): "time servers", video.String(): "video calls", cloudBackup.String(): "cloud backup",
		"10.20.4.0/24": "guests", "198.51.100.0/25": "content network", "203.0.113.128/26": "time servers of others",
	}
	for i, name := range deskNames {
		all[desk(i).String()] = name
		all[deskV6(i).String()] = name + " (IPv6)"
	}
	return all
}

// Groups returns the traffic groups of the office with their members.
func Groups() map[string][]string {
	return map[string][]string{
		"desks":    {"10.20.1.0/24", "2001:db8:20:1::/64"},
		"servers":  {"10.20.2.0/24", "192.0.2.0/24", "2001:db8:20:2::/64"},
		"printers": {"10.20.3.0/24"},
		"guests":   {"10.20.4.0/24"},
	}
}

func desk(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 20, 1, byte(11 + i)}) }

func deskV6(i int) netip.Addr {
	return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0, 0x20, 0, 1, 15: byte(0x11 + i)})
}

// Flags of TCP as all packets of one direction have them together.
const (
	synAlone = 0x02
	whole    = 0x1b // FIN, SYN, PSH, ACK
)

// An office makes its traffic up. The same seed makes the same.
type office struct {
	r       *rand.Rand
	records []record // that were made and not taken
}

func newOffice(seed uint64) *office { return &office{r: rand.New(rand.NewPCG(seed, 20))} } //nolint:gosec // nothing is kept secret by it

// take returns what was made since it was called last, in the order in which a router tells of it: by the end.
func (o *office) take() []record {
	made := o.records
	o.records = nil
	slices.SortStableFunc(made, func(a, b record) int { return a.end.Compare(b.end) })
	return made
}

// A habit is a session of a sort, and how often it is, of a hundred.
type habit struct {
	often int
	have  func(o *office, t *talk)
}

// A talk is a session: who asks whom, and what both send.
type talk struct {
	client, server netip.Addr
	port           uint16
	protocol       uint8
	up, down       uint64 // bytes; no answer: down is 0
	lasts          time.Duration
}

// habits is what goes on in the office.
var habits = [...]habit{
	{24, func(o *office, t *talk) { // people browse
		*t = talk{client: o.someDesk(), server: netip.AddrFrom4([4]byte{198, 51, 100, byte(16 + o.r.IntN(100))}), port: 443, protocol: tcp, up: o.upTo(10_000), down: o.upTo(600_000)}
	}},
	{8, func(o *office, t *talk) { // and by IPv6
		*t = talk{client: deskV6(o.r.IntN(len(deskNames))), server: netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0xcd, 15: byte(1 + o.r.IntN(60))}), port: 443, protocol: tcp, up: o.upTo(10_000), down: o.upTo(600_000)}
	}},
	{22, func(o *office, t *talk) {
		*t = talk{client: o.someDesk(), server: resolver, port: 53, protocol: udp, up: 70, down: 180}
	}},
	{6, func(o *office, t *talk) {
		*t = talk{client: resolver, server: o.someServer(), port: 53, protocol: udp, up: 70, down: 300}
	}},
	{8, func(o *office, t *talk) {
		*t = talk{client: o.someDesk(), server: fileServer, port: 445, protocol: tcp, up: o.upTo(100_000), down: o.upTo(2_000_000), lasts: 20 * time.Second}
	}},
	{7, func(o *office, t *talk) {
		*t = talk{client: o.someDesk(), server: mail, port: 993, protocol: tcp, up: o.upTo(4000), down: o.upTo(60_000), lasts: 5 * time.Second}
	}},
	{3, func(o *office, t *talk) {
		*t = talk{client: o.someServer(), server: mail, port: 25, protocol: tcp, up: o.upTo(60_000), down: 900}
	}},
	{2, func(o *office, t *talk) {
		*t = talk{client: mail, server: o.someServer(), port: 25, protocol: tcp, up: o.upTo(60_000), down: 900}
	}},
	{9, func(o *office, t *talk) { // the world looks at the pages of the office
		*t = talk{client: netip.AddrFrom4([4]byte{203, 0, 113, byte(1 + o.r.IntN(60))}), server: web, port: 443, protocol: tcp, up: o.upTo(3000), down: o.upTo(90_000)}
	}},
	{3, func(o *office, t *talk) {
		*t = talk{client: o.someDesk(), server: video, port: 443, protocol: udp, up: o.upTo(900_000), down: o.upTo(1_500_000), lasts: 30 * time.Second}
	}},
	{4, func(o *office, t *talk) {
		guest := netip.AddrFrom4([4]byte{10, 20, 4, byte(20 + o.r.IntN(8))})
		*t = talk{client: guest, server: netip.AddrFrom4([4]byte{198, 51, 100, byte(16 + o.r.IntN(100))}), port: 443, protocol: tcp, up: o.upTo(5000), down: o.upTo(400_000)}
	}},
	{1, func(o *office, t *talk) {
		*t = talk{client: o.someDesk(), server: printer, port: 631, protocol: tcp, up: o.upTo(500_000), down: 2000}
	}},
	{1, func(o *office, t *talk) {
		*t = talk{client: o.someDesk(), server: clock, port: 123, protocol: udp, up: 76, down: 76}
	}},
	{2, func(o *office, t *talk) { // somebody must look after them
		servers := [...]netip.Addr{fileServer, mail, web, gate}
		*t = talk{client: monitor, server: servers[o.r.IntN(len(servers))], port: 443, protocol: tcp, up: 900, down: 2000}
	}},
}

func (o *office) someDesk() netip.Addr { return desk(o.r.IntN(len(deskNames))) }

// someServer is one of twenty servers of others.
func (o *office) someServer() netip.Addr {
	return netip.AddrFrom4([4]byte{198, 51, 100, byte(130 + o.r.IntN(20))})
}

func (o *office) upTo(most uint64) uint64 { return most/20 + o.r.Uint64N(most) }

// ordinary makes sessions that end within a range of time. Each sends as much as size of them.
func (o *office) ordinary(from, to time.Time, sessions int, size uint64) {
	for range sessions {
		n, i := o.r.IntN(100), 0
		for ; n >= habits[i].often; i++ {
			n -= habits[i].often
		}
		var t talk
		habits[i].have(o, &t)
		t.up, t.down = t.up*size, t.down*size
		o.session(from.Add(time.Duration(o.r.Int64N(int64(to.Sub(from))))), t, whole)
	}
}

// session makes the records of one session.
func (o *office) session(end time.Time, t talk, flags uint8) {
	if t.protocol != tcp {
		flags = 0
	}
	client := netip.AddrPortFrom(t.client, uint16(32768+o.r.IntN(28000))) //nolint:gosec // within 16 bits
	server := netip.AddrPortFrom(t.server, t.port)
	start := end.Add(-cmp.Or(t.lasts, 200*time.Millisecond))
	o.records = append(o.records, record{client, server, t.protocol, flags, packets(t.up, flags), t.up, start, end})
	if t.down > 0 {
		o.records = append(o.records, record{server, client, t.protocol, flags, packets(t.down, flags), t.down, start.Add(time.Millisecond), end})
	}
}

// packets is how many packets so many bytes take; a whole session of TCP has some without content.
func packets(size uint64, flags uint8) uint64 {
	n := 1 + size/1200
	if flags == whole {
		n += 4
	}
	return n
}
