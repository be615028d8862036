package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/internal/notifier/notifiertest"
	"tocsin/internal/signon/signontest"
)

// signonConfig lets people in from a provider, whose group security are administrators.
const signonConfig = `
http: {listen: "127.0.0.1:%[1]d", flowtraq: "off", url: "http://127.0.0.1:%[1]d"}
sources: {syslog: [], flows: []}
journal: {free_floor: "off"}
login:
  oidc: {issuer: %[2]q, client_id: %[3]q, client_secret: %[4]q, admin_group: security, label: The Works}
`

// A browser keeps cookies and follows redirects.
func browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, Timeout: patience}
}

// browse returns where a browser ends up, and what it reads there.
func browse(t *testing.T, b *http.Client, address string) (at, page string) {
	t.Helper()
	r, err := b.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.Request.URL.RequestURI(), string(text)
}

// People log in at an OpenID Connect provider, land on the page that they asked for as themselves, and leave a line in the audit log.
// While the provider is away the rest works, and whoever comes back with an answer that is not his stays outside.
func TestSignOn(t *testing.T) {
	t.Parallel()
	provider := signontest.Start(t, map[string]any{"sub": "1", "preferred_username": "anna", "groups": []string{"security"}})
	dir := t.TempDir()
	config := filepath.Join(dir, "tocsin.yaml")
	port := notifiertest.Free(t, "tcp")
	write(t, config, fmt.Sprintf(signonConfig, port, provider.URL, signontest.ClientID, signontest.ClientSecret), 0o600)
	d := start(t, filepath.Join(dir, "data"), config, "")
	site := fmt.Sprintf("http://127.0.0.1:%d", port)
	who := func(b *http.Client) (user struct {
		Name  string
		Admin bool
	}, status int) {
		t.Helper()
		r, err := b.Get(site + "/api/v1/users")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		var users []struct {
			Name  string
			Admin bool
		}
		if err := json.NewDecoder(r.Body).Decode(&users); err == nil && len(users) > 0 {
			user = users[0]
		}
		return user, r.StatusCode
	}

	anna := browser(t)
	at, page := browse(t, anna, site+"/alerts?state=open")
	if !strings.HasPrefix(at, "/login?next=") {
		t.Fatalf("without a login one gets to %s", at)
	}
	// There is no account yet: the page asks for the token of the first start, and an administrator of the provider may come in all the same.
	if strings.Contains(page, "/login/oidc") {
		t.Error("the page offers the provider before there is an administrator")
	}
	at, page = browse(t, anna, site+"/login/oidc?next=/alerts%3Fstate%3Dopen")
	if at != "/alerts?state=open" || !strings.Contains(page, "anna") {
		t.Errorf("after the login one gets to %s", at)
	}
	if user, status := who(anna); status != http.StatusOK || user.Name != "anna" || !user.Admin {
		t.Errorf("logged in as %+v, %d", user, status)
	}

	provider.SetClaims(map[string]any{"sub": "2", "preferred_username": "bert"})
	bert := browser(t)
	if _, page := browse(t, bert, site+"/login?next=/alerts"); !strings.Contains(page, `href="/login/oidc?next=%2falerts"`) || !strings.Contains(page, "The Works") {
		t.Errorf("the login page does not lead to the provider:\n%s", page)
	}
	if at, _ := browse(t, bert, site+"/login/oidc?next=//evil.example/"); at != "/" {
		t.Errorf("next of another site leads to %s", at)
	}
	if _, status := who(bert); status != http.StatusForbidden {
		t.Errorf("an ordinary account lists users: %d", status)
	}

	provider.SetClaims(map[string]any{"sub": "3", "preferred_username": "anna"})
	if at, page := browse(t, browser(t), site+"/login/oidc"); at != "/login?problem=elsewhere-denied" || !strings.Contains(page, "You were not let in from there") {
		t.Errorf("somebody of anna's name gets to %s", at)
	}
	if at, _ := browse(t, browser(t), site+"/login/oidc/done?state=guessed&code=guessed"); at != "/login?problem=elsewhere-denied" {
		t.Errorf("an answer that nobody asked for leads to %s", at)
	}
	var lines []struct{ Who, What, Subject, Outcome string }
	d.ask("GET", "/api/v1/audit", &lines)
	all := fmt.Sprintf("%+v", lines)
	for _, want := range []string{"user anna", "user bert", "guessed"} {
		if (want == "guessed") == strings.Contains(all, want) {
			t.Errorf("%q in the audit log: %s", want, all)
		}
	}
	if strings.Contains(d.said.String(), signontest.ClientSecret) {
		t.Error("the log tells the client's secret")
	}
	d.stop()
}
