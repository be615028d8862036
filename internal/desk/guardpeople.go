package desk

import (
	"cmp"
	"context"
	"fmt"

	"tocsin/internal/api"
	"tocsin/internal/permission"
)

// Users implements api.Service.
func (g *Guard) Users(ctx context.Context) ([]api.User, error) {
	return look(ctx, permission.ListUsers, func() ([]api.User, error) { return g.desk.Users(ctx) })
}

// User implements api.Service.
func (g *Guard) User(ctx context.Context, name string) (api.User, error) {
	return look(ctx, permission.ShowUser, func() (api.User, error) { return g.desk.User(ctx, name) })
}

// PutUser implements api.Service. Passwords are never written down.
func (g *Guard) PutUser(ctx context.Context, u api.UserEdit) error {
	op, became := permission.SetPassword, "another password"
	if u.Create {
		op, became = permission.AddUser, roleWord(u.Admin)
	}
	return alter(ctx, g, op, "user "+u.Name, became, func(ctx context.Context) error { return g.desk.PutUser(ctx, u) })
}

func roleWord(admin bool) string {
	if admin {
		return "administrator"
	}
	return "user"
}

// DisableUser implements api.Service.
func (g *Guard) DisableUser(ctx context.Context, name string, disabled bool) error {
	return alter(ctx, g, permission.EnableUser, "user "+name, able(!disabled), func(ctx context.Context) error { return g.desk.DisableUser(ctx, name, disabled) })
}

// SetRole implements api.Service.
func (g *Guard) SetRole(ctx context.Context, name string, admin bool) error {
	return alter(ctx, g, permission.SetRole, "user "+name, roleWord(admin), func(ctx context.Context) error { return g.desk.SetRole(ctx, name, admin) })
}

// FilterUser implements api.Service.
func (g *Guard) FilterUser(ctx context.Context, name, filter string) error {
	return alter(ctx, g, permission.FilterUser, "user "+name, "sees "+cmp.Or(filter, "everything"), func(ctx context.Context) error {
		return g.desk.FilterUser(ctx, name, filter)
	})
}

// DeleteUser implements api.Service.
func (g *Guard) DeleteUser(ctx context.Context, r api.UserRemoval) error {
	return alter(ctx, g, permission.DeleteUser, "user "+r.Name, "deleted", func(ctx context.Context) error { return g.desk.DeleteUser(ctx, r) })
}

// LogOutUser implements api.Service.
func (g *Guard) LogOutUser(ctx context.Context, name string) (api.LoggedOut, error) {
	return change(ctx, g, permission.LogOutUser, "user "+name, "logged out", func(ctx context.Context) (api.LoggedOut, error) { return g.desk.LogOutUser(ctx, name) })
}

// MakeToken implements api.Service. The token itself is never written down.
func (g *Guard) MakeToken(ctx context.Context, t api.TokenRequest) (api.Token, error) {
	return change(ctx, g, permission.MakeToken, "user "+cmp.Or(t.User, api.Caller(ctx).User), words(t), func(ctx context.Context) (api.Token, error) {
		return g.desk.MakeToken(ctx, t)
	})
}

// Tokens implements api.Service.
func (g *Guard) Tokens(ctx context.Context, q api.TokenQuery) ([]api.TokenEntry, error) {
	return look(ctx, permission.ListTokens, func() ([]api.TokenEntry, error) { return g.desk.Tokens(ctx, q) })
}

// RevokeTokens implements api.Service.
func (g *Guard) RevokeTokens(ctx context.Context, r api.TokenRevocation) (api.Revoked, error) {
	subject := "all tokens of " + cmp.Or(r.User, api.Caller(ctx).User)
	if r.ID != 0 {
		subject = fmt.Sprintf("token %d of %s", r.ID, cmp.Or(r.User, api.Caller(ctx).User))
	}
	return change(ctx, g, permission.RevokeToken, subject, "revoked", func(ctx context.Context) (api.Revoked, error) { return g.desk.RevokeTokens(ctx, r) })
}

// Audit implements api.Service.
func (g *Guard) Audit(ctx context.Context, q api.AuditRequest) ([]api.AuditLine, error) {
	return look(ctx, permission.ListAudit, func() ([]api.AuditLine, error) { return g.desk.Audit(ctx, q) })
}
