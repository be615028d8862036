package document

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	yaml "go.yaml.in/yaml/v4"

	"tocsin/internal/event"
)

// variable returns the name in the environment that set a path.
func (o *Origins) variable(path string) (string, bool) {
	at, ok := o.of[path]
	return at, ok && !strings.Contains(at, ":")
}

// A leaf is a setting that the environment can set.
type leaf struct {
	path string
	set  func(text string) error
}

// environment sets what environ names.
func (d *decoder) environment(v reflect.Value, environ []string, prefix string) {
	if len(environ) == 0 {
		return
	}
	leaves := map[string]leaf{}
	names := []string{}
	d.leaves(v, "", func(path string, set func(string) error) {
		name := variableName(prefix, path)
		leaves[name], names = leaf{path, set}, append(names, name)
	})
	slices.Sort(names)
	for _, entry := range environ {
		name, text, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		l, known := leaves[name]
		if !known {
			if near := event.Nearest(name, names); near != "" {
				name += " (did you mean " + near + "?)"
			}
			d.origins.Ignored = append(d.origins.Ignored, name)
			continue
		}
		d.origins.of[l.path] = name
		if err := l.set(text); err != nil {
			m := Mistake{File: name, Path: l.path, Got: fmt.Sprintf("%q", shorten(text)), Want: "another value"}
			m.refine(err)
			d.add(m)
		}
	}
}

// variableName is the name in the environment of a setting: TOCSIN_JOURNAL_FREE_FLOOR for journal.free_floor.
func variableName(prefix, path string) string {
	return prefix + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(path))
}

// leaves calls fn for each setting below v that is one value or a list of plain values. What is written as a list of
// mappings cannot be named.
func (d *decoder) leaves(v reflect.Value, path string, fn func(path string, set func(string) error)) {
	switch {
	case v.Type() == nodeType:
	case v.Type() == secretType:
		secret := v.Addr().Interface().(*Secret)
		fn(path, func(text string) error { secret.set(text, false); return nil })
		fn(path+"_file", func(text string) error { secret.set(text, true); return nil })
	case isPlain(v.Type()):
		fn(path, func(text string) error { return setText(v, text) })
	case v.Kind() == reflect.Struct:
		for _, f := range fieldsOf(v.Type()) {
			if !f.fileOf {
				d.leaves(v.FieldByIndex(f.index), join(path, f.key), fn)
			}
			if f.alone {
				d.leaves(v.FieldByIndex(f.index), join(path, f.key), func(at string, set func(string) error) {
					if at == join(path, f.key) {
						fn(path, set)
					}
				})
			}
		}
	case v.Kind() == reflect.Slice && isPlain(v.Type().Elem()):
		fn(path, func(text string) error { return setList(v, text) })
	case v.Kind() == reflect.Map && isPlain(v.Type().Elem()):
		for _, key := range v.MapKeys() { // those with a default or in the document
			fn(join(path, fmt.Sprint(key)), func(text string) error {
				item := reflect.New(v.Type().Elem()).Elem()
				if err := setText(item, text); err != nil {
					return err
				}
				v.SetMapIndex(key, item)
				return nil
			})
		}
	}
}

// isPlain says that a type is written as one text.
func isPlain(t reflect.Type) bool {
	if t == durationType || reflect.PointerTo(t).Implements(textType) {
		return t != secretType
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Slice, reflect.Map, reflect.Pointer, reflect.Interface:
		return false
	}
	return true
}

// setList sets a list from texts separated by commas, or from a list as YAML writes it.
func setList(v reflect.Value, text string) error {
	var texts []string
	switch text = strings.TrimSpace(text); {
	case text == "":
	case strings.HasPrefix(text, "["):
		root, mistakes := (&source{name: "list"}).parse([]byte(text))
		if len(mistakes) > 0 {
			return fmt.Errorf("list %q: %s", shorten(text), mistakes[0].reason())
		}
		for _, item := range root.Content {
			if item.Kind != yaml.ScalarNode {
				return fmt.Errorf("list %q: want plain values", shorten(text))
			}
			texts = append(texts, item.Value)
		}
	default:
		for item := range strings.SplitSeq(text, ",") {
			texts = append(texts, strings.TrimSpace(item))
		}
	}
	fresh := reflect.MakeSlice(v.Type(), len(texts), len(texts))
	for i, item := range texts {
		if err := setText(fresh.Index(i), item); err != nil {
			return err
		}
	}
	v.Set(fresh)
	return nil
}
