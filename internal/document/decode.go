package document

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"time"

	yaml "go.yaml.in/yaml/v4"

	"tocsin/internal/event"
)

var (
	durationType = reflect.TypeFor[time.Duration]()
	nodeType     = reflect.TypeFor[Node]()
	secretType   = reflect.TypeFor[Secret]()
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// decoder sets values from nodes and gathers what is wrong.
type decoder struct {
	source   *source
	origins  *Origins
	mistakes Mistakes
	unread   int // mistakes of values that could not be read, which stand first
}

func (d *decoder) result() error { return d.mistakes.result() }

func (d *decoder) add(m Mistake) {
	if !d.full() {
		d.mistakes = append(d.mistakes, m)
	}
}

// full says that there are mistakes enough, some of which may yet be dropped as repeated.
func (d *decoder) full() bool { return len(d.mistakes) > 2*MaxMistakes }

// want adds that a node is not what it should be.
func (d *decoder) want(n *yaml.Node, path, want string) {
	d.add(d.source.wanted(n, path, describe(n), want))
}

// wanted makes a mistake of the form got and want.
func (s *source) wanted(n *yaml.Node, path, got, want string) Mistake {
	m := s.mistake(n.Line, n.Column, path, "")
	m.Got, m.Want = got, want
	return m
}

// describe says what a node is, for messages.
func describe(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case isNull(n):
		return "nothing"
	case n.Tag == "!!str":
		return fmt.Sprintf("%q", shorten(n.Value))
	}
	return shorten(n.Value)
}

// shorten bounds foreign text in messages.
func shorten(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return s
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// value sets v from n.
func (d *decoder) value(n *yaml.Node, v reflect.Value, path string) {
	if d.full() {
		return
	}
	d.origins.of[path] = fmt.Sprintf("%s:%d", d.source.name, n.Line)
	switch {
	case v.Type() == nodeType:
		v.Set(reflect.ValueOf(Node{source: d.source, yaml: n, path: path}))
		return
	case v.Kind() == reflect.Pointer && !v.Type().Implements(textType):
		d.pointer(n, v, path)
		return
	case v.CanAddr() && v.Addr().Type().Implements(textType), v.Type() == durationType:
		d.scalar(n, v, path)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, v, path)
	case reflect.Slice:
		d.list(n, v, path)
	case reflect.Map:
		d.table(n, v, path)
	default:
		d.scalar(n, v, path)
	}
}

// pointer sets what a pointer points at; nothing, as in `key:`, leaves it alone.
func (d *decoder) pointer(n *yaml.Node, v reflect.Value, path string) {
	if isNull(n) {
		return
	}
	fresh := reflect.New(v.Type().Elem())
	if !v.IsNil() {
		fresh.Elem().Set(v.Elem()) // the default may be shared
	}
	d.value(n, fresh.Elem(), path)
	v.Set(fresh)
}

// structure sets the fields of a struct.
func (d *decoder) structure(n *yaml.Node, v reflect.Value, path string) {
	if isNull(n) {
		return // `section:` with everything below it commented out
	}
	fields := fieldsOf(v.Type())
	if n.Kind != yaml.MappingNode {
		f, ok := aloneOf(fields)
		if !ok || n.Kind != yaml.ScalarNode {
			d.want(n, path, "a mapping")
			return
		}
		d.setting(n, n, f, v, path)
		return
	}
	byKey := make(map[string]field, len(fields))
	for _, f := range fields {
		byKey[f.key] = f
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		f, known := byKey[key.Value]
		if d.full() {
			return
		}
		if !known {
			d.add(d.source.unknown(key, path, keysOf(fields)))
			continue
		}
		d.setting(n, value, f, v, path)
	}
}

// setting sets one field of a struct.
func (d *decoder) setting(mapping, n *yaml.Node, f field, v reflect.Value, path string) {
	target, at := v.FieldByIndex(f.index), join(path, f.key)
	if target.Type() == secretType {
		d.secret(mapping, n, f, target.Addr().Interface().(*Secret), at)
		return
	}
	d.value(n, target, at)
}

// unknown makes the mistake of a key that is not known. Its value is not shown: it may be a misspelt secret's.
func (s *source) unknown(key *yaml.Node, path string, known []string) Mistake {
	m := s.mistake(key.Line, key.Column, join(path, key.Value), "is not known here")
	m.Hint = event.Nearest(key.Value, known)
	if m.Hint == "" && len(known) > 0 && len(known) <= 12 {
		m.Text += "; want " + oneOf(known)
	}
	if text, below, ok := strings.Cut(m.Excerpt, "\n"); ok {
		if at := strings.Index(text, key.Value+":"); at >= 0 {
			m.Excerpt = text[:at+len(key.Value)+1] + " …\n" + below
		}
	}
	return m
}

// oneOf lists words as in "a, b or c".
func oneOf(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// list sets a slice; the document's list takes the place of the default one.
func (d *decoder) list(n *yaml.Node, v reflect.Value, path string) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.want(n, path, "a list")
		return
	}
	fresh := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		d.value(item, fresh.Index(i), fmt.Sprintf("%s[%d]", path, i))
	}
	v.Set(fresh)
}

// table sets a map key by key; keys that the document does not mention keep their default.
func (d *decoder) table(n *yaml.Node, v reflect.Value, path string) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		d.want(n, path, "a mapping")
		return
	}
	fresh := reflect.MakeMapWithSize(v.Type(), v.Len()+len(n.Content)/2)
	for it := v.MapRange(); it.Next(); {
		fresh.SetMapIndex(it.Key(), it.Value())
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, at := reflect.New(v.Type().Key()).Elem(), join(path, n.Content[i].Value)
		if !d.key(n.Content[i], key, at) {
			continue
		}
		item := reflect.New(v.Type().Elem()).Elem()
		if old := fresh.MapIndex(key); old.IsValid() {
			item.Set(old)
		}
		d.value(n.Content[i+1], item, at)
		fresh.SetMapIndex(key, item)
	}
	v.Set(fresh)
}

// key sets the key of a map: a text, or what reads itself from one.
func (d *decoder) key(n *yaml.Node, v reflect.Value, path string) bool {
	if v.Addr().Type().Implements(textType) {
		before := len(d.mistakes)
		d.scalar(n, v, path)
		return len(d.mistakes) == before
	}
	v.SetString(n.Value)
	return true
}

// scalar sets a value that is written as one text.
func (d *decoder) scalar(n *yaml.Node, v reflect.Value, path string) {
	want := wantOf(v)
	if n.Kind != yaml.ScalarNode || isNull(n) {
		d.want(n, path, want)
		return
	}
	if err := setText(v, n.Value); err != nil {
		m := d.source.wanted(n, path, describe(n), want)
		m.refine(err)
		d.add(m)
	}
}
