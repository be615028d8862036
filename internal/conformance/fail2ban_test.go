package conformance_test

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The samples of fail2ban's filters: before each line stands what is to be found in it. They are meant to be read at noon
// of 14 August 2005 in Zurich. GPL: they are read where the Debian package puts them.
const (
	fail2banPackage = "/usr/lib/python3/dist-packages/fail2ban/tests"
	fail2banNow     = 1124013600
)

// A failJSON is the annotation of one line.
type failJSON struct {
	Match bool   `json:"match"`
	Time  string `json:"time"`
	Host  string `json:"host"`
	User  string `json:"user"`
}

func TestFail2ban(t *testing.T) {
	dir := samples(t, "fail2ban", "fail2ban/fail2ban/fail2ban/tests", fail2banPackage)
	paths, err := filepath.Glob(filepath.Join(dir, "files", "logs", "*"))
	if err != nil {
		t.Fatal(err)
	}
	r := newReader("Europe/Zurich", time.Unix(fail2banNow, 0))
	var verdicts []verdict
	for _, path := range paths {
		if info, err := os.Stat(path); err != nil || info.IsDir() {
			continue
		}
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		verdicts = append(verdicts, fail2banFile(t, r, filepath.Base(path), string(content))...)
	}
	settle(t, "fail2ban", verdicts)
}

func fail2banFile(t *testing.T, r *reader, file, content string) (all []verdict) {
	var say *failJSON
	for line := range strings.Lines(content) {
		line = strings.TrimRight(line, "\r\n")
		if comment, is := strings.CutPrefix(line, "#"); is {
			if text, is := strings.CutPrefix(strings.TrimSpace(comment), "failJSON:"); is {
				say = &failJSON{}
				if err := json.Unmarshal([]byte(text), say); err != nil {
					t.Fatalf("%s: %s: %v", file, text, err)
				}
			}
			continue
		}
		if say == nil || line == "" {
			continue
		}
		v := verdict{id: name(file, line+say.Time+say.Host), line: line, format: r.guess(line)}
		v.wrong = say.compare(t, r, &v)
		all = append(all, v)
		say = nil
	}
	return all
}

// compare says what tocsin reads differently: the time and the address, and the user where one is named, of a line that
// must match; a failed login in one that must not.
func (say *failJSON) compare(t *testing.T, r *reader, v *verdict) string {
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
	row := rows[0]
	verdict := text(row, "event.outcome") == "failure" && strings.HasSuffix(text(row, "event.action"), "_login")
	if !say.Match {
		if verdict && v.format == "syslog" {
			return "it is taken for a failed login"
		}
		return ""
	}
	if say.Time != "" { // those of the journal's lines stand elsewhere
		at, err := time.ParseInLocation("2006-1-2T15:04:05", say.Time, zurich(t))
		if err != nil {
			t.Fatal(err)
		}
		got, err := time.Parse(time.RFC3339Nano, text(row, "@timestamp"))
		if err != nil || !got.Truncate(time.Second).Equal(at) {
			return "time " + text(row, "@timestamp") + ", want " + at.UTC().Format(time.RFC3339)
		}
	}
	if say.Host != "" && !sameHost(say.Host, text(row, "source.ip")) && say.Host != text(row, "source.domain") {
		return "from " + text(row, "source.ip") + text(row, "source.domain") + ", want " + say.Host
	}
	if say.User != "" && say.User != text(row, "user.name") {
		return "user " + text(row, "user.name") + ", want " + say.User
	}
	return ""
}

func sameHost(want, got string) bool {
	a, err1 := netip.ParseAddr(want)
	b, err2 := netip.ParseAddr(got)
	return err1 == nil && err2 == nil && a.Unmap() == b.Unmap()
}

func zurich(t *testing.T) *time.Location {
	place, err := time.LoadLocation("Europe/Zurich")
	if err != nil {
		t.Fatal(err)
	}
	return place
}
