package web

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/board"
	"tocsin/internal/fault"
	"tocsin/internal/web/webtest"
)

func (s *told) Board(context.Context, string) (api.Board, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own.boardErr != nil {
		return api.Board{}, s.own.boardErr
	}
	if len(s.own.board.Pages) == 0 {
		return api.Board{User: "alice", Preset: true, Version: s.own.board.Version, Pages: board.Preset(false)}, nil
	}
	b := s.own.board
	b.Pages = slices.Clone(b.Pages)
	for i := range b.Pages {
		b.Pages[i].Widgets = slices.Clone(b.Pages[i].Widgets)
	}
	return b, nil
}

func (s *told) PutBoard(_ context.Context, q api.BoardEdit) (api.Board, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	pages, err := board.Check(q.Pages)
	if err != nil {
		return api.Board{}, err
	}
	if q.Version == nil || *q.Version != s.own.board.Version {
		return api.Board{}, fault.New(fault.Conflict, "board of alice: it was changed meanwhile (look at it again)")
	}
	s.own.board = api.Board{User: "alice", Version: s.own.board.Version + 1, Pages: pages}
	return s.own.board, nil
}

func (s *told) ResetBoard(context.Context, string) (api.Board, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.own.board = api.Board{Version: s.own.board.Version + 1}
	return s.own.board, nil
}

// night is a board of two pages with every kind of widget.
func night() api.Board {
	return api.Board{User: "alice", Version: 7, Pages: []api.BoardPage{
		{Name: "Night <b>", Columns: 3, Widgets: []api.Widget{
			{ID: "grave", Kind: "alerts", Title: "Grave & " + evil[:20], Column: 1, MinSeverity: "HIGH", Rows: 5}, {ID: "low", Kind: "alerts", Column: 2},
			{ID: "n", Kind: "counts", Column: 1}, {ID: "top", Kind: "ranking", Column: 2, View: "ssh"}, {ID: "ses", Kind: "sessions", Column: 3, Rows: 7},
			{ID: "ev", Kind: "events", Column: 3, Where: "has(message)"}, {ID: "ra", Kind: "rate", Column: 1}, {ID: "ex", Kind: "exporters", Column: 2},
			{ID: "he", Kind: "health", Column: 3}, {ID: "vi", Kind: "views", Column: 1},
		}},
		{Name: "Empty", Columns: 1, Widgets: []api.Widget{}},
	}}
}

// boarded is a scene whose alice has a board of her own.
func boarded() *told {
	s := scene()
	s.own.board = night()
	s.saved = []api.View{{Name: "ssh", Address: "/flows?by=port&since=24h"}, {Name: "alerts <i>", Address: "/alerts?severity=HIGH"}}
	return s
}

// The page comes with what is known at once, and says from where the rest is; who has no scripts is led to all of it.
func TestBoardComesAtOnce(t *testing.T) {
	s := boarded()
	asked := 0
	s.top = func(api.TopRequest) api.TopAnswer { asked++; return api.TopAnswer{} }
	w := record(t, s, "/", alice)
	text := w.Body.String()
	holds(t, "the page", text, `<noscript><meta http-equiv="refresh" content="0; url=/?all=yes"></noscript>`, `class="board columns3"`, `href="/?page=2"`, "Night &lt;b&gt;", "Scan of many hosts",
		`data-from="/board/widget?id=top&amp;page=1"`, `data-from="/board/widget?id=ev&amp;page=1"`, `data-from="/board/widget?id=ses&amp;page=1"`, `data-from="/board/widget?id=ra&amp;page=1"`,
		`href="/alerts?severity=HIGH&amp;state=all"`, "alerts &lt;i&gt;")
	harmless(t, "/", w)
	if asked > 0 || strings.Contains(text, "GET /login") {
		t.Errorf("the page asks the history %d times before it comes", asked)
	}
	w = record(t, s, "/?all=yes", alice)
	text = w.Body.String()
	holds(t, "the whole page", text, "GET /login", "10.0.0.1:40000", `class="card chart"`, "tocsin 1.2.3", "server ports", `content="30"`)
	harmless(t, "/?all=yes", w)
	if strings.Contains(text, "data-from") {
		t.Error("the whole page loads something later")
	}
	for id, want := range map[string]string{"top": "server ports", "ses": "10.0.0.1:40000", "ev": "GET /login", "grave": "Scan of many hosts", "he": "tocsin 1.2.3"} {
		w := record(t, s, "/board/widget?page=1&id="+id, alice)
		if w.Code != 200 || !strings.HasPrefix(w.Body.String(), `<div id="w-`+id+`-body"`) || !strings.Contains(w.Body.String(), want) {
			t.Errorf("widget %s = %d %.300s, want %q", id, w.Code, w.Body, want)
		}
	}
	if w := record(t, s, "/board/widget?page=2&id=top", alice); w.Code != 404 {
		t.Errorf("a widget of another page = %d, want 404", w.Code)
	}
	if text := page(t, s, "/?page=2", alice); strings.Contains(text, `class="widget"`) || !strings.Contains(text, "Needs attention") && s.health.Problems != nil {
		t.Error("an empty page is not empty")
	}
	page(t, s, "/?page=99", alice)
}

