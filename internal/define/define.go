// Package define makes rules of alert definitions as FlowTraq's users know them, which are one sentence with five blanks:
// what is measured, of whom, how much is too much, within which time, and how severe that is.
package define

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/internal/alert"
	"tocsin/internal/detector"
	"tocsin/internal/detector/threshold"
	"tocsin/internal/fault"
	"tocsin/internal/filter"
	"tocsin/internal/rule"
	"tocsin/internal/window"
)

// A Definition is an alert definition. The words of its blanks are those that Metrics and Entities list.
type Definition struct {
	Name        string // what commands call it; empty: made of the title
	Title       string // what people read
	Description string
	Where       string // which flows, as tocsin spells filters or behind flowtraq: as FlowTraq does; empty: all
	Once        bool   // where several exporters tell of a flow, count what one of them tells

	Metric   string
	Entity   string
	Below    bool    // what is less than Limit is the fault, not what is more
	Limit    float64 // a whole number, 0 or more
	Over     time.Duration
	Severity alert.Severity
}

// How long an interval may be.
const (
	ShortestInterval = time.Minute
	LongestInterval  = 24 * time.Hour
)

// Intervals are those that forms offer.
func Intervals() []time.Duration {
	return []time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour}
}

// Span writes an interval as Definition.Rule does and commands read it, as in 15m.
func Span(d time.Duration) string { return window.Span(d) }

// maxWords bounds the texts of a definition, in bytes: a little more than the rule allows, which says what is wrong.
const maxWords = 128 << 10

// check tells the first thing that is wrong. What rules check themselves is left to them.
func (d *Definition) check() error {
	for _, text := range []string{d.Name, d.Title, d.Description, d.Where} {
		if len(text) > maxWords || !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			return fault.New(fault.Invalid, "definition: got a text that is longer than 128 KiB or no UTF-8")
		}
	}
	if strings.TrimSpace(d.Title) == "" {
		return fault.New(fault.Invalid, "title: got none, want what the alert is to be called")
	}
	if d.Severity < alert.Info || d.Severity > alert.Critical {
		return fault.New(fault.Invalid, "severity: want INFO, LOW, MEDIUM, HIGH or CRITICAL")
	}
	if d.Over < ShortestInterval || d.Over > LongestInterval || d.Over%time.Second != 0 {
		return fault.New(fault.Invalid, "interval: got %s, want 1m to 24h", window.Span(d.Over))
	}
	_, m, err := d.meaning()
	if err != nil {
		return err
	}
	switch {
	case math.IsNaN(d.Limit) || d.Limit != math.Trunc(d.Limit) || d.Limit < 0 || d.Limit > maxNumber:
		return fault.New(fault.Invalid, "number: want a whole one from 0 to %s", Number(maxNumber))
	case d.Below && d.Limit < 1:
		return fault.New(fault.Invalid, "number: got 0, want 1 or more, as nothing is below 0")
	case d.Limit > maxDistinct && strings.HasPrefix(m, "distinct("):
		return fault.New(fault.Invalid, "number: got %s, want %s at most of %s, as each of them is remembered", Number(d.Limit), Number(maxDistinct), d.Metric)
	}
	return nil
}

// maxDistinct is the highest limit of what is counted once: that of the detector.
const maxDistinct = 100_000

// Rule makes the rule of a definition: checked, and with the YAML that is to be kept as its Text.
func (d *Definition) Rule() (rule.Rule, error) {
	if err := d.check(); err != nil {
		return rule.Rule{}, err
	}
	e, m, err := d.meaning()
	if err != nil {
		return rule.Rule{}, err
	}
	where, err := d.filter()
	if err != nil {
		return rule.Rule{}, fault.New(fault.Invalid, "filter: %w", err)
	}
	var b strings.Builder
	line := func(key, value string) { b.WriteString(key + ": " + value + "\n") }
	line("name", quote(d.RuleName()))
	line("title", quote(strings.TrimSpace(d.Title)))
	if text := strings.TrimSpace(d.Description); text != "" {
		line("description", quote(text))
	}
	line("from", "flow")
	if where != "" {
		line("where", quote(where))
	}
	unit, word := "", "above"
	if d.Metric == "bits" || strings.HasPrefix(d.Metric, "bits ") {
		unit = ", unit: " + threshold.Bits
	}
	if d.Below {
		word = "below"
	}
	line("detect", fmt.Sprintf("{threshold: {metric: %s%s, by: [%s], over: %s, %s: %s}}", m, unit, e.by, window.Span(d.Over), word, strconv.FormatFloat(d.Limit, 'f', -1, 64)))
	line("severity", d.Severity.String())
	list, err := rule.Decode("definition", []byte(b.String()), detector.Set{"threshold": threshold.Default})
	if err != nil {
		return rule.Rule{}, fault.New(fault.Invalid, "%w", err)
	}
	r := list[0]
	r.Text = b.String() // the filter as it was spelled
	return r, nil
}

// notRepeated is the filter that counts what one exporter tells, where several tell of a flow.
const notRepeated = "!flow.repeated"

// filter returns the filter of the rule, checked. FlowTraq's language does not know Once, so with it the filter is spelled
// in tocsin's.
func (d *Definition) filter() (string, error) {
	text := strings.TrimSpace(d.Where)
	if !d.Once || text == "" {
		if d.Once {
			text = notRepeated
		}
		return text, nil
	}
	x, err := filter.ParseNaming(text)
	if err != nil {
		return "", err
	}
	return "(" + x.String() + ") and " + notRepeated, nil
}

// quote writes a text as JSON does, which YAML reads as well.
func quote(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil { // a string can always be encoded
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// maxName bounds the name of a rule, in bytes.
const maxName = 64

// RuleName returns the name of the rule: the one given, or one made of the title, as ssh-scan of "SSH scan".
func (d *Definition) RuleName() string {
	if d.Name != "" {
		return d.Name
	}
	var b strings.Builder
	for _, c := range strings.ToLower(d.Title) {
		switch {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			b.WriteRune(c)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
		if b.Len() >= maxName {
			break
		}
	}
	if name := strings.Trim(b.String(), "-"); name != "" {
		return name
	}
	return "flow-alert"
}

// Sentence writes the definition as its one sentence.
func (d *Definition) Sentence() string {
	word := "above"
	if d.Below {
		word = "below"
	}
	which, once := "", ""
	if d.Once {
		once = " counted once"
	}
	switch where := strings.TrimSpace(d.Where); {
	case where != "":
		which = ", of the flows that pass " + where + once + ","
	case d.Once:
		which = ", of flows" + once + ","
	}
	return fmt.Sprintf("When the %s of one %s%s are %s %s within %s, raise a %s alert.", d.Metric, d.Entity, which, word, Number(d.Limit), window.Span(d.Over), d.Severity)
}
