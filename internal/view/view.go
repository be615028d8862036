// Package view shows flow records from where an entity stands. A record tells one direction: what its source sent. A host,
// a pair of hosts, a port or a country stands at either end of it, and has sent there and received here, opened the session
// or been spoken to.
//
// A view shows a batch as aspects: copies that share its columns and have the fields of the view as well, each for those of
// the rows in which the entity stands in the same way. So whatever groups and measures rows by columns does so by views.
package view

import (
	"encoding/binary"
	"slices"

	"tocsin/internal/event"
)

// Pair stands for the two fields of a pair of hosts in a list of names.
const Pair = "flow.pair"

// Expand returns names of fields with those that stand for several replaced by these.
func Expand(names []string) []string {
	at := slices.Index(names, Pair)
	if at < 0 {
		return names
	}
	return slices.Concat(names[:at], []string{"flow.lower", "flow.higher"}, names[at+1:])
}

// A View is made of the fields that it is asked for.
type View struct {
	aspects          []aspect
	byRole, byHeight bool // whether an aspect asks who opened the session, and which address is the lower one

	// scratch
	how  []stands // one for each row that is shown
	part []int32
}

// stands is how a row stands to its ends: isClient or not, isUpward or not.
type stands uint8

const (
	isClient stands = 1 << iota // its source opened the session
	isUpward                    // its source is the lower address of the two, or the same
)

// An aspect is one way in which an entity can stand to a row.
type aspect struct {
	client, upward condition // of the row: its source opened the session, its source is the lower address
	alias          []alias
}

// A condition is whether something must be, must not be, or does not matter.
type condition int8

const (
	either condition = iota
	must
	mustNot
)

// An alias is a field of a view and the field that it is for the rows of an aspect.
type alias struct {
	field *event.Field
	of    event.FieldID
}

// New returns the view that has the fields of by, which tell the entity, and others, which are measured. Fields that are no
// views may be among them. It reports false when all are such, so that no view is needed. Where by tells no entity of a
// view, what is measured is that of the server.
func New(by, measured []event.FieldID) (*View, bool) {
	var wanted []*event.Field
	for _, id := range slices.Concat(by, measured) {
		if f, ok := event.FieldByID(id); ok && f.View && !slices.Contains(wanted, f) {
			wanted = append(wanted, f)
		}
	}
	if len(wanted) == 0 {
		return nil, false
	}
	v := &View{}
	for _, s := range standings(by) {
		a := aspect{client: s.client, upward: s.upward}
		for _, f := range wanted {
			if of := s.of(f.ID); of != 0 {
				a.alias = append(a.alias, alias{f, of})
			}
		}
		v.add(a)
	}
	for _, a := range v.aspects {
		v.byRole = v.byRole || a.client != either
		v.byHeight = v.byHeight || a.upward != either
	}
	return v, true
}

// add puts an aspect in. Where one that differs in a single condition shows the same, that condition does not matter.
func (v *View) add(a aspect) {
	for i, have := range v.aspects {
		if !slices.Equal(have.alias, a.alias) {
			continue
		}
		switch {
		case have.upward == a.upward && have.client != a.client:
			a.client = either
		case have.client == a.client && have.upward != a.upward:
			a.upward = either
		default:
			continue
		}
		v.aspects = slices.Delete(v.aspects, i, i+1)
		v.add(a)
		return
	}
	v.aspects = append(v.aspects, a)
}

