package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tocsin/internal/alert"
	"tocsin/internal/api"
)

// A myself is what all commands below `tocsin me` take.
type myself struct {
	user string // whose settings; empty is the caller
	off  bool   // no test message
	must bool   // store nothing when a test message fails
	ways bool   // where notices go is set, which is tested when it changes
}

func (s *shell) meCommand() *cobra.Command {
	m := &myself{}
	c := group(&cobra.Command{Use: "me", Short: "See and set what you are told, where and when",
		Long: `What an account is told of alerts: by e-mail, to a syslog collector of its own, how severe they must be, when notices are held,
and what is gathered in a digest. Everybody sets his own; administrators also that of others, with --for.

You are told of alerts of your own rules and of those that are everybody's, as far as you may see them. The server, port and
sender of e-mail are the same for all, and administrators set them: tocsin settings mail.`},
		s.meShow(m), s.meMail(m), s.meSyslog(m), s.meQuiet(m), s.meDigest(m), s.meSeverity(m), s.meFilter(m), s.meZone(m), s.meEveryone(m), s.meTest(m))
	s.forUser(c, &m.user, "the settings")
	return c
}

func (s *shell) meShow(m *myself) *cobra.Command {
	return &cobra.Command{
		Use: "show", Short: "Show what you are told, where and when", Example: "  tocsin me show\n  tocsin me show --for alice -o json", Args: cobra.NoArgs,
		RunE: s.ask(func(ctx context.Context, svc api.Service, _ []string) error {
			p, err := svc.Preferences(ctx, m.user)
			if err != nil {
				return err
			}
			return s.showPreferences(p)
		}),
	}
}

// showPreferences writes one setting a line; as JSON it is one object.
func (s *shell) showPreferences(p api.Preferences) error {
	if s.format == "json" {
		return writeJSON(s.Out, p)
	}
	out := s.sheet(column{name: "setting"}, column{name: "value"})
	for _, row := range preferenceRows(p) {
		if err := out.add(nil, row[0], row[1]); err != nil {
			return err
		}
	}
	return out.end()
}

func preferenceRows(p api.Preferences) [][2]string {
	mail := "off"
	switch {
	case len(p.Mail.To) > 0 && p.Mail.Server == "":
		mail = strings.Join(p.Mail.To, ", ") + " (and there is no mail server: an administrator sets it, tocsin settings mail set)"
	case len(p.Mail.To) > 0:
		mail = fmt.Sprintf("%s, from %s by %s", strings.Join(p.Mail.To, ", "), p.Mail.From, hostPort(p.Mail.Server, p.Mail.Port))
	}
	collector := "off"
	if y := p.Syslog; y.Host != "" {
		collector = fmt.Sprintf("%s over %s, %s, %s", hostPort(y.Host, y.Port), or(y.Protocol, "udp"), strings.ToUpper(or(y.Facility, "LOCAL0")), or(y.Format, "rfc3164"))
	}
	var quiet []string
	for _, q := range p.Quiet {
		quiet = append(quiet, fmt.Sprintf("%s to %s, %s", q.From, q.To, or(strings.Join(q.Days, " "), "every day")))
	}
	hours := or(strings.Join(quiet, "; "), "none")
	switch {
	case len(quiet) > 0 && p.QuietCritical:
		hours += " (CRITICAL too)"
	case len(quiet) > 0:
		hours += " (CRITICAL is told at once)"
	}
	digest := "off"
	if d := p.Digest; d.Every != "" {
		digest = "every " + d.Every
		if d.Every == "week" {
			digest += " on " + or(d.Day, "mon")
		}
		digest += " at " + or(d.At, "00:00") + ", of alerts up to " + or(d.UpTo, alert.Medium.String())
	}
	return [][2]string{
		{"user", p.User}, {"mail", mail}, {"syslog", collector}, {"severity", or(p.MinSeverity, alert.Info.String()) + " and above"},
		{"filter", or(p.Where, "none")}, {"quiet hours", hours}, {"digest", digest}, {"zone", or(p.Zone, "UTC")}, {"everyone's rules", yesNo(p.Everyone)},
	}
}

// or is a text, or what stands for an empty one.
func or(text, empty string) string {
	if text == "" {
		return empty
	}
	return text
}

// hostPort joins both; no port is the usual one.
func hostPort(host string, port int) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port == 0 {
		return host
	}
	return fmt.Sprintf("%s:%d", host, port)
}

// edit makes the RunE of a command that changes settings.
func (m *myself) edit(s *shell, change func(p *api.Preferences, args []string) error) func(*cobra.Command, []string) error {
	return s.ask(func(ctx context.Context, svc api.Service, args []string) error {
		p, err := svc.Preferences(ctx, m.user)
		if err != nil {
			return err
		}
		if err := change(&p, args); err != nil {
			return err
		}
		q := api.PreferencesEdit{Preferences: p, Test: m.test()}
		q.User = m.user
		saved, err := svc.PutPreferences(ctx, q)
		if err != nil {
			return err
		}
		if m.ways && len(saved.Tests) == 0 && !m.off {
			s.say("tocsin: it was so before, and no test message was sent (tocsin me test sends one)")
		}
		return s.stored(saved, "preferences of "+clean(saved.Preferences.User)+": stored", saved.Tests)
	})
}

func (m *myself) test() string {
	switch {
	case m.off:
		return api.TestOff
	case m.must:
		return api.TestMust
	}
	return api.TestChanged
}

