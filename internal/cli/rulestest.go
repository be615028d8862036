package cli

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/mute"
)

func (s *shell) rulesTest(owner *string) *cobra.Command {
	var q api.IngestRequest
	c := &cobra.Command{
		Use: "test RULE [FILE]", Short: "Judge a file by one rule, and keep nothing", Args: cobra.RangeArgs(1, 2),
		Long: `Reads FILE as ingest does and prints the alerts that the rule would make of it. RULE is a file, - for standard input, or the
name of a rule. Exit code 1 when it makes none.

Without FILE, tries all rules of the file RULE on the samples that stand beside them, and prints which passed. Exit code 1
when one did not.`,
		Example:     "  tocsin rules test ssh-scan.yaml auth.log\n  tocsin rules test ssh-scan auth.log -o line\n  tocsin rules test my-rules.yaml",
		Annotations: map[string]string{"line": "yes"},
	}
	c.Flags().StringVar(&q.Format, "format", "", "`name` of the format (default: recognised)")
	c.Flags().StringVar(&q.Zone, "tz", "", "time `zone` of times that name none (default UTC)")
	c.Flags().StringVar(&q.Service, "service", "", "`name` of the service, for events that name none")
	must(c.RegisterFlagCompletionFunc("format", s.completeFormats))
	c.RunE = s.run(func(ctx context.Context, args []string) error {
		if err := s.checkReading(q); err != nil {
			return err
		}
		text, expected, err := s.ruleText(ctx, *owner, args[0])
		if err != nil {
			return err
		}
		if len(args) == 1 {
			return s.testSamples(ctx, args[0], text)
		}
		return s.testRule(ctx, text, expected, q, args[1])
	})
	return c
}

// ruleText reads a rule from a file, or asks for the one of a name and for what is expected of it.
func (s *shell) ruleText(ctx context.Context, owner, name string) (text string, expected *exclusions, err error) {
	if _, err := os.Stat(name); name == "-" || err == nil || strings.ContainsAny(name, "/.") {
		text, err = s.readFile(name)
		return text, nil, err
	}
	svc, done, err := s.open(ctx)
	if err != nil {
		return "", nil, err
	}
	ctx = api.As(ctx, api.Local())
	r, err := ruleOf(ctx, svc, owner, name)
	if err == nil {
		expected = &exclusions{name: r.Name, owner: r.Owner}
		expected.list, err = svc.Mutes(ctx, api.MuteRequest{Kind: api.Exclusion})
	}
	return r.Text, expected, errors.Join(err, done())
}

// exclusions are those that a rule may meet.
type exclusions struct {
	name, owner string // of the rule
	list        []api.Mute
}

// say tells which of the alerts that a rule would make an exclusion would leave out.
func (x *exclusions) say(s *shell, found []alert.Alert) error {
	if x == nil {
		return nil
	}
	for i := range x.list {
		m := &x.list[i]
		match := mute.Match{Rule: m.Rule, Owner: m.Owner, Entity: m.Entity, Where: m.Where}
		if m.State != api.MuteActive {
			continue
		}
		matcher, err := match.Compile()
		if err != nil {
			return err
		}
		n := 0
		for k := range found {
			a := found[k]
			a.RuleName, a.Owner = x.name, x.owner // that it was tested under another is not to matter
			if within(m, a.Severity) && matcher.Means(&a) {
				n++
			}
		}
		if n > 0 {
			s.say("tocsin: exclusion %d by %s would leave out %s (%s)", m.ID, clean(m.Author), plural(int64(n), "alert"), clean(m.Note))
		}
	}
	return nil
}

// within reports whether a severity is one that a mute means.
func within(m *api.Mute, s alert.Severity) bool {
	least, _ := alert.ParseSeverity(m.MinSeverity) // none is 0
	most, err := alert.ParseSeverity(m.MaxSeverity)
	return s >= least && (err != nil || s <= most)
}

func (s *shell) testRule(ctx context.Context, text string, expected *exclusions, q api.IngestRequest, path string) (err error) {
	in, err := s.OpenInput(path, s.In, func(string) (int64, bool) { return 0, false })
	if err != nil {
		return refused(err)
	}
	defer func() { err = errors.Join(err, in.Body.Close()) }()
	q.Path = in.Request.Path
	a, err := s.TestRule(ctx, s.common, text, q, in.Body)
	if err != nil {
		return refused(err)
	}
	if err := errors.Join(s.judged(a), expected.say(s, a.Alerts)); err != nil {
		return err
	}
	if len(a.Alerts) == 0 {
		return errQuiet
	}
	return nil
}

// testSamples tries rules on the samples that stand beside them.
func (s *shell) testSamples(ctx context.Context, name, text string) error {
	results, err := s.TestSamples(ctx, name, text)
	if err != nil {
		return refused(err)
	}
	if len(results) == 0 {
		return s.nothing("samples in " + printable(name) + " (write them under `samples:` of a rule, or name a log to judge)")
	}
	failed := 0
	out := s.sheet(column{name: "rule"}, column{name: "sample"}, column{name: "events", right: true}, column{name: "result"})
	for _, r := range results {
		word := "passed"
		if !r.Passed {
			failed++
			word = strings.Join(r.Faults, "; ")
		}
		if err := out.add(r, r.Rule, r.Sample, strconv.Itoa(r.Events), word); err != nil {
			return err
		}
	}
	if err := out.end(); err != nil {
		return err
	}
	s.say("%d samples, %d passed, %d failed", len(results), len(results)-failed, failed)
	if failed > 0 {
		return errQuiet
	}
	return nil
}
