package define

import (
	"encoding/json"
	"slices"
	"strings"

	"tocsin/internal/detector"
	"tocsin/internal/detector/threshold"
	"tocsin/internal/event"
	"tocsin/internal/filter"
	"tocsin/internal/rule"
)

// Read reads the text of a rule as the definition that it was made of. It is false when the text says anything that the sentence has
// no blank for, a comment among it, so that to write the definition again loses nothing.
func Read(text string) (Definition, bool) {
	list, err := rule.Decode("rule", []byte(text), detector.Set{"threshold": threshold.Default})
	if err != nil || len(list) != 1 {
		return Definition{}, false
	}
	read, ok := of(&list[0])
	if !ok {
		return Definition{}, false
	}
	asSpelled := read
	asSpelled.Where, asSpelled.Once = spelledIn(text), false
	for _, d := range []Definition{read, asSpelled} {
		if again, err := d.Rule(); err == nil && strings.TrimSpace(again.Text) == strings.TrimSpace(text) {
			return d, true
		}
	}
	return Definition{}, false
}

// spelledIn returns the filter that stands in a text of Definition.Rule, as it is spelled there.
func spelledIn(text string) (where string) {
	for line := range strings.Lines(text) {
		if quoted, ok := strings.CutPrefix(line, "where: "); ok && json.Unmarshal([]byte(quoted), &where) == nil {
			return where
		}
	}
	return ""
}

// of reads the definition back from its rule, with the filter spelled as tocsin does; false when the rule says something for which
// the sentence has no blank.
func of(r *rule.Rule) (Definition, bool) {
	d := Definition{Name: r.Name, Title: r.Title, Description: r.Description, Severity: r.Severity}
	c, ok := r.Config.(*threshold.Config)
	usual, _ := threshold.Default().(*threshold.Config)
	if !ok || r.From != event.Of(event.Flow) || len(r.References) > 0 || c.EndAfter != 0 || c.Memory != usual.Memory {
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
