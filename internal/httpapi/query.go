package httpapi

import (
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/event"
	"tocsin/internal/fault"
)

// A parameter is one field of a request as it stands in the query of a URL.
type parameter struct {
	name  string
	index int
	kind  reflect.Type
}

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
)

// parameters lists the fields of a request structure under their JSON names. Fields that cannot stand in a URL are none.
func parameters(t reflect.Type) []parameter {
	var list []parameter
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		list = append(list, parameter{name, i, f.Type})
	}
	return list
}

// decodeQuery reads the query of a URL into the structure that into points to. Times may be given as api.ParseTime takes
// them, lengths of time as api.ParseDuration does or in nanoseconds, lists by repeating the parameter. Unknown parameters
// and repeated single ones are refused.
func decodeQuery(values url.Values, into any, now time.Time) error {
	v := reflect.ValueOf(into).Elem()
	list := parameters(v.Type())
	for _, name := range slices.Sorted(maps.Keys(values)) {
		i := slices.IndexFunc(list, func(p parameter) bool { return p.name == name })
		if i < 0 {
			return fault.New(fault.Invalid, "parameter %q: unknown%s", name, suggest(name, list))
		}
		field := v.Field(list[i].index)
		if field.Kind() == reflect.Slice {
			if err := decodeList(field, values[name], now); err != nil {
				return fault.New(fault.Invalid, "parameter %q: %w", name, err)
			}
			continue
		}
		if len(values[name]) > 1 {
			return fault.New(fault.Invalid, "parameter %q: given %d times, want once", name, len(values[name]))
		}
		if err := decodeValue(field, values[name][0], now); err != nil {
			return fault.New(fault.Invalid, "parameter %q: %w", name, err)
		}
	}
	return nil
}

func decodeList(field reflect.Value, texts []string, now time.Time) error {
	list := reflect.MakeSlice(field.Type(), len(texts), len(texts))
	for i, text := range texts {
		if err := decodeValue(list.Index(i), text, now); err != nil {
			return err
		}
	}
	field.Set(list)
	return nil
}

func suggest(name string, list []parameter) string {
	names := make([]string, len(list))
	for i, p := range list {
		names[i] = p.name
	}
	if near := event.Nearest(name, names); near != "" {
		return " (did you mean " + near + "?)"
	}
	return ""
}

func decodeValue(field reflect.Value, text string, now time.Time) error {
	switch {
	case field.Type() == timeType:
		if text == "" {
			return nil
		}
		t, err := api.ParseTime(text, now)
		field.Set(reflect.ValueOf(t))
		return err
	case field.Type() == durationType:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			var d time.Duration
			d, err = api.ParseDuration(text)
			n = int64(d)
		}
		field.SetInt(n)
		return err
	case field.Kind() == reflect.String:
		field.SetString(text)
		return nil
	case field.Kind() == reflect.Bool:
		yes, err := strconv.ParseBool(text)
		if text == "" { // "?oldest" alone
			yes, err = true, nil
		}
		field.SetBool(yes)
		return wrongValue(err, text, "true or false")
	default:
		n, err := strconv.ParseInt(text, 10, field.Type().Bits())
		field.SetInt(n)
		return wrongValue(err, text, "a whole number")
	}
}

func wrongValue(err error, text, want string) error {
	if err == nil {
		return nil
	}
	return fault.New(fault.Invalid, "got %q, want %s", text, want)
}

// encodeQuery is the inverse of decodeQuery; zero fields are left out.
func encodeQuery(from any) url.Values {
	values := url.Values{}
	v := reflect.ValueOf(from)
	for _, p := range parameters(v.Type()) {
		field := v.Field(p.index)
		if field.IsZero() {
			continue
		}
		switch x := field.Interface().(type) {
		case time.Time:
			values.Set(p.name, x.Format(time.RFC3339Nano))
		case time.Duration:
			values.Set(p.name, strconv.FormatInt(int64(x), 10))
		case []string:
			values[p.name] = x
		case []int64:
			for _, n := range x {
				values.Add(p.name, strconv.FormatInt(n, 10))
			}
		case string:
			values.Set(p.name, x)
		case bool:
			values.Set(p.name, "true")
		default:
			values.Set(p.name, strconv.FormatInt(field.Int(), 10))
		}
	}
	return values
}
