// Package declared reads formats that people declare: a name for one of tocsin's own formats with settings of its own, and
// samples that say what becomes of its lines.
package declared

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tocsin/internal/document"
	"tocsin/internal/event"
	"tocsin/internal/parser"
)

// A Format is a format that stands in a document. Its Default gives the settings that stand there.
type Format struct {
	parser.Format
	Base    string // the format whose settings they are
	File    string
	Line    int // in the file, from 1
	Samples []Sample
}

// A Sample is a line and what becomes of it.
type Sample struct {
	Text     string
	Received time.Time // of receipt
	Rejected string    // text that the reason is to contain; "" when an event is wanted
	Want     []Want    // fields of the event; others may be there
	File     string
	Line     int
}

// A Want is what one field of an event is to hold.
type Want struct {
	Field  string
	Values []string // in their order, of labels with several; none: the field must be missing
}

// received stands in for samples that name no time of receipt.
var received = time.Date(2025, time.January, 1, 0, 0, 0, 0, time.UTC)

// sampleForm is a sample as it is written.
type sampleForm struct {
	Line     string        `yaml:"line"`
	Received document.Node `yaml:"received"`
	Want     document.Node `yaml:"want"`
	Rejected string        `yaml:"rejected"`
}

// Decode reads a document that holds formats under the key `formats`. The error holds every mistake with its place; then no
// format is returned.
func Decode(name string, text []byte, bases parser.Set) ([]Format, error) {
	root, err := document.Parse(name, text)
	if err != nil {
		return nil, err
	}
	if root.IsZero() {
		return nil, nil
	}
	list, ok := root.Get("formats")
	if !ok || !list.IsMapping() || len(root.Keys()) > 1 {
		return nil, document.Join(root.Mistake("a document without them, or with more", "formats and nothing else, as in `formats: {NAME: {text: {…}, samples: […]}}`"))
	}
	var formats []Format
	var errs []error
	for _, key := range list.Keys() {
		node, _ := list.Get(key)
		f, err := DecodeOne(key, node, bases)
		formats, errs = append(formats, f), append(errs, err)
	}
	if err := document.Join(errs...); err != nil {
		return nil, err
	}
	return formats, nil
}

// DecodeText reads the one format of a text that comes with a request: one by itself, or a document as for Decode that has one
// format, or one of the wanted name.
func DecodeText(text, wanted string, bases parser.Set) (Format, error) {
	const name = "declaration"
	bases = maps.Clone(bases)
	maps.DeleteFunc(bases, func(_ string, f parser.Format) bool { return f.Declared }) // which may be the same one
	root, err := document.Parse(name, []byte(text))
	if err != nil {
		return Format{}, err
	}
	if _, several := root.Get("formats"); !several {
		if wanted == "" {
			wanted = "custom"
		}
		return DecodeOne(wanted, root, bases)
	}
	formats, err := Decode(name, []byte(text), bases)
	if err != nil {
		return Format{}, err
	}
	var names []string
	for _, f := range formats {
		if f.Name == wanted || wanted == "" && len(formats) == 1 {
			return f, nil
		}
		names = append(names, f.Name)
	}
	return Format{}, document.Join(root.Locate(document.Choice("formats", wanted, names)))
}

// DecodeOne reads one format: a mapping of a base, as in `text: {patterns: […]}`, with kind and samples beside it.
func DecodeOne(name string, node document.Node, bases parser.Set) (Format, error) {
	f := Format{File: node.File(), Line: node.Line()}
	errs := []error{checkName(name, node, bases)}
	known := append(slices.Sorted(maps.Keys(bases)), "kind", "samples")
	for _, key := range node.Keys() {
		value, _ := node.Get(key)
		_, isBase := bases[key]
		switch {
		case isBase && f.Base == "":
			f.Base = key
			errs = append(errs, f.use(name, bases[key], value))
		case isBase:
			errs = append(errs, value.Mistake("a second format", "one of "+f.Base+" and "+key))
		case key == "kind" || key == "samples": // below
		default:
			errs = append(errs, node.Locate(document.Choice(key, key, known)))
		}
	}
	if f.Base == "" {
		errs = append(errs, node.Mistake("no format to begin with", "one of "+bases.Names()+", as in `text: {patterns: […]}`"))
	}
	if kind, ok := node.Get("kind"); ok {
		k, err := event.ParseKind(kind.String())
		if err != nil {
			errs = append(errs, kind.Mistake(fmt.Sprintf("%q", kind.String()), "login, flow, log or sighting"))
		}
		f.Kind = k
	}
	samples, _ := node.Get("samples")
	if !samples.IsZero() && !samples.IsList() {
		errs = append(errs, samples.Mistake("something else", "a list of samples"))
	}
	for _, item := range samples.Items() {
		s, err := sample(item)
		f.Samples, errs = append(f.Samples, s), append(errs, err)
	}
	return f, document.Join(errs...)
}

