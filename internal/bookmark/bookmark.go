// Package bookmark reads and writes the addresses of tocsin's own pages about alerts and flows. The whole question of such a page
// stands in its address, so that people can keep it under a name, hand it on, and have it answered on their board.
package bookmark

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/document"
	"tocsin/internal/fault"
)

// The pages whose addresses can be kept.
const (
	AlertsPage   = "/alerts"
	RankingPage  = "/flows"
	SessionsPage = "/flows/sessions"
)

// Pages lists them.
func Pages() []string { return []string{AlertsPage, RankingPage, SessionsPage} }

// Bounds of what is kept.
const (
	MaxName  = 80   // characters of a name
	MaxQuery = 2048 // bytes of the query of an address
)

// maxValue bounds one value of an address, in bytes.
const maxValue = 4096

// A Choice is a word of an address and what people read in its place.
type Choice struct{ Word, Text string }

func words(of []Choice) []string {
	list := make([]string, len(of))
	for i, c := range of {
		list[i] = c.Word
	}
	return list
}

// A View is what an address shows. Alerts is of AlertsPage, Flows of the other pages.
type View struct {
	Page   string
	Alerts Alerts
	Flows  Flows
}

// Address returns the address of a view, without what is usual.
func (v *View) Address() string {
	if v.Page == AlertsPage {
		return v.Alerts.Address(AlertsPage)
	}
	return v.Flows.Address(v.Page)
}

// Parse reads an address that is to be kept. Unlike the pages, which show the usual in place of what they do not know, it
// refuses that: who keeps an address wants what it says. Whether its filter is one is not looked at. Errors are fault.Invalid.
func Parse(address string, now time.Time) (*View, error) {
	path, query, _ := strings.Cut(address, "?")
	path, _, _ = strings.Cut(path, "#")
	query, _, _ = strings.Cut(query, "#")
	if !slices.Contains(Pages(), path) {
		return nil, fault.New(fault.Invalid, "%w", document.At("address", shorten(address), "one of tocsin's own that begins with /alerts, /flows or /flows/sessions"))
	}
	if len(query) > MaxQuery {
		return nil, fault.New(fault.Invalid, "address: got a query of %d bytes, want at most %d", len(query), MaxQuery)
	}
	q, err := url.ParseQuery(query)
	if err != nil {
		return nil, fault.New(fault.Invalid, "address: %w", err)
	}
	v := &View{Page: path}
	if path == AlertsPage {
		if err = check(q, alertParts(), now); err == nil {
			v.Alerts = ReadAlerts(q)
		}
	} else if err = check(q, flowParts(path), now); err == nil {
		v.Flows = ReadFlows(q)
		_, _, err = v.Flows.Times(now)
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "address: %w", err)
	}
	if n := len(v.Address()) - len(path) - 1; n > MaxQuery { // what was not escaped is now
		return nil, fault.New(fault.Invalid, "address: got a query of %d bytes, want at most %d", n, MaxQuery)
	}
	return v, nil
}

func shorten(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if utf8.RuneCountInString(text) > MaxName {
		return string([]rune(text)[:MaxName]) + "…"
	}
	return text
}

// A part checks one value of an address. It is never empty.
type part func(name, text string, now time.Time) error

func alertParts() map[string]part {
	severities := []string{}
	for s := alert.Critical; s >= alert.Info; s-- {
		severities = append(severities, s.String())
	}
	return map[string]part{
		"state": oneOf(words(States())), "severity": func(name, text string, now time.Time) error {
			return oneOf(severities)(name, strings.ToUpper(text), now)
		},
		"rule": anything, "owner": anything, "text": anything, "since": instant, "silenced": oneOf([]string{Hide}), "group": oneOf([]string{ByRule}),
	}
}

func flowParts(path string) map[string]part {
	parts := map[string]part{
		"by": oneOf(words(Bys())), "rank": oneOf(words(Ranks())), "side": oneOf(words(Sides())[1:]), "where": anything, "since": instant, "until": instant,
		"rows": func(name, text string, _ time.Time) error {
			if n, err := strconv.Atoi(text); err != nil || n < 1 || n > MostFlowRows {
				return document.At(name, shorten(text), "a number from 1 to "+strconv.Itoa(MostFlowRows))
			}
			return nil
		},
		"once": oneOf([]string{"yes"}),
	}
	if path == SessionsPage {
		parts["order"] = oneOf(words(Orders())[1:])
	}
	return parts
}

// check looks at every value of a query: known to the page, there once, and what the page takes. What is empty is left out there.
func check(q url.Values, known map[string]part, now time.Time) error {
	for _, name := range slices.Sorted(maps.Keys(q)) {
		values := q[name]
		part := known[name]
		switch text := strings.TrimSpace(values[0]); {
		case part == nil:
			return document.Choice("query", shorten(name), slices.Sorted(maps.Keys(known)))
		case len(values) > 1:
			return document.At(name, strconv.Itoa(len(values))+" values", "one")
		case text == "":
		case !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl):
			return document.At(name, shorten(text), "text without control characters")
		default:
			if err := part(name, text, now); err != nil {
				return err
			}
		}
	}
	return nil
}

func anything(string, string, time.Time) error { return nil }

func oneOf(list []string) part {
	return func(name, text string, _ time.Time) error {
		if !slices.Contains(list, text) {
			return document.Choice(name, shorten(text), list)
		}
		return nil
	}
}

func instant(name, text string, now time.Time) error {
	if _, err := api.ParseTime(text, now); err != nil {
		return document.Wrap(name, err)
	}
	return nil
}

// CheckName reports what keeps a text from being the name of something of a user's own, such as a view. The error says what is
// wanted, and is fault.Invalid.
func CheckName(key, name string) error {
	n := utf8.RuneCountInString(name)
	if n < 1 || n > MaxName || !utf8.ValidString(name) || strings.TrimSpace(name) != name || strings.ContainsFunc(name, foul) {
		return fault.New(fault.Invalid, "%w", document.At(key, shorten(name), "1 to "+strconv.Itoa(MaxName)+" characters on one line, without spaces at its ends"))
	}
	return nil
}

// foul are characters that nobody sees or that turn others around: in a name they would make it pass for another.
func foul(r rune) bool { return !unicode.IsGraphic(r) || r == unicode.ReplacementChar }
