package combined_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/event"
	"tocsin/internal/parser/combined"
	"tocsin/internal/parser/parsertest"
)

func rows(tb testing.TB, config *combined.Config, lines ...[]byte) []string {
	tb.Helper()
	p, err := config.New()
	if err != nil {
		tb.Fatal(err)
	}
	b := event.NewBuilder(event.Log)
	for _, line := range lines {
		if bad := parsertest.Parse(tb, p, b, line, parsertest.Received); bad != nil {
			tb.Errorf("Parse(%q) = %v", line, bad)
		}
	}
	return parsertest.JSON(b.Batch())
}

// The combined format as an order of one's own gives what the parser gives that knows it, on every line of a real log.
func TestOrderOfTheCombinedFormat(t *testing.T) {
	lines := parsertest.Records(t, realLog)
	want := rows(t, &combined.Config{}, lines...)
	for _, format := range []string{
		"combined",
		`%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\"`,
		`%a %l %u [%{%d/%b/%Y:%H:%M:%S %z}t] "%r" %s %B "%{referer}i" "%{USER-AGENT}i"`,
		`$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"`,
	} {
		if diff := cmp.Diff(want, rows(t, &combined.Config{LogFormat: format}, lines...)); diff != "" {
			t.Errorf("log_format %s (-known +order):\n%.2000s", format, diff)
		}
	}
}

// A sort of field for the property: how both servers spell it, what it can hold, and where that is found again.
type sort struct {
	apache, nginx string
	value         *rapid.Generator[string]
	field         string
	want          func(v string) string // as in the JSON; nil: the value in quotes
}

func sorts() []sort {
	number := rapid.StringMatching(`0|[1-9][0-9]{0,8}`)
	bare := func(v string) string { return v }
	word := rapid.StringMatching(`[a-z][a-zA-Z0-9/_.:=+-]{0,30}`)
	return []sort{
		{"%h", "$remote_addr", rapid.SampledFrom([]string{"192.0.2.1", "2001:db8::1", "255.255.255.255"}), "source.ip", nil},
		{"%u", "$remote_user", word, "user.name", nil},
		{"%>s", "$status", rapid.StringMatching(`[1-9][0-9]{2}`), "http.response.status_code", bare},
		{"%b", "$body_bytes_sent", number, "http.response.bytes", bare},
		{"%I", "$request_length", number, "http.request.bytes", bare},
		{"%p", "$server_port", number, "destination.port", bare},
		{"%D", "", number, "event.duration", func(v string) string {
			if v == "0" {
				return v
			}
			return v + "000"
		}},
		{"", "$request_time", rapid.StringMatching(`[1-9][0-9]{0,4}\.[0-9]{3}`), "event.duration", func(v string) string {
			return strings.Replace(v, ".", "", 1) + "000000"
		}},
		{"%{Foo-Bar}i", "$http_foo_bar", word, "labels.http.request.headers.foo-bar", nil},
		{"%{a}C", "$cookie_a", word, "labels.cookie.a", nil},
		{"%{X-Up}o", "$sent_http_x_up", word, "labels.http.response.headers.x-up", nil},
		{"%v", "$server_name", word, "url.domain", nil},
		{"", "$upstream_addr", rapid.StringMatching(`[a-z]{1,5}(, [a-z]{1,5}){0,2}( : [a-z]{1,5}){0,2}`), "labels.upstream_addr", nil},
		{"%k", "${custom_thing}", word, "", nil},
	}
}

