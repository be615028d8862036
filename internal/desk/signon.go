package desk

import (
	"context"
	"net/url"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/ledger"
	"tocsin/internal/signon"
)

// A SignOn lets in who logs in at an identity provider.
type SignOn struct {
	Provider *signon.Provider
	Accounts *Accounts
	Create   bool // who comes for the first time gets an account
	Link     bool // or that of his name
}

// Begin implements httpapi.Outside.
func (s *SignOn) Begin(ctx context.Context, next string) (address, ticket string, err error) {
	return s.Provider.Begin(ctx, next)
}

// Finish implements httpapi.Outside.
func (s *SignOn) Finish(ctx context.Context, ticket string, answer url.Values) (id api.Identity, next string, err error) {
	who, next, err := s.Provider.Finish(ctx, ticket, answer)
	if err != nil {
		return api.Identity{}, "", err
	}
	way := api.Came(ctx)
	now := time.Now()
	ctx = ledger.Audited(ctx, &ledger.Draft{AuditLine: ledger.AuditLine{At: now, Via: way.Via, From: way.From, What: "login.oidc", Subject: "user " + who.Name}})
	id, err = identity(s.Accounts.ledger.LetIn(ctx, ledger.External{
		Issuer: who.Issuer, Subject: who.Subject, Name: who.Name, Admin: who.Admin, Create: s.Create, Link: s.Link,
	}, now))
	return id, next, err
}
