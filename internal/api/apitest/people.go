package apitest

import (
	"slices"
	"strings"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// people: what administrators do about accounts and tokens shows in them, and in the audit log.
func people(s *suite) {
	const password, filter = "correct horse battery", `source.ip in cidr("10.0.0.0/8")`
	for _, name := range []string{"alice", "bob"} {
		s.must("PutUser", s.PutUser(s.ctx, api.UserEdit{Name: name, Password: password, Admin: name == "alice", Create: true}))
	}
	is := func(name string, admin bool, filter string) {
		s.Helper()
		if u, err := s.User(s.ctx, name); err != nil || u.Name != name || u.Admin != admin || u.Filter != filter || u.Created.IsZero() {
			s.Errorf("User(%s) = %+v, %v, want admin %v, filter %q", name, u, err, admin, filter)
		}
	}
	s.must("FilterUser", s.FilterUser(s.ctx, "bob", " "+filter+"\n"))
	is("bob", false, filter)
	s.kind("FilterUser by what is no filter", s.FilterUser(s.ctx, "bob", "source.ip =="), fault.Invalid)
	s.kind("FilterUser of an administrator", s.FilterUser(s.ctx, "alice", filter), fault.Conflict)
	s.kind("FilterUser of nobody", s.FilterUser(s.ctx, "carol", filter), fault.NotFound)
	s.kind("SetRole of who is bounded", s.SetRole(s.ctx, "bob", true), fault.Conflict)
	s.must("FilterUser", s.FilterUser(s.ctx, "bob", ""))
	s.must("SetRole", s.SetRole(s.ctx, "bob", true))
	is("bob", true, "")
	s.must("SetRole", s.SetRole(s.ctx, "alice", false))
	is("alice", false, "")
	s.kind("SetRole of the last administrator", s.SetRole(s.ctx, "bob", false), fault.Conflict)
	s.kind("SetRole of nobody", s.SetRole(s.ctx, "carol", true), fault.NotFound)
	_, err := s.User(s.ctx, "carol")
	s.kind("User of nobody", err, fault.NotFound)
	if done, err := s.LogOutUser(s.ctx, "alice"); err != nil || done.Sessions != 0 {
		s.Errorf("LogOutUser = %+v, %v", done, err)
	}
	_, err = s.LogOutUser(s.ctx, "carol")
	s.kind("LogOutUser of nobody", err, fault.NotFound)
	s.tokens()

	_, err = s.PutRule(s.ctx, api.RuleEdit{Owner: "alice", Text: scan})
	s.must("PutRule", err)
	s.kind("DeleteUser who owns a rule", s.DeleteUser(s.ctx, api.UserRemoval{Name: "alice"}), fault.Conflict)
	s.kind("DeleteUser in two ways", s.DeleteUser(s.ctx, api.UserRemoval{Name: "alice", WithRules: true, To: "bob"}), fault.Invalid)
	s.kind("DeleteUser to nobody", s.DeleteUser(s.ctx, api.UserRemoval{Name: "alice", To: "carol"}), fault.NotFound)
	s.must("DeleteUser", s.DeleteUser(s.ctx, api.UserRemoval{Name: "alice", To: "*"}))
	rules, err := s.Rules(s.ctx, api.RuleRequest{})
	if err != nil || len(rules) != 1 || rules[0].Owner != "" {
		s.Errorf("rules after they were handed over to everybody: %+v, %v", rules, err)
	}
	s.kind("DeleteUser of the last administrator", s.DeleteUser(s.ctx, api.UserRemoval{Name: "bob"}), fault.Conflict)
	s.audited()
}

func (s *suite) tokens() {
	one, err := s.MakeToken(s.ctx, api.TokenRequest{User: "bob", Label: "agent", Scopes: "send,read", Never: true})
	if err != nil || one.Scopes != "read,send" || !one.Expires.IsZero() || one.ID == 0 {
		s.Errorf("MakeToken = %+v, %v", one, err)
	}
	other, err := s.MakeToken(s.ctx, api.TokenRequest{User: "bob"})
	if days := time.Until(other.Expires).Hours() / 24; err != nil || other.Scopes != "read" || days < 89 || days > 91 {
		s.Errorf("MakeToken without more = %+v, %v, want read for 90 days", other, err)
	}
	for _, q := range []api.TokenRequest{
		{User: "bob", Scopes: "everything"}, {User: "bob", Expires: time.Now().Add(-time.Hour)}, {User: "bob", Never: true, Expires: time.Now().Add(time.Hour)},
	} {
		_, err := s.MakeToken(s.ctx, q)
		s.kind("MakeToken", err, fault.Invalid)
	}
	valid := func(want ...int64) {
		s.Helper()
		for _, user := range []string{"bob", "*"} {
			list, err := s.Tokens(s.ctx, api.TokenQuery{User: user})
			s.must("Tokens", err)
			var got []int64
			for _, t := range list {
				if t.Valid {
					got = append(got, t.ID)
				}
				if t.User != "bob" || t.Created.IsZero() || !t.Used.IsZero() || t.Valid == !t.Revoked.IsZero() {
					s.Errorf("token %+v", t)
				}
			}
			if !slices.Equal(got, want) {
				s.Errorf("valid tokens of %s: %v, want %v", user, got, want)
			}
		}
	}
	valid(one.ID, other.ID)
	if done, err := s.RevokeTokens(s.ctx, api.TokenRevocation{User: "bob", ID: one.ID}); err != nil || done.Tokens != 1 {
		s.Errorf("RevokeTokens = %+v, %v", done, err)
	}
	valid(other.ID)
	_, err = s.RevokeTokens(s.ctx, api.TokenRevocation{User: "alice", ID: other.ID})
	s.kind("RevokeTokens of another account", err, fault.NotFound)
	if done, err := s.RevokeTokens(s.ctx, api.TokenRevocation{User: "bob"}); err != nil || done.Tokens != 1 {
		s.Errorf("RevokeTokens of all = %+v, %v", done, err)
	}
	valid()
}

func (s *suite) audited() {
	lines, err := s.Audit(s.ctx, api.AuditRequest{})
	s.must("Audit", err)
	for i, l := range lines {
		if l.ID == 0 || l.At.IsZero() || l.Who != "admin" || l.Via == "" || l.What == "" || l.Outcome == "" || i > 0 && l.At.After(lines[i-1].At) {
			s.Errorf("line %+v", l)
		}
		if strings.Contains(l.Was+l.Became+l.Outcome, "horse") || strings.Contains(l.Became, "tcs_") {
			s.Errorf("a secret stands in %+v", l)
		}
	}
	done, err := s.Audit(s.ctx, api.AuditRequest{What: "users.delete", Subject: "alice", User: "admin", Limit: 1})
	if err != nil || len(done) != 1 || done[0].Outcome != "done" || done[0].Was != "user" || done[0].Became != "deleted" {
		s.Errorf("Audit of the deletion = %+v, %v", done, err)
	}
	behind, last := 0, int64(-1)
	for {
		page, err := s.Audit(s.ctx, api.AuditRequest{SinceID: last, Limit: 3})
		s.must("Audit", err)
		if len(page) == 0 {
			break
		}
		behind, last = behind+len(page), page[len(page)-1].ID
	}
	if behind != len(lines) || behind < 10 {
		s.Errorf("page by page come %d lines, at once %d", behind, len(lines))
	}
	_, err = s.Audit(s.ctx, api.AuditRequest{Limit: -1})
	s.kind("Audit with a limit below 0", err, fault.Invalid)
}
