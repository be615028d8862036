package signon_test

import (
	"crypto/rsa"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/signon"
	"tocsin/internal/signon/signontest"
)

const redirect = "http://127.0.0.1:8400/login/oidc/done"

func options(p *signontest.Provider) signon.Options {
	return signon.Options{Issuer: p.URL, ClientID: signontest.ClientID, ClientSecret: signontest.ClientSecret, Redirect: redirect}
}

func anna() map[string]any {
	return map[string]any{"sub": "4711", "preferred_username": "anna", "groups": []string{"staff", "security"}}
}

// visit goes to the provider as a browser does, and returns what it brings back.
func visit(t *testing.T, address string) url.Values {
	t.Helper()
	browser := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r, err := browser.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	back, err := r.Location()
	if err != nil || !strings.HasPrefix(back.String(), redirect+"?") {
		text, _ := io.ReadAll(r.Body)
		t.Fatalf("the provider answers %s, %v, %s", r.Status, err, text)
	}
	return back.Query()
}

// begin starts a login and visits the provider.
func begin(t *testing.T, p *signon.Provider, next string) (ticket string, answer url.Values) {
	t.Helper()
	address, ticket, err := p.Begin(t.Context(), next)
	if err != nil {
		t.Fatal(err)
	}
	return ticket, visit(t, address)
}

func open(t *testing.T, o signon.Options) *signon.Provider {
	t.Helper()
	p, err := signon.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestLogin(t *testing.T) {
	far := signontest.Start(t, anna())
	for name, test := range map[string]struct {
		change func(*signon.Options)
		name   string
		admin  string // yes, no or untold
	}{
		"plain":        {func(*signon.Options) {}, "anna", "untold"},
		"in the group": {func(o *signon.Options) { o.Groups = []string{"other", "staff"} }, "anna", "untold"},
		"admin":        {func(o *signon.Options) { o.AdminGroup = "security" }, "anna", "yes"},
		"no admin":     {func(o *signon.Options) { o.AdminGroup = "root" }, "anna", "no"},
		"other claim":  {func(o *signon.Options) { o.NameClaim = "sub" }, "4711", "untold"},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(far)
			test.change(&o)
			p := open(t, o)
			ticket, answer := begin(t, p, "/alerts/17")
			who, next, err := p.Finish(t.Context(), ticket, answer)
			if err != nil {
				t.Fatal(err)
			}
			admin := "untold"
			if who.Admin != nil {
				admin = map[bool]string{true: "yes", false: "no"}[*who.Admin]
			}
			if who.Issuer != far.URL || who.Subject != "4711" || who.Name != test.name || admin != test.admin || next != "/alerts/17" {
				t.Errorf("got %+v, administrator %s, next %q", who, admin, next)
			}
			if _, _, err := p.Finish(t.Context(), ticket, answer); !errors.Is(err, fault.Denied) {
				t.Errorf("a login that is used up: %v, want it denied", err)
			}
		})
	}
}

