package cli

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"

	"tocsin/internal/api"
)

// A page is an explanation laid out for people: two columns, what matters first.
type page struct {
	shell *shell
	text  bytes.Buffer
}

// row writes a word and what there is to say of it.
func (p *page) row(word, format string, args ...any) {
	fmt.Fprintf(&p.text, "%-8s %s\n", word, clean(fmt.Sprintf(format, args...)))
}

// under writes a line below a rule.
func (p *page) under(format string, args ...any) {
	fmt.Fprintf(&p.text, "    %s\n", clean(fmt.Sprintf(format, args...)))
}

const (
	shownLine  = 160 // characters of a line, and of a value
	shownBlame = 4   // conditions that a rule fails by; -o json has all
	wideName   = 40
	wideFacts  = 90
)

func (p *page) answer(a api.ExplainAnswer) {
	for i := range a.Lines {
		l := &a.Lines[i]
		if l.Empty && l.Format == "" && len(a.Lines) > 1 {
			continue // a blank line between others
		}
		if p.text.Len() > 0 {
			p.text.WriteByte('\n')
		}
		p.line(&a, l)
	}
}

func (p *page) line(a *api.ExplainAnswer, l *api.Account) {
	p.row("line", "%s", trim(clean(l.Text), shownLine))
	p.format(l)
	if l.Fault != nil {
		p.row("rejected", "at byte %d: %s", l.Fault.Offset, l.Fault.Reason)
		before, here := trimLeft(clean(l.Fault.Before), 40), trim(clean(l.Fault.Here), 40)
		p.row("", "%s%s", before, here)
		fmt.Fprintf(&p.text, "%-8s %s^\n", "", strings.Repeat(" ", text.StringWidth(before)))
	}
	if l.Empty {
		p.row("events", "none: the line holds none, and is no fault")
	}
	for i := range l.Events {
		p.event(a, l, &l.Events[i])
	}
}

func (p *page) format(l *api.Account) {
	var others []string
	for _, s := range l.Scores {
		if s.Format != l.Format {
			others = append(others, fmt.Sprintf("%s %d", s.Format, s.Score))
		}
	}
	rest := ""
	if len(others) > 0 {
		rest = "; also " + strings.Join(others, ", ")
	}
	switch {
	case l.Format == "" && l.Empty:
	case l.Format == "":
		p.row("format", "not recognised: %s (name it with --format)%s", l.Why, rest)
	case l.Confidence == 100 && l.Why == "it was named":
		p.row("format", "%s, as named%s", l.Format, rest)
	default:
		p.row("format", "%s, %d of 100 sure%s", l.Format, l.Confidence, rest)
	}
}

// plainFields are those that say how tocsin came by the event, which every event has.
var plainFields = map[string]bool{"@timestamp": true, "event.ingested": true, "tocsin.source": true, "tocsin.flags": true}

func (p *page) event(a *api.ExplainAnswer, l *api.Account, e *api.EventTrace) {
	p.row("event", "%s at %s", e.Kind, p.shell.instant(e.Time))
	wide, types := 0, 0
	var fields []api.EventField
	for _, f := range e.Fields {
		if !plainFields[f.Name] && f.Value != l.Text { // the line itself stands above
			fields = append(fields, f)
			wide, types = max(wide, min(len(clean(f.Name)), wideName)), max(types, len(f.Type))
		}
	}
	for _, f := range fields {
		fmt.Fprintf(&p.text, "  %-*s  %-*s  %s\n", wide, clean(f.Name), types, f.Type, trim(clean(f.Value), shownLine))
	}
	for _, m := range e.Mended {
		p.row("mended", "%s", m)
	}
	p.rules(a, e)
}

func (p *page) rules(a *api.ExplainAnswer, e *api.EventTrace) {
	if len(e.Rules) == 0 {
		p.row("rules", "none run (see `tocsin rules list`)")
		return
	}
	asked := ""
	if !a.AsOf.IsZero() || !a.Since.IsZero() { // else none was asked more than its filter
		asked = ", asked " + p.state(a)
	}
	p.row("rules", "%d%s", len(e.Rules), asked)
	if a.Note != "" {
		p.row("", "%s", a.Note)
	}
	kinds := 0
	for i := range e.Rules {
		r := &e.Rules[i]
		if r.Verdict == api.OtherKind {
			kinds++
			continue
		}
		p.rule(r)
	}
	if kinds > 0 {
		fmt.Fprintf(&p.text, "  %s at other kinds of event only\n", map[bool]string{true: "1 rule looks", false: plural(int64(kinds), "rule") + " look"}[kinds == 1])
	}
}

