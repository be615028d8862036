package apitest

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// preferring: what is stored is told, whole; what is wrong, of somebody who is not, or overtaken is refused and changes nothing.
func preferring(s *suite) {
	_, err := s.Preferences(s.ctx, "")
	s.kind("Preferences of who has no account", err, fault.NotFound)
	for _, name := range []string{"admin", "bob"} {
		s.must("PutUser", s.PutUser(s.ctx, api.UserEdit{Name: name, Password: "correct horse battery", Admin: name == "admin", Create: true}))
	}
	p, err := s.Preferences(s.ctx, "bob")
	if err != nil || !cmp.Equal(p, api.Preferences{User: "bob"}) {
		s.Errorf("Preferences that nobody set = %+v, %v", p, err)
	}
	full := api.Preferences{
		User: "bob", Zone: "Europe/Berlin", MinSeverity: "HIGH", Where: `user.name == "ä\"<b>"`, Mail: api.MailWay{To: []string{"bob@example.org", "b@example.org"}},
		Syslog: api.SyslogWay{Host: "192.0.2.7", Port: 6514, Protocol: "tls", Facility: "LOCAL3", Format: "cef"},
		Quiet:  []api.QuietSpan{{Days: []string{"mon", "fri"}, From: "22:00", To: "07:00"}, {From: "12:00", To: "13:00"}}, QuietCritical: true,
		Digest: api.DigestPlan{Every: "week", At: "08:00", Day: "tue", UpTo: "LOW"},
	}
	saved, err := s.PutPreferences(s.ctx, api.PreferencesEdit{Preferences: full, Test: api.TestOff})
	s.must("PutPreferences", err)
	full.Changed = saved.Preferences.Changed
	if !cmp.Equal(saved, api.PreferencesSaved{Preferences: full}) || full.Changed.IsZero() {
		s.Errorf("PutPreferences answers %s", cmp.Diff(full, saved.Preferences))
	}
	s.prefers("bob", full)
	s.prefers("", api.Preferences{User: "admin"})
	saved, err = s.PutPreferences(s.ctx, api.PreferencesEdit{Preferences: api.Preferences{Everyone: true}})
	if err != nil || !saved.Preferences.Everyone {
		s.Errorf("an administrator who wants to be told of everyone's rules: %+v, %v", saved, err)
	}
	s.refusedPreferences(full)

	// Of two who change the same one is told of the other; without the time that he saw, the last one wins.
	first, second := full, full
	first.MinSeverity, second.MinSeverity = "LOW", "CRITICAL"
	if saved, err = s.PutPreferences(s.ctx, api.PreferencesEdit{Preferences: first, Test: api.TestOff}); err != nil {
		s.Fatalf("PutPreferences of the first = %v", err)
	}
	_, err = s.PutPreferences(s.ctx, api.PreferencesEdit{Preferences: second, Test: api.TestOff})
	s.kind("PutPreferences of who was overtaken", err, fault.Conflict)
	first.Changed = saved.Preferences.Changed
	s.prefers("bob", first)
	second.Changed = time.Time{}
	_, err = s.PutPreferences(s.ctx, api.PreferencesEdit{Preferences: second, Test: api.TestOff})
	s.must("PutPreferences of who does not care", err)

	// Whoever is deleted leaves nothing to who comes under his name.
	s.must("DeleteUser", s.DeleteUser(s.ctx, api.UserRemoval{Name: "bob"}))
	s.must("PutUser", s.PutUser(s.ctx, api.UserEdit{Name: "bob", Password: "correct horse battery", Create: true}))
	s.prefers("bob", api.Preferences{User: "bob"})
}

func (s *suite) prefers(user string, want api.Preferences) {
	s.Helper()
	got, err := s.Preferences(s.ctx, user)
	s.must("Preferences", err)
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("Preferences of %q (-want +got):\n%s", user, diff)
	}
}

