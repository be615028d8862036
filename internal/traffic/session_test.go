package traffic_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/filter"
	"tocsin/internal/traffic"
)

// sessionFilters are in FlowTraq's language and need whole sessions.
var sessionFilters = []string{
	"TOTBYTS > 150000", "CLNBYTS >= 90000 && SRVPORT == 100", "!(SRVPKTS < 40) || CLNIP == 10.0.0.1", "BYTES > 100000 ^| PACKETS > 60",
	"TOTPKTS > 80 && (ADDR == 10.0.0.0/30 || PROTO == UDP)", "SRVBYTS == 0 && COUNTRY == DE",
}

// together puts records of a range together to sessions, without those that other exporters told of already.
func together(records []record, from, to int64, once bool) map[uint64]*filter.FlowSession {
	list := map[uint64]*filter.FlowSession{}
	for i := range records {
		v := &records[i]
		if !v.under(from, to) || once && v.repeated {
			continue
		}
		client, server := v.ends[0], v.ends[1]
		if v.server {
			client, server = server, client
		}
		s := list[v.id]
		if s == nil {
			s = &filter.FlowSession{Client: client.ip.As16(), Server: server.ip.As16(), ClientCountry: client.country, ServerCountry: server.country, HasPorts: client.port >= 0, HasProtocol: v.protocol >= 0}
			if s.HasPorts {
				s.ClientPort, s.ServerPort = uint16(client.port), uint16(server.port)
			}
			if s.HasProtocol {
				s.Protocol = uint8(v.protocol)
			}
			list[v.id] = s
		}
		b, p := v.part(v.bytes, from, to), v.part(v.packets, from, to)
		if v.server {
			s.ServerBytes, s.ServerPackets = s.ServerBytes+b, s.ServerPackets+p
		} else {
			s.ClientBytes, s.ClientPackets = s.ClientBytes+b, s.ClientPackets+p
		}
	}
	return list
}

// TestWholeSessions: a filter of bytes and packets judges what both ends sent within the range, and what is ranked and listed then
// is all of the sessions it selects.
func TestWholeSessions(t *testing.T) {
	for seed := range uint64(15) {
		r := rand.New(rand.NewPCG(seed, 10))
		records := randomRecords(r, 1+r.IntN(250))
		store := storeOf(t, r, records)
		for _, text := range sessionFilters {
			f, err := filter.ParseFlowTraq(text)
			if err != nil {
				t.Fatal(err)
			}
			since := moment(r)
			until, once := since.Add(time.Duration(1+r.Int64N(int64(6*time.Hour)))), r.IntN(3) == 0
			from, to := since.UnixNano(), until.UnixNano()
			selected := together(records, from, to, once)
			var total [2]uint64
			for id, s := range selected {
				if !f.Match(s) {
					delete(selected, id)
					continue
				}
				total[0], total[1] = total[0]+s.ClientBytes+s.ServerBytes, total[1]+s.ClientPackets+s.ServerPackets
			}
			among := slices.DeleteFunc(slices.Clone(records), func(v record) bool { return selected[v.id] == nil })
			sel, err := traffic.NewSelection("flowtraq:"+text, everything)
			if err != nil {
				t.Fatal(err)
			}
			listed, err := traffic.Sessions(t.Context(), store, api.SessionRequest{Since: since, Until: until, Limit: -1, Once: once, Order: "bytes"}, sel)
			if err != nil {
				t.Fatal(err)
			}
			if listed.Sessions != uint64(len(selected)) || listed.Bytes != total[0] || listed.Packets != total[1] || len(listed.Rows) != len(selected) {
				t.Fatalf("seed %d: %s: %d sessions of %d bytes and %d packets, want %d of %v", seed, text, listed.Sessions, listed.Bytes, listed.Packets, len(selected), total)
			}
			checkSessions(t, text, listed.Rows, selected)
			q := api.TrafficRequest{By: traffic.Entities()[r.IntN(12)], Rank: "bytes", Since: since, Until: until, Once: once, Limit: 1000}
			got, err := traffic.Top(t.Context(), store, q, sel)
			if err != nil {
				t.Fatal(err)
			}
			want := rank(among, q, from, to)
			if got.Bytes != want.Bytes || got.Sessions != want.Sessions || len(got.Rows) != len(want.Rows) {
				t.Fatalf("seed %d: %s: %+v\nwant %+v", seed, text, got, want)
			}
			for i, row := range joined(got).Rows {
				if row.Value != want.Rows[i].Value || row.Values[0] != want.Rows[i].Values[0] || row.Initiated != want.Rows[i].Initiated {
					t.Fatalf("seed %d: %s: row %+v, want %+v", seed, text, row, want.Rows[i])
				}
			}
		}
	}
}

