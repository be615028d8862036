package apitest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// accessLog writes n lines of a combined log, a second apart from noon on, of one address that asks for what is not there.
func accessLog(address string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%s - - [%s] \"GET /%d HTTP/1.1\" 404 10 \"-\" \"test\"\n", address, noon.Add(time.Duration(i)*time.Second).Format("02/Jan/2006:15:04:05 -0700"), i)
	}
	return b.String()
}

func ingest(s *suite) {
	text := accessLog("192.0.2.9", 500)
	offset, err := s.Resume(s.ctx, "file 1")
	s.must("Resume", err)
	if offset > 0 {
		s.Errorf("Resume of an unknown source = %d, want none", offset)
	}
	q := api.IngestRequest{Source: "file 1", Path: "access.log", Service: "web"}
	a, err := s.Ingest(s.ctx, q, strings.NewReader(text+"foul line\n\n"))
	s.must("Ingest", err)
	if a.Format != "combined" || a.Events != 500 || a.Rejected != 1 || a.Lines != a.Events+a.Rejected+a.Empty || len(a.Errors) != 1 || a.Errors[0].Line != 501 ||
		!a.First.Equal(noon) || !a.Last.Equal(noon.Add(499*time.Second)) {
		s.Errorf("Ingest = %+v", a)
	}
	s.must("Flush", s.Flush(s.ctx))
	if offset, err = s.Resume(s.ctx, "file 1"); err != nil || offset != int64(len(text)+len("foul line\n\n")) {
		s.Errorf("Resume = %d, %v, want %d", offset, err, len(text)+len("foul line\n\n"))
	}
	q.Offset = offset
	a, err = s.Ingest(s.ctx, q, strings.NewReader(accessLog("192.0.2.10", 1)))
	if err != nil || a.Events != 1 {
		s.Errorf("Ingest of what was added = %+v, %v", a, err)
	}
	s.must("Flush", s.Flush(s.ctx))
	total, err := s.Top(s.ctx, api.TopRequest{By: []string{}, Where: `service.name == "web"`})
	if err != nil || total.Events != 501 {
		s.Errorf("the history holds %d events, %v, want 501", total.Events, err)
	}
	_, err = s.Ingest(s.ctx, api.IngestRequest{Format: "nonsense"}, strings.NewReader(text))
	s.kind("Ingest of an unknown format", err, fault.Invalid)
	_, err = s.Ingest(s.ctx, api.IngestRequest{Format: "combined", Zone: "Mars/Base"}, strings.NewReader(text))
	s.kind("Ingest in an unknown zone", err, fault.Invalid)
}

const scan = `name: scan
from: log
where: http.response.status_code == 404
detect: {threshold: {metric: count, by: [source.ip], over: 1m, at_least: 3}}
severity: HIGH
`

