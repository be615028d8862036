package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/notifier/notifiertest"
	"tocsin/internal/report"
)

// A reporting is a tocsin with anna, an administrator, and bob, who may see what comes from 10.0.0.0/8 alone, both in Berlin.
type reporting struct {
	*testing.T

	app        *App
	svc        api.Service
	admin, bob context.Context
}

func reportingBy(t *testing.T, live bool) *reporting {
	t.Helper()
	a := running(t, live, func(s *Setup) { s.Config.HTTP.URL = "https://tocsin.example.org" })
	r := &reporting{T: t, app: a, svc: a.Service(), admin: api.As(t.Context(), api.Local())}
	r.bob = api.Through(api.As(t.Context(), api.Identity{User: "bob"}), api.Way{Via: "http", From: "192.0.2.9"})
	for _, name := range []string{"anna", "bob", "admin"} {
		r.must(r.svc.PutUser(r.admin, api.UserEdit{Name: name, Password: "correct horse battery", Create: true, Admin: name != "bob"}))
		_, err := r.svc.PutPreferences(r.admin, api.PreferencesEdit{Preferences: api.Preferences{User: name, Zone: "Europe/Berlin", Mail: api.MailWay{To: []string{name + "@example.org"}}}, Test: api.TestOff})
		r.must(err)
	}
	r.must(r.svc.FilterUser(r.admin, "bob", `related.ip in cidr("10.0.0.0/8")`))
	return r
}

func (r *reporting) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// flows appends a flow from each address at a time.
func (r *reporting) flows(at time.Time, from ...string) {
	r.Helper()
	var lines []string
	for i, ip := range from {
		lines = append(lines, fmt.Sprintf(`{"@timestamp":%q,"kind":"flow","flow.id":%d,"flow.role":"client","source.ip":%q,"source.port":40000,"destination.ip":"198.51.100.1","destination.port":22,"network.iana_number":6,"source.bytes":%d,"source.packets":1}`,
			at.UTC().Format(time.RFC3339Nano), at.Unix()<<20+int64(i), ip, 100+i))
	}
	_, err := r.svc.Append(r.admin, api.AppendRequest{}, strings.NewReader(strings.Join(lines, "\n")))
	r.must(err)
}

// set sets up a report of a user and returns it.
func (r *reporting) set(user, name, address, at string) api.Report {
	r.Helper()
	kept, err := r.svc.PutReport(r.admin, api.ReportEdit{User: user, Name: name, Address: address, Every: "day", At: at, Replace: true})
	r.must(err)
	return kept
}

// due is what is due at a time.
func (r *reporting) due(now time.Time) []report.Due {
	r.Helper()
	list, _, err := r.app.desk.Scheduler().Due(r.Context(), now)
	r.must(err)
	return list
}

// make makes what is due at a time, and returns what became of each.
func (r *reporting) make(now time.Time) (outcomes []string) {
	r.Helper()
	for _, d := range r.due(now) {
		outcome, err := r.app.desk.Scheduler().Make(r.Context(), d)
		r.must(err)
		outcomes = append(outcomes, outcome)
	}
	return outcomes
}

func (r *reporting) results(user, name string) []api.ReportResult {
	r.Helper()
	list, err := r.svc.ReportResults(r.admin, api.ReportRef{User: user, Name: name})
	r.must(err)
	return list
}

