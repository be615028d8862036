package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// described is the document as its readers see it.
func described(t *testing.T, s *site) document {
	t.Helper()
	res, text := s.try(t, "GET", "/api/v1/openapi.json", "", "Authorization", asBob)
	if res.StatusCode != 200 {
		t.Fatalf("openapi.json = %d %s", res.StatusCode, text)
	}
	var d document
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// check holds a value to a schema and returns what is wrong.
func (all schemas) check(s *schema, v any, at string) []string {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		if all[name] == nil {
			return []string{at + ": no schema " + name}
		}
		return all.check(all[name], v, at)
	}
	if len(s.AnyOf) > 0 {
		var found []string
		for _, one := range s.AnyOf {
			wrong := all.check(one, v, at)
			if len(wrong) == 0 {
				return nil
			}
			found = append(found, wrong...)
		}
		return found
	}
	wrong := func(want string) []string { return []string{fmt.Sprintf("%s: got %T %v, want %s", at, v, v, want)} }
	switch s.Type {
	case "string":
		text, ok := v.(string)
		if !ok {
			return wrong("a string")
		}
		if _, err := time.Parse(time.RFC3339Nano, text); s.Format == "date-time" && err != nil {
			return wrong("a time")
		}
		if len(s.Enum) > 0 && !slices.Contains(s.Enum, text) {
			return wrong("one of " + strings.Join(s.Enum, ", "))
		}
	case "integer", "number":
		n, ok := v.(float64)
		if !ok || s.Type == "integer" && n != float64(int64(n)) {
			return wrong(s.Type)
		}
	case "boolean":
		if _, ok := v.(bool); !ok {
			return wrong("a boolean")
		}
	case "array":
		list, ok := v.([]any)
		if !ok {
			return wrong("an array")
		}
		var found []string
		for i, e := range list {
			found = append(found, all.check(s.Items, e, fmt.Sprintf("%s[%d]", at, i))...)
		}
		return found
	case "object":
		return all.object(s, v, at)
	default:
		return []string{at + ": the schema has no type"}
	}
	return nil
}

func (all schemas) object(s *schema, v any, at string) []string {
	m, ok := v.(map[string]any)
	if !ok {
		return []string{fmt.Sprintf("%s: got %T, want an object", at, v)}
	}
	var found []string
	for _, name := range s.Required {
		if _, ok := m[name]; !ok {
			found = append(found, at+"."+name+": missing")
		}
	}
	for name, e := range m {
		switch {
		case s.Properties[name] != nil:
			found = append(found, all.check(s.Properties[name], e, at+"."+name)...)
		case s.Additional != nil:
			found = append(found, all.check(s.Additional, e, at+"."+name)...)
		case s.Properties != nil:
			found = append(found, at+"."+name+": not described")
		}
	}
	return found
}

// Every route is described, and what it answers is what the description says, also when it fails.
func TestEveryAnswerIsAsDescribed(t *testing.T) {
	s := open(t, nil)
	d := described(t, s)
	ids := map[string]bool{}
	operations := 0
	for _, methods := range d.Paths {
		for range methods {
			operations++
		}
	}
	if operations != len(s.routes) {
		t.Errorf("%d operations are described, want %d", operations, len(s.routes))
	}
	for _, r := range s.routes {
		name := r.method + " " + r.path
		o, ok := d.Paths[strings.ReplaceAll(r.path, "{$}", "")][strings.ToLower(r.method)]
		if !ok || o.Summary == "" || ids[o.ID] {
			t.Errorf("%s: described %v, summary %q, id %q", name, ok, o.Summary, o.ID)
			continue
		}
		ids[o.ID] = true
		for _, p := range o.Parameters {
			if p.In == "path" && !strings.Contains(r.path, "{"+p.Name+"}") {
				t.Errorf("%s: the path has no {%s}", name, p.Name)
			}
		}
		path, body := example(r)
		q, err := http.NewRequestWithContext(t.Context(), r.method, path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if r.body == form {
			q.Header.Set("Content-Type", form)
		}
		w := s.handle(q, peer{owner: true})
		said, ok := o.Responses[fmt.Sprint(w.Code)]
		if !ok {
			t.Errorf("%s answers %d, which is not described: %s", name, w.Code, w.Body)
			continue
		}
		media, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
		if r.page || r.path == "/metrics" || len(said.Content) == 0 {
			continue // what pages and metrics look like is their own affair
		}
		m, ok := said.Content[media]
		if !ok {
			t.Errorf("%s answers %q, which is not described", name, media)
			continue
		}
		conforms(t, d, name, m, media, w.Body.String())
	}
	w := s.handle(mustRequest(t, "GET", "/api/v1/alerts"), peer{})
	conforms(t, d, "a problem", d.Paths["/api/v1/alerts"]["get"].Responses["default"].Content["application/problem+json"], "application/json", w.Body.String())
}

func conforms(t *testing.T, d document, name string, m media, kind, text string) {
	t.Helper()
	if kind == "text/plain" {
		return
	}
	lines := []string{text}
	if kind == ndjson {
		lines = strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	}
	if kind == eventStream {
		if lines = dataOf(text); len(lines) == 0 {
			t.Errorf("%s: no event in %q", name, text)
		}
	}
	for _, line := range lines {
		var v any
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Errorf("%s: %v in %q", name, err, line)
			return
		}
		for _, wrong := range d.Components.Schemas.check(m.Schema, v, name) {
			t.Error(wrong)
		}
	}
}

// dataOf returns the data of the events of a stream.
func dataOf(text string) (all []string) {
	for line := range strings.Lines(text) {
		if data, ok := strings.CutPrefix(line, "data: "); ok {
			all = append(all, data)
		}
	}
	return all
}

func mustRequest(t *testing.T, method, path string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// The check above must be able to fail.
func TestCheckFindsWhatIsWrong(t *testing.T) {
	all := schemas{}
	s := all.of(problemType)
	for text, want := range map[string]string{
		`{}`: "missing", `{"title":1,"status":1,"kind":"","detail":""}`: "want a string",
		`{"title":"","status":1.5,"kind":"","detail":""}`: "want integer", `{"title":"","status":1,"kind":"","detail":"","x":1}`: "not described",
		`[]`: "want an object", `{"title":"","status":1,"kind":"","detail":"","answer":{"accepted":1,"rejected":0,"errors":{}}}`: "want an array",
	} {
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(all.check(s, v, ""), "; "); !strings.Contains(got, want) {
			t.Errorf("check(%s) = %q, want %q", text, got, want)
		}
	}
}
