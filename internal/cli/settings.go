package cli

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"tocsin/internal/api"
)

func (s *shell) settingsCommand() *cobra.Command {
	return group(&cobra.Command{Use: "settings", Short: "See and set what holds for all users, as an administrator"}, s.settingsMail())
}

func (s *shell) settingsMail() *cobra.Command {
	return group(&cobra.Command{Use: "mail", Short: "The mail server through which the e-mail of all users goes",
		Long: `The server, port and sender of e-mail are the same for all users, and administrators set them here, while tocsin runs. To whom it goes
each user sets himself: tocsin me mail. Without a server no user gets e-mail. Channels of the configuration file have settings of their own.`},
		s.settingsMailShow(), s.settingsMailSet(), s.settingsMailOff())
}

func (s *shell) settingsMailShow() *cobra.Command {
	return &cobra.Command{
		Use: "show", Short: "Show the mail server", Long: "Shows the mail server. Its password is never shown.", Example: "  tocsin settings mail show", Args: cobra.NoArgs,
		RunE: s.ask(func(ctx context.Context, svc api.Service, _ []string) error {
			m, err := svc.MailServer(ctx)
			if err != nil {
				return err
			}
			if s.format == "json" {
				return writeJSON(s.Out, m)
			}
			out := s.sheet(column{name: "setting"}, column{name: "value"})
			rows := [][2]string{{"server", "off: no user gets e-mail"}}
			if m.Server != "" {
				rows = [][2]string{
					{"server", hostPort(m.Server, m.Port)}, {"from", m.From}, {"tls", or(m.TLS, "starttls")}, {"user", or(m.User, "none")},
					{"password", yesNo(m.Password)}, {"ca", or(m.CA, "those of the system")},
				}
			}
			for _, row := range rows {
				if err := out.add(nil, row[0], row[1]); err != nil {
					return err
				}
			}
			return out.end()
		}),
	}
}

// A mailServerName is that of a mail server, and not of a tocsin, which --server names elsewhere.
type mailServerName struct{ name string }

func (n *mailServerName) String() string { return n.name }
func (n *mailServerName) Type() string   { return "host" }
func (n *mailServerName) Set(text string) error {
	if strings.Contains(text, "://") {
		return usage("here it is the mail server, as in mail.example.org (which tocsin to ask stands in TOCSIN_SERVER)")
	}
	n.name = text
	return nil
}

func (s *shell) settingsMailSet() *cobra.Command {
	var q api.MailServerEdit
	var server mailServerName
	var file string
	m := &myself{}
	c := m.tested(&cobra.Command{
		Use: "set", Short: "Set the mail server", Args: cobra.NoArgs,
		Long: `Sets the mail server, sends a test message, and shows what the server answered. What no flag names stays as it is. It is stored also when
the test fails, unless --must-work; the exit code is 1 then. The test message goes to --test-to, or else to where your own e-mail goes.

With a user the password is asked for, without showing it, or read from a file. It is kept in the ledger alone, never shown, and asked for
again when server, port, tls, user or ca change. It is never sent in the clear but to this machine.`,
		Example: `  tocsin settings mail set --server mail.example.org --from tocsin@example.org --test-to admin@example.org
  tocsin settings mail set --server smtp.example.org --port 465 --tls implicit --from tocsin@example.org --user tocsin --password-file /run/secrets/smtp`,
	})
	f := c.Flags()
	f.Var(&server, "server", "name or address of the SMTP server, a `host`")
	f.IntVar(&q.Port, "port", 0, "its port (default 25 for none, 587 for starttls, 465 for implicit)")
	f.StringVar(&q.From, "from", "", "`address` of the sender, as tocsin@example.org")
	f.StringVar(&q.TLS, "tls", "", "none, starttls or implicit (default starttls)")
	f.StringVar(&q.User, "user", "", "`name` by which mail is handed in; empty: the server does not ask")
	f.StringVar(&file, "password-file", "", "`file` with the password in its first line; - for standard input")
	f.StringVar(&q.CA, "ca", "", "`file` of certificates in PEM, on the machine where tocsin runs, besides those of the system")
	f.StringVar(&q.TestTo, "test-to", "", "`address` that gets the test message (default: yours)")
	must(c.MarkFlagFilename("password-file"))
	must(c.RegisterFlagCompletionFunc("tls", cobra.FixedCompletions([]string{"none", "starttls", "implicit"}, cobra.ShellCompDirectiveNoFileComp)))
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, _ []string) error {
		now, err := svc.MailServer(ctx)
		if err != nil {
			return err
		}
		q.Server = server.name
		keepUnset(c, &q, now)
		q.Test = m.test()
		if now.Password && q.User != "" && file == "" && q.Server == now.Server && q.Port == now.Port && q.TLS == now.TLS && q.User == now.User && q.CA == now.CA {
			return s.putMailServer(ctx, svc, q) // the password stays
		}
		if q.User != "" {
			if q.Password, err = s.password(file, nil); err != nil {
				return err
			}
		} else if file != "" {
			return usage("--password-file: want --user with it")
		}
		return s.putMailServer(ctx, svc, q)
	})
	return c
}

// keepUnset fills in what no flag names.
func keepUnset(c *cobra.Command, q *api.MailServerEdit, now api.MailServer) {
	for flag, keep := range map[string]func(){
		"server": func() { q.Server = now.Server }, "port": func() { q.Port = now.Port }, "from": func() { q.From = now.From },
		"tls": func() { q.TLS = now.TLS }, "user": func() { q.User = now.User }, "ca": func() { q.CA = now.CA },
	} {
		if !c.Flags().Changed(flag) {
			keep()
		}
	}
}

func (s *shell) settingsMailOff() *cobra.Command {
	return &cobra.Command{
		Use: "off", Short: "Send no user e-mail", Long: "Forgets the mail server with its password. No user gets e-mail from then on; to whom it went stays.",
		Example: "  tocsin settings mail off", Args: cobra.NoArgs,
		RunE: s.ask(func(ctx context.Context, svc api.Service, _ []string) error {
			return s.putMailServer(ctx, svc, api.MailServerEdit{})
		}),
	}
}

func (s *shell) putMailServer(ctx context.Context, svc api.Service, q api.MailServerEdit) error {
	saved, err := svc.PutMailServer(ctx, q)
	if err != nil {
		return err
	}
	text := "mail server: stored"
	if saved.MailServer.Server == "" {
		text = "mail server: off"
	}
	if saved.Untested != "" {
		s.say("tocsin: %s", printable(saved.Untested))
	}
	return s.stored(saved, text, saved.Tests)
}
