package flows_test

import (
	"encoding/binary"
	"maps"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"tocsin/internal/api"
	"tocsin/internal/event"
	"tocsin/internal/source/flows"
)

// words are numbers of two bytes; parts are put one behind the other.
func words(list ...uint16) (b []byte) {
	for _, v := range list {
		b = binary.BigEndian.AppendUint16(b, v)
	}
	return b
}

// setOf is a set of NetFlow 9 or IPFIX.
func setOf(id uint16, parts ...[]byte) []byte {
	body := slices.Concat(parts...)
	return append(words(id, uint16(4+len(body))), body...) //nolint:gosec // small
}

// nineOf is a datagram of NetFlow 9 that says how many records it has.
func nineOf(count uint16, sequence uint32, at time.Time, sets ...[]byte) []byte {
	b := binary.BigEndian.AppendUint32(words(9, count), 3_600_000)
	b = binary.BigEndian.AppendUint32(b, uint32(at.Unix())) //nolint:gosec // of this century
	b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, sequence), 7)
	return append(b, slices.Concat(sets...)...)
}

// tenOf is a message of IPFIX.
func tenOf(sequence uint32, at time.Time, sets ...[]byte) []byte {
	body := slices.Concat(sets...)
	b := words(10, uint16(16+len(body)))                    //nolint:gosec // small
	b = binary.BigEndian.AppendUint32(b, uint32(at.Unix())) //nolint:gosec // of this century
	return append(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, sequence), 7), body...)
}

// shape is a template of addresses, ports, protocol, bytes and packets, and rowOf a record of it: one of 100 bytes in 2 packets.
func shape(id uint16) []byte { return words(id, 7, 8, 4, 12, 4, 7, 2, 11, 2, 4, 1, 1, 4, 2, 4) }

func rowOf(port uint16) []byte {
	b := append([]byte{10, 0, 0, 1, 192, 0, 2, 7}, words(port, 443)...)
	return append(b, 6, 0, 0, 0, 100, 0, 0, 0, 2)
}

// A foulness is something that an exporter does wrong.
type foulness struct {
	datagrams func(now time.Time) [][]byte
	flows     int // of 100 bytes and 2 packets each
	problems  map[string]int64
	held      int64
	lost      int64
	also      func(t *testing.T, e *api.Exporter, column func(event.FieldID) []string) // more that must hold of it, and of its flows
}

