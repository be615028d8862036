package web

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// Acts of the pages of settings.
const (
	save     = "save"
	untested = "untested" // save without a test message
	test     = "test"     // a test message by what is saved
	makeOne  = "make"
	revoke   = "revoke"
)

// quietRows is how many quiet times the form has at least.
const quietRows = 2

// A mePage is what somebody is told, where and when, and what stands for him.
type mePage struct {
	frame

	Is      api.Preferences // as it is saved, or as it was typed
	To      string          // addresses, one a line
	Quiet   []quietRow
	Tests   []api.WayTest
	Tokens  []api.TokenEntry
	Made    *api.Token // made just now, and shown this once
	Problem string
	Form    form
}

// A quietRow is one quiet time as it is typed.
type quietRow struct{ Days, From, To string }

func (s *site) me(w http.ResponseWriter, r *http.Request) {
	s.meWith(w, r, http.StatusOK, mePage{})
}

// meWith shows the page with what its form did; what is not filled in is asked for.
func (s *site) meWith(w http.ResponseWriter, r *http.Request, code int, p mePage) {
	said := p.Done
	p.frame = s.frame(r, "My settings", "/me")
	if said != "" {
		p.Done = said
	}
	if p.Form.Problem == "" || p.Form.Act != save && p.Form.Act != untested {
		is, err := s.Service.Preferences(r.Context(), "")
		if err != nil {
			p.Problem, code = s.explain(r, err), max(code, status(err))
		}
		p.Is = is
	}
	p.To = strings.Join(p.Is.Mail.To, "\n")
	for _, q := range p.Is.Quiet {
		p.Quiet = append(p.Quiet, quietRow{strings.Join(q.Days, " "), q.From, q.To})
	}
	for len(p.Quiet) < max(quietRows, len(p.Is.Quiet)+1) {
		p.Quiet = append(p.Quiet, quietRow{})
	}
	tokens, err := s.Service.Tokens(r.Context(), api.TokenQuery{})
	if err != nil && p.Problem == "" {
		p.Problem, code = s.explain(r, err), max(code, status(err))
	}
	p.Tokens = tokens
	s.show(w, code, "me.html", p)
}

// changeMe does what a form of the page says.
func (s *site) changeMe(w http.ResponseWriter, r *http.Request) {
	var p mePage
	f, err := readForm(w, r)
	if err == nil {
		switch f.Act {
		case save, untested:
			err = s.savePreferences(r, f, &p)
		case test:
			p.Tests, err = s.Service.TestWays(r.Context(), "")
			if err == nil && len(p.Tests) == 0 {
				err = fault.New(fault.Conflict, "there is no way to test: save an address or a syslog host first")
			}
		case makeOne:
			err = s.makeToken(r, f, &p)
		case revoke:
			id, bad := strconv.ParseInt(f.Typed("id"), 10, 64)
			if bad != nil || id < 1 {
				err = fault.New(fault.Invalid, "token %q: want its number", f.Typed("id"))
				break
			}
			if _, err = s.Service.RevokeTokens(r.Context(), api.TokenRevocation{ID: id}); err == nil {
				again(w, r, "/me", revoke)
				return
			}
		default:
			err = fault.New(fault.Invalid, "act %q: want save, test, make or revoke", f.Act)
		}
	}
	code := http.StatusOK
	if err != nil {
		f.Problem, code = s.explain(r, err), status(err)
	}
	p.Form = f
	s.meWith(w, r, code, p)
}

// savePreferences saves what was typed and tells what became of the test messages.
func (s *site) savePreferences(r *http.Request, f form, p *mePage) error {
	q := api.PreferencesEdit{}
	var err error
	q.Preferences, err = preferences(f)
	p.Is = q.Preferences
	if err != nil {
		return err
	}
	if f.Act == untested {
		q.Test = api.TestOff
	}
	saved, err := s.Service.PutPreferences(r.Context(), q)
	if err == nil {
		p.Tests, p.Done = saved.Tests, done[save]
	}
	return err
}

