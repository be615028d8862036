package cli

import (
	"context"
	"slices"

	"github.com/spf13/cobra"
)

// ServeOptions are the settings of serve that need no configuration file.
type ServeOptions struct {
	Listen    string // address of the page and the API; empty: as configured
	LogLevel  string // debug, info, warn or error; empty: as configured
	LogFormat string // text or json; empty: as configured
}

// DemoOptions are the settings of the demo.
type DemoOptions struct {
	ServeOptions

	User     string
	Password string // empty: one is made and printed
	DataSet  bool   // Common.Data was named by --data; else the demo chooses a directory of its own
}

func (o *ServeOptions) flags(c *cobra.Command) {
	c.Flags().StringVar(&o.Listen, "listen", "", "`address` of the page and the API (default 127.0.0.1:8400)")
	c.Flags().StringVar(&o.LogLevel, "log-level", "", "debug, info, warn or error (default as configured: info)")
	c.Flags().StringVar(&o.LogFormat, "log-format", "", "text or json (default as configured: text on a terminal, else JSON)")
	must(c.RegisterFlagCompletionFunc("log-level", cobra.FixedCompletions(logLevels, cobra.ShellCompDirectiveNoFileComp)))
	must(c.RegisterFlagCompletionFunc("log-format", cobra.FixedCompletions(logFormats, cobra.ShellCompDirectiveNoFileComp)))
}

var (
	logLevels  = []cobra.Completion{"debug", "info", "warn", "error"}
	logFormats = []cobra.Completion{"text", "json"}
)

func (o *ServeOptions) check() error {
	if o.LogLevel != "" && !slices.Contains(logLevels, o.LogLevel) {
		return usage("--log-level %q: want debug, info, warn or error", o.LogLevel)
	}
	if o.LogFormat != "" && !slices.Contains(logFormats, o.LogFormat) {
		return usage("--log-format %q: want text or json", o.LogFormat)
	}
	return nil
}

func (s *shell) serveCommand() *cobra.Command {
	var o ServeOptions
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run tocsin: take events in, judge them live, answer on 127.0.0.1:8400",
		Long: `Runs until it is told to stop by SIGTERM or SIGINT; what was accepted until then is kept. SIGHUP reads the configuration
again: all of it, or when there is a mistake nothing. It needs no configuration file.`,
		Example: `  tocsin serve
  tocsin serve --config /etc/tocsin.yaml --listen 0.0.0.0:8400 --log-format json`,
		Args: cobra.NoArgs,
	}
	o.flags(c)
	c.RunE = s.run(func(ctx context.Context, _ []string) error {
		if err := o.check(); err != nil {
			return err
		}
		return refused(s.Serve(ctx, s.common, o))
	})
	return c
}
