// Package cli is the command line of tocsin: one file per command. What the commands do is done by an api.Service, which
// is handed in and may be in this process or behind a socket.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tocsin/internal/api"
	"tocsin/internal/detector"
	"tocsin/internal/fault"
)

// Common are the settings of all commands.
type Common struct {
	Data string // directory of the data; never empty
	// DataNamed says that Data was named by --data or TOCSIN_DATA and is no default.
	DataNamed bool
	Config    string // file; empty: none was named
	Server    string // URL of the tocsin to ask; empty: the one that holds Data, or none
	Token     string // shown to Server
}

// Options are what the commands work with. Needed are Args, In, Out, Err, Env and the functions.
type Options struct {
	Args     []string // without the name of the program
	In       io.Reader
	Out, Err io.Writer
	Env      func(string) string // as os.Getenv
	Version  string
	Formats  []string       // names of the parsers
	Zone     *time.Location // in which times are read and shown; nil: that of the machine

	// Open finds the service: the one that holds the data, or the data itself. The function it returns lets go of it.
	Open func(context.Context, Common) (api.Service, func() error, error)
	// Running reports whether a tocsin runs on the data, so that what is asked is not the data alone. Nil: one does.
	Running func(context.Context, Common) bool
	// Serve and Demo return when ctx ends.
	Serve func(context.Context, Common, ServeOptions) error
	Demo  func(context.Context, Common, DemoOptions) error
	// Check reads the configuration, writes what it read to out, and returns every mistake.
	Check func(ctx context.Context, c Common, out io.Writer) error
	// ListFormats lists the formats of a configuration; nil: there are only Formats. TestFormats tries the samples of the formats
	// of a file, or with an empty path of the configuration.
	ListFormats func(Common) ([]Format, error)
	TestFormats func(c Common, path string) (FormatTest, error)
	// CheckDeclaration checks a format that a command declares, in a file or by options where file is empty. name is the one that is
	// wanted of several, empty for the only one.
	CheckDeclaration func(file, text, name string) error
	// TestRule judges one file by one rule and keeps nothing.
	TestRule func(ctx context.Context, c Common, rule string, q api.IngestRequest, body io.Reader) (api.DetectAnswer, error)
	// TestSamples tries the rules of a document on the samples that stand in it.
	TestSamples func(ctx context.Context, name, text string) ([]api.SampleResult, error)
	// Detectors are what the rules of packs judge by.
	Detectors detector.Set
	// OpenInput opens a file to be ingested; "-" is in. resume tells how far a source is known.
	OpenInput func(path string, in io.Reader, resume func(source string) (int64, bool)) (Input, error)
	// TakeOver takes over what another program kept, and says so table by table, also when it fails.
	TakeOver func(context.Context, api.Service, TakeOver) ([]Taken, error)
	// Faces are the command lines of other programs that it answers to as well.
	Faces []Face
	// ReadPassword asks for a password without showing it. Nil: from the terminal that In is; when In is none it is refused.
	ReadPassword func(prompt string) (string, error)
}

// Exit codes.
const (
	exitDone    = 0
	exitRefused = 1 // found nothing, or could not be done
	exitUsage   = 2 // wrong usage, also a filter that is no filter
)

