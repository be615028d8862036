package traq

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/api"
)

func TestWords(t *testing.T) {
	for word, want := range map[string]string{"IP": "host", "ip": "host", "Pair": "pair", "PORT": "port", "country": "country", "AS": "asn", "tg": "group", "PROTO": "protocol", "": "", "IPS;": "", "host pair": ""} {
		if got, err := Entity(word); got != want || (err == nil) != (want != "") {
			t.Errorf("Entity(%q) = %q, %v, want %q", word, got, err, want)
		}
	}
	for words, want := range map[string]string{"BYTES": "bytes", "pckts": "packets", "Sessions": "sessions", "unique hosts": "hosts", " UNIQUE   port ": "ports", "unique": "", "hosts": "", "": ""} {
		if got, err := Rank(words); got != want || (err == nil) != (want != "") {
			t.Errorf("Rank(%q) = %q, %v, want %q", words, got, err, want)
		}
	}
	if _, err := Entity(strings.Repeat("x", 1000)); err == nil || len(err.Error()) > 300 {
		t.Errorf("a long word is told as %v", err)
	}
}

// Each ranking has a name for what it ranks by, unless it says nothing.
func TestRankings(t *testing.T) {
	for _, e := range entities {
		for _, r := range ranks {
			for _, side := range []string{"", "sent", "received"} {
				ask := Ranking{e.by, r.rank, side}
				unique := r.rank == "hosts" || r.rank == "ports"
				bad := e.by == "port" && r.rank == "ports" || e.by == "pair" && r.rank == "hosts" || unique && side != ""
				if (ask.Check() != nil) != bad {
					t.Errorf("%+v: %v, want refused %v", ask, ask.Check(), bad)
				}
				if !bad && (ask.Value() == "" || len(ask.Entities()) == 0 || !strings.Contains(ask.Title(), " by ")) {
					t.Errorf("%+v: %q, %v, %q", ask, ask.Value(), ask.Entities(), ask.Title())
				}
			}
		}
	}
	for ask, want := range map[Ranking]string{{"host", "bytes", "sent"}: "Hosts by bytes sent", {"pair", "ports", ""}: "Host pairs by unique ports", {"country", "sessions", "received"}: "Countries by sessions accepted"} {
		if got := ask.Title(); got != want {
			t.Errorf("%+v is called %q, want %q", ask, got, want)
		}
	}
}

func TestTable(t *testing.T) {
	answer := api.TrafficAnswer{Start: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), Bucket: time.Minute, Rows: []api.TrafficRow{
		{Values: []string{"DE"}, SentBytes: 1, ReceivedBytes: 2, SentPackets: 3, ReceivedPackets: 4, Initiated: 5, Accepted: 6, Value: 3, Line: []float64{1, 2}},
		{Values: []string{""}, Value: 1e15, Line: []float64{.25}},
		{},
	}}
	table := Ranking{"country", "bytes", ""}.Table(answer)
	table.WithSeries(answer, answer.Start, answer.Start.Add(2*time.Minute), time.FixedZone("", 3600))
	var names []string
	for _, c := range table.Columns {
		names = append(names, c.Name)
	}
	if got, want := strings.Join(names, ","), "COUNTRY,TOTAL BYTES,SENT BYTES,RECV BYTES,SENT PCKTS,RECV PCKTS,SESS. INIT,SESS. ACPT,11/21/2026 13:00:00.000000,11/21/2026 13:01:00.000000"; got != want {
		t.Errorf("columns %s\nwant    %s", got, want)
	}
	want := []string{"DE,3,1,2,3,4,5,6,1,2", "??,1000000000000000,0,0,0,0,0,0,0.25,0", "??,0,0,0,0,0,0,0,0,0"}
	for i, row := range table.Rows {
		if got := strings.Join(row, ","); got != want[i] {
			t.Errorf("row %d is %s, want %s", i, got, want[i])
		}
	}
	var empty Table
	empty.WithSeries(api.TrafficAnswer{}, answer.Start, answer.Start.Add(15*time.Minute), time.UTC)
	if n := len(empty.Columns); n != 60 || empty.Columns[0].Name != "11/21/2026 12:00:00.000000" || empty.Columns[59].Name != "11/21/2026 12:14:45.000000" {
		t.Errorf("nothing in a quarter of an hour has %d steps: %v", n, empty.Columns)
	}
	for by, want := range map[string][]string{"pair": {"?", "?"}, "asn": {"0"}, "host": {"?"}, "interface": {"?", "?"}} {
		if got := (Ranking{By: by}).Names(api.TrafficRow{}); !slices.Equal(got, want) {
			t.Errorf("an unknown %s is shown as %q, want %q", by, got, want)
		}
	}
}