func rules(s *suite) {
	list := func(q api.RuleRequest) string {
		s.Helper()
		found, err := s.Rules(s.ctx, q)
		s.must("Rules", err)
		var names []string
		for _, r := range found {
			names = append(names, fmt.Sprintf("%s v%d %v", r.Name, r.Version, r.Enabled))
		}
		return strings.Join(names, ", ")
	}
	is := func(q api.RuleRequest, want string) {
		s.Helper()
		if got := list(q); got != want {
			s.Errorf("Rules(%+v) = %q, want %q", q, got, want)
		}
	}
	is(api.RuleRequest{}, "")
	kept, err := s.PutRule(s.ctx, api.RuleEdit{Text: scan})
	s.must("PutRule", err)
	if kept.Name != "scan" || kept.Version != 1 || !kept.Enabled || kept.ReadOnly || kept.Severity != "HIGH" || kept.From != "log" || kept.Title != "" || kept.Problem != "" {
		s.Errorf("PutRule = %+v", kept)
	}
	found, err := s.Rules(s.ctx, api.RuleRequest{Name: "scan"})
	if err != nil || len(found) != 1 || found[0].Text != scan || found[0].ID != kept.ID {
		s.Errorf("Rules of the name = %+v, %v, want the rule with its text", found, err)
	}
	_, err = s.PutRule(s.ctx, api.RuleEdit{Text: scan})
	s.kind("PutRule of a name twice", err, fault.Conflict)
	_, err = s.PutRule(s.ctx, api.RuleEdit{Text: strings.Replace(scan, "scan", "other", 1), Replace: true})
	s.kind("PutRule that replaces none", err, fault.NotFound)
	for name, text := range map[string]string{"nothing": "", "no YAML": "a: [", "an unknown key": scan + "wher: x\n", "an unknown field": strings.Replace(scan, "source.ip", "source.pi", 1),
		"a wrong filter": strings.Replace(scan, "== 404", "==", 1), "an unknown detector": strings.Replace(scan, "threshold", "treshold", 1), "two rules": "- " + strings.ReplaceAll(scan, "\n", "\n  ") + "\n- name: b\n"} {
		_, err = s.PutRule(s.ctx, api.RuleEdit{Text: text})
		s.kind("PutRule of "+name, err, fault.Invalid)
	}
	kept, err = s.PutRule(s.ctx, api.RuleEdit{Text: strings.Replace(scan, "HIGH", "LOW", 1) + "title: Many pages that are not there\n", Replace: true})
	if err != nil || kept.Version != 2 || kept.Severity != "LOW" || kept.Title != "Many pages that are not there" {
		s.Errorf("PutRule that replaces = %+v, %v, want version 2", kept, err)
	}
	s.must("EnableRule", s.EnableRule(s.ctx, "", "scan", false))
	is(api.RuleRequest{}, "scan v2 false")
	s.must("EnableRule", s.EnableRule(s.ctx, "", "scan", true))
	is(api.RuleRequest{Owner: "*"}, "scan v2 true")
	s.kind("EnableRule of none", s.EnableRule(s.ctx, "", "none", true), fault.NotFound)
	s.kind("DeleteRule of none", s.DeleteRule(s.ctx, "", "none"), fault.NotFound)
	s.must("DeleteRule", s.DeleteRule(s.ctx, "", "scan"))
	is(api.RuleRequest{Name: "scan"}, "")
	again, err := s.PutRule(s.ctx, api.RuleEdit{Text: scan})
	if err != nil || again.ID == kept.ID {
		s.Errorf("PutRule after DeleteRule = %+v, %v, want a number never used before", again, err)
	}
}

