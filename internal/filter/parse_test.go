package filter

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/event"
	"tocsin/internal/fault"
)

func TestSpelling(t *testing.T) {
	for text, want := range map[string]string{
		``:                             `true`,
		" \n\t":                        `true`,
		`true`:                         `true`,
		`not false`:                    `true`,
		`user.name == "root" and true`: `user.name == "root"`,
		`has(user.name) or true`:       `true`,
		`"root" == user.name`:          `user.name == "root"`,
		`user.name in ["root"]`:        `user.name == "root"`,
		`user.name in ['b', "a", 'b']`: `user.name in ["b", "a"]`,
		`user.name in []`:              `false`,
		`user.name not in []`:          `true`,
		`!(user.name in ["a","b"])`:    `user.name not in ["a", "b"]`,
		`!(!(has(user.name)))`:         `has(user.name)`,
		`time > "2026-01-02"`:          `@timestamp > date("2026-01-02T00:00:00Z")`,
		`@timestamp<=date("2026-01-02T15:04:05.5+01:00")`:                       `@timestamp <= date("2026-01-02T14:04:05.5Z")`,
		`source.ip == "::ffff:10.0.0.1"`:                                        `source.ip == "10.0.0.1"`,
		`source.ip in cidr("10.1.2.3/8", "::ffff:10.0.0.0/104")`:                `source.ip in cidr("10.0.0.0/8")`,
		`source.ip in cidr("2001:DB8::1")`:                                      `source.ip in cidr("2001:db8::1/128")`,
		`host.mac == "00:1a:2b:3c:4d:5e"`:                                       `host.mac == "00-1A-2B-3C-4D-5E"`,
		`related.mac startsWith "00:1a"`:                                        `related.mac startsWith "00-1A"`,
		`network.bytes == 18446744073709551615`:                                 `network.bytes == 18446744073709551615`,
		`network.bytes < 0xffffffffffffffff`:                                    `network.bytes < 18446744073709551615`,
		`network.bytes > -9223372036854775808`:                                  `network.bytes > -9223372036854775808`,
		`network.bytes > 1_000`:                                                 `network.bytes > 1000`,
		`network.bytes > 1e3`:                                                   `network.bytes > 1000`,
		`network.bytes > 0.5`:                                                   `network.bytes > 0.5`,
		`network.bytes > 1e300`:                                                 `network.bytes > 1e+300`,
		`event.duration > duration("1.5s")`:                                     `event.duration > 1500000000`,
		`10 < source.port < 100`:                                                `source.port > 10 && source.port < 100`,
		`tls.established`:                                                       `tls.established == true`,
		`labels["a"].b == 'x'`:                                                  `labels.a.b == "x"`,
		`labels["a b"] == "x"`:                                                  `labels["a b"] == "x"`,
		`labels["not"] == "x"`:                                                  `labels["not"] == "x"`,
		`num(labels.size) >= 10`:                                                `num(labels.size) >= 10`,
		`user.name == "a\u00e9\n\"\\" || message == b"\xff\x00"`:                `user.name == "aé\n\"\\" || message == b"\xff\x00"`,
		"message contains `a\"b`":                                               `message contains "a\"b"`,
		`(has(user.name) || has(message)) && (has(host.name) && !has(host.ip))`: `(has(user.name) || has(message)) && has(host.name) && !(has(host.ip))`,
		"has(user.name) // a comment with ( and \" \n && has(message) /* and 'another */": `has(user.name) && has(message)`,
		`severity == "x"`: `log.level == "x"`,
	} {
		e, err := Parse(text)
		if err != nil {
			t.Errorf("Parse(%s): %v", text, err)
			continue
		}
		if got := e.String(); got != want {
			t.Errorf("Parse(%s) spells %s, want %s", text, got, want)
		}
	}
}

