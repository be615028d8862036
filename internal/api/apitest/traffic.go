package apitest

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// told writes a record of a flow that lasted a minute and ended n minutes after noon.
func told(n int, id, role, from, to string, fromPort, toPort, octets, packets int) string {
	end := noon.Add(time.Duration(n) * time.Minute)
	return line(n*60, fmt.Sprintf(`"kind":"flow","event.start":%q,"event.end":%q,"flow.id":%s,"flow.role":%q,"source.ip":%q,"destination.ip":%q,"source.port":%d,"destination.port":%d,"source.bytes":%d,"source.packets":%d,"network.iana_number":6,"observer.ip":"192.0.2.254"`,
		end.Add(-time.Minute).Format(time.RFC3339), end.Format(time.RFC3339), id, role, from, to, fromPort, toPort, octets, packets))
}

// traffic: three sessions of two clients with one server.
func traffic(s *suite) {
	empty, err := s.Traffic(s.ctx, api.TrafficRequest{By: "host"})
	s.must("Traffic of nothing", err)
	if empty.Rows == nil || len(empty.Rows) > 0 {
		s.Errorf("Traffic of nothing = %#v, want an empty list", empty.Rows)
	}
	s.add(api.AppendRequest{},
		told(1, "1", "client", "10.0.0.1", "10.0.0.9", 40000, 443, 100, 1), told(1, "1", "server", "10.0.0.9", "10.0.0.1", 443, 40000, 5000, 4),
		told(2, "2", "client", "10.0.0.1", "10.0.0.9", 40001, 443, 200, 2), told(9, "3", "client", "10.0.0.2", "10.0.0.9", 40002, 22, 600, 6))
	got, err := s.Traffic(s.ctx, api.TrafficRequest{By: "host", Limit: 2})
	s.must("Traffic", err)
	want := api.TrafficAnswer{
		By: []string{"host"}, Rank: "bytes", Others: 1, Sessions: 3, Packets: 13, Bytes: 5900,
		Rows: []api.TrafficRow{
			{Values: []string{"10.0.0.9"}, SentBytes: 5000, ReceivedBytes: 900, SentPackets: 4, ReceivedPackets: 9, Accepted: 3, Value: 5900},
			{Values: []string{"10.0.0.1"}, SentBytes: 300, ReceivedBytes: 5000, SentPackets: 3, ReceivedPackets: 4, Initiated: 2, Value: 5300},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("Traffic by host:\n%s", diff)
	}
	for _, c := range []struct {
		q    api.TrafficRequest
		want string
	}{
		{api.TrafficRequest{By: "host", Side: "sent"}, "10.0.0.9=5000 10.0.0.2=600 10.0.0.1=300"},
		{api.TrafficRequest{By: "host", Rank: "sessions", Side: "initiated"}, "10.0.0.1=2 10.0.0.2=1"},
		{api.TrafficRequest{By: "port", Rank: "hosts"}, "22=1 443=1"},
		{api.TrafficRequest{By: "port", Rank: "packets"}, "443=7 22=6"},
		{api.TrafficRequest{By: "pair", Exact: true}, "10.0.0.1 10.0.0.9=5300 10.0.0.2 10.0.0.9=600"},
		{api.TrafficRequest{By: "protocol"}, "tcp=5900"},
		{api.TrafficRequest{By: "host", Where: "flowtraq: SRVPORT==22"}, "10.0.0.2=600 10.0.0.9=600"},
		{api.TrafficRequest{By: "host", Where: "flowtraq: CLNBYTS<200"}, "10.0.0.1=5100 10.0.0.9=5100"},
		{api.TrafficRequest{By: "host", Side: "sent", Since: noon.Add(90 * time.Second), Until: noon.Add(2 * time.Minute)}, "10.0.0.1=100"},
	} {
		a, err := s.Traffic(s.ctx, c.q)
		s.must("Traffic", err)
		var rows []string
		for _, r := range a.Rows {
			rows = append(rows, fmt.Sprintf("%s=%.0f", strings.Join(r.Values, " "), r.Value))
		}
		if list := strings.Join(rows, " "); list != c.want {
			s.Errorf("Traffic(%+v) = %q, want %q", c.q, list, c.want)
		}
	}
	lined, err := s.Traffic(s.ctx, api.TrafficRequest{By: "host", Side: "sent", Limit: 1, Bucket: time.Minute, Since: noon, Until: noon.Add(3 * time.Minute)})
	s.must("Traffic with lines", err)
	if len(lined.Rows) != 1 || !cmp.Equal(lined.Rows[0].Line, []float64{5000, 0, 0}) || !lined.Start.Equal(noon) || lined.Bucket != time.Minute {
		s.Errorf("Traffic with lines = %+v, want 5000 in the first of three minutes", lined)
	}
	for what, q := range map[string]api.TrafficRequest{
		"entity": {By: "moon"}, "rank": {By: "host", Rank: "weight"}, "side": {By: "host", Side: "left"}, "peers of a pair": {By: "pair", Rank: "hosts"},
		"limit": {By: "host", Limit: -1}, "filter": {By: "host", Where: "flowtraq: SRVPORT=="}, "range": {By: "host", Since: noon, Until: noon},
	} {
		_, err := s.Traffic(s.ctx, q)
		s.kind("Traffic with a wrong "+what, err, fault.Invalid)
	}
}

// sessions are those of the same flows.
func sessions(s *suite) {
	empty, err := s.FlowSessions(s.ctx, api.SessionRequest{})
	s.must("FlowSessions of nothing", err)
	if empty.Rows == nil || len(empty.Rows) > 0 {
		s.Errorf("FlowSessions of nothing = %#v, want an empty list", empty.Rows)
	}
	s.add(api.AppendRequest{},
		told(1, "18446744073709551615", "client", "10.0.0.1", "10.0.0.9", 40000, 443, 100, 1), told(2, "18446744073709551615", "server", "10.0.0.9", "10.0.0.1", 443, 40000, 5000, 4),
		told(9, "3", "client", "10.0.0.2", "10.0.0.9", 40002, 22, 600, 6))
	got, err := s.FlowSessions(s.ctx, api.SessionRequest{})
	s.must("FlowSessions", err)
	end := func(ip string, port int, octets, packets uint64) api.SessionEnd {
		return api.SessionEnd{IP: netip.MustParseAddr(ip), Port: port, Bytes: octets, Packets: packets}
	}
	exporters := []netip.Addr{netip.MustParseAddr("192.0.2.254")}
	want := api.SessionAnswer{
		Sessions: 2, Packets: 11, Bytes: 5700,
		Rows: []api.TrafficSession{
			{ID: 3, Start: noon.Add(8 * time.Minute), End: noon.Add(9 * time.Minute), Client: end("10.0.0.2", 40002, 600, 6), Server: end("10.0.0.9", 22, 0, 0),
				Protocol: 6, Transport: "tcp", Records: 1, Exporters: exporters},
			{ID: 1<<64 - 1, Start: noon, End: noon.Add(2 * time.Minute), Client: end("10.0.0.1", 40000, 100, 1), Server: end("10.0.0.9", 443, 5000, 4),
				Protocol: 6, Transport: "tcp", Records: 2, Exporters: exporters},
		},
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		s.Errorf("FlowSessions:\n%s", diff)
	}
	for _, c := range []struct {
		q    api.SessionRequest
		want []uint64
	}{
		{api.SessionRequest{Oldest: true}, []uint64{1<<64 - 1, 3}},
		{api.SessionRequest{Order: "bytes", Limit: 1}, []uint64{1<<64 - 1}},
		{api.SessionRequest{Where: "destination.port == 22"}, []uint64{3}},
		{api.SessionRequest{Where: "flowtraq: SRVBYTS>4000"}, []uint64{1<<64 - 1}},
		{api.SessionRequest{Since: noon.Add(3 * time.Minute)}, []uint64{3}},
		{api.SessionRequest{Until: noon}, nil},
	} {
		a, err := s.FlowSessions(s.ctx, c.q)
		s.must("FlowSessions", err)
		var ids []uint64
		for _, r := range a.Rows {
			ids = append(ids, r.ID)
		}
		if !cmp.Equal(ids, c.want) {
			s.Errorf("FlowSessions(%+v) = %d, want %d", c.q, ids, c.want)
		}
	}
	for what, q := range map[string]api.SessionRequest{"order": {Order: "weight"}, "filter": {Where: "flowtraq: SRVPORT=="}, "range": {Since: noon, Until: noon}} {
		_, err := s.FlowSessions(s.ctx, q)
		s.kind("FlowSessions with a wrong "+what, err, fault.Invalid)
	}
}
