// Package signon lets people log in at an OpenID Connect provider (OpenID Connect Core 1.0): the authorization code flow with
// PKCE (RFC 7636), a nonce, and a state that is good for one browser, once, for ten minutes.
//
// The provider is asked when somebody logs in, so that one that is away keeps nothing else from working.
package signon

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"tocsin/internal/fault"
)

// Bounds of logins that have begun and are not finished.
const (
	life        = 10 * time.Minute
	maxBegun    = 1_000
	patience    = 10 * time.Second // for each question to the provider
	maxAnswer   = 1 << 20          // bytes of one answer of the provider
	relearn     = time.Hour        // after which the provider's description is read again
	maxNext     = 2048             // bytes of the page to go on with
	maxSubject  = 255              // ASCII characters, OpenID Connect Core 1.0 section 2
	maxUserName = 64
	maxGroups   = 1_000
)

// Options are what a Provider works with. Issuer, ClientID and Redirect are needed.
type Options struct {
	Issuer       string // as the provider calls itself: https, or http on this machine
	ClientID     string
	ClientSecret string   // empty: a public client, which PKCE protects alone
	Redirect     string   // address of tocsin to which the provider sends people back
	Scopes       []string // besides openid
	NameClaim    string   // claim that is the name of the account; "" is preferred_username
	GroupsClaim  string   // claim that lists groups; "" is groups
	Groups       []string // who is in none of these is not let in; none: all are
	AdminGroup   string   // whose members are administrators; "" leaves that to tocsin

	Now       func() time.Time  // nil is time.Now
	Transport http.RoundTripper // nil is http.DefaultTransport
}

// A Person is who logged in, as the provider says.
type Person struct {
	Issuer, Subject string // which together never change and are nobody else's
	Name            string // to be the account's
	Admin           *bool  // whether the provider makes him an administrator; nil leaves it as it is
}

// A Provider is one OpenID Connect provider. Its methods may be called from several goroutines.
type Provider struct {
	options Options
	client  *http.Client
	now     func() time.Time

	mu     sync.Mutex
	begun  map[string]login // by state
	found  *oidc.Provider
	seenAt time.Time
}

// A login has begun: the browser that shows the ticket may finish it.
type login struct {
	ticket   [sha256.Size]byte
	nonce    string
	verifier string
	next     string
	at       time.Time
}

// Check says what is wrong with the options; nothing is asked of the provider.
func (o Options) Check() error {
	var errs []error
	for _, a := range []struct{ name, value string }{{"issuer", o.Issuer}, {"redirect", o.Redirect}} {
		if err := checkAddress(a.value); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", a.name, err))
		}
	}
	if o.ClientID == "" {
		errs = append(errs, errors.New("client_id: is needed"))
	}
	return errors.Join(errs...)
}

// checkAddress takes https addresses, and http on this machine.
func checkAddress(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "":
		return fmt.Errorf("got %q, want an address such as https://login.example.org", text)
	case u.Scheme == "https", u.Scheme == "http" && isHere(u.Hostname()):
		return nil
	default:
		return fmt.Errorf("got %q, want https (http is for this machine alone)", text)
	}
}

func isHere(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// New returns a provider. Nothing is asked of it yet.
func New(o Options) (*Provider, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	if o.NameClaim == "" {
		o.NameClaim = "preferred_username"
	}
	if o.GroupsClaim == "" {
		o.GroupsClaim = "groups"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Transport == nil {
		o.Transport = http.DefaultTransport
	}
	client := &http.Client{Timeout: patience, Transport: bounded{o.Transport}}
	return &Provider{options: o, client: client, now: o.Now, begun: map[string]login{}}, nil
}

// Begin returns the address at the provider to which a browser is sent, and the ticket that it has to show when it comes
// back. Next is the page to go on with then.
func (p *Provider) Begin(ctx context.Context, next string) (address, ticket string, err error) {
	if len(next) > maxNext {
		next = ""
	}
	provider, err := p.describe(ctx)
	if err != nil {
		return "", "", err
	}
	state := rand.Text()
	ticket = rand.Text()
	l := login{ticket: sha256.Sum256([]byte(ticket)), nonce: rand.Text(), verifier: oauth2.GenerateVerifier(), next: next, at: p.now()}
	p.mu.Lock()
	p.makeRoom()
	p.begun[state] = l
	p.mu.Unlock()
	return p.config(provider).AuthCodeURL(state, oidc.Nonce(l.nonce), oauth2.S256ChallengeOption(l.verifier)), ticket, nil
}

// makeRoom forgets logins that took too long, and the oldest where there are too many. It is called with mu held.
func (p *Provider) makeRoom() {
	var oldest string
	for state, l := range p.begun {
		if p.now().Sub(l.at) > life {
			delete(p.begun, state)
		} else if oldest == "" || l.at.Before(p.begun[oldest].at) {
			oldest = state
		}
	}
	if len(p.begun) >= maxBegun {
		delete(p.begun, oldest)
	}
}

// Finish takes what a browser brings back from the provider, with the ticket that Begin gave it. A login can be finished
// once. The error is a Denied when the person is not let in, an Unavailable when the provider does not answer.
func (p *Provider) Finish(ctx context.Context, ticket string, answer url.Values) (who Person, next string, err error) {
	l, err := p.take(answer.Get("state"), ticket)
	if err != nil {
		return Person{}, "", err
	}
	if problem := answer.Get("error"); problem != "" {
		return Person{}, "", fault.New(fault.Denied, "log in at %s: the provider answers %q: %s", p.options.Issuer, cut(problem, 100), cut(answer.Get("error_description"), 300))
	}
	provider, err := p.describe(ctx)
	if err != nil {
		return Person{}, "", err
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, p.client), 2*patience)
	defer cancel()
	token, err := p.config(provider).Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(l.verifier))
	if err != nil {
		return Person{}, "", p.refused("exchange the code", err)
	}
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return Person{}, "", fault.New(fault.Denied, "log in at %s: the answer has no ID token (is openid among the scopes that the provider allows?)", p.options.Issuer)
	}
	id, err := provider.Verifier(&oidc.Config{ClientID: p.options.ClientID, Now: p.now}).Verify(ctx, raw)
	if err != nil {
		return Person{}, "", p.refused("check the ID token", err)
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(l.nonce)) != 1 {
		return Person{}, "", fault.New(fault.Denied, "log in at %s: the ID token was made for another login", p.options.Issuer)
	}
	who, err = p.person(id)
	return who, l.next, err
}

