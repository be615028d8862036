package rows_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/event"
	"tocsin/internal/flow"
	"tocsin/internal/flow/rows"
)

var began = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func base() (rows.Origin, flow.Record, rows.Note) {
	o := rows.Origin{Source: "flows", Format: "netflow9", Exporter: netip.MustParseAddr("192.0.2.254").As16(), Received: began.Add(5 * time.Second).UnixNano()}
	r := flow.Record{
		Source: netip.MustParseAddr("10.0.0.1").As16(), Destination: netip.MustParseAddr("198.51.100.7").As16(), SourcePort: 40000, DestinationPort: 443,
		Protocol: 6, TCPFlags: 27, TOS: 8, Bytes: 1500, Packets: 3, Start: began.UnixNano(), End: began.Add(time.Second).UnixNano(), Ingress: 3, Egress: 4, Domain: 9,
		Has: flow.HasAddresses | flow.HasPorts | flow.HasProtocol | flow.HasTCPFlags | flow.HasInterfaces | flow.HasTimes,
	}
	return o, r, rows.Note{ID: 77, Client: true}
}

// texts returns events as people see them.
func texts(t *testing.T, b *event.Builder) (list []map[string]any) {
	t.Helper()
	batch := b.Batch()
	for row := range batch.Rows {
		var m map[string]any
		if err := json.Unmarshal(batch.AppendJSON(nil, row), &m); err != nil {
			t.Fatal(err)
		}
		list = append(list, m)
	}
	return list
}

