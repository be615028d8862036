package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"tocsin/internal/api"
)

// off makes the command that switches something off.
func (s *shell) off(m *myself, short, example string, empty func(*api.Preferences)) *cobra.Command {
	c := &cobra.Command{Use: "off", Short: short, Example: example, Args: cobra.NoArgs}
	c.RunE = m.edit(s, func(p *api.Preferences, _ []string) error {
		empty(p)
		return nil
	})
	return c
}

func (s *shell) meMail(m *myself) *cobra.Command {
	var to []string
	set := m.tested(&cobra.Command{
		Use: "set", Short: "Set to whom your e-mail goes", Args: cobra.NoArgs,
		Long: `Sets the addresses to which e-mail goes, at most 20, sends a test message there, and shows what the mail server answered. They are
stored also when that fails, unless --must-work; the exit code is 1 then.`,
		Example: "  tocsin me mail set --to alice@example.org\n  tocsin me mail set --to alice@example.org,oncall@example.org --must-work",
	})
	set.Flags().StringSliceVar(&to, "to", nil, "`addresses`, with commas between them")
	must(set.MarkFlagRequired("to"))
	set.RunE = m.edit(s, func(p *api.Preferences, _ []string) error {
		p.Mail.To, m.ways = nil, true
		for _, address := range to {
			if address = strings.TrimSpace(address); address != "" {
				p.Mail.To = append(p.Mail.To, address)
			}
		}
		if len(p.Mail.To) == 0 {
			return usage("--to: want an address (tocsin me mail off switches e-mail off)")
		}
		return nil
	})
	return group(&cobra.Command{Use: "mail", Short: "Set to whom your e-mail goes, or switch it off"}, set,
		s.off(m, "Get no e-mail", "  tocsin me mail off", func(p *api.Preferences) { p.Mail.To = nil }))
}

func (s *shell) meSyslog(m *myself) *cobra.Command {
	var y api.SyslogWay
	set := m.tested(&cobra.Command{
		Use: "set", Short: "Set a collector of your own", Args: cobra.NoArgs,
		Long: `Sets the collector of syslog messages to which your alerts go, and sends a test message there. What no flag names is the default again:
udp, port 514 (6514 for tls), LOCAL0, rfc3164. Nobody confirms a datagram: whether it arrives over udp, the collector alone knows.`,
		Example: "  tocsin me syslog set --host logs.example.org\n  tocsin me syslog set --host siem.example.org --protocol tls --format cef --facility LOCAL3",
	})
	f := set.Flags()
	f.StringVar(&y.Host, "host", "", "its `name` or address")
	f.IntVar(&y.Port, "port", 0, "its port (default 514, and 6514 for tls)")
	f.StringVar(&y.Protocol, "protocol", "", "udp, tcp or tls (default udp)")
	f.StringVar(&y.Facility, "facility", "", "one of RFC 5424, such as LOCAL0, DAEMON or AUTH (default LOCAL0)")
	f.StringVar(&y.Format, "format", "", "rfc3164, rfc5424, cef, leef or json (default rfc3164)")
	must(set.MarkFlagRequired("host"))
	for name, words := range map[string][]string{
		"protocol": {"udp", "tcp", "tls"}, "format": {"rfc3164", "rfc5424", "cef", "leef", "json"},
		"facility": {"LOCAL0", "LOCAL1", "LOCAL2", "LOCAL3", "LOCAL4", "LOCAL5", "LOCAL6", "LOCAL7", "DAEMON", "AUTH", "USER"},
	} {
		must(set.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)))
	}
	set.RunE = m.edit(s, func(p *api.Preferences, _ []string) error {
		if y.Host == "" {
			return usage("--host: want a name or address (tocsin me syslog off switches syslog off)")
		}
		p.Syslog, m.ways = y, true
		return nil
	})
	return group(&cobra.Command{Use: "syslog", Short: "Set a syslog collector of your own, or switch it off"}, set,
		s.off(m, "Send nothing to a collector", "  tocsin me syslog off", func(p *api.Preferences) { p.Syslog = api.SyslogWay{} }))
}

func (s *shell) meQuiet(m *myself) *cobra.Command {
	return group(&cobra.Command{Use: "quiet", Short: "Set quiet hours, in which notices are held",
		Long: "In quiet hours notices are held, and one summary tells of them when they are over. CRITICAL alerts are told at once, unless --critical."},
		s.quietSpan(m, "set", "Set quiet hours in place of those that you have"), s.quietSpan(m, "add", "Add quiet hours to those that you have"),
		s.off(m, "Have no quiet hours", "  tocsin me quiet off", func(p *api.Preferences) { p.Quiet, p.QuietCritical = nil, false }))
}