// foul is what the issue of bad input names, each with what is counted. That of which nothing is known holds no flows.
func foul() map[string]foulness {
	of := func(datagrams ...[]byte) func(time.Time) [][]byte {
		return func(time.Time) [][]byte { return datagrams }
	}
	now := time.Now()
	five := func(count uint16, flows int) []byte {
		b := v5(flows, 0, now)
		binary.BigEndian.PutUint16(b[2:], count)
		return b
	}
	// flagged wants one flag on all, and times of about now: whatever the exporter says. It says an hour, or more, before or behind.
	flagged := func(want string) func(t *testing.T, _ *api.Exporter, column func(event.FieldID) []string) {
		return func(t *testing.T, _ *api.Exporter, column func(event.FieldID) []string) {
			for i, got := range column(event.TocsinFlags) {
				text := column(event.Timestamp)[i]
				at, err := time.Parse(time.RFC3339Nano, text)
				if got != want || err != nil || at.Before(now.Add(-10*time.Minute)) || at.After(now.Add(10*time.Minute)) {
					t.Errorf("flow %d of %s (%v) is flagged %q, want %q", i, text, err, got, want)
				}
			}
		}
	}
	longSet := setOf(300, rowOf(1))
	binary.BigEndian.PutUint16(longSet[2:], 60_000)
	zeroSet := setOf(300, rowOf(1))
	binary.BigEndian.PutUint16(zeroSet[2:], 0)
	longTen := tenOf(0, now, setOf(2, shape(300)), setOf(300, rowOf(1)))
	binary.BigEndian.PutUint16(longTen[2:], 60_000)
	endless := setOf(0, words(300, 65_535, 8, 4))
	many := slices.Repeat(words(8, 4), 300)
	narrow := words(300, 6, 8, 4, 12, 4, 7, 2, 11, 2, 4, 1, 1, 4)
	return map[string]foulness{
		"data whose template never comes":          {datagrams: of(nineOf(1, 0, now, setOf(300, rowOf(1))), nineOf(1, 1, now, setOf(300, rowOf(2)))), problems: map[string]int64{"no-template": 2}, held: 2 * 21},
		"data before its template":                 {datagrams: of(nineOf(1, 0, now, setOf(300, rowOf(1))), nineOf(1, 1, now, setOf(0, shape(300)))), flows: 1, problems: map[string]int64{"no-template": 1}},
		"cut within a record, NetFlow 5":           {datagrams: of(five(3, 3)[:24+2*48+20]), flows: 2, problems: map[string]int64{"truncated": 1}},
		"cut within a record, NetFlow 9":           {datagrams: of(nineOf(2, 0, now, setOf(0, shape(300)), setOf(300, rowOf(1), rowOf(2)))[:20+36+4+21+9]), flows: 1, problems: map[string]int64{"truncated": 1}},
		"cut within the header":                    {datagrams: of(five(1, 1)[:23], nineOf(0, 0, now)[:19], tenOf(0, now)[:15]), problems: map[string]int64{"truncated": 3}},
		"a header that counts 65,535, NetFlow 5":   {datagrams: of(five(65_535, 2)), flows: 2, problems: map[string]int64{"truncated": 1}},
		"a header that counts 65,535, NetFlow 9":   {datagrams: of(nineOf(65_535, 0, now, setOf(0, shape(300)), setOf(300, rowOf(1)))), flows: 1, problems: map[string]int64{"wrong-count": 1}},
		"a header that counts 65,535, and nothing": {datagrams: of(five(65_535, 0)), problems: map[string]int64{"truncated": 1}},
		"a header that counts too few, NetFlow 5":  {datagrams: of(five(1, 3)), flows: 1, problems: map[string]int64{"wrong-count": 1}},
		"a header that counts data alone":          {datagrams: of(nineOf(1, 0, now, setOf(0, shape(300)), setOf(300, rowOf(1)), setOf(0, shape(301)), setOf(301, rowOf(2)))), flows: 2},
		"sets longer than the datagram":            {datagrams: of(nineOf(2, 0, now, setOf(0, shape(300)), longSet)), flows: 1, problems: map[string]int64{"truncated": 1}},
		"sets of no length":                        {datagrams: of(nineOf(2, 0, now, setOf(0, shape(300)), setOf(300, rowOf(1)), zeroSet)), flows: 1, problems: map[string]int64{"bad-length": 1}},
		"messages longer than they are":            {datagrams: of(longTen), flows: 1, problems: map[string]int64{"truncated": 1}},
		"a template that counts 65,535 fields":     {datagrams: of(nineOf(1, 0, now, endless)), problems: map[string]int64{"truncated": 1}},
		"a template of 300 fields":                 {datagrams: of(nineOf(2, 0, now, setOf(0, words(301, 300), many, shape(300)), setOf(300, rowOf(1)))), flows: 1, problems: map[string]int64{"bad-template": 1}},
		"a template of no length, which would give records without end": {
			datagrams: of(nineOf(2, 0, now, setOf(0, words(300, 2, 8, 0, 12, 0)), setOf(300, make([]byte, 1000)))), problems: map[string]int64{"bad-template": 1, "no-template": 1}, held: 1000},
		"fields of no length": {datagrams: of(nineOf(2, 0, now, setOf(0, words(300, 9, 8, 4, 12, 4, 7, 2, 56, 0, 11, 2, 4, 1, 1, 4, 82, 0, 2, 4)), setOf(300, rowOf(1)))), flows: 1},
		"a reserved template": {datagrams: of(tenOf(0, now, setOf(2, shape(200)), setOf(200, rowOf(1)))), problems: map[string]int64{"bad-template": 1, "reserved-set": 1}},
		"a template that contradicts the one before: data is read by the last": {
			datagrams: of(nineOf(2, 0, now, setOf(0, shape(300)), setOf(300, rowOf(1)), setOf(0, narrow), setOf(300, rowOf(2)[:17]), setOf(0, shape(300)), setOf(300, rowOf(3)))), flows: 3,
			also: func(t *testing.T, _ *api.Exporter, column func(event.FieldID) []string) {
				if got, want := column(event.SourcePackets), []string{"2", "0", "2"}; !cmp.Equal(got, want) {
					t.Errorf("packets %v, want %v", got, want)
				}
			}},
		"data after its template was withdrawn": {datagrams: of(tenOf(0, now, setOf(2, shape(300)), setOf(300, rowOf(1))), tenOf(1, now, setOf(2, words(300, 0)), setOf(300, rowOf(2)))), flows: 1,
			problems: map[string]int64{"no-template": 1}, held: 21},
		"5,000 templates": {datagrams: func(time.Time) (all [][]byte) {
			for i := range 50 {
				var templates [][]byte
				for j := range 100 {
					templates = append(templates, words(uint16(256+100*i+j), 1, 8, 4)) //nolint:gosec // small
				}
				all = append(all, nineOf(100, uint32(i), now, setOf(0, templates...))) //nolint:gosec // small
			}
			return all
		}, problems: map[string]int64{"too-many-templates": 4000}, also: func(t *testing.T, e *api.Exporter, _ func(event.FieldID) []string) {
			if e.Templates != 1000 {
				t.Errorf("%d templates are known, want 1000", e.Templates)
			}
		}},
		"records without addresses": {datagrams: of(tenOf(0, now, setOf(2, words(300, 2, 1, 4, 2, 4)), setOf(300, make([]byte, 16)))), problems: map[string]int64{"no-addresses": 2}},
		"a clock that is three years behind": {datagrams: of(nineOf(2, 0, now.AddDate(-3, 0, 0), setOf(0, shape(300)), setOf(300, rowOf(1)))), flows: 1, problems: map[string]int64{"bad-time": 1},
			also: flagged("")},
		"a clock that is ten years ahead": {datagrams: of(v5(1, 0, now.AddDate(10, 0, 0))), flows: 1, problems: map[string]int64{"bad-time": 1}, also: flagged("")},
		"a clock that is an hour ahead":   {datagrams: of(v5(1, 0, now.Add(time.Hour))), flows: 1, also: flagged("no-time")},
		"a flow that ended in 1970": {datagrams: of(tenOf(0, now, setOf(2, words(300, 9, 8, 4, 12, 4, 7, 2, 11, 2, 4, 1, 1, 4, 2, 4, 150, 4, 151, 4)), setOf(300, rowOf(1), make([]byte, 8)))), flows: 1,
			problems: map[string]int64{"bad-time": 1}, also: flagged("")},
		"a jump of the numbering":                       {datagrams: of(v5(2, 0, now), v5(1, 1000, now)), flows: 3, lost: 998},
		"sFlow that counts samples which are not there": {datagrams: of([]byte{0, 0, 0, 5, 0, 0, 0, 1, 192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff}), problems: map[string]int64{"wrong-count": 1}},
		"none of the protocols":                         {datagrams: of([]byte("GET / HTTP/1.0\r\n"), []byte{0, 9}, make([]byte, 60_000)), problems: map[string]int64{"unknown-version": 2, "truncated": 1}},
	}
}