// preferences reads the form of what somebody is told.
func preferences(f form) (api.Preferences, error) {
	get := func(name string) string { return strings.TrimSpace(f.Values.Get(name)) }
	p := api.Preferences{Zone: get("zone"), MinSeverity: get("min"), Where: get("where"), Everyone: get("everyone") != "", QuietCritical: get("critical") != "",
		Syslog: api.SyslogWay{Host: get("host"), Protocol: get("protocol"), Facility: get("facility"), Format: get("format")},
		Digest: api.DigestPlan{Every: get("every"), At: get("at"), Day: get("day"), UpTo: get("upto")}}
	p.Mail.To = strings.FieldsFunc(get("to"), func(r rune) bool { return r == '\n' || r == '\r' || r == ',' || r == ';' || r == ' ' })
	for i := range f.Values["quiet_from"] {
		at := func(name string) string {
			if list := f.Values[name]; i < len(list) {
				return strings.TrimSpace(list[i])
			}
			return ""
		}
		days, from, to := at("quiet_days"), at("quiet_from"), at("quiet_to")
		if days+from+to != "" {
			p.Quiet = append(p.Quiet, api.QuietSpan{Days: strings.FieldsFunc(strings.ToLower(days), func(r rune) bool { return r == ' ' || r == ',' }), From: from, To: to})
		}
	}
	if p.Digest.Every == "" {
		p.Digest = api.DigestPlan{}
	}
	var err error
	if text := get("port"); text != "" {
		if p.Syslog.Port, err = strconv.Atoi(text); err != nil {
			return p, fault.New(fault.Invalid, "syslog port: got %q, want 1 to 65535", text)
		}
	}
	if text := get("changed"); text != "" {
		if p.Changed, err = time.Parse(time.RFC3339Nano, text); err != nil {
			return p, fault.New(fault.Invalid, "changed: got %q, want the time that the page came with", text)
		}
	}
	return p, nil
}

// makeToken makes a token for who asks, which the page shows this once.
func (s *site) makeToken(r *http.Request, f form, p *mePage) error {
	q := api.TokenRequest{Label: strings.TrimSpace(f.Typed("label")), Scopes: strings.Join(f.Values["scope"], ",")}
	switch text := f.Typed("for"); text {
	case "":
	case "never":
		q.Never = true
	default:
		d, err := api.ParseDuration(text)
		if err != nil {
			return fault.New(fault.Invalid, "%w", err)
		}
		q.Expires = time.Now().Add(d)
	}
	made, err := s.Service.MakeToken(r.Context(), q)
	if err == nil {
		p.Made = &made
	}
	return err
}

// A mailPage is the mail server of all users.
type mailPage struct {
	frame

	Is       api.MailServer
	Tests    []api.WayTest
	Untested string
	Problem  string
	Form     form
}

func (s *site) mail(w http.ResponseWriter, r *http.Request) {
	is, err := s.Service.MailServer(r.Context())
	if err != nil {
		s.refuse(w, r, "/", err)
		return
	}
	s.show(w, http.StatusOK, "mail.html", mailPage{frame: s.frame(r, "Mail server", "/settings/mail"), Is: is})
}

// changeMail saves the mail server and tells what it answered to the test message.
func (s *site) changeMail(w http.ResponseWriter, r *http.Request) {
	p := mailPage{frame: s.frame(r, "Mail server", "/settings/mail")}
	f, err := readForm(w, r)
	q := api.MailServerEdit{Server: strings.TrimSpace(f.Typed("server")), From: strings.TrimSpace(f.Typed("from")), TLS: f.Typed("tls"), User: strings.TrimSpace(f.Typed("user")),
		Password: f.Typed("password"), CA: strings.TrimSpace(f.Typed("ca")), TestTo: strings.TrimSpace(f.Typed("test_to"))}
	if text := strings.TrimSpace(f.Typed("port")); err == nil && text != "" {
		if q.Port, err = strconv.Atoi(text); err != nil {
			err = fault.New(fault.Invalid, "port: got %q, want 1 to 65535", text)
		}
	}
	p.Is = api.MailServer{Server: q.Server, Port: q.Port, From: q.From, TLS: q.TLS, User: q.User, CA: q.CA}
	if f.Act == untested {
		q.Test = api.TestOff
	}
	code := http.StatusOK
	if err == nil {
		var saved api.MailServerSaved
		if saved, err = s.Service.PutMailServer(r.Context(), q); err == nil {
			p.Is, p.Tests, p.Untested, p.Done = saved.MailServer, saved.Tests, saved.Untested, done[save]
		}
	}
	if err != nil {
		f.Problem, code = s.explain(r, err), status(err)
	}
	f.Values.Del("password") // is never sent back
	p.Form = f
	s.show(w, code, "mail.html", p)
}
