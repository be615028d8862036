package rule

import (
	"maps"
	"slices"
	"strings"

	"tocsin/internal/alert"
	"tocsin/internal/detector"
	"tocsin/internal/document"
	"tocsin/internal/filter"
)

// tuning is what may be changed of a rule without writing it anew.
type tuning struct {
	// Severity replaces that of the rule. Default: as it is.
	Severity alert.Severity `yaml:"severity"`
	// Except is a filter: events that it selects are not looked at. Default: none.
	Except document.Node `yaml:"except"`
	// Detect are settings of the rule's detector that replace its own. Default: as they are.
	Detect document.Node `yaml:"detect"`
}

// DecodeTuned reads a rule that is part of a larger document and changes it as the second node says: `severity`, `except`,
// and under `detect` settings of its detector, such as `{at_least: 30}`. Mistakes of the change carry its place.
func DecodeTuned(n, change document.Node, detectors detector.Set) (Rule, error) {
	r, err := decode(n, detectors)
	if err != nil {
		return r, document.Join(err)
	}
	var t tuning
	if err := change.Decode(&t); err != nil {
		return Rule{}, err
	}
	if t.Severity != 0 {
		r.Severity = t.Severity
	}
	if !t.Detect.IsZero() {
		if err := r.retune(n, t.Detect, detectors); err != nil {
			return Rule{}, document.Join(err)
		}
	}
	if err := r.Except(t.Except); err != nil {
		return Rule{}, document.Join(err)
	}
	r.layOut()
	return r, nil
}

// layOut writes the text of a rule anew.
func (r *Rule) layOut() {
	name, settings, _ := strings.Cut(r.Detect, " ")
	r.Text = r.text("{" + name + ": " + settings + "}")
}

// retune reads the settings of the detector and the changed ones over them.
func (r *Rule) retune(n, change document.Node, detectors detector.Set) error {
	detect, _ := n.Get("detect")
	name, settings, err := detect.One(slices.Sorted(maps.Keys(detectors)))
	if err != nil {
		return err
	}
	if !change.IsMapping() {
		return change.Mistake("no mapping", "settings of "+name+", as in {over: 5m}")
	}
	config := detectors[name]()
	if err := settings.Decode(config); err != nil {
		return err
	}
	if err := change.Decode(config); err != nil {
		return err
	}
	var parts []string
	for _, key := range settings.Keys() {
		v, _ := settings.Get(key)
		if _, replaced := change.Get(key); !replaced && !v.IsZero() {
			parts = append(parts, key+": "+inline(v))
		}
	}
	for _, key := range change.Keys() {
		if v, _ := change.Get(key); !v.IsZero() {
			parts = append(parts, key+": "+inline(v))
		}
	}
	r.Config, r.Detect = config, name+" {"+strings.Join(parts, ", ")+"}"
	return nil
}

// Except leaves the events out that a filter, given as a node, selects; nothing when it is the zero Node.
func (r *Rule) Except(n document.Node) error {
	not, err := where(n)
	if err != nil || not == nil {
		return err
	}
	text := "!(" + not.String() + ")"
	if r.Where != nil {
		text = "(" + r.Where.String() + ") && " + text
	}
	both, err := filter.ParseNaming(text)
	if err != nil {
		return n.Mistake("a filter too large", "a smaller one")
	}
	r.Where = both
	r.layOut()
	return nil
}
