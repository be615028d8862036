package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

func connect(t *testing.T, target, token string) *Client {
	t.Helper()
	c, err := NewClient(target, token)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// Every field of every question and answer comes through, over both ways.
func TestClientCarriesEverything(t *testing.T) {
	s := open(t, nil)
	for name, c := range map[string]*Client{"socket": connect(t, s.socket, ""), "tcp": connect(t, s.url, "token of alice")} {
		t.Run(name, func(t *testing.T) { carries(t, s, c) })
	}
}

func carries(t *testing.T, s *site, c *Client) {
	ctx := t.Context()
	service := reflect.TypeFor[api.Service]()
	for i := range service.NumMethod() {
		m := service.Method(i)
		if m.Name == "Search" || m.Name == "ActOnAlert" || m.Name == "FollowAlerts" {
			continue // have tests of their own
		}
		args := []reflect.Value{reflect.ValueOf(ctx)}
		var asked []any
		for n := 1; n < m.Type.NumIn(); n++ {
			v := reflect.New(m.Type.In(n)).Elem()
			if v.Kind() == reflect.Interface {
				args = append(args, reflect.ValueOf(io.Reader(strings.NewReader("line one\nline two\n"))))
				continue
			}
			fillIn(v, n)
			if q, ok := v.Addr().Interface().(*api.AppendRequest); ok {
				q.IdempotencyKey = "key 1"
			}
			args = append(args, v)
			asked = append(asked, v.Interface())
		}
		out := reflect.ValueOf(c).MethodByName(m.Name).Call(args)
		if err := out[len(out)-1].Interface(); err != nil {
			t.Errorf("%s: %v", m.Name, err)
			continue
		}
		if s.svc.method != m.Name || !cmp.Equal(s.svc.asked, asked, cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Progress" }, cmp.Ignore())) {
			t.Errorf("%s arrived as %s: %s", m.Name, s.svc.method, cmp.Diff(asked, s.svc.asked))
		}
		if len(out) == 1 {
			continue
		}
		var want any
		switch m.Name {
		case "Append":
			want = api.AppendAnswer{Accepted: 2}
		case "Resume":
			want = int64(1 << 40)
		default:
			v := reflect.New(m.Type.Out(0)).Elem()
			fillIn(v, 1)
			want = v.Interface()
		}
		if diff := cmp.Diff(want, out[0].Interface(), cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("%s answered (-want +got):\n%s", m.Name, diff)
		}
		if (m.Name == "Append" || m.Name == "Ingest") && s.svc.body != "line one\nline two\n" {
			t.Errorf("%s: body arrived as %q", m.Name, s.svc.body)
		}
	}
}

func TestClientSearch(t *testing.T) {
	s := open(t, nil)
	c := connect(t, s.socket, "")
	var q api.SearchRequest
	fillIn(reflect.ValueOf(&q).Elem(), 1)
	s.svc.events = nil
	for i := range 5000 {
		s.svc.events = append(s.svc.events, `{"message":"`+strings.Repeat("x", i%200)+`"}`)
	}
	s.svc.events = append(s.svc.events, `{"message":"`+strings.Repeat("y", 300_000)+`"}`)
	var got []string
	collect := func(e json.RawMessage) error { got = append(got, string(e)); return nil }
	if err := c.Search(t.Context(), q, collect); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s.svc.events, got); diff != "" {
		t.Errorf("Search found (-want +got):\n%.2000s", diff)
	}
	if diff := cmp.Diff([]any{q}, s.svc.asked); diff != "" {
		t.Errorf("Search asked (-want +got):\n%s", diff)
	}

	s.svc.events = nil
	if err := c.Search(t.Context(), q, func(json.RawMessage) error { return errors.New("unexpected") }); err != nil {
		t.Errorf("Search that finds nothing = %v, want nil", err)
	}

	enough := errors.New("enough")
	s.svc.events = []string{`{}`, `{}`, `{}`}
	n := 0
	err := c.Search(t.Context(), q, func(json.RawMessage) error { n++; return enough })
	if !errors.Is(err, enough) || n != 1 {
		t.Errorf("Search that is ended by its caller = %v after %d events, want %v after 1", err, n, enough)
	}
}

// A search that breaks after its first events is an error with its kind, never a shorter answer.
func TestSearchThatBreaks(t *testing.T) {
	s := open(t, nil)
	c := connect(t, s.socket, "")
	s.svc.search = fault.New(fault.Unavailable, "segment went away")
	n := 0
	err := c.Search(t.Context(), api.SearchRequest{}, func(json.RawMessage) error { n++; return nil })
	if n != 1 || !errors.Is(err, fault.Unavailable) || err.Error() != "segment went away" {
		t.Errorf("Search = %d events, %v, want 1 and segment went away", n, err)
	}
	_, text := s.try(t, "GET", "/api/v1/search", "", "Authorization", asBob)
	if !strings.HasSuffix(text, "\n") || !strings.Contains(text, `{"problem":{"title":"Service Unavailable"`) {
		t.Errorf("GET search = %q, want a last line with the problem", text)
	}
}

