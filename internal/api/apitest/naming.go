package apitest

import (
	"fmt"
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/group"
)

// grouping: groups are made, changed and removed, all of an edit or nothing, and events are in them from then on.
func grouping(s *suite) {
	put := func(q api.GroupsEdit) (api.GroupsSaved, error) { return s.PutGroups(s.ctx, q) }
	edit := func(name string, members ...string) api.GroupEdit { return api.GroupEdit{Name: name, Members: members} }
	want := func(want ...api.Group) {
		s.Helper()
		got, err := s.Groups(s.ctx, api.GroupRequest{})
		s.must("Groups", err)
		for _, g := range got {
			if g.Changed.IsZero() || g.By != api.Local().User {
				s.Errorf("group %s was changed at %v by %q", g.Name, g.Changed, g.By)
			}
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(api.Group{}, "Changed", "By"), cmpopts.EquateEmpty()); diff != "" || got == nil {
			s.Errorf("Groups (-want +got):\n%s", diff)
		}
	}
	want()
	s.add(api.AppendRequest{}, line(1, `"source.ip":"10.1.2.3"`)) // before there is a group

	saved, err := put(api.GroupsEdit{Groups: []api.GroupEdit{edit("office", "10.0.0.0/8", "2001:DB8:0::/32"), edit("web / west", "10.1.2.3:443/6", "10.1.0.0/16")}})
	s.must("PutGroups", err)
	if saved != (api.GroupsSaved{Added: 2, Groups: 2, Members: 4}) {
		s.Errorf("PutGroups = %+v", saved)
	}
	office := api.Group{Name: "office", Members: []string{"10.0.0.0/8", "2001:db8::/32"}}
	web := api.Group{Name: "web / west", Members: []string{"10.1.0.0/16", "10.1.2.3:443/tcp"}}
	want(office, web)
	s.add(api.AppendRequest{Kind: "flow"}, line(2, `"source.ip":"10.2.0.1","destination.ip":"10.1.2.3","destination.port":80`), line(3, `"source.ip":"192.0.2.1"`))
	s.finds(api.SearchRequest{Where: `source.group == "office"`}, "2")
	s.finds(api.SearchRequest{Where: `destination.group == "web / west"`}, "2")
	s.finds(api.SearchRequest{Where: `related.group == "office"`}, "2")
	s.finds(api.SearchRequest{Where: `has(related.group)`}, "2")

	for name, test := range map[string]struct {
		q    api.GroupsEdit
		want string
	}{
		"a member of another group": {api.GroupsEdit{Groups: []api.GroupEdit{edit("new", "192.0.2.0/24"), edit("other", "10.0.0.0/8")}}, `member 10.0.0.0/8 stands in group "other" and in group "office"`},
		"one of two in one edit":    {api.GroupsEdit{Groups: []api.GroupEdit{edit("new", "192.0.2.0/24"), edit("other", "192.0.2.0/24")}}, `group "new" and in group "other"`},
		"no member":                 {api.GroupsEdit{Groups: []api.GroupEdit{edit("new")}}, "got no members"},
		"a member that is none":     {api.GroupsEdit{Groups: []api.GroupEdit{edit("new", "192.0.2.0/24", "192.0.2.7/24")}}, `group "new": member "192.0.2.7/24"`},
		"a name twice":              {api.GroupsEdit{Groups: []api.GroupEdit{edit("new", "192.0.2.0/24"), edit("new", "192.0.3.0/24")}}, "stands twice"},
		"a name that is none":       {api.GroupsEdit{Groups: []api.GroupEdit{edit("a\nb", "192.0.2.0/24")}}, "want a name"},
	} {
		_, err := put(test.q)
		s.kind("PutGroups with "+name, err, fault.Invalid)
		if err != nil && !strings.Contains(err.Error(), test.want) {
			s.Errorf("PutGroups with %s: %v, want %q", name, err, test.want)
		}
	}
	want(office, web)

	// What moves from one group to another in one edit is no clash.
	saved, err = put(api.GroupsEdit{Groups: []api.GroupEdit{edit("office", "10.0.0.0/9"), edit("far", "2001:db8::/32"), edit("web / west", web.Members...)}})
	s.must("PutGroups again", err)
	if saved != (api.GroupsSaved{Added: 1, Changed: 1, Same: 1, Groups: 3, Members: 4}) {
		s.Errorf("PutGroups again = %+v", saved)
	}
	saved, err = put(api.GroupsEdit{Groups: []api.GroupEdit{edit("office", "10.0.0.0/9")}, Replace: true})
	s.must("PutGroups in place of all", err)
	if saved != (api.GroupsSaved{Same: 1, Removed: 2, Groups: 1, Members: 1}) {
		s.Errorf("PutGroups in place of all = %+v", saved)
	}
	s.add(api.AppendRequest{Kind: "flow"}, line(4, `"source.ip":"10.200.0.1","destination.ip":"10.1.2.3"`))
	s.finds(api.SearchRequest{Where: `has(source.group)`}, "2") // that was in a group stays so
	s.finds(api.SearchRequest{Where: `destination.group == "office"`}, "4")

	s.kind("DeleteGroup of none", s.DeleteGroup(s.ctx, "web / west"), fault.NotFound)
	_, err = s.Groups(s.ctx, api.GroupRequest{Name: "web / west"})
	s.kind("Groups of none", err, fault.NotFound)
	s.must("DeleteGroup", s.DeleteGroup(s.ctx, "office"))
	want()
	manyMembers(s)
	audited(s, "groups.change", "traffic group office: office: 10.0.0.0/9 > removed")
}

