package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tocsin/internal/api"
)

func (s *shell) notifyCommand() *cobra.Command {
	return group(&cobra.Command{Use: "notify", Short: "Try out the channels over which people are told",
		Long: `Channels stand below "notify" in the configuration; those of single users are called mail:NAME and syslog:NAME.`},
		s.notifyPreview(), s.notifyTest())
}

func (s *shell) notifyPreview() *cobra.Command {
	var q api.PreviewRequest
	var shipped bool
	c := &cobra.Command{
		Use: "preview CHANNEL", Short: "Show how a channel would tell of an alert, and send nothing", Args: cobra.ExactArgs(1),
		Long: `Shows the message that a channel would send about an alert, in its own templates. One that fails at work is said, with what is sent in
its place. --default shows the templates that come with tocsin, to be copied into the configuration and changed.`,
		Example: "  tocsin notify preview pager --alert 17\n  tocsin notify preview team --change SUMMARY\n  tocsin notify preview team --default",
	}
	c.Flags().Int64Var(&q.Alert, "alert", 0, "the `number` of an alert (default: a made-up one)")
	c.Flags().StringVar(&q.Change, "change", "CREATE", "what happened: `CREATE`, UPDATE, END or SUMMARY")
	c.Flags().BoolVar(&shipped, "default", false, "the templates that come with tocsin")
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) error {
		q.Channel = args[0]
		p, err := svc.PreviewNotice(ctx, q)
		if err != nil {
			return err
		}
		switch {
		case shipped && p.Shipped == nil:
			return usage("channel %s has no templates", printable(q.Channel))
		case shipped && s.format == "json":
			return writeJSON(s.Out, p.Shipped)
		case shipped:
			return s.parts("subject", p.Shipped.Subject, "text", p.Shipped.Text, "html", p.Shipped.HTML)
		case s.format == "json":
			return writeJSON(s.Out, p)
		}
		if p.Problem != "" {
			s.say("tocsin: %s", printable(p.Problem))
		}
		return s.parts("subject", p.Subject, "text", p.Text, "html", p.HTML)
	})
	return c
}

// parts prints named texts one below the other; the empty ones are left out.
func (s *shell) parts(named ...string) error {
	for i := 0; i+1 < len(named); i += 2 {
		if named[i+1] == "" {
			continue
		}
		var lines []string
		for line := range strings.SplitSeq(strings.TrimRight(named[i+1], "\n"), "\n") {
			lines = append(lines, printable(line))
		}
		if _, err := fmt.Fprintf(s.Out, "--- %s\n%s\n", named[i], strings.Join(lines, "\n")); err != nil {
			return err
		}
	}
	return nil
}

func (s *shell) notifyTest() *cobra.Command {
	return &cobra.Command{
		Use: "test CHANNEL", Short: "Send a test message over a channel and show what is answered", Args: cobra.ExactArgs(1),
		Long: `Sends a test message over a channel at once and shows what the other side really answers, or why it was not sent and what can be done
about it. A pager opens an incident of the lowest urgency.`,
		Example: "  tocsin notify test pager",
		RunE: s.ask(func(ctx context.Context, svc api.Service, args []string) error {
			tested, err := svc.TestChannel(ctx, api.ChannelTest{Channel: args[0]})
			if err != nil {
				return err
			}
			if s.format == "json" {
				return writeJSON(s.Out, tested)
			}
			out := s.sheet(column{name: "channel"}, column{name: "answer"})
			if err := out.add(nil, tested.Channel, tested.Answer); err != nil {
				return err
			}
			return out.end()
		}),
	}
}
