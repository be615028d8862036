package app

import (
	"tocsin/internal/desk"
	"tocsin/internal/httpapi"
	"tocsin/internal/signon"
)

// signOn returns what lets people in who log in at a provider, and the provider's name for them; nil where none is set.
func (a *App) signOn() (outside httpapi.Outside, label string, err error) {
	c := a.setup.Config
	o, on := c.SignOn()
	if !on {
		return nil, "", nil
	}
	provider, err := signon.New(o)
	if err != nil {
		return nil, "", err
	}
	return &desk.SignOn{Provider: provider, Accounts: a.accounts, Create: c.Login.OIDC.Create, Link: c.Login.OIDC.Link}, c.Login.OIDC.Label, nil
}
