package config

import (
	"errors"
	"strings"

	"tocsin/internal/signon"
)

// DonePath is where the provider of OpenID Connect sends people back to.
const DonePath = "/login/oidc/done"

// SignOn returns what people log in with at a provider; on is false when they do not.
func (c *Config) SignOn() (o signon.Options, on bool) {
	p := c.Login.OIDC
	if p.Issuer == "" {
		return signon.Options{}, false
	}
	redirect := p.Redirect
	if redirect == "" && c.HTTP.URL != "" && c.HTTP.URL != off {
		redirect = strings.TrimRight(c.HTTP.URL, "/") + DonePath
	}
	scopes := p.Scopes
	if scopes == nil {
		scopes = []string{"profile", "email"}
	}
	return signon.Options{Issuer: p.Issuer, ClientID: p.ClientID, ClientSecret: p.ClientSecret.Reveal(), Redirect: redirect, Scopes: scopes,
		NameClaim: p.NameClaim, GroupsClaim: p.GroupsClaim, Groups: p.Groups, AdminGroup: p.AdminGroup}, true
}

// validateLogin checks the provider, whose address back comes from the address of the page.
func (c *Config) validateLogin() error {
	o, on := c.SignOn()
	p := c.Login.OIDC
	if !on {
		if p.ClientID != "" || !p.ClientSecret.IsZero() {
			return errors.New("login.oidc.issuer: is needed with a client_id or client_secret")
		}
		return nil
	}
	if o.Redirect == "" {
		return errors.New("login.oidc.redirect: is needed, or set http.url to where people find the page")
	}
	if err := o.Check(); err != nil {
		var errs []error
		for line := range strings.Lines(err.Error()) {
			errs = append(errs, errors.New("login.oidc."+strings.TrimSpace(line)))
		}
		return errors.Join(errs...)
	}
	return nil
}
