package report

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/bookmark"
	"tocsin/internal/traq"
)

// chartLines is how many rows of a ranking have lines over time: as many as a chart of it draws.
const chartLines = 8

// unknown stands for what nobody told.
const unknown = "unknown"

// Ranking fills a result with who made the most traffic.
func Ranking(r *api.ReportResult, ask *bookmark.Flows, a *api.TrafficAnswer) {
	r.Title, r.Rank, r.Keys = traq.Ranking{By: ask.By, Rank: ask.Rank, Side: ask.Side}.Title(), ask.Rank, len(a.By)
	for _, name := range a.By {
		r.Columns = append(r.Columns, api.ReportColumn{Name: name})
	}
	unique := ask.Rank == "ports" || ask.Rank == "hosts"
	if unique {
		r.Columns = append(r.Columns, api.ReportColumn{Name: traq.Unique + " " + ask.Rank, Kind: api.NumberColumn})
	}
	for _, name := range []string{"sent bytes", "received bytes", "sent packets", "received packets", "initiated", "accepted"} {
		kind := api.NumberColumn
		if strings.HasSuffix(name, "bytes") {
			kind = api.BytesColumn
		}
		r.Columns = append(r.Columns, api.ReportColumn{Name: name, Kind: kind})
	}
	for i := range a.Rows {
		row := &a.Rows[i]
		cells := make([]string, 0, len(r.Columns))
		for n := range a.By {
			value, name := "", ""
			if n < len(row.Values) {
				value = row.Values[n]
			}
			if n < len(row.Names) {
				name = row.Names[n]
			}
			cells = append(cells, alert.Called(name, cmp.Or(value, unknown)))
		}
		if unique {
			cells = append(cells, traq.Number(row.Value))
		}
		for _, n := range []uint64{row.SentBytes, row.ReceivedBytes, row.SentPackets, row.ReceivedPackets, row.Initiated, row.Accepted} {
			cells = append(cells, strconv.FormatUint(n, 10))
		}
		r.Rows = append(r.Rows, cells)
		if i < chartLines && a.Bucket > 0 {
			r.Lines = append(r.Lines, row.Line)
		}
	}
	if len(r.Lines) > 0 {
		r.Start, r.Bucket = a.Start, a.Bucket
	}
	r.Others = int64(a.Others)
	r.Note = fmt.Sprintf("%d sessions, %d packets, %d bytes", a.Sessions, a.Packets, a.Bytes)
	switch {
	case a.RolledHours > 0:
		r.Note += fmt.Sprintf("; %d hours of it from rollups: sessions are upper limits", a.RolledHours)
		if a.Bound > 0 {
			r.Note += fmt.Sprintf(", %s may be up to %d too low", ask.Rank, a.Bound)
		}
	case a.Estimate:
		r.Note += "; estimated"
	}
}

// Sessions fills a result with sessions.
func Sessions(r *api.ReportResult, a *api.SessionAnswer) {
	r.Title = "Sessions"
	number, octets, when := api.NumberColumn, api.BytesColumn, api.TimeColumn
	r.Columns = []api.ReportColumn{{Name: "start", Kind: when}, {Name: "end", Kind: when}, {Name: "client"}, {Name: "client port", Kind: number}, {Name: "server"}, {Name: "server port", Kind: number},
		{Name: "protocol"}, {Name: "client bytes", Kind: octets}, {Name: "server bytes", Kind: octets}, {Name: "client packets", Kind: number}, {Name: "server packets", Kind: number},
		{Name: "client country"}, {Name: "client as", Kind: number}, {Name: "client group"}, {Name: "server country"}, {Name: "server as", Kind: number}, {Name: "server group"}, {Name: "application"}}
	lazy := len(r.Columns) - 7 // what stands from there on is left out where nobody told it of any
	for i := range a.Rows {
		s := &a.Rows[i]
		cells := []string{stamp(s.Start), stamp(s.End)}
		ends := []*api.SessionEnd{&s.Client, &s.Server}
		for _, e := range ends {
			cells = append(cells, alert.Called(e.Name, host(e.IP)), port(e.Port))
		}
		cells = append(cells, protocol(s))
		for _, n := range []uint64{s.Client.Bytes, s.Server.Bytes, s.Client.Packets, s.Server.Packets} {
			cells = append(cells, strconv.FormatUint(n, 10))
		}
		for _, e := range ends {
			system := ""
			if e.ASN > 0 {
				system = strconv.FormatUint(e.ASN, 10)
			}
			cells = append(cells, e.Country, system, e.Group)
		}
		r.Rows = append(r.Rows, append(cells, s.App))
	}
	dropEmpty(r, lazy)
	r.Others = int64(min(a.Sessions, 1<<62)) - int64(len(a.Rows))
	r.Note = fmt.Sprintf("%d sessions, %d packets, %d bytes", a.Sessions, a.Packets, a.Bytes)
}

// Alerts fills a result with alerts, of which there are so many in all.
func Alerts(r *api.ReportResult, list []alert.Alert, all int64) {
	r.Title = "Alerts"
	r.Columns = []api.ReportColumn{{Name: "alert", Kind: api.NumberColumn}, {Name: "severity"}, {Name: "state"}, {Name: "last", Kind: api.TimeColumn}, {Name: "triggers", Kind: api.NumberColumn},
		{Name: "title"}, {Name: "rule"}, {Name: "owner"}}
	for i := range list {
		a := &list[i]
		r.Rows = append(r.Rows, []string{strconv.FormatInt(a.ID, 10), a.Severity.String(), string(a.State), stamp(a.Last), strconv.FormatInt(a.Triggers, 10), a.WithNames(a.Title), a.RuleName, a.Owner})
	}
	dropEmpty(r, len(r.Columns)-1)
	r.Others = max(all-int64(len(list)), 0)
	r.Note = fmt.Sprintf("%d alerts", max(all, int64(len(list))))
}

// dropEmpty leaves out the columns from one on that are empty in every row.
func dropEmpty(r *api.ReportResult, from int) {
	for c := len(r.Columns) - 1; c >= from; c-- {
		if slices.ContainsFunc(r.Rows, func(row []string) bool { return row[c] != "" }) {
			continue
		}
		r.Columns = slices.Delete(r.Columns, c, c+1)
		for i := range r.Rows {
			r.Rows[i] = slices.Delete(r.Rows[i], c, c+1)
		}
	}
}

// stamp writes a point in time as cells do.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func host(ip netip.Addr) string {
	if !ip.IsValid() {
		return ""
	}
	return ip.String()
}

func port(n int) string {
	if n < 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// protocol is the keyword of the protocol of a session, or its number.
func protocol(s *api.TrafficSession) string {
	if s.Transport != "" || s.Protocol < 0 {
		return s.Transport
	}
	return strconv.Itoa(s.Protocol)
}
