package app

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/web/webtest"
)

// trouble starts a whole tocsin with an account, anna, and an alert that the events of a moment ago have raised.
func trouble(t *testing.T) (*App, context.Context) {
	t.Helper()
	a := running(t, true)
	ctx := api.As(t.Context(), api.Local())
	s := a.Service()
	if err := s.PutUser(ctx, api.UserEdit{Name: "anna", Password: "correct horse", Admin: true, Create: true}); err != nil {
		t.Fatal(err)
	}
	_, err := s.PutRule(ctx, api.RuleEdit{Text: `
name: disk-trouble
title: A disk is in trouble
from: log
where: message contains "I/O error"
detect: {threshold: {by: [host.name], over: 1m, at_least: 3}}
severity: CRITICAL
`})
	if err != nil {
		t.Fatal(err)
	}
	diskErrors(ctx, t, s, "db1")
	return a, ctx
}

func diskErrors(ctx context.Context, t *testing.T, s api.Service, host string) {
	t.Helper()
	var body strings.Builder
	for i := range 5 {
		fmt.Fprintf(&body, `{"message":"I/O error, sector %d","host.name":%q,"@timestamp":%q}`+"\n", i, host, time.Now().UTC().Format(time.RFC3339Nano))
	}
	if _, err := s.Append(ctx, api.AppendRequest{}, strings.NewReader(body.String())); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}

// A person logs in on the page of a whole tocsin and sees the alert that the events of a moment ago have raised.
func TestPageInABrowser(t *testing.T) {
	webtest.Browser(t) // says why, when it is skipped
	a, _ := trouble(t)
	webtest.Run(t, webtest.Site{URL: a.Address(), User: "anna", Password: "correct horse", Alert: "A disk is in trouble", Event: "I/O error, sector 4", Name: "whole"})
}

// The link of a notice leads through the login to the alert, which is taken on, silenced and closed there; the list shows
// what comes meanwhile without being asked again.
func TestAlertOfAWholeTocsinInABrowser(t *testing.T) {
	webtest.Browser(t)
	a, ctx := trouble(t)
	s := a.Service()
	found, err := s.Alerts(ctx, api.AlertRequest{})
	if err != nil || len(found) != 1 {
		t.Fatalf("alerts = %v, %v, want one", found, err)
	}
	path := "/alerts/" + strconv.FormatInt(found[0].ID, 10)
	b := webtest.Open(t, a.Address(), webtest.Screen{Phone: true})
	b.Go(path)
	b.LogIn("anna", "correct horse")
	b.At(path)
	b.Shows("h1", "A disk is in trouble")
	b.Click(`details[data-act=acknowledge] summary`)
	b.Type(`details[data-act=acknowledge] input[name=note]`, "mine")
	b.Click(`button[value=acknowledge]`)
	b.Shows("#live-head", "Taken on by anna")
	b.Click(`details[data-act=silence] summary`)
	b.Type(`details[data-act=silence] input[name=note]`, "the disk is replaced today")
	b.Click(`button[value=silence]`)
	b.Shows("#live-head", "the disk is replaced today")
	b.Click(`.undo button`)
	b.Shows(".done", "Undone.")
	b.Looks("whole-alert")

	b.Go("/alerts")
	b.Shows("#list", "db1")
	diskErrors(ctx, t, s, "db2")
	b.Shows("#list", "db2")

	b.Go(path)
	b.Click(`details[data-act=close] summary`)
	b.Click(`input[value=true]`)
	b.Click(`button[value=close]`)
	b.Shows("#live-head", "Closed as true by anna")
	for _, page := range []string{"/", "/alerts?state=all&group=rule", "/silences?all=1", "/notices?state=all", "/users", "/audit", "/settings/mail", "/me"} {
		b.Go(page)
		b.Shows("main", "")
		b.Looks("whole" + strings.NewReplacer("/", "-", "?", "-", "=", "-", "&", "-").Replace(page))
	}
	if found, err = s.Alerts(ctx, api.AlertRequest{ID: found[0].ID}); err != nil || found[0].State != alert.Ended || found[0].ClosedBy != "anna" {
		t.Errorf("the alert is %+v, %v, want it closed by anna", found, err)
	}
}