// checkName checks that a format has a name that nobody else has, and is a mapping.
func checkName(name string, node document.Node, bases parser.Set) error {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
	switch _, taken := bases[name]; {
	case taken:
		return node.Mistake(fmt.Sprintf("the name %q", name), "another; a format of tocsin's own is called so")
	case name == "" || len(name) > 64 || strings.Trim(name, letters) != "":
		return node.Mistake(fmt.Sprintf("the name %q", name), "letters, digits, -, _ and ., 64 at most")
	case !node.IsMapping():
		return node.Mistake("something else", "a mapping such as `text: {patterns: […]}`")
	}
	return nil
}

// use takes the settings of a format over.
func (f *Format) use(name string, base parser.Format, settings document.Node) error {
	first := base.Default()
	if err := settings.Decode(first); err != nil {
		return err
	}
	f.Format = parser.Format{Name: name, Kind: base.Kind, Guess: base.Guess, Repeats: base.Repeats, Declared: true}
	f.Default = func() parser.Config {
		c := base.Default()
		if err := settings.Decode(c); err != nil { // which it did without a mistake before, and a node never changes
			return first
		}
		return c
	}
	if base.Guess != nil {
		f.Score = base.Guess(first)
	}
	return nil
}

// sample reads one sample.
func sample(node document.Node) (Sample, error) {
	s := Sample{Received: received, File: node.File(), Line: node.Line()}
	var form sampleForm
	if err := node.Decode(&form); err != nil {
		return s, err
	}
	s.Text, s.Rejected = form.Line, form.Rejected
	var errs []error
	if form.Line == "" {
		errs = append(errs, node.Mistake("no line", "line: '…', as it stands in the log"))
	}
	if (form.Rejected == "") == form.Want.IsZero() {
		errs = append(errs, node.Mistake("neither or both", "want: {FIELD: VALUE, …}, or rejected: REASON"))
	}
	if !form.Received.IsZero() {
		at, err := time.Parse(time.RFC3339, form.Received.String())
		if err != nil {
			errs = append(errs, form.Received.Mistake(form.Received.String(), "a time as in 2024-03-10T12:00:00Z"))
		}
		s.Received = at
	}
	if !form.Want.IsZero() && !form.Want.IsMapping() {
		errs = append(errs, form.Want.Mistake("something else", "a mapping of fields to values"))
	}
	for _, key := range form.Want.Keys() {
		value, _ := form.Want.Get(key)
		name := key
		if f, ok := event.FieldByName(key); ok && len(f.Any) == 0 {
			name = f.Name
		} else if !strings.HasPrefix(key, "labels.") {
			errs = append(errs, value.Mistake(fmt.Sprintf("the field %q", key), "a field or labels.NAME"+event.Suggestion(key)))
		}
		s.Want = append(s.Want, Want{Field: name, Values: values(value)})
	}
	return s, errors.Join(errs...)
}

// values lists what a node holds: one text, those of a list, or none.
func values(node document.Node) (all []string) {
	if !node.IsList() {
		if node.IsZero() {
			return nil
		}
		return []string{node.String()}
	}
	for _, item := range node.Items() {
		all = append(all, item.String())
	}
	return all
}

// Set returns tocsin's own formats and those declared, by name.
func Set(bases parser.Set, formats []Format) parser.Set {
	all := maps.Clone(bases)
	for i := range formats {
		all[formats[i].Name] = formats[i].Format
	}
	return all
}
