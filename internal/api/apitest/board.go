package apitest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// boarding: a board is stored whole, filled in, by who saw the newest; what is wrong or overtaken is refused and changes nothing.
func boarding(s *suite) {
	_, err := s.Board(s.ctx, "")
	s.kind("Board of who has no account", err, fault.NotFound)
	for _, name := range []string{"admin", "bob"} {
		s.must("PutUser", s.PutUser(s.ctx, api.UserEdit{Name: name, Password: "correct horse battery", Admin: name == "admin", Create: true}))
	}
	first := s.board("bob")
	if !first.Preset || first.Version != 0 || first.User != "bob" || !first.Changed.IsZero() || kinds(first) != "alerts rate events health" {
		s.Errorf("Board that nobody changed = %+v", first)
	}
	s.add(api.AppendRequest{Kind: "flow"}, line(1, `"source.ip":"192.0.2.1","destination.ip":"192.0.2.2"`))
	if got := kinds(s.board("bob")); got != "alerts rate ranking events health" {
		s.Errorf("Board that nobody changed, with flows = %s", got)
	}
	pages := []api.BoardPage{
		{Name: "Night / <b>", Columns: 3, Widgets: []api.Widget{
			{Kind: "alerts", Title: "Grave & \"ä\"", Column: 3, MinSeverity: "high", Rows: 5}, {ID: "w1", Kind: "ranking", View: "my view"}, {Kind: "events", Where: `user.name == "ä<b>"`},
			{Kind: "counts"}, {Kind: "sessions", Rows: 100}, {Kind: "rate"}, {Kind: "exporters"}, {Kind: "health"}, {Kind: "views"},
		}}, {Name: "Empty", Widgets: []api.Widget{}},
	}
	saved, err := s.PutBoard(s.ctx, api.BoardEdit{User: "bob", Version: new(int64), Pages: pages})
	s.must("PutBoard", err)
	want := slices.Clone(pages)
	want[0].Widgets = slices.Clone(want[0].Widgets)
	for i := range want[0].Widgets {
		w := &want[0].Widgets[i]
		w.Column = max(w.Column, 1)
		if w.ID == "" {
			w.ID = saved.Pages[0].Widgets[i].ID
		}
	}
	want[0].Widgets[0].MinSeverity, want[1].Columns = "HIGH", 1
	if diff := cmp.Diff(want, saved.Pages); diff != "" || saved.Version != 1 || saved.Preset || saved.Changed.IsZero() {
		s.Errorf("PutBoard = version %d (-want +got):\n%s", saved.Version, diff)
	}
	if diff := cmp.Diff(saved, s.board("bob")); diff != "" {
		s.Errorf("Board (-saved +got):\n%s", diff)
	}
	seen := map[string]bool{}
	for _, w := range saved.Pages[0].Widgets {
		if w.ID == "" || seen[w.ID] {
			s.Errorf("widgets = %+v, want each with a name of its own", saved.Pages[0].Widgets)
		}
		seen[w.ID] = true
	}

	_, err = s.PutBoard(s.ctx, api.BoardEdit{User: "bob", Version: new(int64), Pages: pages[1:]})
	s.kind("PutBoard over another version", err, fault.Conflict)
	s.refusedBoards(saved)
	if diff := cmp.Diff(saved, s.board("bob")); diff != "" {
		s.Errorf("what was refused was stored (-before +after):\n%s", diff)
	}
	later, err := s.PutBoard(s.ctx, api.BoardEdit{User: "bob", Pages: saved.Pages[1:]})
	if s.must("PutBoard of who does not care", err); later.Version != 2 || len(later.Pages) != 1 {
		s.Errorf("PutBoard of who does not care = %+v", later)
	}
	back, err := s.ResetBoard(s.ctx, "bob")
	if s.must("ResetBoard", err); !back.Preset || back.Version != 3 || kinds(back) != "alerts rate ranking events health" {
		s.Errorf("ResetBoard = %+v", back)
	}
	if other := s.board(""); !other.Preset || other.Version != 0 {
		s.Errorf("the board of another = %+v", other)
	}
	audited(s, "board.change", "board of bob:  > [{\"name\":\"Night")
}