func TestMistakes(t *testing.T) {
	long := strings.Repeat("(", maxBrackets+1)
	for text, want := range map[string]struct {
		line, column int
		says         string // part of the whole message
	}{
		`user.nam == "x"`:                        {1, 1, "did you mean user.name?"},
		"has(user.name) &&\n  sorce.ip == \"x\"": {2, 3, "did you mean source.ip?"},
		`user.name = "x"`:                        {1, 11, "equality is =="},
		`user.name == 5`:                         {1, 14, "a text stands in quotes"},
		`user.name == root`:                      {1, 14, "a text stands in quotes"},
		`source.port == "22"`:                    {1, 16, "numbers are written without quotes"},
		`source.port == true`:                    {1, 16, "true or false"},
		`source.ip == "10.0.0.0/8"`:              {1, 14, `write source.ip in cidr("10.0.0.0/8")`},
		`source.ip in ["10.0.0.0/8"]`:            {1, 15, `write source.ip in cidr("10.0.0.0/8")`},
		`source.ip == "10.0.0.256"`:              {1, 14, "is not an address"},
		`source.ip == "fe80::1%eth0"`:            {1, 14, "is not an address"},
		`source.ip == 10.0.0.1`:                  {1, 18, "addresses are written in quotes"},
		`source.ip == 10`:                        {1, 14, "addresses are written in quotes"},
		`source.ip < "10.0.0.1"`:                 {1, 11, "has no order"},
		`source.ip < destination.ip`:             {1, 11, "have no order"},
		`source.ip contains "10."`:               {1, 11, "is an address, not a text"},
		`source.ip in cidr("10.0.0.0/33")`:       {1, 19, "is not a network"},
		`source.ip in cidr()`:                    {1, 14, "at least one network"},
		`source.ip in cidr(10)`:                  {1, 19, "networks in quotes"},
		`source.ip in "10.0.0.1"`:                {1, 14, "list of values in square brackets"},
		`user.name in cidr("10.0.0.0/8")`:        {1, 11, "cidr is for addresses"},
		`cidr("10.0.0.0/8")`:                     {1, 1, "is a value, not a condition"},
		`source.port in 1..5`:                    {1, 17, "list of values"},
		`source.port contains "2"`:               {1, 13, "not a text"},
		`tls.established < true`:                 {1, 17, "has no order"},
		`@timestamp > 5`:                         {1, 14, `date("2026-01-02T15:04:05Z")`},
		`@timestamp > "yesterday"`:               {1, 14, "want an instant"},
		`@timestamp > "1500-01-01"`:              {1, 14, "outside the years"},
		`event.duration > duration("5 apples")`:  {1, 27, "is not a duration"},
		`labels.x > 5`:                           {1, 12, "num(labels.x)"},
		`num(user.name) > 5`:                     {1, 5, "num is for labels"},
		`num(labels.x) == "5"`:                   {1, 18, "numbers are written without quotes"},
		`labels == "x"`:                          {1, 1, "labels needs a name"},
		`host.mac == "nonsense"`:                 {1, 13, "is not a hardware address"},
		`message matches "("`:                    {1, 17, "error parsing regexp"},
		`message matches "((a{100}){100}){100}"`: {1, 17, "repeat"},
		`message matches "` + strings.Repeat("a", maxPatternBytes+1) + `"`: {1, 17, "want at most 4096"},
		`user.name`:                                  {1, 1, "not a condition"},
		`"x"`:                                        {1, 1, "this is a value"},
		`user.name == host.ip`:                       {1, 11, "only fields of the same type"},
		`user.name contains host.name`:               {1, 20, "takes a text, not a field"},
		`!user.name == "x"`:                          {1, 1, "write !(FIELD"},
		`not message contains "x"`:                   {1, 1, "write !(FIELD"},
		`user.name == nil`:                           {1, 14, "has(FIELD)"},
		`user.name == "a" == "b"`:                    {1, 11, "between a field and a value"},
		`user.name ? true : false`:                   {1, 1, "choice"},
		`user?.name == "x"`:                          {1, 7, "?."},
		`filter(user.name, true)`:                    {1, 1, `no function "filter"`},
		`icontain(user.name, "x")`:                   {1, 1, "did you mean icontains?"},
		`has(user.name, host.name)`:                  {1, 1, "has takes one field"},
		`has("user.name")`:                           {1, 5, "begins with a field"},
		`ieq(user.name)`:                             {1, 1, "takes a field and a text"},
		`source.port + 1 == 2`:                       {1, 13, "no arithmetic"},
		`source.port == 5 - 1`:                       {1, 18, "no arithmetic"},
		`labels.foo-bar == "x"`:                      {1, 11, "no arithmetic"},
		`source.port == -18446744073709551615`:       {1, 16, "too small"},
		`source.port == 99999999999999999999`:        {1, 35, "number is too large"},
		`let x = 1; has(user.name)`:                  {1, 5, "variable"},
		`has(user.name); has(message)`:               {1, 1, "sequence"},
		`has(user.name`:                              {1, 13, "ends too early"},
		`message == "x`:                              {1, 14, "not terminated"},
		"message == \"\x01\x1b[31m":                  {1, 19, "not terminated"},
		long:                                         {1, maxBrackets + 1, "more than 200 brackets"},
		strings.Repeat("!", 300):                     {1, maxBrackets + 1, "more than 200 negations"},
		strings.Repeat("not ", 300) + "has(message)": {1, 4*maxBrackets + 1, "more than 200 negations"},
		"\xff": {1, 1, "not UTF-8"},
		`source.port in [` + strings.Repeat("1,", 11_000) + `1]`: {1, 1 << 20, "more than 10000 parts"},
		strings.Repeat("a", maxText+1):                           {1, 1, "want at most 65536"},
	} {
		_, err := Parse(text)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("Parse(%.80q): error %v, want an *Error with %q", text, err, want.says)
			continue
		}
		if !strings.Contains(e.Error(), want.says) || !errors.Is(err, fault.Invalid) {
			t.Errorf("Parse(%.80q): %v\nwant %q in it", text, e, want.says)
		}
		if want.column < 1<<20 && (e.Line != want.line || e.Column != want.column) {
			t.Errorf("Parse(%.80q): %v\nwant line %d, column %d", text, e, want.line, want.column)
		}
		if strings.ContainsAny(e.Error(), "\x01\x1b") {
			t.Errorf("Parse(%.80q): the message carries control characters: %q", text, e)
		}
	}
}

