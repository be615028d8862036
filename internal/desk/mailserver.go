package desk

import (
	"context"
	"errors"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/document"
	"tocsin/internal/fault"
	"tocsin/internal/preference"
)

// MailServer implements api.Service.
func (d *Desk) MailServer(ctx context.Context) (api.MailServer, error) {
	if !api.Caller(ctx).Admin {
		return api.MailServer{}, fault.New(fault.Denied, "see the settings of the mail server: only an administrator may")
	}
	server, err := d.mailServer(ctx)
	return showServer(server), err
}

// PutMailServer implements api.Service.
func (d *Desk) PutMailServer(ctx context.Context, q api.MailServerEdit) (saved api.MailServerSaved, err error) {
	if !api.Caller(ctx).Admin {
		return saved, fault.New(fault.Denied, "change the settings of the mail server: only an administrator may (yours is to whom your mail goes: tocsin me mail set --to ADDRESS)")
	}
	if err := checkTest(q.Test); err != nil {
		return saved, err
	}
	before, err := d.mailServer(ctx)
	if err != nil {
		return saved, err
	}
	next, err := serverOf(q, before)
	if err == nil {
		err = next.Validate()
	}
	if err == nil {
		err = d.parts.Ways.CheckServer(next)
	}
	if err != nil {
		return saved, fault.New(fault.Invalid, "mail server: %w", err)
	}
	if saved.Tests, saved.Untested, err = d.tryServer(ctx, next, q); err != nil {
		return saved, err
	}
	if bad := failures(saved.Tests); q.Test == api.TestMust && bad != nil {
		return saved, fault.New(fault.Conflict, "nothing is stored: %w", bad)
	} else if q.Test == api.TestMust && saved.Untested != "" {
		return saved, fault.New(fault.Conflict, "nothing is stored: %s", saved.Untested)
	}
	if err := d.storeServer(ctx, next, before); err != nil {
		return saved, err
	}
	saved.MailServer = showServer(next)
	return saved, d.retell(ctx, nil)
}

// storeServer stores settings in place of those that were there when they were made.
func (d *Desk) storeServer(ctx context.Context, next, before preference.MailServer) error {
	text, err := next.Encode()
	if err != nil {
		return err
	}
	d.preferring.Lock()
	defer d.preferring.Unlock()
	newest, err := d.mailServer(ctx)
	if err != nil {
		return err
	}
	if newest != before {
		return fault.New(fault.Conflict, "mail server: its settings were changed meanwhile (look at them again)")
	}
	return d.parts.Ledger.ReplaceSetting(ctx, preference.MailServerSetting, text, words(showServer(before)), words(showServer(next)), time.Now())
}

// serverOf is what an edit makes of the settings. A password is kept only for the place that it was given for: nobody learns
// it by sending it to a server of his own.
func serverOf(q api.MailServerEdit, before preference.MailServer) (preference.MailServer, error) {
	m := preference.MailServer{Server: q.Server, Port: q.Port, From: q.From, TLS: q.TLS, User: q.User, CA: q.CA}
	switch {
	case q.Password != "":
		m.Password = document.NewSecret(q.Password)
	case q.User != "" && !before.Password.IsZero():
		same := before
		same.From, same.Password = m.From, m.Password
		if same != m {
			return m, fault.New(fault.Invalid, "give the password of %q again: it is kept as long as server, port, tls, user and ca stay", q.User)
		}
		m.Password = before.Password
	}
	return m, nil
}

// tryServer sends a test message through a mail server, to whom the edit names or to where the caller's own mail goes.
func (d *Desk) tryServer(ctx context.Context, server preference.MailServer, q api.MailServerEdit) (tests []api.WayTest, untested string, err error) {
	if q.Test == api.TestOff || !server.On() {
		return nil, "", nil
	}
	name := api.Caller(ctx).User
	to := preference.Preferences{Mail: preference.Mail{To: []string{q.TestTo}}}
	if q.TestTo == "" {
		kept, ok, err := d.parts.Ledger.Preferences(ctx, name)
		if err != nil && !errors.Is(err, fault.NotFound) {
			return nil, "", err
		}
		if ok {
			if to, err = preference.Decode(kept.Body); err != nil {
				return nil, "", err
			}
		}
		if to.Syslog = (preference.Syslog{}); !ok || !to.Mail.On() {
			return nil, "no test message was sent: you have no address of your own (name one: --test-to ADDRESS)", nil
		}
	} else if want := preference.BadAddress(q.TestTo); want != "" {
		return nil, "", fault.New(fault.Invalid, "%w", document.At("test_to", q.TestTo[:min(len(q.TestTo), 80)], want))
	}
	tests, err = d.try(ctx, server, name, to)
	return tests, "", err
}

// mailServer is what the ledger holds.
func (d *Desk) mailServer(ctx context.Context) (preference.MailServer, error) {
	text, ok, err := d.parts.Ledger.Setting(ctx, preference.MailServerSetting)
	if err != nil || !ok {
		return preference.MailServer{}, err
	}
	return preference.DecodeMailServer(text)
}

// showServer tells all but the password.
func showServer(m preference.MailServer) api.MailServer {
	return api.MailServer{Server: m.Server, Port: m.Port, From: m.From, TLS: m.TLS, User: m.User, Password: !m.Password.IsZero(), CA: m.CA}
}