// What cannot be shown says so in its place, and nothing else suffers.
func TestWidgetsFailAlone(t *testing.T) {
	s := boarded()
	s.own.board.Pages[0].Widgets = []api.Widget{
		{ID: "gone", Kind: "ranking", Column: 1, View: "removed <b>"}, {ID: "other", Kind: "ranking", Column: 1, View: "alerts <i>"}, {ID: "odd", Kind: "future", Column: 9},
		{ID: "bad", Kind: "sessions", View: "broken"}, {ID: "ok", Kind: "alerts", Column: 2},
	}
	s.saved = append(s.saved, api.View{Name: "broken", Address: "/flows/sessions?since=never"})
	w := record(t, s, "/?all=yes", alice)
	holds(t, "the page", w.Body.String(), `there is no view &#34;removed &lt;b&gt;&#34; any more`, `is of /alerts by now`, "There is no such kind of widget: future", "since: ", "Scan of many hosts")
	harmless(t, "/", w)

	s = boarded()
	s.own.boardErr = fault.New(fault.Unavailable, "the ledger is away")
	holds(t, "a page without a board", page(t, s, "/?all=yes", alice), "Your board cannot be read now", "the ledger is away", "Scan of many hosts", "GET /login")
	holds(t, "a widget without a board", page(t, s, "/board/widget?id=events", alice), "GET /login")
	for path, code := range map[string]int{"/board/widget?id=top": 503, "/board": 503} {
		if w := record(t, s, path, alice); w.Code != code || !strings.Contains(w.Body.String(), "the ledger is away") {
			t.Errorf("%s without a board = %d, want %d", path, w.Code, code)
		}
	}

	s = boarded()
	s.own.board.Pages[0].Widgets = []api.Widget{{ID: "ra", Kind: "rate", Column: 1}, {ID: "ok", Kind: "alerts", Column: 1}}
	synctest.Test(t, func(t *testing.T) {
		s.changed = nil // of another bubble
		slow := &slowTop{told: s}
		w := httptest.NewRecorder()
		h, err := New(Options{Service: slow, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		h.ServeHTTP(w, httptest.NewRequestWithContext(api.As(t.Context(), alice), http.MethodGet, "/?all=yes", http.NoBody))
		if took := time.Since(begun); took != widgetLimit {
			t.Errorf("a question without end keeps the page for %v, want %v", took, widgetLimit)
		}
		holds(t, "the page", w.Body.String(), "This takes longer than 5s", "Scan of many hosts")
	})
}

// What is tocsin's own fault is told in full to administrators alone, in widgets as anywhere else.
func TestWidgetsTellNoInsides(t *testing.T) {
	s := boarded()
	s.err = errors.New("open /srv/tocsin/history/x: input/output error")
	s.own.board.Pages[0].Widgets = []api.Widget{{ID: "al", Kind: "alerts", Column: 1}, {ID: "he", Kind: "health", Column: 1}}
	for _, path := range []string{"/", "/?all=yes", "/board/widget?id=al", "/board/widget?id=he"} {
		if w := record(t, s, path, api.Identity{User: "bob"}); strings.Contains(w.Body.String(), "/srv/tocsin") {
			t.Errorf("%s tells bob of tocsin's insides", path)
		}
	}
	holds(t, "what bob is told", page(t, s, "/", api.Identity{User: "bob"}), "tocsin&#39;s log says why")
	holds(t, "what an administrator is told", page(t, s, "/", alice), "/srv/tocsin")
}

// slowTop never answers how many events came in.
type slowTop struct{ *told }

func (s *slowTop) Top(ctx context.Context, _ api.TopRequest) (api.TopAnswer, error) {
	<-ctx.Done()
	return api.TopAnswer{}, ctx.Err()
}

// Of the questions of one page two are asked at a time.
func TestTwoQuestionsAtOnce(t *testing.T) {
	s := boarded()
	s.own.board.Pages[0].Widgets = nil
	for i := range 6 {
		s.own.board.Pages[0].Widgets = append(s.own.board.Pages[0].Widgets, api.Widget{ID: strconv.Itoa(i), Kind: "rate", Column: 1})
	}
	var now, most atomic.Int32
	both := make(chan struct{})
	var meet sync.Once
	s.top = func(api.TopRequest) api.TopAnswer {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		if n == 2 {
			meet.Do(func() { close(both) })
		}
		select { // the first waits for a second
		case <-both:
		case <-time.After(30 * time.Second):
		}
		return api.TopAnswer{}
	}
	if page(t, s, "/?all=yes", alice); most.Load() != 2 {
		t.Errorf("%d questions at once, want 2", most.Load())
	}
}

// onBoard sends a form of the board as it is now.
func onBoard(t *testing.T, s *told, act string, fields ...string) *httptest.ResponseRecorder {
	t.Helper()
	v := url.Values{"act": {act}, "version": {strconv.FormatInt(s.own.board.Version, 10)}, "page": {"1"}}
	for i := 0; i+1 < len(fields); i += 2 {
		v.Set(fields[i], fields[i+1])
	}
	return send(t, s, "/board", alice, v)
}

// boardShape writes the board short: names and columns of its pages, ids and columns of their widgets.
func boardShape(b *api.Board) string {
	var list []string
	for _, p := range b.Pages {
		text := p.Name + "/" + strconv.Itoa(p.Columns)
		for _, w := range p.Widgets {
			text += " " + w.ID + strconv.Itoa(w.Column)
		}
		list = append(list, text)
	}
	return strings.Join(list, "; ")
}

func TestBoardIsChanged(t *testing.T) {
	s := boarded()
	s.own.board.Pages[0].Widgets = []api.Widget{{ID: "a", Kind: "alerts", Column: 1}, {ID: "b", Kind: "ranking", Column: 2}, {ID: "c", Kind: "events", Column: 1}}
	s.own.board.Pages[0].Name = "One"
	for _, step := range []struct {
		act    string
		fields []string
		want   string // "" for what is refused
		to     string
	}{
		{later, []string{"id", "a"}, "One/3 c1 b2 a1; Empty/1", ""},
		{later, []string{"id", "a"}, "", ""},
		{earlier, []string{"id", "a"}, "One/3 a1 b2 c1; Empty/1", ""},
		{saveWidget, []string{"id", "b", "column", "3", "title", "Ports <b>", "view", "ssh", "rows", "5"}, "One/3 a1 b3 c1; Empty/1", ""},
		{saveWidget, []string{"id", "b", "column", "3", "to", "2"}, "One/3 a1 c1; Empty/1 b1", "page=2"},
		{saveWidget, []string{"id", "a", "rows", "many"}, "", ""},
		{saveWidget, []string{"id", "c", "where", "nosuch == 1"}, "", ""},
		{saveWidget, []string{"id", "a", "to", "3"}, "", ""},
		{saveWidget, []string{"id", "nosuch"}, "", ""},
		{addWidget, []string{"kind", "health", "column", "2"}, "One/3 a1 c1 w12; Empty/1 b1", "open=w1#widget-w1"},
		{addWidget, []string{"kind", "script"}, "", ""},
		{savePage, []string{"name", "Two", "columns", "1"}, "Two/1 a1 c1 w11; Empty/1 b1", ""},
		{savePage, []string{"name", "", "columns", "1"}, "", ""},
		{savePage, []string{"name", "x", "columns", "5"}, "", ""},
		{addPage, []string{"name", "Three"}, "Two/1 a1 c1 w11; Empty/1 b1; Three/1", "page=3"},
		{pageLater, nil, "Empty/1 b1; Two/1 a1 c1 w11; Three/1", "page=2"},
		{pageEarlier, nil, "", ""},
		{removePage, []string{"page", "3"}, "Empty/1 b1; Two/1 a1 c1 w11", "page=2"},
		{removeWidget, []string{"page", "2", "id", "c"}, "Empty/1 b1; Two/1 a1 w11", "page=2"},
		{"dance", []string{"id", "b"}, "", ""},
		{removePage, []string{"version", "3"}, "", ""},
		{removePage, []string{"version", "x"}, "", ""},
		{removePage, nil, "Two/1 a1 w11", ""},
		{removePage, nil, "", ""},
	} {
		before := boardShape(&s.own.board)
		w := onBoard(t, s, step.act, step.fields...)
		got, to := boardShape(&s.own.board), w.Header().Get("Location")
		if step.want == "" && (got != before || w.Code < 400 || !strings.Contains(w.Body.String(), `class="problem"`)) {
			t.Errorf("%s %q = %d, board %s, want it refused", step.act, step.fields, w.Code, got)
		}
		if step.want != "" && (got != step.want || w.Code != 303 || !strings.Contains(to, step.to)) {
			t.Errorf("%s %q = %d to %s, board %s, want %s: %.2000s", step.act, step.fields, w.Code, to, got, step.want, w.Body)
		}
	}
	if w := onBoard(t, s, preset); w.Code != 303 || len(s.own.board.Pages) != 0 {
		t.Errorf("back to the preset = %d, %+v", w.Code, s.own.board)
	}
}

// Of two browsers that change the same board the second is told, and shown what it is now.
func TestBoardOfTwoBrowsers(t *testing.T) {
	s := boarded()
	was := strconv.FormatInt(s.own.board.Version, 10)
	if w := onBoard(t, s, removeWidget, "id", "grave"); w.Code != 303 {
		t.Fatalf("the first = %d", w.Code)
	}
	for _, act := range []string{removeWidget, saveWidget, preset, addPage} {
		w := onBoard(t, s, act, "id", "low", "name", "x", "version", was)
		if w.Code != 409 || !strings.Contains(w.Body.String(), "was changed meanwhile") || !strings.Contains(w.Body.String(), `id="widget-low"`) || strings.Contains(w.Body.String(), `id="widget-grave"`) {
			t.Errorf("the second, %s = %d", act, w.Code)
		}
	}
	if got := len(s.own.board.Pages[0].Widgets); got != 9 {
		t.Errorf("%d widgets, want 9", got)
	}
}

func TestBoardPageIsSafe(t *testing.T) {
	s := boarded()
	refused := onBoard(t, s, saveWidget, "id", "ev", "title", "Typed "+evil, "where", `nosuch == "`+evil, "rows", "many")
	holds(t, "a form that is refused", refused.Body.String(), "Typed &lt;script&gt;alert(1)", `value="nosuch == &#34;&lt;script&gt;`, `value="many"`, "rows: got", "<details open>")
	harmless(t, "/board", refused)
	w := record(t, s, "/board?open=top", alice)
	holds(t, "the page", w.Body.String(), `<option selected>ssh</option>`, `value="has(message)"`, "Night &lt;b&gt;", `name="version" value="7"`)
	harmless(t, "/board", w)
}

// What was taken off the page meanwhile is not told as a lost connection.
func TestGoneInBrowser(t *testing.T) {
	webtest.Browser(t)
	s := boarded()
	s.own.board.Pages[0].Widgets = []api.Widget{{ID: "ev", Kind: "events", Column: 1}}
	b := tab(t, s, webtest.Screen{}, "/")
	b.Expect("404")
	b.Shows("#w-ev", "GET /login")
	s.mu.Lock()
	s.own.board.Pages[0].Widgets = nil
	s.mu.Unlock()
	b.Shows("#w-ev", "This is no longer on the page: load the page again.")
	if !b.True(`document.getElementById("offline").hidden`) {
		t.Error("a widget that is gone is told as a lost connection")
	}

	b.Go("/alerts/17")
	b.Shows("h1", "HIGH")
	s.mu.Lock()
	s.alerts = s.alerts[1:]
	s.mu.Unlock()
	b.Shows("#offline", "What you see is no longer there: load the page again.")
}

// A person makes a board by clicks: a widget, its settings, its place, a page; and with scripts the widgets come by themselves.
func TestBoardInBrowser(t *testing.T) {
	webtest.Browser(t)
	for name, screen := range screens {
		t.Run(name, func(t *testing.T) {
			s := boarded()
			b := tab(t, s, screen, "/")
			b.Shows("#w-top", "2001:db8::17")
			b.Shows("#w-ses", "10.0.0.1:40000")
			b.Shows("#w-ev", "GET /login")
			b.Looks("board-" + name)
			b.Click(".tabs .change")
			b.At("/board")
			b.Looks("board-edit-" + name)
			b.Choose(`select[name=kind]`, "counts")
			b.Click(`button[value=addwidget]`)
			b.Shows(".done", "Widget added.")
			b.Type(`details[open] input[name=title]`, "How many")
			b.Click(`details[open] button[value=savewidget]`)
			b.Shows(".widgets", "How many")
			b.Looks("board-settings-" + name)
			b.Type(`form:has(button[value=addpage]) input[name=name]`, "Day")
			b.Click(`button[value=addpage]`)
			b.Shows(".nothing", "no widgets yet")
			b.Go("/")
			b.Shows(".tabs", "Day")
			b.Shows(".board", "How many")
		})
	}
}