// TestErrorShows fixes the looks of a message.
func TestErrorShows(t *testing.T) {
	_, err := Parse("has(message) &&\n\tsource.ip == \"10.0.0.0/8\" && true")
	want := `filter: "10.0.0.0/8" is a network, not an address (line 2, column 15)
   source.ip == "10.0.0.0/8" && true
                ^
  write source.ip in cidr("10.0.0.0/8")`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	_, err = Parse(strings.Repeat("has(message) && ", 20) + "é.nam == 1" + strings.Repeat(" && has(message)", 20))
	lines := strings.Split(err.Error(), "\n")
	if len(lines) < 3 || utf8.RuneCountInString(lines[1]) > 120 || []rune(lines[1])[strings.Index(lines[2], "^")] != 'é' {
		t.Errorf("a long line is not cut around the place:\n%v", err)
	}
}

func TestFieldsLabelsAnd(t *testing.T) {
	a, b := mustParse(`related.port == 22 || labels.z == "1"`), mustParse(`user.name != host.name && num(labels["a b"]) > 1`)
	both := And(a, nil, b)
	if got, want := both.String(), "("+a.String()+") && "+b.String(); got != want {
		t.Errorf("And spells %s, want %s", got, want)
	}
	if diff := cmp.Diff([]event.FieldID{event.HostName, event.SourcePort, event.DestinationPort, event.UserName}, both.Fields()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"a b", "z"}, both.Labels()); diff != "" {
		t.Error(diff)
	}
	if got := And().String(); got != "true" {
		t.Errorf("And() spells %s", got)
	}
	var none *Expr
	if none.String() != "true" || none.Fields() != nil || none.Labels() != nil || none.Needs() != nil {
		t.Error("a nil filter is not one that selects everything")
	}
	batch := benchBatch(70, false)
	if got := len(Compile(nil).Select(batch, nil)); got != 70 {
		t.Errorf("a nil filter selects %d of 70 rows", got)
	}
}

