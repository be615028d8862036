//go:build samples

package conformance_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// beatsFields are the fields of Filebeat's expected events that tocsin has too, and their names there.
var beatsFields = map[string]string{
	"@timestamp": "@timestamp", "source.ip": "source.ip", "source.domain": "source.domain", "source.port": "source.port", "user.name": "user.name",
	"http.request.method": "http.request.method", "http.request.referrer": "http.request.referrer", "http.version": "http.version",
	"http.response.body.bytes": "http.response.bytes", "http.response.status_code": "http.response.status_code",
	"url.original": "url.original", "user_agent.original": "user_agent.original",
	"host.hostname": "host.name", "process.name": "process.name", "process.pid": "process.pid",
	"event.action": "event.action", "event.outcome": "event.outcome",
}

// TestBeats reads the log beside Filebeat's module for Apache, with the events in the names of ECS that are expected of them. Those
// are found by the offset of their line. Years are not compared where lines have none.
func TestBeats(t *testing.T) {
	dir := samples(t, "", "elastic/beats/filebeat/module")
	r := newReader("UTC", time.Date(2026, time.November, 21, 0, 0, 0, 0, time.UTC))
	var verdicts []verdict
	for _, set := range []string{"apache/access"} {
		paths, err := filepath.Glob(filepath.Join(dir, set, "test", "test.log"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range paths {
			verdicts = append(verdicts, beatsFile(t, r, set, path)...)
		}
	}
	settle(t, "beats", verdicts)
}

func beatsFile(t *testing.T, r *reader, set, path string) (all []verdict) {
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	expected, err := os.ReadFile(path + "-expected.json")
	if os.IsNotExist(err) {
		return nil
	}
	var events []map[string]any
	if err := json.Unmarshal(expected, &events); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	for _, e := range events {
		offset, ok := e["log.offset"].(float64)
		if !ok || int(offset) >= len(content) {
			continue
		}
		line, _, _ := strings.Cut(string(content[int(offset):]), "\n")
		v := verdict{id: name(set+"/"+filepath.Base(path), line), line: line, format: r.guess(line)}
		v.wrong = beatsCompare(t, r, &v, e)
		all = append(all, v)
	}
	return all
}

func beatsCompare(t *testing.T, r *reader, v *verdict, event map[string]any) string {
	if v.format == "" {
		return "no format fits"
	}
	rows, err := r.read(t, v.format, v.line)
	if err != nil {
		return err.Error()
	}
	for theirs, ours := range beatsFields {
		value, ok := event[theirs]
		if !ok {
			continue
		}
		want, got := fmt.Sprint(value), text(rows[0], ours)
		switch {
		case ours == "@timestamp":
			at, err := time.Parse(time.RFC3339Nano, want)
			if err != nil {
				t.Fatal(err)
			}
			want = at.UTC().Format(time.RFC3339Nano)
			if v.format == "syslog" && strings.Contains(text(rows[0], "tocsin.flags"), "no-zone") {
				want, got = want[min(4, len(want)):], got[min(4, len(got)):]
			}
			if got != want {
				return "time " + got + ", want " + want
			}
		case ours == "source.ip" && sameHost(want, got), got == "" && want == "-":
		case got != want:
			return fmt.Sprintf("%s %q, want %q", ours, got, want)
		}
	}
	return ""
}
