// Package text reads lines of plain text by patterns that people write.
package text

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"slices"

	"tocsin/internal/event"
	"tocsin/internal/instant"
	"tocsin/internal/parser"
)

// Sample is a configuration that names every setting.
//
//go:embed sample.yaml
var Sample []byte

// What becomes of a line that no pattern fits.
const (
	reject    = "reject"
	asMessage = "message"
)

// MaxPatterns bounds the patterns of one format.
const MaxPatterns = 100

// Config is the settings of the format.
type Config struct {
	parser.Options `yaml:",inline"`
	// Patterns say how lines look, tried in their order: text with {field} where a value stands, or a regular expression
	// (RE2) between slashes whose named groups are values. Default: a time if the line begins with one, and the message.
	Patterns []string `yaml:"patterns"`
	// Fields says which named group of a regular expression is which field: a field of the schema, labels.NAME, or drop. A
	// group that is not named here is the field of that name with _ for its dots, and otherwise a label.
	Fields map[string]string `yaml:"fields"`
	// Time lists how times are written, tried in their order; see instant.NewLayout. Default: what is usual.
	Time []string `yaml:"time"`
	// Levels gives words of the log the usual name of their level, as in W: WARN. Others stay as they are.
	Levels map[string]string `yaml:"levels"`
	// Otherwise says what becomes of a line that no pattern fits: reject, or message, which keeps it as the message of an event
	// at the time of receipt, flagged unmatched. Default reject.
	Otherwise string `yaml:"otherwise"`
	// Original keeps the whole line as event.original. Default true.
	Original bool `yaml:"original"`
}

// Default returns the settings that hold where the configuration says nothing.
func Default() parser.Config {
	return &Config{Options: parser.Options{Zone: "UTC"}, Otherwise: reject, Original: true}
}

// Format is what the catalog needs to know. The kind is that of log files; New takes any. Without patterns of its own it
// fits whatever comes, so it is not guessed.
func Format() parser.Format {
	return parser.Format{Name: "text", Kind: event.Log, Default: Default, Guess: guess}
}

// usualPatterns hold where the configuration names none.
var usualPatterns = [...]string{"{@timestamp} {message}", "{message}"}

// usualTimes hold where the configuration names none. Numbers since 1970 are not among them: too much looks like one.
var usualTimes = [...]string{"rfc3339", "clf", "syslog", "%Y/%m/%d %H:%M:%S.%f", "%Y/%m/%d %H:%M:%S", "%a %b %e %H:%M:%S.%f %Y", "%a %b %e %H:%M:%S %Y"}

// Validate checks the zone, the patterns and all that they name.
func (c *Config) Validate() error {
	errs := []error{c.Options.Validate()}
	if c.Otherwise != reject && c.Otherwise != asMessage {
		errs = append(errs, fmt.Errorf("otherwise: got %q, want %s or %s", c.Otherwise, reject, asMessage))
	}
	if len(c.Patterns) > MaxPatterns {
		errs = append(errs, fmt.Errorf("patterns: got %d, want %d or fewer", len(c.Patterns), MaxPatterns))
	}
	for _, group := range slices.Sorted(maps.Keys(c.Fields)) {
		if _, err := parser.ParseTarget(c.Fields[group]); err != nil {
			errs = append(errs, fmt.Errorf("fields.%s: %w", group, err))
		}
	}
	for i, layout := range c.Time {
		if _, err := instant.NewLayout(layout); err != nil {
			errs = append(errs, fmt.Errorf("time[%d]: %w", i, err))
		}
	}
	groups := map[string]bool{}
	for i, p := range c.Patterns {
		compiled, err := compile(p, c.Fields)
		if err != nil {
			errs = append(errs, fmt.Errorf("patterns[%d]: %w", i, err))
			continue
		}
		for _, name := range compiled.groups() {
			groups[name] = true
		}
	}
	for _, group := range slices.Sorted(maps.Keys(c.Fields)) {
		if !groups[group] {
			errs = append(errs, fmt.Errorf("fields.%s: no regular expression in patterns has a group (?P<%s>…)", group, group))
		}
	}
	return errors.Join(errs...)
}

// New returns a parser. It fills builders of any kind.
func (c *Config) New() (parser.Parser, error) {
	p, err := c.compile()
	if err != nil {
		return nil, err
	}
	return p, nil
}

func (c *Config) compile() (*plain, error) {
	place, err := c.Location()
	if err != nil {
		return nil, err
	}
	p := &plain{
		zone: instant.NewZone(place), service: []byte(c.Service), levels: c.Levels,
		keep: c.Otherwise == asMessage, original: c.Original,
	}
	layouts, patterns := c.Time, c.Patterns
	if len(layouts) == 0 {
		layouts = usualTimes[:]
	}
	if len(patterns) == 0 {
		patterns = usualPatterns[:]
	}
	for _, text := range layouts {
		l, err := instant.NewLayout(text)
		if err != nil {
			return nil, fmt.Errorf("time: %w", err)
		}
		p.layouts = append(p.layouts, l)
	}
	for _, text := range patterns {
		compiled, err := compile(text, c.Fields)
		if err != nil {
			return nil, fmt.Errorf("pattern %q: %w", text, err)
		}
		p.patterns = append(p.patterns, compiled)
	}
	return p, nil
}

