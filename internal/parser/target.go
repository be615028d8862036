package parser

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"tocsin/internal/event"
)

// A Target is where a value that a record names goes: to a field of the schema, to a label, or nowhere.
type Target struct {
	Field *event.Field // nil: a label
	Label []byte       // name of the label; nil: the sender's own
	Drop  bool
}

// Drop is the word for what is left out, on the right side of a field mapping.
const Drop = "drop"

// ParseTarget reads the right side of a field mapping: a field of the schema, labels.NAME, or drop.
func ParseTarget(ours string) (Target, error) {
	if ours == Drop {
		return Target{Drop: true}, nil
	}
	if name, ok := strings.CutPrefix(ours, "labels."); ok && name != "" {
		return Target{Label: []byte(name)}, nil
	}
	f, ok := event.FieldByName(ours)
	switch {
	case !ok:
		return Target{}, fmt.Errorf("got %q, want a field, labels.NAME or drop%s", ours, event.Suggestion(ours))
	case len(f.Any) > 0:
		return Target{}, fmt.Errorf("got %q, which stands for several fields, want one of them", ours)
	case f.ID == event.Ingested || strings.HasPrefix(f.Name, "tocsin."):
		return Target{}, fmt.Errorf("got %q, which tocsin writes itself, want another", ours)
	}
	return Target{Field: f}, nil
}

// Fill sets a field of any type but Time from the text of a value; false when the text is no value of that type.
//
// Addresses are read as by Address. Whole numbers may be written as 200, 200.0 or 2e2, truth as true, yes, 1 and their
// opposites.
func Fill(b *event.Builder, f *event.Field, v []byte) bool {
	switch f.Type {
	case event.String:
		b.Str(f.ID, v)
		return true
	case event.IP:
		addr, ok := Address(v)
		if ok {
			b.IP(f.ID, addr)
		}
		return ok
	case event.Bool:
		return fillBool(b, f.ID, v)
	case event.Uint:
		n, ok := unsigned(v)
		if ok {
			b.Uint(f.ID, n)
		}
		return ok
	case event.Int:
		n, ok := signed(v)
		if ok {
			b.Int(f.ID, n)
		}
		return ok
	case event.Float:
		x, ok := Number(v)
		if ok {
			b.Float(f.ID, x)
		}
		return ok
	default:
		return false
	}
}

func fillBool(b *event.Builder, id event.FieldID, v []byte) bool {
	switch string(v) {
	case "true", "True", "TRUE", "1", "yes":
		b.Bool(id, true)
	case "false", "False", "FALSE", "0", "no":
		b.Bool(id, false)
	default:
		return false
	}
	return true
}

// signed reads a whole number, also one written with a fraction of zero or an exponent, if an int64 holds it.
func signed(v []byte) (int64, bool) {
	if len(v) > 0 && v[0] == '-' {
		n, ok := unsigned(v[1:])
		if !ok || n > 1<<63 {
			return 0, false
		}
		return -int64(n), true
	}
	n, ok := unsigned(v)
	return int64(n), ok && n <= math.MaxInt64
}

func unsigned(v []byte) (uint64, bool) {
	n := uint64(0)
	for i, c := range v {
		d := uint64(c - '0')
		if d > 9 {
			return wholeFloat(v, i)
		}
		if n > (math.MaxUint64-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, len(v) > 0
}

// wholeFloat reads 200.0 and 2e2; i is the place of the first byte that is no digit.
func wholeFloat(v []byte, i int) (uint64, bool) {
	if i == 0 || v[i] != '.' && v[i]|0x20 != 'e' {
		return 0, false
	}
	x, ok := Number(v)
	if !ok || x < 0 || x > 1<<53 || x != math.Trunc(x) {
		return 0, false
	}
	return uint64(x), true
}

// maxNumber is longer than any number that means something.
const maxNumber = 64

// Number reads a decimal number with or without a fraction and an exponent, of 64 bytes at most. Words such as NaN are none.
func Number(v []byte) (float64, bool) {
	if len(v) == 0 || len(v) > maxNumber || v[0] == '+' {
		return 0, false
	}
	for _, c := range v {
		if c-'0' > 9 && c != '-' && c != '+' && c != '.' && c|0x20 != 'e' {
			return 0, false
		}
	}
	x, err := strconv.ParseFloat(string(v), 64)
	return x, err == nil
}
