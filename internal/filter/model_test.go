package filter

import (
	"bytes"
	"math/big"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/internal/event"
)

// The model reads the truth table of the language row by row and value by value, with none of the code under test: a row
// is a map of names to values, and every condition is a closure beside its spelling.

type modelRow map[string][]modelValue // several values where a row has a label twice; the last one counts

type modelValue struct {
	text string
	num  *big.Rat
	addr netip.Addr
	flag bool
}

// A condition is a spelling and what it means.
type condition struct {
	text  string
	holds func(modelRow) bool
}

var views = map[string][]string{
	"related.ip":   {"source.ip", "destination.ip", "host.ip"},
	"related.port": {"source.port", "destination.port"},
	"related.mac":  {"host.mac", "source.mac", "destination.mac"},
}

// values returns what a name stands for in a row: none where it is missing, several for a view.
func (r modelRow) values(name string) []modelValue {
	if members, ok := views[name]; ok {
		var all []modelValue
		for _, m := range members {
			all = append(all, r.values(m)...)
		}
		return all
	}
	if inner, ok := strings.CutPrefix(name, "num("); ok {
		var nums []modelValue
		for _, v := range r.values(strings.TrimSuffix(inner, ")")) {
			if n := modelNumber(v.text); n != nil {
				nums = append(nums, modelValue{num: n})
			}
		}
		return nums
	}
	if list := r[name]; len(list) > 0 {
		return list[len(list)-1:]
	}
	return nil
}

var decimal = regexp.MustCompile(`^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$`)
var integer = regexp.MustCompile(`^[+-]?[0-9]+$`)

