package desk

import (
	"context"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/permission"
	"tocsin/internal/scope"
)

// tokenLife is how long a token counts for which nobody says.
const tokenLife = 90 * 24 * time.Hour

// Users implements api.Service.
func (d *Desk) Users(ctx context.Context) ([]api.User, error) {
	kept, err := d.parts.Ledger.Users(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]api.User, len(kept))
	for i, u := range kept {
		list[i] = d.shownUser(u)
	}
	return list, nil
}

// User implements api.Service.
func (d *Desk) User(ctx context.Context, name string) (api.User, error) {
	name, err := selfOrAdmin(ctx, permission.ShowUser, name)
	if err != nil {
		return api.User{}, err
	}
	u, err := d.parts.Ledger.User(ctx, name)
	return d.shownUser(u), err
}

func (d *Desk) shownUser(u ledger.User) api.User {
	return api.User{
		Name: u.Name, Admin: u.Admin, Disabled: u.Disabled, Created: u.Created, Filter: u.Filter, Sessions: d.parts.sessions().Sessions(u.Name),
		LastLogin: u.LastLogin, Provider: u.Issuer,
	}
}

// selfOrAdmin returns the account that is meant, the caller's own where none is named, and refuses what one account would do
// to another.
func selfOrAdmin(ctx context.Context, op permission.Operation, name string) (string, error) {
	caller := api.Caller(ctx)
	if name == "" {
		name = caller.User
	}
	if name != caller.User && !caller.Admin {
		return "", fault.New(fault.Denied, "%s of %q: only an administrator may", op, name)
	}
	return name, nil
}

// PutUser implements api.Service. Everybody may change his own password. A change ends the account's sessions.
func (d *Desk) PutUser(ctx context.Context, u api.UserEdit) error {
	if u.Create {
		_, err := d.parts.Ledger.CreateUser(ctx, u.Name, u.Password, u.Admin, time.Now())
		return err
	}
	name, err := selfOrAdmin(ctx, permission.SetPassword, u.Name)
	if err != nil {
		return err
	}
	return d.changed(name, d.parts.Ledger.SetPassword(ctx, name, u.Password, time.Now()))
}

// changed ends the sessions of an account unless changing it failed, so that what it was let in by before no longer counts.
func (d *Desk) changed(name string, err error) error {
	if err == nil {
		d.parts.sessions().EndSessions(name)
	}
	return err
}

// DisableUser implements api.Service.
func (d *Desk) DisableUser(ctx context.Context, name string, disabled bool) error {
	if disabled && d.isCaller(ctx, name) {
		return fault.New(fault.Conflict, "shut out user %q: nobody shuts himself out (let another administrator do it)", name)
	}
	return d.retell(ctx, d.changed(name, d.parts.Ledger.DisableUser(ctx, name, disabled, time.Now())))
}

// isCaller reports whether an account is the caller's own. Who owns the process has none, whatever it is called.
func (d *Desk) isCaller(ctx context.Context, name string) bool {
	via := api.Came(ctx).Via
	return name == api.Caller(ctx).User && via != "socket" && via != "process"
}

// SetRole implements api.Service. Nobody demotes himself.
func (d *Desk) SetRole(ctx context.Context, name string, admin bool) error {
	if !admin && d.isCaller(ctx, name) {
		return fault.New(fault.Conflict, "demote user %q: nobody demotes himself (let another administrator do it)", name)
	}
	return d.retell(ctx, d.changed(name, d.parts.Ledger.SetAdmin(ctx, name, admin, time.Now())))
}

// FilterUser implements api.Service. The account's rules judge by it from now on.
func (d *Desk) FilterUser(ctx context.Context, name, filter string) error {
	if _, err := scope.Compile(filter); err != nil {
		return err
	}
	if err := d.retell(ctx, d.parts.Ledger.SetFilter(ctx, name, strings.TrimSpace(filter), time.Now())); err != nil {
		return err
	}
	return d.reload(ctx)
}

// DeleteUser implements api.Service. Who is logged in is not deleted.
func (d *Desk) DeleteUser(ctx context.Context, r api.UserRemoval) error {
	if d.isCaller(ctx, r.Name) {
		return fault.New(fault.Conflict, "delete user %q: nobody deletes himself (let another administrator do it)", r.Name)
	}
	if n := d.parts.sessions().Sessions(r.Name); n > 0 {
		return fault.New(fault.Conflict, "delete user %q: it is logged in (sessions: %s; end them first: tocsin users logout %s)", r.Name, strconv.Itoa(n), r.Name)
	}
	removal := ledger.Removal{Name: r.Name, WithRules: r.WithRules}
	switch r.To {
	case "":
	case everybody:
		removal.To = new(string)
	default:
		removal.To = &r.To
	}
	if err := d.retell(ctx, d.changed(r.Name, d.parts.Ledger.DeleteUser(ctx, removal))); err != nil {
		return err
	}
	return d.reload(ctx)
}

