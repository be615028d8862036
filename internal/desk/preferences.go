package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/document"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/preference"
)

// Ways are the channels of single users.
type Ways interface {
	// CheckServer reports what keeps a mail server's settings from being used.
	CheckServer(server preference.MailServer) error
	// Try sends a test message over each way of a user, for which by asks.
	Try(ctx context.Context, server preference.MailServer, user, by string, p preference.Preferences) []api.WayTest
}

// Preferences implements api.Service.
func (d *Desk) Preferences(ctx context.Context, user string) (api.Preferences, error) {
	name, err := whose(ctx, "see what is told to", user)
	if err != nil {
		return api.Preferences{}, err
	}
	p, kept, err := d.preferences(ctx, name)
	if err != nil {
		return api.Preferences{}, err
	}
	server, err := d.mailServer(ctx)
	if err != nil {
		return api.Preferences{}, err
	}
	return show(name, p, kept.Changed, server), nil
}

// PutPreferences implements api.Service. Everybody sets his own; server, port and sender of mail are the administrators'.
func (d *Desk) PutPreferences(ctx context.Context, q api.PreferencesEdit) (saved api.PreferencesSaved, err error) {
	name, err := whose(ctx, "change what is told to", q.User)
	if err != nil {
		return saved, err
	}
	if err := checkTest(q.Test); err != nil {
		return saved, err
	}
	before, kept, err := d.preferences(ctx, name)
	if err != nil {
		return saved, err
	}
	server, err := d.mailServer(ctx)
	if err != nil {
		return saved, err
	}
	next, err := read(q.Preferences)
	if err == nil {
		err = next.Validate()
	}
	if err != nil {
		return saved, fault.New(fault.Invalid, "preferences of %s: %w", name, err)
	}
	switch {
	case !q.Changed.IsZero() && !q.Changed.Equal(kept.Changed):
		return saved, changedMeanwhile(name, kept.Changed)
	case next.Everyone && !before.Everyone && !kept.User.Admin:
		return saved, fault.New(fault.Denied, "preferences of %s: only an administrator is told of alerts of other users' rules", name)
	case !unmoved(q.Mail, server):
		return saved, fault.New(fault.Denied, "preferences of %s: mail.server, mail.port and mail.from are the same for all users, and administrators alone set them (tocsin settings mail set); set mail.to", name)
	}
	if q.Test != api.TestOff {
		if saved.Tests, err = d.try(ctx, server, name, news(before, next)); err != nil {
			return saved, err
		}
	}
	if bad := failures(saved.Tests); q.Test == api.TestMust && bad != nil {
		return saved, fault.New(fault.Conflict, "nothing is stored: %w", bad)
	}
	now := time.Now().UTC().Round(0)
	if err := d.storePreferences(ctx, name, next, kept.Changed, now); err != nil {
		return saved, err
	}
	saved.Preferences = show(name, next, now, server)
	return saved, d.retell(ctx, nil)
}

// storePreferences stores those of an account that were last changed at a time. One is stored at a time, so that of two who
// change the same one is told of the other.
func (d *Desk) storePreferences(ctx context.Context, name string, next preference.Preferences, changed, now time.Time) error {
	body, err := next.Encode()
	if err != nil {
		return err
	}
	d.preferring.Lock()
	defer d.preferring.Unlock()
	_, newest, err := d.preferences(ctx, name)
	if err != nil {
		return err
	}
	if !newest.Changed.Equal(changed) {
		return changedMeanwhile(name, newest.Changed)
	}
	return d.parts.Ledger.SetPreferences(ctx, name, body, now)
}

func changedMeanwhile(name string, at time.Time) error {
	return fault.New(fault.Conflict, "preferences of %s: they were changed meanwhile, at %s (look at them again)", name, at.Format(time.RFC3339))
}

// retell has those who are told follow a change of accounts, unless that failed: who is shut out is told nothing more.
func (d *Desk) retell(ctx context.Context, err error) error {
	if err != nil {
		return err
	}
	return d.parts.PreferencesChanged(ctx)
}

// TestWays implements api.Service.
func (d *Desk) TestWays(ctx context.Context, user string) ([]api.WayTest, error) {
	name, err := whose(ctx, "send test messages to", user)
	if err != nil {
		return nil, err
	}
	p, _, err := d.preferences(ctx, name)
	if err != nil {
		return nil, err
	}
	server, err := d.mailServer(ctx)
	if err != nil {
		return nil, err
	}
	if !p.Mail.On() && !p.Syslog.On() {
		return nil, fault.New(fault.Conflict, "%s has neither mail nor syslog (tocsin me mail set --to ADDRESS, tocsin me syslog set --host HOST)", name)
	}
	return d.try(ctx, server, name, p)
}

// whose returns whose preferences are meant: the caller's, or as an administrator anybody's.
func whose(ctx context.Context, act, user string) (string, error) {
	caller := api.Caller(ctx)
	switch {
	case caller.User == "":
		return "", fault.New(fault.Denied, "%s a user: nobody is logged in", act)
	case user == "" || user == caller.User:
		return caller.User, nil
	case !caller.Admin:
		return "", fault.New(fault.Denied, "%s %q: only an administrator may", act, user)
	}
	return user, nil
}

