package app

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// A user is told of his own rules alone, and not even that others are there; an administrator of all.
func TestExplainShowsOnesOwnRules(t *testing.T) {
	svc := running(t, false).Service()
	admin := api.As(t.Context(), api.Local())
	ann := api.As(t.Context(), api.Identity{User: "ann"})
	if err := svc.PutUser(admin, api.UserEdit{Name: "ann", Password: "correct horse battery", Create: true}); err != nil {
		t.Fatal(err)
	}
	for name, who := range map[string]string{"hers": "ann", "everybodys": ""} {
		ctx := admin
		if who != "" {
			ctx = ann
		}
		if _, err := svc.PutRule(ctx, api.RuleEdit{Text: "{name: " + name + ", from: log, detect: {threshold: {at_least: 2}}, severity: LOW}"}); err != nil {
			t.Fatal(err)
		}
	}
	line := []string{`{"message":"x"}`}
	names := func(a api.ExplainAnswer) (list []string) {
		for _, r := range a.Lines[0].Events[0].Rules {
			list = append(list, r.Name)
		}
		return list
	}
	a, err := svc.Explain(ann, api.ExplainRequest{Lines: line, Format: "jsonlines"})
	if err != nil || len(names(a)) != 1 || names(a)[0] != "hers" || a.Rules != 1 {
		t.Errorf("ann is told of %v, %v, want hers alone", names(a), err)
	}
	if a, err = svc.Explain(admin, api.ExplainRequest{Lines: line, Format: "jsonlines"}); err != nil || len(names(a)) != 2 {
		t.Errorf("the administrator is told of %v, %v, want both", names(a), err)
	}
	if _, err = svc.Explain(ann, api.ExplainRequest{Lines: line, Rules: []string{"everybodys"}}); !errors.Is(err, fault.NotFound) {
		t.Errorf("ann asks for another's rule: got %v, want it not found", err)
	}
	if a, err = svc.Explain(t.Context(), api.ExplainRequest{Lines: line, Format: "jsonlines"}); err == nil && len(names(a)) != 0 && names(a)[0] == "hers" {
		t.Errorf("nobody is told of %v", names(a))
	}
}

// Many lines by many rules would make an answer without bounds: it is refused, and the same lines by one rule are not.
func TestExplainIsBounded(t *testing.T) {
	svc := running(t, false).Service()
	for i := range 60 {
		if _, err := svc.PutRule(admin(t), api.RuleEdit{Text: fmt.Sprintf("{name: r%d, from: log, detect: {threshold: {at_least: 2}}, severity: LOW}", i)}); err != nil {
			t.Fatal(err)
		}
	}
	lines := slices.Repeat([]string{`{"message":"x"}`}, api.MaxExplainLines)
	if _, err := svc.Explain(admin(t), api.ExplainRequest{Lines: lines, Format: "jsonlines"}); !errors.Is(err, fault.Invalid) {
		t.Errorf("1000 lines by 60 rules: got %v, want them refused", err)
	}
	a, err := svc.Explain(admin(t), api.ExplainRequest{Lines: lines, Format: "jsonlines", Rules: []string{"r7"}})
	if err != nil || len(a.Lines) != len(lines) {
		t.Errorf("1000 lines by one rule: got %d, %v", len(a.Lines), err)
	}
}