// LogOutUser implements api.Service.
func (d *Desk) LogOutUser(ctx context.Context, name string) (api.LoggedOut, error) {
	if _, err := d.parts.Ledger.User(ctx, name); err != nil {
		return api.LoggedOut{}, err
	}
	return api.LoggedOut{Sessions: d.parts.sessions().EndSessions(name)}, nil
}

// MakeToken implements api.Service.
func (d *Desk) MakeToken(ctx context.Context, t api.TokenRequest) (api.Token, error) {
	name, err := selfOrAdmin(ctx, permission.MakeToken, t.User)
	if err != nil {
		return api.Token{}, err
	}
	scopes := []permission.Scope{permission.Read}
	if t.Scopes != "" {
		if scopes, err = permission.ParseScopes(t.Scopes); err != nil {
			return api.Token{}, err
		}
	}
	now := time.Now()
	switch {
	case t.Never && !t.Expires.IsZero():
		return api.Token{}, fault.New(fault.Invalid, "expires: want a time or never, not both")
	case t.Expires.IsZero() && !t.Never:
		t.Expires = now.Add(tokenLife).UTC().Truncate(time.Second)
	case !t.Never && !t.Expires.After(now):
		return api.Token{}, fault.New(fault.Invalid, "expires: got %s, want a time to come", t.Expires.UTC().Format(time.RFC3339))
	}
	secret, made, err := d.parts.Ledger.CreateToken(ctx, name, t.Label, permission.FormatScopes(scopes), t.Expires, now)
	if err != nil {
		return api.Token{}, err
	}
	return api.Token{User: name, Token: secret, ID: made.ID, Scopes: made.Scopes, Expires: t.Expires}, nil
}

// Tokens implements api.Service.
func (d *Desk) Tokens(ctx context.Context, q api.TokenQuery) ([]api.TokenEntry, error) {
	name := q.User
	if name != everybody || !api.Caller(ctx).Admin {
		var err error
		if name, err = selfOrAdmin(ctx, permission.ListTokens, name); err != nil {
			return nil, err
		}
	} else {
		name = ""
	}
	kept, err := d.parts.Ledger.Tokens(ctx, name)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	list := make([]api.TokenEntry, len(kept))
	for i, t := range kept {
		list[i] = api.TokenEntry{
			ID: t.ID, User: t.User, Label: t.Label, Scopes: t.Scopes, Created: t.Created, Expires: t.Expires, Revoked: t.Revoked, Used: t.Used,
			Valid: t.Revoked.IsZero() && (t.Expires.IsZero() || t.Expires.After(now)),
		}
		if t.Scopes == "" {
			list[i].Scopes = string(permission.Whole)
		}
	}
	return list, nil
}

// RevokeTokens implements api.Service.
func (d *Desk) RevokeTokens(ctx context.Context, r api.TokenRevocation) (api.Revoked, error) {
	name, err := selfOrAdmin(ctx, permission.RevokeToken, r.User)
	if err != nil {
		return api.Revoked{}, err
	}
	if r.ID != 0 {
		return api.Revoked{Tokens: 1}, d.parts.Ledger.RevokeToken(ctx, name, r.ID, time.Now())
	}
	n, err := d.parts.Ledger.RevokeTokens(ctx, name, time.Now())
	return api.Revoked{Tokens: n}, err
}

// Audit implements api.Service.
func (d *Desk) Audit(ctx context.Context, q api.AuditRequest) ([]api.AuditLine, error) {
	const most = 100_000
	if q.Limit < 0 || q.Limit > most {
		return nil, fault.New(fault.Invalid, "limit: got %d, want 0 to %d", q.Limit, most)
	}
	kept, err := d.parts.Ledger.Audit(ctx, ledger.AuditQuery{
		Who: q.User, What: q.What, Subject: q.Subject, Since: q.Since, Until: q.Until, SinceID: q.SinceID, Limit: q.Limit,
	})
	if err != nil {
		return nil, err
	}
	list := make([]api.AuditLine, len(kept))
	for i, a := range kept {
		list[i] = api.AuditLine(a)
	}
	return list, nil
}
