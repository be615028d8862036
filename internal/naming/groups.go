package naming

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/group"
	"tocsin/internal/ledger"
)

// Groups lists the groups of the configuration and of the ledger by name, or the one that is named.
func (s *Shelf) Groups(ctx context.Context, name string) ([]api.Group, error) {
	stored, err := s.ledger.TrafficGroups(ctx)
	if err != nil {
		return nil, err
	}
	list := []api.Group{}
	for _, g := range *s.fixed.Load() {
		members := slices.Clone(g.Members)
		list = append(list, api.Group{Name: g.Name, Members: strings.Split(encodeMembers(members), "\n"), ReadOnly: true})
	}
	for _, row := range stored {
		list = append(list, api.Group{Name: row.Name, Members: strings.Split(row.Members, "\n"), Changed: row.Changed, By: row.Author})
	}
	if name != "" {
		list = slices.DeleteFunc(list, func(g api.Group) bool { return g.Name != name })
		if len(list) == 0 {
			return nil, noGroup(name)
		}
	}
	slices.SortFunc(list, func(a, b api.Group) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func noGroup(name string) error {
	return fault.New(fault.NotFound, "no group %q (tocsin groups list shows those that there are)", name[:min(len(name), 2*group.MaxName)])
}

// PutGroups makes groups, or gives those that there are other members.
func (s *Shelf) PutGroups(ctx context.Context, q api.GroupsEdit, who string) (saved api.GroupsSaved, err error) {
	wanted, err := readGroups(q.Groups)
	if err != nil {
		return saved, err
	}
	fixed := *s.fixed.Load()
	for i := range wanted {
		if slices.ContainsFunc(fixed, func(g group.Group) bool { return g.Name == wanted[i].Name }) {
			return saved, fault.New(fault.Conflict, "group %q stands in the configuration: change enrich.groups there", wanted[i].Name)
		}
	}
	now := time.Now().UTC().Round(0)
	err = s.ledger.ChangeTrafficGroups(ctx, func(have []ledger.TrafficGroup) (ledger.NamingChange[ledger.TrafficGroup], error) {
		change, next := editGroups(have, wanted, q.Replace, &saved)
		for i := range change.Put {
			change.Put[i].Changed, change.Put[i].Author = now, who
		}
		set, err := group.NewSet(slices.Concat(fixed, next))
		if err != nil {
			return change, err
		}
		saved.Groups, saved.Members = set.Len(), set.Members()
		return change, nil
	})
	if err != nil {
		return api.GroupsSaved{}, err
	}
	return saved, s.Load(ctx)
}

// readGroups reads what somebody wants to store.
func readGroups(edits []api.GroupEdit) ([]group.Group, error) {
	groups := make([]group.Group, len(edits))
	total := 0
	for i, e := range edits {
		g := group.Group{Name: e.Name, Members: make([]group.Member, len(e.Members))}
		if err := group.CheckName(e.Name); err != nil {
			return nil, err
		}
		if total += len(e.Members); total > group.MaxMembers {
			return nil, fault.New(fault.Invalid, "groups: got more than %d members in all, want at most that", group.MaxMembers)
		}
		for j, text := range e.Members {
			var err error
			if g.Members[j], err = group.ParseMember(text); err != nil {
				return nil, fault.New(fault.Invalid, "group %q: %w", e.Name, err)
			}
		}
		groups[i] = g
	}
	if _, err := group.NewSet(groups); err != nil { // by themselves, before anybody waits for the ledger
		return nil, err
	}
	return groups, nil
}

// editGroups says what becomes of the stored groups, and what they are then.
func editGroups(have []ledger.TrafficGroup, wanted []group.Group, replace bool, saved *api.GroupsSaved) (change ledger.NamingChange[ledger.TrafficGroup], next []group.Group) {
	*saved = api.GroupsSaved{}
	before := make(map[string]string, len(have))
	for _, row := range have {
		before[row.Name] = row.Members
	}
	named := make(map[string]bool, len(wanted))
	var was, became []string
	for _, g := range wanted {
		named[g.Name] = true
		members := encodeMembers(g.Members)
		old, known := before[g.Name]
		switch {
		case !known:
			saved.Added++
		case old == members:
			saved.Same++
			continue
		default:
			saved.Changed++
			was = append(was, told(g.Name, old))
		}
		became = append(became, told(g.Name, members))
		change.Put = append(change.Put, ledger.TrafficGroup{Name: g.Name, Members: members})
	}
	kept := make([]ledger.TrafficGroup, 0, len(have))
	for _, row := range have {
		switch {
		case named[row.Name]:
		case replace:
			saved.Removed++
			was = append(was, told(row.Name, row.Members))
			change.Delete = append(change.Delete, row)
		default:
			kept = append(kept, row)
		}
	}
	change.Was, change.Became = summary(was), summary(became)
	return change, slices.Concat(wanted, decodeGroups(kept))
}

// DeleteGroup removes a group of the ledger. What was put into it keeps its name.
func (s *Shelf) DeleteGroup(ctx context.Context, name string) error {
	if slices.ContainsFunc(*s.fixed.Load(), func(g group.Group) bool { return g.Name == name }) {
		return fault.New(fault.Conflict, "group %q stands in the configuration: take it out of enrich.groups there", name)
	}
	err := s.ledger.ChangeTrafficGroups(ctx, func(have []ledger.TrafficGroup) (change ledger.NamingChange[ledger.TrafficGroup], err error) {
		i := slices.IndexFunc(have, func(row ledger.TrafficGroup) bool { return row.Name == name })
		if i < 0 {
			return change, noGroup(name)
		}
		change.Delete, change.Was, change.Became = have[i:i+1], told(name, have[i].Members), "removed"
		return change, nil
	})
	if err != nil {
		return err
	}
	return s.Load(ctx)
}

// told writes one thing for the audit log.
func told(name, value string) string {
	return fmt.Sprintf("%s: %s", name, strings.ReplaceAll(value[:min(len(value), 1000)], "\n", " "))
}

// summary writes several things for the audit log, which keeps no more than 4 KiB of them.
func summary(list []string) string {
	const most = 50
	if len(list) > most {
		return strings.Join(list[:most], "; ") + fmt.Sprintf("; and %d more", len(list)-most)
	}
	return strings.Join(list, "; ")
}