func (s *suite) refusedPreferences(was api.Preferences) {
	s.Helper()
	for name, test := range map[string]struct {
		change func(*api.PreferencesEdit)
		kind   error
	}{
		"everyone":    {func(q *api.PreferencesEdit) { q.Everyone = true }, fault.Denied},
		"twice":       {func(q *api.PreferencesEdit) { q.Mail.To = []string{"b@example.org", "B@example.org"} }, fault.Invalid},
		"nobody":      {func(q *api.PreferencesEdit) { q.User = "carol" }, fault.NotFound},
		"test":        {func(q *api.PreferencesEdit) { q.Test = "perhaps" }, fault.Invalid},
		"severity":    {func(q *api.PreferencesEdit) { q.MinSeverity = "LOUD" }, fault.Invalid},
		"up to":       {func(q *api.PreferencesEdit) { q.Digest.UpTo = "NONE" }, fault.Invalid},
		"zone":        {func(q *api.PreferencesEdit) { q.Zone = "../etc/passwd" }, fault.Invalid},
		"filter":      {func(q *api.PreferencesEdit) { q.Where = "(" }, fault.Invalid},
		"addresses":   {func(q *api.PreferencesEdit) { q.Mail.To = make([]string, 10_000) }, fault.Invalid},
		"header":      {func(q *api.PreferencesEdit) { q.Mail.To = []string{"b@example.org\nBcc: evil@example.com"} }, fault.Invalid},
		"server":      {func(q *api.PreferencesEdit) { q.Mail.Server = "evil.example.com" }, fault.Denied},
		"port":        {func(q *api.PreferencesEdit) { q.Mail.Port = 25 }, fault.Denied},
		"from":        {func(q *api.PreferencesEdit) { q.Mail.From = "ceo@example.org" }, fault.Denied},
		"collector":   {func(q *api.PreferencesEdit) { q.Syslog.Host = "a b" }, fault.Invalid},
		"half a span": {func(q *api.PreferencesEdit) { q.Quiet[0].To = "" }, fault.Invalid},
		"for ever":    {func(q *api.PreferencesEdit) { q.Quiet = []api.QuietSpan{{From: "00:00", To: "24:00"}} }, fault.Invalid},
		"no such way": {func(q *api.PreferencesEdit) {
			q.Test, q.Syslog = api.TestMust, api.SyslogWay{Host: "127.0.0.1", Port: 1, Protocol: "tcp"}
		}, fault.Conflict},
	} {
		q := api.PreferencesEdit{Preferences: was, Test: api.TestOff}
		q.Quiet = append([]api.QuietSpan(nil), was.Quiet...)
		test.change(&q)
		_, err := s.PutPreferences(s.ctx, q)
		s.kind("PutPreferences: "+name, err, test.kind)
		s.prefers("bob", was)
	}
	for _, user := range []string{"carol", "a/../b", "x\x00"} {
		_, err := s.Preferences(s.ctx, user)
		s.kind(fmt.Sprintf("Preferences of %q", user), err, fault.NotFound)
		_, err = s.TestWays(s.ctx, user)
		s.kind(fmt.Sprintf("TestWays of %q", user), err, fault.NotFound)
	}
	_, err := s.TestWays(s.ctx, "")
	s.kind("TestWays of who has none", err, fault.Conflict)
}