func checkSessions(t *testing.T, text string, rows []api.TrafficSession, want map[uint64]*filter.FlowSession) {
	t.Helper()
	for i := range rows {
		got, s := &rows[i], want[rows[i].ID]
		if s == nil {
			t.Fatalf("%s lists session %d", text, got.ID)
		}
		if got.Client.Bytes != s.ClientBytes || got.Server.Bytes != s.ServerBytes || got.Client.Packets != s.ClientPackets || got.Server.Packets != s.ServerPackets ||
			got.Client.IP != netip.AddrFrom16(s.Client).Unmap() || got.Server.IP != netip.AddrFrom16(s.Server).Unmap() || s.HasPorts && got.Server.Port != int(s.ServerPort) || !s.HasPorts && got.Server.Port != -1 {
			t.Fatalf("%s: session %+v, want %+v", text, got, s)
		}
	}
	if !slices.IsSortedFunc(rows, func(a, b api.TrafficSession) int {
		return cmp.Compare(b.Client.Bytes+b.Server.Bytes, a.Client.Bytes+a.Server.Bytes)
	}) {
		t.Fatalf("%s: sessions are not ordered by bytes", text)
	}
}

// TestFoundByRecords: a filter of tocsin's own selects sessions by any of their records, and tells them whole.
func TestFoundByRecords(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 11))
	records := randomRecords(r, 300)
	store := storeOf(t, r, records)
	since, until := noon.Add(time.Hour), noon.Add(4*time.Hour)
	want := together(records, since.UnixNano(), until.UnixNano(), false)
	for id := range want {
		if !slices.ContainsFunc(records, func(v record) bool {
			return v.id == id && v.under(since.UnixNano(), until.UnixNano()) && v.ends[0].ip.String() == "10.0.0.1"
		}) {
			delete(want, id)
		}
	}
	sel, err := traffic.NewSelection(`source.ip == "10.0.0.1"`, everything)
	if err != nil {
		t.Fatal(err)
	}
	got, err := traffic.Sessions(t.Context(), store, api.SessionRequest{Since: since, Until: until, Limit: -1, Order: "bytes"}, sel)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Rows) != len(want) || len(want) == 0 {
		t.Fatalf("%d sessions, want %d and some", len(got.Rows), len(want))
	}
	checkSessions(t, "source.ip", got.Rows, want)
	few, err := traffic.Sessions(t.Context(), store, api.SessionRequest{Since: since, Until: until, Limit: 3, Oldest: true}, sel)
	if err != nil || len(few.Rows) != 3 || few.Bytes != got.Bytes || few.Rows[0].Start.After(few.Rows[1].Start) {
		t.Errorf("the 3 oldest = %+v, %v", few, err)
	}
}

// TestBounds: who may see some records only is told of nothing else, whichever way he asks.
func TestBounds(t *testing.T) {
	mine, err := filter.Parse(`observer.ip == "192.0.2.1"`)
	if err != nil {
		t.Fatal(err)
	}
	bound := func(e *filter.Expr) *filter.Expr {
		if e == nil {
			return mine
		}
		return filter.And(mine, e)
	}
	for seed := range uint64(5) {
		r := rand.New(rand.NewPCG(seed, 12))
		records := randomRecords(r, 200)
		store := storeOf(t, r, records)
		own := slices.DeleteFunc(slices.Clone(records), func(v record) bool { return v.exporter.String() != "192.0.2.1" })
		ownStore := storeOf(t, r, own)
		for _, text := range append([]string{"", "source.port == 100 || destination.port == 100", "flowtraq: EXPORTER == 192.0.2.0 || ADDR == 10.0.0.2", "flowtraq: EXPORTER == 192.0.2.0 || TOTBYTS > 100000"}, sessionFilters...) {
			if len(text) > 0 && text[0] >= 'A' && text[0] <= 'Z' || len(text) > 0 && text[0] == '!' {
				text = "flowtraq:" + text
			}
			sel, err := traffic.NewSelection(text, bound)
			if err != nil {
				t.Fatal(err)
			}
			free, err := traffic.NewSelection(text, everything)
			if err != nil {
				t.Fatal(err)
			}
			for _, by := range []string{"host", "pair", "exporter"} {
				q := api.TrafficRequest{By: by, Rank: "sessions", Limit: 50}
				got, err := traffic.Top(t.Context(), store, q, sel)
				want, wantErr := traffic.Top(t.Context(), ownStore, q, free)
				if fmt.Sprint(got, err) != fmt.Sprint(want, wantErr) {
					t.Fatalf("%q by %s: %+v, %v\nwant %+v", text, by, got, err, want)
				}
			}
			got, err := traffic.Sessions(t.Context(), store, api.SessionRequest{Limit: -1, Order: "bytes"}, sel)
			want, wantErr := traffic.Sessions(t.Context(), ownStore, api.SessionRequest{Limit: -1, Order: "bytes"}, free)
			if got.Sessions != want.Sessions || got.Bytes != want.Bytes || err != nil || wantErr != nil {
				t.Fatalf("%q: %+v, %v\nwant %+v", text, got, err, want)
			}
		}
	}
}