// take returns a login that has begun, and forgets it.
func (p *Provider) take(state, ticket string) (login, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l, ok := p.begun[state]
	sum := sha256.Sum256([]byte(ticket))
	if !ok || subtle.ConstantTimeCompare(l.ticket[:], sum[:]) != 1 {
		return login{}, fault.New(fault.Denied, "log in: this login was not begun in this browser, or is used up (begin it again)")
	}
	delete(p.begun, state)
	if p.now().Sub(l.at) > life {
		return login{}, fault.New(fault.Denied, "log in: that took longer than %s (begin it again)", life)
	}
	return l, nil
}

// person reads the claims.
func (p *Provider) person(id *oidc.IDToken) (Person, error) {
	var claims map[string]any // their names are the provider's and the operator's
	if err := id.Claims(&claims); err != nil {
		return Person{}, fault.New(fault.Denied, "log in at %s: the claims of the ID token cannot be read: %w", p.options.Issuer, err)
	}
	if id.Subject == "" || len(id.Subject) > maxSubject {
		return Person{}, fault.New(fault.Denied, "log in at %s: the subject has %d bytes, want 1 to %d", p.options.Issuer, len(id.Subject), maxSubject)
	}
	name, _ := claims[p.options.NameClaim].(string)
	if name == "" || len(name) > maxUserName {
		return Person{}, fault.New(fault.Denied, "log in at %s: the claim %s is to be a name of 1 to %d characters (set login.oidc.name_claim, or the scopes that bring it)",
			p.options.Issuer, p.options.NameClaim, maxUserName)
	}
	if p.options.NameClaim == "email" {
		if verified, said := claims["email_verified"]; said && verified != true && verified != "true" {
			return Person{}, fault.New(fault.Denied, "log in at %s: the address %q is not verified there", p.options.Issuer, name)
		}
	}
	groups := groupsOf(claims[p.options.GroupsClaim])
	if len(p.options.Groups) > 0 && !slices.ContainsFunc(p.options.Groups, func(g string) bool { return slices.Contains(groups, g) }) {
		return Person{}, fault.New(fault.Denied, "log in at %s: %q is in none of the groups that are let in", p.options.Issuer, name)
	}
	who := Person{Issuer: id.Issuer, Subject: id.Subject, Name: name}
	if p.options.AdminGroup != "" {
		is := slices.Contains(groups, p.options.AdminGroup)
		who.Admin = &is
	}
	return who, nil
}

// groupsOf takes a list of names, or one name.
func groupsOf(claim any) []string {
	if one, ok := claim.(string); ok {
		return []string{one}
	}
	list, _ := claim.([]any)
	var groups []string
	for _, g := range list[:min(len(list), maxGroups)] {
		if name, ok := g.(string); ok {
			groups = append(groups, name)
		}
	}
	return groups
}

func (p *Provider) config(provider *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{ClientID: p.options.ClientID, ClientSecret: p.options.ClientSecret, Endpoint: provider.Endpoint(),
		RedirectURL: p.options.Redirect, Scopes: append([]string{oidc.ScopeOpenID}, p.options.Scopes...)}
}

// describe returns what the provider says of itself, which is kept for a while; an old description does when the provider
// cannot be asked.
func (p *Provider) describe(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	found, fresh := p.found, p.now().Sub(p.seenAt) < relearn
	p.mu.Unlock()
	if found != nil && fresh {
		return found, nil
	}
	// The context of the description is that of its keys, which are asked for later.
	next, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.client), p.options.Issuer)
	if err != nil && found != nil {
		return found, nil
	}
	if err != nil {
		return nil, p.refused("ask what it offers", err)
	}
	p.mu.Lock()
	p.found, p.seenAt = next, p.now()
	p.mu.Unlock()
	return next, nil
}

// refused words an error in the dealings with the provider. None of them holds a secret or a token.
func (p *Provider) refused(act string, err error) error {
	var answered *oauth2.RetrieveError
	var network net.Error
	var mismatch *oidc.IssuerMismatchError
	switch {
	case errors.As(err, &answered):
		return fault.New(fault.Denied, "log in at %s: %s: the provider answers %s %s", p.options.Issuer, act, answered.Response.Status, cut(answered.ErrorCode, 100))
	case errors.As(err, &mismatch):
		return fault.New(fault.Unavailable, "log in at %s: %s: %w (set login.oidc.issuer to what the provider calls itself)", p.options.Issuer, act, err)
	case errors.As(err, &network) || act == "ask what it offers":
		return fault.New(fault.Unavailable, "log in at %s: %s: %s (is the provider up, and login.oidc.issuer right?)", p.options.Issuer, act, cut(err.Error(), 300))
	default:
		return fault.New(fault.Denied, "log in at %s: %s: %s", p.options.Issuer, act, cut(err.Error(), 300))
	}
}

// cut shortens text that comes from elsewhere and drops what is no printable text.
func cut(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, " "))
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "..."
	}
	return text
}
