// Package document reads YAML strictly: into structs that hold their defaults, with every mistake at once, each with its
// place in the file and what was wanted there. It reads text that is handed in and touches nothing else.
package document

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"
)

// Bounds of one document, so that a foul one costs neither memory nor time.
const (
	MaxSize  = 4 << 20 // bytes of text
	MaxMarks = 800_000 // characters that may begin or part values; what bounds the number of nodes before they are built
	MaxNodes = 400_000 // values, counting what an alias stands for each time
	MaxDepth = 64      // mappings and lists inside one another
)

// Decode reads one YAML document over the defaults that v, a pointer to a struct, holds. What it does not mention keeps its
// default. It then calls Validate on v and on every value below that has such a method. The error is of type Mistakes and
// holds all of them; v is then half filled and of no use. name is what messages call the document.
//
// Keys are those of the yaml tags, `yaml:"name"` and `yaml:",inline"`, and all others are mistakes. Fields are structs,
// pointers, slices, maps with string keys, strings, booleans, numbers, time.Duration ("7d", "1h30m", "off"), Size, Secret,
// Node and whatever has UnmarshalText. Merge keys (<<) and tags are mistakes; aliases are followed.
func Decode(name string, text []byte, v any) error {
	_, err := Load(name, text, v, nil, "")
	return err
}

// Parse reads one YAML document as it is. A document without content gives the zero Node.
func Parse(name string, text []byte) (Node, error) {
	s := &source{name: name}
	root, mistakes := s.parse(text)
	if len(mistakes) > 0 {
		return Node{}, mistakes
	}
	if root == nil {
		return Node{}, nil
	}
	return Node{source: s, yaml: root}, nil
}

// Load is Decode with the environment over the document: each NAME=VALUE of environ whose name is that of a setting, in
// capitals behind the prefix, wins over it, so that TOCSIN_HTTP_LISTEN sets http.listen. Lists of plain values are
// separated by commas or written as in YAML. Validation comes last.
func Load(name string, text []byte, v any, environ []string, prefix string) (*Origins, error) {
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.Elem().Kind() != reflect.Struct {
		panic(fmt.Sprintf("document.Load: got a %T, want a pointer to a struct", v))
	}
	s := &source{name: name}
	root, mistakes := s.parse(text)
	d := &decoder{source: s, origins: &Origins{source: s, root: root, of: map[string]string{}}, mistakes: mistakes}
	if root != nil && len(mistakes) == 0 {
		d.value(root, target.Elem(), "")
	}
	d.environment(target.Elem(), environ, prefix)
	if len(mistakes) == 0 { // an unread document would only give mistakes that are none
		d.validate(root, target, "")
	}
	return d.origins, d.result()
}

// Override is Load without a document.
func Override(v any, environ []string, prefix string) error {
	_, err := Load("environment", nil, v, environ, prefix)
	return err
}

// Origins says where the settings of a loaded document come from.
type Origins struct {
	source *source
	root   *yaml.Node
	of     map[string]string
	// Ignored are the names in the environment that begin with the prefix and set nothing.
	Ignored []string
}

// Of returns where a setting was set, as in "tocsin.yaml:12" or "TOCSIN_HTTP_LISTEN"; "default" when it was not.
func (o *Origins) Of(path string) string {
	if at, ok := o.of[path]; ok {
		return at
	}
	return "default"
}

// Locate is as Node.Locate for the whole document; settings that the environment set are located at its variable.
func (o *Origins) Locate(err error) error {
	d := &decoder{source: o.source, origins: o}
	d.locate(err, o.root, nil, "")
	return d.result()
}

// A source is the text that nodes and mistakes point into.
type source struct {
	name  string
	lines []string
}

// parse checks the bounds and gives the root with its aliases followed, or nil when there is no content.
func (s *source) parse(text []byte) (*yaml.Node, Mistakes) {
	if len(text) > MaxSize {
		return nil, Mistakes{{File: s.name, Got: Size(len(text)).String(), Want: fmt.Sprintf("a document of %s or less", Size(MaxSize))}}
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	s.lines = strings.Split(string(text), "\n")
	if !utf8.Valid(text) {
		line, column := 1, 1
		for len(text) > 0 {
			r, n := utf8.DecodeRune(text)
			if r == utf8.RuneError && n == 1 {
				break
			}
			if column++; r == '\n' {
				line, column = line+1, 1
			}
			text = text[n:]
		}
		return nil, Mistakes{s.mistake(line, column, "", fmt.Sprintf("byte 0x%02x is not UTF-8", text[0]))}
	}
	if marks := countMarks(text); marks > MaxMarks {
		return nil, Mistakes{{File: s.name, Got: fmt.Sprintf("%d separators", marks), Want: fmt.Sprintf("%d or fewer; split the document", MaxMarks)}}
	}
	document, mistakes := s.read(text)
	if document == nil || len(mistakes) > 0 {
		return nil, mistakes
	}
	w := walk{source: s, extents: map[*yaml.Node]extent{}}
	root := w.node(document, "", 0)
	if len(w.mistakes) > 0 {
		return nil, w.mistakes
	}
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return nil, nil
	}
	return root, nil
}

// countMarks counts what can begin a node; every node needs one of these before or behind it.
func countMarks(text []byte) (n int) {
	for _, c := range text {
		switch c {
		case '\n', '\r', ',', ':', '-', '?', '[', '{':
			n++
		}
	}
	return n
}

// read runs the YAML library, which gives up at the first mistake. It must not bring the process down, whatever it meets.
func (s *source) read(text []byte) (root *yaml.Node, mistakes Mistakes) {
	defer func() {
		if r := recover(); r != nil {
			root, mistakes = nil, Mistakes{s.mistake(1, 1, "", fmt.Sprintf("the YAML library gave up: %v", r))}
		}
	}()
	loader, err := yaml.NewLoader(bytes.NewReader(text), yaml.WithUniqueKeys(false))
	if err != nil {
		return nil, Mistakes{s.syntax(err)}
	}
	var document, second yaml.Node
	switch err := loader.Load(&document); {
	case errors.Is(err, io.EOF):
		return nil, nil
	case err != nil:
		return nil, Mistakes{s.syntax(err)}
	}
	switch err := loader.Load(&second); {
	case err == nil:
		return nil, Mistakes{s.mistake(max(second.Line, 1), max(second.Column, 1), "", "a second document begins here; want one")}
	case !errors.Is(err, io.EOF):
		return nil, Mistakes{s.syntax(err)}
	}
	for root = &document; root.Kind == yaml.DocumentNode; root = root.Content[0] {
		if len(root.Content) == 0 {
			return nil, nil
		}
	}
	return root, nil
}

// syntax turns an error of the library into a mistake.
func (s *source) syntax(err error) Mistake {
	var e *yaml.LoadError
	if !errors.As(err, &e) {
		return s.mistake(1, 1, "", err.Error())
	}
	text := e.Message
	if e.ContextMsg != "" {
		text = e.ContextMsg + ": " + text
		if e.ContextMark.Line > 0 && e.ContextMark.Line != e.Mark.Line {
			text += fmt.Sprintf(" (begun in line %d)", e.ContextMark.Line)
		}
	}
	return s.mistake(max(e.Mark.Line, 1), max(e.Mark.Column, 1), "", text)
}
