package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"tocsin/internal/api"
)

func (s *shell) explainCommand() *cobra.Command {
	var q api.ExplainRequest
	var past bool
	c := &cobra.Command{
		Use:   "explain LINE|-",
		Short: "Say what becomes of a line, and what each rule makes of it",
		Long: `Reads LINE as ingest does and shows the format, the fields, and of every rule that runs why it fires or not: the condition
that leaves the event out, or how full the window of its entity is and whether this event would make it fire. With - lines
are read from standard input, each of which is explained by itself. Nothing is kept and nothing is judged.

A running tocsin is asked what its rules know now. Without one it is what they knew when tocsin ran last, or, for a line
of another time and with --history, what they would know had they seen the history of the eight days before it.

Exit code 1 when no line could be read.`,
		Example: `  tocsin explain '192.0.2.7 - - [17/May/2015:10:05:03 +0000] "GET /wp-login.php HTTP/1.1" 404 209'
  tail -1 /var/log/auth.log | tocsin explain - --zone Europe/Berlin
  tocsin explain - --rule ssh-scan -o json <suspicious.log`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage("explain: got %d words, want one line in quotes, or - for standard input", len(args))
			}
			return nil
		},
	}
	c.Flags().StringVar(&q.Format, "format", "", "`name` of the format (default: recognised)")
	c.Flags().StringVar(&q.Zone, "zone", "", "time `zone` of times that name none (default UTC)")
	c.Flags().StringVar(&q.Zone, "tz", "", "the same as --zone")
	must(c.Flags().MarkHidden("tz")) // as ingest has it
	c.Flags().StringVar(&q.Service, "service", "", "`name` of the service, for events that name none")
	c.Flags().StringSliceVar(&q.Rules, "rule", nil, "only these `rules`")
	c.Flags().BoolVar(&past, "history", false, "ask what the rules would know from history, not what they know now")
	must(c.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(s.Formats, cobra.ShellCompDirectiveNoFileComp)))
	must(c.RegisterFlagCompletionFunc("rule", s.completeRules))
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) (err error) {
		if err := s.checkReading(api.IngestRequest{Format: q.Format, Zone: q.Zone}); err != nil {
			return err
		}
		if past {
			q.State = "history"
		}
		q.Raw = [][]byte{[]byte(args[0])}
		if args[0] == "-" {
			if q.Raw, err = s.explainLines(); err != nil {
				return err
			}
		}
		a, err := svc.Explain(ctx, q)
		if err != nil {
			return err
		}
		return s.explained(a)
	})
	return c
}

// explainLines reads the lines of standard input, as many as one question holds.
func (s *shell) explainLines() ([][]byte, error) {
	text, err := io.ReadAll(io.LimitReader(s.In, api.MaxExplainBytes+1))
	if err != nil {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	over := len(text) > api.MaxExplainBytes
	if over {
		text = text[:api.MaxExplainBytes]
		if end := bytes.LastIndexByte(text, '\n'); end >= 0 {
			text = text[:end]
		}
	}
	var lines [][]byte
	for line := range bytes.Lines(text) {
		if len(lines) == api.MaxExplainLines {
			over = true
			break
		}
		lines = append(lines, bytes.TrimRight(line, "\r\n"))
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil, refused(usage("standard input holds no line"))
	}
	if over {
		s.say("tocsin: only the first %s are explained", plural(int64(len(lines)), "line"))
	}
	return lines, nil
}

// explained prints the answer in the form that is wanted.
func (s *shell) explained(a api.ExplainAnswer) error {
	var err error
	switch s.format {
	case "json":
		err = writeJSON(s.Out, a)
	case "csv":
		err = s.explainSheet(a)
	default:
		p := &page{shell: s}
		p.answer(a)
		_, err = p.text.WriteTo(s.Out)
	}
	if err != nil {
		return err
	}
	for i := range a.Lines {
		if l := &a.Lines[i]; len(l.Events) > 0 || l.Empty {
			return nil
		}
	}
	return errors.Join(errQuiet)
}

// explainSheet writes a row for each rule and event, and one for each line that has none.
func (s *shell) explainSheet(a api.ExplainAnswer) error {
	t := s.sheet(column{name: "line"}, column{name: "format"}, column{name: "event"}, column{name: "rule"}, column{name: "verdict"},
		column{name: "entity"}, column{name: "value"}, column{name: "with"}, column{name: "limit"}, column{name: "why"})
	for i := range a.Lines {
		l := &a.Lines[i]
		no := strconv.Itoa(l.Line)
		if len(l.Events) == 0 {
			why := l.Why
			if l.Fault != nil {
				why = fmt.Sprintf("byte %d: %s", l.Fault.Offset, l.Fault.Reason)
			}
			if err := t.add(nil, no, l.Format, "", "", "", "", "", "", "", why); err != nil {
				return err
			}
		}
		for k := range l.Events {
			for _, r := range l.Events[k].Rules {
				number := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
				if err := t.add(nil, no, l.Format, strconv.Itoa(k+1), r.Name, r.Verdict, r.Entity.Key(), number(r.Value), number(r.With), number(r.Limit), whyNot(&r)); err != nil {
					return err
				}
			}
		}
	}
	return t.end()
}