func (p *page) state(a *api.ExplainAnswer) string {
	asOf := "; no event of theirs was seen yet"
	if !a.AsOf.IsZero() {
		asOf = "; newest event " + p.shell.instant(a.AsOf)
	}
	switch a.State {
	case "live":
		return "what they know now" + asOf
	case "saved":
		return "what they knew when tocsin ran last" + asOf
	default:
		return "what they would know from history since " + p.shell.instant(a.Since) + asOf
	}
}

func (p *page) rule(r *api.RuleTrace) {
	whom := ""
	if len(r.Entity) > 0 {
		whom = r.Entity.Key()
	} else if r.Why != "" && (r.Verdict == api.Fires || r.Verdict == api.Counts || r.Verdict == api.Stands) {
		whom = "everything together"
	}
	verdict, late := r.Verdict, ""
	switch {
	case r.Late:
		verdict, late = "too late", map[string]string{api.Fires: "fire", api.Stands: "add to the alert that stands", api.Counts: "count, and not fire"}[r.Verdict]
	case r.Verdict == api.Fires:
		verdict = "FIRES"
	}
	head := fmt.Sprintf("  %-12s  %s", verdict, clean(r.Name))
	if whom != "" {
		head += "  " + clean(whom)
	}
	p.text.WriteString(p.shell.paint(verdict, head) + "\n")
	if r.Verdict == api.NotSelected {
		for i := range r.Blame {
			if i == shownBlame {
				p.under("and %d more (-o json has all)", len(r.Blame)-i)
				break
			}
			p.under("%s", blame(&r.Blame[i]))
		}
		return
	}
	p.under("%s", r.Why)
	if r.Late {
		p.under("it is older than what the rule still judges, so it does not count; as one of now it would %s", late)
	}
	for _, line := range p.facts(r.Facts) {
		p.under("%s", line)
	}
}

// facts joins facts to lines of a width that is easily read.
func (p *page) facts(facts []api.TraceFact) (lines []string) {
	for _, f := range facts {
		said := f.Name + ": " + f.Text
		if !f.Time.IsZero() {
			said = f.Name + " " + p.shell.instant(f.Time)
		}
		last := len(lines) - 1
		if last < 0 || text.StringWidth(lines[last])+text.StringWidth(said) > wideFacts {
			lines = append(lines, said)
			continue
		}
		lines[last] += ", " + said
	}
	return lines
}

// blame says in words why a condition fails.
func blame(c *api.FilterTrace) string {
	said := "it is not"
	if c.Holds { // below a not
		said = "it is so"
	}
	var has []string
	for _, h := range c.Has {
		name := "it"
		if len(c.Has) > 1 {
			name = h.Name
		}
		switch len(h.Values) {
		case 0:
			has = append(has, "there is no "+h.Name)
		case 1:
			has = append(has, fmt.Sprintf("%s is %s", name, quoteValue(h.Values[0])))
		default:
			values := make([]string, len(h.Values))
			for i, v := range h.Values {
				values[i] = quoteValue(v)
			}
			has = append(has, fmt.Sprintf("%s has %s", h.Name, strings.Join(values, ", ")))
		}
	}
	if len(has) > 0 {
		said = strings.Join(has, "; ")
	}
	return trim(clean(c.Text), shownLine) + ": " + said
}

// quoteValue shows an empty value, and one that does not end where it seems to.
func quoteValue(v string) string {
	v = trim(clean(v), shownLine)
	if v == "" || strings.TrimSpace(v) != v {
		return `"` + v + `"`
	}
	return v
}

// whyNot is the reason of a verdict in one line.
func whyNot(r *api.RuleTrace) string {
	var parts []string
	for i := range r.Blame {
		parts = append(parts, blame(&r.Blame[i]))
	}
	if len(parts) > 0 {
		return strings.Join(parts, "; ")
	}
	return r.Why
}

// paint colours the head of a rule by its verdict, on a terminal.
func (s *shell) paint(verdict, line string) string {
	f, ok := s.Out.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) || s.Env("NO_COLOR") != "" || s.Env("TERM") == "dumb" {
		return line
	}
	switch verdict {
	case "FIRES":
		return text.Colors{text.FgRed, text.Bold}.Sprint(line)
	case api.Stands:
		return text.FgYellow.Sprint(line)
	case api.Counts:
		return text.FgGreen.Sprint(line)
	default:
		return line
	}
}

// trimLeft cuts text to a width at its beginning, with an ellipsis.
func trimLeft(s string, width int) string {
	r := []rune(s)
	for len(r) > 0 && text.StringWidth(string(r)) > width {
		r = r[1:]
	}
	if len(r) < len([]rune(s)) {
		return "…" + string(r)
	}
	return s
}
