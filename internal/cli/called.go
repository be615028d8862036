package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
)

// Tables show a name before the thing that has it. CSV is for programs: things stay as they are there, and names stand in columns
// of their own behind all others.

// plus adds columns of names to those of a sheet where they are to stand by themselves.
func (s *shell) plus(columns []column, names ...string) []column {
	if s.format != "csv" {
		return columns
	}
	for _, name := range names {
		columns = append(columns, column{name: name})
	}
	return columns
}

// cells adds what stands in the columns of plus.
func (s *shell) cells(cells []string, names ...string) []string {
	if s.format != "csv" {
		return cells
	}
	return append(cells, names...)
}

// heads are the columns of names of what a ranking is by: for one alone "name".
func heads(by []string) []string {
	var list []string
	for _, field := range by {
		if api.HasNames(field) {
			list = append(list, field+" name")
		}
	}
	if len(by) == 1 && len(list) == 1 {
		return []string{"name"}
	}
	return list
}

// named returns the values of a row of a ranking as tables show them, and what stands in the columns of heads.
func (s *shell) named(by, values, names []string) (shown, behind []string) {
	for i, value := range values {
		name := ""
		if i < len(names) {
			name = names[i]
		}
		shown = append(shown, s.called(name, value))
		if i < len(by) && api.HasNames(by[i]) {
			behind = append(behind, name)
		}
	}
	return shown, behind
}

// called writes a thing with its name where names have no column of their own.
func (s *shell) called(name, thing string) string {
	if s.format == "csv" {
		return thing
	}
	return alert.Called(name, thing)
}

// called writes whom an alert is about with names, "" when nobody gave any.
func called(a *alert.Alert) string {
	if len(a.Names) == 0 {
		return ""
	}
	return a.About()
}

// known tells what is known of addresses, a line for each of which something is.
func known(b *strings.Builder, list []api.Named) {
	for i := range list {
		n := &list[i]
		facts := append([]string{alert.Called(n.Name, n.Key)}, n.Facts()...)
		if n.Name != "" || len(facts) > 1 {
			fmt.Fprintf(b, "  %-9s %s\n", "known", clean(strings.Join(facts, ", ")))
		}
	}
}

// around tells what else was seen of the addresses of an alert.
func (s *shell) around(b *strings.Builder, list []api.Around) {
	for i := range list {
		a := &list[i]
		fmt.Fprintf(b, "\nAround %s, from %s to %s:\n", clean(a.Address), s.instant(a.Since), s.instant(a.Until))
		line := func(sort string, at time.Time, facts ...string) {
			facts = slices.DeleteFunc(facts, func(fact string) bool { return fact == "" })
			fmt.Fprintf(b, "  %-9s %s  %s\n", sort, s.instant(at), clean(strings.Join(facts, ", ")))
		}
		for _, l := range a.Logins {
			line("login", l.Time, l.User, l.Outcome, l.Host)
		}
		for _, l := range a.Devices {
			line("device", l.Time, l.MAC, l.Name)
		}
		for _, l := range a.Lines {
			line("line", l.Time, l.Host, l.Text)
		}
		if a.Cut {
			b.WriteString("  not all of it was looked through\n")
		}
	}
}
