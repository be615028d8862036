package trial_test

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tocsin/internal/detect"
	"tocsin/internal/document"
	"tocsin/internal/event"
	"tocsin/internal/list"
	"tocsin/internal/pack"
)

// traffic makes up flows. The same seed makes the same.
type traffic struct {
	r     *rand.Rand
	flows []flow
	id    uint64
}

type flow struct {
	at                          int64
	source, destination         netip.Addr
	sourcePort, destinationPort int64
	transport, role             string
	packets, bytes, id          uint64
	flags                       int64
}

// monday is when the made-up weeks begin.
var monday = time.Date(2025, 1, 6, 0, 0, 0, 0, time.UTC)

const (
	day          = 24 * time.Hour
	allFlags     = 27 // FIN, SYN, PSH, ACK
	synAlone     = 2
	synAndReset  = 6
	webPort      = 443
	outsideHosts = 5000
)

// talk is a session: what the client sent and, when it was answered, what the server did.
func (m *traffic) talk(at time.Time, client, server netip.Addr, port int64, transport string, up, down uint64, flags int64) {
	m.id++
	f := flow{
		at: at.UnixNano(), source: client, destination: server, sourcePort: 32768 + m.r.Int64N(28000), destinationPort: port,
		transport: transport, role: "client", packets: 1 + up/1200, bytes: up, id: m.id, flags: flags,
	}
	if flags == allFlags {
		f.packets += 4
	}
	m.flows = append(m.flows, f)
	if down > 0 {
		f.source, f.destination, f.sourcePort, f.destinationPort, f.role = server, client, port, f.sourcePort, "server"
		f.packets, f.bytes = 4+down/1200, down
		m.flows = append(m.flows, f)
	}
}

func inside(net, host int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(net), byte(host)}) }
func outside(n int) netip.Addr        { return netip.AddrFrom4([4]byte{198, 51, byte(n >> 8), byte(n)}) }

// spread calls f n times at times within an hour.
func (m *traffic) spread(hour time.Time, n int, f func(at time.Time)) {
	for range n {
		f(hour.Add(time.Duration(m.r.Int64N(int64(time.Hour)))))
	}
}

// ordinary makes an hour of a small company: desks that browse, a resolver, a mail server, a gateway that a hundred guests
// stand behind, monitoring of 300 hosts, people who administer, a web server of its own, the scans that every address gets, and
// a backup at night.
func (m *traffic) ordinary(hour time.Time) {
	busy := 1
	if h := hour.Hour(); h >= 8 && h < 18 && hour.Weekday() != time.Saturday && hour.Weekday() != time.Sunday {
		busy = 6
	}
	resolver, mail, gateway, monitor, store, web := inside(0, 53), inside(0, 25), inside(0, 1), inside(0, 9), inside(0, 8), netip.MustParseAddr("203.0.113.80")
	for desk := range 20 {
		m.spread(hour, busy*4, func(at time.Time) {
			m.talk(at, inside(1, 10+desk), outside(m.r.IntN(outsideHosts)), webPort, "tcp", 2000+m.r.Uint64N(30_000), 20_000+m.r.Uint64N(2_000_000), allFlags)
		})
		m.spread(hour, busy*2, func(at time.Time) { m.talk(at, inside(1, 10+desk), resolver, 53, "udp", 70, 300, 0) })
	}
	m.spread(hour, busy*80, func(at time.Time) { m.talk(at, resolver, outside(m.r.IntN(outsideHosts)), 53, "udp", 70, 400, 0) })
	m.spread(hour, busy*6, func(at time.Time) {
		m.talk(at, mail, outside(m.r.IntN(outsideHosts)), 25, "tcp", 40_000, 2000, allFlags)
	})
	m.spread(hour, busy*10, func(at time.Time) {
		m.talk(at, outside(m.r.IntN(outsideHosts)), mail, 25, "tcp", 40_000, 2000, allFlags)
	})
	m.spread(hour, busy*100, func(at time.Time) {
		flags, down := int64(allFlags), uint64(50_000)
		if m.r.IntN(20) == 0 { // a server that is down
			flags, down = synAlone, 0
		}
		m.talk(at, gateway, outside(m.r.IntN(outsideHosts)), webPort, "tcp", 3000, down, flags)
	})
	for host := range 300 {
		at := hour.Add(time.Duration(host) * time.Second)
		if host%50 == 7 {
			m.talk(at, monitor, inside(2+host/250, host%250), 22, "tcp", 60, 0, synAlone) // this one is down
			continue
		}
		m.talk(at, monitor, inside(2+host/250, host%250), 22, "tcp", 3000, 3000, allFlags)
		m.talk(at, monitor, inside(2+host/250, host%250), 161, "udp", 200, 1500, 0)
	}
	m.spread(hour, busy*60, func(at time.Time) {
		m.talk(at, outside(m.r.IntN(outsideHosts)), web, webPort, "tcp", 2000, 100_000, allFlags)
	})
	m.spread(hour, 20, func(at time.Time) { // everybody is looked at by somebody
		m.talk(at, outside(m.r.IntN(outsideHosts)), web, m.r.Int64N(65_000), "tcp", 44, 0, synAlone)
	})
	if hour.Hour() == 10 {
		m.spread(hour, 3, func(at time.Time) { m.talk(at, inside(1, 10), inside(0, 8), 22, "tcp", 200_000, 900_000, allFlags) })
	}
	if hour.Hour() == 2 {
		for i := range 20 {
			size := uint64(400_000_000)
			if hour.Weekday() == time.Sunday {
				size = 4_000_000_000
			}
			m.talk(hour.Add(time.Duration(i)*time.Minute), inside(2, i+20), store, 873, "tcp", size, 1_000_000, allFlags)
		}
	}
}

