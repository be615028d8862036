package desk

import (
	"context"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// Users implements api.Service.
func (d *Desk) Users(ctx context.Context) ([]api.User, error) {
	if !api.Caller(ctx).Admin {
		return nil, fault.New(fault.Denied, "list accounts: only an administrator may")
	}
	kept, err := d.parts.Ledger.Users(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]api.User, len(kept))
	for i, u := range kept {
		list[i] = api.User{Name: u.Name, Admin: u.Admin, Disabled: u.Disabled, Created: u.Created}
	}
	return list, nil
}

// PutUser implements api.Service. Everybody may change his own password.
func (d *Desk) PutUser(ctx context.Context, u api.UserEdit) error {
	caller := api.Caller(ctx)
	if !caller.Admin && (u.Create || u.Name != caller.User) {
		return fault.New(fault.Denied, "change user %q: only an administrator may", u.Name)
	}
	if u.Create {
		_, err := d.parts.Ledger.CreateUser(ctx, u.Name, u.Password, u.Admin, time.Now())
		return err
	}
	return d.parts.Ledger.SetPassword(ctx, u.Name, u.Password, time.Now())
}

// DisableUser implements api.Service.
func (d *Desk) DisableUser(ctx context.Context, name string, disabled bool) error {
	caller := api.Caller(ctx)
	switch {
	case !caller.Admin:
		return fault.New(fault.Denied, "shut out user %q: only an administrator may", name)
	case disabled && name == caller.User:
		return fault.New(fault.Conflict, "shut out user %q: nobody shuts himself out (let another administrator do it)", name)
	}
	return d.parts.Ledger.DisableUser(ctx, name, disabled, time.Now())
}

// MakeToken implements api.Service.
func (d *Desk) MakeToken(ctx context.Context, t api.TokenRequest) (api.Token, error) {
	caller := api.Caller(ctx)
	name := t.User
	if name == "" {
		name = caller.User
	}
	if name != caller.User && !caller.Admin {
		return api.Token{}, fault.New(fault.Denied, "make token for user %q: only an administrator may", name)
	}
	secret, _, err := d.parts.Ledger.CreateToken(ctx, name, "", "", t.Expires, time.Now())
	if err != nil {
		return api.Token{}, err
	}
	return api.Token{User: name, Token: secret, Expires: t.Expires}, nil
}
