package document

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
)

// refine says more exactly what is wrong, where the error knows.
func (m *Mistake) refine(err error) {
	if at := new(located); errors.As(err, &at) && at.cause == nil {
		m.Got, m.Want = at.got, at.want
		return
	}
	m.Text = err.Error()
}

// wantOf says what texts a type takes.
func wantOf(v reflect.Value) string {
	switch {
	case v.Type() == durationType:
		return "a duration with its unit, as in 30s, 10m, 1h30m or 7d"
	case v.Type() == reflect.TypeFor[Size]():
		return "a size with its unit, as in 64KiB or 4GiB"
	}
	switch v.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number, 0 or more"
	case reflect.Float32, reflect.Float64:
		return "a number"
	}
	return "a text"
}

// setText sets a plain value from its text. The error says what is wrong, or is a *located without a key.
func setText(v reflect.Value, text string) error {
	if v.Type() == durationType {
		duration, err := ParseDuration(text)
		if err != nil {
			return &located{got: strconv.Quote(shorten(text)), want: wantOf(v)}
		}
		v.SetInt(int64(duration))
		return nil
	}
	if v.CanAddr() && v.Addr().Type().Implements(textType) {
		return v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text))
	}
	bad := &located{got: strconv.Quote(shorten(text)), want: wantOf(v)}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		switch text {
		case "true", "True", "TRUE":
			v.SetBool(true)
		case "false", "False", "FALSE":
			v.SetBool(false)
		default:
			return bad
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return setInt(v, text, bad)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(text, 0, 64)
		if err != nil {
			return bad
		}
		if v.OverflowUint(n) {
			return &located{got: text, want: fmt.Sprintf("%d or less", uint64(math.MaxUint64)>>(64-v.Type().Bits()))}
		}
		v.SetUint(n)
	case reflect.Float32, reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) || v.OverflowFloat(f) {
			return bad
		}
		v.SetFloat(f)
	default:
		panic(fmt.Sprintf("document: a %v cannot be read", v.Type()))
	}
	return nil
}

func setInt(v reflect.Value, text string, bad error) error {
	n, err := strconv.ParseInt(text, 0, 64)
	if err != nil {
		return bad
	}
	if v.OverflowInt(n) {
		limit := int64(math.MaxInt64) >> (64 - v.Type().Bits())
		return &located{got: text, want: fmt.Sprintf("%d to %d", -limit-1, limit)}
	}
	v.SetInt(n)
	return nil
}
