package web

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"tocsin/internal/api"
	"tocsin/internal/board"
	"tocsin/internal/bookmark"
	"tocsin/internal/fault"
)

// What the forms of a board say.
const (
	addWidget    = "addwidget"
	saveWidget   = "savewidget"
	removeWidget = "removewidget"
	earlier      = "earlier"
	later        = "later"
	addPage      = "addpage"
	savePage     = "savepage"
	pageEarlier  = "pageearlier"
	pageLater    = "pagelater"
	removePage   = "removepage"
	preset       = "preset"
)

// A boardPage changes a page of somebody's board.
type boardPage struct {
	frame

	Board   api.Board
	Page    int // from 1 on
	Tabs    []boardTab
	Current api.BoardPage
	Kinds   []board.Kind
	Views   []api.View // of rankings and sessions
	Reports []string   // names
	Open    string     // the widget whose form is unfolded
	Form    form
	Problem string
}

func (s *site) editBoard(w http.ResponseWriter, r *http.Request) {
	s.boardWith(w, r, http.StatusOK, form{}, pageNumber(r.URL.Query()))
}

// pageNumber is which page an address or a form asks for; 0 for none.
func pageNumber(q url.Values) int {
	n, err := strconv.Atoi(q.Get("page"))
	if err != nil {
		return 0
	}
	return n
}

// boardWith shows a page of the board as it is now, with what is wrong with a form.
func (s *site) boardWith(w http.ResponseWriter, r *http.Request, code int, f form, page int) {
	b, err := s.Service.Board(r.Context(), "")
	if err == nil && len(b.Pages) == 0 {
		err = fault.New(fault.Unavailable, "the board has no page")
	}
	if err != nil {
		s.refuse(w, r, "/", err)
		return
	}
	p := boardPage{frame: s.frame(r, "Board", "/"), Board: b, Page: pageOf(url.Values{"page": {strconv.Itoa(page)}}, &b), Kinds: board.Kinds(), Form: f}
	p.Tabs, p.Current, p.Open = tabs(&b, p.Page, "/board"), b.Pages[p.Page-1], r.URL.Query().Get("open")
	if f.Act == saveWidget {
		p.Open = f.Typed("id")
	}
	views, err := s.Service.Views(r.Context(), "")
	if err != nil {
		p.Problem = s.explain(r, err)
	}
	for _, v := range views {
		if !strings.HasPrefix(v.Address, bookmark.AlertsPage) {
			p.Views = append(p.Views, v)
		}
	}
	reports, err := s.Service.Reports(r.Context(), "")
	if err != nil {
		p.Problem = s.explain(r, err)
	}
	for _, one := range reports {
		p.Reports = append(p.Reports, one.Name)
	}
	s.show(w, code, "board.html", &p)
}

// KindOf returns the kind of a widget.
func (p *boardPage) KindOf(w api.Widget) board.Kind {
	k, err := board.KindOf(w.Kind)
	if err != nil {
		return board.Kind{Word: w.Kind, Title: w.Kind}
	}
	return k
}

// Refused reports whether the form of a widget was sent and refused.
func (p *boardPage) Refused(w api.Widget) bool {
	return p.Form.Is(saveWidget) && p.Form.Typed("id") == w.ID
}

// Typed is a widget as its form shows it: as it is, or as it was typed where that was refused.
func (p *boardPage) Typed(w api.Widget) api.Widget {
	if !p.Refused(w) {
		return w
	}
	w.Title, w.MinSeverity, w.View, w.Report, w.Where = p.Form.Typed("title"), p.Form.Typed("min"), p.Form.Typed("view"), p.Form.Typed("report"), p.Form.Typed("where")
	if n, err := strconv.Atoi(p.Form.Typed("column")); err == nil {
		w.Column = n
	}
	return w
}

// Fitting are the views that a widget can show.
func (p *boardPage) Fitting(w api.Widget) (list []string) {
	page := bookmark.RankingPage
	if w.Kind == board.Sessions {
		page = bookmark.SessionsPage
	}
	for _, v := range p.Views {
		if path, _, _ := strings.Cut(v.Address, "?"); path == page {
			list = append(list, v.Name)
		}
	}
	if w.View != "" && !slices.Contains(list, w.View) {
		list = append(list, w.View) // that is not there any more
	}
	return list
}

// Choosable are the reports that a widget can show the newest result of.
func (p *boardPage) Choosable(w api.Widget) []string {
	if w.Report == "" || slices.Contains(p.Reports, w.Report) {
		return p.Reports
	}
	return append(slices.Clone(p.Reports), w.Report) // that is not there any more
}

// Upto lists the numbers from 1 on.
func (p *boardPage) Upto(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i + 1
	}
	return list
}

// changeBoard does what a form of the board says. Who saw another board than there is now is told, and nothing is changed.
func (s *site) changeBoard(w http.ResponseWriter, r *http.Request) {
	f, err := readForm(w, r)
	page, open := pageNumber(f.Values), ""
	if err == nil {
		page, open, err = s.actOnBoard(r, f)
	}
	if err != nil {
		f.Problem = s.explain(r, err)
		s.boardWith(w, r, status(err), f, pageNumber(f.Values))
		return
	}
	q := url.Values{"done": {f.Act}}
	if page > 1 {
		q.Set("page", strconv.Itoa(page))
	}
	if open != "" {
		q.Set("open", open)
	}
	to := ""
	if at := cmp.Or(open, f.Typed("id")); at != "" && f.Act != removeWidget {
		to = "#" + url.PathEscape("widget-"+at)
	}
	http.Redirect(w, r, "/board?"+q.Encode()+to, http.StatusSeeOther)
}

// actOnBoard makes the change of a form, and returns which page and which widget are to be shown then.
func (s *site) actOnBoard(r *http.Request, f form) (page int, open string, err error) {
	version, err := strconv.ParseInt(f.Typed("version"), 10, 64)
	if err != nil {
		return 0, "", fault.New(fault.Invalid, "version: got %q, want a number", f.Typed("version"))
	}
	b, err := s.Service.Board(r.Context(), "")
	if err != nil {
		return 0, "", err
	}
	if b.Version != version {
		return 0, "", fault.New(fault.Conflict, "your board was changed meanwhile, perhaps in another window: nothing was changed, and this is what it is now")
	}
	if f.Act == preset {
		_, err := s.Service.ResetBoard(r.Context(), "")
		return 1, "", err
	}
	c := boardChange{form: f, pages: b.Pages, page: pageOf(f.Values, &b)}
	if err := c.make(); err != nil {
		return 0, "", err
	}
	saved, err := s.Service.PutBoard(r.Context(), api.BoardEdit{Version: &version, Pages: c.pages})
	if err != nil {
		return 0, "", err
	}
	if f.Act == addWidget {
		widgets := saved.Pages[c.page-1].Widgets
		open = widgets[len(widgets)-1].ID
	}
	return c.page, open, nil
}
