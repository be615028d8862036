package define

import (
	"slices"
	"strings"

	"tocsin/internal/detector/threshold"
	"tocsin/internal/event"
	"tocsin/internal/filter"
	"tocsin/internal/rule"
)

// Of returns the definition that a rule is of; false when it is of none, as it says something for which the sentence has no
// blank. The filter is spelled as tocsin does.
func Of(r *rule.Rule) (Definition, bool) {
	d := Definition{Name: r.Name, Title: r.Title, Description: r.Description, Severity: r.Severity}
	c, ok := r.Config.(*threshold.Config)
	if !ok || r.From != event.Of(event.Flow) || len(r.References) > 0 || c.EndAfter != 0 || c.Memory != usualMemory() {
		return d, false
	}
	switch {
	case c.Above != nil:
		d.Limit = *c.Above
	case c.Below != nil:
		d.Below, d.Limit = true, *c.Below
	default:
		return d, false
	}
	d.Over = c.Over
	d.selects(r)
	for i := range entities {
		if slices.Equal(c.By, []string{entities[i].by}) {
			d.Entity = entities[i].word
		}
	}
	for i := range measures {
		d.Metric = measures[i].word
		if strings.HasPrefix(d.Metric, "bits") != (c.Unit == threshold.Bits) {
			continue
		}
		if _, m, err := d.meaning(); err == nil && m == c.Metric {
			return d, d.check() == nil
		}
	}
	return d, false
}

// selects takes the filter of a rule over, and whether it counts once what several exporters tell.
func (d *Definition) selects(r *rule.Rule) {
	if r.Where == nil {
		return
	}
	whole := r.WhereText()
	d.Where = whole
	once, err := filter.ParseNaming(notRepeated)
	if err != nil {
		return
	}
	rest, ok := strings.CutSuffix(whole, once.String())
	if !ok {
		return
	}
	cut := Definition{Where: strings.TrimSuffix(rest, " && "), Once: true}
	text, err := cut.filter() // a || b && c is not a || b, and c
	if err != nil {
		return
	}
	if same, err := filter.ParseNaming(text); err == nil && same.String() == whole {
		d.Where, d.Once = cut.Where, true
	}
}

// usualMemory is how much a rule keeps that says nothing of it.
func usualMemory() int {
	c, _ := threshold.Default().(*threshold.Config) // it is one
	return c.Memory
}