// Run runs one command and returns its exit code. It never exits.
func Run(ctx context.Context, o Options) int {
	s := &shell{Options: o}
	if s.Zone == nil {
		s.Zone = time.Local
	}
	root := s.root()
	root.SetArgs(o.Args)
	root.SetIn(o.In)
	root.SetOut(o.Out)
	root.SetErr(o.Err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	if result, ok := errors.AsType[checkResult](err); ok {
		return int(result)
	}
	if checking(o.Args) {
		return s.unknown(err)
	}
	if errors.Is(err, errQuiet) {
		return exitRefused
	}
	s.say("tocsin: %s", printable(err.Error()))
	switch {
	case !s.started:
		s.say("Run 'tocsin help' or a command with --help to see what it takes.")
		return exitUsage
	case errors.Is(err, fault.Invalid) && !errors.Is(err, errRefused):
		return exitUsage
	default:
		return exitRefused
	}
}

var (
	errQuiet   = errors.New("refused")           // everything was said
	errRefused = errors.New("what was given in") // marks fault.Invalid about the content of a file, which is no wrong usage
)

// refused marks an error as being about something that was read, not about how the command was called.
func refused(err error) error {
	if err == nil {
		return nil
	}
	return &refusedError{err}
}

type refusedError struct{ err error }

func (r *refusedError) Error() string   { return r.err.Error() }
func (r *refusedError) Unwrap() []error { return []error{r.err, errRefused} }

// usage returns an error about how a command was called.
func usage(format string, args ...any) error { return fault.New(fault.Invalid, format, args...) }

// A shell is one run of the command line.
type shell struct {
	Options

	common  Common
	format  string
	started bool // the command itself began: later errors are not about its spelling
}

// say writes one line to standard error.
func (s *shell) say(format string, args ...any) {
	_, _ = fmt.Fprintf(s.Err, format+"\n", args...) // there is nowhere else to say it
}

// nothing says that nothing was found.
func (s *shell) nothing(what string) error {
	s.say("tocsin: no %s", what)
	return errQuiet
}

func (s *shell) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "tocsin",
		Short: "Takes logins, flows, log lines and devices in, judges them, alerts",
		Long: `tocsin takes facts in (log lines, logins, network flows, devices), judges them by rules, and alerts.

Every command works with and without a running tocsin: where one holds the data directory it is asked, else the directory
is opened. Exit codes: 0 done, 1 found nothing or refused, 2 wrong usage.`,
		Example: `  tocsin demo                                    # see it work, with bundled samples
  tocsin ingest access.log && tocsin detect      # from an old log to alerts
  tocsin serve                                   # live`,
		SilenceErrors: true, SilenceUsage: true,
		PersistentPreRunE: s.prepare,
	}
	root.CompletionOptions.HiddenDefaultCmd = false
	f := root.PersistentFlags()
	f.StringVar(&s.common.Data, "data", "", "`directory` of the data (TOCSIN_DATA; default "+defaultData(s.Env)+")")
	f.StringVar(&s.common.Config, "config", "", "configuration `file` (TOCSIN_CONFIG)")
	f.StringVar(&s.common.Server, "server", "", "`URL` of the tocsin to ask (TOCSIN_SERVER)")
	f.StringVar(&s.common.Token, "token", "", "`token` to show it; better in TOCSIN_TOKEN, where no list of processes shows it")
	f.StringVarP(&s.format, "output", "o", "table", "`form` of the output: table, json (one object a line) or csv; of alerts also line")
	must(root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"table", "json", "csv", "line"}, cobra.ShellCompDirectiveNoFileComp)))
	must(root.MarkPersistentFlagDirname("data"))
	must(root.MarkPersistentFlagFilename("config", "yaml", "yml"))
	root.AddGroup(&cobra.Group{ID: "run", Title: "To run it:"}, &cobra.Group{ID: "old", Title: "Old files:"},
		&cobra.Group{ID: "ask", Title: "To ask it:"}, &cobra.Group{ID: "manage", Title: "To manage it:"})
	if len(s.Faces) > 0 {
		root.AddGroup(&cobra.Group{ID: "faces", Title: "As the program that it takes the place of:"})
	}
	for _, f := range s.Faces {
		root.AddCommand(s.faceCommand(f))
	}
	root.SetHelpCommandGroupID("manage")
	root.SetCompletionCommandGroupID("manage")
	for group, commands := range map[string][]*cobra.Command{
		"run":    {s.serveCommand(), s.demoCommand(), s.healthcheckCommand(), s.selftestCommand()},
		"old":    {s.ingestCommand(), s.detectCommand()},
		"ask":    {s.searchCommand(), s.topCommand(), s.sessionsCommand(), s.alertsCommand(), s.explainCommand(), s.silencesCommand(), s.windowsCommand(), s.exclusionsCommand(), s.noticesCommand()},
		"manage": {s.rulesCommand(), s.formatsCommand(), s.usersCommand(), s.meCommand(), s.viewsCommand(), s.boardCommand(), s.reportsCommand(), s.settingsCommand(), s.tokensCommand(), s.auditCommand(), s.checkCommand(), s.facesCommand(), s.notifyCommand(), s.quarantineCommand(), s.exportersCommand(), s.groupsCommand(), s.namesCommand(), s.backupCommand(), s.clearCommand(), s.resetCommand(), s.importCommand(), s.versionCommand()},
	} {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	tellPermissions(root)
	return root
}

