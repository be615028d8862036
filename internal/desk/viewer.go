package desk

import (
	"context"
	"errors"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/scope"
)

// A viewer is who asks, and what he may see.
type viewer struct {
	api.Identity

	bounds *scope.Scope // nil: everything
}

// viewer returns who makes a call. What accounts may see is read anew with each call, so that a change holds at once,
// whoever made it; and an account that is gone, shut out or demoted meanwhile is refused, also while it has a session. Who
// owns the process needs no account.
func (d *Desk) viewer(ctx context.Context) (viewer, error) {
	caller := api.Caller(ctx)
	v := viewer{Identity: caller}
	way := api.Came(ctx).Via
	if caller.User == "" || caller.Admin && way != "http" && way != "page" && way != reportWay {
		return v, nil
	}
	u, err := d.parts.Ledger.User(ctx, caller.User)
	if errors.Is(err, fault.NotFound) || err == nil && (u.Disabled || caller.Admin && !u.Admin) {
		return viewer{}, fault.New(fault.Denied, "account %s is gone, shut out or has other rights by now: log in again", caller.User)
	}
	if err != nil {
		return viewer{}, err
	}
	return viewerOf(u, caller)
}

func viewerOf(u ledger.User, as api.Identity) (viewer, error) {
	v := viewer{Identity: as}
	if as.Admin {
		return v, nil
	}
	var err error
	if v.bounds, err = scope.Compile(u.Filter); err != nil {
		return viewer{}, fault.New(fault.Unavailable, "what %s may see is bounded by a filter that cannot be read (an administrator sets another: tocsin users filter): %w", u.Name, err)
	}
	return v, nil
}

// sees reports whether the viewer may know of an alert: of his own rules, and of those that are everybody's, within what he
// may see.
func (v *viewer) sees(a *alert.Alert) bool {
	switch {
	case v.Admin:
		return true
	case a.Owner == "":
		return v.bounds.Alert(a)
	default:
		return v.User != "" && a.Owner == v.User && v.bounds.Own(a)
	}
}

// handles reports whether the viewer may act on an alert that he sees.
func (v *viewer) handles(a *alert.Alert) bool {
	return v.Admin || v.User != "" && (a.Owner == v.User || a.Assignee == v.User)
}

// visible leaves out the alerts that the viewer may not know of.
func (v *viewer) visible(found []alert.Alert) []alert.Alert {
	if v.Admin {
		return found
	}
	own := make([]alert.Alert, 0, len(found))
	for i := range found {
		if v.sees(&found[i]) {
			own = append(own, found[i])
		}
	}
	return own
}