// preferences are those of an account, empty ones when it never stored any.
func (d *Desk) preferences(ctx context.Context, name string) (p preference.Preferences, kept ledger.UserPreferences, err error) {
	kept, ok, err := d.parts.Ledger.Preferences(ctx, name)
	if err != nil || !ok {
		return p, kept, accountless(ctx, name, err)
	}
	p, err = preference.Decode(kept.Body)
	return p, kept, err
}

// accountless says more of an account that is not there, where it stands for who owns the data directory.
func accountless(ctx context.Context, name string, err error) error {
	if errors.Is(err, fault.NotFound) && name == api.Local().User && api.Caller(ctx).User == name {
		return fault.New(fault.NotFound, "there is no account %q, which stands here for who owns the data directory: name one with --for, or add it with tocsin users add %s --admin", name, name)
	}
	return err
}

// read makes preferences of what somebody wants to store.
func read(q api.Preferences) (p preference.Preferences, err error) {
	p = preference.Preferences{
		Zone: q.Zone, Where: q.Where, Everyone: q.Everyone, Mail: preference.Mail{To: q.Mail.To}, Syslog: preference.Syslog(q.Syslog),
		QuietCritical: q.QuietCritical, Digest: preference.Digest{Every: q.Digest.Every, At: q.Digest.At, Day: q.Digest.Day},
	}
	for _, s := range q.Quiet {
		p.Quiet = append(p.Quiet, preference.Span(s))
	}
	var mistakes []error
	for _, s := range []struct {
		key, text string
		into      *alert.Severity
	}{{"min_severity", q.MinSeverity, &p.MinSeverity}, {"digest.up_to", q.Digest.UpTo, &p.Digest.UpTo}} {
		if s.text == "" {
			continue
		}
		if *s.into, err = alert.ParseSeverity(s.text); err != nil {
			mistakes = append(mistakes, document.At(s.key, s.text, "INFO, LOW, MEDIUM, HIGH or CRITICAL"))
		}
	}
	return p, errors.Join(mistakes...)
}

// show is the inverse of read, with what is the same for all.
func show(user string, p preference.Preferences, changed time.Time, server preference.MailServer) api.Preferences {
	q := api.Preferences{
		User: user, Zone: p.Zone, Where: p.Where, Everyone: p.Everyone, Syslog: api.SyslogWay(p.Syslog), QuietCritical: p.QuietCritical, Changed: changed,
		Mail:   api.MailWay{To: p.Mail.To, Server: server.Server, Port: server.Port, From: server.From},
		Digest: api.DigestPlan{Every: p.Digest.Every, At: p.Digest.At, Day: p.Digest.Day, UpTo: word(p.Digest.UpTo)}, MinSeverity: word(p.MinSeverity),
	}
	for _, s := range p.Quiet {
		q.Quiet = append(q.Quiet, api.QuietSpan(s))
	}
	return q
}

func word(s alert.Severity) string {
	if s == 0 {
		return ""
	}
	return s.String()
}

// unmoved reports whether a user leaves alone what administrators set: he sends it back as it was told, or does not name it.
func unmoved(m api.MailWay, server preference.MailServer) bool {
	return (m.Server == "" || m.Server == server.Server) && (m.Port == 0 || m.Port == server.Port) && (m.From == "" || m.From == server.From)
}

// news is what of preferences differs in the ways, and so is to be tried.
func news(before, next preference.Preferences) preference.Preferences {
	changed := next
	if slices.Equal(before.Mail.To, next.Mail.To) {
		changed.Mail = preference.Mail{}
	}
	if before.Syslog == next.Syslog {
		changed.Syslog = preference.Syslog{}
	}
	return changed
}

func checkTest(test string) error {
	if test != api.TestChanged && test != api.TestOff && test != api.TestMust {
		return fault.New(fault.Invalid, "%w", document.Choice("test", test[:min(len(test), 80)], []string{api.TestOff, api.TestMust}))
	}
	return nil
}

// failures joins what went wrong in tests; nil when nothing did.
func failures(tests []api.WayTest) error {
	var errs []error
	for _, t := range tests {
		if t.Failed != "" {
			errs = append(errs, errors.New(t.Failed))
		}
	}
	return errors.Join(errs...)
}

// try sends test messages, of which each caller has a few.
func (d *Desk) try(ctx context.Context, server preference.MailServer, user string, p preference.Preferences) ([]api.WayTest, error) {
	var off []api.WayTest
	if p.Mail.On() && !server.On() {
		channel := "mail:" + user
		off = append(off, api.WayTest{Channel: channel, User: user, To: strings.Join(p.Mail.To, ", "), Failed: fmt.Sprintf(
			"channel %s for user %s: there is no mail server, and no mail is sent: an administrator sets it (tocsin settings mail set)", channel, user)})
		p.Mail = preference.Mail{}
	}
	if !p.Mail.On() && !p.Syslog.On() {
		return off, nil
	}
	by := api.Caller(ctx).User
	if !d.tries.take(by, time.Now()) {
		return nil, fault.New(fault.Unavailable, "send test messages: %s asked for %d within %s; wait a little, or store without a test (--no-test)", by, maxTries, triesWithin)
	}
	return append(d.parts.Ways.Try(ctx, server, user, by, p), off...), nil
}
