package web

import (
	"bytes"
	"context"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/web/webtest"
)

// labels are groups and names, and what was done to them.
type labels struct {
	groups  []api.Group
	called  []api.Name
	changes []string
}

func (s *told) Groups(context.Context, api.GroupRequest) ([]api.Group, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.groups), s.err
}

func (s *told) PutGroups(_ context.Context, q api.GroupsEdit) (api.GroupsSaved, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse == nil {
		s.changes = append(s.changes, fmt.Sprintf("group %s %q", q.Groups[0].Name, q.Groups[0].Members))
		s.groups = append(s.groups, api.Group{Name: q.Groups[0].Name, Members: q.Groups[0].Members})
	}
	return api.GroupsSaved{}, s.refuse
}

func (s *told) DeleteGroup(_ context.Context, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes = append(s.changes, "without group "+name)
	s.groups = slices.DeleteFunc(s.groups, func(g api.Group) bool { return g.Name == name })
	return s.refuse
}

func (s *told) Names(_ context.Context, q api.NameRequest) ([]api.Name, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.called), func(n api.Name) bool { return q.Kind != "" && q.Kind != n.Kind }), s.err
}

func (s *told) PutNames(_ context.Context, q api.NamesEdit) (api.NamesSaved, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse == nil {
		s.changes = append(s.changes, fmt.Sprintf("names %v %v", q.Names, q.Replace))
		for _, n := range q.Names {
			s.called = append(s.called, api.Name{Kind: n.Kind, Key: n.Key, Name: n.Name})
		}
	}
	return api.NamesSaved{}, s.refuse
}

func (s *told) DeleteNames(_ context.Context, q api.NamesRemoval) (api.NamesSaved, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes = append(s.changes, fmt.Sprintf("without names %v", q.Keys))
	s.called = slices.DeleteFunc(s.called, func(n api.Name) bool { return n.Key == q.Keys[0].Key })
	return api.NamesSaved{}, s.refuse
}

func (s *told) NamesOf(_ context.Context, q api.NamesOfRequest) ([]api.Named, error) {
	if !strings.Contains(q.Keys[0].Key, ".") {
		return nil, fault.New(fault.Invalid, "address %q: want an address", q.Keys[0].Key)
	}
	return []api.Named{{Kind: "address", Key: q.Keys[0].Key, Name: "west wing " + evil, Network: "192.0.2.0/24", Group: "web", Country: "DE", City: evil, AS: 64500, Organization: "Example " + evil}}, nil
}

// labelled has groups and names, some with text that wants to be more.
func labelled() *told {
	s := scene()
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	s.groups = []api.Group{{Name: "office", Members: []string{"10.0.0.0/8", "2001:db8::/32"}, ReadOnly: true}, {Name: "web & " + evil, Members: []string{"192.0.2.7:443/tcp"}, Changed: now, By: evil}}
	for i := range 45 {
		s.groups[1].Members = append(s.groups[1].Members, fmt.Sprintf("192.0.2.%d:8000-8999", i))
	}
	for i := range nameRows + 50 {
		s.called = append(s.called, api.Name{Kind: api.NameAddress, Key: fmt.Sprintf("10.0.0.%d", i), Name: fmt.Sprintf("host %d", i), Changed: now, By: "anna"})
	}
	s.called[0].Name, s.called[1] = evil, api.Name{Kind: api.NameInterface, Key: "192.0.2.254#3", Name: "uplink"}
	return s
}

func TestNamesAndGroupsShowTextAsText(t *testing.T) {
	s := labelled()
	for path, wants := range map[string][]string{
		"/names":                      {"host 2", "&lt;script&gt;alert(1)", "200 of 250", "the filter finds the others", "uplink", `name="file"`},
		"/names?of=192.0.2.7":         {"west wing", "of its network 192.0.2.0/24", "<b><bdi>web</bdi></b>", "64500", "DE"},
		"/names?kind=interface":       {"1 of 1", "192.0.2.254#3"},
		"/names?text=HOST+23":         {"11 of 11", "host 230"},
		"/names?text=nosuch":          {"No name passes this filter"},
		"/names/groups":               {"office", "of the configuration", "and 16 more", "&lt;script&gt;", "10.0.0.0/8"},
		"/names/groups?of=192.0.2.7":  {"<b><bdi>web</bdi></b>"},
		"/names?set=as&key=1&name=x":  {`value="1"`, `value="x"`, `<option value="as" selected>`},
		"/names/groups?set=office":    {`name="name" maxlength="64" required value=""`}, // what the configuration has cannot be changed
		"/names/groups?set=" + s.s(1): {"192.0.2.7:443/tcp\n192.0.2.0:8000-8999"},
	} {
		text := page(t, s, path, alice)
		holds(t, path, text, wants...)
	}
	for _, path := range []string{"/names", "/names/groups"} {
		if text := page(t, s, path, api.Identity{User: "bob"}); strings.Contains(text, `method="post" action="/names`) {
			t.Errorf("GET %s offers changes to who may not make them", path)
		}
	}
	if w := record(t, s, "/names?of=x", alice); w.Code != 422 || !strings.Contains(w.Body.String(), "want an address") {
		t.Errorf("asked about what is no address: %d", w.Code)
	}
	s.err = fault.New(fault.Denied, "names: bounded "+evil)
	if w := record(t, s, "/names", api.Identity{User: "bob"}); w.Code != 403 || !strings.Contains(w.Body.String(), "names: bounded") || strings.Contains(w.Body.String(), "host 2") {
		t.Errorf("refused names: %d", w.Code)
	}
}