func detect(s *suite) {
	_, err := s.PutRule(s.ctx, api.RuleEdit{Text: scan})
	s.must("PutRule", err)
	for address, n := range map[string]int{"192.0.2.1": 2, "192.0.2.2": 3, "192.0.2.3": 10} {
		_, err := s.Ingest(s.ctx, api.IngestRequest{Path: address}, strings.NewReader(accessLog(address, n)))
		s.must("Ingest", err)
	}
	s.must("Flush", s.Flush(s.ctx))
	about := func(list []alert.Alert) string {
		names := map[string]bool{}
		for _, a := range list {
			if a.Origin != "history" || a.State != alert.Ended || a.RuleName != "scan" || a.Severity != alert.High || a.Reason == "" || len(a.Samples) == 0 {
				s.Errorf("alert of history = %+v", a)
			}
			names[a.Entity.Key()] = true
		}
		return fmt.Sprint(len(list), names)
	}
	const both = "2 map[source.ip=192.0.2.2:true source.ip=192.0.2.3:true]"
	dry, err := s.Detect(s.ctx, api.DetectRequest{DryRun: true})
	if err != nil || dry.Rules != 1 || about(dry.Alerts) != both {
		s.Errorf("Detect that keeps nothing = %+v, %v, want %s", dry, err, both)
	}
	if kept, err := s.Alerts(s.ctx, api.AlertRequest{User: "*"}); err != nil || len(kept) != 0 {
		s.Errorf("Alerts after a dry run = %+v, %v, want none", kept, err)
	}
	a, err := s.Detect(s.ctx, api.DetectRequest{})
	if err != nil || about(a.Alerts) != both {
		s.Errorf("Detect = %+v, %v, want %s", a, err, both)
	}
	first, err := s.Alerts(s.ctx, api.AlertRequest{User: "*"})
	if err != nil || about(first) != both {
		s.Fatalf("Alerts = %+v, %v, want %s", first, err, both)
	}
	again := func(q api.DetectRequest, change ...cmp.Option) {
		s.Helper()
		_, err := s.Detect(s.ctx, q)
		s.must("Detect again", err)
		second, err := s.Alerts(s.ctx, api.AlertRequest{User: "*"})
		if diff := cmp.Diff(first, second, change...); err != nil || diff != "" {
			s.Errorf("Alerts after Detect(%+v) once more: %v (-first +second):\n%s", q, err, diff)
		}
	}
	again(api.DetectRequest{})
	// looking further, it may see later when the condition ended
	again(api.DetectRequest{Rules: []string{"scan"}, Since: noon.Add(-time.Hour), Until: noon.Add(time.Hour)}, cmp.FilterPath(func(p cmp.Path) bool {
		return slices.Contains([]string{".Updated", ".EndedAt", ".Change"}, p.Last().String())
	}, cmp.Ignore()))
	newest, err := s.Alerts(s.ctx, api.AlertRequest{User: "*"})
	s.must("Alerts", err)
	s.filters(newest)
	s.following()
	_, err = s.Detect(s.ctx, api.DetectRequest{Rules: []string{"none"}})
	s.kind("Detect by an unknown rule", err, fault.NotFound)
}

// filters asks for some of two alerts.
func (s *suite) filters(list []alert.Alert) {
	newest := list[0]
	for _, c := range []struct {
		q    api.AlertRequest
		want int
	}{
		{api.AlertRequest{ID: newest.ID}, 1}, {api.AlertRequest{ID: 1 << 40}, 0}, {api.AlertRequest{States: []string{"ended"}}, 2}, {api.AlertRequest{States: []string{"open", "acknowledged"}}, 0},
		{api.AlertRequest{Rule: "scan"}, 2}, {api.AlertRequest{Rule: "none"}, 0}, {api.AlertRequest{MinSeverity: "high"}, 2}, {api.AlertRequest{MinSeverity: "CRITICAL"}, 0},
		{api.AlertRequest{Limit: 1}, 1}, {api.AlertRequest{Since: newest.Last}, 2}, {api.AlertRequest{Since: newest.Last.Add(1)}, 0}, {api.AlertRequest{Until: noon}, 0}, {api.AlertRequest{SinceID: max(list[0].ID, list[1].ID)}, 0},
		{api.AlertRequest{SinceChange: -1}, 2}, {api.AlertRequest{SinceChange: min(list[0].Change, list[1].Change)}, 1}, {api.AlertRequest{SinceChange: max(list[0].Change, list[1].Change)}, 0},
	} {
		c.q.User = "*"
		if got, err := s.Alerts(s.ctx, c.q); err != nil || len(got) != c.want {
			s.Errorf("Alerts(%+v) = %d alerts, %v, want %d", c.q, len(got), err, c.want)
		}
	}
}

// following reads all alerts one by one, in the order of their changes.
func (s *suite) following() {
	last := int64(-1)
	for range 2 {
		got, err := s.Alerts(s.ctx, api.AlertRequest{User: "*", SinceChange: last, Limit: 1})
		if err != nil || len(got) != 1 || got[0].Change <= last || got[0].Born > got[0].Change || got[0].Born < 1 {
			s.Fatalf("Alerts behind change %d = %+v, %v", last, got, err)
		}
		last = got[0].Change
	}
	_, err := s.Alerts(s.ctx, api.AlertRequest{SinceChange: -2})
	s.kind("Alerts behind a change that cannot be", err, fault.Invalid)
}

