package desk

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/detector"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/rule"
	"tocsin/internal/scope"
)

// A Rulebook knows the rules that run: those that stand in files and those that the ledger keeps, each under its number.
// Its methods may be called from several goroutines.
type Rulebook struct {
	ledger    *ledger.Ledger
	detectors detector.Set

	loading sync.Mutex // one Load at a time
	mu      sync.Mutex
	files   []rule.Rule // as they stand in files, without numbers
	entries map[int64]entry
	loaded  bool
	trial   *rule.Rule // of a self-test; nil when none runs
}

// An entry is one rule as it is kept and, unless that failed, as it runs.
type entry struct {
	kept    ledger.Rule
	rule    rule.Rule
	problem string // why it does not run
	where   string // its filter as its owner wrote it
}

// NewRulebook returns a rulebook that knows no rules before Load.
func NewRulebook(l *ledger.Ledger, detectors detector.Set, files []rule.Rule) *Rulebook {
	return &Rulebook{ledger: l, detectors: detectors, files: files, entries: map[int64]entry{}}
}

// SetFiles changes the rules that stand in files, from the next Load on.
func (b *Rulebook) SetFiles(files []rule.Rule) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.files = files
}

// Files returns the rules that stand in files.
func (b *Rulebook) Files() []rule.Rule {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.files
}

// Load reads all rules again. A rule of the ledger that cannot be read is kept and does not run.
func (b *Rulebook) Load(ctx context.Context) error {
	b.loading.Lock()
	defer b.loading.Unlock()
	b.mu.Lock()
	files := b.files
	b.mu.Unlock()

	entries := map[int64]entry{}
	standing := make([]ledger.FileRule, len(files))
	for i, r := range files {
		standing[i] = ledger.FileRule{Name: r.Name, Text: r.Text, Enabled: r.Enabled}
	}
	numbered, err := b.ledger.RegisterFileRules(ctx, standing, time.Now())
	if err != nil {
		return err
	}
	for i, kept := range numbered {
		entries[kept.ID] = newEntry(kept, files[i], nil)
	}
	stored, err := b.ledger.Rules(ctx, ledger.RuleQuery{Origin: ledger.InLedger})
	if err != nil {
		return err
	}
	owners, err := b.bounds(ctx, stored)
	if err != nil {
		return err
	}
	for _, kept := range stored {
		read, err := rule.Decode(kept.Name, []byte(kept.Text), b.detectors)
		if err != nil || len(read) != 1 {
			entries[kept.ID] = entry{kept: kept, problem: cmp.Or(errors.Join(err), errors.New("it is not one rule")).Error()}
			continue
		}
		v, known := owners[kept.Owner]
		entries[kept.ID] = newEntry(kept, read[0], v.bounds)
		if e := entries[kept.ID]; known && v.problem != "" {
			e.problem = v.problem
			entries[kept.ID] = e
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.entries, b.loaded = entries, true
	return nil
}

// A bound is what the rules of an owner judge at most, or why that cannot be told.
type bound struct {
	bounds  *scope.Scope
	problem string
}

// bounds returns what the rules of each owner judge at most: what he may see.
func (b *Rulebook) bounds(ctx context.Context, rules []ledger.Rule) (map[string]bound, error) {
	owners := map[string]bound{}
	if !slices.ContainsFunc(rules, func(r ledger.Rule) bool { return r.Owner != "" }) {
		return owners, nil
	}
	users, err := b.ledger.Users(ctx)
	if err != nil {
		return nil, err
	}
	for _, u := range users {
		v, err := viewerOf(u, api.Identity{User: u.Name, Admin: u.Admin})
		if err != nil {
			owners[u.Name] = bound{problem: err.Error()}
			continue
		}
		owners[u.Name] = bound{bounds: v.bounds}
	}
	return owners, nil
}

// newEntry makes an entry whose rule judges no more than its owner may see.
func newEntry(kept ledger.Rule, r rule.Rule, bounds *scope.Scope) entry {
	r.ID, r.Owner, r.Version, r.Enabled = kept.ID, kept.Owner, kept.Version, kept.Enabled
	e := entry{kept: kept, where: r.WhereText()}
	r.Where = bounds.Bound(r.Where)
	e.rule = r
	if err := checkKinds(&r); err != nil {
		e.problem = err.Error()
	}
	return e
}

// checkKinds refuses a rule that looks at flows and at something else: flows are judged apart from the rest, so that a
// flood of them delays nothing.
func checkKinds(r *rule.Rule) error {
	if r.From.Has(event.Flow) && r.From != event.Of(event.Flow) {
		return fault.New(fault.Invalid, "rule %s: from: flow cannot stand beside other kinds (make two rules)", r.Name)
	}
	return nil
}

// SetTrial makes the rule of a self-test known, or with nil unknown again. It runs beside the others and is not listed.
func (b *Rulebook) SetTrial(r *rule.Rule) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.trial = r
}

// Trial lists the rule of a self-test, if one runs.
func (b *Rulebook) Trial() []rule.Rule {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.trial == nil {
		return nil
	}
	return []rule.Rule{*b.trial}
}

// Rule implements alerting.Rules.
func (b *Rulebook) Rule(id int64) (ledger.RuleRef, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r := b.trial; r != nil && r.ID == id {
		return ledger.RuleRef{ID: id, Version: r.Version, Name: r.Name, Title: r.Title, Severity: r.Severity, Origin: ledger.Test}, true
	}
	e, ok := b.entries[id]
	if !ok || e.problem != "" {
		return ledger.RuleRef{}, false
	}
	r := &e.rule
	return ledger.RuleRef{ID: id, Version: r.Version, Name: r.Name, Owner: r.Owner, Title: r.Title, Severity: r.Severity}, true
}

// Running lists the rules that judge, by number.
func (b *Rulebook) Running() []rule.Rule {
	var list []rule.Rule
	for _, e := range b.all() {
		if e.kept.Enabled && e.problem == "" {
			list = append(list, e.rule)
		}
	}
	return list
}

// Loaded reports whether Load was done once.
func (b *Rulebook) Loaded() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.loaded
}

// all lists all rules by number.
func (b *Rulebook) all() []entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]entry, 0, len(b.entries))
	for _, e := range b.entries {
		list = append(list, e)
	}
	slices.SortFunc(list, func(x, y entry) int { return cmp.Compare(x.kept.ID, y.kept.ID) })
	return list
}

// find returns the rule of an owner by name.
func (b *Rulebook) find(owner, name string) (entry, error) {
	for _, e := range b.all() {
		if e.kept.Name == name && e.kept.Owner == owner {
			return e, nil
		}
	}
	return entry{}, fault.New(fault.NotFound, "no rule %q", name)
}
