// Package ways makes the channels of single users: their e-mail, handed in at the server that administrators set, and their
// own collectors of syslog messages.
package ways

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"tocsin/internal/notifier"
	"tocsin/internal/notifier/mail"
	"tocsin/internal/notifier/syslog"
	"tocsin/internal/preference"
)

// A Maker makes ways. Its zero value has the default of each setting.
type Maker struct {
	// Node is the name of this tocsin in test messages.
	Node string
	// MailTimeout and SyslogTimeout bound one attempt; 30 s and 10 s.
	MailTimeout, SyslogTimeout time.Duration
	// Collectors are the networks in which users may have collectors; none allows every address that Allowed does.
	Collectors []netip.Prefix
}

// A Way is one channel of one user.
type Way struct {
	Channel  string // mail:alice or syslog:alice
	User     string
	To       string // addresses divided by commas, or a collector as udp://192.0.2.1:514?facility=LOCAL0&format=rfc3164
	Via      string // host and port that are called
	Notifier notifier.Notifier
}

// For returns the ways of a user, those of mail first. One that cannot be made is left out and its cause told, with the
// channel; the others are good all the same. Both settings are valid.
func (m Maker) For(server preference.MailServer, user string, p preference.Preferences) (all []Way, err error) {
	var errs []error
	if server.On() && p.Mail.On() {
		config := m.mail(server, p)
		w := Way{Channel: "mail:" + user, User: user, To: strings.Join(p.Mail.To, ", "), Via: config.Place()}
		if w.Notifier, err = config.New(); err != nil {
			errs = append(errs, fmt.Errorf("channel %s: %w", w.Channel, err))
		} else {
			w.Notifier = own{w.Notifier}
			all = append(all, w)
		}
	}
	if p.Syslog.On() {
		config := m.syslog(server, p.Syslog)
		w := Way{Channel: "syslog:" + user, User: user, To: config.Address(), Via: config.Place()}
		if w.Notifier, err = config.New(); err != nil {
			errs = append(errs, fmt.Errorf("channel %s: %w", w.Channel, err))
		} else {
			w.Notifier = own{w.Notifier}
			all = append(all, w)
		}
	}
	return all, errors.Join(errs...)
}

// own sends to whom its settings name. What a notice says was so when it was written: whoever mends a wrong address gets what
// waits for it.
type own struct{ notifier.Notifier }

// Send implements notifier.Notifier.
func (w own) Send(ctx context.Context, n notifier.Notice) (string, error) {
	n.To = ""
	return w.Notifier.Send(ctx, n)
}

// CheckServer reports what keeps a mail server's settings from being used; it connects to nothing.
func (m Maker) CheckServer(server preference.MailServer) error {
	if !server.On() {
		return nil
	}
	_, err := m.mail(server, preference.Preferences{}).New()
	return err
}

func (m Maker) mail(server preference.MailServer, p preference.Preferences) *mail.Config {
	c, ok := mail.Default().(*mail.Config)
	if !ok {
		c = &mail.Config{}
	}
	c.Server, c.Port, c.CA, c.From, c.User, c.Password, c.To = server.Server, server.Port, server.CA, server.From, server.User, server.Password, p.Mail.To
	if server.TLS != "" {
		c.TLS = server.TLS
	}
	if p.Zone != "" {
		c.Zone = p.Zone
	}
	if m.MailTimeout > 0 {
		c.Timeout = m.MailTimeout
	}
	return c
}

func (m Maker) syslog(server preference.MailServer, s preference.Syslog) *syslog.Config {
	c, ok := syslog.Default().(*syslog.Config)
	if !ok {
		c = &syslog.Config{}
	}
	c.Host, c.Port, c.CA, c.Allow = s.Host, s.Port, server.CA, m.allow
	for _, setting := range []struct {
		into *string
		text string
	}{{&c.Transport, s.Protocol}, {&c.Facility, strings.ToUpper(s.Facility)}, {&c.Format, s.Format}} {
		if setting.text != "" {
			*setting.into = setting.text
		}
	}
	if m.SyslogTimeout > 0 {
		c.Timeout = m.SyslogTimeout
	}
	return c
}