func TestClientKeepsKinds(t *testing.T) {
	s := open(t, nil)
	for _, c := range []*Client{connect(t, s.socket, ""), connect(t, s.url, "token of alice")} {
		for _, kind := range []error{fault.Invalid, fault.NotFound, fault.Conflict, fault.Denied, fault.Unavailable, fault.Full} {
			s.svc.err = fault.New(kind, "line 1\n  where <x>\n        ^ \"here\"")
			_, err := c.Top(t.Context(), api.TopRequest{})
			if !errors.Is(err, kind) || err.Error() != s.svc.err.Error() {
				t.Errorf("Top = %v of kind %v, want %v of kind %v", err, fault.Kind(err), s.svc.err, kind)
			}
			if _, err = c.Append(t.Context(), api.AppendRequest{}, strings.NewReader("{}\n")); !errors.Is(err, kind) {
				t.Errorf("Append = %v of kind %v, want kind %v", err, fault.Kind(err), kind)
			}
			err = c.Search(t.Context(), api.SearchRequest{}, func(json.RawMessage) error { return nil })
			if !errors.Is(err, kind) {
				t.Errorf("Search = %v, want kind %v", err, kind)
			}
		}
		s.svc.err = errors.New("disk on fire")
		if err := c.Flush(t.Context()); fault.Kind(err) != nil || err.Error() != "disk on fire" {
			t.Errorf("Flush = %v, kind %v; want disk on fire without a kind", err, fault.Kind(err))
		}
	}
	s.svc.err = errors.New("secret of the machine")
	_, err := connect(t, s.url, "token of bob").Health(t.Context())
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("Health for no administrator = %v, want no more than that the log says why", err)
	}
}

func TestClientWithoutServer(t *testing.T) {
	dir := t.TempDir()
	_, err := connect(t, filepath.Join(dir, "none"), "").Health(t.Context())
	if !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), filepath.Join(dir, "none")) {
		t.Errorf("Health without a socket = %v, want unavailable and the path", err)
	}
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	if _, err = connect(t, other.URL, "").Health(t.Context()); !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "no tocsin") {
		t.Errorf("Health of another server = %v, want that it is no tocsin", err)
	}
	short := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"message":"whole"}`+"\n"+`{"mess`)
	}))
	defer short.Close()
	if err = connect(t, short.URL, "").Search(t.Context(), api.SearchRequest{}, func(json.RawMessage) error { return nil }); !errors.Is(err, fault.Unavailable) {
		t.Errorf("Search that is cut off = %v, want unavailable", err)
	}
	for _, target := range []string{"ftp://x", "http://", "http://x?y=1", "://"} {
		if _, err := NewClient(target, ""); !errors.Is(err, fault.Invalid) {
			t.Errorf("NewClient(%q) = %v, want invalid", target, err)
		}
	}
	ctx, stop := context.WithCancelCause(t.Context())
	stop(errors.New("told to stop"))
	if _, err := connect(t, other.URL, "").Health(ctx); err == nil || !strings.Contains(err.Error(), "told to stop") {
		t.Errorf("Health of a cancelled caller = %v, want its cause", err)
	}
}

func TestClientBodyFails(t *testing.T) {
	s := open(t, nil)
	broken := errors.New("cannot read file")
	body := io.MultiReader(strings.NewReader("begin\n"), iotest.ErrReader(broken))
	_, err := connect(t, s.socket, "").Ingest(t.Context(), api.IngestRequest{}, body)
	if !errors.Is(err, broken) {
		t.Errorf("Ingest of a file that breaks = %v, want %v", err, broken)
	}
}

func TestClientProgress(t *testing.T) {
	s := open(t, nil)
	var last int64
	q := api.IngestRequest{Progress: func(a api.IngestAnswer) { last = a.Bytes }}
	if _, err := connect(t, s.socket, "").Ingest(t.Context(), q, strings.NewReader(strings.Repeat("x", 1<<20))); err != nil || last != 1<<20 {
		t.Errorf("Ingest = %v, told %d bytes at last, want %d", err, last, 1<<20)
	}
}

func TestNoUsableLineIsAnAnswer(t *testing.T) {
	s := open(t, nil)
	s.svc.append0 = api.AppendAnswer{Rejected: 1, Errors: []api.LineError{{Line: 1, Reason: "no JSON", Sample: "x"}}}
	got, err := connect(t, s.socket, "").Append(t.Context(), api.AppendRequest{}, strings.NewReader("x\n"))
	if diff := cmp.Diff(s.svc.append0, got); err != nil || diff != "" {
		t.Errorf("Append = %v (-want +got):\n%s", err, diff)
	}
}

func TestListenSocket(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, strings.Repeat("long", 30), "tocsin.sock")
	if err := os.Mkdir(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := ListenSocket(path)
	if err != nil {
		t.Fatalf("ListenSocket of %d bytes: %v", len(path), err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket = %v, %v, want mode 0600", info, err)
	}
	conn, err := dialSocket(t.Context(), path)
	if err != nil {
		t.Fatalf("dial long path: %v", err)
	}
	_ = conn.Close()
	again, err := ListenSocket(path) // as after a kill
	if err != nil {
		t.Fatalf("ListenSocket over a left socket: %v", err)
	}
	if err := again.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("socket after Close: %v, want none", err)
	}
	_ = l.Close()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ListenSocket(file); !errors.Is(err, fault.Conflict) {
		t.Errorf("ListenSocket over a file = %v, want conflict", err)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "precious" {
		t.Errorf("file = %q, %v, want it untouched", text, err)
	}
}
