package document

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	yaml "go.yaml.in/yaml/v4"
)

// Secret is a text that is never printed. A setting `password` of this type may be given as itself, as `password_file`, or
// as `password: file:PATH`; ReadSecrets then reads the file.
type Secret struct {
	value string
	file  string
}

// NewSecret returns a secret of a known value.
func NewSecret(value string) Secret { return Secret{value: value} }

// Reveal returns the value: "" when none is set, or when its file was not read.
func (s Secret) Reveal() string { return s.value }

// File returns the path of the file that holds the value; "" when it was given as itself.
func (s Secret) File() string { return s.file }

// IsZero says that neither a value nor a file is set.
func (s Secret) IsZero() bool { return s == Secret{} }

// String never shows the value.
func (s Secret) String() string {
	if s.IsZero() {
		return ""
	}
	return "***"
}

// GoString never shows the value.
func (s Secret) GoString() string { return "document.Secret(" + s.String() + ")" }

// Format never shows the value, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText never shows the value.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// set takes a secret as it is written.
func (s *Secret) set(text string, isFile bool) {
	path, prefixed := strings.CutPrefix(text, "file:")
	switch {
	case isFile:
		*s = Secret{file: text}
	case prefixed:
		*s = Secret{file: path}
	default:
		*s = Secret{value: text}
	}
}

// secret sets a secret from KEY or KEY_file of a mapping.
func (d *decoder) secret(mapping, n *yaml.Node, f field, s *Secret, path string) {
	d.origins.of[path] = fmt.Sprintf("%s:%d", d.source.name, n.Line)
	if n.Kind != yaml.ScalarNode || isNull(n) {
		d.want(n, path, "a text")
		return
	}
	if other, is := strings.CutSuffix(f.key, "_file"); is && f.fileOf {
		if twin := lookup(mapping, other); twin != nil {
			d.add(d.source.mistake(n.Line, n.Column, path, fmt.Sprintf("stands beside %s; want one of the two", other)))
		}
	}
	s.set(n.Value, f.fileOf)
}

// ReadSecrets reads the files of all secrets below v, a pointer to a struct, by the function handed in, and puts what they
// hold, without line ends, in place. It returns every error, joined, each made by Wrap, for Node.Locate to find its place.
func ReadSecrets(v any, read func(path string) ([]byte, error)) error {
	var errs []error
	walkSecrets(reflect.ValueOf(v).Elem(), "", func(path string, s *Secret) {
		if s.file == "" {
			return
		}
		text, err := read(s.file)
		if err == nil && len(strings.TrimSpace(string(text))) == 0 {
			err = fmt.Errorf("read %s: the file is empty", s.file)
		}
		if err != nil {
			errs = append(errs, Wrap(path, err))
			return
		}
		s.value = strings.TrimRight(string(text), "\r\n")
	})
	return errors.Join(errs...)
}

// walkSecrets calls fn for every secret below v that can be set.
func walkSecrets(v reflect.Value, path string, fn func(path string, s *Secret)) {
	switch {
	case v.Type() == secretType && v.CanAddr():
		fn(path, v.Addr().Interface().(*Secret))
	case v.Type() == nodeType:
	case v.Kind() == reflect.Pointer && !v.IsNil():
		walkSecrets(v.Elem(), path, fn)
	case v.Kind() == reflect.Struct:
		for _, f := range fieldsOf(v.Type()) {
			if !f.fileOf {
				walkSecrets(v.FieldByIndex(f.index), join(path, f.key), fn)
			}
		}
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			walkSecrets(v.Index(i), fmt.Sprintf("%s[%d]", path, i), fn)
		}
	case v.Kind() == reflect.Map:
		for it := v.MapRange(); it.Next(); {
			item := reflect.New(v.Type().Elem()).Elem()
			item.Set(it.Value())
			walkSecrets(item, join(path, fmt.Sprint(it.Key())), fn)
			v.SetMapIndex(it.Key(), item)
		}
	}
}

// UnmarshalText takes the value itself, or file:PATH.
func (s *Secret) UnmarshalText(text []byte) error {
	s.set(string(text), false)
	return nil
}

// Equal says that two secrets have the same value and came in the same way.
func (s Secret) Equal(other Secret) bool { return s == other }