func modelNumber(s string) *big.Rat {
	if len(s) > 64 || !decimal.MatchString(s) {
		return nil
	}
	if integer.MatchString(s) {
		n, _ := new(big.Int).SetString(strings.TrimPrefix(s, "+"), 10)
		if n.IsInt64() || n.IsUint64() {
			return new(big.Rat).SetInt(n)
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return nil
	}
	return new(big.Rat).SetFloat64(f)
}

// anyOf makes a condition that holds if any value of the name does.
func anyOf(name, text string, holds func(modelValue) bool) condition {
	return condition{text, func(r modelRow) bool {
		for _, v := range r.values(name) {
			if holds(v) {
				return true
			}
		}
		return false
	}}
}

func opposite(c condition, text string) condition {
	return condition{text, func(r modelRow) bool { return !c.holds(r) }}
}

func ordered(word string, order int) bool {
	switch word {
	case "==":
		return order == 0
	case "!=":
		return order != 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	default:
		return order >= 0
	}
}

// chars cuts a text into characters; a byte that is no UTF-8 is one of its own.
func chars(s string) []string {
	var list []string
	for len(s) > 0 {
		_, n := utf8.DecodeRuneInString(s)
		list = append(list, s[:n])
		s = s[n:]
	}
	return list
}

// sameChar compares two characters, regardless of case when fold is set.
func sameChar(a, b string, fold bool) bool {
	if a == b {
		return true
	}
	return fold && utf8.ValidString(a) && utf8.ValidString(b) && strings.EqualFold(a, b)
}

func modelIncludes(s, sub string, fold bool) bool {
	a, b := chars(s), chars(sub)
	for i := 0; i+len(b) <= len(a); i++ {
		same := true
		for j := range b {
			same = same && sameChar(a[i+j], b[j], fold)
		}
		if same {
			return true
		}
	}
	return false
}

func modelSame(a, b string) bool {
	return len(chars(a)) == len(chars(b)) && modelIncludes(a, b, true)
}

// modelLike tries all ways to cover s by the pattern.
func modelLike(s, pattern string, fold bool) bool {
	var cover func(s, p []string) bool
	cover = func(s, p []string) bool {
		switch {
		case len(p) == 0:
			return len(s) == 0
		case p[0] == "%":
			return cover(s, p[1:]) || len(s) > 0 && cover(s[1:], p)
		case len(s) == 0:
			return false
		case p[0] == "_":
			return cover(s[1:], p[1:])
		case p[0] == `\` && len(p) > 1:
			return sameChar(s[0], p[1], fold) && cover(s[1:], p[2:])
		default:
			return sameChar(s[0], p[0], fold) && cover(s[1:], p[1:])
		}
	}
	return cover(chars(s), chars(pattern))
}

// rowOf reads a row of a batch for the model.
func rowOf(b *event.Batch, row int) modelRow {
	r := modelRow{}
	for _, c := range b.Columns() {
		v, ok := c.Value(row)
		if !ok {
			continue
		}
		var m modelValue
		switch c.Field.Type {
		case event.String:
			m.text = string(c.Str(v))
		case event.IP:
			m.addr = c.Addr(v)
		case event.Bool:
			m.flag = c.Bool(v)
		case event.Uint:
			m.num = new(big.Rat).SetInt(new(big.Int).SetUint64(c.Uint(v)))
		default:
			m.num = new(big.Rat).SetInt64(c.Int(v))
		}
		r[c.Field.Name] = []modelValue{m}
	}
	from, to := b.Labels.Of(row)
	for e := from; e < to; e++ {
		name := "labels." + string(b.Labels.Names.At(int(b.Labels.Keys[e])))
		r[name] = append(r[name], modelValue{text: string(b.Labels.Vals.At(e))})
	}
	return r
}

// coded returns the same batch with every column dictionary-coded, as a reader of the history may hand it out. Values
// that no row has stay in the dictionary.
func coded(b *event.Batch) *event.Batch {
	var columns []event.Column
	for _, c := range b.Columns() {
		if c.Codes != nil {
			columns = append(columns, c)
			continue
		}
		d := event.Column{Field: c.Field, Codes: make([]uint32, b.Rows)}
		d.Nums, d.IPs = []int64{7}, [][16]byte{{15: 7}}
		d.Strs.Append([]byte("no value"))
		seen := map[string]uint32{}
		for row := range b.Rows {
			v, ok := c.Value(row)
			if !ok {
				continue
			}
			key := string(c.AppendValueText(nil, v))
			if seen[key] == 0 {
				switch c.Field.Type {
				case event.String:
					d.Strs.Append(c.Str(v))
				case event.IP:
					d.IPs = append(d.IPs, c.IP(v))
				default:
					d.Nums = append(d.Nums, c.Nums[v])
				}
				seen[key] = uint32(len(seen) + 1)
			}
			d.Codes[row] = seen[key]
		}
		switch c.Field.Type {
		case event.String:
			d.Nums, d.IPs = nil, nil
		case event.IP:
			d.Nums, d.Strs = nil, event.Strings{}
		default:
			d.IPs, d.Strs = nil, event.Strings{}
		}
		columns = append(columns, d)
	}
	return event.NewBatch(b.Kind, b.Rows, columns, b.Labels)
}

// meets reports whether a row meets a need, by the words of Need's documentation.
func meets(r modelRow, n *Need) bool {
	name := "labels." + n.Label
	typ := event.String
	if n.Field != 0 {
		f, _ := event.FieldByID(n.Field)
		name, typ = f.Name, f.Type
	}
	for _, v := range r.values(name) {
		if meetsValue(v, typ, n) {
			return true
		}
	}
	return false
}

func meetsValue(v modelValue, typ event.Type, n *Need) bool {
	for _, want := range n.Values {
		var have []byte
		switch typ {
		case event.String:
			have = []byte(v.text)
		case event.IP:
			a := v.addr.As16()
			have = a[:]
		case event.Uint:
			have = constant{typ: typ, bits: v.num.Num().Uint64()}.key()
		default:
			have = constant{typ: typ, bits: uint64(v.num.Num().Int64())}.key()
		}
		if bytes.Equal(have, want) {
			return true
		}
	}
	if n.Range {
		low := n.Low == -1<<63 || v.num.Cmp(new(big.Rat).SetInt64(n.Low)) >= 0
		high := n.High == 1<<63-1 || v.num.Cmp(new(big.Rat).SetInt64(n.High)) <= 0
		return low && high
	}
	for _, part := range n.Contains {
		if strings.Contains(v.text, string(part)) {
			return true
		}
	}
	for _, p := range n.Prefixes {
		if p.Contains(v.addr) {
			return true
		}
	}
	return false
}

func quoted(s string) string { return string(appendQuoted(nil, s)) }

func instant(ns int64) string { return time.Unix(0, ns).UTC().Format(time.RFC3339Nano) }
