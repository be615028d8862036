package flows

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/flow"
)

const gigabit = 1_000_000_000

// sampleOf is a sample of a gigabit port at so many seconds of uptime, all of whose counters are given as one, but octets.
func sampleOf(sequence uint32, seconds float64, octets uint64, others uint32) *flow.Interface {
	i := &flow.Interface{Sequence: sequence, Uptime: uint32(int64(seconds * 1000)), Index: 3, Source: 3, Type: 6, Speed: gigabit, Duplex: flow.FullDuplex, Status: flow.AdminUp | flow.OperUp} //nolint:gosec // going round is meant
	for c := range i.Counts {
		i.Counts[c] = uint64(others)
	}
	i.Counts[flow.InOctets], i.Counts[flow.OutOctets] = octets, octets
	return i
}

// with changes one counter of a sample.
func with(i *flow.Interface, c flow.Count, n uint64) *flow.Interface {
	i.Counts[c] = n
	return i
}

// A step is a sample and when it comes, in seconds.
type step struct {
	at     float64
	sample *flow.Interface
}

// told plays samples and returns the port as it is shown at once after the last.
func told(steps ...step) api.Interface {
	p, now := &port{}, int64(0)
	for _, s := range steps {
		now = 1_700_000_000e9 + int64(s.at*1e9)
		p.take(s.sample, now)
	}
	return p.show(now)
}

// figures writes the rates of a port: seconds, bits and packets in and out, and utilisation.
func figures(i *api.Interface) string {
	text := fmt.Sprintf("%g", i.Over.Seconds())
	for _, v := range []*float64{i.In.Bits, i.In.Packets, i.In.Utilisation, i.Out.Bits, i.Out.Packets, i.Out.Utilisation} {
		if v == nil {
			text += " -"
		} else {
			text += fmt.Sprintf(" %.6g", *v)
		}
	}
	return text
}

