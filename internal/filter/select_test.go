package filter

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tocsin/internal/event"
)

var (
	textPool = []string{"", "a", "A", "root", "Root", "rooted", "Failed password for root", "failed", "50% off", "a_b", "axb", "é", "É", "straße", "STRASSE", "K", "k", "\u212a", "\xff\xfe", "a\xffb", "x\x00y", "s", "ſ", "00-1A", "password", "pass_word", "日本語"}
	likePool = []string{"%", "", "_", "a_b", `a\_b`, "%root%", "r%t", "%r__t", "R%", `50\% off`, "%a%b%", "__", "é", "%ß_", "%%", `\`, "_%_", "%日_語", "f%d", "%k%"}
	rePool   = []string{"root", "^r", "t$", "[a-z]+_[a-z]+", "(?i)failed", "pass(word)?", "a.b", "", "x*", "fo{2,5}", "(Failed|failed) pass", "é|ß", `\x00`, "^.$"}
	addrPool = []string{"10.0.0.1", "10.0.0.2", "10.255.0.1", "11.0.0.1", "192.0.2.1", "::ffff:10.0.0.1", "2001:db8::1", "2001:db8::2", "::1", "::", "fe80::1", "255.255.255.255", "0.0.0.0"}
	netPool  = []string{"10.0.0.0/8", "10.0.0.0/24", "10.0.0.1", "0.0.0.0/0", "::/0", "2001:db8::/32", "::ffff:10.0.0.0/104", "::ffff:0:0/96", "::/80", "192.0.2.0/31", "2001:db8::1/128", "255.255.255.255/32"}
	macPool  = []string{"00-1A-2B-3C-4D-5E", "00-1A-2B-00-00-00", "AA-BB-CC-DD-EE-FF"}
	intPool  = []int64{0, 1, -1, 22, 80, 443, 65535, 1 << 53, 1<<53 + 1, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1, 1000}
	uintPool = []uint64{0, 1, 22, 1 << 53, 1<<53 + 1, math.MaxInt64, math.MaxInt64 + 1, math.MaxUint64, math.MaxUint64 - 1, 1000}
	numPool  = []string{"0", "1", "-1", "22", "22.5", "0.5", "-0.5", "9007199254740993", "9007199254740992.0", "18446744073709551615", "18446744073709551616.0", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "1e300", "-1e300", "80", "443", "1000", "999.999"}
	spelled  = []string{"", "1", "-1", "22", "22.50", "+1", "1e2", "abc", "0x10", "NaN", "inf", "1_000", " 1", "18446744073709551615", "18446744073709551616", "-9223372036854775809", "1e999", ".5", "5.", ".", "--1", "1-1", "0.5", "9007199254740993"}
	timePool = []int64{0, 1, -1, 1767366245000000000, 1767366245000000001, -9000000000000000000, 9000000000000000000}
)

var textNames = []string{"user.name", "message", "host.mac", "labels.a", `labels["b c"]`, "related.mac", "source.mac"}
var intNames = []string{"source.port", "destination.port", "related.port", "network.bytes", "event.duration", "num(labels.a)", `num(labels["b c"])`}
var addrNames = []string{"source.ip", "destination.ip", "related.ip"}
var timeNames = []string{"event.start", "@timestamp", "time"}

// plainName is the name under which the model keeps what a spelling names.
func plainName(spelling string) string {
	switch spelling {
	case "time":
		return "@timestamp"
	}
	spelling = strings.ReplaceAll(spelling, `labels["b c"]`, "labels.b c")
	return spelling
}

// A chooser makes all choices of a case from one number, evenly: rapid itself prefers small ones, which would seldom fill
// the tables that many rules share.
type chooser struct{ *rand.Rand }

func pick[T any](t chooser, pool []T) T { return pool[t.IntN(len(pool))] }

func (t chooser) bool() bool { return t.IntN(2) == 0 }

func drawBatch(t chooser, rows int) *event.Batch {
	b := event.NewBuilder(event.Log)
	next := t.IntN
	some := func() bool { return next(4) != 0 }
	uses := t.Uint32()
	on := func(bit int) bool { return uses>>bit&1 != 0 && some() }
	for range rows {
		if on(0) {
			b.Text(event.UserName, textPool[next(len(textPool))])
		}
		if on(1) {
			b.Text(event.Message, textPool[next(len(textPool))]+textPool[next(len(textPool))])
		}
		for bit, id := range []event.FieldID{event.SourceIP, event.DestinationIP, event.HostIP} {
			if on(2 + bit) {
				b.Addr(id, netip.MustParseAddr(addrPool[next(len(addrPool))]))
			}
		}
		for bit, id := range []event.FieldID{event.SourcePort, event.DestinationPort, event.EventDuration} {
			if on(5 + bit) {
				b.Int(id, intPool[next(len(intPool))])
			}
		}
		for bit, id := range []event.FieldID{event.HostMAC, event.SourceMAC} {
			if on(8 + bit) {
				b.Text(id, macPool[next(len(macPool))])
			}
		}
		if uses>>10&1 != 0 { // sometimes a full column
			b.Uint(event.NetworkBytes, uintPool[next(len(uintPool))])
		}
		if on(11) {
			b.Bool(event.TLSUsed, next(2) == 0)
		}
		if on(12) {
			b.Time(event.EventStart, timePool[next(len(timePool))])
		}
		if on(13) {
			b.Time(event.Timestamp, timePool[next(len(timePool))])
		}
		if uses>>14&1 != 0 {
			for range next(4) {
				b.Label([]byte([]string{"a", "b c", "other"}[next(3)]), []byte(slices.Concat(textPool, spelled)[next(len(textPool)+len(spelled))]))
			}
		}
		b.Next()
	}
	return b.Batch()
}

func drawCondition(t chooser, depth int) condition {
	n := 9
	if depth <= 0 {
		n = 6
	}
	switch t.IntN(n + 1) {
	case 0, 1:
		return drawText(t)
	case 2, 3:
		return drawNumber(t)
	case 4:
		return drawAddress(t)
	case 5:
		return drawOther(t)
	case 6:
		return drawPair(t)
	case 7:
		c := drawCondition(t, depth-1)
		return opposite(c, pick(t, []string{"!", "not "})+"("+c.text+")")
	default:
		a, b := drawCondition(t, depth-1), drawCondition(t, depth-1)
		if t.bool() {
			return condition{"(" + a.text + pick(t, []string{") && (", ") and ("}) + b.text + ")", func(r modelRow) bool { return a.holds(r) && b.holds(r) }}
		}
		return condition{"(" + a.text + pick(t, []string{") || (", ") or ("}) + b.text + ")", func(r modelRow) bool { return a.holds(r) || b.holds(r) }}
	}
}

func drawText(t chooser) condition {
	name := pick(t, textNames)
	key, c := plainName(name), pick(t, textPool)
	if strings.HasSuffix(name, ".mac") {
		c = pick(t, macPool)
	}
	switch pick(t, []string{"==", "!=", "<", ">=", "contains", "not contains", "startsWith", "endsWith", "matches", "not matches", "ieq", "icontains", "like", "ilike", "in", "not in"}) {
	case "==":
		return anyOf(key, name+" == "+quoted(c), func(v modelValue) bool { return v.text == c })
	case "!=":
		return opposite(anyOf(key, "", func(v modelValue) bool { return v.text == c }), quoted(c)+" != "+name)
	case "<":
		return anyOf(key, name+" < "+quoted(c), func(v modelValue) bool { return v.text < c })
	case ">=":
		return anyOf(key, name+" >= "+quoted(c), func(v modelValue) bool { return v.text >= c })
	case "contains":
		return anyOf(key, name+" contains "+quoted(c), func(v modelValue) bool { return strings.Contains(v.text, c) })
	case "not contains":
		return opposite(anyOf(key, "", func(v modelValue) bool { return strings.Contains(v.text, c) }), name+" not contains "+quoted(c))
	case "startsWith":
		return anyOf(key, name+" startsWith "+quoted(c), func(v modelValue) bool { return strings.HasPrefix(v.text, c) })
	case "endsWith":
		return anyOf(key, name+" endsWith "+quoted(c), func(v modelValue) bool { return strings.HasSuffix(v.text, c) })
	case "matches", "not matches":
		re := pick(t, rePool)
		m := anyOf(key, name+" matches "+quoted(re), func(v modelValue) bool { return regexp.MustCompile(re).MatchString(v.text) })
		if t.bool() {
			return opposite(m, name+" not matches "+quoted(re))
		}
		return m
	case "ieq":
		return anyOf(key, fmt.Sprintf("ieq(%s, %s)", name, quoted(c)), func(v modelValue) bool { return modelSame(v.text, c) })
	case "icontains":
		return anyOf(key, fmt.Sprintf("icontains(%s, %s)", name, quoted(c)), func(v modelValue) bool { return modelIncludes(v.text, c, true) })
	case "like":
		p := pick(t, likePool)
		return anyOf(key, fmt.Sprintf("like(%s, %s)", name, quoted(p)), func(v modelValue) bool { return modelLike(v.text, p, false) })
	case "ilike":
		p := pick(t, likePool)
		return anyOf(key, fmt.Sprintf("ilike(%s, %s)", name, quoted(p)), func(v modelValue) bool { return modelLike(v.text, p, true) })
	}
	list := []string{c}
	for range t.IntN(6) {
		if !strings.HasSuffix(name, ".mac") {
			list = append(list, pick(t, textPool))
		}
	}
	var spelling []string
	for _, s := range list {
		spelling = append(spelling, quoted(s))
	}
	in := anyOf(key, name+" in ["+strings.Join(spelling, ",")+"]", func(v modelValue) bool { return slices.Contains(list, v.text) })
	if t.bool() {
		return opposite(in, name+" not in ["+strings.Join(spelling, ",")+"]")
	}
	return in
}

func drawNumber(t chooser) condition {
	name, word, num := pick(t, intNames), pick(t, []string{"==", "!=", "<", "<=", ">", ">="}), pick(t, numPool)
	c, _ := new(big.Rat).SetString(num)
	if strings.ContainsAny(num, ".e") { // what a float literal stands for
		f, _ := strconv.ParseFloat(num, 64)
		c.SetFloat64(f)
	}
	key := plainName(name)
	switch t.IntN(4) {
	case 0:
		d := pick(t, intPool)
		return anyOf(key, fmt.Sprintf("%s in [%s, %d, %s]", name, num, d, num), func(v modelValue) bool {
			return v.num.Cmp(c) == 0 || v.num.Cmp(new(big.Rat).SetInt64(d)) == 0
		})
	case 1:
		mirrored := map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}[word]
		if word == "!=" {
			return opposite(anyOf(key, "", func(v modelValue) bool { return v.num.Cmp(c) == 0 }), num+" != "+name)
		}
		return anyOf(key, num+" "+mirrored+" "+name, func(v modelValue) bool { return ordered(word, v.num.Cmp(c)) })
	}
	if word == "!=" {
		return opposite(anyOf(key, "", func(v modelValue) bool { return v.num.Cmp(c) == 0 }), name+" != "+num)
	}
	return anyOf(key, name+" "+word+" "+num, func(v modelValue) bool { return ordered(word, v.num.Cmp(c)) })
}

// inNet reads the truth table: a network of IPv6 never holds an IPv4 address.
func inNet(a netip.Addr, text string) bool {
	if !strings.Contains(text, "/") {
		return a == netip.MustParseAddr(text).Unmap()
	}
	p := netip.MustParsePrefix(text)
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Contains(a)
}

func drawAddress(t chooser) condition {
	name := pick(t, addrNames)
	var list, spelling []string
	cidr := t.bool()
	for range 1 + t.IntN(6) {
		if cidr {
			list = append(list, pick(t, netPool))
		} else {
			list = append(list, pick(t, addrPool))
		}
		spelling = append(spelling, quoted(list[len(list)-1]))
	}
	holds := func(v modelValue) bool {
		return slices.ContainsFunc(list, func(s string) bool { return inNet(v.addr, s) })
	}
	text := "[" + strings.Join(spelling, ", ") + "]"
	if cidr {
		text = "cidr(" + strings.Join(spelling, ", ") + ")"
	}
	switch {
	case t.bool():
		return opposite(anyOf(name, "", holds), name+" not in "+text)
	case len(list) == 1 && !cidr:
		return anyOf(name, name+" == "+spelling[0], holds)
	}
	return anyOf(name, name+" in "+text, holds)
}

func drawOther(t chooser) condition {
	switch t.IntN(5) {
	case 0:
		name := pick(t, slices.Concat(textNames, intNames, addrNames, timeNames))
		return anyOf(plainName(name), "has("+name+")", func(modelValue) bool { return true })
	case 1:
		return anyOf("tls.established", pick(t, []string{"tls.established", "tls.established == true"}), func(v modelValue) bool { return v.flag })
	case 2:
		return anyOf("tls.established", "tls.established == false", func(v modelValue) bool { return !v.flag })
	case 3:
		b := t.bool()
		return condition{strconv.FormatBool(b), func(modelRow) bool { return b }}
	}
	name, word, ns := pick(t, timeNames), pick(t, []string{"==", "<", "<=", ">", ">="}), pick(t, timePool)
	form := pick(t, []string{`date("%s")`, `"%s"`})
	return anyOf(plainName(name), name+" "+word+" "+fmt.Sprintf(form, instant(ns)), func(v modelValue) bool {
		return ordered(word, v.num.Cmp(new(big.Rat).SetInt64(ns)))
	})
}

func drawPair(t chooser) condition {
	group := t.IntN(4)
	names := [][]string{textNames, intNames, addrNames, timeNames}[group]
	a, b := pick(t, names), pick(t, names)
	word := pick(t, []string{"==", "!=", "<", "<=", ">", ">="})
	if group == 2 {
		word = pick(t, []string{"==", "!="})
	}
	asks := word
	if word == "!=" {
		asks = "=="
	}
	holds := func(r modelRow) bool {
		for _, x := range r.values(plainName(a)) {
			for _, y := range r.values(plainName(b)) {
				order := strings.Compare(x.text, y.text)
				switch group {
				case 1, 3:
					order = x.num.Cmp(y.num)
				case 2:
					order = x.addr.Compare(y.addr)
				}
				if ordered(asks, order) {
					return true
				}
			}
		}
		return false
	}
	return condition{a + " " + word + " " + b, func(r modelRow) bool { return holds(r) != (word == "!=") }}
}

// TestSelectIsModel draws batches and filters and compares Select, one by one and all together, on both forms of columns,
// with the model; and checks that what is selected meets the needs.
func TestSelectIsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := chooser{rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))}
		rules, rows := pick(c, []int{1, 1, 2, 12}), pick(c, []int{0, 1, 3, 63, 64, 65, 200})
		switch c.IntN(8) {
		case 0:
			rules = 100
		case 1:
			rows = pick(c, []int{4095, 4096, 4097, 9000})
		}
		batches := []*event.Batch{drawBatch(c, rows), drawBatch(c, rows/2)}
		var conds []condition
		var exprs []*Expr
		for range rules {
			c := drawCondition(c, 3)
			e, err := Parse(c.text)
			if err != nil {
				t.Fatalf("Parse(%s): %v", c.text, err)
			}
			again, err := Parse(e.String())
			if err != nil || !reflect.DeepEqual(stripped(e), stripped(again)) {
				t.Fatalf("Parse(%s) spells %s, which reads as %v, %v", c.text, e, again, err)
			}
			conds, exprs = append(conds, c), append(exprs, e)
		}
		set := NewSet(exprs).Clone()
		filters := make([]*Filter, len(exprs))
		for i, e := range exprs {
			filters[i] = Compile(e)
		}
		for _, b := range batches {
			rows := make([]modelRow, b.Rows)
			for i := range rows {
				rows[i] = rowOf(b, i)
			}
			for form, b := range map[string]*event.Batch{"plain": b, "coded": coded(b)} {
				got := make([][]int32, len(exprs))
				last := -1
				set.Select(b, func(i int, rows []int32) {
					if i <= last || len(rows) == 0 {
						t.Fatalf("Set.Select calls for filter %d after %d with %d rows", i, last, len(rows))
					}
					last, got[i] = i, slices.Clone(rows)
				})
				for i, c := range conds {
					checkSelection(t, form, c, exprs[i], rows, filters[i].Select(b, nil), got[i])
				}
			}
		}
	})
}

func checkSelection(t *rapid.T, form string, c condition, e *Expr, rows []modelRow, alone, together []int32) {
	var want []int32
	needs := e.Needs()
	for i, r := range rows {
		if !c.holds(r) {
			continue
		}
		want = append(want, int32(i))
		for _, n := range needs {
			if !meets(r, &n) {
				t.Fatalf("%s selects %v, which does not meet %+v", c.text, r, n)
			}
		}
	}
	if !slices.Equal(alone, want) {
		t.Fatalf("%s on %s columns: Select gives %v rows, want %v; first difference at %v", c.text, form, len(alone), len(want), difference(rows, alone, want))
	}
	if !slices.Equal(together, want) {
		t.Fatalf("%s on %s columns: Set.Select gives %v rows, want %v; first difference at %v", c.text, form, len(together), len(want), difference(rows, together, want))
	}
}

func difference(rows []modelRow, got, want []int32) string {
	for i, r := range rows {
		if slices.Contains(got, int32(i)) != slices.Contains(want, int32(i)) {
			return fmt.Sprintf("row %d: %v", i, r)
		}
	}
	return "none"
}

// stripped is the tree without what does not compare.
func stripped(e *Expr) any {
	var walk func(n *node) []any
	walk = func(n *node) []any {
		out := []any{n.kind}
		if n.test != nil {
			t := *n.test
			t.regex = nil
			out = append(out, t)
		}
		for _, kid := range n.kids {
			out = append(out, walk(kid))
		}
		return out
	}
	return walk(e.root)
}
