package document

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// validator is what is called on every value after it was set.
type validator interface{ Validate() error }

// validate calls Validate on v and on everything below it, parts of it that the document does not mention as well. n is
// the node of v, nil when there is none, and path its place.
func (d *decoder) validate(n *yaml.Node, v reflect.Value, path string) {
	d.unread = len(d.mistakes)
	d.validateValue(n, v, path, n)
}

// validateValue does it; near is the nearest node above that exists.
func (d *decoder) validateValue(n *yaml.Node, v reflect.Value, path string, near *yaml.Node) {
	if n != nil {
		near = n
	}
	switch {
	case !v.IsValid(), v.Type() == nodeType, v.Type() == secretType:
		return
	case v.Kind() == reflect.Pointer:
		if !v.IsNil() {
			d.validateValue(n, v.Elem(), path, near)
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		if reflect.PointerTo(v.Type()).Implements(textType) {
			break
		}
		for _, f := range fieldsOf(v.Type()) {
			if !f.fileOf {
				d.validateValue(lookup(n, f.key), v.FieldByIndex(f.index), join(path, f.key), near)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			var item *yaml.Node
			if n != nil && n.Kind == yaml.SequenceNode && i < len(n.Content) {
				item = n.Content[i]
			}
			d.validateValue(item, v.Index(i), fmt.Sprintf("%s[%d]", path, i), near)
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			key := fmt.Sprint(it.Key())
			d.validateValue(lookup(n, key), it.Value(), join(path, key), near)
		}
	}
	d.callValidate(v, path, near)
}

// callValidate calls the method of v, if it has one, and those of its inline structs if it has none.
func (d *decoder) callValidate(v reflect.Value, path string, near *yaml.Node) {
	if value, ok := asValidator(v); ok {
		d.locate(value.Validate(), near, v.Type(), path)
		return
	}
	if v.Kind() != reflect.Struct {
		return
	}
	for i := range v.NumField() {
		if sf := v.Type().Field(i); sf.IsExported() && strings.HasSuffix(sf.Tag.Get("yaml"), ",inline") {
			d.callValidate(v.Field(i), path, near)
		}
	}
}

func asValidator(v reflect.Value) (validator, bool) {
	if v.CanAddr() {
		v = v.Addr()
	} else if v.Kind() == reflect.Struct { // the value of a map: its pointer may have the method
		fresh := reflect.New(v.Type())
		fresh.Elem().Set(v)
		v = fresh
	}
	if !v.CanInterface() {
		return nil, false
	}
	value, ok := v.Interface().(validator)
	return value, ok
}

// locate adds an error of a value at node n, and all that were joined into it, each at the setting that it names.
func (d *decoder) locate(err error, n *yaml.Node, t reflect.Type, path string) {
	for _, e := range split(err) {
		var one Mistake
		var several Mistakes
		if errors.As(e, &several) {
			for _, m := range several {
				d.add(m)
			}
			continue
		}
		if errors.As(e, &one) {
			d.add(one)
			continue
		}
		key, text := splitKey(e, n, t)
		d.addAt(n, path, key, text)
	}
}

// splitKey tells the setting that an error names from what it says of it. Besides errors of At it knows those whose text
// begins with the key of a setting, so that packages need not know this one.
func splitKey(err error, n *yaml.Node, t reflect.Type) (key string, text error) {
	if at, ok := err.(*located); ok { //nolint:errorlint // one that was wrapped has a text of its own
		if at.cause != nil {
			return at.key, at.cause
		}
		return at.key, at
	}
	key, rest, found := strings.Cut(err.Error(), ": ")
	if !found || !keyPattern.MatchString(key) {
		return "", err
	}
	if _, exists := descend(n, key); !exists && !hasField(t, key) {
		return "", err
	}
	return key, errors.New(rest)
}

var (
	keyPattern     = regexp.MustCompile(`^[a-z_][a-z0-9_]*(\[\d+\]|\.[a-z0-9_-]+)*$`)
	stepPattern    = regexp.MustCompile(`\[\d+\]|[^.\[\]]+`)
	gotWantPattern = regexp.MustCompile(`(?s)^got (.*?), want (.*)$`)
)

// hasField says that the first step of a key is a setting of a struct type.
func hasField(t reflect.Type, key string) bool {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == nil || t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(textType) {
		return false
	}
	first := stepPattern.FindString(key)
	for _, f := range fieldsOf(t) {
		if f.key == first {
			return true
		}
	}
	return false
}

// descend follows a key below n as far as it goes, and says whether it went to the end.
func descend(n *yaml.Node, key string) (*yaml.Node, bool) {
	for _, step := range stepPattern.FindAllString(key, -1) {
		var below *yaml.Node
		if index, ok := strings.CutPrefix(step, "["); ok {
			i, err := strconv.Atoi(strings.TrimSuffix(index, "]"))
			if err == nil && n != nil && n.Kind == yaml.SequenceNode && i < len(n.Content) {
				below = n.Content[i]
			}
		} else {
			below = lookup(n, step)
		}
		if below == nil {
			return n, false
		}
		n = below
	}
	return n, n != nil
}

// addAt adds a mistake at a key below n, or at the name in the environment that set it.
func (d *decoder) addAt(n *yaml.Node, path, key string, err error) {
	if d.full() {
		return
	}
	full := path
	switch {
	case key != "" && path != "":
		full = path + "." + key
	case key != "":
		full = key
	}
	m := Mistake{File: d.source.name, Path: full, Text: err.Error()}
	if n != nil {
		place, exact := descend(n, key)
		if file, ok := descend(n, key+"_file"); ok && !exact {
			place = file
		}
		n = place
		m = d.source.mistake(n.Line, n.Column, full, err.Error())
	}
	if got := gotWantPattern.FindStringSubmatch(m.Text); got != nil {
		m.Text, m.Got, m.Want = "", got[1], got[2]
	}
	if at, ok := err.(*located); ok { //nolint:errorlint // likewise
		m.Text, m.Got, m.Want, m.Hint = "", at.got, at.want, at.hint
	}
	if d.origins != nil {
		if name, ok := d.origins.variable(full); ok {
			m.File, m.Line, m.Column, m.Excerpt = name, 0, 0, ""
		}
	}
	for _, known := range d.mistakes[:d.unread] {
		if known.Path == full && known.File == m.File {
			return // what could not be read has its default, of which nothing is to be said
		}
	}
	d.add(m)
}