// attacks are made at times in the fourth week, each with the alert that must come of it.
func (m *traffic) attacks(week time.Time) (want []string) {
	at := func(d int, hour, minute int) time.Time {
		return week.Add(time.Duration(d)*day + time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
	}
	step := func(from time.Time, i int, each time.Duration) time.Time { return from.Add(time.Duration(i) * each) }
	for i := range 80 {
		m.talk(step(at(0, 11, 0), i, time.Second), inside(1, 11), inside(3, i+1), 445, "tcp", 60, 0, synAlone)
	}
	want = append(want, "flow-scan-hosts 10.0.1.11, 445")
	for i := range 60 {
		m.talk(step(at(1, 3, 0), i, time.Second), outside(6001), inside(0, 25), int64(1+i*7), "tcp", 44, 0, synAndReset)
	}
	want = append(want, "flow-scan-ports 198.51.23.113, 10.0.0.25")
	for i := range 400 {
		m.talk(step(at(1, 4, 0), i, 2*time.Minute), inside(1, 12), outside(7000+i), int64(8000+i), "tcp", 60, 0, synAlone)
	}
	want = append(want, "flow-scan-slow 10.0.1.12")
	for i := range 60 {
		m.talk(step(at(2, 5, 0), i, 8*time.Second), outside(6002), inside(0, 8), 22, "tcp", 2500, 3000, allFlags)
	}
	want = append(want, "flow-login-guessing 198.51.23.114, 10.0.0.8, 22")
	for i := range 3000 {
		m.talk(step(at(3, 6, 0), i, 10*time.Millisecond), netip.AddrFrom4([4]byte{100, 128, byte(i >> 8), byte(i)}), netip.MustParseAddr("203.0.113.80"), 80, "udp", 60, 0, 0)
	}
	want = append(want, "flow-flood-sources 203.0.113.80, 80")
	for i := range 60 {
		m.talk(step(at(3, 9, 0), i, time.Second), outside(6150+i), netip.MustParseAddr("203.0.113.83"), 9999, "udp", 300_000_000, 0, 0)
	}
	want = append(want, "flow-flood-packets 203.0.113.83")
	for i := range 4000 {
		m.talk(step(at(3, 15, 0), i, 10*time.Millisecond), outside(6100+i%50), netip.MustParseAddr("203.0.113.81"), 443, "tcp", 60, 0, synAlone)
	}
	want = append(want, "flow-syn-flood 203.0.113.81, 443")
	for i := range 100 {
		m.talk(step(at(4, 9, 0), i, 100*time.Millisecond), netip.MustParseAddr("203.0.113.82"), outside(6200+i), 123, "udp", 60, 4_000_000, 0)
	}
	want = append(want, "flow-reflection 203.0.113.82, 123")
	m.talk(at(4, 23, 10), inside(1, 13), outside(6003), webPort, "tcp", 3_000_000_000, 100_000, allFlags)
	want = append(want, "flow-exfiltration 10.0.1.13")
	for i := range 60 { // the exporter tells of it every half minute
		m.talk(step(at(5, 12, 10), i, 30*time.Second), inside(2, 25), inside(0, 8), 873, "tcp", 500_000_000, 100_000, allFlags)
	}
	want = append(want, "flow-volume-bytes 10.0.2.25")
	for i := range 2600 {
		m.talk(step(at(5, 14, 0), i, time.Second), inside(1, 14), outside(6004), 6667, "tcp", 600, 600, allFlags)
	}
	want = append(want, "flow-volume-sessions 10.0.1.14")
	m.talk(at(6, 1, 0), inside(1, 15), inside(2, 30), 3389, "tcp", 300_000, 900_000, allFlags)
	want = append(want, "flow-new-admin-peer 10.0.1.15, 10.0.2.30, 3389")
	m.talk(at(6, 2, 0), inside(1, 16), netip.MustParseAddr("192.0.2.66"), webPort, "tcp", 3000, 3000, allFlags)
	want = append(want, "flow-blacklist 10.0.1.16, 192.0.2.66")
	for i := range 200 {
		m.talk(step(at(6, 3, 0), i, 5*time.Second), inside(1, 17), outside(6300+i), 25, "tcp", 20_000, 2000, allFlags)
	}
	want = append(want, "flow-spam-relay 10.0.1.17")
	return want
}

// batches builds what the detectors are shown.
func (m *traffic) batches() []*event.Batch {
	slices.SortStableFunc(m.flows, func(a, b flow) int { return cmp.Compare(a.at, b.at) })
	var all []*event.Batch
	for part := range slices.Chunk(m.flows, event.MaxRows) {
		b := event.NewBuilder(event.Flow)
		for _, f := range part {
			b.Time(event.Timestamp, f.at)
			b.Addr(event.SourceIP, f.source)
			b.Addr(event.DestinationIP, f.destination)
			b.Int(event.SourcePort, f.sourcePort)
			b.Int(event.DestinationPort, f.destinationPort)
			b.Text(event.NetworkTransport, f.transport)
			b.Text(event.FlowRole, f.role)
			b.Uint(event.SourcePackets, f.packets)
			b.Uint(event.SourceBytes, f.bytes)
			b.Uint(event.FlowID, f.id)
			if f.flags != 0 {
				b.Int(event.FlowTCPFlags, f.flags)
			}
			b.Next()
		}
		all = append(all, b.Batch())
	}
	return all
}

// alerts runs the pack, switched on by a setting, over traffic up to a time, and returns how often it told of a new alert about
// whom.
func (m *traffic) alerts(t *testing.T, setting string, until time.Time) map[string]int {
	t.Helper()
	root, err := document.Parse("tocsin.yaml", []byte(setting))
	if err != nil {
		t.Fatal(err)
	}
	packs, _ := root.Get("packs")
	rules, err := pack.Enabled(packs, detectors())
	if err != nil {
		t.Fatal(err)
	}
	for i := range rules {
		rules[i].ID = int64(i)
	}
	lists := list.Of(map[string]string{"blacklist": "192.0.2.64/26"})
	findings, _, err := detect.History(t.Context(), detect.HistoryOptions{Lists: lists, Until: until.UnixNano()}, rules,
		func(yield func(*event.Batch, []int32) error) error {
			for _, b := range m.batches() {
				if err := yield(b, nil); err != nil {
					return err
				}
			}
			return nil
		})
	if err != nil {
		t.Fatal(err)
	}
	got, open := map[string]int{}, map[string]bool{}
	for _, f := range findings {
		who := rules[f.Rule].Name
		for i, pair := range f.Entity {
			who += map[bool]string{true: " ", false: ", "}[i == 0] + pair.Value
		}
		if f.Triggers > 0 && !open[who] {
			got[who]++
		}
		open[who] = !f.Ended
	}
	return got
}

// A month of ordinary traffic rings for nothing, and every attack in its last week is found once, by the one that made it.
func TestFlowPackOverWeeks(t *testing.T) {
	if testing.Short() {
		t.Skip("a month of made-up traffic: skipped with -short")
	}
	m := &traffic{r: rand.New(rand.NewPCG(1, 11))}
	for hour := range 28 * 24 {
		m.ordinary(monday.Add(time.Duration(hour) * time.Hour))
	}
	want := map[string]int{}
	for _, who := range m.attacks(monday.Add(21 * day)) {
		want[who] = 1
	}
	if got := m.alerts(t, "packs: [flow]", monday.Add(28*day)); !maps.Equal(got, want) {
		t.Errorf("alerts over %d flows (-want +got):\n%s", len(m.flows), gocmp.Diff(want, got))
	}
}
