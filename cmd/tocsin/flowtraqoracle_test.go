package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What FlowTraq's tools must say of some traffic, counted by hand: each session is looked at from each of its ends, and nothing of
// tocsin's own engine is used.

// A talk is a session by hand: what its client and its server sent, evenly from after on for as long as it lasts.
type talk struct {
	client, server string
	cport, sport   uint16
	proto          byte
	sent, received [2]uint32 // bytes and packets, as the client sees it
	after          time.Duration
	lasts          time.Duration // 0: all at one instant
}

// talks are what is sent to the tools' tocsin, in the order of their beginnings. There are ties in many rankings, hosts of both
// families, hosts of no known country and system, and one session that lasts.
func talks() []talk {
	const a, b, c, d, e = "192.0.2.7", "198.51.100.1", "203.0.113.9", "198.51.100.2", "198.18.0.5"
	const six, seven = "2001:db8:1::6", "2001:db8:2::7"
	return []talk{
		{a, b, 50001, 22, 6, [2]uint32{1000, 10}, [2]uint32{5000, 8}, 0, 0},
		{a, b, 50010, 80, 6, [2]uint32{6000, 60}, [2]uint32{12000, 120}, 20 * time.Second, time.Minute},
		{a, d, 50002, 22, 6, [2]uint32{300, 3}, [2]uint32{200, 2}, 40 * time.Second, 0},
		{c, b, 50003, 80, 6, [2]uint32{400, 4}, [2]uint32{90000, 60}, time.Minute, 0},
		{a, b, 50004, 53, 17, [2]uint32{60, 1}, [2]uint32{120, 1}, 90 * time.Second, 0},
		{six, seven, 50008, 25, 6, [2]uint32{900, 9}, [2]uint32{1200, 12}, 100 * time.Second, 0},
		{e, a, 50009, 443, 6, [2]uint32{5, 1}, [2]uint32{6, 1}, 110 * time.Second, 0},
		{c, a, 50005, 443, 6, [2]uint32{700, 7}, [2]uint32{800, 9}, 2 * time.Minute, 0},
		{c, d, 50006, 80, 6, [2]uint32{7, 1}, [2]uint32{3, 1}, 150 * time.Second, 0},
	}
}

// countryOf is what the database of the test says, "??" where it says nothing.
func countryOf(address string) string {
	switch {
	case strings.HasPrefix(address, "198.51.100."), strings.HasPrefix(address, "2001:db8:1:"):
		return "FR"
	case strings.HasPrefix(address, "192.0.2."), strings.HasPrefix(address, "203.0.113."):
		return "DE"
	default:
		return "??"
	}
}

// systemOf is the autonomous system that the exporter tells, 0 where it knows none.
func systemOf(address string) uint16 {
	switch {
	case strings.HasPrefix(address, "192.0.2."):
		return 64500
	case strings.HasPrefix(address, "198.51.100."):
		return 64501
	default:
		return 0
	}
}

// during is what lies of talks in a stretch of time. Those that do not lie in it at all stay, with no client, so that the
// number of a talk stays its own.
func during(list []talk, from, to time.Duration) []talk {
	part := slices.Clone(list)
	for i, t := range list {
		end := t.after + t.lasts
		switch {
		case t.after >= to, end <= from && (t.lasts > 0 || end < from):
			part[i] = talk{}
		case t.lasts > 0:
			begin, stop := max(t.after, from), min(end, to)
			for n := range 2 {
				part[i].sent[n] = uint32(int64(t.sent[n]) * int64(stop-begin) / int64(t.lasts))
				part[i].received[n] = uint32(int64(t.received[n]) * int64(stop-begin) / int64(t.lasts))
			}
		}
	}
	return part
}

// A tally is what a ranking says of one entity.
type tally struct {
	names                  []string
	sent, received         [2]uint64 // bytes, packets
	initiated, accepted    int
	sessions, hosts, ports map[string]bool
}

// tallies counts talks as docs/flowtraq.md says, by looking at each from each of its ends.
func tallies(entity string, list []talk) map[string]*tally {
	found := map[string]*tally{}
	of := func(names ...string) *tally {
		key := strings.Join(names, " ")
		if found[key] == nil {
			found[key] = &tally{names: names, sessions: map[string]bool{}, hosts: map[string]bool{}, ports: map[string]bool{}}
		}
		return found[key]
	}
	for i, t := range list {
		if t.client == "" {
			continue
		}
		session, port := strconv.Itoa(i), strconv.Itoa(int(t.sport))
		part := func(to *tally, sent, received [2]uint32, client, server bool) {
			for n := range 2 {
				to.sent[n] += uint64(sent[n])
				to.received[n] += uint64(received[n])
			}
			if client {
				to.initiated++
			}
			if server {
				to.accepted++
			}
			to.sessions[session] = true
		}
		ends := func(client, server string) {
			one, two := of(client), of(server)
			part(one, t.sent, t.received, true, false)
			part(two, t.received, t.sent, false, true)
			one.hosts[t.client], two.hosts[t.server], one.ports[port], two.ports[port] = true, true, true, true
		}
		switch entity {
		case "hosts":
			one, two := of(t.client), of(t.server)
			part(one, t.sent, t.received, true, false)
			part(two, t.received, t.sent, false, true)
			one.hosts[t.server], one.ports[port] = true, true
		case "pairs":
			lower, higher := t.client, t.server
			sent, received, upward := t.sent, t.received, true
			if netip.MustParseAddr(higher).Less(netip.MustParseAddr(lower)) {
				lower, higher, sent, received, upward = higher, lower, received, sent, false
			}
			one := of(lower, higher)
			part(one, sent, received, upward, !upward)
			one.ports[port] = true
		case "ports":
			one := of(port)
			part(one, t.received, t.sent, false, true)
			one.hosts[t.client] = true
		case "countrys":
			ends(countryOf(t.client), countryOf(t.server))
		case "as":
			ends(strconv.Itoa(int(systemOf(t.client))), strconv.Itoa(int(systemOf(t.server))))
		}
	}
	return found
}

