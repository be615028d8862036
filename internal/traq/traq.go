// Package traq says what FlowTraq's command line tools and its JSON API have in common: the words for what is ranked and by
// what, ranges of time, and the names and texts of answers. docs/flowtraq.md shows them to people.
package traq

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tocsin/internal/api"
)

// A Ranking is what is ranked, by what, and from which side, in the words of api.TrafficRequest.
type Ranking struct {
	By   string // host, pair, port, country, client, server, asn, group, protocol, application, exporter or interface
	Rank string // bytes, packets, sessions, ports or hosts
	Side string // sent, received or "" for both
}

// entities are the words for what is ranked, by what they mean; the first is how the column is called.
var entities = [...]struct {
	by    string
	words []string
}{
	{"host", []string{"IP", "HOST", "HOSTS", "ADDR", "ADDRESS"}},
	{"pair", []string{"PAIR", "PAIRS", "IPPAIR", "HOSTPAIR"}},
	{"port", []string{"PORT", "PORTS", "SRVPORT"}},
	{"country", []string{"COUNTRY", "COUNTRYS", "COUNTRIES"}},
	{"client", []string{"CLIENT", "CLNIP"}},
	{"server", []string{"SERVER", "SRVIP"}},
	{"asn", []string{"AS", "ASN"}},
	{"group", []string{"GROUP", "TG"}},
	{"protocol", []string{"PROTO", "PROTOCOL"}},
	{"application", []string{"APP", "APPLICATION"}},
	{"exporter", []string{"EXPORTER"}},
	{"interface", []string{"INTERFACE", "IF"}},
}

// Entity reads the word for what is ranked, in any case. Its error names the words.
func Entity(word string) (by string, err error) {
	upper := strings.ToUpper(word)
	names := make([]string, len(entities))
	for i, e := range entities {
		if slices.Contains(e.words, upper) {
			return e.by, nil
		}
		names[i] = e.words[0]
	}
	return "", fmt.Errorf("%s: want one of %s", quoted(word), strings.Join(names, ", "))
}

// ranks are the words for what entities are ranked by.
var ranks = [...]struct {
	rank  string
	words []string
}{
	{"bytes", []string{"BYTES", "BYTS"}},
	{"packets", []string{"PACKETS", "PCKTS", "PKTS"}},
	{"sessions", []string{"SESSIONS", "SESS"}},
	{"hosts", []string{"UNIQUE HOSTS", "UNIQUE HOST", "UNIQUE IP", "UNIQUE IPS"}},
	{"ports", []string{"UNIQUE PORTS", "UNIQUE PORT"}},
}

// Unique is the word that stands before what is counted once, as in unique hosts.
const Unique = "unique"

// Rank reads the words for what is ranked by, in any case. Its error names the words.
func Rank(words string) (rank string, err error) {
	upper := strings.Join(strings.Fields(strings.ToUpper(words)), " ")
	names := make([]string, len(ranks))
	for i, r := range ranks {
		if slices.Contains(r.words, upper) {
			return r.rank, nil
		}
		names[i] = r.words[0]
	}
	return "", fmt.Errorf("%s: want one of %s", quoted(words), strings.Join(names, ", "))
}

// quoted shows a foreign word, of which the beginning is enough.
func quoted(word string) string { return fmt.Sprintf("%.40q", word) }

// Check refuses rankings that say nothing: unique ports of a port, and unique hosts of a pair of hosts, are always the same.
func (r Ranking) Check() error {
	switch {
	case r.By == "port" && r.Rank == "ports":
		return errors.New("unique ports of a port: it is always one; rank ports by unique hosts, or hosts by unique ports")
	case r.By == "pair" && r.Rank == "hosts":
		return errors.New("unique hosts of a pair of hosts: they are always two; rank pairs by unique ports, or hosts by unique hosts")
	case r.Side != "" && (r.Rank == "ports" || r.Rank == "hosts"):
		return fmt.Errorf("unique %s are neither sent nor received", r.Rank)
	}
	return nil
}

// Request asks for the ranking.
func (r Ranking) Request() api.TrafficRequest {
	return api.TrafficRequest{By: r.By, Rank: r.Rank, Side: r.Side}
}

// Value is the name of the column that holds what is ranked by.
func (r Ranking) Value() string {
	names := map[string][3]string{ // both, sent, received
		"bytes":    {"TOTAL BYTES", "SENT BYTES", "RECV BYTES"},
		"packets":  {"TOTAL PCKTS", "SENT PCKTS", "RECV PCKTS"},
		"sessions": {"SESSIONS", "SESS. INIT", "SESS. ACPT"},
		"hosts":    {"UNIQUE HOSTS"},
		"ports":    {"UNIQUE PORTS"},
	}[r.Rank]
	switch r.Side {
	case "sent":
		return names[1]
	case "received":
		return names[2]
	default:
		return names[0]
	}
}

// Title says in words what the ranking is, as in "Hosts by bytes sent".
func (r Ranking) Title() string {
	of := map[string]string{"host": "Hosts", "pair": "Host pairs", "port": "Ports", "country": "Countries", "client": "Clients", "server": "Servers", "asn": "Autonomous systems",
		"group": "Traffic groups", "protocol": "Protocols", "application": "Applications", "exporter": "Exporters", "interface": "Interfaces"}[r.By]
	by := r.Rank
	if r.Rank == "hosts" || r.Rank == "ports" {
		by = Unique + " " + r.Rank
	}
	side := r.Side
	if r.Rank == "sessions" {
		side = map[string]string{"sent": "initiated", "received": "accepted"}[side]
	}
	return strings.TrimSpace(of + " by " + by + " " + side)
}
