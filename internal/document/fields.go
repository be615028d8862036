package document

import (
	"fmt"
	"reflect"
	"strings"
)

// A field is one setting of a struct, those of its inline structs among them.
type field struct {
	key   string
	index []int
	// fileOf marks KEY_file, which sets a Secret by the file that holds it.
	fileOf bool
	// alone marks the setting that may stand for its whole struct: `ledger: URL` for `ledger: {dsn: URL}`. Its tag says so.
	alone bool
}

// aloneOf finds the setting that may stand for its struct.
func aloneOf(fields []field) (field, bool) {
	for _, f := range fields {
		if f.alone {
			return f, true
		}
	}
	return field{}, false
}

// fieldsOf lists the settings of a struct type in their order. Wrong tags are mistakes of the program and panic.
func fieldsOf(t reflect.Type) []field {
	var all []field
	seen := map[string]bool{}
	add := func(f field) {
		if seen[f.key] {
			panic(fmt.Sprintf("document: %v has two settings %q", t, f.key))
		}
		seen[f.key] = true
		all = append(all, f)
	}
	for i := range t.NumField() {
		sf := t.Field(i)
		name, options, _ := strings.Cut(sf.Tag.Get("yaml"), ",")
		switch {
		case name == "-", !sf.IsExported() && !sf.Anonymous:
		case options == "inline":
			if sf.Type.Kind() != reflect.Struct {
				panic(fmt.Sprintf("document: %v.%s: only structs are inline", t, sf.Name))
			}
			for _, f := range fieldsOf(sf.Type) {
				f.index = append([]int{i}, f.index...)
				add(f)
			}
		case sf.IsExported():
			if name == "" {
				name = strings.ToLower(sf.Name)
			}
			add(field{key: name, index: []int{i}, alone: options == "alone"})
			if sf.Type == secretType {
				add(field{key: name + "_file", index: []int{i}, fileOf: true})
			}
		}
	}
	return all
}

// Keys lists the settings of a struct, or a pointer to one, as documents write them.
func Keys(v any) []string {
	t := reflect.TypeOf(v)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return keysOf(fieldsOf(t))
}

func keysOf(fields []field) []string {
	keys := make([]string, len(fields))
	for i, f := range fields {
		keys[i] = f.key
	}
	return keys
}
