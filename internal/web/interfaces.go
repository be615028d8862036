package web

import (
	"math"
	"net/url"
	"strconv"
	"strings"

	"tocsin/internal/alert"
	"tocsin/internal/api"
)

// interfaceRows bounds the interfaces that a page shows.
const interfaceRows = 1000

// busy is from what utilisation on, in percent, an interface stands out.
const busy = 90

// An interfaceList is the table of the interfaces of one exporter.
type interfaceList struct {
	Exporter string // as people call it
	Rows     []interfaceRow
	More     int
}

// An interfaceRow is one interface; what is not known is empty.
type interfaceRow struct {
	api.Interface

	Call  string // what people, or else the exporter, call it
	Is    string // up, down, off or unknown
	Speed string
	In    sideCells
	Out   sideCells
}

// sideCells are what one direction does.
type sideCells struct {
	Bits, Packets, Used, Errors, Discards string
	Busy, Failing                         bool
}

// interfacesAddress is the page of exporters with the interfaces of one.
func interfacesAddress(exporter string) string {
	return "/flows/exporters?" + url.Values{"of": {exporter}}.Encode() + "#interfaces"
}

// newInterfaceList shows an answer about one exporter.
func newInterfaceList(exporter string, answer *api.Interfaces) *interfaceList {
	l := &interfaceList{Exporter: exporter, More: answer.More}
	if len(answer.Interfaces) > 0 {
		first := &answer.Interfaces[0]
		l.Exporter = alert.Called(first.ExporterName, first.Exporter)
	}
	for _, i := range answer.Interfaces {
		row := interfaceRow{Interface: i, Call: i.Name, Is: i.State, In: cellsOf(&i.In), Out: cellsOf(&i.Out)}
		if row.Call == "" {
			row.Call = i.Label
		}
		if i.Admin == "down" {
			row.Is = "off"
		}
		if i.Speed > 0 {
			row.Speed = strings.Replace(bitRate(float64(i.Speed)), ".0", "", 1)
		}
		l.Rows = append(l.Rows, row)
	}
	return l
}

func cellsOf(s *api.InterfaceSide) (c sideCells) {
	if s.Bits != nil {
		c.Bits = bitRate(*s.Bits)
	}
	if s.Packets != nil {
		c.Packets = count(math.Round(*s.Packets))
	}
	if s.Utilisation != nil {
		c.Used, c.Busy = strconv.FormatFloat(*s.Utilisation, 'f', 1, 64)+" %", *s.Utilisation >= busy
	}
	if s.TotalErrors != nil {
		c.Errors = count(*s.TotalErrors)
	}
	if s.TotalDiscards != nil {
		c.Discards = count(*s.TotalDiscards)
	}
	c.Failing = s.Errors != nil && *s.Errors > 0
	return c
}

// bitRate writes bits a second, as 93.4 Mbit/s.
func bitRate(n float64) string {
	unit := 0
	for n >= 999.95 && unit < 4 {
		n, unit = n/1000, unit+1
	}
	return strconv.FormatFloat(n, 'f', min(unit, 1), 64) + " " + [...]string{"", "k", "M", "G", "T"}[unit] + "bit/s"
}
