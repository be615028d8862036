package group

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"tocsin/internal/fault"
	"tocsin/internal/prefix"
)

// Bounds of the groups of a set.
const (
	MaxGroups  = 10_000
	MaxMembers = 250_000 // of all groups
	MaxName    = 64      // bytes
	// MaxSame bounds the members of one and the same network, which are tried one by one.
	MaxSame = 256
)

// A Group is a name for members, of which it has one or more.
type Group struct {
	Name    string
	Members []Member
	// Place is where it stands, for messages: a file, or "" for one that people made.
	Place string
}

// CheckName reports whether a text can name a group: it stands in events, tables and filters. The error is fault.Invalid.
func CheckName(name string) error {
	if name == "" || len(name) > MaxName || strings.TrimSpace(name) != name || !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fault.New(fault.Invalid, "group %q: want a name of 1 to %d bytes of printable characters, without blanks at its ends", name[:min(len(name), 2*MaxName)], MaxName)
	}
	return nil
}

// A Set is groups that are good together. Nobody changes it.
type Set struct {
	groups  []Group
	members int
	table   prefix.Table[*Node]
}

// A Node is what a network knows of groups: its own members, the closest first, and the next larger network that has some.
type Node struct {
	tries  []try
	parent *Node
}

// A try is one member of a node.
type try struct {
	first, last uint16
	protocol    int16 // -1 is any
	group       uint32
}

func (t *try) always() bool { return t.protocol < 0 && t.first == 0 && t.last == 65535 }

// NewSet puts groups together. It refuses what is too much, a name that stands twice, and members between which nothing
// decides; the error is fault.Invalid and names both groups.
func NewSet(groups []Group) (*Set, error) {
	if len(groups) > MaxGroups {
		return nil, fault.New(fault.Invalid, "groups: got %d, want at most %d", len(groups), MaxGroups)
	}
	s := &Set{groups: groups}
	known := make(map[string]int, len(groups))
	var all []owned
	for i := range groups {
		g := &groups[i]
		if err := CheckName(g.Name); err != nil {
			return nil, err
		}
		if other, twice := known[g.Name]; twice {
			return nil, fault.New(fault.Invalid, "group %q stands twice%s", g.Name, places(&groups[other], g))
		}
		known[g.Name] = i
		if len(g.Members) == 0 {
			return nil, fault.New(fault.Invalid, "group %q: got no members, want one or more", g.Name)
		}
		if s.members += len(g.Members); s.members > MaxMembers {
			return nil, fault.New(fault.Invalid, "groups: got more than %d members in all, want at most that", MaxMembers)
		}
		for _, m := range g.Members {
			all = append(all, owned{m, i})
		}
	}
	slices.SortFunc(all, func(a, b owned) int { return a.Compare(b.Member) })
	for rest := all; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].Network == rest[0].Network {
			n++
		}
		node, err := newNode(groups, rest[:n])
		if err != nil {
			return nil, err
		}
		s.table.Set(rest[0].Network, node)
		rest = rest[n:]
	}
	s.link(all)
	return s, nil
}

// An owned is a member with the place of its group.
type owned struct {
	Member

	group int
}

// newNode puts the members of one network together, in the order in which they are tried.
func newNode(groups []Group, members []owned) (*Node, error) {
	if len(members) > MaxSame {
		return nil, fault.New(fault.Invalid, "groups: the network %s is named %d times, want at most %d", prefix.Format(members[0].Network), len(members), MaxSame)
	}
	n := &Node{tries: make([]try, len(members))}
	for i := range members {
		m := &members[i]
		for j := range members[:i] {
			if members[j].clashes(m.Member) {
				return nil, clash(groups, &members[j], m)
			}
		}
		n.tries[i] = try{first: m.First, last: m.Last, protocol: int16(m.Protocol), group: uint32(m.group)}
		if m.Any {
			n.tries[i].protocol = -1
		}
	}
	return n, nil
}

func clash(groups []Group, a, b *owned) error {
	one, other := &groups[a.group], &groups[b.group]
	switch {
	case a.group == b.group && a.Member == b.Member:
		return fault.New(fault.Invalid, "group %q: member %s stands twice", one.Name, a.Member)
	case a.Member == b.Member:
		return fault.New(fault.Invalid, "member %s stands in group %q and in group %q%s: take it out of one", a.Member, one.Name, other.Name, places(one, other))
	}
	return fault.New(fault.Invalid, "members %s of group %q and %s of group %q%s overlap, and neither is closer: make one a part of the other", a.Member, one.Name, b.Member, other.Name, places(one, other))
}

// places says which groups stand in a file.
func places(one, other *Group) string {
	switch {
	case one.Place == "" && other.Place == "":
		return ""
	case one.Place != "" && other.Place != "":
		return " (both in " + one.Place + ")"
	case one.Place != "":
		other = one
	}
	return " (" + strconv.Quote(other.Name) + " of them in " + other.Place + ")"
}

// link has each node know the next larger network.
func (s *Set) link(all []owned) {
	for i := range all {
		network := all[i].Network
		if i > 0 && all[i-1].Network == network {
			continue
		}
		own, _ := s.table.Get(network)
		for around, node := range s.table.Around(network.Addr().As16()) {
			if around.Bits() < network.Bits() {
				own.parent = node
				break
			}
		}
	}
}

// Len returns the number of groups, Members that of their members. A nil Set has none.
func (s *Set) Len() int {
	if s == nil {
		return 0
	}
	return len(s.groups)
}

// Members returns the number of members of all groups.
func (s *Set) Members() int {
	if s == nil {
		return 0
	}
	return s.members
}

// Groups lists the groups as they were given. The slice belongs to the set.
func (s *Set) Groups() []Group {
	if s == nil {
		return nil
	}
	return s.groups
}

// Node returns what the groups know of an address, IPv4 in its mapped form; nil when they know nothing.
func (s *Set) Node(a [16]byte) *Node {
	if s == nil {
		return nil
	}
	n, _ := s.table.Smallest(a)
	return n
}

// Name returns the name of the group with a number.
func (s *Set) Name(number uint32) string { return s.groups[number].Name }

// Always returns the number of the group that the address is in whatever port and protocol; ok is false when that depends.
func (n *Node) Always() (number uint32, ok bool) {
	if n == nil || !n.tries[0].always() {
		return 0, false
	}
	return n.tries[0].group, true
}

// Of returns the number of the group of one side. The port or protocol is -1 where the event has none: members that want one
// do not fit then.
func (n *Node) Of(port int64, protocol int16) (number uint32, ok bool) {
	for ; n != nil; n = n.parent {
		for i := range n.tries {
			t := &n.tries[i]
			if t.always() || (t.protocol < 0 || t.protocol == protocol) && (t.first == 0 && t.last == 65535 || port >= int64(t.first) && port <= int64(t.last)) {
				return t.group, true
			}
		}
	}
	return 0, false
}
