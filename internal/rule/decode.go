package rule

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"tocsin/internal/alert"
	"tocsin/internal/detector"
	"tocsin/internal/document"
	"tocsin/internal/event"
	"tocsin/internal/filter"
)

// form is a rule as it is written.
type form struct {
	// Name is what commands call the rule: letters, digits, hyphen, underscore and point, 64 at most, not beginning
	// with tocsin-. No default.
	Name string `yaml:"name"`
	// Title is what people read. Default: the name.
	Title string `yaml:"title"`
	// Description says why the rule is there and what to do about its alerts.
	Description string `yaml:"description"`
	// References are where to read on: addresses of pages, or names such as MITRE ATT&CK T1110. Default: none.
	References []string `yaml:"references"`
	// From is a kind of event, or a list of them: login, flow, log, sighting. No default.
	From document.Node `yaml:"from"`
	// Where is a filter. Default: every event of these kinds.
	Where document.Node `yaml:"where"`
	// Detect is a detector with its settings. No default.
	Detect document.Node `yaml:"detect"`
	// Severity is INFO, LOW, MEDIUM, HIGH or CRITICAL. Default MEDIUM.
	Severity alert.Severity `yaml:"severity"`
	// Enabled says whether the rule runs. Default true.
	Enabled bool `yaml:"enabled"`
	// Samples are stretches of log and the alerts that must come of them; `tocsin rules test` tries them. Default: none.
	Samples document.Node `yaml:"samples"`
}

// Decode reads a document that holds rules under the key `rules`, or one rule by itself. The error holds every mistake
// with its place; then no rule is returned.
func Decode(name string, text []byte, detectors detector.Set) ([]Rule, error) {
	root, err := document.Parse(name, text)
	if err != nil {
		return nil, err
	}
	list, isFile := root.Get("rules")
	if !isFile {
		if root.IsZero() {
			return nil, root.Mistake("nothing", "rules, as in `rules: [{name: …, from: …, detect: …}]`, or one rule")
		}
		r, err := decode(root, detectors)
		if err != nil {
			return nil, document.Join(err)
		}
		return []Rule{r}, nil
	}
	var file struct {
		Rules document.Node `yaml:"rules"`
	}
	if err := root.Decode(&file); err != nil {
		return nil, err
	}
	if !list.IsList() && !list.IsZero() {
		return nil, list.Mistake("something else", "a list of rules")
	}
	return decodeList(list, detectors)
}

// DecodeOne reads a rule that is part of a larger document.
func DecodeOne(n document.Node, detectors detector.Set) (Rule, error) {
	r, err := decode(n, detectors)
	return r, document.Join(err)
}

func decodeList(list document.Node, detectors detector.Set) ([]Rule, error) {
	var rules []Rule
	var errs []error
	lines := map[string]int{}
	for _, item := range list.Items() {
		r, err := decode(item, detectors)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if line, twice := lines[r.Name]; twice {
			name, _ := item.Get("name")
			errs = append(errs, name.Mistake(strconv.Quote(r.Name), fmt.Sprintf("a name that no other rule has (there is one in line %d)", line)))
			continue
		}
		lines[r.Name] = r.Line
		rules = append(rules, r)
	}
	if len(errs) > 0 {
		return nil, document.Join(errs...)
	}
	return rules, nil
}

var namePattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

// Limits of what people write, in bytes.
const (
	maxTitle       = 200
	maxDescription = 8 << 10
	maxFilter      = 64 << 10
	maxReferences  = 20 // not bytes
)

func decode(n document.Node, detectors detector.Set) (Rule, error) {
	f := form{Severity: alert.Medium, Enabled: true}
	if !n.IsMapping() {
		return Rule{}, n.Mistake("no mapping", "a rule, as in {name: …, from: …, detect: …}")
	}
	errs := []error{n.Decode(&f)}
	at := func(key string) document.Node {
		if v, ok := n.Get(key); ok {
			return v
		}
		return n
	}
	if !namePattern.MatchString(f.Name) {
		errs = append(errs, at("name").Mistake(strconv.Quote(cut(f.Name)), "a name of letters, digits, points, hyphens and underscores, 64 at most"))
	} else if alert.IsOwn(f.Name) {
		errs = append(errs, at("name").Mistake(strconv.Quote(f.Name), "another beginning than "+alert.OwnPrefix+", which names of tocsin's own alerts have"))
	}
	if len(f.Title) > maxTitle || strings.ContainsFunc(f.Title, control) {
		errs = append(errs, at("title").Mistake("a longer or broken text", "one line of 200 bytes at most"))
	}
	if len(f.Description) > maxDescription {
		errs = append(errs, at("description").Mistake(fmt.Sprintf("%d bytes", len(f.Description)), "8 KiB at most"))
	}
	r := Rule{
		Name: f.Name, Title: f.Title, Description: f.Description, Severity: f.Severity, Enabled: f.Enabled,
		Version: 1, File: n.File(), Line: n.Line(),
	}
	if r.Title == "" {
		r.Title = r.Name
	}
	var err error
	if r.References, err = references(f.References, at("references")); err != nil {
		errs = append(errs, err)
	}
	if r.Samples, err = samples(f.Samples); err != nil {
		errs = append(errs, err)
	}
	if r.From, err = kinds(f.From, at("from")); err != nil {
		errs = append(errs, err)
	}
	if r.Where, err = where(f.Where); err != nil {
		errs = append(errs, err)
	}
	detect, err := r.detector(f.Detect, at("detect"), detectors)
	errs = append(errs, err, r.checkViews(at("from")))
	if err := document.Join(errs...); err != nil {
		return Rule{}, err
	}
	r.Text = r.text(detect)
	return r, nil
}