// A report is made once for each time at which it is due, as of that time: also late, over a clock that is put back, and when two
// make it at once.
func TestReportsAreMadeOnce(t *testing.T) {
	r := reportingBy(t, false)
	kept := r.set("bob", "nightly", "/flows/sessions?since=24h", "08:00")
	berlin, err := time.LoadLocation("Europe/Berlin")
	r.must(err)
	if at := kept.Next.In(berlin); at.Hour() != 8 || at.Minute() != 0 || kept.Zone != "Europe/Berlin" || kept.Keep != report.UsualKeep {
		t.Errorf("PutReport = %+v, want the next at 8 in Berlin", kept)
	}
	r.flows(kept.Next.Add(-time.Hour), "10.0.0.1", "192.0.2.1")
	r.flows(kept.Next.Add(time.Hour), "10.0.0.2", "10.0.0.3", "192.0.2.2")
	r.must(r.svc.Flush(r.admin))
	if list := r.due(kept.Next.Add(-time.Second)); len(list) != 0 {
		t.Errorf("a second before it is due, there is %+v", list)
	}

	// Two at once; an hour late, and as of when it was due. The other finds a result.
	twice := append(r.due(kept.Next.Add(time.Hour)), r.due(kept.Next.Add(time.Hour))...)
	outcomes := make(chan string)
	for _, d := range twice {
		go func() {
			outcome, err := r.app.desk.Scheduler().Make(t.Context(), d)
			outcomes <- fmt.Sprint(outcome, err)
		}()
	}
	got := []string{<-outcomes, <-outcomes}
	if slices.Sort(got); !slices.Equal(got, []string{"answered<nil>", "dropped<nil>"}) {
		t.Errorf("two at once: %q", got)
	}
	one, err := r.svc.ReportResult(r.bob, api.ResultRef{Report: "nightly"})
	r.must(err)
	if !one.Due.Equal(kept.Next) || !one.To.Equal(kept.Next) || !one.From.Equal(kept.Next.Add(-24*time.Hour)) || one.Count != 1 || !slices.Contains(one.Rows[0], "10.0.0.1") || one.Asked {
		t.Errorf("the result is %+v", one)
	}
	if list := r.due(kept.Next.Add(time.Hour)); len(list) != 0 || len(r.results("bob", "nightly")) != 1 {
		t.Errorf("after it was made there is %+v", list)
	}

	// The clock goes back, and shows the time a second time.
	if list := r.due(kept.Next.Add(-time.Minute)); len(list) != 0 {
		t.Errorf("with the clock put back there is %+v", list)
	}
	if got := r.make(kept.Next); !slices.Equal(got, []string{report.Dropped}) || len(r.results("bob", "nightly")) != 1 {
		t.Errorf("when its time comes again it is %q", got)
	}
	// Nobody ran for days: the latest counts.
	if got := r.make(kept.Next.Add(80 * time.Hour)); !slices.Equal(got, []string{report.Answered}) {
		t.Errorf("after days it is %q", got)
	}
	list := r.results("bob", "nightly")
	if at := list[0].Due.In(berlin); len(list) != 2 || at.Hour() != 8 || list[0].Due.Sub(kept.Next) < 70*time.Hour {
		t.Errorf("after days the results are %+v", list)
	}
	if rows, err := r.svc.Reports(r.bob, ""); err != nil || len(rows) != 1 || !rows[0].Last.Equal(list[0].Due) {
		t.Errorf("Reports = %+v, %v", rows, err)
	}
}

