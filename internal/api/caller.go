package api

import (
	"context"

	"tocsin/internal/fault"
	"tocsin/internal/permission"
)

// May reports whether the caller may do something at all, by the table of package permission; the error is fault.Denied.
func (id Identity) May(op permission.Operation) error {
	who := permission.Holder{User: id.User, Admin: id.Admin}
	if id.Scopes != "" {
		scopes, err := permission.ParseScopes(id.Scopes)
		if err != nil {
			return fault.New(fault.Denied, "%s: the token is for %q, which is nothing", op, id.Scopes)
		}
		who.Scopes = scopes
	}
	return permission.Check(op, who)
}

// A Way is how a call came, for the audit log.
type Way struct {
	Via  string // "process", "socket", "http" or "page"
	From string // address of who called; empty where there is none
}

type wayKey struct{}

// Through returns a context whose calls came by a way.
func Through(ctx context.Context, w Way) context.Context { return context.WithValue(ctx, wayKey{}, w) }

// Came returns how a call came; in this process where nobody said.
func Came(ctx context.Context) Way {
	if w, ok := ctx.Value(wayKey{}).(Way); ok {
		return w
	}
	return Way{Via: "process"}
}