// TestRefused: whoever has not just logged in at the provider, in this browser, is not let in.
func TestRefused(t *testing.T) {
	other := signontest.OtherKey(t)
	for name, test := range map[string]struct {
		option func(*signon.Options)
		claims func(map[string]any)
		forge  func(map[string]any) *rsa.PrivateKey
		answer func(ticket *string, answer url.Values)
		want   string
	}{
		"another browser":   {answer: func(ticket *string, _ url.Values) { *ticket = "guessed" }, want: "this browser"},
		"no browser":        {answer: func(ticket *string, _ url.Values) { *ticket = "" }, want: "this browser"},
		"another state":     {answer: func(_ *string, a url.Values) { a.Set("state", "guessed") }, want: "this browser"},
		"another code":      {answer: func(_ *string, a url.Values) { a.Set("code", "guessed") }, want: "invalid_grant"},
		"refused there":     {answer: func(_ *string, a url.Values) { a.Set("error", "access_denied\n\x1b[31m") }, want: `"access_denied  [31m"`},
		"wrong secret":      {option: func(o *signon.Options) { o.ClientSecret = "wrong" }, want: "invalid_client"},
		"no group":          {option: func(o *signon.Options) { o.Groups = []string{"board"} }, want: "none of the groups"},
		"no name":           {option: func(o *signon.Options) { o.NameClaim = "nickname" }, want: "nickname"},
		"long name":         {claims: func(c map[string]any) { c["preferred_username"] = strings.Repeat("a", 65) }, want: "1 to 64"},
		"name of no text":   {claims: func(c map[string]any) { c["preferred_username"] = []string{"anna"} }, want: "name_claim"},
		"unverified email":  {option: func(o *signon.Options) { o.NameClaim = "email" }, claims: func(c map[string]any) { c["email"], c["email_verified"] = "a@example.org", false }, want: "not verified"},
		"no subject":        {claims: func(c map[string]any) { c["sub"] = "" }, want: "subject"},
		"another key":       {forge: func(map[string]any) *rsa.PrivateKey { return other }, want: "check the ID token"},
		"another client":    {forge: func(c map[string]any) *rsa.PrivateKey { c["aud"] = "somebody"; return nil }, want: "check the ID token"},
		"another issuer":    {forge: func(c map[string]any) *rsa.PrivateKey { c["iss"] = "https://evil.example"; return nil }, want: "check the ID token"},
		"another login":     {forge: func(c map[string]any) *rsa.PrivateKey { c["nonce"] = "other"; return nil }, want: "another login"},
		"token of no login": {forge: func(c map[string]any) *rsa.PrivateKey { delete(c, "nonce"); return nil }, want: "another login"},
		"expired":           {forge: func(c map[string]any) *rsa.PrivateKey { c["exp"] = time.Now().Add(-time.Minute).Unix(); return nil }, want: "expired"},
	} {
		t.Run(name, func(t *testing.T) {
			claims := anna()
			if test.claims != nil {
				test.claims(claims)
			}
			far := signontest.Start(t, claims)
			far.Forge(test.forge)
			o := options(far)
			if test.option != nil {
				test.option(&o)
			}
			p := open(t, o)
			ticket, answer := begin(t, p, "/")
			if test.answer != nil {
				test.answer(&ticket, answer)
			}
			who, _, err := p.Finish(t.Context(), ticket, answer)
			if !errors.Is(err, fault.Denied) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %+v, %v, want it denied with %q", who, err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), signontest.ClientSecret) {
				t.Errorf("the error tells the secret: %v", err)
			}
		})
	}
}

// TestTooLate: a login that was begun too long ago is not finished, and not kept either.
func TestTooLate(t *testing.T) {
	far := signontest.Start(t, anna())
	now := time.Now()
	o := options(far)
	o.Now = func() time.Time { return now }
	p := open(t, o)
	ticket, answer := begin(t, p, "/")
	now = now.Add(11 * time.Minute)
	if _, _, err := p.Finish(t.Context(), ticket, answer); !errors.Is(err, fault.Denied) || !strings.Contains(err.Error(), "10m") {
		t.Errorf("got %v, want it denied as too late", err)
	}
}

// TestManyBegun: logins that nobody finishes push out the oldest, and never the newest.
func TestManyBegun(t *testing.T) {
	far := signontest.Start(t, anna())
	p := open(t, options(far))
	first, firstAnswer := begin(t, p, "/")
	for range 1_000 {
		if _, _, err := p.Begin(t.Context(), "/"); err != nil {
			t.Fatal(err)
		}
	}
	last, lastAnswer := begin(t, p, "/")
	if _, _, err := p.Finish(t.Context(), first, firstAnswer); !errors.Is(err, fault.Denied) {
		t.Errorf("the first of too many: %v, want it denied", err)
	}
	if _, _, err := p.Finish(t.Context(), last, lastAnswer); err != nil {
		t.Errorf("the last of many: %v", err)
	}
}

// TestProviderAway: a provider that is away, is somebody else, or never ends its answer is told as such.
func TestProviderAway(t *testing.T) {
	const nobody = "http://127.0.0.1:1" // what a server left, another program may be given at once
	endless := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for range 2_000 {
			if _, err := w.Write(make([]byte, 1<<10)); err != nil {
				return
			}
		}
	}))
	defer endless.Close()
	far := signontest.Start(t, anna())
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, far.URL+r.URL.Path, http.StatusFound)
	}))
	defer other.Close()
	for issuer, want := range map[string]string{nobody: "is the provider up", endless.URL: "longer than", other.URL: "login.oidc.issuer"} {
		o := options(far)
		o.Issuer = issuer
		if _, _, err := open(t, o).Begin(t.Context(), "/"); !errors.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want it unavailable with %q", issuer, err, want)
		}
	}
}

func TestOptions(t *testing.T) {
	good := signon.Options{Issuer: "https://login.example.org/realm", ClientID: "tocsin", Redirect: "http://[::1]:8400/login/oidc/done"}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for want, change := range map[string]func(*signon.Options){
		"issuer: got":    func(o *signon.Options) { o.Issuer = "http://login.example.org" },
		"issuer: got \"": func(o *signon.Options) { o.Issuer = "login.example.org" },
		"redirect: got":  func(o *signon.Options) { o.Redirect = "https://u:p@tocsin.example.org" },
		"client_id":      func(o *signon.Options) { o.ClientID = "" },
	} {
		o := good
		change(&o)
		if err := o.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