func TestRatesOfPorts(t *testing.T) {
	const none = "0 - - - - - -"
	first := func() step { return step{0, sampleOf(7, 1000, 1e6, 100)} }
	anew := func(i *flow.Interface) *flow.Interface { i.Uptime -= 3_600_000; return i }
	half := func(i *flow.Interface) *flow.Interface { i.Duplex = flow.HalfDuplex; return i }
	slow := func(i *flow.Interface) *flow.Interface { i.Speed = 1e6; return i }
	nameless := func(i *flow.Interface) *flow.Interface { i.Speed = 0; return i }
	timeless := func(i *flow.Interface) *flow.Interface { i.Uptime = 0; return i }
	for name, c := range map[string]struct {
		steps    []step
		want     string
		restarts int64
	}{
		"one sample":  {[]step{first()}, none, 0},
		"two samples": {[]step{first(), {20, sampleOf(8, 1020, 1e6+250e6, 500)}}, "20 1e+08 60 10 1e+08 60 10", 0},
		"a third":     {[]step{first(), {20, sampleOf(8, 1020, 1e9, 500)}, {40, sampleOf(9, 1040, 1e9+2500, 500)}}, "20 1000 0 0.0001 1000 0 0.0001", 0},
		"one lost":    {[]step{first(), {40, sampleOf(9, 1040, 1e6+250e6, 500)}}, "40 5e+07 30 5 5e+07 30 5", 0},
		"nothing":     {[]step{first(), {20, sampleOf(8, 1020, 1e6, 100)}}, "20 0 0 0 0 0 0", 0},
		"twice":       {[]step{first(), {20, sampleOf(8, 1020, 251e6, 500)}, {20.1, sampleOf(8, 1020, 251e6, 500)}}, "20 1e+08 60 10 1e+08 60 10", 0},
		"late":        {[]step{first(), {40, sampleOf(9, 1040, 501e6, 900)}, {41, sampleOf(8, 1020, 1, 1)}}, "40 1e+08 60 10 1e+08 60 10", 0},
		"at once":     {[]step{first(), {20, sampleOf(8, 1020, 251e6, 500)}, {20.1, sampleOf(9, 1020.1, 252e6, 501)}}, "20 1e+08 60 10 1e+08 60 10", 0},
		// Datagrams that waited, because nobody read them, came at once: their uptime tells the time between.
		"waited":            {[]step{first(), {35, sampleOf(8, 1020, 251e6, 500)}, {43, sampleOf(9, 1040, 501e6, 900)}}, "20 1e+08 60 10 1e+08 60 10", 0},
		"waited long":       {[]step{first(), {75, sampleOf(8, 1020, 251e6, 500)}, {75.01, sampleOf(9, 1040, 501e6, 900)}}, none, 0},
		"no uptime":         {[]step{{0, timeless(sampleOf(7, 0, 1e6, 100))}, {20, timeless(sampleOf(8, 0, 251e6, 500))}}, "20 1e+08 60 10 1e+08 60 10", 0},
		"uptime goes round": {[]step{{0, sampleOf(7, 4294957.296, 1e6, 100)}, {20, sampleOf(8, 10, 251e6, 500)}}, "20 1e+08 60 10 1e+08 60 10", 0},
		"numbers go round":  {[]step{{0, sampleOf(math.MaxUint32, 1000, 1e6, 100)}, {20, sampleOf(0, 1020, 251e6, 500)}}, "20 1e+08 60 10 1e+08 60 10", 0},
		"no numbers":        {[]step{{0, sampleOf(0, 1000, 1e6, 100)}, {20, sampleOf(0, 1020, 251e6, 500)}}, "20 1e+08 60 10 1e+08 60 10", 0},
		// What counts in 32 bits goes round; what is reset does not look so.
		"octets go round": {[]step{{0, with(sampleOf(7, 1000, 0, 100), flow.InOctets, math.MaxUint32-1e6+1)}, {20, with(sampleOf(8, 1020, 0, 500), flow.InOctets, 249e6)}}, "20 1e+08 60 10 0 60 0", 0},
		"packets go round": {[]step{{0, with(sampleOf(7, 1000, 1e6, 100), flow.InUnicast, math.MaxUint32-99)}, {20, with(sampleOf(8, 1020, 251e6, 500), flow.InUnicast, 300)}},
			"20 1e+08 60 10 1e+08 60 10", 0},
		"too far round":      {[]step{{0, with(sampleOf(7, 1000, 0, 100), flow.InOctets, 4e9)}, {2, with(sampleOf(8, 1002, 0, 500), flow.InOctets, 3e9)}}, none, 1},
		"all reset":          {[]step{{0, sampleOf(7, 1000, 3e9, 4e9)}, {20, sampleOf(8, 1020, 1000, 10)}}, none, 1},
		"64 bits reset":      {[]step{{0, with(sampleOf(7, 1000, 0, 100), flow.InOctets, 1<<40)}, {20, with(sampleOf(8, 1020, 0, 500), flow.InOctets, 5)}}, none, 1},
		"after a reset":      {[]step{{0, sampleOf(7, 1000, 3e9, 4e9)}, {20, sampleOf(8, 1020, 1000, 10)}, {40, sampleOf(9, 1040, 250e6+1000, 410)}}, "20 1e+08 60 10 1e+08 60 10", 1},
		"restarted":          {[]step{first(), {20, anew(sampleOf(1, 1020, 251e6, 500))}}, none, 1},
		"renumbered":         {[]step{first(), {20, sampleOf(1, 1020, 251e6, 500)}}, none, 1},
		"numbers far on":     {[]step{first(), {20, sampleOf(1<<30, 1020, 251e6, 500)}}, none, 1},
		"numbers far back":   {[]step{{0, sampleOf(1000, 1000, 1e6, 100)}, {20, sampleOf(1, 1000, 251e6, 500)}}, none, 1},
		"too long between":   {[]step{first(), {1000, sampleOf(8, 2000, 251e6, 500)}}, none, 0},
		"faster than can be": {[]step{first(), {20, sampleOf(8, 1020, 1<<62, 500)}}, none, 1},
		// What is not known is not 0, and not huge.
		"unknown octets":    {[]step{first(), {20, with(sampleOf(8, 1020, 251e6, 500), flow.InOctets, flow.Unknown)}}, "20 - 60 - 1e+08 60 10", 0},
		"unknown multicast": {[]step{first(), {20, with(sampleOf(8, 1020, 251e6, 500), flow.InMulticast, flow.Unknown)}}, "20 1e+08 - 10 1e+08 60 10", 0},
		"never multicast": {[]step{{0, with(sampleOf(7, 1000, 1e6, 100), flow.InMulticast, flow.Unknown)}, {20, with(sampleOf(8, 1020, 251e6, 500), flow.InMulticast, flow.Unknown)}},
			"20 1e+08 40 10 1e+08 60 10", 0},
		"no speed":    {[]step{first(), {20, nameless(sampleOf(8, 1020, 251e6, 500))}}, "20 1e+08 60 - 1e+08 60 -", 0},
		"wrong speed": {[]step{first(), {20, slow(sampleOf(8, 1020, 251e6, 500))}}, "20 1e+08 60 - 1e+08 60 -", 0},
		"full":        {[]step{first(), {20, sampleOf(8, 1020, 1e6+2600e6, 500)}}, "20 1.04e+09 60 100 1.04e+09 60 100", 0},
		"half duplex": {[]step{first(), {20, half(sampleOf(8, 1020, 251e6, 500))}}, "20 1e+08 60 20 1e+08 60 20", 0},
	} {
		if got := told(c.steps...); figures(&got) != c.want || got.Restarts != c.restarts {
			t.Errorf("%s: %s after %d restarts, want %s after %d", name, figures(&got), got.Restarts, c.want, c.restarts)
		}
	}
}