// What somebody may not see is in no result of his, whoever asks for it; and nobody sees those of others.
func TestReportsKeepBounds(t *testing.T) {
	r := reportingBy(t, false)
	for name, address := range map[string]string{"sessions": "/flows/sessions?since=7d", "ranking": "/flows?since=7d&rows=100", "pairs": "/flows?since=7d&by=pair&where=source.ip+!%3D+10.0.0.9", "alerts": "/alerts?state=all"} {
		if name == "pairs" {
			address = `/flows?since=7d&by=pair&where=source.ip+!%3D+%2210.0.0.9%22`
		}
		r.set("bob", name, address, "08:00")
		r.set("anna", name, address, "08:00")
	}
	at := time.Now().Add(-time.Minute)
	r.flows(at, "10.0.0.1", "192.0.2.1", "192.0.2.2")
	r.must(r.svc.Flush(r.admin))
	if got := r.make(time.Now().Add(25 * time.Hour)); len(got) != 8 || slices.Contains(got, report.Failed) {
		t.Errorf("8 reports are %q", got)
	}
	for _, name := range []string{"sessions", "ranking", "pairs", "alerts"} {
		_, err := r.svc.RunReport(r.admin, api.ReportRun{User: "bob", Name: name})
		r.must(err)
		for _, kept := range r.results("bob", name) {
			one, err := r.svc.ReportResult(r.admin, api.ResultRef{User: "bob", Report: name, ID: kept.ID})
			r.must(err)
			if text := fmt.Sprint(one); strings.Contains(text, "192.0.2.") {
				t.Errorf("%s of bob has what he may not see: %s", name, text)
			}
		}
		annas, err := r.svc.ReportResult(r.admin, api.ResultRef{User: "anna", Report: name})
		r.must(err)
		if name != "alerts" && !strings.Contains(fmt.Sprint(annas), "192.0.2.1") {
			t.Errorf("%s of anna lacks what she may see: %+v", name, annas)
		}
		_, err = r.svc.ReportResult(r.bob, api.ResultRef{User: "anna", Report: name})
		refused := map[string]error{"ReportResult": err, "DeleteReport": r.svc.DeleteReport(r.bob, api.ReportRef{User: "anna", Name: name}), "DeleteReportResult": r.svc.DeleteReportResult(r.bob, api.ResultRef{User: "anna", Report: name, ID: annas.ID})}
		_, refused["RunReport"] = r.svc.RunReport(r.bob, api.ReportRun{User: "anna", Name: name})
		_, refused["Reports"] = r.svc.Reports(r.bob, "anna")
		_, refused["ReportResults"] = r.svc.ReportResults(r.bob, api.ReportRef{User: "anna", Name: name})
		_, refused["PutReport"] = r.svc.PutReport(r.bob, api.ReportEdit{User: "anna", Name: name, Address: "/flows", Every: "day"})
		for what, err := range refused {
			if fault.Kind(err) != fault.Denied {
				t.Errorf("%s by bob of anna's = %v, want denied", what, err)
			}
		}
	}
	if _, err := r.svc.PutReport(r.admin, api.ReportEdit{User: "bob", Name: "annas", Address: "/alerts?owner=anna", Every: "day"}); fault.Kind(err) != fault.Denied {
		t.Errorf("a report of bob's of anna's alerts = %v, want denied", err)
	}
}

// A report that cannot be answered any more says so; one that nobody wants any more leaves nothing behind.
func TestReportsThatCannotBeMade(t *testing.T) {
	r := reportingBy(t, false)
	r.set("anna", "of bob", "/alerts?owner=bob&state=all", "08:00")
	r.must(r.svc.SetRole(r.admin, "anna", false))
	tomorrow := time.Now().Add(25 * time.Hour)
	if got := r.make(tomorrow); !slices.Equal(got, []string{report.Failed}) {
		t.Errorf("what its owner may no longer ask is %q", got)
	}
	if list := r.results("anna", "of bob"); len(list) != 1 || !strings.Contains(list[0].Error, "only an administrator") || list[0].Count != 0 {
		t.Errorf("its results are %+v", list)
	}
	if rows, err := r.svc.Reports(r.admin, "anna"); err != nil || !strings.Contains(rows[0].LastError, "only an administrator") {
		t.Errorf("Reports = %+v, %v", rows, err)
	}

	r.set("bob", "changed", "/flows", "08:00")
	due := r.due(tomorrow)
	r.set("bob", "changed", "/flows?by=port", "09:00")
	if len(due) != 1 {
		t.Fatalf("due is %+v", due)
	}
	if outcome, err := r.app.desk.Scheduler().Make(t.Context(), due[0]); outcome != report.Dropped || err != nil || len(r.results("bob", "changed")) != 0 {
		t.Errorf("what was changed while it was made is %s, %v", outcome, err)
	}
	due = r.due(tomorrow)
	ended, end := context.WithCancel(t.Context())
	end()
	if outcome, err := r.app.desk.Scheduler().Make(ended, due[0]); err == nil || outcome != "" || len(r.results("bob", "changed")) != 0 {
		t.Errorf("what was made when tocsin ended is %s, %v", outcome, err)
	}
	r.must(r.svc.DisableUser(r.admin, "bob", true))
	if outcome, err := r.app.desk.Scheduler().Make(t.Context(), due[0]); outcome != report.Dropped || err != nil || len(r.due(tomorrow)) != 0 || len(r.results("bob", "changed")) != 0 {
		t.Errorf("what was made when its owner was shut out is %s, %v", outcome, err)
	}
	r.must(r.svc.DeleteUser(r.admin, api.UserRemoval{Name: "bob"}))
	if outcome, err := r.app.desk.Scheduler().Make(t.Context(), due[0]); outcome != report.Dropped || err != nil {
		t.Errorf("what was made when its owner was deleted is %s, %v", outcome, err)
	}
}