func TestRows(t *testing.T) {
	plain := map[string]any{
		"@timestamp": "2026-03-04T12:00:01Z", "event.ingested": "2026-03-04T12:00:05Z", "event.start": "2026-03-04T12:00:00Z",
		"event.end": "2026-03-04T12:00:01Z", "event.dataset": "netflow9", "tocsin.source": "flows", "observer.ip": "192.0.2.254",
		"source.ip": "10.0.0.1", "source.port": 40000., "destination.ip": "198.51.100.7", "destination.port": 443., "source.bytes": 1500., "source.packets": 3.,
		"network.transport": "tcp", "network.iana_number": 6., "network.type": "ipv4", "flow.id": 77., "flow.role": "client", "flow.tcp_flags": 27.,
		"flow.tos": 8., "flow.ingress": 3., "flow.egress": 4., "flow.domain": 9.,
	}
	none := any(nil)
	for name, test := range map[string]struct {
		change func(o *rows.Origin, r *flow.Record, n *rows.Note)
		want   []map[string]any // what differs from plain, nil for what is missing
	}{
		"plain":              {func(*rows.Origin, *flow.Record, *rows.Note) {}, []map[string]any{{}}},
		"sampled":            {func(_ *rows.Origin, r *flow.Record, _ *rows.Note) { r.Sampling = 100 }, []map[string]any{{"source.bytes": 150000., "source.packets": 300., "flow.sampling": 100.}}},
		"sampled one in one": {func(_ *rows.Origin, r *flow.Record, _ *rows.Note) { r.Sampling = 1 }, []map[string]any{{"flow.sampling": 1.}}},
		"more than a number holds": {func(_ *rows.Origin, r *flow.Record, _ *rows.Note) { r.Sampling, r.Bytes = 2, math.MaxUint64/2+1 },
			[]map[string]any{{"source.bytes": float64(math.MaxUint64), "source.packets": 6., "flow.sampling": 2.}}},
		"a clock that is off": {func(o *rows.Origin, _ *flow.Record, _ *rows.Note) { o.Doubted = true }, []map[string]any{{"@timestamp": "2026-03-04T12:00:05Z", "tocsin.flags": "no-time"}}},
		"an end that is to come": {func(_ *rows.Origin, r *flow.Record, _ *rows.Note) { r.End = began.Add(time.Hour).UnixNano() },
			[]map[string]any{{"@timestamp": "2026-03-04T12:00:05Z", "event.end": "2026-03-04T13:00:00Z", "tocsin.flags": "future"}}},
		"no times":   {func(_ *rows.Origin, r *flow.Record, _ *rows.Note) { r.Has &^= flow.HasTimes }, []map[string]any{{"event.start": none, "event.end": none}}},
		"as server":  {func(_ *rows.Origin, _ *flow.Record, n *rows.Note) { n.Client = false }, []map[string]any{{"flow.role": "server"}}},
		"with names": {func(_ *rows.Origin, _ *flow.Record, n *rows.Note) { n.Interface, n.Application = "Gi0/1", "ssh" }, []map[string]any{{"observer.ingress.interface.name": "Gi0/1", "network.application": "ssh"}}},
		"autonomous systems, one of them private to nobody": {func(_ *rows.Origin, r *flow.Record, _ *rows.Note) { r.Has |= flow.HasAS; r.SourceAS = 64500 }, []map[string]any{{"source.as.number": 64500.}}},
		"hardware addresses": {func(_ *rows.Origin, r *flow.Record, _ *rows.Note) {
			r.Has |= flow.HasMAC
			r.SourceMAC = [6]byte{0, 0, 0x5e, 0, 0x53, 0xaf}
		},
			[]map[string]any{{"source.mac": "00-00-5E-00-53-AF"}}},
		"a VLAN":  {func(_ *rows.Origin, r *flow.Record, _ *rows.Note) { r.Has |= flow.HasVLAN; r.VLAN = 42 }, []map[string]any{{"labels.vlan": "42"}}},
		"dropped": {func(_ *rows.Origin, r *flow.Record, _ *rows.Note) { r.Has |= flow.Dropped }, []map[string]any{{"event.action": "dropped"}}},
		"a ping": {func(_ *rows.Origin, r *flow.Record, _ *rows.Note) {
			r.Protocol, r.DestinationPort, r.Has = 1, 8<<8, r.Has&^(flow.HasPorts|flow.HasTCPFlags)|flow.IsICMP
		}, []map[string]any{{"network.transport": "icmp", "network.iana_number": 1., "source.port": none, "destination.port": none, "flow.tcp_flags": none, "labels.icmp": "8.0"}}},
		"a protocol without a name": {func(_ *rows.Origin, r *flow.Record, _ *rows.Note) { r.Protocol = 253 }, []map[string]any{{"network.transport": none, "network.iana_number": 253.}}},
		"version 6": {func(_ *rows.Origin, r *flow.Record, _ *rows.Note) {
			r.Has |= flow.IsV6
			r.Source = netip.MustParseAddr("2001:db8::1").As16()
		}, []map[string]any{{"network.type": "ipv6", "source.ip": "2001:db8::1"}}},
		"both directions in one": {func(_ *rows.Origin, r *flow.Record, _ *rows.Note) {
			r.Has, r.ReverseBytes, r.ReversePackets, r.Sampling = r.Has|flow.HasReverse, 9000, 7, 10
		}, []map[string]any{{"source.bytes": 15000., "source.packets": 30., "flow.sampling": 10.}, {
			"source.ip": "198.51.100.7", "source.port": 443., "destination.ip": "10.0.0.1", "destination.port": 40000., "source.bytes": 90000., "source.packets": 70.,
			"flow.role": "server", "flow.sampling": 10., "flow.tcp_flags": none, "flow.ingress": none, "flow.egress": none,
		}}},
		"both directions of pings": {func(_ *rows.Origin, r *flow.Record, _ *rows.Note) {
			r.Protocol, r.DestinationPort, r.Has = 1, 8<<8, r.Has&^(flow.HasPorts|flow.HasTCPFlags)|flow.IsICMP|flow.HasReverse
			r.ReverseBytes, r.ReversePackets = 9000, 7
		}, []map[string]any{
			{"network.transport": "icmp", "network.iana_number": 1., "source.port": none, "destination.port": none, "flow.tcp_flags": none, "labels.icmp": "8.0"},
			{
				"source.ip": "198.51.100.7", "destination.ip": "10.0.0.1", "source.port": none, "destination.port": none, "source.bytes": 9000., "source.packets": 7.,
				"flow.role": "server", "flow.tcp_flags": none, "flow.ingress": none, "flow.egress": none,
				"network.transport": "icmp", "network.iana_number": 1., "labels.icmp": "8.0",
			},
		}},
		"told by another exporter": {func(_ *rows.Origin, _ *flow.Record, n *rows.Note) { n.Repeated, n.ReverseRepeated = true, true }, []map[string]any{{"flow.repeated": true}}},
		"of both directions one is told by another exporter": {func(_ *rows.Origin, r *flow.Record, n *rows.Note) {
			r.Has, r.ReverseBytes, r.ReversePackets, n.ReverseRepeated = r.Has|flow.HasReverse, 9000, 7, true
		}, []map[string]any{{}, {
			"source.ip": "198.51.100.7", "source.port": 443., "destination.ip": "10.0.0.1", "destination.port": 40000., "source.bytes": 9000., "source.packets": 7.,
			"flow.role": "server", "flow.repeated": true, "flow.tcp_flags": none, "flow.ingress": none, "flow.egress": none,
		}}},
		"nothing came back": {func(_ *rows.Origin, r *flow.Record, _ *rows.Note) { r.Has |= flow.HasReverse }, []map[string]any{{}}},
	} {
		t.Run(name, func(t *testing.T) {
			o, r, n := base()
			test.change(&o, &r, &n)
			b := event.NewBuilder(event.Flow)
			if got := o.Append(b, []flow.Record{r}, []rows.Note{n}); got != len(test.want) {
				t.Errorf("Append = %d rows, want %d", got, len(test.want))
			}
			var want []map[string]any
			for _, changes := range test.want {
				m := map[string]any{}
				for k, v := range plain {
					m[k] = v
				}
				for k, v := range changes {
					if m[k] = v; v == nil {
						delete(m, k)
					}
				}
				want = append(want, m)
			}
			if diff := cmp.Diff(want, texts(t, b)); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

// TestTogether: records that are appended together give the rows that each gives by itself.
func TestTogether(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range 30 {
		o, plain, _ := base()
		o.Doubted = round%10 == 0
		common := flow.Has(rng.Uint32())
		together, alone := event.NewBuilder(event.Flow), event.NewBuilder(event.Flow)
		for range 3 {
			var records []flow.Record
			var notes []rows.Note
			for range 1 + rng.IntN(2*rows.Together) {
				r := plain
				r.Source[15], r.SourcePort, r.Bytes, r.Domain = byte(rng.Uint32()), uint16(rng.Uint32()), rng.Uint64N(1e6), uint32(rng.IntN(2)) //nolint:gosec // any will do
				r.Has = common ^ flow.Has(rng.Uint32()&rng.Uint32()&rng.Uint32())
				r.Protocol = []uint8{1, 6, 17, 253}[rng.IntN(4)]
				r.Sampling, r.SourceAS, r.DestinationAS = uint32(rng.IntN(3)), uint32(rng.IntN(2)), uint32(rng.IntN(3)) //nolint:gosec // small
				r.ReverseBytes, r.DestinationMAC[3], r.VLAN = uint64(rng.IntN(3)), byte(rng.IntN(2)), uint16(rng.IntN(3))
				if rng.IntN(8) == 0 {
					r.End = began.Add(time.Hour).UnixNano()
				}
				n := rows.Note{ID: rng.Uint64(), Client: rng.IntN(2) == 0, Repeated: rng.IntN(9) == 0, ReverseRepeated: rng.IntN(9) == 0,
					Interface: []string{"", "a", "b"}[rng.IntN(3)], Application: []string{"", "ssh"}[rng.IntN(2)]}
				records, notes = append(records, r), append(notes, n)
				o.Append(alone, records[len(records)-1:], notes[len(notes)-1:])
			}
			before := together.Rows()
			if n := o.Append(together, records, notes); n != together.Rows()-before {
				t.Fatalf("Append = %d, and there are %d rows more", n, together.Rows()-before)
			}
		}
		if diff := cmp.Diff(texts(t, alone), texts(t, together)); diff != "" {
			t.Fatalf("round %d (-alone +together):\n%s", round, diff)
		}
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	o, r, n := base()
	records, notes := make([]flow.Record, 30), make([]rows.Note, 30)
	for i := range records {
		records[i], notes[i] = r, n
	}
	b := event.NewBuilder(event.Flow)
	for range 300 {
		o.Append(b, records, notes)
	}
	b.Batch() // the next one has room for as much
	if n := testing.AllocsPerRun(200, func() { o.Append(b, records, notes) }); n != 0 {
		t.Errorf("30 records allocate %v times", n)
	}
}

// BenchmarkAppend is the price of one record of NetFlow 5, of which a datagram has thirty.
func BenchmarkAppend(b *testing.B) {
	o, r, n := base()
	records, notes := make([]flow.Record, 30), make([]rows.Note, 30)
	for k := range records {
		r.SourcePort, r.Bytes, n.ID, n.Client = uint16(k), uint64(k), uint64(k)*77, k%3 != 0 //nolint:gosec // small
		records[k], notes[k] = r, n
	}
	builder := event.NewBuilder(event.Flow)
	b.ReportAllocs()
	for i := 0; i < b.N; i += len(records) {
		o.Append(builder, records, notes)
		if builder.Rows() >= 8192 {
			builder.Batch()
		}
	}
}
