package desk

import (
	"errors"
	"io/fs"
	"slices"
	"strings"

	"tocsin/internal/fault"
	"tocsin/internal/filter"
	"tocsin/internal/list"
)

// toldLists bounds how many lists are named to somebody who names one that is not there.
const toldLists = 20

// found returns the filter of a rule with the lists that it names. One that is not there is empty, as it is to the rule: whoever
// looks at what rules do is told what they do.
func (d *Desk) found(where *filter.Expr) *filter.Expr {
	if d.parts.Listed == nil {
		return where
	}
	return where.With(func(name string) filter.Members { return d.parts.Listed.List(name) })
}

// asked returns the filter of a question with the lists that it names. One that is not there is an error: else the question would
// find nothing, or everything, as if it was empty.
func (d *Desk) asked(where *filter.Expr) (*filter.Expr, error) {
	lists := map[string]*list.List{}
	for _, name := range where.Lists() {
		if d.parts.Listed == nil {
			return nil, noList(name, nil)
		}
		l, err := d.parts.Listed.Find(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, noList(name, d.parts.Listed.Names())
		case err != nil:
			return nil, fault.New(fault.Unavailable, "filter: %w", err)
		}
		lists[name] = l
	}
	return where.With(func(name string) filter.Members { return lists[name] }), nil
}

// missing names the lists of a filter that have no file and never had one since they were asked for.
func (d *Desk) missing(where *filter.Expr) (names []string) {
	for _, name := range where.Lists() {
		if d.parts.Listed == nil {
			names = append(names, name)
		} else if _, err := d.parts.Listed.Find(name); errors.Is(err, fs.ErrNotExist) {
			names = append(names, name)
		}
	}
	return names
}

// noList says that there is no such list, which there are, and how one is made.
func noList(name string, there []string) error {
	there = slices.DeleteFunc(there, func(name string) bool { return !filter.ValidList(name) })
	known := "there is none"
	switch n := len(there); {
	case n > toldLists:
		known = "there are " + strings.Join(there[:toldLists], ", ") + " and others"
	case n > 1:
		known = "there are " + strings.Join(there, ", ")
	case n == 1:
		known = "there is " + there[0]
	}
	return fault.New(fault.Invalid, "filter: no list %q: %s (a list is a file of the data directory, here %s, with an address or a network a line)",
		name, known, list.Path(name))
}
