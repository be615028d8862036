// Package csv reads comma-separated values whose columns are named.
package csv

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tocsin/internal/event"
	"tocsin/internal/instant"
	"tocsin/internal/parser"
)

// Sample is a configuration that names every setting.
//
//go:embed sample.yaml
var Sample []byte

// MaxColumns bounds the columns of a line.
const MaxColumns = 256

// Config is the settings of the format.
type Config struct {
	parser.Options `yaml:",inline"`
	// Header is the line that names the columns, as it stands in the file. Wherever that line stands it is no event. Default:
	// none, columns have their numbers from 1 as names.
	Header string `yaml:"header"`
	// Delimiter parts the columns: one byte, or tab. Default a comma.
	Delimiter string `yaml:"delimiter"`
	// Fields says which column is which field: a field of the schema, labels.NAME, or drop. A column that is not named here is
	// the field of its name, and otherwise a label.
	Fields map[string]string `yaml:"fields"`
	// TimeFrom are the columns that make up @timestamp together, with a blank between them. Default: the column that is it.
	TimeFrom []string `yaml:"time_from"`
	// Time lists how times are written, tried in their order; see instant.NewLayout. Default: rfc3339, clf, syslog and epoch.
	Time []string `yaml:"time"`
	// Original keeps the whole line as event.original. Default true.
	Original bool `yaml:"original"`
}

// Default returns the settings that hold where the configuration says nothing.
func Default() parser.Config {
	return &Config{Options: parser.Options{Zone: "UTC"}, Delimiter: ",", Original: true}
}

// Format is what the catalog needs to know. The kind is that of log files; New takes any. Without a header anything could be
// a line of it, so it is not guessed.
func Format() parser.Format {
	return parser.Format{Name: "csv", Kind: event.Log, Default: Default, Guess: guess}
}

// usualTimes hold where the configuration names none.
var usualTimes = [...]string{"rfc3339", "clf", "syslog", "epoch"}

// Validate checks the zone, and that all that is named is there.
func (c *Config) Validate() error {
	_, err := c.compile()
	return errors.Join(c.Options.Validate(), err)
}

// New returns a parser. It fills builders of any kind.
func (c *Config) New() (parser.Parser, error) {
	place, err := c.Location()
	if err != nil {
		return nil, err
	}
	p, err := c.compile()
	if err != nil {
		return nil, err
	}
	p.zone = instant.NewZone(place)
	return p, nil
}

// compile makes a parser without a zone, or reports every mistake.
func (c *Config) compile() (*table, error) {
	p := &table{service: []byte(c.Service), original: c.Original, delimiter: ','}
	var errs []error
	switch {
	case c.Delimiter == "tab":
		p.delimiter = '\t'
	case len(c.Delimiter) == 1 && strings.IndexByte("\"\r\n", c.Delimiter[0]) < 0:
		p.delimiter = c.Delimiter[0]
	default:
		errs = append(errs, fmt.Errorf("delimiter: got %q, want one byte such as ; or tab", c.Delimiter))
	}
	layouts := c.Time
	if len(layouts) == 0 {
		layouts = usualTimes[:]
	}
	for i, text := range layouts {
		l, err := instant.NewLayout(text)
		if err != nil {
			errs = append(errs, fmt.Errorf("time[%d]: %w", i, err))
		}
		p.layouts = append(p.layouts, l)
	}
	names, err := p.names(c.Header)
	if err != nil {
		errs = append(errs, err)
	}
	for _, name := range names {
		t, err := target(name, c.Fields)
		if err != nil {
			errs = append(errs, err)
		}
		p.columns = append(p.columns, column{name: []byte(name), target: t})
	}
	for _, name := range slices.Sorted(maps.Keys(c.Fields)) {
		if !slices.Contains(names, name) {
			errs = append(errs, fmt.Errorf("fields.%s: header has no such column", name))
		}
	}
	for i, name := range c.TimeFrom {
		at := slices.Index(names, name)
		if at < 0 {
			errs = append(errs, fmt.Errorf("time_from[%d]: got %q, want a column of header", i, name))
			continue
		}
		p.timeFrom = append(p.timeFrom, at)
		p.columns[at].target = parser.Target{Drop: true}
	}
	return p, errors.Join(errs...)
}

// names cuts the header into the names of the columns.
func (p *table) names(header string) ([]string, error) {
	if header == "" {
		return nil, nil
	}
	if bad := p.cut([]byte(header)); bad != nil {
		return nil, fmt.Errorf("header: %w", bad)
	}
	var names []string
	for _, cell := range p.cells {
		name := string(bytes.TrimSpace(cell))
		if name == "" || slices.Contains(names, name) {
			return nil, fmt.Errorf("header: got the column %q twice or without a name, want names that differ", name)
		}
		names = append(names, name)
	}
	return names, nil
}

// target says where a column goes.
func target(name string, fields map[string]string) (parser.Target, error) {
	if ours, ok := fields[name]; ok {
		t, err := parser.ParseTarget(ours)
		if err != nil {
			return t, fmt.Errorf("fields.%s: %w", name, err)
		}
		return t, nil
	}
	if t, err := parser.ParseTarget(name); err == nil && !t.Drop {
		return t, nil
	}
	return parser.Target{Label: []byte(name)}, nil
}

// guess makes a Score from settings: surer, the more columns the header has, for a line with as many whose values fit.
func guess(config parser.Config) func(record []byte) int {
	c, ok := config.(*Config)
	if !ok || c.Header == "" {
		return nil
	}
	return func(record []byte) int {
		made, err := c.New()
		if err != nil || len(bytes.TrimSpace(record)) == 0 {
			return 0
		}
		p := made.(*table)
		b := event.NewBuilder(event.Log)
		if p.Parse(b, record, 0) != nil || p.misfits > 0 {
			return 0
		}
		if b.Rows() == 0 {
			return 97 // the header
		}
		return min(50+7*len(p.columns), 95)
	}
}