// Whatever is printed in an order, it is read back from it.
func TestAnyOrderIsReadBack(t *testing.T) {
	all := sorts()
	rapid.Check(t, func(t *rapid.T) {
		apache := rapid.Bool().Draw(t, "apache")
		picked := rapid.SliceOfNDistinct(rapid.IntRange(0, len(all)-1), 1, 8, rapid.ID).Draw(t, "fields")
		var format, line strings.Builder
		want, seen := map[string]string{}, map[string]bool{}
		for _, n := range picked {
			s := all[n]
			spelt := s.nginx
			if apache {
				spelt = s.apache
			}
			if spelt == "" || seen[s.field] {
				continue
			}
			seen[s.field] = true
			open, shut := "", rapid.SampledFrom([]string{" ", " - ", "|", "\t", " x="}).Draw(t, "gap")
			v := s.value.Draw(t, "value")
			shown := v
			if s.want == nil && rapid.Bool().Draw(t, "quoted") && s.field != "source.ip" {
				open, shut = `"`, `"`+shut
				v = rapid.SampledFrom([]string{v, v + " " + v, v + `\"` + v, v + `\\`, v + `\x22`}).Draw(t, "text")
				shown = v
			}
			fmt.Fprintf(&format, "%s%s%s", escape(open, apache), spelt, escape(shut, apache))
			line.WriteString(open + v + shut)
			if s.want != nil {
				want[s.field] = s.want(shown)
			} else {
				want[s.field] = string(event.AppendQuoted(nil, []byte(shown)))
			}
		}
		if len(seen) == 0 {
			return
		}
		config := &combined.Config{LogFormat: format.String()}
		if err := config.Validate(); err != nil {
			t.Fatalf("%s: %v", config.LogFormat, err)
		}
		got := rowOf(t, config, line.String())
		for field, v := range want {
			if field != "" && !strings.Contains(got, fmt.Sprintf("%q:%s", field, v)) {
				t.Fatalf("log_format %s of %q: want %s %s, got %s", config.LogFormat, line.String(), field, v, got)
			}
		}
	})
}

func rowOf(t *rapid.T, config *combined.Config, line string) string {
	p, err := config.New()
	if err != nil {
		t.Fatal(err)
	}
	b := event.NewBuilder(event.Log)
	if err := p.Parse(b, []byte(line), parsertest.Received); err != nil {
		t.Fatalf("log_format %s: Parse(%q) = %v", config.LogFormat, line, err)
	}
	return parsertest.JSON(b.Batch())[0]
}

// escape writes literal text as a configuration has it, in quotes.
func escape(s string, apache bool) string {
	if apache {
		return strings.NewReplacer(`"`, `\"`, "\t", `\t`).Replace(s)
	}
	return s
}

func TestMistakesInOrders(t *testing.T) {
	for format, want := range map[string][]string{
		"%h %l %Q":                       {"column 7: %Q is no directive: want %% a A b B"},
		"%h%l":                           {"column 3: %l follows %h with nothing between them"},
		"$host$uri":                      {"column 6: $uri follows $host with nothing between them"},
		"%h $host":                       {"column 4: both Apache's % and nginx's $"},
		"%{Referer %h":                   {"column 1: no closing brace"},
		"%h %{}i":                        {"column 4: %{}i names nothing"},
		"%h %i":                          {"column 4: %i names nothing"},
		"%h %>":                          {"column 4: %> ends before its letter"},
		"just text":                      {"column 1: no field"},
		"${host":                         {"column 1: no closing brace"},
		"$host ${a b}":                   {"column 7: ${a b} names no variable"},
		`%h\n%u`:                         {`column 3: \n would end the line`},
		`%h \`:                           {"column 4: a backslash at the end"},
		"%{%Y-%q}t":                      {"column 1: %{%Y-%q}t: %q is not read"},
		"%{end:%Y}t %h":                  {"column 1: %{end:%Y}t: the end of a request is read as a number only"},
		"escape=html $host":              {"column 1: escape=html: want escape=default, escape=json or escape=none"},
		"%h%l %Q":                        {"column 3:", "column 6:"},
		strings.Repeat("%h ", 129):       {"129 fields, want 128 or fewer"},
		strings.Repeat("x", 4096) + "%h": {"4098 bytes, want 4096 or fewer"},
		"%{VARNAME}z":                    {"column 1: %{VARNAME}z is no directive"},
		"%{c}":                           {"column 1: %{c} ends before its letter"},
		"%^":                             {"column 1: %^ is no directive"},
	} {
		config := &combined.Config{LogFormat: format}
		err := config.Validate()
		if err == nil {
			t.Errorf("%q: no mistake found", format)
			continue
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q: got %q, want it to contain %q", format, err, w)
			}
		}
		if _, err := config.New(); err == nil {
			t.Errorf("%q: New gives a parser", format)
		}
	}
}

// Orders from the documentation of both servers.
func TestOrdersOfTheManuals(t *testing.T) {
	for _, format := range []string{
		"common", "combined", "vhost_combined",
		`%v %h %l %u %t \"%r\" %>s %b`,
		`%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-agent}i\" %I %O`,
		`%{Referer}i -> %U`, `%{User-agent}i`,
		`%t %{SSL_PROTOCOL}x %{SSL_CIPHER}x \"%r\" %b`,
		`%400,501{User-agent}i %!200,304,302{Referer}i %h`,
		`%{%Y%m%d%H%M%S}t.%{usec_frac}t %<s %>U`,
		`%{sec}t.%{msec_frac}t %{remote}p %{tid}P %{ms}T %{c}L %^FB %{Foo}^ti`,
		`%{begin:%d/%b/%y %I:%M:%S %p}t %{end:usec}t`,
		`$remote_addr - $remote_user [$time_local] "$request" $status $bytes_sent "$http_referer" "$http_user_agent" "$gzip_ratio"`,
		`escape=json '{"t":$msec,"u":"$uri$is_args$args"}'`,
	} {
		config := &combined.Config{LogFormat: format}
		if err := config.Validate(); err != nil {
			t.Errorf("%s: %v", format, err)
		}
	}
}

