package app

import (
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// Every link of every page leads to a page, through the whole server: what package web has and httpapi does not let through is
// noticed.
func TestEveryLinkOfThePagesLeadsSomewhere(t *testing.T) {
	a, _ := trouble(t)
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
	link := regexp.MustCompile(`(?:href|src)="(/[^"#]*)`)
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
			next := html.UnescapeString(m[1])
			if from[next] == "" {
				from[next] = todo[0]
				todo = append(todo, next)
			}
		}
	}
	for _, page := range []string{"/alerts", "/flows", "/flows/sessions", "/flows/exporters", "/silences", "/notices", "/users"} {
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