// TestBadInput: whatever an exporter sends through a socket, it is counted by reason in the list of exporters and in the figures of the
// source, what can be read of it are flows, and what comes behind it is read as if nothing had been.
func TestBadInput(t *testing.T) {
	for name, c := range foul() {
		t.Run(name, func(t *testing.T) {
			in, m, registry := &intake{}, flows.NewMemory(), prometheus.NewRegistry()
			r := start(t, flows.Options{Memory: m, Take: in.Take, Registry: registry, Sockets: 1})
			datagrams := c.datagrams(time.Now())
			r.send(t, datagrams...)
			good := v5(2, 1<<31, time.Now())
			good[21] = 99 // an engine of its own, whose numbering is its own
			r.send(t, good)
			await(t, "all datagrams", func() bool {
				return len(m.Exporters(time.Now(), 0)) == 1 && exporter(t, m).Datagrams == int64(len(datagrams)+1)
			})
			if err := r.stop(); err != nil {
				t.Fatal(err)
			}
			e := exporter(t, m)
			if e.Flows != int64(c.flows+2) || in.has() != c.flows+2 || e.Held != c.held || e.Lost != c.lost || !maps.Equal(e.Problems, c.problems) {
				t.Errorf("%d flows and %d rows, %d bytes held, %d lost, problems %v; want %d flows, %d, %d and %v", e.Flows, in.has(), e.Held, e.Lost, e.Problems, c.flows+2, c.held, c.lost, c.problems)
			}
			for i, text := range in.column(event.SourceBytes) {
				if text != "100" {
					t.Errorf("flow %d has %s bytes, want 100", i, text)
				}
			}
			got := figures(t, registry)
			want := map[string]float64{"tocsin_flows_datagrams_total": float64(len(datagrams) + 1), "tocsin_flows_records_total": float64(c.flows + 2)}
			for reason, n := range c.problems {
				want["tocsin_flows_problems_total "+reason] = float64(n)
			}
			if c.lost > 0 {
				want["tocsin_flows_missing_total"] = float64(c.lost)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("figures (-want +got):\n%s", diff)
			}
			if c.also != nil {
				c.also(t, &e, func(id event.FieldID) []string { return in.column(id)[:c.flows] })
			}
		})
	}
}

