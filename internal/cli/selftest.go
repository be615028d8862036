package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"tocsin/internal/api"
)

func (s *shell) selftestCommand() *cobra.Command {
	var q api.SelfTestRequest
	var wait string
	c := &cobra.Command{
		Use: "selftest", Short: "Send a test event through the whole of a running tocsin", Args: cobra.NoArgs,
		Long: `Sends one marked event through the running tocsin and says how far it came, and after what time: taken in and safe in the
journal, found by a search, judged and written as an alert, and told over each channel of the configuration, with what the
other side answered. The notices, and the alert that stays behind and has ended, begin with TEST. Exit code 0: it came
everywhere. 1: it did not.`,
		Example: "  tocsin selftest\n  tocsin selftest --no-notify\n  tocsin selftest --channel mail -o json",
	}
	c.Flags().BoolVar(&q.NoNotify, "no-notify", false, "tell nobody: leave the channels out")
	c.Flags().StringVar(&q.Channel, "channel", "", "try only the channel of this `name`")
	c.Flags().StringVar(&wait, "wait", "30s", "for how `long` to wait at each station, 1s to 10m")
	c.MarkFlagsMutuallyExclusive("no-notify", "channel")
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, _ []string) error {
		d, err := api.ParseDuration(wait)
		if err != nil {
			return usage("--wait %q: want a length of time such as 30s or 2m", wait)
		}
		q.Wait = d
		answer, err := svc.SelfTest(ctx, q)
		if err != nil {
			return err
		}
		if err := s.selfTested(answer); err != nil {
			return err
		}
		if !answer.OK {
			s.say("tocsin: the test event did not come everywhere")
			return errQuiet
		}
		return nil
	})
	return c
}

// selfTested tells what became of a test event.
func (s *shell) selfTested(answer api.SelfTestAnswer) error {
	if s.format == "json" {
		return writeJSON(s.Out, answer)
	}
	out := s.sheet(column{name: "station"}, column{name: "verdict", paint: func(v string) text.Colors {
		if v == "ok" {
			return text.Colors{text.FgGreen}
		}
		return text.Colors{text.FgRed}
	}}, column{name: "after", right: true}, column{name: "what happened"})
	for _, st := range answer.Stations {
		verdict := "ok"
		if !st.OK {
			verdict = "FAILED"
		}
		if err := out.add(nil, st.Name, verdict, fmt.Sprintf("%d ms", st.Took.Round(time.Millisecond).Milliseconds()), st.Detail); err != nil {
			return err
		}
	}
	return out.end()
}
