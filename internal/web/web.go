// Package web shows tocsin to people: a page with the recent alerts, how fast events come in, the newest of them, and how
// everything is. It is served by whoever knows who asks: see api.Caller.
package web

import (
	"bytes"
	"context"
	"embed"
	"html/template"
	"log/slog"
	"net/http"
	"strings"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/bookmark"
)

//go:embed assets
var assets embed.FS

// Options are what the pages work with. Service and Log are needed.
type Options struct {
	Service api.Service
	Log     *slog.Logger
	// NeedsSetup says whether there is no administrator yet, so that the login asks for the token that was printed at the
	// first start. Nil: there is one.
	NeedsSetup func(context.Context) bool
	// SignOn is the name of the identity provider at which people can log in as well; "" where they cannot.
	SignOn string
}

// New returns the handler of the pages and of "/assets/".
func New(o Options) (http.Handler, error) {
	pages, err := template.New("").Funcs(template.FuncMap{
		"count": count, "size": size, "shape": shape, "lower": strings.ToLower, "stamp": stamp, "clock": clock, "key": key, "span": span,
		"bytes": octets, "at": at, "lasted": lasted, "name": name, "happened": happened, "noticeState": noticeState, "fors": spans, "mutespans": mutespans, "line": newLine, "words": words, "about": about, "named": named, "called": alert.Called, "known": known, "entity": entityName, "last": last, "exact": exact, "states": bookmark.States, "sinces": bookmark.Sinces, "severities": bookmark.Severities,
		"reportPath": reportPath, "schedule": scheduleAddress, "when": when, "everies": everies, "daysOfWeek": daysOfWeek, "daysOfMonth": daysOfMonth,
	}).ParseFS(assets, "assets/*.html")
	if err != nil {
		return nil, err
	}
	s := &site{Options: o, pages: pages}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.overview)
	mux.HandleFunc("GET /flows", s.traffic)
	mux.HandleFunc("GET /flows/sessions", s.trafficSessions)
	mux.HandleFunc("GET /flows/exporters", s.exporters)
	mux.HandleFunc("GET /flows/alert", s.define)
	mux.HandleFunc("POST /flows/alert", s.changeDefine)
	mux.HandleFunc("GET /rules", s.rules)
	mux.HandleFunc("POST /rules", s.changeRules)
	mux.HandleFunc("GET /rules/new", s.newRule)
	mux.HandleFunc("POST /rules/new", s.changeRule)
	mux.HandleFunc("GET /rules/{id}", s.rule)
	mux.HandleFunc("POST /rules/{id}", s.changeRule)
	mux.HandleFunc("GET /silences", s.mutes)
	mux.HandleFunc("POST /silences", s.changeMutes)
	mux.HandleFunc("GET /names", s.names)
	mux.HandleFunc("POST /names", s.changeNames)
	mux.HandleFunc("GET /names/groups", s.groups)
	mux.HandleFunc("POST /names/groups", s.changeGroups)
	mux.HandleFunc("GET /board", s.editBoard)
	mux.HandleFunc("POST /board", s.changeBoard)
	mux.HandleFunc("GET /board/widget", s.loadWidget)
	mux.HandleFunc("GET /views", s.views)
	mux.HandleFunc("POST /views", s.changeViews)
	mux.HandleFunc("GET /reports", s.reports)
	mux.HandleFunc("POST /reports", s.changeReports)
	mux.HandleFunc("GET /reports/{report}", s.report)
	mux.HandleFunc("GET /reports/{report}/{result}", s.result)
	mux.HandleFunc("GET /reports/{report}/{result}/csv", s.resultCSV)
	mux.HandleFunc("GET /me", s.me)
	mux.HandleFunc("POST /me", s.changeMe)
	mux.HandleFunc("GET /settings/mail", s.mail)
	mux.HandleFunc("POST /settings/mail", s.changeMail)
	mux.HandleFunc("GET /notices", s.notices)
	mux.HandleFunc("POST /notices", s.sendNotices)
	mux.HandleFunc("GET /users", s.users)
	mux.HandleFunc("POST /users", s.changeUsers)
	mux.HandleFunc("GET /audit", s.audit)
	mux.HandleFunc("GET /login", s.login)
	mux.HandleFunc("GET /alerts", s.alertsPage)
	mux.HandleFunc("POST /alerts", s.actOnAlerts)
	mux.HandleFunc("GET /alerts.csv", s.alertsCSV)
	mux.HandleFunc("GET /alerts/{id}", s.alert)
	mux.HandleFunc("POST /alerts/{id}", s.actOnAlert)
	for name, kind := range map[string]string{
		"page.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8", "keys.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml",
	} {
		mux.HandleFunc("GET /assets/"+name, asset(kind, "assets/"+name))
	}
	return mux, nil
}

type site struct {
	Options

	pages *template.Template
}

// asset answers an embedded file.
func asset(kind, name string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		text, err := assets.ReadFile(name)
		if err != nil {
			http.Error(w, "no such file", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Cache-Control", "max-age=300")
		_, _ = w.Write(text) // the asker may be gone
	}
}

// show answers a page, whole or not at all.
func (s *site) show(w http.ResponseWriter, code int, name string, data any) {
	var b bytes.Buffer
	if err := s.pages.ExecuteTemplate(&b, name, data); err != nil {
		s.Log.Error("page not made", "page", name, "err", err)
		http.Error(w, "tocsin could not make this page; its log says why", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write(b.Bytes()) // the asker may be gone
}

// problems are what the login page says about the words that the login sends it.
func problemText(word string) string {
	switch word {
	case "":
		return ""
	case "denied":
		return "Name and password are not right, or the account is locked."
	case "throttled":
		return "Too many wrong passwords. Wait a little, then try again."
	case "invalid":
		return "Name or password cannot be used like this: want a name of letters and digits, and a longer password."
	case "conflict":
		return "There is an administrator already. Log in without the token."
	case "elsewhere-denied", "elsewhere-invalid", "elsewhere-conflict":
		return "You were not let in from there. tocsin's log says why; an administrator can help."
	case "elsewhere-unavailable":
		return "The other login cannot be reached at the moment. A name and password of tocsin's own go on to work."
	default:
		return "tocsin cannot check passwords at the moment. Its log says why."
	}
}

// maxNext bounds the address, in bytes, of the page that the login leads to. Whether it leads there is for who takes the form
// to say.
const maxNext = 4096

func (s *site) login(w http.ResponseWriter, r *http.Request) {
	next := r.URL.Query().Get("next")
	if len(next) > maxNext {
		next = ""
	}
	s.show(w, http.StatusOK, "login.html", struct {
		Problem, Next, SignOn string
		Setup                 bool
	}{problemText(r.URL.Query().Get("problem")), next, s.SignOn, s.NeedsSetup != nil && s.NeedsSetup(r.Context())})
}