// manyMembers: a large list comes through, and one that is too large is refused with a word about it.
func manyMembers(s *suite) {
	var q api.GroupsEdit
	members := func(n int) (list []string) {
		for i := range n {
			list = append(list, fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255))
		}
		return list
	}
	q.Groups = []api.GroupEdit{{Name: "many", Members: members(100_000)}} // 1.2 MB
	saved, err := s.PutGroups(s.ctx, q)
	s.must("PutGroups of many members", err)
	if saved.Members != 100_000 {
		s.Errorf("PutGroups of many members = %+v", saved)
	}
	got, err := s.Groups(s.ctx, api.GroupRequest{Name: "many"})
	s.must("Groups of many members", err)
	if len(got) != 1 || len(got[0].Members) != 100_000 || got[0].Members[99_999] != "10.1.134.159" {
		s.Errorf("Groups = %d groups", len(got))
	}
	q.Groups[0].Members = members(group.MaxMembers + 1)
	_, err = s.PutGroups(s.ctx, q)
	s.kind("PutGroups of too many members", err, fault.Invalid)
}

// audited looks for a line of the audit log, as "subject: was > became".
func audited(s *suite, what, want string) {
	s.Helper()
	lines, err := s.Audit(s.ctx, api.AuditRequest{What: what})
	s.must("Audit", err)
	var got []string
	for _, a := range lines {
		got = append(got, fmt.Sprintf("%s: %s > %s", a.Subject, a.Was, a.Became))
	}
	if !strings.Contains(strings.Join(got, "\n"), want) {
		s.Errorf("audit log of %s: %q, want a line %q", what, got, want)
	}
}

