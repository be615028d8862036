package web

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/web/webtest"
)

// own is the part of told that people keep for themselves.
type own struct {
	saved    []api.View
	keeps    []api.ViewEdit
	board    api.Board // without pages: what everybody begins with
	boardErr error
}

func (s *told) Views(context.Context, string) ([]api.View, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.saved), s.err
}

func (s *told) PutView(_ context.Context, q api.ViewEdit) (api.View, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse != nil {
		return api.View{}, s.refuse
	}
	s.keeps = append(s.keeps, q)
	v := api.View{Name: q.Name, Address: q.Address}
	s.saved = append(s.saved, v)
	return v, nil
}

func (s *told) DeleteView(_ context.Context, q api.ViewRemoval) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saved = slices.DeleteFunc(s.saved, func(v api.View) bool { return v.Name == q.Name })
	return s.refuse
}

// What a page shows is what its form keeps, without what passes: what was done, where the list went on, what is usual.
func TestPagesAreKept(t *testing.T) {
	s := scene()
	for path, want := range map[string]string{
		"/alerts": "/alerts", "/alerts?severity=high&done=sent&behind=1.1": "/alerts?severity=HIGH", "/flows?by=port&rows=5&side=": "/flows?by=port&amp;rows=5",
		"/flows/sessions?order=bytes&since=1h": "/flows/sessions?order=bytes&amp;since=1h",
	} {
		if text := page(t, s, path, api.Identity{User: "bob"}); !strings.Contains(text, `name="address" value="`+want+`"`) {
			t.Errorf("the form of %s does not keep %s", path, want)
		}
	}
	w := send(t, s, "/views", api.Identity{User: "alice"}, url.Values{"act": {keepView}, "name": {" night "}, "address": {"/flows?since=24h"}})
	if to := w.Header().Get("Location"); w.Code != 303 || to != "/flows?since=24h&done=keepview" {
		t.Errorf("keeping a view = %d to %s", w.Code, to)
	}
	if len(s.keeps) != 1 || s.keeps[0] != (api.ViewEdit{Name: "night", Address: "/flows?since=24h"}) {
		t.Errorf("asked to keep %+v", s.keeps)
	}
	if text := page(t, s, "/flows?since=24h&done=keepview", api.Identity{User: "bob"}); !strings.Contains(text, "View saved.") {
		t.Error("the page does not say that it was kept")
	}
	s.refuse = fault.New(fault.Conflict, "there is a view %q already", evil)
	w = send(t, s, "/views", api.Identity{User: "alice"}, url.Values{"act": {keepView}, "name": {evil}, "address": {"/flows?where=" + evil}})
	text := w.Body.String()
	for _, want := range []string{"there is a view", `name="replace"`, "&lt;script&gt;alert(1)"} {
		if w.Code != 409 || !strings.Contains(text, want) {
			t.Errorf("a view that is refused = %d without %q", w.Code, want)
		}
	}
	for _, bad := range badSigns {
		if strings.Contains(text, bad) {
			t.Errorf("page holds %q", bad)
		}
	}
	s.refuse = nil
	if w = send(t, s, "/views", api.Identity{User: "alice"}, url.Values{"act": {removeView}, "name": {"night"}}); w.Code != 303 || len(s.saved) != 0 {
		t.Errorf("removing a view = %d, %v left", w.Code, s.saved)
	}
	if w = send(t, s, "/views", api.Identity{User: "alice"}, url.Values{"act": {"other"}}); w.Code != 422 {
		t.Errorf("a form of no such act = %d", w.Code)
	}
}

func TestViewsInBrowser(t *testing.T) {
	webtest.Browser(t)
	for name, screen := range screens {
		t.Run(name, func(t *testing.T) {
			s := scene()
			s.saved = []api.View{{Name: "Old <b>", Address: "/alerts?severity=HIGH"}}
			b := tab(t, s, screen, "/flows?since=24h")
			b.Click(".keep summary")
			b.Looks("keep-" + name)
			b.Type(`.keep input[name=name]`, "ssh, a day")
			b.Click(`.keep button`)
			b.Shows(".done", "View saved.")
			b.Go("/views")
			b.Shows(".saved", "ssh, a day")
			b.Looks("views-" + name)
			b.Click(`.saved .row:first-child button`)
			b.Shows(".done", "View removed.")
			b.Until(`!document.querySelector(".saved").textContent.includes("Old")`)
		})
	}
}
