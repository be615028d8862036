package app

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/web"
)

// Every widget shows bob what lies within his bounds and nothing else, and nobody's views and board but his own are his.
func TestBoardIsBounded(t *testing.T) {
	b := bound(t)
	at := time.Now().Add(-time.Minute).UTC().Format(time.RFC3339)
	flow := func(id, source string) string {
		return `{"@timestamp":"` + at + `","flow.id":` + id + `,"flow.role":"client","source.ip":"` + source + `","source.port":40000,"destination.ip":"198.51.100.9","destination.port":22,"source.bytes":5000,"source.packets":20}`
	}
	_, err := b.svc.Append(b.admin, api.AppendRequest{Kind: "flow"}, strings.NewReader(flow("1", "10.0.0.7")+"\n"+flow("2", "192.0.2.1")+"\n"))
	b.must(err)
	b.must(b.svc.Flush(b.admin))
	for user, v := range map[string]api.View{"bob": {Name: "hosts", Address: "/flows?since=1h"}, "anna": {Name: "hidden view", Address: "/flows?since=1h&by=port"}} {
		_, err := b.svc.PutView(b.admin, api.ViewEdit{User: user, Name: v.Name, Address: v.Address})
		b.must(err)
	}
	widgets := []api.Widget{{Kind: "alerts", Rows: 50}, {Kind: "counts"}, {Kind: "ranking", View: "hosts"}, {Kind: "sessions"}, {Kind: "events", Rows: 100}, {Kind: "rate"},
		{Kind: "exporters"}, {Kind: "health"}, {Kind: "views"}, {ID: "other", Kind: "ranking", View: "of anna"}}
	_, err = b.svc.PutBoard(b.bob, api.BoardEdit{Pages: []api.BoardPage{{Name: "mine", Columns: 2, Widgets: widgets}}})
	b.must(err)
	pages, err := web.New(web.Options{Service: b.svc, Log: slog.New(slog.DiscardHandler)})
	b.must(err)
	get := func(path string) string {
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, httptest.NewRequestWithContext(b.bob, http.MethodGet, path, http.NoBody))
		if w.Code != http.StatusOK {
			t.Errorf("GET %s = %d", path, w.Code)
		}
		return w.Body.String()
	}
	clean := func(path, text string) { // "hidden" is a word of HTML as well
		b.clean(path, strings.NewReplacer(`aria-hidden="true"`, "", `type="hidden"`, "", " hidden>", ">").Replace(text))
	}
	whole := get("/?all=yes")
	clean("the board", whole)
	for _, want := range []string{"10.0.0.1", "10.0.0.7", "mine, mapped", "1 of 1 sessions", "exporters.list: only administrators may", "there is no view &#34;of anna&#34; any more", ">hosts<"} {
		if !strings.Contains(whole, want) {
			t.Errorf("the board lacks %q", want)
		}
	}
	for _, path := range []string{"/", "/board", "/views", "/board/widget?id=w1", "/board/widget?id=w3", "/board/widget?id=w4", "/board/widget?id=w5", "/?all=yes&where=true"} {
		clean(path, get(path))
	}

	_, err = b.svc.Views(b.bob, "anna")
	refused := map[string]error{"Views": err}
	_, refused["PutView"] = b.svc.PutView(b.bob, api.ViewEdit{User: "anna", Name: "x", Address: "/flows"})
	refused["DeleteView"] = b.svc.DeleteView(b.bob, api.ViewRemoval{User: "anna", Name: "hidden view"})
	_, refused["Board"] = b.svc.Board(b.bob, "anna")
	_, refused["PutBoard"] = b.svc.PutBoard(b.bob, api.BoardEdit{User: "anna", Pages: []api.BoardPage{{Name: "x"}}})
	_, refused["ResetBoard"] = b.svc.ResetBoard(b.bob, "anna")
	_, refused["PutView of anna's alerts"] = b.svc.PutView(b.bob, api.ViewEdit{Name: "x", Address: "/alerts?owner=anna"})
	for what, err := range refused {
		if fault.Kind(err) != fault.Denied {
			t.Errorf("%s by bob = %v, want denied", what, err)
		}
	}
	if list, err := b.svc.Views(b.admin, "anna"); err != nil || len(list) != 1 {
		t.Errorf("anna's views = %v, %v", list, err)
	}
}

// A page whose filter names a list that is not there says so in words, and finds once there is one; what somebody may see never
// depends on one.
func TestPagesNameListsThatAreNotThere(t *testing.T) {
	b := bound(t)
	at := time.Now().Add(-time.Minute).UTC().Format(time.RFC3339)
	_, err := b.svc.Append(b.admin, api.AppendRequest{Kind: "flow"}, strings.NewReader(`{"@timestamp":"`+at+`","flow.id":1,"flow.role":"client","source.ip":"10.0.0.7","source.port":40000,"destination.ip":"198.51.100.9","destination.port":22,"source.bytes":5000,"source.packets":20}`+"\n"))
	b.must(err)
	b.must(b.svc.Flush(b.admin))
	const named = `source.ip in list("foes")`
	if _, err := b.svc.PutView(b.admin, api.ViewEdit{User: "bob", Name: "foes", Address: "/flows?" + url.Values{"where": {named}}.Encode()}); fault.Kind(err) != fault.Invalid || !strings.Contains(err.Error(), `no list "foes"`) {
		t.Errorf("PutView with a list that is not there = %v", err)
	}
	if err := b.svc.FilterUser(b.admin, "bob", named); fault.Kind(err) != fault.Invalid || !strings.Contains(err.Error(), "a list may change at any time") {
		t.Errorf("FilterUser by a list = %v", err)
	}
	_, err = b.svc.PutBoard(b.bob, api.BoardEdit{Pages: []api.BoardPage{{Name: "mine", Columns: 1, Widgets: []api.Widget{{Kind: "events", Where: named}}}}})
	b.must(err)
	pages, err := web.New(web.Options{Service: b.svc, Log: slog.New(slog.DiscardHandler)})
	b.must(err)
	get := func(path string) string {
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, httptest.NewRequestWithContext(b.bob, http.MethodGet, path, http.NoBody))
		return w.Body.String()
	}
	asked := "where=" + url.QueryEscape(named)
	paths := []string{"/flows?" + asked, "/flows/sessions?" + asked, "/?all=yes"}
	for _, path := range paths {
		if text := get(path); !strings.Contains(text, `no list &#34;foes&#34;: there is none (a list is a file of the data directory, here lists/foes.txt`) {
			t.Errorf("GET %s does not say that there is no such list", path)
		}
	}
	b.must(os.MkdirAll(filepath.Join(b.data, "lists"), 0o700))
	b.must(os.WriteFile(filepath.Join(b.data, "lists", "foes.txt"), []byte("10.0.0.0/29\n"), 0o600))
	for _, path := range paths {
		if text := get(path); strings.Contains(text, `no list`) || !strings.Contains(text, "10.0.0.7") {
			t.Errorf("GET %s does not find what is on the list", path)
		}
	}
}