// nameThings: names are given and taken back, all of an edit or nothing, and asked for in bulk.
func nameThings(s *suite) {
	list, err := s.Names(s.ctx, api.NameRequest{})
	s.must("Names", err)
	if list == nil || len(list) > 0 {
		s.Errorf("Names at first = %#v, want an empty list", list)
	}
	edits := []api.NameEdit{
		{Kind: "address", Key: "10.1.2.3", Name: "printer"}, {Kind: "network", Key: "10.0.0.0/8", Name: "office"}, {Kind: "network", Key: "10.1.0.0/16", Name: "Büro <west>"},
		{Kind: "exporter", Key: "10.0.0.1", Name: "core"}, {Kind: "interface", Key: "10.0.0.1#3", Name: "uplink"}, {Kind: "as", Key: "AS64500", Name: "us"},
	}
	saved, err := s.PutNames(s.ctx, api.NamesEdit{Names: edits})
	s.must("PutNames", err)
	if saved != (api.NamesSaved{Added: 6, Names: 6}) {
		s.Errorf("PutNames = %+v", saved)
	}
	edits[0].Name = "scanner"
	saved, err = s.PutNames(s.ctx, api.NamesEdit{Names: edits[:2]})
	s.must("PutNames again", err)
	if saved != (api.NamesSaved{Changed: 1, Same: 1, Names: 6}) {
		s.Errorf("PutNames again = %+v", saved)
	}
	list, err = s.Names(s.ctx, api.NameRequest{Kind: "network"})
	s.must("Names", err)
	if len(list) != 2 || list[0].Key != "10.0.0.0/8" || list[1].Name != "Büro <west>" || list[0].By != api.Local().User || list[0].Changed.IsZero() {
		s.Errorf("Names of networks = %+v", list)
	}
	list, err = s.Names(s.ctx, api.NameRequest{Kind: "as", Key: "as64500"})
	s.must("Names of one", err)
	if len(list) != 1 || list[0].Name != "us" {
		s.Errorf("Names of one = %+v", list)
	}
	_, err = s.Names(s.ctx, api.NameRequest{Kind: "as", Key: "1"})
	s.kind("Names of one that has none", err, fault.NotFound)
	_, err = s.Names(s.ctx, api.NameRequest{Kind: "thing"})
	s.kind("Names of a wrong kind", err, fault.Invalid)

	_, err = s.PutGroups(s.ctx, api.GroupsEdit{Groups: []api.GroupEdit{{Name: "west", Members: []string{"10.1.0.0/16", "10.1.2.3:1"}}}})
	s.must("PutGroups", err)
	keys := []api.NameKey{{Kind: "address", Key: "10.1.2.3"}, {Kind: "address", Key: "10.1.2.4"}, {Kind: "address", Key: "192.0.2.1"}, {Kind: "exporter", Key: "10.0.0.1"},
		{Kind: "interface", Key: "10.0.0.1#3"}, {Kind: "as", Key: "64500"}, {Kind: "as", Key: "64501"}}
	got, err := s.NamesOf(s.ctx, api.NamesOfRequest{Keys: keys})
	s.must("NamesOf", err)
	want := []api.Named{
		{Kind: "address", Key: "10.1.2.3", Name: "scanner", Group: "west"}, {Kind: "address", Key: "10.1.2.4", Name: "Büro <west>", Network: "10.1.0.0/16", Group: "west"},
		{Kind: "address", Key: "192.0.2.1"}, {Kind: "exporter", Key: "10.0.0.1", Name: "core"}, {Kind: "interface", Key: "10.0.0.1#3", Name: "uplink"},
		{Kind: "as", Key: "64500", Name: "us"}, {Kind: "as", Key: "64501"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("NamesOf (-want +got):\n%s", diff)
	}
	wrongNames(s)
	saved, err = s.PutNames(s.ctx, api.NamesEdit{Kind: "network", Replace: true, Names: []api.NameEdit{{Kind: "network", Key: "10.0.0.0/8", Name: "all"}}})
	s.must("PutNames in place of those of a kind", err)
	if saved != (api.NamesSaved{Changed: 1, Removed: 1, Names: 5}) {
		s.Errorf("PutNames in place of those of a kind = %+v", saved)
	}
	saved, err = s.DeleteNames(s.ctx, api.NamesRemoval{Keys: []api.NameKey{{Kind: "as", Key: "64500"}, {Kind: "address", Key: "10.1.2.3"}}})
	s.must("DeleteNames", err)
	if saved != (api.NamesSaved{Removed: 2, Names: 3}) {
		s.Errorf("DeleteNames = %+v", saved)
	}
	audited(s, "names.change", "names: network 10.0.0.0/8: office; network 10.1.0.0/16: Büro <west> > network 10.0.0.0/8: all")
}

// wrongNames: what is refused changes nothing.
func wrongNames(s *suite) {
	good := api.NameEdit{Kind: "as", Key: "64599", Name: "new"}
	for name, q := range map[string]api.NamesEdit{
		"a kind that is none":     {Names: []api.NameEdit{good, {Kind: "host", Key: "10.0.0.1", Name: "a"}}},
		"an address that is none": {Names: []api.NameEdit{good, {Kind: "address", Key: "10.0.0.1/8", Name: "a"}}},
		"an empty name":           {Names: []api.NameEdit{good, {Kind: "address", Key: "10.0.0.1"}}},
		"a foul name":             {Names: []api.NameEdit{good, {Kind: "address", Key: "10.0.0.1", Name: "a\x07"}}},
		"one thing twice":         {Names: []api.NameEdit{good, {Kind: "as", Key: "AS64599", Name: "newer"}}},
		"another kind":            {Names: []api.NameEdit{good}, Kind: "network", Replace: true},
	} {
		_, err := s.PutNames(s.ctx, q)
		s.kind("PutNames with "+name, err, fault.Invalid)
	}
	_, err := s.DeleteNames(s.ctx, api.NamesRemoval{Keys: []api.NameKey{{Kind: "as", Key: "64500"}, {Kind: "as", Key: "64599"}}})
	s.kind("DeleteNames of one that is not there", err, fault.NotFound)
	_, err = s.DeleteNames(s.ctx, api.NamesRemoval{})
	s.kind("DeleteNames of none", err, fault.Invalid)
	_, err = s.NamesOf(s.ctx, api.NamesOfRequest{Keys: []api.NameKey{{Kind: "address", Key: "x"}}})
	s.kind("NamesOf of what is no address", err, fault.Invalid)
	_, err = s.NamesOf(s.ctx, api.NamesOfRequest{Keys: make([]api.NameKey, api.MaxNamesOf+1)})
	s.kind("NamesOf of too many", err, fault.Invalid)
	list, err := s.Names(s.ctx, api.NameRequest{})
	s.must("Names", err)
	if len(list) != 6 {
		s.Errorf("%d names, want the 6 that there were", len(list))
	}
}
