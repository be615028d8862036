package traq

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/api"
)

// What FlowTraq shows of what is not known.
const (
	NoCountry = "??"
	NoSystem  = "0"
)

// A Column is one of a table.
type Column struct {
	Name   string
	Number bool
}

// A Table is an answer as FlowTraq gives it.
type Table struct {
	Columns []Column
	Rows    [][]string
	Summary []string // what all rows, also those that are left out, sum up to; none for rankings
}

// counted are the columns that every ranking has, behind what it ranks and by what.
var counted = [...]string{"SENT BYTES", "RECV BYTES", "SENT PCKTS", "RECV PCKTS", "SESS. INIT", "SESS. ACPT"}

// Entities returns the columns that name what is ranked.
func (r Ranking) Entities() []Column {
	switch r.By {
	case "pair":
		return []Column{{Name: "LOWER IP"}, {Name: "HIGHER IP"}} // sent is what the lower address sent
	case "interface":
		return []Column{{Name: "EXPORTER"}, {Name: "INTERFACE", Number: true}}
	}
	for _, e := range entities {
		if e.by == r.By {
			return []Column{{Name: e.words[0], Number: r.By == "port" || r.By == "asn"}}
		}
	}
	return []Column{{Name: strings.ToUpper(r.By)}}
}

// Names returns what a row is about, as FlowTraq shows it: one text, two of a pair.
func (r Ranking) Names(row api.TrafficRow) []string {
	names := make([]string, len(r.Entities()))
	for i := range names {
		if i < len(row.Values) {
			names[i] = row.Values[i]
		}
		switch {
		case names[i] != "":
		case r.By == "country":
			names[i] = NoCountry
		case r.By == "asn":
			names[i] = NoSystem
		default:
			names[i] = "?"
		}
	}
	return names
}

// Table writes a ranking: what is ranked, what it is ranked by, and the six numbers that every ranking has.
func (r Ranking) Table(answer api.TrafficAnswer) Table {
	t := Table{Columns: append(r.Entities(), Column{r.Value(), true})}
	for _, name := range counted {
		t.Columns = append(t.Columns, Column{name, true})
	}
	for _, row := range answer.Rows {
		cells := append(r.Names(row), Number(row.Value))
		for _, n := range []uint64{row.SentBytes, row.ReceivedBytes, row.SentPackets, row.ReceivedPackets, row.Initiated, row.Accepted} {
			cells = append(cells, strconv.FormatUint(n, 10))
		}
		t.Rows = append(t.Rows, cells)
	}
	return t
}

// WithSeries adds the lines over time to a table of a ranking of a range of time, which was asked for in steps of Step: a column for each
// step, named by when it begins. An empty answer has no lines, and the same columns.
func (t *Table) WithSeries(answer api.TrafficAnswer, since, until time.Time, zone *time.Location) {
	steps := 0
	for _, row := range answer.Rows {
		steps = max(steps, len(row.Line))
	}
	if len(answer.Rows) == 0 {
		answer.Start, answer.Bucket = since, Step(until.Sub(since))
		steps = int((until.Sub(since) + answer.Bucket - 1) / answer.Bucket)
	}
	for i := range steps {
		t.Columns = append(t.Columns, Column{Instant(answer.Start.Add(time.Duration(i)*answer.Bucket), zone), true})
	}
	for i, row := range answer.Rows {
		for n := range steps {
			v := 0.0
			if n < len(row.Line) {
				v = row.Line[n]
			}
			t.Rows[i] = append(t.Rows[i], Number(v))
		}
	}
}

// Number writes a number without exponent; whole ones without decimals, others, as shares of long flows are, with up to three.
func Number(v float64) string {
	if v == math.Trunc(v) { //nolint:revive // whole or not
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strings.TrimRight(strings.TrimRight(strconv.FormatFloat(v, 'f', 3, 64), "0"), ".")
}

// instant is how FlowTraq's lines write a point in time.
const instant = "01/02/2006 15:04:05.000000"

// Instant writes a point in time as FlowTraq's lines do.
func Instant(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return ""
	}
	return t.In(zone).Format(instant)
}

// Sessions writes sessions, and what all of them sum up to.
func Sessions(answer api.SessionAnswer, zone *time.Location) Table {
	var t Table
	for _, end := range []string{"CLIENT", "SERVER"} {
		t.Columns = append(t.Columns, Column{Name: end + " ADDRESS"}, Column{Name: end + " COUNTRY"}, Column{end + " AS", true}, Column{Name: end + " GROUP"}, Column{end + " PORT", true},
			Column{end + " PCKTS", true}, Column{end + " BYTES", true}, Column{Name: end + " FLAGS"})
	}
	t.Columns = append(t.Columns, Column{Name: "PROTOCOL"}, Column{Name: "APPLICATION"}, Column{Name: "START TIME"}, Column{Name: "END TIME"}, Column{Name: "EXPORTERS"})
	for _, s := range answer.Rows {
		row := append(endCells(s.Client), endCells(s.Server)...)
		t.Rows = append(t.Rows, append(row, protocol(s), s.App, Instant(s.Start, zone), Instant(s.End, zone), addresses(s.Exporters)))
	}
	t.Summary = []string{
		fmt.Sprintf("Total sessions: %d", answer.Sessions), fmt.Sprintf("Total packets: %d", answer.Packets), fmt.Sprintf("Total bytes: %d", answer.Bytes),
	}
	return t
}

func endCells(e api.SessionEnd) []string {
	address, port := "", ""
	if e.IP.IsValid() {
		address = e.IP.String()
	}
	if e.Port >= 0 {
		port = strconv.Itoa(e.Port)
	}
	return []string{address, cmp.Or(e.Country, NoCountry), strconv.FormatUint(e.ASN, 10), e.Group, port,
		strconv.FormatUint(e.Packets, 10), strconv.FormatUint(e.Bytes, 10), flags(e.Flags)}
}

// flags writes the control bits of TCP (RFC 9293 section 3.1) by their first letters, the highest first, as in APSF.
func flags(bits uint8) string {
	var b strings.Builder
	for i, letter := range "CEUAPRSF" {
		if bits&(1<<(7-i)) != 0 {
			b.WriteRune(letter)
		}
	}
	return b.String()
}

func protocol(s api.TrafficSession) string {
	switch {
	case s.Transport != "":
		return strings.ToUpper(s.Transport)
	case s.Protocol < 0:
		return ""
	default:
		return strconv.Itoa(s.Protocol)
	}
}

func addresses(list []netip.Addr) string {
	texts := make([]string, len(list))
	for i, a := range list {
		texts[i] = a.String()
	}
	return strings.Join(texts, " ")
}
