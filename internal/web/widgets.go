package web

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/board"
	"tocsin/internal/fault"
	"tocsin/internal/filter"
)

// widgetLimit is how long the question of a widget may take: who looks at a page does not wait longer.
const widgetLimit = 5 * time.Second

// A widget is one part of a board, with what it shows.
type widget struct {
	api.Widget

	Called  string // its title, or that of its kind
	Part    string // from where it is loaded by itself; "" when all of it is here
	Problem string
	To      string // the page that has more of it; "" for none
	Define  string // the form that makes an alert, of what it shows where it can; "" for none, and for who may not
	Now     time.Time

	Alerts    []alert.Alert
	Silenced  map[int64]bool // of which nobody is told now
	Counts    []severityCount
	Rates     []rate
	Events    []row
	Search    bool   // it has the form that filters events
	Typed     string // what was typed there
	Page      int    // of the board
	Health    *api.Health
	Exporters []api.Exporter
	Views     []api.View
	Reports   []api.Report
	Result    *api.ReportResult
	Table     resultTable // of Result
	Ranking   *trafficPage
	Sessions  *sessionPage

	more int // rows that were asked for in the address; 0: none
}

// widget makes one that asks nothing yet. The form of a page filters events and says how many.
func (s *site) widget(o *overview, w *api.Widget, q url.Values) *widget {
	one := &widget{Widget: *w, Called: w.Title, Now: o.Now, Page: o.Page}
	k, err := board.KindOf(w.Kind)
	if err != nil {
		one.Problem = "There is no such kind of widget: " + w.Kind
		return one
	}
	one.Called = cmp.Or(w.Title, k.Title)
	if w.Kind != board.Ranking { // a view of it says how many rows
		one.Rows = cmp.Or(w.Rows, k.Rows)
	}
	switch w.Kind {
	case board.Health:
		if o.HealthProblem == "" {
			one.Health = &o.Health
		}
	case board.Events:
		if where := q.Get("where"); len(where) <= maxFilter {
			one.Typed = where
		}
		if n, err := strconv.Atoi(q.Get("rows")); err == nil {
			one.more = min(max(n, fewestRows), mostRows)
		}
	}
	return one
}

// forget leaves out what was typed into the form of another widget.
func (w *widget) forget() { w.Typed, w.more = "", 0 }

// filter is by what events are filtered: by what was typed, within what the widget shows. Either may be in FlowTraq's spelling, so
// that both come together as tocsin spells them.
func (w *widget) filter() (string, error) {
	if w.Typed == "" || w.Where == "" {
		return w.Typed + w.Where, nil
	}
	shown, err := filter.ParseNaming(w.Where)
	if err != nil {
		return "", err
	}
	typed, err := filter.ParseNaming(w.Typed)
	if err != nil {
		return "", fault.New(fault.Invalid, "%w", err)
	}
	return filter.And(shown, typed).String(), nil
}

// Shown is how many events are shown.
func (w *widget) Shown() int { return cmp.Or(w.more, w.Rows) }

// Choices are those of how many events are shown.
func (w *widget) Choices() []int {
	list := []int{10, 50, 100, 200, 500}
	if !slices.Contains(list, w.Shown()) {
		list = append(list, w.Shown())
		slices.Sort(list)
	}
	return list
}

// AsksMuch reports whether its question goes to the history, and so can take long.
func (w *widget) AsksMuch() bool {
	return slices.Contains([]string{board.Ranking, board.Sessions, board.Events, board.Rate}, w.Kind) && w.Problem == ""
}

// Every is after how many seconds it is asked for anew.
func (w *widget) Every() int {
	switch w.Kind {
	case board.Events:
		return 5
	case board.Rate:
		return 15
	}
	return 60
}

// address is where a widget comes from that is loaded by itself.
func (w *widget) address(page int) string {
	q := url.Values{"page": {strconv.Itoa(page)}, "id": {w.ID}}
	if w.Typed != "" {
		q.Set("where", w.Typed)
	}
	if w.more != 0 {
		q.Set("rows", strconv.Itoa(w.more))
	}
	return "/board/widget?" + q.Encode()
}

// loadWidget answers one widget of a page.
func (s *site) loadWidget(w http.ResponseWriter, r *http.Request) {
	b, failed := s.board(r) // of what everybody begins with the events are shown all the same
	o := overview{frame: s.frame(r, "Overview", "/"), Page: pageOf(r.URL.Query(), &b)}
	widgets := b.Pages[o.Page-1].Widgets
	at := slices.IndexFunc(widgets, func(one api.Widget) bool { return one.ID == r.URL.Query().Get("id") })
	if at < 0 && failed != nil {
		s.refuse(w, r, "/", failed)
		return
	}
	if at < 0 {
		s.refuse(w, r, "/", fault.New(fault.NotFound, "this widget is no longer on the page: load the page again"))
		return
	}
	if widgets[at].Kind == board.Health {
		var err error
		o.Health, err = s.Service.Health(r.Context())
		o.HealthProblem = s.problem(r.Context(), "health", err)
	}
	one := s.widget(&o, &widgets[at], r.URL.Query())
	s.fill(r, one)
	s.show(w, http.StatusOK, "widgetpart", one)
}

// fill asks what a widget shows, for so long as somebody waits.
func (s *site) fill(r *http.Request, w *widget) {
	if w.Problem != "" {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), widgetLimit)
	defer cancel()
	err := s.ask(r.WithContext(ctx), w)
	switch {
	case err == nil || r.Context().Err() != nil:
	case ctx.Err() != nil:
		w.Problem = "This takes longer than " + span(widgetLimit) + ": choose a shorter time or a narrower filter."
	case errors.Is(err, fault.Invalid), errors.Is(err, fault.NotFound), errors.Is(err, fault.Denied):
		w.Problem = err.Error() // of who made it so, which the log need not know
	default:
		w.Problem = s.problem(r.Context(), w.Kind, err)
	}
}