func TestSessions(t *testing.T) {
	at := time.Date(2026, 11, 21, 12, 0, 0, 123456789, time.UTC)
	table := Sessions(api.SessionAnswer{Sessions: 2, Packets: 7, Bytes: 900, Rows: []api.TrafficSession{
		{Start: at, End: at.Add(time.Second), Protocol: 6, Transport: "tcp", App: "ssh", Exporters: []netip.Addr{netip.MustParseAddr("192.0.2.254"), netip.MustParseAddr("::1")},
			Client: api.SessionEnd{IP: netip.MustParseAddr("192.0.2.7"), Port: 50000, Bytes: 100, Packets: 2, Flags: 0x1b, Country: "DE", ASN: 64500, Group: "office"},
			Server: api.SessionEnd{IP: netip.MustParseAddr("198.51.100.1"), Port: 22, Bytes: 800, Packets: 5}},
		{Protocol: -1, Client: api.SessionEnd{Port: -1}, Server: api.SessionEnd{Port: -1}},
	}}, time.UTC)
	want := []string{
		"192.0.2.7|DE|64500|office|50000|2|100|APSF|198.51.100.1|??|0||22|5|800||TCP|ssh|11/21/2026 12:00:00.123456|11/21/2026 12:00:01.123456|192.0.2.254 ::1",
		"|??|0|||0|0|||??|0|||0|0||||||",
	}
	for i, row := range table.Rows {
		if got := strings.Join(row, "|"); got != want[i] || len(row) != len(table.Columns) {
			t.Errorf("row %d of %d columns is\n%s, want\n%s", i, len(table.Columns), got, want[i])
		}
	}
	if got := strings.Join(table.Summary, ", "); got != "Total sessions: 2, Total packets: 7, Total bytes: 900" {
		t.Errorf("the summary is %q", got)
	}
}

func TestBefore(t *testing.T) {
	now := time.Date(2024, 3, 31, 12, 0, 0, 0, time.UTC)
	for spec, want := range map[string]string{
		"-3m": "2024-03-31 11:57:00", "1m": "2024-03-31 11:59:00", "1h": "2024-03-31 11:00:00", "1h30m": "2024-03-31 10:30:00",
		"-90s": "2024-03-31 11:58:30", "2d": "2024-03-29 12:00:00", "1w": "2024-03-24 12:00:00", "1Y": "2023-03-31 12:00:00", "1M": "2024-02-29 12:00:00", "13M": "2023-02-28 12:00:00", "4M": "2023-11-30 12:00:00",
		"2M": "2024-01-31 12:00:00", "1Y2M3w4d5h6m7s": "2023-01-06 06:53:53", "0s": "2024-03-31 12:00:00", "-30m1h": "2024-03-31 10:30:00",
	} {
		got, err := Before(spec, now)
		if err != nil || got.Format(time.DateTime) != want {
			t.Errorf("Before(%q) = %v, %v, want %s", spec, got, err, want)
		}
	}
	for _, spec := range []string{"", "-", "3", "m", "3x", "--3m", "-3m ", "3 m", "1.5h", "3m-1h", "99999999s", "9999Y", "1000000Y1000000Y", "3µ", "-٣m"} {
		if got, err := Before(spec, now); err == nil {
			t.Errorf("Before(%q) = %v, want an error", spec, got)
		}
	}
}

