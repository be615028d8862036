package desk

import (
	"context"
	"strings"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/rule"
)

// owner returns whose rules are meant, in the ledger's words: "" is everybody's, which administrators keep.
func owner(ctx context.Context, named string) (string, error) {
	caller := api.Caller(ctx)
	switch {
	case named == "" && caller.Admin:
		return "", nil
	case named == "":
		return caller.User, nil
	case named != caller.User && !caller.Admin:
		return "", fault.New(fault.Denied, "rules of user %q: only an administrator may change them", named)
	default:
		return named, nil
	}
}

// Rules implements api.Service. A user sees his own rules and everybody's; administrators see all.
func (d *Desk) Rules(ctx context.Context, q api.RuleRequest) ([]api.Rule, error) {
	if !d.parts.Rules.Loaded() {
		if err := d.parts.Rules.Load(ctx); err != nil {
			return nil, err
		}
	}
	caller := api.Caller(ctx)
	list := []api.Rule{}
	for _, e := range d.parts.Rules.all() {
		mine := e.kept.Owner == "" || e.kept.Owner == caller.User || caller.Admin
		asked := q.Owner == "" || q.Owner == everybody || q.Owner == e.kept.Owner
		if mine && asked && (q.Name == "" || q.Name == e.kept.Name) {
			list = append(list, d.shown(e))
		}
	}
	return list, nil
}

func (d *Desk) shown(e entry) api.Rule {
	r := api.Rule{
		ID: e.kept.ID, Name: e.kept.Name, Owner: e.kept.Owner, Enabled: e.kept.Enabled, Version: e.kept.Version,
		ReadOnly: e.kept.Origin == ledger.InFile, Text: e.kept.Text, Changed: e.kept.Changed, Problem: e.problem,
	}
	if e.rule.Config == nil {
		return r
	}
	if e.rule.Title != e.kept.Name {
		r.Title = e.rule.Title
	}
	var kinds []string
	for _, k := range e.rule.Kinds() {
		kinds = append(kinds, k.String())
	}
	r.From, r.Where, r.Detect, r.Severity = strings.Join(kinds, ","), e.where, e.rule.Detect, e.rule.Severity.String()
	if r.ReadOnly {
		r.File, r.Line = e.rule.File, e.rule.Line
	}
	r.MissingLists = d.missing(e.rule.Where)
	return r
}

// PutRule implements api.Service.
func (d *Desk) PutRule(ctx context.Context, r api.RuleEdit) (api.Rule, error) {
	who, err := owner(ctx, r.Owner)
	if err != nil {
		return api.Rule{}, err
	}
	if _, err := d.viewer(ctx); err != nil {
		return api.Rule{}, err
	}
	if who != "" && who != api.Caller(ctx).User {
		if _, err := d.parts.Ledger.User(ctx, who); err != nil {
			return api.Rule{}, err
		}
	}
	read, err := rule.Decode("rule", []byte(r.Text), d.parts.Detectors)
	if err != nil {
		return api.Rule{}, invalid(err)
	}
	if len(read) != 1 {
		return api.Rule{}, fault.New(fault.Invalid, "got %d rules, want one", len(read))
	}
	if err := checkKinds(&read[0]); err != nil {
		return api.Rule{}, err
	}
	kept, err := d.parts.Ledger.PutRule(ctx, who, read[0].Name, r.Text, read[0].Enabled, r.Replace, time.Now())
	if err != nil {
		return api.Rule{}, err
	}
	if err := d.reload(ctx); err != nil {
		return api.Rule{}, err
	}
	return d.shown(newEntry(kept, read[0], nil)), nil // the text is what is shown
}

// DeleteRule implements api.Service.
func (d *Desk) DeleteRule(ctx context.Context, named, name string) error {
	who, err := owner(ctx, named)
	if err != nil {
		return err
	}
	if _, err := d.parts.Ledger.DeleteRule(ctx, who, name); err != nil {
		return err
	}
	return d.reload(ctx)
}

// EnableRule implements api.Service.
func (d *Desk) EnableRule(ctx context.Context, named, name string, enabled bool) error {
	who, err := owner(ctx, named)
	if err != nil {
		return err
	}
	if err := d.parts.Ledger.EnableRule(ctx, who, name, enabled, time.Now()); err != nil {
		return err
	}
	return d.reload(ctx)
}

// reload reads the rules again and tells whoever judges by them.
func (d *Desk) reload(ctx context.Context) error {
	if err := d.parts.Rules.Load(ctx); err != nil {
		return err
	}
	return d.parts.RulesChanged(ctx)
}
