// Package aggregate turns selected rows into numbers: one group for every combination of values and time bucket, a number
// for every metric of a group, and rankings of the groups. Live views, questions to the history and back-tests fold the
// same way.
//
// Counts, sums, minima and maxima are exact: integers are summed in 128 bits. Distinct values are counted exactly up to
// a limit in each group and estimated beyond; quantiles are exact for few values and estimated for many.
package aggregate

import (
	"strings"

	"tocsin/internal/event"
	"tocsin/internal/fault"
)

// A Key is what rows are grouped by: a field or a label.
type Key struct {
	Field *event.Field // nil for a label
	Label string
}

// ParseKey reads the name of a field, or "labels.NAME". Errors are of the kind fault.Invalid.
func ParseKey(name string) (Key, error) {
	name = strings.TrimSpace(name)
	if label, ok := strings.CutPrefix(name, "labels."); ok && label != "" {
		return Key{Label: label}, nil
	}
	field, ok := event.FieldByName(name)
	if !ok {
		return Key{}, fault.New(fault.Invalid, "group by %q: no such field%s", name, event.Suggestion(name))
	}
	if len(field.Any) > 0 && !field.View {
		return Key{}, fault.New(fault.Invalid, "group by %q: it stands for several fields; name one of them: %s", name, memberNames(field))
	}
	return Key{Field: field}, nil
}

func memberNames(view *event.Field) string {
	var names []string
	for _, id := range view.Any {
		if f, ok := event.FieldByID(id); ok {
			names = append(names, f.Name)
		}
	}
	return strings.Join(names, ", ")
}

// String spells the key so that ParseKey reads it again.
func (k Key) String() string {
	if k.Field != nil {
		return k.Field.Name
	}
	return "labels." + k.Label
}
