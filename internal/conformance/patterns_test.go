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

// The specifications of Logstash's patterns: Ruby, of which the lines and the fields in the names of ECS are read.
var (
	specLine = regexp.MustCompile(`(?:let ?\(:message\) (?:\{|do)\s*|message = |grok_match\(?\s?pattern, )('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")`)
	specLet  = regexp.MustCompile(`let ?\(:(value\d*)\) (?:\{|do)\s*('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")`)
	specUse  = regexp.MustCompile(`, (value\d*)\)`)
	specECS  = regexp.MustCompile(`(?s)if ecs_compatibility\?(.*?)\n\s+(?:else|end)\b`)

	specFields = []struct {
		field string
		is    *regexp.Regexp
	}{
		{"process.name", regexp.MustCompile(`"process" => ?\{[^{}]*"name" => ?"([^"]+)"`)},
		{"process.pid", regexp.MustCompile(`"process" ?=> ?\{[^{}]*"pid" ?=> ?(\d+)`)},
		{"host.name", regexp.MustCompile(`"hostname" ?=> ?"([^"]+)"`)},
		{"event.code", regexp.MustCompile(`"code" => '(m:[^']+)'`)},
		{"message", regexp.MustCompile(`"message" => \[ ?message, ?["'](.*)["']\]`)},
		{"@timestamp", regexp.MustCompile(`"timestamp" => ["'](\d{4}[^"']+)["']`)},
		{"http.request.method", regexp.MustCompile(`"method" => "(\w+)"`)},
		{"http.request.referrer", regexp.MustCompile(`"referrer" => "([^"]+)"`)},
		{"http.response.bytes", regexp.MustCompile(`"bytes" => (\d+)`)},
		{"http.response.status_code", regexp.MustCompile(`"status_code" => (\d+)`)},
		{"http.version", regexp.MustCompile(`"version" ?=> ?"([\d.]+)"`)},
		{"source.ip", regexp.MustCompile(`"source" => \{ "address" ?=> ?"([^"]+)"`)},
		{"user.name", regexp.MustCompile(`"user" => \{ ['"]name['"] => "([^"]+)"`)},
		{"url.original", regexp.MustCompile(`"url" => \{ "original" => "([^"]+)"`)},
		{"user_agent.original", regexp.MustCompile(`"user_agent" => \{ "original" => "([^"]+)"`)},
		{"log.syslog.version", regexp.MustCompile(`"syslog" => \{ "version" => "(\d)"`)},
	}
)

func TestPatterns(t *testing.T) {
	dir := samples(t, "", "logstash-plugins/logstash-patterns-core/spec/patterns")
	r := newReader("UTC", time.Date(2026, time.November, 21, 0, 0, 0, 0, time.UTC))
	var verdicts []verdict
	for _, file := range []string{"httpd_spec.rb", "syslog_spec.rb"} {
		content, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		line, values := "", map[string]string{}
		for i, block := range regexp.MustCompile(`(?m)^\s+(?:it|context) `).Split(string(content), -1) {
			for _, m := range specLet.FindAllStringSubmatch(block, -1) {
				values[m[1]] = rubyText(m[2])
			}
			if m := specLine.FindStringSubmatch(block); m != nil {
				line = rubyText(m[1])
			} else if m := specUse.FindStringSubmatch(block); m != nil {
				line = values[m[1]]
			}
			ecs := specECS.FindAllStringSubmatch(block, -1)
			if line == "" || len(ecs) == 0 || strings.Contains(line, "#{") {
				continue // the text is put together by Ruby, or nothing is said in the names of ECS
			}
			v := verdict{id: name(file, fmt.Sprint(i, line)), line: line, format: r.guess(line)}
			v.wrong = specCompare(t, r, &v, ecs)
			verdicts = append(verdicts, v)
		}
	}
	settle(t, "patterns", verdicts)
}

func specCompare(t *testing.T, r *reader, v *verdict, ecs [][]string) string {
	if v.format == "" {
		return "no format fits"
	}
	rows, err := r.read(t, v.format, v.line)
	if err != nil {
		return err.Error()
	}
	for _, part := range ecs {
		for _, f := range specFields {
			m := f.is.FindStringSubmatch(part[1])
			if m == nil {
				continue
			}
			want, got := m[1], text(rows[0], f.field)
			if f.field == "@timestamp" {
				at, err := time.Parse(time.RFC3339Nano, strings.Replace(want, ":60", ":59", 1))
				if err != nil {
					continue
				}
				if strings.Contains(want, ":60") {
					at = at.Add(time.Second)
				}
				want = at.UTC().Format(time.RFC3339Nano)
			}
			if got != want {
				if f.field == "event.code" && text(rows[0], "log.syslog.msgid") == want {
					continue // ECS had no name for it then
				}
				return f.field + " " + strconv.Quote(got) + ", want " + strconv.Quote(want)
			}
		}
	}
	return ""
}

// rubyText reads a literal of Ruby.
func rubyText(literal string) string {
	if literal[0] == '\'' {
		return strings.NewReplacer(`\'`, `'`, `\\`, `\`).Replace(literal[1 : len(literal)-1])
	}
	s, err := strconv.Unquote(literal)
	if err != nil {
		return strings.ReplaceAll(literal[1:len(literal)-1], `\"`, `"`)
	}
	return s
}
