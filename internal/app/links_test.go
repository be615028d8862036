package app

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"tocsin/internal/api"
)

// Every link of every page leads to a page, through the whole server: what package web has and httpapi does not let through is
// noticed.
func TestEveryLinkOfThePagesLeadsSomewhere(t *testing.T) {
	a, ctx := trouble(t)
	answered(ctx, t, a.Service())
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	res, err := browser.PostForm(a.Address()+"/login", url.Values{"user": {"anna"}, "password": {"correct horse"}})
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	link := regexp.MustCompile(`(?:href|src)="(/[^"]*)"`)
	from := map[string]string{"/": "nowhere"}
	const most = 300 // links; pages with a question in their address are many
	for todo := []string{"/"}; len(todo) > 0 && len(from) < most; todo = todo[1:] {
		res, err := browser.Get(a.Address() + todo[0])
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK {
			t.Errorf("%s, which %s links to, answers %s, %v", todo[0], from[todo[0]], res.Status, err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			next, _, _ := strings.Cut(html.UnescapeString(m[1]), "#")
			if from[next] == "" {
				from[next] = todo[0]
				todo = append(todo, next)
			}
		}
	}
	for _, page := range []string{"/alerts", "/rules", "/rules/new", "/flows", "/flows/sessions", "/flows/exporters", "/silences", "/notices", "/users", "/reports", "/reports/Top%20hosts", "/reports/50%25%20of%20a%2Fb%3F/1", "/reports/Top%20hosts/2/csv"} {
		found := false
		for at := range from {
			path, _, _ := strings.Cut(at, "?")
			found = found || path == page
		}
		if !found {
			t.Errorf("no page links to %s", page)
		}
	}
}

// answered has reports of anna made, so that there are results of every page.
func answered(ctx context.Context, t *testing.T, s api.Service) {
	t.Helper()
	_, err := s.Append(ctx, api.AppendRequest{Kind: "flow"}, strings.NewReader(fmt.Sprintf(`{"@timestamp":%q,"flow.id":1,"flow.role":"client","source.ip":"192.0.2.7","source.port":40000,"destination.ip":"198.51.100.9","destination.port":22,"source.bytes":5000,"source.packets":20}`+"\n",
		time.Now().Add(-time.Minute).UTC().Format(time.RFC3339Nano))))
	if err == nil {
		err = s.Flush(ctx)
	}
	anna := api.As(ctx, api.Identity{User: "anna", Admin: true})
	for _, r := range []api.ReportEdit{{Name: "50% of a/b?", Address: "/flows/sessions?since=1h"}, {Name: "Top hosts", Address: "/flows?since=1h"}, {Name: "Alerts", Address: "/alerts?since=1h", Paused: true}} {
		r.Every = "day"
		if err == nil {
			_, err = s.PutReport(anna, r)
		}
		if err == nil {
			_, err = s.RunReport(anna, api.ReportRun{Name: r.Name})
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}
