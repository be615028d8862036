// Package pack holds the rules that tocsin brings along, in packs that people switch on by name and tune.
package pack

import (
	"embed"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tocsin/internal/detector"
	"tocsin/internal/document"
	"tocsin/internal/rule"
)

// files are the packs, one file each: its first line is the title, the rest is what a user's own file of rules could be.
//
//go:embed rules/*.yaml
var files embed.FS

// A Pack is a set of rules for one sort of log.
type Pack struct {
	Name  string
	Title string
	Text  []byte // a file of rules with samples, as it ships
}

// All lists the packs by name.
func All() []Pack {
	entries, err := files.ReadDir("rules")
	if err != nil {
		panic(err) // it is part of the binary
	}
	var packs []Pack
	for _, e := range entries {
		text, err := files.ReadFile("rules/" + e.Name())
		if err != nil {
			panic(err)
		}
		title, _, _ := strings.Cut(string(text), "\n")
		packs = append(packs, Pack{Name: strings.TrimSuffix(e.Name(), ".yaml"), Title: strings.TrimPrefix(title, "# "), Text: text})
	}
	return packs
}

// Names lists the names of the packs.
func Names() []string {
	var names []string
	for _, p := range All() {
		names = append(names, p.Name)
	}
	return names
}

// Find returns the pack of a name.
func Find(name string) (Pack, bool) {
	for _, p := range All() {
		if p.Name == name {
			return p, true
		}
	}
	return Pack{}, false
}

// File is what stands for the file in rules of a pack.
func (p Pack) File() string { return "pack " + p.Name }

// Rules reads all rules of the pack as they ship.
func (p Pack) Rules(detectors detector.Set) ([]rule.Rule, error) {
	return rule.Decode(p.File(), p.Text, detectors)
}

// choice is what a configuration says of one pack that is on.
type choice struct {
	// Disable names rules of the pack that stay off.
	Disable []string `yaml:"disable"`
	// Except is a filter: events that it selects are not looked at by any rule of the pack.
	Except document.Node `yaml:"except"`
	// Rules tunes rules by their names: `severity`, `except`, and under `detect` settings of the detector.
	Rules map[string]document.Node `yaml:"rules"`
}

// Enabled reads the setting that switches packs on, a list of names or a mapping of names to choices, and returns their
// rules, by pack. The error holds every mistake with its place.
func Enabled(n document.Node, detectors detector.Set) ([]rule.Rule, error) {
	if n.IsZero() {
		return nil, nil
	}
	var all []rule.Rule
	var errs []error
	on := map[string]bool{}
	switchOn := func(name string, near, settings document.Node) {
		p, ok := Find(name)
		if !ok || on[name] {
			errs = append(errs, near.Mistake(fmt.Sprintf("%q", name), "each once, of "+strings.Join(Names(), ", ")))
			return
		}
		on[name] = true
		rules, err := p.chosen(settings, detectors)
		all, errs = append(all, rules...), append(errs, err)
	}
	switch {
	case n.IsMapping():
		for _, name := range n.Keys() {
			settings, _ := n.Get(name)
			near := settings
			if settings.IsZero() {
				near = n
			}
			switchOn(name, near, settings)
		}
	case n.IsList():
		for _, item := range n.Items() {
			var name string
			if err := item.Decode(&name); err != nil {
				errs = append(errs, err)
				continue
			}
			switchOn(name, item, document.Node{})
		}
	default:
		errs = append(errs, n.Mistake("something else", "names of packs, as in [web, ssh], or {web: {disable: […]}}"))
	}
	if err := document.Join(errs...); err != nil {
		return nil, err
	}
	return all, nil
}

// chosen reads the rules of the pack as a configuration wants them.
func (p Pack) chosen(n document.Node, detectors detector.Set) ([]rule.Rule, error) {
	var c choice
	if err := n.Decode(&c); err != nil {
		return nil, err
	}
	root, err := document.Parse(p.File(), p.Text)
	if err != nil {
		return nil, err
	}
	list, _ := root.Get("rules")
	var rules []rule.Rule
	var names []string
	var errs []error
	for _, item := range list.Items() {
		text, _ := item.Get("name")
		name := text.String()
		names = append(names, name)
		if slices.Contains(c.Disable, name) {
			continue
		}
		r, err := rule.DecodeTuned(item, c.Rules[name], detectors)
		if err == nil {
			err = r.Except(c.Except)
		}
		rules, errs = append(rules, r), append(errs, err)
	}
	known := func(key string, asked []string) {
		for _, name := range asked {
			if !slices.Contains(names, name) {
				at, _ := n.Get(key)
				errs = append(errs, at.Mistake(fmt.Sprintf("%q", name), "names of rules of the pack: "+strings.Join(names, ", ")))
			}
		}
	}
	known("disable", c.Disable)
	if tuned, ok := n.Get("rules"); ok {
		known("rules", tuned.Keys())
	}
	return rules, errors.Join(errs...)
}
