package app

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/web/webtest"
)

// A person logs in on the page of a whole tocsin and sees the alert that the events of a moment ago have raised.
func TestPageInABrowser(t *testing.T) {
	webtest.Browser(t) // says why, when it is skipped
	a := running(t, true)
	ctx := api.As(t.Context(), api.Local())
	s := a.Service()
	if err := s.PutUser(ctx, api.UserEdit{Name: "anna", Password: "correct horse", Create: true}); err != nil {
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
	var body strings.Builder
	for i := range 5 {
		fmt.Fprintf(&body, `{"message":"I/O error, sector %d","host.name":"db1","@timestamp":%q}`+"\n", i, time.Now().UTC().Format(time.RFC3339Nano))
	}
	if _, err := s.Append(ctx, api.AppendRequest{}, strings.NewReader(body.String())); err != nil {
		t.Fatal(err)
	}
	if err := s.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	webtest.Run(t, webtest.Site{URL: a.Address(), User: "anna", Password: "correct horse", Alert: "A disk is in trouble", Event: "I/O error, sector 4"})
}