func TestNeedsShape(t *testing.T) {
	for text, want := range map[string][]Need{
		`user.name == "b" || user.name in ["a", "c"]`: {{Field: event.UserName, Values: [][]byte{[]byte("a"), []byte("b"), []byte("c")}}},
		`labels.x == "b" && message contains "word"`:  {{Label: "x", Values: [][]byte{[]byte("b")}}, {Field: event.Message, Contains: [][]byte{[]byte("word")}}},
		`message matches "a+login (failed|denied)"`:   {{Field: event.Message, Contains: [][]byte{[]byte("login ")}}},
		`like(message, "%a_long%word")`:               {{Field: event.Message, Contains: [][]byte{[]byte("long")}}},
		`source.port > 5 && source.port <= 9.5`: {{Field: event.SourcePort, Range: true, Low: 6, High: 1<<63 - 1},
			{Field: event.SourcePort, Range: true, Low: -1 << 63, High: 9}},
		`network.bytes > 9223372036854775808`: {{Field: event.NetworkBytes, Range: true, Low: 1<<63 - 1, High: 1<<63 - 1}},
		`source.port == 22 || destination.port in [22, 80]`: {{Field: event.RelatedPort, Values: [][]byte{{22, 7: 0}, {80, 7: 0}}},
			{Field: event.RelatedPort, Range: true, Low: 22, High: 80}},
		`source.ip in cidr("10.0.0.0/8") || related.ip in cidr("::1") || source.ip in cidr("192.0.2.0/24")`: {{Field: event.RelatedIP,
			Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128"), netip.MustParsePrefix("192.0.2.0/24")}}},
		`source.ip == "10.0.0.1" || observer.ip == "10.0.0.1"`: nil,
		`user.name == "a" || has(message)`:                     nil,
		`!(user.name == "a")`:                                  nil,
		`ieq(user.name, "a")`:                                  nil,
	} {
		if diff := cmp.Diff(want, mustParse(text).Needs(), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
			t.Errorf("Needs of %s (-want +got):\n%s", text, diff)
		}
	}
}

// FuzzParse: no panic; what parses spells itself so that it parses to the same again, and compiles and selects without
// panic.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`destination.port == 22 && source.ip in cidr("10.0.0.0/8", "::/0") && message contains "Failed password"`,
		`@timestamp >= date("2026-01-02T15:04:05Z") || not (labels["a b"] matches "x{2,3}y" and num(labels.c) < -1.5e3)`,
		`user.name not in ["a", 'b', b"\xff", ` + "`c`" + `] // comment`, `ieq(user.name, "É") || like(message, "%a\\_b%") || ilike(url.path, "_")`,
		`network.bytes == 18446744073709551615 && related.mac startsWith "00:1A" && tls.established != true`,
		`source.ip == destination.ip`, `a?.b ?? c | d(#) ? {x: [1:2]} : let y = 1; y ** -2`, `((((`, `@@a.@b`, `10 < source.port < 0x20`,
	} {
		f.Add(s)
	}
	batch := benchBatch(130, false)
	f.Fuzz(func(t *testing.T, text string) {
		e, err := Parse(text)
		if err != nil {
			var own *Error
			if !errors.As(err, &own) || own.Error() == "" || own.Line < 1 || own.Column < 1 || own.Offset > len(own.Text) {
				t.Fatalf("Parse(%q): error %#v", text, err)
			}
			return
		}
		spelled := e.String()
		again, err := Parse(spelled)
		if len(spelled) <= maxText && err != nil {
			t.Fatalf("Parse(%q) spells %q, which is refused: %v", text, spelled, err)
		}
		if err == nil && !reflect.DeepEqual(stripped(e), stripped(again)) {
			t.Fatalf("Parse(%q) spells %q, which reads as %q", text, spelled, again)
		}
		if len(text) > 2000 {
			return
		}
		rows := Compile(e).Select(batch, nil)
		if other := Compile(And(e, e)).Select(batch, nil); !reflect.DeepEqual(rows, other) {
			t.Fatalf("%q selects %v, and twice %v", text, rows, other)
		}
		e.Needs()
	})
}
