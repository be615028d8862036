// Package metric names what can be measured over events: count, sum, min, max, avg, distinct and quantile, as rules,
// rankings and widgets spell them.
package metric

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"tocsin/internal/event"
)

// An Op is the way values become one number.
type Op uint8

// The ways.
const (
	Count    Op = iota + 1 // rows; with a field, rows that have it
	Sum                    // of a numeric field
	Min                    // of a numeric or time field
	Max                    // of a numeric or time field
	Avg                    // mean of a numeric field
	Distinct               // different values of any field
	Quantile               // of a numeric field, by t-digest
)

var opNames = map[string]Op{"count": Count, "sum": Sum, "min": Min, "max": Max, "avg": Avg, "distinct": Distinct, "quantile": Quantile}

// String returns the word of the op.
func (o Op) String() string {
	for name, op := range opNames {
		if op == o {
			return name
		}
	}
	return "none"
}

// A Metric is an op and what it is applied to.
type Metric struct {
	Op    Op
	Field *event.Field // nil for count of rows and for a label
	Label string       // name of a label instead of a field
	Q     float64      // of Quantile: above 0 and below 1
}

// Parse reads `count`, `count(FIELD)`, `sum(FIELD)`, ..., `quantile(FIELD, 0.95)`. A field may be `labels.NAME` where any
// text will do: count and distinct.
func Parse(text string) (Metric, error) {
	name, rest, called := strings.Cut(strings.TrimSpace(text), "(")
	op, ok := opNames[strings.TrimSpace(name)]
	if !ok {
		return Metric{}, fmt.Errorf("metric %q: want count, or sum, min, max, avg, distinct or quantile of a field, as in sum(network.bytes)", text)
	}
	m := Metric{Op: op}
	if !called {
		if op != Count {
			return m, fmt.Errorf("metric %q: want a field, as in %s(network.bytes)", text, op)
		}
		return m, nil
	}
	args, tail, closed := strings.Cut(rest, ")")
	if !closed || strings.TrimSpace(tail) != "" {
		return m, fmt.Errorf("metric %q: want one closing bracket at the end", text)
	}
	fieldName, arg, two := strings.Cut(args, ",")
	fieldName = strings.TrimSpace(fieldName)
	if two != (op == Quantile) {
		return m, fmt.Errorf("metric %q: %s", text, map[bool]string{true: "only quantile takes a second value", false: "want a second value between 0 and 1, as in quantile(event.duration, 0.95)"}[two])
	}
	if two {
		q, err := strconv.ParseFloat(strings.TrimSpace(arg), 64)
		if err != nil || math.IsNaN(q) || q <= 0 || q >= 1 {
			return m, fmt.Errorf("metric %q: got quantile %q, want more than 0 and less than 1", text, strings.TrimSpace(arg))
		}
		m.Q = q
	}
	if fieldName == "" && op == Count {
		return m, nil
	}
	return m, m.bind(text, fieldName)
}

func (m *Metric) bind(text, name string) error {
	if label, ok := strings.CutPrefix(name, "labels."); ok && label != "" {
		if m.Op != Count && m.Op != Distinct {
			return fmt.Errorf("metric %q: labels are text, which only count and distinct take", text)
		}
		m.Label = label
		return nil
	}
	field, ok := event.FieldByName(name)
	if !ok {
		return fmt.Errorf("metric %q: no field %q%s", text, name, event.Suggestion(name))
	}
	if len(field.Any) > 0 && !field.View {
		return fmt.Errorf("metric %q: %s stands for several fields; name one of them", text, name)
	}
	numeric := field.Type == event.Int || field.Type == event.Uint || field.Type == event.Float
	switch {
	case m.Op == Count || m.Op == Distinct || numeric:
	case (m.Op == Min || m.Op == Max) && field.Type == event.Time:
	default:
		return fmt.Errorf("metric %q: %s is a %s field, want a number", text, name, field.Type)
	}
	m.Field = field
	return nil
}

// String spells the metric so that Parse reads it again.
func (m Metric) String() string {
	name := m.Label
	if name != "" {
		name = "labels." + name
	}
	if m.Field != nil {
		name = m.Field.Name
	}
	switch {
	case name == "":
		return m.Op.String()
	case m.Op == Quantile:
		return fmt.Sprintf("quantile(%s, %s)", name, strconv.FormatFloat(m.Q, 'g', -1, 64))
	default:
		return m.Op.String() + "(" + name + ")"
	}
}