// plain is the parser.
type plain struct {
	zone     *instant.Zone
	layouts  []*instant.Layout
	patterns []*pattern
	service  []byte
	levels   map[string]string
	keep     bool // lines that no pattern fits
	original bool

	spans  []span // what the slots of the pattern at hand stand for
	noZone bool
}

// A span is what one slot stands for in the line at hand.
type span struct {
	from, to int
	at       int64 // the time, if timed
	timed    bool
	zoned    bool
}

// Parse implements parser.Parser: one line is one row. The first pattern counts whose values all are of the types of their
// fields; if there is none, the first that fits at all, with the values that do not fit as labels.
func (p *plain) Parse(b *event.Builder, record []byte, received int64) error {
	line := bytes.TrimRight(record, " \t\r\n")
	if len(bytes.TrimLeft(line, " \t")) == 0 {
		return nil
	}
	matched := p.match(b, line, received)
	if matched == nil {
		if !p.keep {
			return &parser.Malformed{Reason: noPattern}
		}
		b.Flag(event.Unmatched)
	}
	if !b.Has(event.Timestamp) {
		b.Time(event.Timestamp, received)
		b.Flag(event.NoTime)
	} else if p.noZone {
		b.Flag(event.NoZone)
	}
	if !b.Has(event.Message) {
		b.Str(event.Message, line)
	}
	if p.original && b.Kind() == event.Log && !b.Has(event.EventOriginal) {
		b.Str(event.EventOriginal, record)
	}
	if len(p.service) > 0 && !b.Has(event.ServiceName) {
		b.Str(event.ServiceName, p.service)
	}
	b.Next()
	return nil
}

const noPattern = "no pattern fits"

// match fills the row at hand by the pattern that fits best, and returns it.
func (p *plain) match(b *event.Builder, line []byte, received int64) *pattern {
	var second *pattern
	for _, m := range p.patterns {
		if !m.scan(p, line, received) {
			continue
		}
		if p.fill(b, m, line) == 0 {
			return m
		}
		b.Abandon()
		if second == nil {
			second = m
		}
	}
	if second != nil {
		second.scan(p, line, received)
		p.fill(b, second, line)
		b.Flag(event.Misfit)
	}
	return second
}

// fill sets what the slots stand for, and returns how many values did not fit and became labels.
func (p *plain) fill(b *event.Builder, m *pattern, line []byte) (misfits int) {
	p.noZone = false
	for i := range m.slots {
		t, s := &m.slots[i].target, &p.spans[i]
		v := bytes.TrimSpace(line[s.from:s.to])
		if t.Drop || len(v) == 0 || len(v) == 1 && v[0] == '-' {
			continue
		}
		switch {
		case t.Field == nil:
			b.Label(t.Label, v)
			continue
		case s.timed:
			b.Time(t.Field.ID, s.at)
			p.noZone = p.noZone || t.Field.ID == event.Timestamp && !s.zoned
			continue
		case t.Field.ID == event.LogLevel:
			if word, ok := p.levels[string(v)]; ok {
				b.Text(event.LogLevel, word)
				continue
			}
		}
		if !parser.Fill(b, t.Field, v) {
			misfits++
			b.Label(m.slots[i].name, v)
		}
	}
	return misfits
}

// instant reads a time from the beginning of text; behind is called with what follows it and says whether that may be.
func (p *plain) instant(text []byte, received int64, behind func([]byte) bool) (s span, ok bool) {
	for _, l := range p.layouts {
		at, r, ok := l.Read(text, p.zone, received)
		if ok && behind(text[r.Len:]) {
			return span{to: r.Len, at: at, timed: true, zoned: r.HasZone}, true
		}
	}
	return span{}, false
}

// guess makes a Score from settings: surer, the more a pattern asks of a line that it fits in all its values.
func guess(config parser.Config) func(record []byte) int {
	c, ok := config.(*Config)
	if !ok || len(c.Patterns) == 0 {
		return nil
	}
	return func(record []byte) int {
		p, err := c.compile()
		line := bytes.TrimRight(record, " \t\r\n")
		if err != nil || len(line) == 0 {
			return 0
		}
		b := event.NewBuilder(event.Log)
		for _, m := range p.patterns {
			if m.scan(p, line, 0) && p.fill(b, m, line) == 0 {
				return m.weight
			}
			b.Abandon()
		}
		return 0
	}
}