// The parts of a time make up the same instant in whatever order they come.
func TestTimesInParts(t *testing.T) {
	for format, line := range map[string]string{
		`%{%Y%m%d%H%M%S}t.%{msec_frac}t %{%z}t %h`:     "20240229230102.250 +0100 192.0.2.1",
		`%{%d/%b/%y %I:%M:%S %p %z}t.%{msec_frac}t %h`: "29/Feb/24 11:01:02 PM +0100.250 192.0.2.1",
		`%{sec}t.%{msec_frac}t %h`:                     "1709244062.250 192.0.2.1",
		`%{msec}t %h`:                                  "1709244062250 192.0.2.1",
		`%{usec}t %h %t`:                               "1709244062250000 192.0.2.1 [01/Jan/1999:00:00:00 +0000]",
		`%h %{%j %Y %T %Z}t.%{usec_frac}t`:             "192.0.2.1 060 2024 22:01:02 UTC.250000",
		`$msec $remote_addr`:                           "1709244062.250 192.0.2.1",
		`$time_iso8601 $remote_addr [$time_local]`:     "2024-02-29T23:01:02.25+01:00 192.0.2.1 [01/Jan/1999:00:00:00 +0000]",
		`%{%a %e %B}t %h`:                              "",
	} {
		config := &combined.Config{LogFormat: format}
		if line == "" {
			if config.Validate() == nil {
				t.Errorf("%s: no mistake found", format)
			}
			continue
		}
		got := rows(t, config, []byte(line))
		if len(got) != 1 || !strings.HasPrefix(got[0], `{"@timestamp":"2024-02-29T22:01:02.25Z"`) {
			t.Errorf("%s of %q: got %s", format, line, got)
		}
	}
}

// FuzzOrder: no order and no line makes the parser panic, and a good order stays one.
func FuzzOrder(f *testing.F) {
	f.Add(`%h %l %u %t \"%r\" %>s %b`, `192.0.2.1 - - [10/Mar/2024:11:00:00 +0000] "GET / HTTP/1.1" 200 1`)
	f.Add(`$remote_addr "$request" $status`, `192.0.2.1 "GET / HTTP/1.1" 200`)
	f.Add(`%{%Y-%m-%d %T}t %U%q`, `2024-03-10 11:00:00 /a?b`)
	f.Fuzz(func(t *testing.T, format, line string) {
		config := &combined.Config{LogFormat: format}
		if config.Validate() != nil || format == "" {
			return
		}
		p, err := config.New()
		if err != nil {
			t.Fatalf("Validate accepts %q, New says %v", format, err)
		}
		b := event.NewBuilder(event.Log)
		if parsertest.Parse(t, p, b, []byte(line), parsertest.Received) == nil && strings.Trim(line, " \t\r") != "" && b.Rows() != 1 {
			t.Errorf("Parse(%q) gives %d rows", line, b.Rows())
		}
		parsertest.JSON(b.Batch())
	})
}