// figures are the counters of a registry that are not zero, by name and reason.
func figures(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				if l.GetName() == "reason" {
					name += " " + l.GetValue()
				}
			}
			if v := m.GetCounter().GetValue(); v != 0 {
				all[name] = v
			}
		}
	}
	return all
}

// TestSpoofedExporters: whoever is not allowed is listed and counted, makes no flow, and does not change what an allowed one is known by. A
// flood of forged senders does not make the list grow without end.
func TestSpoofedExporters(t *testing.T) {
	in, m, registry := &intake{}, flows.NewMemory(), prometheus.NewRegistry()
	r := start(t, flows.Options{Memory: m, Take: in.Take, Registry: registry, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Sockets: 1})
	now := time.Now()
	r.send(t, nineOf(1, 0, now, setOf(0, shape(300))))
	const forgers = 200
	for i := range forgers {
		from, err := net.DialUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 1, byte(i+1))}, net.UDPAddrFromAddrPort(r.Address()))
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range [][]byte{nineOf(1, 0, now, setOf(0, words(300, 1, 8, 4))), v5(30, 0, now)} {
			if _, err := from.Write(d); err != nil {
				t.Fatal(err)
			}
		}
		from.Close()
	}
	r.send(t, nineOf(1, 1, now, setOf(300, rowOf(1))))
	await(t, "the flow of who is allowed", func() bool { return in.has() == 1 })
	list := m.Exporters(now, 0)
	refused := 0
	for i := range list {
		if e := &list[i]; e.Refused && e.Datagrams == 2 && e.Flows == 0 && len(e.Protocols) == 0 && e.Templates == 0 {
			refused++
		}
	}
	if refused != forgers || len(list) != forgers+1 {
		t.Errorf("%d of %d exporters are refused, want %d of %d", refused, len(list), forgers, forgers+1)
	}
	if got := figures(t, registry); got["tocsin_flows_refused_total"] != 2*forgers || got["tocsin_flows_records_total"] != 1 {
		t.Errorf("figures: %v", got)
	}
	if got := in.column(event.SourceBytes); !cmp.Equal(got, []string{"100"}) {
		t.Errorf("bytes: %v", got)
	}
}
