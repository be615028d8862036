package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"tocsin/internal/api"
)

// Whatever fails is answered by a problem that says what is wrong, and of tocsin's own faults nothing to strangers.
func TestEveryFailureIsAProblem(t *testing.T) {
	s := open(t, func(o *Options) { o.MaxEvents = 1 << 10 })
	s.svc.follow = func(context.Context, api.AlertFollow, func(api.AlertChange) error) error {
		panic("secret of the stack")
	}
	large := strings.Repeat(" ", 2<<20)
	for _, test := range []struct {
		method, path, body string
		headers            []string
		want               int
		kind               string
	}{
		{"GET", "/nowhere", "", nil, 404, "not-found"},
		{"GET", "/api/v1/", "", nil, 404, "not-found"},
		{"GET", "/%00", "", nil, 404, "not-found"},
		{"BREW", "/api/v1/alerts", "", nil, 405, "invalid"},
		{"DELETE", "/api/v1/alerts/stream", "", nil, 405, "invalid"},
		{"OPTIONS", "/api/v1/events", "", nil, 405, "invalid"},
		{"GET", "/api/v1/alerts?sinc=1", "", nil, 400, "invalid"},
		{"GET", "/api/v1/alerts?limit=1&limit=2", "", nil, 400, "invalid"},
		{"GET", "/api/v1/alerts/x", "", nil, 400, "invalid"},
		{"POST", "/api/v1/rules", "{", nil, 400, "invalid"},
		{"POST", "/api/v1/rules", `{"x":1}`, nil, 400, "invalid"},
		{"POST", "/api/v1/rules", `{} {}`, nil, 400, "invalid"},
		{"POST", "/api/v1/rules", large, nil, 413, "invalid"},
		{"POST", "/api/v1/events", large, nil, 413, "invalid"},
		{"POST", "/api/v1/events", "{}", []string{"Content-Encoding", "br"}, 415, "invalid"},
		{"POST", "/api/v1/events", "{}", []string{"Content-Encoding", "gzip"}, 400, "invalid"},
		{"POST", "/api/v1/rules", "{}", []string{"Sec-Fetch-Site", "cross-site"}, 403, "denied"},
		{"GET", "/api/v1/users", "", []string{"Authorization", asBob}, 403, "denied"},
		{"GET", "/api/v1/alerts", "", []string{"Authorization", "Bearer wrong"}, 401, "denied"},
		{"GET", "/api/v1/alerts/stream", "", []string{"Authorization", ""}, 401, "denied"},
		{"GET", "/api/v1/alerts/stream", "", []string{"Authorization", asBob}, 500, "internal"},
	} {
		headers := test.headers
		if len(headers) == 0 || headers[0] != "Authorization" {
			headers = append([]string{"Authorization", asAlice}, headers...)
		}
		res, text := s.try(t, test.method, test.path, test.body, headers...)
		var p Problem
		err := json.Unmarshal([]byte(text), &p)
		if err != nil || res.StatusCode != test.want || res.Header.Get("Content-Type") != "application/problem+json" ||
			p.Status != test.want || p.Kind != test.kind || p.Title != http.StatusText(test.want) || p.Detail == "" || strings.Contains(text, "secret") {
			t.Errorf("%s %s %v = %d %s %s, want a problem with %d %s", test.method, test.path, test.headers, res.StatusCode, res.Header.Get("Content-Type"), text, test.want, test.kind)
		}
		if test.want == http.StatusMethodNotAllowed && res.Header.Get("Allow") == "" {
			t.Errorf("%s %s: which methods would do is not said", test.method, test.path)
		}
	}
}