// A running tocsin makes what was due while it did not run, and mails it; without an address or a server the result says so.
func TestReportsAreMailed(t *testing.T) {
	r := reportingBy(t, true)
	berlin, err := time.LoadLocation("Europe/Berlin")
	r.must(err)
	at := time.Now().Add(-2 * time.Hour).In(berlin).Format("15:04") // so that it is late, and is told to be, at any time of day
	_, err = r.svc.PutReport(r.admin, api.ReportEdit{User: "anna", Name: "nightly <b>", Address: "/flows?since=7d&by=server", Every: "day", At: at, Mail: true})
	r.must(err)
	if _, err := r.svc.RunReport(r.admin, api.ReportRun{User: "anna", Name: "nightly <b>", Mail: true}); fault.Kind(err) != fault.Conflict || !strings.Contains(err.Error(), "no mail server") {
		t.Errorf("RunReport with a mail that cannot be sent = %v, want conflict", err)
	}
	smtp := notifiertest.Mail(t, "none", time.Now().Add(time.Hour))
	_, err = r.svc.PutMailServer(r.admin, api.MailServerEdit{Server: "127.0.0.1", Port: smtp.Port, From: "tocsin@example.org", TLS: "none", Test: api.TestOff})
	r.must(err)
	r.flows(time.Now().Add(-50*time.Hour), "10.0.0.1", "192.0.2.1")
	r.must(r.svc.Flush(r.admin))

	kept, err := r.app.ledger.Report(t.Context(), "anna", "nightly <b>")
	r.must(err)
	kept.Past = time.Now().Add(-49 * time.Hour) // as when nobody ran for two days
	r.must(r.app.ledger.PutReport(t.Context(), kept, true, time.Time{}))
	select {
	case l := <-smtp.Letters:
		one, err := r.svc.ReportResult(r.admin, api.ResultRef{User: "anna", Report: "nightly <b>"})
		r.must(err)
		for _, want := range []string{"Subject: Report nightly <b>: servers by bytes, ", "198.51.100.1 ", "2 sessions, 2 packets, 201 bytes", fmt.Sprintf("https://tocsin.example.org/reports/nightly%%20%%3Cb%%3E/%d", one.ID), "It was due at"} {
			if !strings.Contains(unfolded(l.Data), want) {
				t.Errorf("the mail lacks %q:\n%s", want, l.Data)
			}
		}
		if one.Mail != "to anna@example.org" || !slices.Equal(l.To, []string{"anna@example.org"}) {
			t.Errorf("the mail went to %v, and the result says %q", l.To, one.Mail)
		}
	case <-time.After(time.Minute):
		t.Fatal("no mail came")
	}
	for end := time.Now().Add(time.Minute); ; {
		list, err := r.svc.Notices(r.admin, api.NoticeRequest{User: "anna"})
		r.must(err)
		if len(list) == 1 && list[0].State == string(ledger.Sent) && list[0].Change == "REPORT" && list[0].Why == "report nightly <b>" {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("Notices = %+v, want one that was sent", list)
		}
	}
	if got := len(r.results("anna", "nightly <b>")); got != 1 {
		t.Errorf("%d results of one time", got)
	}
}

// unfolded is a mail as its reader sees it: long lines of quoted-printable (RFC 2045, section 6.7) and of headers are whole.
func unfolded(data string) string {
	return strings.NewReplacer("=\r\n", "", "=\n", "", "\r\n ", " ", "\n ", " ", "=3D", "=", "=E2=80=93", "–").Replace(data)
}
