package web

import (
	"net/http"
	"strings"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// shownMembers is how many members of a group a page lists; all of them are in the form that changes it.
const shownMembers = 30

// A groupsPage lists traffic groups and changes them.
type groupsPage struct {
	frame

	Groups  []api.Group
	Edit    api.GroupEdit // what stands in the form
	Typed   string        // its members, a line each
	Of      string        // what was asked about
	Known   *api.Named    // what is known of it; nil: nothing was asked
	Problem string
	Form    form
}

func (s *site) groups(w http.ResponseWriter, r *http.Request) {
	s.groupsWith(w, r, http.StatusOK, form{})
}

func (s *site) groupsWith(w http.ResponseWriter, r *http.Request, code int, f form) {
	p := groupsPage{frame: s.frame(r, "Traffic groups", "/names"), Form: f}
	var err error
	if p.Groups, err = s.Service.Groups(r.Context(), api.GroupRequest{}); err != nil {
		p.Problem, code = s.explain(r, err), max(code, status(err))
	}
	p.Edit.Name, p.Typed = f.Of(setGroup, "name"), f.Of(setGroup, "members")
	for _, g := range p.Groups {
		if f.Act == "" && !g.ReadOnly && g.Name == r.URL.Query().Get("set") {
			p.Edit.Name, p.Typed = g.Name, strings.Join(g.Members, "\n")
		}
	}
	if err == nil {
		if p.Of, p.Known, err = s.known(r); err != nil {
			p.Problem, code = s.explain(r, err), max(code, status(err))
		}
	}
	s.show(w, code, "groups.html", p)
}

// Shown returns the members of a group that are listed.
func (p groupsPage) Shown(g api.Group) []string { return g.Members[:min(len(g.Members), shownMembers)] }

// More returns how many members are not listed.
func (p groupsPage) More(g api.Group) int { return max(0, len(g.Members)-shownMembers) }

// changeGroups does what a form of the page says.
func (s *site) changeGroups(w http.ResponseWriter, r *http.Request) {
	f, err := readForm(w, r)
	if err == nil {
		group := strings.TrimSpace(f.Values.Get("name"))
		switch f.Act {
		case setGroup:
			_, err = s.Service.PutGroups(r.Context(), api.GroupsEdit{Groups: []api.GroupEdit{{Name: group, Members: strings.Fields(f.Values.Get("members"))}}})
		case removeGroup:
			err = s.Service.DeleteGroup(r.Context(), group)
		default:
			err = fault.New(fault.Invalid, "act %q: want %s or %s", f.Act, setGroup, removeGroup)
		}
	}
	if err == nil {
		again(w, r, "/names/groups", f.Act)
		return
	}
	f.Problem = s.explain(r, err)
	s.groupsWith(w, r, status(err), f)
}
