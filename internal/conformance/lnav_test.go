//go:build samples

package conformance_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// lnavFields are the names in lnav's formats of what tocsin reads too.
var lnavFields = map[string]string{
	"c_ip": "source.ip", "cs_username": "user.name", "cs_method": "http.request.method", "sc_status": "http.response.status_code",
	"sc_bytes": "http.response.bytes", "cs_referer": "http.request.referrer", "cs_user_agent": "user_agent.original",
	"log_hostname": "host.name", "log_procname": "process.name", "log_pid": "process.pid", "log_msgid": "log.syslog.msgid", "body": "message",
}

// An lnavFormat is a definition of lnav: samples, and the expressions that say what is what in them.
type lnavFormat struct {
	Regex  map[string]struct{ Pattern string }
	Sample []struct{ Line string }
}

// TestLnav compares the fields of the sample lines of lnav's formats with what its own expressions find in them.
func TestLnav(t *testing.T) {
	dir := samples(t, "", "tstack/lnav/src/formats")
	r := newReader("UTC", time.Date(2026, time.November, 21, 0, 0, 0, 0, time.UTC))
	var verdicts []verdict
	for _, file := range []string{"access_log", "syslog_log"} {
		content, err := os.ReadFile(filepath.Join(dir, file+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var all map[string]json.RawMessage
		var format lnavFormat
		if err := json.Unmarshal(content, &all); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(all[file], &format); err != nil {
			t.Fatal(err)
		}
		for _, s := range format.Sample {
			say := format.find(s.Line)
			if say == nil {
				continue // an expression that only lnav's engine has
			}
			v := verdict{id: name(file, s.Line), line: s.Line, format: r.guess(s.Line)}
			v.wrong = lnavCompare(t, r, &v, say)
			verdicts = append(verdicts, v)
		}
	}
	settle(t, "lnav", verdicts)
}

// find returns the parts that the first fitting expression names. Those that do not give back what they took are written
// without that, which finds the same here.
func (f *lnavFormat) find(line string) map[string]string {
	var names []string
	for n := range f.Regex {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		pattern := strings.NewReplacer("++", "+", "*+", "*", "?+", "?").Replace(f.Regex[n].Pattern)
		re, err := regexp.Compile(pattern)
		if err != nil {
			continue
		}
		if m := re.FindStringSubmatch(line); m != nil {
			say := map[string]string{}
			for i, part := range re.SubexpNames() {
				if part != "" && m[i] != "" {
					say[part] = m[i]
				}
			}
			return say
		}
	}
	return nil
}

func lnavCompare(t *testing.T, r *reader, v *verdict, say map[string]string) string {
	if v.format == "" {
		return "no format fits"
	}
	rows, err := r.read(t, v.format, v.line)
	if err != nil {
		return err.Error()
	}
	for theirs, ours := range lnavFields {
		want, got := say[theirs], text(rows[0], ours)
		switch {
		case want == "" || want == "-" && got == "":
		case ours == "message" && v.format != "syslog":
		case ours == "source.ip" && (sameHost(want, got) || want == text(rows[0], "source.domain")):
		case strings.TrimSpace(got) != strings.TrimSpace(want):
			return fmt.Sprintf("%s %q, want %q", ours, got, want)
		}
	}
	return ""
}
