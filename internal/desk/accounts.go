package desk

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
)

// setupSetting is where the ledger keeps the digest of the token that makes the first administrator.
const setupSetting = "setup token"

// Accounts tell who shows a password or a token.
type Accounts struct{ ledger *ledger.Ledger }

// NewAccounts returns the accounts of a ledger.
func NewAccounts(l *ledger.Ledger) *Accounts { return &Accounts{l} }

// Check implements httpapi.Authenticator.
func (a *Accounts) Check(ctx context.Context, user, password string) (api.Identity, error) {
	return identity(a.ledger.Authenticate(ctx, user, password))
}

// Token implements httpapi.Authenticator.
func (a *Accounts) Token(ctx context.Context, token string) (api.Identity, error) {
	u, t, err := a.ledger.UserOfToken(ctx, token, time.Now())
	id, err := identity(u, err)
	id.Scopes = t.Scopes
	return id, err
}

func identity(u ledger.User, err error) (api.Identity, error) {
	if err != nil {
		return api.Identity{}, err
	}
	return api.Identity{User: u.Name, Admin: u.Admin}, nil
}

// SetupToken returns a new token that makes the first administrator, or "" when there are accounts already. The token of an
// earlier call no longer counts.
func (a *Accounts) SetupToken(ctx context.Context) (string, error) {
	users, err := a.ledger.Users(ctx)
	if err != nil || len(users) > 0 {
		return "", err
	}
	token := rand.Text()
	return token, a.ledger.SetSetting(ctx, setupSetting, digest(token), time.Now())
}

// NeedSetup reports whether there is no account yet, as far as the ledger can tell.
func (a *Accounts) NeedSetup(ctx context.Context) bool {
	users, err := a.ledger.Users(ctx)
	return err == nil && len(users) == 0
}

func digest(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// Setup implements httpapi.Authenticator.
func (a *Accounts) Setup(ctx context.Context, token, user, password string) (api.Identity, error) {
	users, err := a.ledger.Users(ctx)
	if err != nil {
		return api.Identity{}, err
	}
	want, ok, err := a.ledger.Setting(ctx, setupSetting)
	if err != nil {
		return api.Identity{}, err
	}
	if !ok || len(users) > 0 || subtle.ConstantTimeCompare([]byte(want), []byte(digest(token))) != 1 {
		return api.Identity{}, fault.New(fault.Denied, "set up: the token is wrong, or there is an account already")
	}
	return identity(a.ledger.CreateUser(ctx, user, password, true, time.Now()))
}
