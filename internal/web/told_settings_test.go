package web

import (
	"context"
	"slices"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// settings are what the pages of settings show and change.
type settings struct {
	preferences api.Preferences
	edits       []api.PreferencesEdit
	server      api.MailServer
	serverEdits []api.MailServerEdit
	tests       []api.WayTest
	tokens      []api.TokenEntry
	asked       []api.TokenRequest
	notices     []api.AlertNotice
	again       []int64
	users       []api.User
	did         []string // to accounts
	audit       []api.AuditLine
}

func (s *told) Preferences(context.Context, string) (api.Preferences, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.preferences, s.err
}

func (s *told) PutPreferences(_ context.Context, q api.PreferencesEdit) (api.PreferencesSaved, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.edits = append(s.edits, q)
	if s.refuse == nil {
		s.preferences = q.Preferences
	}
	tests := s.tests
	if q.Test == api.TestOff {
		tests = nil
	}
	return api.PreferencesSaved{Preferences: q.Preferences, Tests: tests}, s.refuse
}

func (s *told) TestWays(context.Context, string) ([]api.WayTest, error) { return s.tests, s.refuse }

func (s *told) MailServer(context.Context) (api.MailServer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.server, s.err
}

func (s *told) PutMailServer(_ context.Context, q api.MailServerEdit) (api.MailServerSaved, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serverEdits = append(s.serverEdits, q)
	if s.refuse != nil {
		return api.MailServerSaved{}, s.refuse
	}
	s.server = api.MailServer{Server: q.Server, Port: q.Port, From: q.From, TLS: q.TLS, User: q.User, Password: q.Password != ""}
	return api.MailServerSaved{MailServer: s.server, Tests: s.tests}, nil
}

func (s *told) Tokens(context.Context, api.TokenQuery) ([]api.TokenEntry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.tokens), s.err
}

func (s *told) MakeToken(_ context.Context, q api.TokenRequest) (api.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settings.asked = append(s.settings.asked, q)
	return api.Token{Token: "tocsin-secret", Scopes: q.Scopes}, s.refuse
}

func (s *told) RevokeTokens(_ context.Context, q api.TokenRevocation) (api.Revoked, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.tokens {
		if s.tokens[i].ID == q.ID {
			s.tokens[i].Valid, s.tokens[i].Revoked = false, time.Now()
			return api.Revoked{Tokens: 1}, nil
		}
	}
	return api.Revoked{}, fault.New(fault.NotFound, "no token %d", q.ID)
}

func (s *told) Notices(context.Context, api.NoticeRequest) ([]api.AlertNotice, error) {
	return s.notices, s.err
}

func (s *told) SendNotices(_ context.Context, q api.NoticesAgain) (api.NoticesSent, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.again = append(s.again, q.IDs...)
	return api.NoticesSent{IDs: q.IDs}, s.refuse
}

func (s *told) Users(context.Context) ([]api.User, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.users), s.err
}

func (s *told) to(name, what string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.did = append(s.did, what+" "+name)
	return s.refuse
}

func (s *told) PutUser(_ context.Context, u api.UserEdit) error {
	if u.Create {
		s.mu.Lock()
		s.users = append(s.users, api.User{Name: u.Name, Admin: u.Admin})
		s.mu.Unlock()
		return s.to(u.Name, "add")
	}
	return s.to(u.Name, "password of")
}

func (s *told) SetRole(_ context.Context, name string, admin bool) error {
	if admin {
		return s.to(name, "promote")
	}
	return s.to(name, "demote")
}

func (s *told) DisableUser(_ context.Context, name string, disabled bool) error {
	if disabled {
		return s.to(name, "disable")
	}
	return s.to(name, "enable")
}

func (s *told) FilterUser(_ context.Context, name, filter string) error {
	return s.to(name, "filter "+filter)
}
func (s *told) DeleteUser(_ context.Context, r api.UserRemoval) error {
	return s.to(r.Name, "delete to "+r.To)
}
func (s *told) LogOutUser(_ context.Context, name string) (api.LoggedOut, error) {
	return api.LoggedOut{Sessions: 1}, s.to(name, "logout")
}
func (s *told) Audit(context.Context, api.AuditRequest) ([]api.AuditLine, error) {
	return s.audit, s.err
}
