package httpapi

import (
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"tocsin/internal/permission"
)

// pageRoutes are the pages for people. What a form asks for needs the same as the call of the API that does it.
func (s *Server) pageRoutes() []route {
	page := func(at, doc string) route {
		return route{method: "GET", path: at, op: permission.Pages, page: true, handle: plain(s.pages), out: "", media: "text/html", doc: doc}
	}
	posted := func(at string, op permission.Operation, doc string) route {
		return route{method: "POST", path: at, op: op, page: true, handle: s.postPage, body: form, doc: doc}
	}
	asset := func(at, media, doc string) route {
		return route{method: "GET", path: at, op: permission.Assets, page: true, handle: plain(s.pages), out: "", media: media, doc: doc}
	}
	csv := page("/alerts.csv", "The list of alerts as a table for spreadsheets.")
	csv.media = "text/csv"
	rows := page("/reports/{report}/{result}/csv", "The rows of a result as a table for spreadsheets.")
	rows.media = "text/csv"
	return []route{
		page("/{$}", "The page."),
		page("/alerts", "The list of alerts."), posted("/alerts", permission.ActOnAlert, "Acts on the selected alerts."), csv,
		page("/alerts/{id}", "One alert."), posted("/alerts/{id}", permission.ActOnAlert, "Acts on one alert."),
		page("/flows", "Who makes the most traffic."), page("/flows/sessions", "Its sessions."), page("/flows/exporters", "Who tells of it."),
		page("/names", "What things are called."), posted("/names", permission.ChangeName, "Gives names, takes them back, and takes a file of them."),
		page("/names/groups", "Traffic groups."), posted("/names/groups", permission.ChangeGroup, "Makes, changes and removes traffic groups."),
		page("/flows/alert", "Makes an alert about flows."), posted("/flows/alert", permission.ChangeRule, "Shows what an alert about flows would have found, and makes it."),
		page("/rules", "The rules."), posted("/rules", permission.EnableRule, "Lets rules judge and rest."),
		page("/rules/new", "Makes a rule."), posted("/rules/new", permission.ChangeRule, "Shows what a rule would have found, and makes it."),
		page("/rules/{id}", "One rule."), posted("/rules/{id}", permission.ChangeRule, "Shows what a changed rule would have found, changes it, lets it judge and rest, deletes it."),
		page("/silences", "Silences, windows and exclusions."), posted("/silences", permission.ChangeMute, "Makes and ends silences, windows and exclusions."),
		page("/board", "What one's first page is made of."), posted("/board", permission.ChangeBoard, "Changes it."), page("/board/widget", "One widget of the first page."),
		page("/views", "The views that one keeps."), posted("/views", permission.ChangeView, "Keeps and removes views."),
		page("/reports", "The reports that one has made on a schedule."), posted("/reports", permission.ChangeReport, "Sets up, runs, pauses and removes reports."),
		page("/reports/{report}", "One report and its results."), page("/reports/{report}/{result}", "One result."), rows,
		page("/me", "What one is told, where and when."), posted("/me", permission.ChangePreferences, "Changes that, tests it, makes and revokes tokens."),
		page("/settings/mail", "The mail server."), posted("/settings/mail", permission.ChangeMail, "Sets the mail server."),
		page("/notices", "What people were told."), posted("/notices", permission.SendNotices, "Sends notices again."),
		page("/users", "The accounts."), posted("/users", permission.AddUser, "Adds and changes accounts."),
		page("/audit", "Who changed what."),

		asset("/login", "text/html", "The page to log in."),
		asset("/assets/{file}", "text/plain", "What the page is made of."),
		{method: "POST", path: "/login", op: permission.LogIn, page: true, handle: s.postLogin, body: form, doc: "Logs in from the page."},
		{method: "POST", path: "/logout", op: permission.Leave, page: true, handle: s.postLogout, body: form, doc: "Logs out from the page."},
	}
}

// postPage hands a form to the pages, which bound how long it may be; here is bounded how long it may take.
func (s *Server) postPage(w *response, r *http.Request) error {
	if err := w.control.SetReadDeadline(time.Now().Add(idle)); err == nil {
		defer func() { _ = w.control.SetReadDeadline(time.Time{}) }()
	}
	s.pages.ServeHTTP(w, r)
	return nil
}

// maxNext bounds the address, in bytes, of the page that the login leads to.
const maxNext = 4096

// loginFor returns the address of the login that leads back to what was asked for. Who sent a form is led to its page: what
// he typed is lost, and is not done unasked.
func loginFor(r *http.Request) string {
	next := r.URL.RequestURI()
	if next == "/" || landing(next) != next {
		return "/login"
	}
	return "/login?next=" + url.QueryEscape(next)
}

// landing returns where a login leads: next when that is a page of this site, else the first. What browsers read as the
// address of another site, such as //example.org and /\example.org, is none of ours.
func landing(next string) string {
	const first = "/"
	if len(next) > maxNext || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\x7f") ||
		strings.ContainsFunc(next, func(r rune) bool { return r < ' ' }) {
		return first
	}
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || u.User != nil || u.Path != path.Clean(u.Path) {
		return first
	}
	for _, other := range []string{"/login", "/logout", "/api/", "/assets/"} {
		if strings.HasPrefix(u.Path, other) {
			return first
		}
	}
	return next
}