// tested adds the flags of commands that send test messages.
func (m *myself) tested(c *cobra.Command) *cobra.Command {
	c.Flags().BoolVar(&m.off, "no-test", false, "send no test message")
	c.Flags().BoolVar(&m.must, "must-work", false, "store nothing when the test message fails")
	c.MarkFlagsMutuallyExclusive("no-test", "must-work")
	return c
}

// stored says that something was stored, and what was answered to test messages. One that failed makes the exit code 1.
func (s *shell) stored(answer any, text string, tests []api.WayTest) error {
	if s.format == "json" {
		if err := writeJSON(s.Out, answer); err != nil {
			return err
		}
	} else if _, err := fmt.Fprintln(s.Out, text); err != nil {
		return err
	}
	return s.tests(tests, s.format != "json")
}

// tests tells what became of test messages: what worked on standard output if told, what did not on standard error.
func (s *shell) tests(tests []api.WayTest, told bool) error {
	failed, said := false, map[string]bool{}
	for _, t := range tests {
		if t.Failed != "" {
			failed = true
			if !said[t.Failed] { // once, where it is the same for every recipient
				s.say("tocsin: test message: %s", printable(t.Failed))
			}
			said[t.Failed] = true
			continue
		}
		if told {
			if _, err := fmt.Fprintf(s.Out, "%s: test message to %s by %s: %s\n", clean(t.Channel), clean(t.To), clean(t.Via), clean(t.Answer)); err != nil {
				return err
			}
		}
	}
	if failed {
		return errQuiet
	}
	return nil
}

func (s *shell) meTest(m *myself) *cobra.Command {
	return &cobra.Command{
		Use: "test", Short: "Send yourself a test message over each of your ways", Args: cobra.NoArgs,
		Long:    "Sends a real message by e-mail and to the syslog collector, as far as they are set, and shows what the other side answered.",
		Example: "  tocsin me test",
		RunE: s.ask(func(ctx context.Context, svc api.Service, _ []string) error {
			tests, err := svc.TestWays(ctx, m.user)
			if err != nil {
				return err
			}
			if s.format == "table" {
				return s.tests(tests, true)
			}
			out := s.sheet(column{name: "channel"}, column{name: "to"}, column{name: "via"}, column{name: "answer"}, column{name: "failed"})
			for _, t := range tests {
				if err := out.add(t, t.Channel, t.To, t.Via, t.Answer, t.Failed); err != nil {
					return err
				}
			}
			return errors.Join(out.end(), s.tests(tests, false))
		}),
	}
}

func (s *shell) meSeverity(m *myself) *cobra.Command {
	c := &cobra.Command{
		Use: "severity SEVERITY", Short: "Set how severe an alert must be that you are told of", Example: "  tocsin me severity HIGH", Args: cobra.ExactArgs(1),
		ValidArgs: []string{"INFO", "LOW", "MEDIUM", "HIGH", "CRITICAL"},
	}
	c.RunE = m.edit(s, func(p *api.Preferences, args []string) error {
		least, err := alert.ParseSeverity(args[0])
		if err != nil {
			return usage("%w", err)
		}
		p.MinSeverity = least.String()
		return nil
	})
	return c
}

func (s *shell) meFilter(m *myself) *cobra.Command {
	c := &cobra.Command{
		Use: "filter FILTER", Short: "Set what alerts must be about that you are told of", Args: cobra.ExactArgs(1),
		Long:    "Sets a filter, written as for tocsin search, that whom an alert is about and each of its samples must pass; off takes it away.",
		Example: "  tocsin me filter 'source.ip in cidr(\"192.0.2.0/24\")'\n  tocsin me filter off",
	}
	c.RunE = m.edit(s, func(p *api.Preferences, args []string) error {
		if p.Where = args[0]; p.Where == "off" {
			p.Where = ""
		}
		return nil
	})
	return c
}

func (s *shell) meZone(m *myself) *cobra.Command {
	c := &cobra.Command{
		Use: "zone ZONE", Short: "Set your time zone", Args: cobra.ExactArgs(1),
		Long:    "Sets the zone by whose clock quiet hours and digests go and in which e-mail tells times: an IANA name, UTC, or Local for that of the\nmachine where tocsin runs.",
		Example: "  tocsin me zone Europe/Berlin",
	}
	c.RunE = m.edit(s, func(p *api.Preferences, args []string) error {
		if _, err := time.LoadLocation(args[0]); err != nil || args[0] == "" {
			return usage("zone %q: want an IANA zone such as Europe/Berlin, UTC or Local", args[0])
		}
		p.Zone = args[0]
		return nil
	})
	return c
}

func (s *shell) meEveryone(m *myself) *cobra.Command {
	c := &cobra.Command{
		Use: "everyone on|off", Short: "As an administrator, be told of alerts of other users' rules too", Example: "  tocsin me everyone on", Args: cobra.ExactArgs(1),
		ValidArgs: []string{"on", "off"},
	}
	c.RunE = m.edit(s, func(p *api.Preferences, args []string) error {
		if args[0] != "on" && args[0] != "off" {
			return usage("%q: want on or off", args[0])
		}
		p.Everyone = args[0] == "on"
		return nil
	})
	return c
}

// forUser lets administrators say whose things a command and those below it are about.
func (s *shell) forUser(c *cobra.Command, user *string, what string) {
	c.PersistentFlags().StringVar(user, "for", "", what+" of this `user`, for administrators")
	must(c.RegisterFlagCompletionFunc("for", s.completeUsers))
}
