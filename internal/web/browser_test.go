package web

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"tocsin/internal/api"
	"tocsin/internal/web/webtest"
)

// policy is that of the server behind which the pages stand.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// door is the least login that a page can stand behind, with a stream that tells of each change.
func door(pages http.Handler, changed <-chan struct{}, cut, silent *atomic.Bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("user") != "alice" || r.FormValue("password") != "right" {
			http.Redirect(w, r, "/login?problem=denied", http.StatusSeeOther)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "in", Value: "yes", Path: "/", HttpOnly: true})
		to := r.FormValue("next")
		if to == "" {
			to = "/"
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
	})
	mux.HandleFunc("POST /logout", func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "in", Path: "/", MaxAge: -1})
		http.Redirect(w, r, "/login", http.StatusSeeOther)
	})
	mux.HandleFunc("GET /api/v1/alerts/stream", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, ": here\n\n")
		_ = http.NewResponseController(w).Flush()
		for {
			select {
			case <-changed:
				_, _ = io.WriteString(w, "id: 1\nevent: alert\ndata: {}\n\n")
				_ = http.NewResponseController(w).Flush()
			case <-r.Context().Done():
				return
			}
		}
	})
	mux.Handle("/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if cut.Load() {
			panic(http.ErrAbortHandler)
		}
		if silent.Load() {
			<-r.Context().Done()
			return
		}
		w.Header().Set("Content-Security-Policy", policy)
		if _, err := r.Cookie("in"); err != nil && r.URL.Path != "/login" && !strings.HasPrefix(r.URL.Path, "/assets/") {
			to := "/login"
			if r.URL.Path != "/" {
				to += "?next=" + url.QueryEscape(r.URL.RequestURI())
			}
			http.Redirect(w, r, to, http.StatusSeeOther)
			return
		}
		pages.ServeHTTP(w, r.WithContext(api.As(r.Context(), api.Identity{User: "alice", Admin: true})))
	}))
	return mux
}

// serve shows the pages of a service to browsers.
func serve(t *testing.T, s *told) string {
	t.Helper()
	h, err := New(Options{Service: s, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(door(h, s.changed, &s.cut, &s.silent))
	t.Cleanup(func() {
		server.CloseClientConnections() // the stream
		server.Close()
	})
	return server.URL
}

// screens are those that every page is looked at on.
var screens = map[string]webtest.Screen{"wide": {}, "phone": {Phone: true, Dark: true}, "dark": {Dark: true}}

func TestInBrowser(t *testing.T) {
	webtest.Browser(t)
	for name, screen := range screens {
		t.Run(name, func(t *testing.T) {
			webtest.Run(t, webtest.Site{URL: serve(t, scene()), User: "alice", Password: "right", Alert: "Scan of many hosts", Event: "GET /login", Name: "overview-" + name, Screen: screen})
		})
	}
}

// tab opens a page as alice.
func tab(t *testing.T, s *told, screen webtest.Screen, path string) *webtest.Tab {
	t.Helper()
	b := webtest.Open(t, serve(t, s), screen)
	b.Go(path)
	b.LogIn("alice", "right")
	b.At(path)
	return b
}

// A person takes an alert on, says something, gives it away and closes it, each by clicks.
func TestAlertInBrowser(t *testing.T) {
	webtest.Browser(t)
	for name, screen := range screens {
		t.Run(name, func(t *testing.T) {
			s := scene()
			b := tab(t, s, screen, "/alerts/17")
			b.Shows("h1", "HIGH")
			b.Shows(".why", "154 different destination.ip")
			b.Looks("alert-" + name)
			b.Click(`details[data-act=acknowledge] summary`)
			b.Type(`details[data-act=acknowledge] input[name=note]`, "mine "+evil)
			b.Choose(`details[data-act=acknowledge] select`, "4h")
			b.Looks("alert-ack-" + name)
			b.Click(`button[value=acknowledge]`)
			b.Shows(".done", "Acknowledged.")
			b.Shows("#live-head", "Taken on by alice")
			b.Shows("#live-head", "mine <script>alert(1)</script>")

			b.Press("c")
			b.Press("what it is " + evil)
			b.Click(`button[value=comment]`)
			b.Shows("#live-log", "what it is <script>")

			b.Click(`details[data-act=assign] summary`)
			b.Type(`input[name=to]`, "bob")
			b.Click(`button[value=assign]`)
			b.Shows(".facts", "assigned to bob")

			b.Click(`details[data-act=close] summary`)
			b.Click(`input[value=false]`)
			b.Looks("alert-close-" + name)
			b.Click(`button[value=close]`)
			b.Shows("#live-head", "Closed as false by alice")
			b.Hides(`button[value=close]`)
			b.Looks("alert-closed-" + name)
		})
	}
}

// The list is gone through by the keyboard: rows, selection, acknowledging, searching, help; and the keys can be switched off.
func TestListByKeyboard(t *testing.T) {
	webtest.Browser(t)
	s := scene()
	b := tab(t, s, webtest.Screen{}, "/alerts")
	focused := `document.activeElement.closest("li.row")?.id`
	b.Press("j")
	b.Until(focused + ` === "alert-17"`)
	b.Press("jjk")
	b.Until(focused + ` === "alert-16"`)
	b.Press("x")
	b.Shows("#chosen", "1 selected")
	b.Press("kx")
	b.Shows("#chosen", "2 selected")
	b.Looks("list-selected")
	b.Press("a")
	b.Shows(".done", "2 alerts: acknowledged.")
	if got := s.acted(); len(got) != 2 || got[0].ID != 17 || got[1].ID != 16 || got[0].Act != api.Acknowledge {
		t.Errorf("acts = %+v, want 17 and 16 acknowledged", got)
	}
	b.Press("/")
	b.Until(`document.activeElement.name === "text"`)
	b.Until(`document.activeElement.value = "many j"`)
	b.Press("\r")
	b.At("/alerts?text=many+j")
	b.Shows(".nothing", "No alert passes this filter")
	b.Go("/alerts")
	b.Press("j\r")
	b.At("/alerts/17")
	b.Press("u")
	b.At("/alerts")
	b.Press("jc")
	b.Until(`location.pathname === "/alerts/17" && document.activeElement.name === "note"`)
	b.Go("/alerts")
	b.Press("?")
	b.Until(`document.getElementById("keys").open`)
	b.Looks("keys")
	b.Click("#keys-on")
	b.Click("#keys form button")
	b.Press("j")
	if b.True(focused + ` !== undefined`) {
		t.Error("the keys work though they were switched off")
	}
}

func TestListInBrowser(t *testing.T) {
	webtest.Browser(t)
	for name, screen := range screens {
		t.Run(name, func(t *testing.T) {
			s := scene()
			b := tab(t, s, screen, "/alerts")
			b.Shows("#list", "Scan of many hosts")
			b.Looks("list-" + name)
			b.Click(`.bar summary`)
			b.Looks("list-close-" + name)
			b.Click(`#alert-17 input`)
			b.Choose(`select[name=disposition]`, "expected")
			b.Click(`button[value=close]`)
			b.Shows(".done", "Closed.")
			b.Hides("#alert-17")
			b.Click(`.views a`)
			b.Shows("#groups", "ssh-scan")
			b.Looks("groups-" + name)
			b.Go("/alerts?text=nothing+like+that")
			b.Looks("list-empty-" + name)
		})
	}
}