// references checks where to read on.
func references(list []string, near document.Node) ([]string, error) {
	for _, text := range list {
		if text == "" || len(text) > maxTitle || strings.ContainsFunc(text, control) {
			return nil, near.Mistake(strconv.Quote(cut(text)), "texts of one line and 200 bytes at most")
		}
	}
	if len(list) > maxReferences {
		return nil, near.Mistake(fmt.Sprintf("%d references", len(list)), fmt.Sprintf("%d at most", maxReferences))
	}
	return list, nil
}

func control(r rune) bool {
	return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == utf8.RuneError
}

func cut(s string) string {
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:80], "") + "…"
	}
	return s
}

// kinds reads one kind or a list of them.
func kinds(n, near document.Node) (event.KindSet, error) {
	words := []document.Node{n}
	if n.IsList() {
		words = n.Items()
	}
	if n.IsZero() || len(words) == 0 {
		return 0, near.Mistake("no kind of event", "from: login, flow, log or sighting, or a list of them")
	}
	var set event.KindSet
	var errs []error
	for _, w := range words {
		var word string
		if err := w.Decode(&word); err != nil {
			errs = append(errs, err)
			continue
		}
		k, err := event.ParseKind(word)
		if err != nil {
			errs = append(errs, w.Mistake(strconv.Quote(cut(word)), "login, flow, log or sighting"))
			continue
		}
		set |= event.Of(k)
	}
	return set, errors.Join(errs...)
}

// where reads the filter and finds the place of a mistake in it.
func where(n document.Node) (*filter.Expr, error) {
	if n.IsZero() {
		return nil, nil
	}
	var text string
	if err := n.Decode(&text); err != nil {
		return nil, err
	}
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	if len(text) > maxFilter {
		return nil, n.Mistake(fmt.Sprintf("%d bytes", len(text)), "a filter of 64 KiB at most")
	}
	x, err := filter.ParseNaming(text)
	if err == nil {
		return x, nil
	}
	var m document.Mistake
	if !errors.As(n.Mistake("", ""), &m) {
		return nil, err
	}
	m.Got, m.Want, m.Text = "", "", err.Error()
	var in *filter.Error
	if errors.As(err, &in) {
		point(&m, in)
	}
	return nil, m
}

// point moves the caret to the place in the filter that is wrong. A filter over several lines keeps the place inside it in
// words.
func point(m *document.Mistake, e *filter.Error) {
	m.Text = "filter: " + e.Reason
	if e.Hint != "" {
		m.Text += " (" + e.Hint + ")"
	}
	first, _, _ := strings.Cut(m.Excerpt, "\n")
	at := strings.Index(first, strings.TrimSuffix(e.Text, "\n"))
	if at < 0 || strings.Contains(strings.TrimSuffix(e.Text, "\n"), "\n") {
		m.Text += fmt.Sprintf(", in line %d, column %d of the filter", e.Line, e.Column)
		return
	}
	indent := utf8.RuneCountInString(first[:at]) + e.Column - 1
	if _, caret, ok := strings.Cut(m.Excerpt, "\n"); ok {
		m.Column += indent - (utf8.RuneCountInString(caret) - 1)
	}
	m.Excerpt = first + "\n" + strings.Repeat(" ", indent) + "^"
}

// detector reads the detector and its settings, and returns both as YAML for the layout of the rule.
func (r *Rule) detector(n, near document.Node, detectors detector.Set) (string, error) {
	names := slices.Sorted(maps.Keys(detectors))
	if n.IsZero() {
		return "", near.Mistake("no detector", "detect: with one of "+strings.Join(names, ", "))
	}
	name, settings, err := n.One(names)
	if err != nil {
		return "", err
	}
	config := detectors[name]()
	if err := settings.Decode(config); err != nil {
		return "", err
	}
	r.Detector, r.Config = name, config
	flow := "{" + name + ": " + inline(settings) + "}"
	r.Detect = name + " " + inline(settings)
	return flow, nil
}

// checkViews says that only flows can be looked at from where somebody stands.
func (r *Rule) checkViews(from document.Node) error {
	if r.Config == nil || r.From == 0 || r.From == event.Of(event.Flow) {
		return nil
	}
	fields, _ := r.Config.Reads()
	for _, id := range fields {
		if f, ok := event.FieldByID(id); ok && f.View {
			return from.Mistake("more than flows", "from: flow, as "+f.Name+" is a field of flows alone")
		}
	}
	return nil
}

// inline writes a node in one line, keys in their order.
func inline(n document.Node) string {
	var parts []string
	switch {
	case n.IsMapping():
		for _, key := range n.Keys() {
			if v, ok := n.Get(key); ok && !v.IsZero() {
				parts = append(parts, key+": "+inline(v))
			}
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case n.IsList():
		for _, item := range n.Items() {
			parts = append(parts, inline(item))
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case n.IsZero():
		return "{}"
	}
	return scalar(n.String())
}

var numberPattern = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

// scalar writes a plain value of the settings. Numbers, durations and words keep their looks.
func scalar(s string) string {
	if numberPattern.MatchString(s) || durationPattern.MatchString(s) || s == "true" || s == "false" || s == "off" {
		return s
	}
	return quote(s)
}

var durationPattern = regexp.MustCompile(`^([0-9]+(w|d|h|ms|m|us|s|ns))+$`)