func (s *suite) board(user string) api.Board {
	s.Helper()
	b, err := s.Board(s.ctx, user)
	s.must("Board", err)
	return b
}

// kinds are those of the widgets of the first page.
func kinds(b api.Board) string {
	var list []string
	for _, w := range b.Pages[0].Widgets {
		list = append(list, w.Kind)
	}
	return strings.Join(list, " ")
}

func (s *suite) refusedBoards(was api.Board) {
	s.Helper()
	one := func(w api.Widget) []api.BoardPage {
		return []api.BoardPage{{Name: "a", Columns: 2, Widgets: []api.Widget{w}}}
	}
	for name, test := range map[string]struct {
		pages []api.BoardPage
		want  string
	}{
		"no page":              {nil, "1 to 10"},
		"too many pages":       {make([]api.BoardPage, 11), "1 to 10"},
		"no name":              {[]api.BoardPage{{}}, "pages[0]: name"},
		"too many columns":     {[]api.BoardPage{{Name: "a", Columns: 5}}, "1 to 4"},
		"fewer than no column": {[]api.BoardPage{{Name: "a", Columns: -1}}, "1 to 4"},
		"too many widgets":     {[]api.BoardPage{{Name: "a", Widgets: make([]api.Widget, 25)}}, "at most 24"},
		"no kind":              {one(api.Widget{}), "kind"},
		"a kind that is none":  {one(api.Widget{Kind: "script"}), "alerts, counts"},
		"a foul name":          {one(api.Widget{ID: "a b", Kind: "health"}), "small letters"},
		"a name twice":         {[]api.BoardPage{{Name: "a", Widgets: []api.Widget{{ID: "x", Kind: "health"}}}, {Name: "b", Widgets: []api.Widget{{ID: "x", Kind: "rate"}}}}, "pages[1].widgets[0]: id"},
		"a column beyond":      {one(api.Widget{Kind: "health", Column: 3}), "1 to 2"},
		"a foul title":         {one(api.Widget{Kind: "health", Title: "a\u202eb"}), "title"},
		"a severity":           {one(api.Widget{Kind: "alerts", MinSeverity: "LOUD"}), "INFO, LOW"},
		"another's severity":   {one(api.Widget{Kind: "events", MinSeverity: "HIGH"}), "no such setting"},
		"another's view":       {one(api.Widget{Kind: "alerts", View: "x"}), "no such setting"},
		"another's report":     {one(api.Widget{Kind: "ranking", Report: "x"}), "no such setting"},
		"a foul report":        {one(api.Widget{Kind: "report", Report: "a\u202eb"}), "report"},
		"another's filter":     {one(api.Widget{Kind: "ranking", Where: "has(message)"}), "no such setting"},
		"another's rows":       {one(api.Widget{Kind: "health", Rows: 1}), "no such setting"},
		"a wrong filter":       {one(api.Widget{Kind: "events", Where: "nosuch == 1"}), "no field"},
		"a long filter":        {one(api.Widget{Kind: "events", Where: strings.Repeat(" ", 2049)}), "2048"},
		"too many rows":        {one(api.Widget{Kind: "alerts", Rows: 201}), "0 to 200"},
		"fewer than no rows":   {one(api.Widget{Kind: "alerts", Rows: -1}), "0 to 200"},
	} {
		_, err := s.PutBoard(s.ctx, api.BoardEdit{User: "bob", Version: &was.Version, Pages: test.pages})
		s.kind("PutBoard with "+name, err, fault.Invalid)
		if err != nil && !strings.Contains(err.Error(), test.want) {
			s.Errorf("PutBoard with %s: %v, want %q", name, err, test.want)
		}
	}
	for _, user := range []string{"carol", "a b"} {
		_, err := s.PutBoard(s.ctx, api.BoardEdit{User: user, Pages: was.Pages})
		s.kind(fmt.Sprintf("PutBoard of %q", user), err, fault.NotFound)
	}
}
