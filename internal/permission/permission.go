// Package permission says who may do what: one table for the HTTP API, the desk that answers it and the command line.
package permission

import (
	"fmt"
	"slices"
	"strings"

	"tocsin/internal/fault"
)

// A Role is who somebody is. Each may do what the ones before it may.
type Role uint8

// The roles. The owner of the process and root, over the socket in the data directory, are administrators.
const (
	Anyone Role = iota + 1 // without a login
	Nearby                 // without a login from this machine, else any account
	User                   // any account; what of others it is shown is decided where it is answered
	Admin                  // administrators
)

var roleNames = [...]string{"nobody", "anyone", "anyone on this machine, and every account", "every account", "administrators"}

// String says in messages who that is.
func (r Role) String() string { return roleNames[min(int(r), len(roleNames)-1)] }

// A Scope is what a token is for. A token of several scopes may do what each of them allows, and none does more than its
// account may.
type Scope string

// The scopes.
const (
	Read  Scope = "read"  // look at everything that the account may see
	Act   Scope = "act"   // as read, and work on alerts, and change what is judged and told: rules, silences, preferences, views, the board
	Send  Scope = "send"  // append events, and nothing else
	Whole Scope = "admin" // everything that the account may, also what administrators alone may, and passwords and tokens
)

// Scopes lists them as people choose from them.
func Scopes() []Scope { return []Scope{Read, Act, Send, Whole} }

// ParseScopes reads scopes with commas between them and returns them in the order of Scopes, each once. The error is
// fault.Invalid.
func ParseScopes(text string) ([]Scope, error) {
	var wanted, list []Scope
	for word := range strings.SplitSeq(text, ",") {
		s := Scope(strings.TrimSpace(word))
		if !slices.Contains(Scopes(), s) {
			return nil, fault.New(fault.Invalid, "scope %q: want some of read, act, send and admin", string(s[:min(len(s), 40)]))
		}
		wanted = append(wanted, s)
	}
	for _, s := range Scopes() {
		if slices.Contains(wanted, s) {
			list = append(list, s)
		}
	}
	return list, nil
}

// FormatScopes is the inverse of ParseScopes.
func FormatScopes(list []Scope) string {
	words := make([]string, len(list))
	for i, s := range list {
		words[i] = string(s)
	}
	return strings.Join(words, ",")
}

// within reports whether a token of another scope may do what needs this one.
func (s Scope) within(of Scope) bool {
	return s == "" || s == of || of == Whole || s == Read && of == Act // who acts on an alert is shown it
}

// A Holder is who wants to do something.
type Holder struct {
	User  string // "" is nobody
	Admin bool
	// Scopes are those of the token that was shown; none means that no token bounds what the account may.
	Scopes []Scope
}

// A Line says of one operation who may do it.
type Line struct {
	Operation Operation
	Least     Role
	Scope     Scope // a token needs; "" is any
	Changes   bool  // something is changed by it, so that it leaves a line in the audit log
	Doc       string
}

// Of returns the line of an operation. What has none is for administrators alone, and known is false.
func Of(op Operation) (line Line, known bool) {
	for _, l := range table {
		if l.Operation == op {
			return l, true
		}
	}
	return Line{Operation: op, Least: Admin, Scope: Whole, Changes: true}, false
}

// Check reports whether somebody may do something; the error is fault.Denied. Nearby is decided by who knows where the
// request comes from: here it is any account.
func Check(op Operation, who Holder) error {
	l, _ := Of(op)
	switch {
	case l.Least == Anyone:
		return nil
	case who.User == "":
		return fault.New(fault.Denied, "%s: nobody is logged in", op)
	case l.Least == Admin && !who.Admin:
		return fault.New(fault.Denied, "%s: only administrators may", op)
	case len(who.Scopes) > 0 && !slices.ContainsFunc(who.Scopes, l.Scope.within):
		return fault.New(fault.Denied, "%s: the token is for %s, and this needs %s (make another one: tocsin tokens make --scope %s)",
			op, FormatScopes(who.Scopes), l.Scope, l.Scope)
	}
	return nil
}

// Table lists all lines, in the order in which people read them.
func Table() []Line { return slices.Clone(table) }

// Describe says in one line what an operation needs.
func (l Line) Describe() string {
	switch {
	case l.Least <= Nearby || l.Scope == "":
		return "for " + l.Least.String()
	default:
		return fmt.Sprintf("for %s; a token needs %s", l.Least, l.Scope)
	}
}
