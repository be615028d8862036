package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
)

// Limits of one AdoptRequest, and of how many numbers of events an alert keeps.
const (
	maxAdopted      = 10_000
	adoptedEvents   = 200
	adoptedSeverity = alert.Medium // of alerts of rules that are not there
)

// Adopt implements api.Service.
func (d *Desk) Adopt(ctx context.Context, q api.AdoptRequest) (answer api.AdoptAnswer, err error) {
	if !api.Caller(ctx).Admin {
		return answer, fault.New(fault.Denied, "take over: only an administrator may")
	}
	if len(q.Users) > maxAdopted || len(q.Alerts) > maxAdopted {
		return answer, fault.New(fault.Invalid, "take over: got %d users and %d alerts, want %d of each or fewer", len(q.Users), len(q.Alerts), maxAdopted)
	}
	now := time.Now()
	for _, u := range q.Users {
		added, usable, err := d.parts.Ledger.AdoptUser(ctx, u.Name, u.Hash, u.Admin, now)
		switch {
		case errors.Is(err, fault.Invalid):
			answer.Problems = append(answer.Problems, err.Error())
			continue
		case err != nil:
			return answer, err
		case !added:
			continue
		case !usable:
			answer.Problems = append(answer.Problems, fmt.Sprintf("user %s: the hash of the password is none of argon2, the account is shut out (tocsin users passwd %s, then tocsin users enable %s)", u.Name, u.Name, u.Name))
		}
		answer.Users++
	}
	if len(q.Alerts) == 0 {
		return answer, nil
	}
	refs, err := d.adoptedRules(ctx)
	if err != nil {
		return answer, err
	}
	writes := make([]ledger.Write, len(q.Alerts))
	for i := range q.Alerts {
		if writes[i], err = adopted(&q.Alerts[i], refs); err != nil {
			return answer, err
		}
	}
	changed, err := d.parts.Ledger.Record(ctx, ledger.Past{Now: now, Writes: writes})
	answer.Alerts = len(changed)
	return answer, err
}

// adoptedRules returns everybody's rules by name.
func (d *Desk) adoptedRules(ctx context.Context) (map[string]ledger.RuleRef, error) {
	if !d.parts.Rules.Loaded() {
		if err := d.parts.Rules.Load(ctx); err != nil {
			return nil, err
		}
	}
	refs := map[string]ledger.RuleRef{}
	for _, e := range d.parts.Rules.all() {
		if e.kept.Owner != "" || e.kept.ID <= 0 {
			continue
		}
		ref := ledger.RuleRef{ID: e.kept.ID, Version: e.kept.Version, Name: e.kept.Name, Severity: e.rule.Severity}
		if ref.Severity == 0 {
			ref.Severity = adoptedSeverity
		}
		refs[ref.Name] = ref
	}
	return refs, nil
}

// adopted makes a write of an alert. Its entity holds its text, so that two of one rule at one time stay two, and for one of
// a rule that is not there the rule's name.
func adopted(a *api.AdoptedAlert, refs map[string]ledger.RuleRef) (ledger.Write, error) {
	name := strings.ToValidUTF8(a.Rule, "\uFFFD")
	ref, known := refs[name]
	entity := alert.Entity{{Field: "message", Value: strings.ToValidUTF8(a.Message, "\uFFFD")}}
	if !known {
		ref = ledger.RuleRef{Name: name, Severity: adoptedSeverity}
		entity = append(entity, alert.Pair{Field: "rule", Value: name})
	}
	if y := a.Time.Year(); y < 1678 || y > 2261 {
		return ledger.Write{}, fault.New(fault.Invalid, "take over alert of rule %q: time %v: want a year from 1678 to 2261", name, a.Time)
	}
	numbers := a.Events[:min(len(a.Events), adoptedEvents)]
	evidence := map[string]any{"rule": name, "message": entity[0].Value, "events": numbers}
	if left := len(a.Events) - len(numbers); left > 0 {
		evidence["further events"] = left
	}
	sample, err := json.Marshal(evidence)
	if err != nil {
		return ledger.Write{}, err
	}
	finding := alert.Finding{
		Time: a.Time.UnixNano(), Since: a.Time.UnixNano(), Triggers: 1, Value: float64(len(a.Events)),
		Reason: entity[0].Value, Samples: []json.RawMessage{sample},
	}
	var e ledger.Episode
	e.Add(finding)
	return ledger.Write{Rule: ref, Entity: entity, Episodes: []ledger.Episode{e}}, nil
}