// must is for what can only fail by a slip in this package, which every test of it would show.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// prepare fills in what stands in the environment, and checks what all commands take.
func (s *shell) prepare(cmd *cobra.Command, _ []string) error {
	for _, v := range []struct {
		flag, env string
		into      *string
	}{
		{"data", "TOCSIN_DATA", &s.common.Data}, {"config", "TOCSIN_CONFIG", &s.common.Config},
		{"server", "TOCSIN_SERVER", &s.common.Server}, {"token", "TOCSIN_TOKEN", &s.common.Token},
	} {
		if !cmd.Root().PersistentFlags().Lookup(v.flag).Changed { // a command may have a flag of its own by that name
			*v.into = s.Env(v.env)
		}
	}
	s.common.DataNamed = s.common.Data != ""
	if !s.common.DataNamed {
		s.common.Data = defaultData(s.Env)
	}
	forms := []string{"table", "json", "csv"}
	if cmd.Annotations["line"] != "" {
		forms = append(forms, "line")
	}
	if !slices.Contains(forms, s.format) {
		return usage("--output %q: want %s", s.format, strings.Join(forms, ", "))
	}
	return nil
}

// defaultData is where data lies when nobody says: of root where daemons keep it, of others in their home (XDG Base
// Directory Specification: XDG_STATE_HOME).
func defaultData(env func(string) string) string {
	if os.Geteuid() == 0 {
		return "/var/lib/tocsin"
	}
	if state := env("XDG_STATE_HOME"); filepath.IsAbs(state) {
		return filepath.Join(state, "tocsin")
	}
	return filepath.Join(env("HOME"), ".local", "state", "tocsin")
}

// run makes the RunE of a command that needs no service.
func (s *shell) run(do func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		s.started = true
		return do(cmd.Context(), args)
	}
}

// ask makes the RunE of a command that needs the service, as the owner of the data.
func (s *shell) ask(do func(ctx context.Context, svc api.Service, args []string) error) func(*cobra.Command, []string) error {
	return s.run(func(ctx context.Context, args []string) error {
		svc, done, err := s.open(ctx)
		if err != nil {
			return err
		}
		err = do(api.As(ctx, api.Local()), svc, args)
		if closeErr := done(); err == nil || errors.Is(err, errQuiet) {
			err = errors.Join(closeErr, err)
		}
		return err
	})
}

// open finds the service. A mistake in the configuration is no wrong usage, one in the URL of a server is.
func (s *shell) open(ctx context.Context) (api.Service, func() error, error) {
	svc, done, err := s.Open(ctx, s.common)
	if s.common.Server == "" {
		err = refused(err)
	}
	return svc, done, err
}

// group makes a command that only holds others.
func group(c *cobra.Command, commands ...*cobra.Command) *cobra.Command {
	c.AddCommand(commands...)
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(cmd *cobra.Command, args []string) error {
		names := make([]string, len(commands))
		for i, sub := range commands {
			names[i] = sub.Name()
		}
		if len(args) == 0 {
			return usage("%s: want one of %s", cmd.CommandPath(), strings.Join(names, ", "))
		}
		return usage("%s %s: no such command, want one of %s", cmd.CommandPath(), args[0], strings.Join(names, ", "))
	}
	return c
}

// span is the --since and --until of a command.
type span struct{ since, until string }

func (p *span) flags(c *cobra.Command) {
	c.Flags().StringVar(&p.since, "since", "", "from this `time` on: 3m, 2h, 7d, yesterday, 2026-01-02, \"2026-01-02 15:04\", or RFC 3339")
	c.Flags().StringVar(&p.until, "until", "", "up to this `time`, which is spelt as for --since")
}

// times reads both; zero where not given.
func (p *span) times(zone *time.Location) (since, until time.Time, err error) {
	now := time.Now().In(zone)
	for _, v := range []struct {
		name, text string
		into       *time.Time
	}{{"--since", p.since, &since}, {"--until", p.until, &until}} {
		if v.text == "" {
			continue
		}
		if *v.into, err = api.ParseTime(v.text, now); err != nil {
			return since, until, usage("%s: %w", v.name, err)
		}
	}
	if !since.IsZero() && !until.IsZero() && !since.Before(until) {
		return since, until, usage("--since %s is not before --until %s", p.since, p.until)
	}
	return since, until, nil
}