// mailServer: all but the password is told, and that is kept for the place alone that it was given for.
func mailServer(s *suite) {
	if m, err := s.MailServer(s.ctx); err != nil || m != (api.MailServer{}) {
		s.Errorf("MailServer that nobody set = %+v, %v", m, err)
	}
	edit := api.MailServerEdit{
		Server: "127.0.0.1", Port: 1, From: "Tocsin <tocsin@example.org>", TLS: "implicit", User: "tocsin", Password: "hunter2", Test: api.TestOff,
	}
	want := api.MailServer{Server: "127.0.0.1", Port: 1, From: "Tocsin <tocsin@example.org>", TLS: "implicit", User: "tocsin", Password: true}
	put := func(q api.MailServerEdit, want api.MailServer) {
		s.Helper()
		saved, err := s.PutMailServer(s.ctx, q)
		s.must("PutMailServer", err)
		now, err := s.MailServer(s.ctx)
		if saved.MailServer != want || now != want || err != nil || len(saved.Tests) != 0 || saved.Untested != "" {
			s.Errorf("PutMailServer = %+v; MailServer = %+v, %v, want %+v", saved, now, err, want)
		}
	}
	put(edit, want)
	again := edit
	again.Password, again.From, want.From = "", "alerts@example.org", "alerts@example.org"
	put(again, want) // the password is kept
	for name, test := range map[string]struct {
		change func(*api.MailServerEdit)
		kind   error
	}{
		"another server":  {func(q *api.MailServerEdit) { q.Server = "127.0.0.2" }, fault.Invalid},
		"another port":    {func(q *api.MailServerEdit) { q.Port = 2 }, fault.Invalid},
		"less protection": {func(q *api.MailServerEdit) { q.TLS = "none" }, fault.Invalid},
		"another user":    {func(q *api.MailServerEdit) { q.User = "root" }, fault.Invalid},
		"in the clear":    {func(q *api.MailServerEdit) { q.Server, q.TLS, q.Password = "mail.example.org", "none", "hunter2" }, fault.Invalid},
		"no sender":       {func(q *api.MailServerEdit) { q.From = "" }, fault.Invalid},
		"no server":       {func(q *api.MailServerEdit) { q.Server, q.Password = "", "hunter2" }, fault.Invalid},
		"no authority":    {func(q *api.MailServerEdit) { q.CA, q.Password = "/nosuch/ca.pem", "hunter2" }, fault.Invalid},
		"test to nobody":  {func(q *api.MailServerEdit) { q.Test, q.TestTo = "", "not an address" }, fault.Invalid},
		"must be tested":  {func(q *api.MailServerEdit) { q.Test = api.TestMust }, fault.Conflict},
		"must work":       {func(q *api.MailServerEdit) { q.Test, q.TestTo = api.TestMust, "a@example.org" }, fault.Conflict},
	} {
		q := again
		test.change(&q)
		_, err := s.PutMailServer(s.ctx, q)
		s.kind("PutMailServer: "+name, err, test.kind)
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			s.Errorf("%s: the error tells the password: %v", name, err)
		}
		if now, err := s.MailServer(s.ctx); now != want || err != nil {
			s.Errorf("%s was refused, and then MailServer = %+v, %v", name, now, err)
		}
	}
	// It is stored although its test fails, and that is told.
	q := again
	q.Test, q.TestTo = api.TestChanged, "a@example.org"
	saved, err := s.PutMailServer(s.ctx, q)
	if err != nil || len(saved.Tests) != 1 || saved.Tests[0].Via != "127.0.0.1:1" || saved.Tests[0].To != "a@example.org" || !strings.Contains(saved.Tests[0].Failed, "nothing listens there") {
		s.Errorf("PutMailServer with a test = %+v, %v", saved, err)
	}
	q.TestTo = ""
	if saved, err = s.PutMailServer(s.ctx, q); err != nil || len(saved.Tests) != 0 || !strings.Contains(saved.Untested, "--test-to") {
		s.Errorf("PutMailServer without anybody to test = %+v, %v", saved, err)
	}
	lines, err := s.Audit(s.ctx, api.AuditRequest{What: "mail.change"})
	s.must("Audit", err)
	if len(lines) < 3 || strings.Contains(fmt.Sprint(lines), "hunter2") {
		s.Errorf("the audit log has %d lines: %+v", len(lines), lines)
	}
	put(api.MailServerEdit{}, api.MailServer{})
	_, err = s.PutMailServer(s.ctx, api.MailServerEdit{Server: "127.0.0.1", Port: 1, From: "a@example.org", TLS: "implicit", User: "tocsin", Test: api.TestOff})
	s.kind("PutMailServer after its password was forgotten", err, fault.Invalid)
}
