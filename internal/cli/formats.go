package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"tocsin/internal/api"
)

// A Format is a way in which log lines are read.
type Format struct {
	Name    string `json:"name"`
	Kind    string `json:"kind"`
	Base    string `json:"base"`    // the format of tocsin's own whose settings it has; its own name for these
	From    string `json:"from"`    // file and line of a declared one, built in for others
	Guessed bool   `json:"guessed"` // it is recognised by its lines
	Samples int    `json:"samples"`
}

// A FormatTest is what became of the samples of declared formats.
type FormatTest struct {
	Formats  int
	Samples  int
	Failures []string // of each sample that failed, over several lines
}

func (s *shell) formatsCommand() *cobra.Command {
	return group(&cobra.Command{
		Use:   "formats",
		Short: "List the formats of log lines, and try the samples of those that you declared",
		Long:  "Formats of your own stand in the configuration, under formats or in the files that format_files names.",
	}, s.formatsList(), s.formatsTest())
}

func (s *shell) formatsList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List formats", Example: "  tocsin formats list -o json", Args: cobra.NoArgs,
		RunE: s.run(func(context.Context, []string) error {
			formats, err := s.ListFormats(s.common)
			if err != nil {
				return refused(err)
			}
			out := s.sheet(column{name: "name"}, column{name: "kind"}, column{name: "base"}, column{name: "guessed"},
				column{name: "samples", right: true}, column{name: "from"})
			for i := range formats {
				f := &formats[i]
				if err := out.add(f, f.Name, f.Kind, f.Base, yesNo(f.Guessed), strconv.Itoa(f.Samples), f.From); err != nil {
					return err
				}
			}
			return out.end()
		}),
	}
}

func (s *shell) formatsTest() *cobra.Command {
	return &cobra.Command{
		Use: "test [FILE]", Short: "Try the samples of declared formats", Args: cobra.MaximumNArgs(1),
		Long: `Reads each sample that stands beside a format, of FILE or of the configuration, and compares what becomes of it with what it
says. Exit code 1 when one differs.`,
		Example: "  tocsin formats test\n  tocsin formats test formats/shop.yaml",
		RunE: s.run(func(_ context.Context, args []string) error {
			path := ""
			if len(args) == 1 {
				path = args[0]
			}
			t, err := s.TestFormats(s.common, path)
			if err != nil {
				return refused(err)
			}
			for _, f := range t.Failures {
				s.say("%s", printable(f))
			}
			if _, err := fmt.Fprintf(s.Out, "%d formats, %d samples, %d failed\n", t.Formats, t.Samples, len(t.Failures)); err != nil {
				return err
			}
			if len(t.Failures) > 0 {
				return errQuiet
			}
			return nil
		}),
	}
}

// formatNames lists the names that --format takes here: those that the configuration declares too.
func (s *shell) formatNames() ([]string, error) {
	if s.ListFormats == nil {
		return s.Formats, nil
	}
	formats, err := s.ListFormats(s.common)
	names := make([]string, len(formats))
	for i := range formats {
		names[i] = formats[i].Name
	}
	return names, err
}

// completeFormats lists the formats; those of the configuration only where that can be read.
func (s *shell) completeFormats(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	names, err := s.formatNames()
	if err != nil {
		names = s.Formats
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// ownFormat is a format that the command line itself declares.
type ownFormat struct {
	file     string
	patterns []string
	times    []string
	order    string // of an access log
}

// A declaration is a format as documents have it.
type (
	declaration struct {
		Text     *textForm     `json:"text,omitempty"`
		Combined *combinedForm `json:"combined,omitempty"`
	}
	combinedForm struct {
		LogFormat string `json:"log_format"`
	}
	textForm struct {
		Patterns []string `json:"patterns"`
		Time     []string `json:"time,omitempty"`
	}
)

func (o *ownFormat) flags(c *cobra.Command) {
	c.Flags().StringVar(&o.file, "format-file", "", "`file` that declares the format")
	c.Flags().StringArrayVar(&o.patterns, "pattern", nil, "`pattern` of the lines, such as '{@timestamp} {log.level} {message}'; may be given several times")
	c.Flags().StringArrayVar(&o.times, "time-format", nil, "how times in the pattern are written, such as '%d.%m.%Y %H:%M:%S'; may be given several times")
	c.Flags().StringVar(&o.order, "log-format", "", "`order` of an access log as Apache's LogFormat or nginx's log_format has it, such as '%h %t \"%r\" %>s'")
	c.MarkFlagsMutuallyExclusive("format-file", "pattern", "log-format")
	c.MarkFlagsMutuallyExclusive("format", "pattern", "log-format")
}

// declare puts what was declared into a request.
func (o *ownFormat) declare(s *shell, q *api.IngestRequest) error {
	if o.file != "" {
		text, err := s.readFile(o.file)
		if err != nil {
			return err
		}
		q.Declaration = text
		return refused(s.checkDeclaration(o.file, q))
	}
	var form declaration
	switch {
	case len(o.patterns) > 0:
		form.Text = &textForm{Patterns: o.patterns, Time: o.times}
	case len(o.times) > 0:
		return usage("--time-format: want --pattern beside it, which it is for")
	case o.order != "":
		form.Combined = &combinedForm{LogFormat: o.order}
	default:
		return nil
	}
	text, err := json.Marshal(form) // JSON is YAML
	if err != nil {
		return err
	}
	q.Declaration = string(text)
	return s.checkDeclaration("", q)
}

// checkDeclaration finds mistakes before a file is looked at, which may have nothing new. Another machine may know other formats.
func (s *shell) checkDeclaration(file string, q *api.IngestRequest) error {
	if s.CheckDeclaration == nil || s.common.Server != "" {
		return nil
	}
	return s.CheckDeclaration(file, q.Declaration, q.Format)
}
