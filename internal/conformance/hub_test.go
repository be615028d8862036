package conformance_test

import (
	"bufio"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The tests of CrowdSec's hub: a folder each, with a log and assertions about what its parsers find in each line. Those
// from a to m are what tocsin was made with.
const hubCopy = "testdata/public/crowdsecurity-hub"

var (
	asserted = regexp.MustCompile(`^results\["(s0\d-\w+)"\]\["([^"]+)"\]\[(\d+)\]\.(?:Evt\.(\w+)\["([^"]+)"\](\[4:\])?|(Success)) == (.+)$`)

	// hubFields are the names in the hub of what tocsin reads too.
	hubFields = map[string]string{
		"source_ip": "source.ip", "http_path": "url.original", "http_user_agent": "user_agent.original",
		"http_status": "http.response.status_code", "http_verb": "http.request.method",
		"user": "user.name", "username": "user.name", "target_user": "user.name", "machine": "host.name",
	}
)

func TestHub(t *testing.T) {
	dir := hubCopy
	if root := os.Getenv(samplesVar); root != "" {
		dir = samples(t, "", "crowdsecurity/hub/.tests")
	}
	logs, err := filepath.Glob(filepath.Join(dir, "[a-m]*", "parser.assert"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("no tests in %s (%v)", dir, err)
	}
	r := newReader("UTC", time.Date(2026, time.November, 21, 0, 0, 0, 0, time.UTC))
	var verdicts []verdict
	for _, path := range logs {
		verdicts = append(verdicts, hubTest(t, r, filepath.Dir(path))...)
	}
	settle(t, "hub", verdicts)
}

// hubTest compares each line of one test with what is asserted of it.
func hubTest(t *testing.T, r *reader, dir string) (all []verdict) {
	config, err := os.ReadFile(filepath.Join(dir, "config.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	_, file, _ := strings.Cut(string(config), "log_file: ")
	file, _, _ = strings.Cut(file, "\n")
	content, err := os.ReadFile(filepath.Join(dir, strings.Trim(file, ` "'`)))
	if err != nil {
		return nil // tests of what is no parser have none
	}
	lines := strings.FieldsFunc(string(content), func(c rune) bool { return c == '\n' || c == '\r' })
	says := assertions(t, filepath.Join(dir, "parser.assert"), len(lines))
	for i, line := range lines {
		say := says[i]
		if len(say) == 0 {
			continue
		}
		v := verdict{id: name(filepath.Base(dir), line), line: line, format: r.guess(line)}
		v.wrong = hubCompare(t, r, &v, say)
		all = append(all, v)
	}
	return all
}

// assertions returns what is asserted of each of so many lines, by field. The stage that parses numbers its results by line;
// the one behind it gets only those that were parsed, so that its numbers are those of lines only where all were.
func assertions(t *testing.T, path string, lines int) map[int]map[string]string {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	says, later := map[int]map[string]string{}, map[int]map[string]string{}
	scanner := bufio.NewScanner(f)
	scanner.Buffer(nil, 4<<20)
	for scanner.Scan() {
		m := asserted.FindStringSubmatch(scanner.Text())
		if m == nil || m[1] == "s00-raw" {
			continue
		}
		value, err := strconv.Unquote(m[8])
		if err != nil {
			continue
		}
		at, _ := strconv.Atoi(m[3])
		to := says
		if m[1] != "s01-parse" {
			to = later
		}
		if to[at] == nil {
			to[at] = map[string]string{}
		}
		switch field := hubFields[m[5]]; {
		case m[4] == "Meta" && field != "":
			to[at][field] = value
		case m[5] == "MarshaledTime" && m[6] != "":
			to[at]["time of year"] = value
		case m[5] == "MarshaledTime":
			to[at]["time"] = value
		}
	}
	if err := scanner.Err(); err != nil {
		t.Fatal(err)
	}
	if len(later) == lines {
		for i, say := range later {
			if says[i] == nil {
				says[i] = map[string]string{}
			}
			maps.Copy(says[i], say)
		}
	}
	return says
}

func hubCompare(t *testing.T, r *reader, v *verdict, say map[string]string) string {
	if v.format == "" {
		return "no format fits"
	}
	rows, err := r.read(t, v.format, v.line)
	if err != nil {
		return err.Error()
	}
	if len(rows) == 0 {
		return "no event"
	}
	fields := slices.DeleteFunc(slices.Sorted(maps.Keys(say)), func(f string) bool { return strings.HasPrefix(f, "time") })
	for _, field := range append([]string{"time", "time of year"}, fields...) { // what differs in time is told so
		if say[field] == "" {
			continue
		}
		want := say[field]
		if same, got := hubSame(rows[0], field, want); !same {
			return field + " " + strconv.Quote(got) + ", want " + strconv.Quote(want)
		}
	}
	return ""
}

func hubSame(row map[string]any, field, want string) (same bool, got string) {
	got = text(row, field)
	switch field {
	case "time":
		got = text(row, "@timestamp")
		a, err1 := time.Parse(time.RFC3339Nano, want)
		b, err2 := time.Parse(time.RFC3339Nano, got)
		return err1 == nil && err2 == nil && a.Equal(b), got
	case "time of year":
		got = text(row, "@timestamp")
		got = got[min(4, len(got)):]
		return got == want, got
	case "source.ip":
		return sameHost(want, got) || want == text(row, "source.domain"), got
	case "url.original":
		return want == got || want == text(row, "url.path"), got
	case "user_agent.original", "user.name":
		return want == got || want == "-" && got == "", got // tocsin leaves out what is a dash
	}
	return want == got, got
}
