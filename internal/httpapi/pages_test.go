package httpapi

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// Who follows a link and has to log in first comes to what he asked for, and nowhere else.
func TestLoginLeadsToWhatWasAskedFor(t *testing.T) {
	s := open(t, nil)
	const asked = "/alerts?state=open&text=%22%3E%3Cscript%3E"
	res, _ := s.try(t, "GET", asked, "")
	login := res.Header.Get("Location")
	if res.StatusCode != 303 || login != "/login?next="+url.QueryEscape(asked) {
		t.Fatalf("GET %s without a login = %d to %q", asked, res.StatusCode, login)
	}
	res, _ = s.try(t, "POST", "/login", "user=bob&password=wrong&next="+url.QueryEscape(asked), "Content-Type", form)
	if got, want := res.Header.Get("Location"), "/login?problem=denied&next="+url.QueryEscape(asked); got != want {
		t.Errorf("a wrong password leads to %q, want %q", got, want)
	}
	res, _ = s.try(t, "POST", "/login", "user=bob&password=right&next="+url.QueryEscape(asked), "Content-Type", form)
	if got := res.Header.Get("Location"); got != asked {
		t.Errorf("the login leads to %q, want %q", got, asked)
	}
	if res, _ = s.try(t, "POST", "/alerts/17", "act=comment", "Content-Type", form); res.StatusCode != 303 || res.Header.Get("Location") != "/login?next=%2Falerts%2F17" {
		t.Errorf("a form without a login = %d to %q, want the login that leads to its page", res.StatusCode, res.Header.Get("Location"))
	}
	if res, _ = s.try(t, "GET", "/", ""); res.Header.Get("Location") != "/login" {
		t.Errorf("the first page leads to %q", res.Header.Get("Location"))
	}
}

// Behind a proxy that asks under another name, forms of the page's own address are taken and those of others are not.
func TestFormsOfThePagesAddress(t *testing.T) {
	s := open(t, func(o *Options) { o.Origin = "https://tocsin.example.org" })
	for origin, want := range map[string]int{"https://tocsin.example.org": 303, "http://tocsin.example.org": 403, "https://tocsin.example.org.evil.example": 403, "null": 403} {
		if res, _ := s.try(t, "POST", "/login", "user=bob&password=right", "Content-Type", form, "Origin", origin); res.StatusCode != want {
			t.Errorf("login from %s = %d, want %d", origin, res.StatusCode, want)
		}
	}
}

// No address leads a login to another site, to what is no page, or into the headers.
func TestLoginLeadsNowhereElse(t *testing.T) {
	s := open(t, nil)
	for _, bad := range []string{"", "https://evil.example", "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "/%5cevil.example/..//x", "//evil.example/%2f..",
		"/%2f/evil.example", "/.//evil.example", "/alerts/..//evil.example", "javascript:alert(1)", "data:text/html,x", "alerts", "/alerts\r\nSet-Cookie: a=b", "/alerts\x00", "/\tevil.example",
		"http:/alerts", "/login", "/login?next=/login", "/logout", "/api/v1/alerts", "/assets/page.css", "/%zz", "/" + strings.Repeat("a", maxNext), " /alerts", "?", "#x", "/alerts\u2028"} {
		want := "/"
		if bad == "/alerts\u2028" {
			want = "/alerts%e2%80%a8" // no sign that a browser takes for an end of the line
		}
		res, _ := s.try(t, "POST", "/login", "user=bob&password=right&next="+url.QueryEscape(bad), "Content-Type", form)
		if got := res.Header.Get("Location"); res.StatusCode != http.StatusSeeOther || !strings.EqualFold(got, want) || len(res.Header.Values("Set-Cookie")) != 1 {
			t.Errorf("login with next %q leads to %q, want %q", bad, got, want)
		}
	}
}