// TestOddUptime: an agent whose uptime is of another unit is measured by the clock, after it was seen to be odd.
func TestOddUptime(t *testing.T) {
	var steps []step
	for i := range 6 {
		steps = append(steps, step{20 * float64(i), sampleOf(uint32(i), 2000+2*float64(i), uint64(i)*250e6, 400*uint32(i))}) //nolint:gosec // few
		want := "0 - - - - - -"
		if i > mostOdd {
			want = "20 1e+08 60 10 1e+08 60 10"
		}
		if got := told(steps...); figures(&got) != want || *got.In.TotalErrors != uint64(400*i) {
			t.Errorf("after %d samples: %s and %d errors, want %s and %d", i+1, figures(&got), *got.In.TotalErrors, want, 400*i)
		}
	}
}

// TestErrorsOfPorts: errors and discards count since the port was heard first, over restarts of the agent, and of what its counters
// said before nothing counts.
func TestErrorsOfPorts(t *testing.T) {
	got := told(step{0, sampleOf(7, 1000, 1e6, 1_000_000)}, step{20, sampleOf(8, 1020, 2e6, 1_000_040)}, step{40, sampleOf(1, 10, 0, 500)}, step{60, sampleOf(2, 30, 0, 520)})
	for name, n := range map[string]*uint64{"errors in": got.In.TotalErrors, "discards in": got.In.TotalDiscards, "errors out": got.Out.TotalErrors, "discards out": got.Out.TotalDiscards,
		"alignment": got.Ethernet.Alignment, "checksum": got.Ethernet.Checksum, "late collisions": got.Ethernet.LateCollisions, "symbol": got.Ethernet.Symbol} {
		if n == nil || *n != 60 {
			t.Errorf("%s: %v, want 60", name, n)
		}
	}
	for name, n := range map[string]*float64{"errors in": got.In.Errors, "discards in": got.In.Discards, "errors out": got.Out.Errors, "discards out": got.Out.Discards} {
		if n == nil || *n != 1 {
			t.Errorf("%s a second: %v, want 1", name, n)
		}
	}
	if got.Samples != 4 || got.Restarts != 1 || got.Last.Sub(got.First) < 0 {
		t.Errorf("%+v", got)
	}
	bare := sampleOf(7, 1000, 1e6, 5)
	for c := flow.AlignmentErrors; c < flow.Counts; c++ {
		bare.Counts[c] = flow.Unknown
	}
	with(bare, flow.InErrors, flow.Unknown)
	if got := told(step{0, bare}); got.Ethernet != nil || got.In.TotalErrors != nil || got.Out.TotalErrors == nil || *got.Out.TotalErrors != 0 {
		t.Errorf("of what is not told: %+v", got)
	}
}

