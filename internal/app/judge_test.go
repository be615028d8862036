package app

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/journal"
)

// A rule that is put while the judges begin runs once they have begun.
func TestRuleWhileBeginning(t *testing.T) {
	var once sync.Once
	begun, put := make(chan struct{}), make(chan struct{})
	a := runningWith(t, Options{Crash: func(point string) {
		if point == "after-begin-before-ready" {
			once.Do(func() { close(begun) })
			<-put
		}
	}})
	<-begun
	svc, ctx := a.Service(), api.As(t.Context(), api.Local())
	text := "name: any\nfrom: log\nwhere: message == \"x\"\ndetect: {threshold: {metric: count, over: 1m, at_least: 1}}\n"
	_, err := svc.PutRule(ctx, api.RuleEdit{Text: text})
	close(put)
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; <-time.After(time.Millisecond) {
		for _, j := range a.judges {
			if rules := j.engine.Rules(); len(rules) == 1 && rules[0].Rule.Name == "any" {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("the rule does not run")
		}
	}
}

// What was judged and is not yet alerting's to write is waited for by who wants all of the journal judged and written.
func TestCaughtUpWithWhatIsHandedOver(t *testing.T) {
	applied, goOn := make(chan struct{}), make(chan struct{})
	var once sync.Once
	a := runningWith(t, Options{Crash: func(point string) {
		if point == "after-apply-before-take" {
			once.Do(func() { close(applied) })
			<-goOn
		}
	}})
	svc, ctx := a.Service(), api.As(t.Context(), api.Local())
	text := "name: any\nfrom: log\ndetect: {threshold: {metric: count, over: 1m, at_least: 1}}\n"
	_, err := svc.PutRule(ctx, api.RuleEdit{Text: text})
	if err == nil {
		_, err = svc.Append(ctx, api.AppendRequest{}, strings.NewReader(`{"message":"x"}`+"\n"))
	}
	if err != nil {
		close(goOn)
		t.Fatal(err)
	}
	<-applied
	impatient, leave := context.WithCancel(ctx)
	leave()
	for _, j := range a.judges {
		if err := j.caughtUp(impatient, a.journal.Head()); j.class == journal.Events && err == nil {
			t.Error("caught up, though nobody could write what was found")
		}
	}
	close(goOn)
	if err := svc.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if list, err := svc.Alerts(ctx, api.AlertRequest{}); err != nil || len(list) != 1 {
		t.Errorf("after Flush there are %d alerts, %v, want 1", len(list), err)
	}
}