func TestRange(t *testing.T) {
	zone := time.FixedZone("", 2*3600)
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		r            Range
		since, until string // UTC; empty: refused
	}{
		{Range{}, "2026-11-21 11:45:00", "2026-11-21 12:00:00"},
		{Range{Last: "-1h"}, "2026-11-21 11:00:00", "2026-11-21 12:00:00"},
		{Range{Earliest: "11/21/26 10:00:00.000000"}, "2026-11-21 08:00:00", "2026-11-21 12:00:00"},
		{Range{Latest: "11/21/26 10:00:00"}, "2026-11-21 07:45:00", "2026-11-21 08:00:00"},
		{Range{Latest: "11/21/2026", Last: "1d"}, "2026-11-19 22:00:00", "2026-11-20 22:00:00"},
		{Range{Earliest: "01/02/26 03:04:05.5", Latest: "01/02/26 03:04"}, "", ""},
		{Range{Earliest: "11/21/26 23:00"}, "", ""},
		{Range{Last: "0s"}, "", ""},
		{Range{Last: "x"}, "", ""},
		{Range{Earliest: "21/11/26 10:00"}, "", ""},
		{Range{Latest: "2026-11-21"}, "", ""},
	} {
		since, until, err := c.r.Of(now, zone)
		if c.since == "" {
			if err == nil {
				t.Errorf("%+v = %v to %v, want an error", c.r, since, until)
			}
			continue
		}
		if err != nil || since.UTC().Format(time.DateTime) != c.since || until.UTC().Format(time.DateTime) != c.until {
			t.Errorf("%+v = %v to %v, %v, want %s to %s", c.r, since.UTC(), until.UTC(), err, c.since, c.until)
		}
	}
	// The clock of New York went from 02:00 back to 01:00 on the 1st of November, and from 02:00 to 03:00 on the 8th of March: an hour that
	// is told twice is in the range twice, a day has 25 or 23 hours, and an hour that never was is no mistake.
	york, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		r            Range
		since, until string
	}{
		{Range{Earliest: "11/01/26 01:00", Latest: "11/01/26 01:30"}, "2026-11-01 05:00:00", "2026-11-01 06:30:00"},
		{Range{Earliest: "11/01/26 00:30", Latest: "11/01/26 02:00"}, "2026-11-01 04:30:00", "2026-11-01 07:00:00"},
		{Range{Latest: "11/02/26", Last: "1d"}, "2026-11-01 04:00:00", "2026-11-02 05:00:00"},
		{Range{Latest: "11/02/26", Last: "24h"}, "2026-11-01 05:00:00", "2026-11-02 05:00:00"},
		{Range{Latest: "03/09/26", Last: "1d"}, "2026-03-08 05:00:00", "2026-03-09 04:00:00"},
		{Range{Earliest: "03/08/26 01:30", Latest: "03/08/26 03:30"}, "2026-03-08 06:30:00", "2026-03-08 07:30:00"},
		{Range{Earliest: "03/08/26 01:00", Latest: "03/08/26 02:00"}, "2026-03-08 06:00:00", "2026-03-08 07:00:00"},
		{Range{Earliest: "03/08/26 02:00", Latest: "03/08/26 03:00:00.000001"}, "2026-03-08 07:00:00", "2026-03-08 07:00:00"},
		{Range{Earliest: "03/08/26 01:00", Latest: "03/08/26 02:30"}, "2026-03-08 06:00:00", "2026-03-08 07:30:00"},
	} {
		since, until, err := c.r.Of(now.In(york), york)
		if err != nil || since.UTC().Format(time.DateTime) != c.since || until.UTC().Format(time.DateTime) != c.until {
			t.Errorf("in New York %+v = %v to %v, %v, want %s to %s", c.r, since.UTC(), until.UTC(), err, c.since, c.until)
		}
	}
	for text, want := range map[string]string{"01/02/70 03:04:05.678901": "1970-01-02T01:04:05.678901Z", "12/31/2026 23:59": "2026-12-31T21:59:00Z"} {
		if got, err := ParseInstant(text, zone); err != nil || got.UTC().Format(time.RFC3339Nano) != want {
			t.Errorf("ParseInstant(%q) = %v, %v, want %s", text, got, err, want)
		}
	}
}