func users(s *suite) {
	const password = "correct horse battery"
	names := func(want string) {
		s.Helper()
		list, err := s.Users(s.ctx)
		s.must("Users", err)
		var got []string
		for _, u := range list {
			got = append(got, fmt.Sprintf("%s admin=%v disabled=%v", u.Name, u.Admin, u.Disabled))
			if u.Created.IsZero() {
				s.Errorf("user %s was never created", u.Name)
			}
		}
		if text := strings.Join(got, ", "); text != want {
			s.Errorf("Users = %q, want %q", text, want)
		}
	}
	names("")
	s.must("PutUser", s.PutUser(s.ctx, api.UserEdit{Name: "alice", Password: password, Admin: true, Create: true}))
	s.must("PutUser", s.PutUser(s.ctx, api.UserEdit{Name: "bob", Password: password, Create: true}))
	names("alice admin=true disabled=false, bob admin=false disabled=false")
	s.kind("PutUser of a name twice", s.PutUser(s.ctx, api.UserEdit{Name: "bob", Password: password, Create: true}), fault.Conflict)
	for _, name := range []string{"", "a b", "*", "x\x00"} {
		s.kind(fmt.Sprintf("PutUser of the name %q", name), s.PutUser(s.ctx, api.UserEdit{Name: name, Password: password, Create: true}), fault.Invalid)
	}
	s.kind("PutUser without a password", s.PutUser(s.ctx, api.UserEdit{Name: "carol", Create: true}), fault.Invalid)
	s.must("change password", s.PutUser(s.ctx, api.UserEdit{Name: "bob", Password: password + "!"}))
	s.kind("change password of nobody", s.PutUser(s.ctx, api.UserEdit{Name: "carol", Password: password}), fault.NotFound)
	s.must("DisableUser", s.DisableUser(s.ctx, "bob", true))
	names("alice admin=true disabled=false, bob admin=false disabled=true")
	s.must("DisableUser", s.DisableUser(s.ctx, "bob", false))
	s.kind("DisableUser of nobody", s.DisableUser(s.ctx, "carol", true), fault.NotFound)

	expires := time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	one, err := s.MakeToken(s.ctx, api.TokenRequest{User: "bob", Expires: expires})
	if err != nil || one.Token == "" || one.User != "bob" || !one.Expires.Equal(expires) {
		s.Errorf("MakeToken = %+v, %v", one, err)
	}
	other, err := s.MakeToken(s.ctx, api.TokenRequest{User: "bob"})
	if err != nil || other.Token == one.Token {
		s.Errorf("MakeToken gives %+v, %v, want another token", other, err)
	}
	_, err = s.MakeToken(s.ctx, api.TokenRequest{User: "carol"})
	s.kind("MakeToken for nobody", err, fault.NotFound)
}

func health(s *suite) {
	s.mixed()
	h, err := s.Service.Health(s.ctx)
	s.must("Health", err)
	if h.Version == "" || h.Started.IsZero() || h.Journal.Epoch == "" || h.Journal.MaxBytes <= 0 || h.History.Rows+h.History.MemoryRows != 5 || h.Events["log"] != 4 || h.Events["login"] != 1 {
		s.Errorf("Health after 5 events = %+v", h)
	}
	if !h.OK || len(h.Problems) > 0 {
		s.Errorf("Health tells problems: %q", h.Problems)
	}
}

func backup(s *suite) {
	s.mixed()
	dir := filepath.Join(s.TempDir(), "backup")
	s.must("Backup", s.Backup(s.ctx, dir))
	var bytes int64
	s.must("walk backup", filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			bytes += info.Size()
		}
		return err
	}))
	if bytes == 0 {
		s.Error("the backup is empty")
	}
	s.kind("Backup into a directory that is not empty", s.Backup(s.ctx, dir), fault.Conflict)
}