// TestStatesOfPorts: what a port is is known from the last sample, and rates are not told of one that is not heard any more.
func TestStatesOfPorts(t *testing.T) {
	for status, want := range map[flow.Status]string{0: "down down", flow.AdminUp: "up down", flow.AdminUp | flow.OperUp: "up up", flow.UnknownStatus: "unknown unknown"} {
		s := sampleOf(8, 1020, 2e6, 5)
		s.Status, s.Name = status, []byte("xe-0/0/3\x00rest")
		if got := told(step{0, sampleOf(7, 1000, 1e6, 1)}, step{20, s}); got.Admin+" "+got.State != want || got.Label != "xe-0/0/3" || got.Duplex != "full" {
			t.Errorf("%d: %+v, want %s", status, got, want)
		}
	}
	p := &port{}
	p.take(sampleOf(7, 1000, 1e6, 1), 1000e9)
	p.take(sampleOf(8, 1020, 2e6, 1), 1020e9)
	for after, known := range map[time.Duration]bool{0: true, 2 * time.Minute: true, 2*time.Minute + 1: false} {
		before := *p
		if got := before.show(1020e9 + int64(after)); (got.In.Bits != nil) != known || (got.Over > 0) != known || got.State != "up" {
			t.Errorf("after %s: %s", after, figures(&got))
		}
	}
	p.take(sampleOf(9, 1220, 2e6, 1), 1220e9) // asked for every 200 seconds
	if got := p.show(1220e9 + 599e9); got.In.Bits == nil {
		t.Error("a port that is asked for rarely has no rates")
	}
}

func TestPorts(t *testing.T) {
	m, now := NewMemory(), time.Unix(1_700_000_000, 0)
	a, b := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	hear := func(exporter netip.Addr, after time.Duration, told ...flow.Interface) uint32 {
		return m.interfaces.heard(exporter, told, now.Add(after).UnixNano())
	}
	port := func(index, domain uint32, agent netip.Addr) flow.Interface {
		i := *sampleOf(7, 1000, 1e6, 1)
		i.Index, i.Domain, i.Agent = index, domain, agent.As16()
		return i
	}
	other := port(4, 0, netip.MustParseAddr("192.0.2.9"))
	sub := port(4, 0, a)
	sub.Source = 77 // another port counts it under the same number
	if n := hear(a, 0, port(4, 0, a), port(3, 0, a), port(3, 1, a), other, sub) + hear(b, 0, port(1, 0, b)); n != 0 {
		t.Errorf("%d refused", n)
	}
	text := ""
	for _, i := range m.Interfaces(now, netip.Addr{}) {
		text += fmt.Sprintf("%s %s %d %d\n", i.Exporter, i.Agent, i.Subagent, i.Index)
	}
	if want := "192.0.2.1  0 3\n192.0.2.1  0 4\n192.0.2.1  0 4\n192.0.2.1  1 3\n192.0.2.1 192.0.2.9 0 4\n2001:db8::1  0 1\n"; text != want {
		t.Errorf("got\n%swant\n%s", text, want)
	}
	if got := m.Interfaces(now, b); len(got) != 1 || got[0].Index != 1 {
		t.Errorf("of one exporter: %+v", got)
	}
	saved, err := m.interfaces.save()
	if err != nil {
		t.Fatal(err)
	}
	fresh := NewMemory()
	if err := fresh.interfaces.load(saved); err != nil || !reflect.DeepEqual(fresh.Interfaces(now, netip.Addr{}), m.Interfaces(now, netip.Addr{})) {
		t.Errorf("load: %v, and other interfaces than before", err)
	}
	for _, mem := range []*Memory{m, fresh} { // goes on as if nothing had been
		next := *sampleOf(8, 1030, 1e6+375e6, 601)
		next.Index, next.Agent = 3, a.As16()
		mem.interfaces.heard(a, []flow.Interface{next}, now.Add(30*time.Second).UnixNano())
		if got := mem.Interfaces(now.Add(30*time.Second), a)[0]; figures(&got) != "30 1e+08 60 10 1e+08 60 10" || *got.In.TotalErrors != 600 {
			t.Errorf("the next sample: %s", figures(&got))
		}
	}
	if got := m.Interfaces(now.Add(forgetPorts+time.Minute), netip.Addr{}); len(got) != 0 || len(m.interfaces.of) != 0 {
		t.Errorf("after a week %d are left: %v", len(got), m.interfaces.of)
	}
}

