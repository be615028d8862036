package desk

import (
	"context"
	"slices"
	"strings"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/bookmark"
	"tocsin/internal/ledger"
	"tocsin/internal/traffic"
)

// Views implements api.Service: by name.
func (d *Desk) Views(ctx context.Context, user string) ([]api.View, error) {
	name, err := d.owner(ctx, "see the views of", user)
	if err != nil {
		return nil, err
	}
	kept, err := d.parts.Ledger.Views(ctx, name)
	if err != nil {
		return nil, err
	}
	list := make([]api.View, len(kept))
	for i, v := range kept {
		list[i] = api.View(v)
	}
	slices.SortFunc(list, func(a, b api.View) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// PutView implements api.Service. What it keeps is what the page would show now: a mistake is said in the words of the page.
func (d *Desk) PutView(ctx context.Context, q api.ViewEdit) (api.View, error) {
	user, err := d.owner(ctx, "save a view of", q.User)
	if err != nil {
		return api.View{}, err
	}
	if err := bookmark.CheckName("name", q.Name); err != nil {
		return api.View{}, err
	}
	now := time.Now().UTC().Round(0)
	v, err := bookmark.Parse(q.Address, now)
	if err != nil {
		return api.View{}, err
	}
	if err := d.checkView(ctx, v, now); err != nil {
		return api.View{}, err
	}
	kept := ledger.SavedView{Name: q.Name, Address: v.Address(), Changed: now}
	if err := d.parts.Ledger.PutView(ctx, user, kept, q.Replace); err != nil {
		return api.View{}, err
	}
	return api.View(kept), nil
}

// DeleteView implements api.Service.
func (d *Desk) DeleteView(ctx context.Context, q api.ViewRemoval) error {
	user, err := d.owner(ctx, "remove a view of", q.User)
	if err == nil {
		err = bookmark.CheckName("name", q.Name)
	}
	if err != nil {
		return err
	}
	return d.parts.Ledger.DeleteView(ctx, user, q.Name)
}

// checkView reports what the page of a view would refuse: it makes its question, and asks nothing.
func (d *Desk) checkView(ctx context.Context, v *bookmark.View, now time.Time) error {
	caller, err := d.viewer(ctx)
	if err != nil {
		return err
	}
	if v.Page == bookmark.AlertsPage {
		q, err := v.Alerts.Request(now, 1)
		if err == nil {
			_, err = alertQuery(caller, q)
		}
		return err
	}
	selection, err := d.selection(&caller, v.Flows.Where)
	if err != nil {
		return err
	}
	since, until, err := v.Flows.Times(now)
	if err != nil || v.Page == bookmark.SessionsPage {
		return err
	}
	return traffic.Check(v.Flows.Ranking(since, until), selection)
}

// owner returns the account whose own things are meant: the caller's, who has to be somebody still, or as an administrator
// anybody's.
func (d *Desk) owner(ctx context.Context, act, user string) (string, error) {
	if _, err := d.viewer(ctx); err != nil {
		return "", err
	}
	name, err := whose(ctx, act, user)
	if err != nil {
		return "", err
	}
	_, err = d.parts.Ledger.User(ctx, name)
	return name, accountless(ctx, name, err)
}