// Stored is as the function of that name, less what this view does not look at.
func (v *View) Stored(ids []event.FieldID) []event.FieldID {
	var list []event.FieldID
	for _, id := range ids {
		if f, ok := event.FieldByID(id); !ok || !f.View {
			list = append(list, id)
		}
	}
	for _, a := range v.aspects {
		for _, one := range a.alias {
			list = append(list, one.of)
		}
		if a.client != either {
			list = append(list, event.FlowRole)
		}
		if a.upward != either {
			list = append(list, event.SourceIP, event.DestinationIP)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Stored returns fields with those of views replaced by all that these may be made of, in the order of their numbers.
func Stored(ids []event.FieldID) []event.FieldID {
	var list []event.FieldID
	for _, id := range ids {
		if f, ok := event.FieldByID(id); ok && f.View {
			list = append(append(list, event.FlowRole, event.SourceIP, event.DestinationIP), f.Any...)
		} else {
			list = append(list, id)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Each calls f for each aspect that has rows, with those of rows that belong to it, ascending. The same row may belong to two.
// The rows are good until f returns; the batch may be kept. A nil view has one aspect, which is the batch itself.
func (v *View) Each(b *event.Batch, rows []int32, f func(aspect *event.Batch, rows []int32)) {
	if v == nil {
		f(b, rows)
		return
	}
	if b.Rows == 0 {
		return
	}
	if v.byRole || v.byHeight {
		v.look(b, rows)
	}
	for i := range v.aspects {
		a := &v.aspects[i]
		if part := v.of(a, rows); len(part) > 0 {
			f(b.With(a.columns(b)), part)
		}
	}
}

// of returns the rows of an aspect.
func (v *View) of(a *aspect, rows []int32) []int32 {
	asked, want := stands(0), stands(0)
	if a.client != either {
		asked |= isClient
	}
	if a.client == must {
		want |= isClient
	}
	if a.upward != either {
		asked |= isUpward
	}
	if a.upward == must {
		want |= isUpward
	}
	if asked == 0 {
		return rows
	}
	v.part = slices.Grow(v.part[:0], len(rows))
	part, n := v.part[:len(rows)], 0
	for i, row := range rows {
		part[n] = row // whether it stays cannot be foretold
		if v.how[i]&asked == want {
			n++
		}
	}
	return part[:n]
}

// columns makes the columns of the view: those of other fields under its names.
func (a *aspect) columns(b *event.Batch) []event.Column {
	list := make([]event.Column, 0, len(a.alias))
	for _, one := range a.alias {
		if c := b.Column(one.of); c != nil {
			under := *c
			under.Field = one.field
			list = append(list, under)
		}
	}
	return list
}

// look finds out how each of the rows stands, as far as it is asked for.
func (v *View) look(b *event.Batch, rows []int32) {
	v.how = slices.Grow(v.how[:0], len(rows))[:len(rows)]
	clear(v.how)
	if v.byRole {
		v.lookAtRoles(b.Column(event.FlowRole), rows)
	}
	if !v.byHeight {
		return
	}
	source, destination := b.Column(event.SourceIP), b.Column(event.DestinationIP)
	for i, row := range rows {
		if source == nil || destination == nil || !above(source, destination, row) {
			v.how[i] |= isUpward
		}
	}
}

// lookAtRoles finds out whether the source of each row opened the session. Who is not said to be the server counts as the client.
func (v *View) lookAtRoles(c *event.Column, rows []int32) {
	server := func(n int) bool { return string(c.Str(n)) == "server" }
	switch {
	case c == nil:
		for i := range rows {
			v.how[i] |= isClient
		}
	case c.Codes == nil:
		for i, row := range rows {
			if n, ok := c.Value(int(row)); !ok || !server(n) {
				v.how[i] |= isClient
			}
		}
	default:
		is := make([]stands, c.Len())
		for n := range is {
			if n == 0 || !server(n) {
				is[n] = isClient
			}
		}
		for i, row := range rows {
			v.how[i] |= is[c.Codes[row]]
		}
	}
}

// above reports whether one address of a row is greater than another.
func above(one, other *event.Column, row int32) bool {
	n, _ := one.Value(int(row))
	m, _ := other.Value(int(row))
	a, b := &one.IPs[n], &other.IPs[m]
	if x, y := binary.BigEndian.Uint64(a[:8]), binary.BigEndian.Uint64(b[:8]); x != y {
		return x > y
	}
	return binary.BigEndian.Uint64(a[8:]) > binary.BigEndian.Uint64(b[8:])
}