// value is what an entity is ranked by.
func (t *tally) value(rank, side string) uint64 {
	switch {
	case t == nil:
		return 0
	case rank == "uh":
		return uint64(len(t.hosts))
	case rank == "up":
		return uint64(len(t.ports))
	case rank == "s" && side == "-snd":
		return uint64(t.initiated)
	case rank == "s" && side == "-rcv":
		return uint64(t.accepted)
	case rank == "s":
		return uint64(len(t.sessions))
	}
	n := 0
	if rank == "p" {
		n = 1
	}
	switch side {
	case "-snd":
		return t.sent[n]
	case "-rcv":
		return t.received[n]
	default:
		return t.sent[n] + t.received[n] // also of what a country sent to itself
	}
}

// expected is what a tool prints, as rows of cells, the first of them the names of the columns.
func expected(entity, rank, side string, list []talk) [][]string {
	names := map[string][]string{"hosts": {"IP"}, "pairs": {"LOWER IP", "HIGHER IP"}, "ports": {"PORT"}, "countrys": {"COUNTRY"}, "as": {"AS"}}[entity]
	column := map[string]string{"b": "TOTAL BYTES", "b-snd": "SENT BYTES", "b-rcv": "RECV BYTES", "p": "TOTAL PCKTS", "p-snd": "SENT PCKTS", "p-rcv": "RECV PCKTS",
		"s": "SESSIONS", "s-snd": "SESS. INIT", "s-rcv": "SESS. ACPT", "uh": "UNIQUE HOSTS", "up": "UNIQUE PORTS"}[rank+side]
	rows := [][]string{append(slices.Clone(names), column, "SENT BYTES", "RECV BYTES", "SENT PCKTS", "RECV PCKTS", "SESS. INIT", "SESS. ACPT")}
	var all []*tally
	for _, one := range tallies(entity, list) {
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b *tally) int {
		return cmp.Or(cmp.Compare(b.value(rank, side), a.value(rank, side)), slices.CompareFunc(a.names, b.names, byKind))
	})
	for _, t := range all {
		v := t.value(rank, side)
		if v == 0 {
			continue // who has none of what is ranked is in no ranking of it
		}
		rows = append(rows, append(slices.Clone(t.names), fmt.Sprint(v), fmt.Sprint(t.sent[0]), fmt.Sprint(t.received[0]), fmt.Sprint(t.sent[1]), fmt.Sprint(t.received[1]),
			fmt.Sprint(t.initiated), fmt.Sprint(t.accepted)))
	}
	return rows
}

// series is what a ranking says over time of the rows of expected: the lines, each as long as there are steps.
func series(entity, rank, side string, list []talk, rows [][]string, from, step time.Duration, steps int) [][]string {
	lines := make([][]string, len(rows)-1)
	texts := 1
	if entity == "pairs" {
		texts = 2
	}
	for i := range steps {
		at := from + time.Duration(i)*step
		now := tallies(entity, during(list, at, at+step))
		for n, row := range rows[1:] {
			lines[n] = append(lines[n], fmt.Sprint(now[strings.Join(row[:texts], " ")].value(rank, side)))
		}
	}
	return lines
}

// byKind orders numbers as numbers, addresses as addresses, and the rest as text; what is not known comes last.
func byKind(a, b string) int {
	if unknown := map[string]int{"??": 1, "0": 1}; unknown[a] != unknown[b] {
		return cmp.Compare(unknown[a], unknown[b])
	}
	if x, err := strconv.Atoi(a); err == nil {
		if y, err := strconv.Atoi(b); err == nil {
			return cmp.Compare(x, y)
		}
	}
	x, err := netip.ParseAddr(a)
	y, other := netip.ParseAddr(b)
	if err == nil && other == nil {
		return x.Compare(y)
	}
	return cmp.Compare(a, b)
}

// asCSV writes cells that need no quotes.
func asCSV(rows [][]string) string {
	var b strings.Builder
	for _, row := range rows {
		b.WriteString(strings.Join(row, ",") + "\n")
	}
	return b.String()
}

// asTable writes cells as the tools' table has them: those of the last columns, which are numbers, at the right.
func asTable(rows [][]string, texts int) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			if i > 0 {
				line.WriteString("  ")
			}
			if i < texts {
				fmt.Fprintf(&line, "%-*s", widths[i], cell)
			} else {
				fmt.Fprintf(&line, "%*s", widths[i], cell)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}
