package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

func (s *shell) rulesEdit(owner *string) *cobra.Command {
	return &cobra.Command{
		Use: "edit NAME", Short: "Change a rule in an editor", Args: cobra.ExactArgs(1), ValidArgsFunction: s.completeRules,
		Long: `Opens the rule in VISUAL or EDITOR. When it is not right, says why and asks whether to go on editing; the rule stays as it was
until it is.`,
		Example: "  EDITOR=nano tocsin rules edit ssh-scan",
		RunE: s.ask(func(ctx context.Context, svc api.Service, args []string) error {
			r, err := ruleOf(ctx, svc, *owner, args[0])
			if err != nil {
				return err
			}
			if r.ReadOnly {
				return fault.New(fault.Conflict, "rule %s stands in %s: change it there, then send tocsin a SIGHUP", r.Name, r.File)
			}
			return s.edit(ctx, svc, r)
		}),
	}
}

// edit has a rule changed until it is right or the person gives up.
func (s *shell) edit(ctx context.Context, svc api.Service, r api.Rule) error {
	f, err := os.CreateTemp("", "tocsin-rule-*.yaml")
	if err != nil {
		return err
	}
	_, err = f.WriteString(withEnd(r.Text))
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	keep := false
	defer func() {
		if !keep {
			_ = os.Remove(f.Name()) // a leftover in the temporary directory harms nobody
		}
	}()
	answers := bufio.NewReader(s.In)
	for {
		if err := s.editor(ctx, f.Name()); err != nil {
			keep = true
			return fmt.Errorf("edit %s: %w", f.Name(), err)
		}
		text, err := s.readFile(f.Name())
		if err != nil {
			return err
		}
		if text == withEnd(r.Text) {
			_, err := fmt.Fprintf(s.Out, "rule %s: unchanged\n", clean(r.Name))
			return err
		}
		changed, err := svc.PutRule(ctx, api.RuleEdit{Owner: r.Owner, Text: text, Replace: true})
		if err == nil {
			return s.saidRule(changed, "changed")
		}
		if !s.again(answers, err) {
			keep = true
			return refused(fmt.Errorf("%w\n(what you wrote is in %s)", err, f.Name()))
		}
	}
}

// again asks whether to go on editing. Where nobody can answer, it is no.
func (s *shell) again(answers *bufio.Reader, err error) bool {
	if f, ok := s.In.(*os.File); !ok || !term.IsTerminal(int(f.Fd())) {
		return false
	}
	s.say("%s", printable(err.Error()))
	_, _ = fmt.Fprint(s.Err, "Edit again? [Y/n] ") // there is nowhere else to ask
	line, err := answers.ReadString('\n')
	return err == nil && !strings.HasPrefix(strings.ToLower(strings.TrimSpace(line)), "n")
}

// editor runs the editor of the person on a file.
func (s *shell) editor(ctx context.Context, path string) error {
	words := strings.Fields(s.Env("VISUAL"))
	if len(words) == 0 {
		words = strings.Fields(s.Env("EDITOR"))
	}
	if len(words) == 0 {
		words = []string{"vi"}
	}
	c := exec.CommandContext(ctx, words[0], append(words[1:], path)...) //nolint:gosec // the person's own editor
	c.Stdin, c.Stdout, c.Stderr = s.In, s.Out, s.Err
	return c.Run()
}
