//go:build samples

package conformance_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The tests of the parsers of the Vector Remap Language: blocks of Rust with a line and what is to be found in it.
var (
	vrlBlock = regexp.MustCompile(`(?m)^ {7,8}(\w+) \{\n(?:.*\n)*?^ {7,8}\}`)
	vrlLine  = regexp.MustCompile(`(?s)value: (?:r#"(.*?)"#|r"(.*?)"|"((?:[^"\\]|\\.)*)")`)
	vrlPair  = regexp.MustCompile(`(?m)^ {16,20}"(\w+)" => (.*),?$`)
	vrlStamp = regexp.MustCompile(`parse_from_rfc3339\("([^"]+)"\)`)
	vrlParts = regexp.MustCompile(`with_ymd_and_hms\(([^()]*(?:\(\)\.year\(\))?[^()]*)\)`)
	vrlNanos = regexp.MustCompile(`with_nanosecond\(([\d_]+)\)`)
	vrlRaw   = regexp.MustCompile(`^(?:r#"(.*)"#|r?"(.*)")(?:\.into\(\))?,?$`)

	vrlFields = map[string]string{
		"host": "source.ip", "client": "source.ip", "remote_addr": "source.ip", "user": "user.name", "remote_user": "user.name", "method": "http.request.method",
		"path": "url.original", "status": "http.response.status_code", "size": "http.response.bytes", "agent": "user_agent.original",
		"referrer": "http.request.referrer", "referer": "http.request.referrer", "hostname": "host.name", "appname": "process.name",
		"procid": "process.pid", "msgid": "log.syslog.msgid", "message": "message", "request": "message", "timestamp": "@timestamp",
	}
)

func TestVRL(t *testing.T) {
	dir := samples(t, "", "vectordotdev/vrl/src/stdlib")
	now := time.Date(2026, time.November, 21, 0, 0, 0, 0, time.UTC)
	r := newReader("UTC", now)
	var verdicts []verdict
	for _, file := range []string{"parse_common_log", "parse_apache_log", "parse_nginx_log", "parse_syslog"} {
		content, err := os.ReadFile(filepath.Join(dir, file+".rs"))
		if err != nil {
			t.Fatal(err)
		}
		_, tests, _ := strings.Cut(string(content), "test_function!")
		for _, block := range vrlBlock.FindAllStringSubmatch(tests, -1) {
			m := vrlLine.FindStringSubmatch(block[0])
			if m == nil || strings.Contains(block[0], "value: format!") {
				continue
			}
			line := m[1] + m[2]
			if m[3] != "" {
				var err error
				if line, err = strconv.Unquote(`"` + m[3] + `"`); err != nil {
					t.Fatalf("%s: %v", block[1], err)
				}
			}
			v := verdict{id: file + ":" + block[1], line: line, format: r.guess(line)}
			v.wrong = vrlCompare(t, r, &v, block[0], now)
			verdicts = append(verdicts, v)
		}
	}
	settle(t, "vrl", verdicts)
}

func vrlCompare(t *testing.T, r *reader, v *verdict, block string, now time.Time) string {
	fails := strings.Contains(block, "want: Err")
	if v.format == "" {
		if fails {
			return ""
		}
		return "no format fits"
	}
	rows, err := r.read(t, v.format, v.line)
	switch {
	case fails && err == nil:
		return "it is read, as " + v.format
	case fails:
		return ""
	case err != nil:
		return err.Error()
	}
	for _, m := range vrlPair.FindAllStringSubmatch(block, -1) {
		field := vrlFields[m[1]]
		if field == "" {
			continue
		}
		want, got := strings.TrimSuffix(m[2], ","), text(rows[0], field)
		if raw := vrlRaw.FindStringSubmatch(want); raw != nil {
			if want = raw[1] + raw[2]; raw[2] != "" {
				want = strings.NewReplacer(`\"`, `"`, `\\`, `\`, `\'`, `'`).Replace(want)
			}
		}
		if v.format == "weberror" && m[1] == "request" {
			continue // there the message is another
		}
		if v.format == "weberror" && m[1] == "host" { // what the client asked for, not who it is
			field, got = "url.domain", text(rows[0], "url.domain")
		}
		switch field {
		case "@timestamp":
			if at := vrlTime(t, want, now); got != at {
				return "time " + got + ", want " + at
			}
		case "source.ip":
			if !sameHost(want, got) && want != text(rows[0], "source.domain") {
				return "source.ip " + got + ", want " + want
			}
		default:
			if got != want && !(got == "" && want == "-") { // a dash is nothing
				return field + " " + strconv.Quote(got) + ", want " + strconv.Quote(want)
			}
		}
	}
	return ""
}

// vrlTime reads the ways in which the tests write an instant.
func vrlTime(t *testing.T, code string, now time.Time) string {
	if m := vrlStamp.FindStringSubmatch(code); m != nil {
		at, err := time.Parse(time.RFC3339, m[1])
		if err != nil {
			t.Fatal(err)
		}
		return at.UTC().Format(time.RFC3339Nano)
	}
	m := vrlParts.FindStringSubmatch(strings.ReplaceAll(code, "Utc::now().year()", fmt.Sprint(now.Year())))
	if m == nil {
		t.Fatalf("no time in %s", code)
	}
	n := [6]int{}
	for i, a := range strings.Split(m[1], ",") {
		n[i], _ = strconv.Atoi(strings.TrimSpace(a))
	}
	at := time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], 0, time.UTC)
	if m := vrlNanos.FindStringSubmatch(code); m != nil {
		nanos, _ := strconv.Atoi(strings.ReplaceAll(m[1], "_", ""))
		at = at.Add(time.Duration(nanos))
	}
	return at.Format(time.RFC3339Nano)
}