// A line over time never has many steps, and a quarter of an hour has sixty.
func TestStep(t *testing.T) {
	if got := Step(15 * time.Minute); got != 15*time.Second {
		t.Errorf("Step(15m) = %v, want 15s", got)
	}
	for span := time.Microsecond; span < 200*365*24*time.Hour; span += span/3 + 1 {
		if n := (span + Step(span) - 1) / Step(span); n < 1 || n > mostSteps {
			t.Errorf("%v has %d steps of %v", span, n, Step(span))
		}
	}
	for d, want := range map[time.Duration]string{15 * time.Second: "15 s", time.Minute: "1 min", 90 * time.Second: "90 s", 3 * time.Hour: "3 h", 24 * time.Hour: "1 d"} {
		if got := Span(d); got != want {
			t.Errorf("Span(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestWhere(t *testing.T) {
	for _, c := range []struct {
		s    Selection
		want string // empty with refused: an error
		ok   bool
	}{
		{Selection{}, "", true},
		{Selection{Query: "SRVPORT==22 || SRVPORT==23"}, "flowtraq: SRVPORT==22 || SRVPORT==23", true},
		{Selection{Query: "flowtraq: SRVPORT==22"}, "flowtraq: SRVPORT==22", true},
		{Selection{Query: " FlowTraq: ", Exporter: "192.0.2.254"}, "flowtraq: EXPORTER==192.0.2.254", true},
		{Selection{Query: "flowtraq: flowtraq: SRVPORT==22"}, "", false},
		{Selection{Query: " FlowTraq:SRVPORT==22 ", Interface: "3"}, "flowtraq: (SRVPORT==22) && (INTERFACE==3)", true},
		{Selection{Exporter: "::ffff:192.0.2.254", Interface: "3"}, "flowtraq: (EXPORTER==192.0.2.254) && (INTERFACE==3)", true},
		{Selection{Query: "SRVPORT==22 || SRVPORT==23", Interface: "007"}, "flowtraq: (SRVPORT==22 || SRVPORT==23) && (INTERFACE==7)", true},
		{Selection{Query: "SRVPORT==22) || (SRVPORT==23"}, "", false},
		{Selection{Query: "source.ip == 192.0.2.1"}, "", false},
		{Selection{Exporter: "router"}, "", false},
		{Selection{Exporter: "fe80::1%eth0"}, "", false},
		{Selection{Interface: "3 || PORT==1"}, "", false},
		{Selection{Interface: "-1"}, "", false},
	} {
		got, err := c.s.Where()
		if got != c.want || (err == nil) != c.ok {
			t.Errorf("%+v: %q, %v, want %q", c.s, got, err, c.want)
		}
	}
}

// Whatever is asked for, a range of time is one, within what nanoseconds can tell, or it is refused; and what is read as an instant is shown
// as it was written.
func FuzzRange(f *testing.F) {
	f.Add("1d12h", "", "")
	f.Add("", "03/08/26 02:30", "11/01/26 01:30:00.5")
	f.Add("9999Y", "01/01/1678", "12/31/2261 23:59:59.999999999")
	york, err := time.LoadLocation("America/New_York")
	if err != nil {
		f.Fatal(err)
	}
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, york)
	f.Fuzz(func(t *testing.T, last, earliest, latest string) {
		since, until, err := Range{last, earliest, latest}.Of(now, york)
		if err != nil {
			if len(err.Error()) > 500 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
			return
		}
		if !since.Before(until) || time.Unix(0, since.UnixNano()).Unix() != since.Unix() || time.Unix(0, until.UnixNano()).Unix() != until.Unix() {
			t.Errorf("%q, %q, %q is %v to %v", last, earliest, latest, since, until)
		}
		at, err := ParseInstant(Instant(since, york), york)
		if off := at.Sub(since).Abs(); err != nil || off > time.Hour+time.Microsecond || off > time.Microsecond && off < time.Hour-time.Microsecond {
			t.Errorf("%v is written %q and read %v, %v", since, Instant(since, york), at, err)
		}
	})
}
