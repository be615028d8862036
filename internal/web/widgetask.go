package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"tocsin/internal/api"
	"tocsin/internal/board"
	"tocsin/internal/bookmark"
	"tocsin/internal/fault"
)

func (s *site) ask(r *http.Request, w *widget) (err error) {
	ctx := r.Context()
	switch w.Kind {
	case board.Alerts:
		return s.askAlerts(ctx, w)
	case board.Counts:
		return s.askCounts(ctx, w)
	case board.Rate:
		w.Rates, err = s.rates(ctx, w.Now)
	case board.Events:
		return s.askEvents(ctx, w)
	case board.Exporters:
		w.To = "/flows/exporters"
		w.Exporters, err = s.Service.Exporters(ctx)
	case board.Views:
		w.To = "/views"
		w.Views, err = s.Service.Views(ctx, "")
	case board.Reports:
		w.To = reportsPath
		w.Reports, err = s.Service.Reports(ctx, "")
	case board.Report:
		return s.askReport(ctx, w)
	case board.Ranking:
		return s.askRanking(r, w)
	case board.Sessions:
		return s.askSessions(ctx, w)
	}
	return err
}

func (s *site) askEvents(ctx context.Context, w *widget) error {
	where, err := w.filter()
	if err != nil {
		return err
	}
	w.Events, err = s.newest(ctx, where, w.Shown())
	return err
}

func (s *site) askAlerts(ctx context.Context, w *widget) (err error) {
	w.To = bookmark.Alerts{State: "all", Severity: w.MinSeverity}.Address(bookmark.AlertsPage)
	w.Define = mayDefine(ctx, definePath)
	q := api.AlertRequest{Limit: w.Rows, MinSeverity: w.MinSeverity}
	if api.Caller(ctx).Admin {
		q.User = "*"
	}
	if w.Alerts, err = s.Service.Alerts(ctx, q); err == nil {
		w.Silenced = s.untold(ctx, w.Alerts)
	}
	return err
}

func (s *site) askCounts(ctx context.Context, w *widget) error {
	list := alertList{Filter: bookmark.Alerts{State: bookmark.Active}}
	w.To = bookmark.AlertsPage
	q, err := list.Filter.Request(w.Now, 1)
	if err != nil {
		return err
	}
	counts, err := s.Service.CountAlerts(ctx, q)
	if err != nil {
		return err
	}
	list.count(counts)
	w.Counts = list.Counts
	return nil
}

// flows returns what a widget about flows asks: its view, or the page as it begins.
func (s *site) flows(ctx context.Context, w *widget, page string) (bookmark.Flows, error) {
	if w.View == "" {
		return bookmark.ReadFlows(nil), nil
	}
	list, err := s.Service.Views(ctx, "")
	if err != nil {
		return bookmark.Flows{}, err
	}
	at := slices.IndexFunc(list, func(v api.View) bool { return v.Name == w.View })
	if at < 0 {
		return bookmark.Flows{}, fault.New(fault.NotFound, "there is no view %q any more: change this widget, or save a view of that name", w.View)
	}
	v, err := bookmark.Parse(list[at].Address, w.Now)
	if err != nil {
		return bookmark.Flows{}, err
	}
	if v.Page != page {
		return bookmark.Flows{}, fault.New(fault.Invalid, "the view %q is of %s by now, and this widget shows one of %s", w.View, v.Page, page)
	}
	return v.Flows, nil
}

func (s *site) askRanking(r *http.Request, w *widget) error {
	ask, err := s.flows(r.Context(), w, bookmark.RankingPage)
	if err != nil {
		return err
	}
	w.To, w.Define = ask.Address(bookmark.RankingPage), mayDefine(r.Context(), defineAddress(ask))
	if w.Rows != 0 {
		ask.Rows = w.Rows
	}
	p := &trafficPage{frame: frame{Now: w.Now}, Ask: ask, Bys: bookmark.Bys(), Ranks: bookmark.Ranks()}
	p.Entity = name(p.Bys, ask.By)
	if err := s.fillTraffic(r, p); err != nil {
		return err
	}
	w.Ranking = p
	return nil
}

func (s *site) askSessions(ctx context.Context, w *widget) error {
	ask, err := s.flows(ctx, w, bookmark.SessionsPage)
	if err != nil {
		return err
	}
	w.To = ask.Address(bookmark.SessionsPage)
	since, until, err := ask.Times(w.Now)
	if err != nil {
		return err
	}
	p := &sessionPage{Ask: ask}
	if p.Answer, err = s.Service.FlowSessions(ctx, ask.Sessions(since, until, w.Rows)); err == nil {
		w.Sessions = p
	}
	return err
}

func (s *site) askReport(ctx context.Context, w *widget) error {
	if w.Widget.Report == "" {
		return fault.New(fault.Invalid, "no report was chosen yet: change this page, and say which of your reports this widget shows")
	}
	one, err := s.Service.ReportResult(ctx, api.ResultRef{Report: w.Widget.Report})
	if err != nil {
		return err
	}
	w.To, w.Called = one.Page(), cmp.Or(w.Title, one.Report)
	w.Result, w.Table = &one, newResultTable(&one, w.Rows)
	return nil
}
