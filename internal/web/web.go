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

	"tocsin/internal/api"
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
}

// New returns the handler of "/", "/login" and "/assets/".
func New(o Options) (http.Handler, error) {
	pages, err := template.New("").Funcs(template.FuncMap{
		"count": count, "size": size, "shape": shape, "lower": strings.ToLower, "stamp": stamp, "key": key,
	}).ParseFS(assets, "assets/*.html")
	if err != nil {
		return nil, err
	}
	s := &site{Options: o, pages: pages}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.overview)
	mux.HandleFunc("GET /login", s.login)
	mux.HandleFunc("GET /assets/page.css", asset("text/css; charset=utf-8", "assets/page.css"))
	mux.HandleFunc("GET /assets/page.js", asset("text/javascript; charset=utf-8", "assets/page.js"))
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
func (s *site) show(w http.ResponseWriter, name string, data any) {
	var b bytes.Buffer
	if err := s.pages.ExecuteTemplate(&b, name, data); err != nil {
		s.Log.Error("page not made", "page", name, "err", err)
		http.Error(w, "tocsin could not make this page; its log says why", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
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
	default:
		return "tocsin cannot check passwords at the moment. Its log says why."
	}
}

func (s *site) login(w http.ResponseWriter, r *http.Request) {
	s.show(w, "login.html", struct {
		Problem string
		Setup   bool
	}{problemText(r.URL.Query().Get("problem")), s.NeedsSetup != nil && s.NeedsSetup(r.Context())})
}
