package web

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"golang.org/x/sync/errgroup"

	"tocsin/internal/api"
	"tocsin/internal/board"
	"tocsin/internal/fault"
)

// Bounds of how many newest events are shown.
const (
	fewestRows = 10
	mostRows   = 500
)

// maxFilter bounds the filter that a page takes, in bytes.
const maxFilter = 4096

// atOnce bounds the widgets of one page that ask at the same time.
const atOnce = 2

// An overview is one page of somebody's board. Each widget has its own problem, so that one that fails leaves the others.
type overview struct {
	frame

	Problem       string
	Page          int // from 1 on
	Tabs          []boardTab
	Columns       [][]*widget
	Health        api.Health
	HealthProblem string
}

// A boardTab leads to a page of the board.
type boardTab struct {
	Name, To string
	Here     bool
}

func (s *site) overview(w http.ResponseWriter, r *http.Request) {
	o := overview{frame: s.frame(r, "Overview", "/")}
	o.Live = true
	b, err := s.board(r)
	if err != nil {
		o.Problem = "Your board cannot be read now, and this is what everybody begins with: " + s.explain(r, err)
	}
	o.Page = pageOf(r.URL.Query(), &b)
	o.Tabs = tabs(&b, o.Page, "/")
	here := &b.Pages[o.Page-1]
	o.Health, err = s.Service.Health(r.Context())
	o.HealthProblem = s.problem(r.Context(), "health", err)

	whole := r.URL.Query().Get("all") != ""
	if !whole {
		q := r.URL.Query()
		q.Set("all", "yes")
		o.Whole = "/?" + q.Encode()
	}
	o.Columns = make([][]*widget, max(1, here.Columns))
	var asking errgroup.Group
	asking.SetLimit(atOnce)
	searched := false
	for i := range here.Widgets {
		one := s.widget(&o, &here.Widgets[i], r.URL.Query())
		one.Search = one.Kind == board.Events && !searched
		searched = searched || one.Search
		if !one.Search {
			one.forget()
		}
		at := min(max(one.Column, 1), len(o.Columns)) - 1
		o.Columns[at] = append(o.Columns[at], one)
		if one.AsksMuch() && !whole {
			one.Part = one.address(o.Page)
			continue
		}
		asking.Go(func() error {
			s.fill(r, one)
			return nil
		})
	}
	_ = asking.Wait() // each widget has its own problem
	s.show(w, http.StatusOK, "overview.html", o)
}

// board returns that of who asks, or what everybody begins with and why.
func (s *site) board(r *http.Request) (api.Board, error) {
	b, err := s.Service.Board(r.Context(), "")
	if err == nil && len(b.Pages) > 0 {
		return b, nil
	}
	return api.Board{Preset: true, Pages: board.Preset(false)}, err
}

// pageOf returns which page of a board an address asks for, from 1 on; the first when there is no such one.
func pageOf(q url.Values, b *api.Board) int {
	if n, err := strconv.Atoi(q.Get("page")); err == nil && n >= 1 && n <= len(b.Pages) {
		return n
	}
	return 1
}

func tabs(b *api.Board, here int, path string) (list []boardTab) {
	for i, p := range b.Pages {
		to := path
		if i > 0 {
			to += "?page=" + strconv.Itoa(i+1)
		}
		list = append(list, boardTab{Name: p.Name, To: to, Here: i+1 == here})
	}
	return list
}

// problem says to the person why a part is missing, and all of it to the log. What is tocsin's own fault is told in full to
// administrators alone, as by explain.
func (s *site) problem(ctx context.Context, part string, err error) string {
	if err == nil || ctx.Err() != nil {
		return ""
	}
	s.Log.Warn("part of the page not made", "part", part, "err", err)
	if fault.Kind(err) == nil && !api.Caller(ctx).Admin {
		return "This cannot be shown now; tocsin's log says why."
	}
	return "This cannot be shown now: " + err.Error()
}