// s returns the name of a group as it stands in an address.
func (s *told) s(i int) string { return url.QueryEscape(s.groups[i].Name) }

// upload posts a file to the page of names.
func upload(t *testing.T, s *told, fields map[string]string, file string) *httptest.ResponseRecorder {
	t.Helper()
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	for name, value := range fields {
		if err := m.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	if file != "" {
		part, err := m.CreateFormFile("file", "names"+evil+".csv")
		if err == nil {
			_, err = part.Write([]byte(file))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(api.As(t.Context(), alice), http.MethodPost, "/names", &body)
	r.Header.Set("Content-Type", m.FormDataContentType())
	w := httptest.NewRecorder()
	handler(t, s).ServeHTTP(w, r)
	return w
}

func TestChangeNamesAndGroups(t *testing.T) {
	s := labelled()
	for _, test := range []struct {
		path string
		form url.Values
		to   string
		did  string
	}{
		{"/names", url.Values{"act": {"name"}, "kind": {"address"}, "key": {" 192.0.2.9 "}, "name": {" printer "}}, "/names?done=name", "names [{address 192.0.2.9 printer}] false"},
		{"/names", url.Values{"act": {"unname"}, "kind": {"address"}, "key": {"192.0.2.9"}}, "/names?done=unname", "without names [{address 192.0.2.9}]"},
		{"/names/groups", url.Values{"act": {"group"}, "name": {"dmz"}, "members": {"10.1.0.0/16\r\n\r\n 192.0.2.7:443/tcp"}}, "/names/groups?done=group", `group dmz ["10.1.0.0/16" "192.0.2.7:443/tcp"]`},
		{"/names/groups", url.Values{"act": {"ungroup"}, "name": {"dmz"}}, "/names/groups?done=ungroup", "without group dmz"},
	} {
		w := send(t, s, test.path, alice, test.form)
		if w.Header().Get("Location") != test.to || s.changes[len(s.changes)-1] != test.did {
			t.Errorf("POST %s %v = %d to %q, did %q", test.path, test.form, w.Code, w.Header().Get("Location"), s.changes)
		}
	}
	if w := upload(t, s, map[string]string{"act": "import", "replace": "yes"}, "kind,key,name\naddress,192.0.2.9,a\nas,64500,b\n"); w.Header().Get("Location") != "/names?done=import" ||
		s.changes[len(s.changes)-1] != "names [{address 192.0.2.9 a} {as 64500 b}] true" {
		t.Errorf("import = %d, did %q", w.Code, s.changes)
	}
	n := len(s.changes)
	for want, file := range map[string]string{".csv:2: network &#34;x&#34;": "address,192.0.2.9,a\nnetwork,x,b\n", "there are no names in it": "\n", "choose a file first": "", "larger than 8 MiB": strings.Repeat("#\n", maxImport/2)} {
		w := upload(t, s, map[string]string{"act": "import"}, file)
		if text := w.Body.String(); w.Code != 422 || !strings.Contains(text, want) && !strings.Contains(text, strings.ReplaceAll(want, "network &#34;x&#34;", "network")) || strings.Contains(text, "<script>alert") {
			t.Errorf("import = %d, want it refused with %q", w.Code, want)
		}
	}
	s.refuse = fault.New(fault.Invalid, "member \"x\" "+evil)
	w := send(t, s, "/names/groups", alice, url.Values{"act": {"group"}, "name": {"dmz " + evil}, "members": {"x\ny"}})
	if text := w.Body.String(); w.Code != 422 || !strings.Contains(text, ">x\ny</textarea>") || !strings.Contains(text, "dmz &lt;script&gt;") || strings.Contains(text, "<script>alert") {
		t.Errorf("a refused group = %d, want what was typed kept", w.Code)
	}
	w = send(t, s, "/names", alice, url.Values{"act": {"name"}, "kind": {"as"}, "key": {"AS0"}, "name": {evil}})
	if text := w.Body.String(); w.Code != 422 || !strings.Contains(text, `value="AS0"`) || !strings.Contains(text, `<option value="as" selected>`) || strings.Contains(text, "<script>alert") {
		t.Errorf("a refused name = %d, want what was typed kept", w.Code)
	}
	for _, path := range []string{"/names", "/names/groups"} {
		if w := send(t, s, path, alice, url.Values{"act": {"else"}}); w.Code != 422 {
			t.Errorf("POST %s of another act = %d", path, w.Code)
		}
	}
	if len(s.changes) != n {
		t.Errorf("what was refused was done: %q", s.changes[n:])
	}
}

// What has a name is shown with it wherever an alert, a ranking or an exporter is.
func TestNamesAreShown(t *testing.T) {
	s := scene()
	a := &s.alerts[0]
	a.Title, a.Names = "Scan by 192.0.2.7", map[string]string{"192.0.2.7": "web-1 " + evil}
	s.stories = map[int64]api.AlertStory{17: {Alert: *a, About: []api.Named{{Kind: "address", Key: "192.0.2.7", Name: "web-1", Country: "DE", City: "Berlin " + evil, AS: 64500, Organization: "Example", Group: "dmz"}},
		Around: []api.Around{{Address: "192.0.2.7", Since: a.First, Until: a.Last, Cut: true, Logins: []api.AroundLogin{{Time: a.First, User: "anna " + evil, Outcome: "failure", Host: evil}},
			Devices: []api.AroundDevice{{Time: a.First, MAC: "00-00-5E-00-53-07", Name: evil}}, Lines: []api.AroundLine{{Time: a.First, Host: "gw", Text: "kept out " + evil}}}}}}
	s.network.exporters = []api.Exporter{{Address: "192.0.2.1", Name: "core " + evil, Interfaces: []api.NamedInterface{{Index: 3, Name: "uplink " + evil}}}}
	for path, wants := range map[string][]string{
		"/":                {"Scan by web-1 &lt;script&gt;"},
		"/alerts":          {"Scan by web-1 &lt;script&gt;"},
		"/alerts/17":       {"Scan by web-1 &lt;script&gt;", "Berlin &lt;script&gt;", "in DE, AS64500 Example, group dmz", "login of <b><bdi>anna &lt;script&gt;", "00-00-5E-00-53-07", "kept out &lt;script&gt;", "not all of it was looked through"},
		"/flows/exporters": {"core &lt;script&gt;", "(192.0.2.1)", "3 <bdi>uplink &lt;script&gt;"},
	} {
		text := page(t, s, path, alice)
		holds(t, path, text, wants...)
	}
	if got := entityName([]string{"192.0.2.7", ""}, []string{"web-1", ""}); got != "web-1 (192.0.2.7) ↔ unknown" {
		t.Errorf("a pair is shown as %q", got)
	}
}

func TestNamesInBrowser(t *testing.T) {
	webtest.Browser(t)
	for name, screen := range screens {
		t.Run(name, func(t *testing.T) {
			s := labelled()
			s.called = s.called[:5]
			b := tab(t, s, screen, "/names")
			b.Shows(".alerts", "host 2")
			b.Looks("names-" + name)
			b.Type(`form[method=post].card input[name=key]`, "192.0.2.80")
			b.Type(`form[method=post].card input[name=name]`, "printer "+evil)
			b.Click(`button[value=name]`)
			b.Shows(".done", "Named.")
			b.Shows(".alerts", "printer "+evil)
			b.Click(`.alerts li:last-child button[value=unname]`)
			b.Shows(".done", "Name removed.")
			b.Type(`input[name=of]`, "192.0.2.7")
			b.Click(`form[aria-label] button`)
			b.Shows("#known", "west wing")
			b.Looks("known-" + name)
			b.Click(`.views a`)
			b.Shows(".alerts", "of the configuration")
			b.Looks("groups-" + name)
			b.Type(`form.card input[name=name]`, "dmz")
			b.Type(`form.card textarea`, "10.1.0.0/16")
			b.Click(`button[value=group]`)
			b.Shows(".done", "Group saved.")
			b.Click(`.alerts li:last-child button[value=ungroup]`)
			b.Shows(".done", "Group removed.")
		})
	}
}
