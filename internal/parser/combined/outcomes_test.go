package combined_test

import (
	"os"
	"strings"
	"testing"

	"tocsin/internal/event"
	"tocsin/internal/parser/combined"
	"tocsin/internal/parser/parsertest"
)

// Each row of the table "Lines that are not as they should be" of README.md: what stands in the request, before it and
// behind it, and what becomes of it.
func TestOutcomes(t *testing.T) {
	const before, behind = `192.0.2.1 - - [10/Mar/2024:11:00:00 +0000] `, ` 400 226 "-" "-"`
	cases := []struct {
		name, line string
		reason     string   // of a rejected line
		want       []string // in the event of another
		not        []string
	}{
		{name: "escaped quote in the request", line: before + `"GET /a\"b?c=\"d\" HTTP/1.1"` + behind,
			want: []string{`"url.path":"/a\\\"b"`, `"url.query":"c=\\\"d\\\""`, `"http.version":"1.1"`, `"http.response.status_code":400`}},
		{name: "quote that nobody escaped", line: before + `"GET /a"b HTTP/1.1"` + behind,
			want: []string{`"url.path":"/a\"b"`, `"http.response.bytes":226`}},
		{name: "backslash before the closing quote", line: before + `"GET /a\"` + behind,
			want: []string{`"url.path":"/a\\"`, `"http.response.status_code":400`}},
		{name: "empty request", line: before + `""` + behind,
			want: []string{`"message":""`, `"http.response.status_code":400`}, not: []string{"http.request.method", "url."}},
		{name: "request -", line: before + `"-"` + strings.Replace(behind, "400 226", "408 -", 1),
			want: []string{`"message":"-"`, `"http.response.status_code":408`}, not: []string{"url.", "http.response.bytes"}},
		{name: "TLS at a plain port", line: before + `"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 GET / HTTP/1.1"` + behind,
			want: []string{`"http.response.status_code":400`}, not: []string{"http.request.method", "url."}},
		{name: "bytes of TLS, not escaped", line: before + "\"\x16\x03\x01\x02\x00\x01\xfc\x03 \xff\"" + behind,
			want: []string{`"http.response.status_code":400`}, not: []string{"http.request.method", "url."}},
		{name: "request without version", line: before + `"GET /old"` + behind,
			want: []string{`"url.path":"/old"`}, not: []string{"http.version"}},
		{name: "IPv6 with a zone", line: strings.Replace(before, "192.0.2.1", "fe80::1%eth0", 1) + `"GET / HTTP/1.1"` + behind,
			want: []string{`"source.ip":"fe80::1"`}, not: []string{"source.domain"}},
		{name: "IPv6 in brackets", line: strings.Replace(before, "192.0.2.1", "[2001:db8::1]", 1) + `"GET / HTTP/1.1"` + behind,
			want: []string{`"source.ip":"2001:db8::1"`}},
		{name: "blank in the user name", line: strings.Replace(before, "- - [", "- john doe [", 1) + `"GET / HTTP/1.1"` + behind,
			want: []string{`"user.name":"john doe"`}},
		{name: "virtual host before it", line: "www.example.com:443 " + before + `"GET / HTTP/1.1"` + behind,
			want: []string{`"url.domain":"www.example.com"`, `"destination.port":443`, `"source.ip":"192.0.2.1"`}},
		{name: "common format with text behind it", line: before + `"GET / HTTP/1.1" 200 17 junk 0.003`,
			want: []string{`"http.response.bytes":17`}, not: []string{"user_agent", "referrer"}},
		{name: "agent cut off", line: before + `"GET / HTTP/1.1" 200 17 "-" "Mozilla/5.0 (X1`,
			want: []string{`"user_agent.original":"Mozilla/5.0 (X1"`}},
		{name: "number of bytes beyond 63 bits", line: before + `"GET / HTTP/1.1" 200 18446744073709551615`,
			want: []string{`"http.response.status_code":200`}, not: []string{"http.response.bytes"}},
		{name: "cut behind the status", line: before + `"GET / HTTP/1.1" 200`, reason: "no number of bytes behind the status"},
		{name: "cut behind the request", line: before + `"GET / HTTP/1.1"`, reason: "no status behind the request"},
		{name: "cut within the request", line: before + `"GET /a HTT`, reason: "no closing quote of the request"},
		{name: "cut behind the time", line: strings.TrimRight(before, " "), reason: "no request in quotes behind the time"},
		{name: "no such day", line: strings.Replace(before, "10/Mar", "31/Feb", 1) + `"GET / HTTP/1.1"` + behind, reason: "no time in square brackets"},
		{name: "another format", line: `<34>Oct 11 22:14:15 mymachine su: 'su root' failed`, reason: "no time in square brackets"},
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	good := before + `"GET /good HTTP/1.1" 200 17 "-" "-"`
	for _, c := range cases {
		if !strings.Contains(string(readme), "\n| "+c.name+" |") {
			t.Errorf("README.md has no row for %q", c.name)
		}
		p, err := combined.Default().New()
		if err != nil {
			t.Fatal(err)
		}
		b := event.NewBuilder(event.Log)
		var reason string
		for _, line := range []string{good, c.line, good} {
			if bad := parsertest.Parse(t, p, b, []byte(line), parsertest.Received); bad != nil {
				reason = bad.Reason
			}
		}
		rows := parsertest.JSON(b.Batch())
		if reason != c.reason {
			t.Errorf("%s: got reason %q, want %q", c.name, reason, c.reason)
		}
		if first, last := rows[0], rows[len(rows)-1]; first != last || !strings.Contains(first, "/good") {
			t.Errorf("%s costs a neighbour: %s, %s", c.name, first, last)
		}
		if c.reason != "" {
			if len(rows) != 2 || !strings.Contains(string(readme), c.reason) {
				t.Errorf("%s: %d rows, want the two neighbours, and the reason %q in README.md", c.name, len(rows), c.reason)
			}
			continue
		}
		if len(rows) != 3 {
			t.Errorf("%s: %d rows, want 3", c.name, len(rows))
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(rows[1], w) {
				t.Errorf("%s: want %s in %s", c.name, w, rows[1])
			}
		}
		for _, w := range c.not {
			if strings.Contains(rows[1], w+`"`) || strings.Contains(rows[1], `"`+w) {
				t.Errorf("%s: want no %s in %s", c.name, w, rows[1])
			}
		}
	}
}
