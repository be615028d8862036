package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/list"
)

// maxRuleFile bounds a file of rules.
const maxRuleFile = 16 << 20

func (s *shell) rulesCommand() *cobra.Command {
	var owner string
	c := group(&cobra.Command{
		Use:   "rules",
		Short: "List, add, change, test and delete rules",
		Long:  "Rules live in files that the configuration names, which only their editor changes, and in tocsin itself, where these commands keep them.",
	}, s.rulesList(&owner), s.rulesShow(&owner), s.rulesAdd(&owner), s.rulesDefine(&owner), s.rulesEdit(&owner), s.rulesImport(&owner), s.rulesTest(&owner),
		s.rulesDelete(&owner), s.rulesEnable(&owner, true), s.rulesEnable(&owner, false), s.rulesPacks())
	c.PersistentFlags().StringVar(&owner, "owner", "", "`user` whose rules are meant (default: one's own); with list * for all")
	return c
}

func (s *shell) rulesList(owner *string) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List rules", Example: "  tocsin rules list -o csv", Args: cobra.NoArgs,
		RunE: s.ask(func(ctx context.Context, svc api.Service, _ []string) error {
			found, err := svc.Rules(ctx, api.RuleRequest{Owner: *owner})
			if err != nil {
				return err
			}
			out := s.sheet(column{name: "name"}, column{name: "owner"}, column{name: "runs"}, column{name: "severity", paint: severityColours},
				column{name: "from"}, column{name: "detect"}, column{name: "file", lazy: true}, column{name: "problem", lazy: true})
			for i := range found {
				r := &found[i]
				problem := r.Problem
				if problem == "" && len(r.MissingLists) > 0 {
					problem = "no list " + strings.Join(r.MissingLists, ", ")
				}
				if err := out.add(r, r.Name, r.Owner, yesNo(r.Enabled && r.Problem == ""), r.Severity, r.From, r.Detect, r.File, problem); err != nil {
					return err
				}
			}
			if len(found) == 0 {
				return errors.Join(out.end(), s.nothing("rules"))
			}
			return out.end()
		}),
	}
}

func yesNo(v bool) string {
	if v {
		return "yes"
	}
	return "no"
}

// ruleOf finds the one rule of a name.
func ruleOf(ctx context.Context, svc api.Service, owner, name string) (api.Rule, error) {
	found, err := svc.Rules(ctx, api.RuleRequest{Owner: owner, Name: name})
	if err != nil {
		return api.Rule{}, err
	}
	if len(found) == 0 {
		return api.Rule{}, fault.New(fault.NotFound, "rule %q: there is none of this name", name)
	}
	return found[0], nil
}

func (s *shell) rulesShow(owner *string) *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Print a rule", Example: "  tocsin rules show ssh-scan > ssh-scan.yaml", Args: cobra.ExactArgs(1), ValidArgsFunction: s.completeRules,
		RunE: s.ask(func(ctx context.Context, svc api.Service, args []string) error {
			r, err := ruleOf(ctx, svc, *owner, args[0])
			if err != nil {
				return err
			}
			if s.format == "json" {
				return writeJSON(s.Out, r)
			}
			if r.Problem != "" {
				s.say("tocsin: rule %s does not run: %s", clean(r.Name), printable(r.Problem))
			}
			s.sayMissing(&r)
			_, err = fmt.Fprint(s.Out, withEnd(printable(r.Text)))
			return err
		}),
	}
}

// withEnd gives a text a line end when it has none.
func withEnd(text string) string {
	if text == "" || text[len(text)-1] != '\n' {
		return text + "\n"
	}
	return text
}

func (s *shell) rulesAdd(owner *string) *cobra.Command {
	var replace bool
	c := &cobra.Command{
		Use: "add FILE", Short: "Add one rule from a file, or with - from standard input", Args: cobra.ExactArgs(1),
		Example: "  tocsin rules add ssh-scan.yaml\n  tocsin rules add --replace - < ssh-scan.yaml",
	}
	c.Flags().BoolVar(&replace, "replace", false, "change the rule of the same name, when there is one")
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) error {
		text, err := s.readFile(args[0])
		if err != nil {
			return err
		}
		r, err := putRule(ctx, svc, api.RuleEdit{Owner: *owner, Text: text, Replace: replace})
		if err != nil {
			return refused(err)
		}
		return s.saidRule(r, "kept")
	})
	return c
}

// putRule adds a rule, or changes the one of the same name when that is asked for and there is one.
func putRule(ctx context.Context, svc api.Service, e api.RuleEdit) (api.Rule, error) {
	r, err := svc.PutRule(ctx, e)
	if e.Replace && errors.Is(err, fault.NotFound) {
		e.Replace = false
		return svc.PutRule(ctx, e)
	}
	return r, err
}

// saidRule says what became of a rule.
func (s *shell) saidRule(r api.Rule, what string) error {
	if s.format == "json" {
		return writeJSON(s.Out, r)
	}
	_, err := fmt.Fprintf(s.Out, "rule %s: %s, version %d\n", clean(r.Name), what, r.Version)
	s.sayMissing(&r)
	return err
}

// sayMissing says which lists a rule names that are not there. It is kept: the file of a list may come later.
func (s *shell) sayMissing(r *api.Rule) {
	for _, name := range r.MissingLists {
		s.say("tocsin: rule %s: there is no list %q: it is empty until there is a %s in the data directory", clean(r.Name), printable(name), printable(list.Path(name)))
	}
}

// readFile reads a small file, or with "-" standard input.
func (s *shell) readFile(path string) (string, error) {
	in := s.In
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return "", err
		}
		defer func() { _ = f.Close() }() // read only
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxRuleFile+1))
	if err == nil && len(text) > maxRuleFile {
		err = fault.New(fault.Invalid, "it is larger than 16 MiB")
	}
	if err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return string(text), nil
}

func (s *shell) rulesDelete(owner *string) *cobra.Command {
	return &cobra.Command{
		Use: "delete NAME...", Short: "Delete rules", Example: "  tocsin rules delete ssh-scan", Args: cobra.MinimumNArgs(1), ValidArgsFunction: s.completeRules,
		RunE: s.ask(func(ctx context.Context, svc api.Service, args []string) error {
			return s.each(args, "deleted", func(name string) error { return svc.DeleteRule(ctx, *owner, name) })
		}),
	}
}

func (s *shell) rulesEnable(owner *string, enable bool) *cobra.Command {
	word, short := "enable", "Let rules judge"
	if !enable {
		word, short = "disable", "Let rules rest"
	}
	return &cobra.Command{
		Use: word + " NAME...", Short: short, Example: "  tocsin rules " + word + " ssh-scan", Args: cobra.MinimumNArgs(1), ValidArgsFunction: s.completeRules,
		RunE: s.ask(func(ctx context.Context, svc api.Service, args []string) error {
			return s.each(args, word+"d", func(name string) error { return svc.EnableRule(ctx, *owner, name, enable) })
		}),
	}
}

// each does a thing for every name, goes on when one fails, and says what was done.
func (s *shell) each(names []string, done string, do func(string) error) error {
	var failed error
	for _, name := range names {
		if err := do(name); err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		if _, err := fmt.Fprintf(s.Out, "%s: %s\n", clean(name), done); err != nil {
			return err
		}
	}
	return failed
}