// TestManyPorts: forged numbers do not grow the table, displace nothing that is heard, and are counted.
func TestManyPorts(t *testing.T) {
	x := newInterfaces()
	address := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}) }
	flood := func(exporter netip.Addr, n int, now int64) (refused uint32) {
		for i := range n {
			s := sampleOf(7, 1000, 1e6, 1)
			s.Index = uint32(i) //nolint:gosec // few
			refused += x.heard(exporter, []flow.Interface{*s}, now)
		}
		return refused
	}
	if n := flood(address(0), maxPortsOf+100, 1); n != 100 || x.count() != maxPortsOf {
		t.Errorf("%d refused and %d kept", n, x.count())
	}
	for i := 1; i < 100; i++ {
		flood(address(i), 1000, 1)
	}
	if x.count() != maxPorts || x.of[address(0)] != maxPortsOf {
		t.Errorf("%d kept, %d of them of the first", x.count(), x.of[address(0)])
	}
	if n := flood(address(200), 10, int64(givesWay)); n != 10 {
		t.Errorf("%d refused while all were heard of late", n)
	}
	flood(address(1), 1, int64(givesWay))
	if n := flood(address(200), 10, int64(givesWay)+2); n != 0 || x.count() != maxPorts || x.of[address(0)] != maxPortsOf-10 || x.of[address(1)] != 1000 {
		t.Errorf("%d refused, %d kept, %d of the one silent longest", n, x.count(), x.of[address(0)])
	}
	if x.order.Len() != len(x.all) {
		t.Errorf("%d in order of %d", x.order.Len(), len(x.all))
	}
}

func TestFoulPorts(t *testing.T) {
	for _, text := range []string{"", "{}", `[{"exporter":""}]`, `[{"exporter":"192.0.2.1","agent":"192.0.2.1"}]`, `[{"exporter":"192.0.2.1","agent":"192.0.2.1","counts":[1],"ever":[true],"totals":[1]}]`} {
		x := newInterfaces()
		if err := x.load([]byte(text)); err == nil || x.count() != 0 {
			t.Errorf("%q is taken: %v", text, err)
		}
	}
}

// FuzzPort: whatever samples come one after the other, no rate is negative, endless or more than can be.
func FuzzPort(f *testing.F) {
	f.Add([]byte("a sample, another sample, and so on, of bytes that are numbers"), uint64(gigabit))
	f.Fuzz(func(t *testing.T, b []byte, speed uint64) {
		p, now := &port{}, int64(1)
		for len(b) >= 16 {
			s := sampleOf(uint32(b[0]), float64(b[1]), binary.BigEndian.Uint64(b[2:]), binary.BigEndian.Uint32(b[10:]))
			s.Speed, s.Duplex = speed, flow.DuplexOf(uint32(b[14]))
			now += int64(b[15]) * 1e8
			p.take(s, now)
			b = b[16:]
			shown := p.show(now)
			for _, side := range []api.InterfaceSide{shown.In, shown.Out} {
				for _, v := range []*float64{side.Bits, side.Packets, side.Utilisation, side.Errors, side.Discards} {
					if v != nil && (*v < 0 || *v > 1.01*fastest || math.IsNaN(*v)) {
						t.Fatalf("%v of %+v", *v, shown)
					}
				}
				if side.Utilisation != nil && *side.Utilisation > 100 {
					t.Fatalf("%v %%", *side.Utilisation)
				}
			}
		}
	})
}
