package document

import (
	"fmt"
	"reflect"
	"strings"

	yaml "go.yaml.in/yaml/v4"

	"tocsin/internal/event"
)

// A Node is a part of a document that is read later, by whoever knows what belongs there. The zero Node is nothing: it has
// no keys, and decoding it leaves the defaults. A Node is never changed and may be used by many at once.
type Node struct {
	source *source
	yaml   *yaml.Node
	path   string
}

// IsZero says that nothing was given.
func (n Node) IsZero() bool { return n.yaml == nil || isNull(n.yaml) }

// IsMapping says that the node has keys.
func (n Node) IsMapping() bool { return n.yaml != nil && n.yaml.Kind == yaml.MappingNode }

// IsList says that the node has items.
func (n Node) IsList() bool { return n.yaml != nil && n.yaml.Kind == yaml.SequenceNode }

// Path returns the place of the node below the root, as in rules[2].detect; "" for the root.
func (n Node) Path() string { return n.path }

// File returns the name of the document.
func (n Node) File() string {
	if n.source == nil {
		return ""
	}
	return n.source.name
}

// Line returns the line in which the node begins, from 1; 0 for the zero Node.
func (n Node) Line() int {
	if n.yaml == nil {
		return 0
	}
	return n.yaml.Line
}

// Keys returns the keys of a mapping in their order; none for everything else.
func (n Node) Keys() []string {
	if !n.IsMapping() {
		return nil
	}
	keys := make([]string, 0, len(n.yaml.Content)/2)
	for i := 0; i < len(n.yaml.Content); i += 2 {
		keys = append(keys, n.yaml.Content[i].Value)
	}
	return keys
}

// Get returns what stands behind a key of a mapping.
func (n Node) Get(key string) (Node, bool) {
	if !n.IsMapping() {
		return Node{}, false
	}
	value := lookup(n.yaml, key)
	if value == nil {
		return Node{}, false
	}
	return Node{source: n.source, yaml: value, path: join(n.path, key)}, true
}

// Items returns the items of a list; none for everything else.
func (n Node) Items() []Node {
	if !n.IsList() {
		return nil
	}
	items := make([]Node, len(n.yaml.Content))
	for i, item := range n.yaml.Content {
		items[i] = Node{source: n.source, yaml: item, path: fmt.Sprintf("%s[%d]", n.path, i)}
	}
	return items
}

// One reads a choice such as `threshold: {over: 1h}`: a mapping with one key out of names, or that word alone. It returns
// the key and what stands behind it.
func (n Node) One(names []string) (string, Node, error) {
	switch {
	case n.IsMapping() && len(n.yaml.Content) == 2:
		key := n.yaml.Content[0]
		for _, name := range names {
			if name == key.Value {
				settings, _ := n.Get(name)
				return name, settings, nil
			}
		}
		return "", Node{}, n.source.choice(key, n.path, names)
	case n.IsMapping():
		return "", Node{}, n.Mistake(fmt.Sprintf("%d keys", len(n.yaml.Content)/2), "one of "+oneOf(names))
	case n.yaml != nil && n.yaml.Kind == yaml.ScalarNode && !isNull(n.yaml):
		for _, name := range names {
			if name == n.yaml.Value {
				return name, Node{source: n.source, path: join(n.path, name)}, nil
			}
		}
		return "", Node{}, n.source.choice(n.yaml, n.path, names)
	}
	return "", Node{}, n.Mistake(n.describe(), "one of "+oneOf(names))
}

// choice makes the mistake of a word that is none of names.
func (s *source) choice(word *yaml.Node, path string, names []string) error {
	m := s.wanted(word, path, fmt.Sprintf("%q", shorten(word.Value)), oneOf(names))
	m.Hint = event.Nearest(word.Value, names)
	return m
}

func (n Node) describe() string {
	if n.yaml == nil {
		return "nothing"
	}
	return describe(n.yaml)
}

// Decode is as the function of that name, for this part of the document. v points to a struct or to anything that a field
// can be.
func (n Node) Decode(v any) error {
	target := reflect.ValueOf(v)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		panic(fmt.Sprintf("document: Decode into a %T, want a pointer", v))
	}
	d := &decoder{source: n.source, origins: &Origins{of: map[string]string{}}}
	if d.source == nil {
		d.source = &source{name: "configuration"}
	}
	if !n.IsZero() {
		d.value(n.yaml, target.Elem(), n.path)
	}
	d.validate(n.yaml, target, n.path)
	return d.result()
}

// Mistake returns an error that points at the node.
func (n Node) Mistake(got, want string) error {
	if n.yaml == nil {
		return Mistake{File: n.File(), Path: n.path, Got: got, Want: want}
	}
	return n.source.wanted(n.yaml, n.path, got, want)
}

// Locate points an error, or all that were joined into it, at the node: those of At at the key below it that they name.
// An error that has its place keeps it; nil stays nil.
func (n Node) Locate(err error) error {
	d := &decoder{source: n.source}
	if d.source == nil {
		d.source = &source{name: "configuration"}
	}
	d.locate(err, n.yaml, nil, n.path)
	return d.result()
}

// String returns the text of a plain value, and the YAML of everything else without the comments of its surroundings.
func (n Node) String() string {
	switch {
	case n.IsZero():
		return ""
	case n.yaml.Kind == yaml.ScalarNode:
		return n.yaml.Value
	}
	text, err := yaml.Dump(n.yaml)
	if err != nil { // only nodes that were read are dumped
		return ""
	}
	return strings.TrimSuffix(string(text), "\n")
}

// lookup returns what stands behind a key of a mapping, nil when there is none.
func lookup(mapping *yaml.Node, key string) *yaml.Node {
	if mapping == nil || mapping.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == key {
			return mapping.Content[i+1]
		}
	}
	return nil
}

// Equal says that two nodes hold the same, wherever they stand.
func (n Node) Equal(other Node) bool {
	return n.IsZero() == other.IsZero() && n.describe() == other.describe() && n.String() == other.String()
}