func (s *shell) quietSpan(m *myself, word, short string) *cobra.Command {
	var q api.QuietSpan
	var days string
	var critical bool
	c := &cobra.Command{
		Use: word, Short: short, Args: cobra.NoArgs,
		Long:    short + ". They go by the clock of your zone (tocsin me zone). Hours that end no later than they begin end on the\nday after; --days are those on which they begin.",
		Example: "  tocsin me quiet " + word + " --from 22:00 --to 07:00\n  tocsin me quiet " + word + " --from 18:00 --to 08:00 --days mon-fri",
	}
	f := c.Flags()
	f.StringVar(&q.From, "from", "", "`time` of day at which they begin, as 22:00")
	f.StringVar(&q.To, "to", "", "`time` of day at which they end, as 07:00")
	f.StringVar(&days, "days", "", "`days` on which they begin: mon-fri, or sat,sun (default every day)")
	f.BoolVar(&critical, "critical", false, "hold notices of CRITICAL alerts too")
	must(c.MarkFlagRequired("from"))
	must(c.MarkFlagRequired("to"))
	c.RunE = m.edit(s, func(p *api.Preferences, _ []string) (err error) {
		if q.Days, err = parseDays(days); err != nil {
			return err
		}
		if word == "set" {
			p.Quiet, p.QuietCritical = nil, false
		}
		p.Quiet, p.QuietCritical = append(p.Quiet, q), p.QuietCritical || critical
		return nil
	})
	return c
}

// parseDays reads mon-fri,sun as days. Nothing, or all, is every day.
func parseDays(text string) (days []string, err error) {
	week := []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}
	at := func(day string) int {
		for i, d := range week {
			if strings.EqualFold(strings.TrimSpace(day), d) {
				return i
			}
		}
		return -1
	}
	on := map[int]bool{}
	for part := range strings.SplitSeq(text, ",") {
		if strings.TrimSpace(text) == "" {
			return nil, nil
		}
		from, to, span := strings.Cut(part, "-")
		if !span {
			to = from
		}
		first, last := at(from), at(to)
		if first < 0 || last < 0 {
			return nil, usage("--days %q: want days such as mon-fri or sat,sun", text)
		}
		for i := first; ; i = (i + 1) % len(week) {
			on[i] = true
			if i == last {
				break
			}
		}
	}
	if len(on) == len(week) {
		return nil, nil
	}
	for i, day := range week {
		if on[i] {
			days = append(days, day)
		}
	}
	return days, nil
}

func (s *shell) meDigest(m *myself) *cobra.Command {
	var d api.DigestPlan
	set := &cobra.Command{
		Use: "set", Short: "Gather what is not urgent in one message", Args: cobra.NoArgs,
		Long:    "Gathers notices of alerts up to a severity in one message an hour, a day or a week, by the clock of your zone. What is more severe is\ntold at once.",
		Example: "  tocsin me digest set --every day --at 08:00 --up-to MEDIUM\n  tocsin me digest set --every week --day mon --at 09:00 --up-to LOW",
	}
	f := set.Flags()
	f.StringVar(&d.Every, "every", "", "hour, day or week")
	f.StringVar(&d.At, "at", "", "`time` of day, as 08:00; of an hour the minutes count alone (default 00:00)")
	f.StringVar(&d.Day, "day", "", "`day` of the week, mon to sun (default mon)")
	f.StringVar(&d.UpTo, "up-to", "", "most severe alert that waits: INFO, LOW, MEDIUM or HIGH (default MEDIUM)")
	must(set.MarkFlagRequired("every"))
	must(set.RegisterFlagCompletionFunc("every", cobra.FixedCompletions([]string{"hour", "day", "week"}, cobra.ShellCompDirectiveNoFileComp)))
	set.RunE = m.edit(s, func(p *api.Preferences, _ []string) error {
		p.Digest = d
		return nil
	})
	return group(&cobra.Command{Use: "digest", Short: "Gather what is not urgent in one message, or stop that"}, set,
		s.off(m, "Have no digest", "  tocsin me digest off", func(p *api.Preferences) { p.Digest = api.DigestPlan{} }))
}
