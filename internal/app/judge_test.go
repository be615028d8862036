package app

import (
	"sync"
	"testing"
	"time"

	"tocsin/internal/api"
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
	for deadline := time.Now().Add(time.Minute); ; {
		for _, j := range a.judges {
			if rules := j.engine.Rules(); len(rules) == 1 && rules[0].Rule.Name == "any" {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("the rule does not run")
		}
		time.Sleep(time.Millisecond)
	}
}
