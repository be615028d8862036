package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/define"
	"tocsin/internal/fault"
)

// A defining is what the flags of rules define say.
type defining struct {
	define.Definition

	metric, entity, above, below, over, severity string
	backTest                                     string
	suggest, limit                               int
	dry, replace                                 bool
}

// usualBackTest is how far back is looked for a limit where no other time is given.
const usualBackTest = "7d"

func (s *shell) rulesDefine(owner *string) *cobra.Command {
	q := &defining{}
	c := &cobra.Command{
		Use: "define TITLE", Short: "Make a rule about flows of one sentence with five blanks", Args: cobra.ExactArgs(1),
		Long: `Makes a rule as FlowTraq's users define alerts: what is measured, of whom, how much is too much, within which time, and how severe
that is. Prints the sentence and the rule, and keeps it unless --dry-run is given.

METRIC is ` + strings.Join(define.Metrics(), ", ") + `.
ENTITY is ` + strings.Join(define.Entities(), ", ") + `. Numbers may have a suffix: k, M, G or T.

--back-test shows first when the rule would have fired. --suggest says which limit fits that time, and is the limit where none is given.`,
		Example: `  tocsin rules define "SSH scan" --metric "unique hosts" --entity host --above 100 --over 1h --severity HIGH --filter 'flowtraq:SRVPORT == 22'
  tocsin rules define "Large uploads" --metric "bytes sent" --entity host --above 5G --over 1h --back-test 7d --dry-run
  tocsin rules define "Busy ports" --metric "sessions accepted" --entity port --over 15m --suggest 3 --dry-run`,
	}
	f := c.Flags()
	f.StringVar(&q.metric, "metric", "", "`what` is measured")
	f.StringVar(&q.entity, "entity", "", "of `whom`: host, host pair, port or country")
	f.StringVar(&q.above, "above", "", "more than this `number` is too much")
	f.StringVar(&q.below, "below", "", "less than this `number` is too little")
	f.StringVar(&q.over, "over", "1h", "within this `time`, 1m to 24h; FlowTraq had 15m, 30m, 1h, 2h and 3h")
	f.StringVar(&q.severity, "severity", "MEDIUM", "INFO, LOW, MEDIUM, HIGH or CRITICAL")
	f.StringVar(&q.Where, "filter", "", "only flows that pass this `filter`, also in FlowTraq's language behind flowtraq:")
	f.BoolVar(&q.Once, "once", false, "what several exporters tell counts once")
	f.StringVar(&q.Description, "description", "", "`text` that says why, and what to do")
	f.StringVar(&q.Name, "name", "", "`name` of the rule (default: made of the title)")
	f.BoolVar(&q.replace, "replace", false, "change the rule of the same name, when there is one")
	f.BoolVar(&q.dry, "dry-run", false, "keep nothing")
	f.StringVar(&q.backTest, "back-test", "", "show when it would have fired in the last `time`, such as 7d")
	f.IntVar(&q.limit, "limit", 100, "at most so many alerts of the back-test")
	f.IntVar(&q.suggest, "suggest", 0, "say with which limit at most so many entities would have fired")
	c.MarkFlagsMutuallyExclusive("above", "below")
	for name, words := range map[string][]string{"metric": define.Metrics(), "entity": define.Entities()} {
		must(c.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)))
	}
	must(c.RegisterFlagCompletionFunc("severity", completeSeverities()))
	must(c.RegisterFlagCompletionFunc("filter", completeFilter))
	c.RunE = s.ask(func(ctx context.Context, svc api.Service, args []string) error {
		q.Title = args[0]
		past, err := q.read(time.Now().In(s.Zone))
		if err != nil {
			return usage("%w", err)
		}
		return s.define(ctx, svc, q, *owner, past)
	})
	return c
}

// read reads the flags, and from when on the history is looked at, zero for not at all. Without a limit it is 0 until one is
// suggested.
func (q *defining) read(now time.Time) (past time.Time, err error) {
	if q.Metric, err = define.Metric(q.metric); err != nil {
		return past, fmt.Errorf("--metric: %w", err)
	}
	if q.Entity, err = define.Entity(q.entity); err != nil {
		return past, fmt.Errorf("--entity: %w", err)
	}
	if q.Over, err = api.ParseDuration(q.over); err != nil {
		return past, fmt.Errorf("--over: %w", err)
	}
	if q.Severity, err = alert.ParseSeverity(q.severity); err != nil {
		return past, fmt.Errorf("--severity: %w", err)
	}
	number := q.above
	if q.below != "" {
		q.Below, number = true, q.below
	}
	switch {
	case number == "" && q.suggest == 0:
		return past, errors.New("want --above or --below with a number, or --suggest for one")
	case q.Below && q.suggest != 0:
		return past, errors.New("--suggest: limits are suggested for --above alone, as most of the time is far below any")
	case q.suggest < 0 || q.suggest > api.MaxBackTestHits || q.limit < 1 || q.limit > api.MaxBackTestHits:
		return past, fmt.Errorf("--suggest and --limit: want 1 to %d", api.MaxBackTestHits)
	case number != "":
		if q.Limit, err = define.ParseNumber(number); err != nil {
			return past, err
		}
	}
	if q.backTest == "" && q.suggest == 0 {
		return past, nil
	}
	back := q.backTest
	if back == "" {
		back = usualBackTest
	}
	if past, err = api.ParseTime(back, now); err != nil || !past.Before(now) {
		return past, fmt.Errorf("--back-test %q: want a time that is over, such as 7d", back)
	}
	return past, nil
}

// A defined is all that rules define says, as JSON.
type defined struct {
	Sentence string              `json:"sentence"`
	Text     string              `json:"text"` // the rule as YAML
	BackTest *api.BackTestAnswer `json:"back_test,omitempty"`
	Kept     *api.Rule           `json:"kept,omitempty"`
}

// define shows what a definition is and would have done, and keeps it.
func (s *shell) define(ctx context.Context, svc api.Service, q *defining, owner string, past time.Time) error {
	r, err := q.Rule()
	if err != nil {
		return refused(err)
	}
	ask := api.BackTestRequest{Owner: owner, Text: r.Text, Since: past, Limit: q.limit, Suggest: q.suggest}
	var suggested *api.LimitSuggestion
	if q.suggest > 0 && q.above == "" { // first the limit, then what becomes of it
		found, err := svc.BackTest(ctx, ask)
		if err != nil {
			return err
		}
		suggested, ask.Suggest = found.Suggestion, 0
		if suggested == nil || suggested.Measured == 0 {
			return fault.New(fault.NotFound, "suggest a limit: there are no such flows since %s (give one as --above)", s.instant(past))
		}
		q.Limit = suggested.Limit
		if r, err = q.Rule(); err != nil {
			return err
		}
		ask.Text = r.Text
	}
	out := defined{Sentence: q.Sentence(), Text: r.Text}
	if !past.IsZero() {
		found, err := svc.BackTest(ctx, ask)
		if err != nil {
			return err
		}
		if suggested != nil {
			found.Suggestion = suggested
		}
		out.BackTest = &found
	}
	if s.format != "json" {
		if err := s.showDefined(&out, q, past); err != nil {
			return err
		}
	}
	if !q.dry {
		kept, err := putRule(ctx, svc, api.RuleEdit{Owner: owner, Text: r.Text, Replace: q.replace})
		if err != nil {
			return refused(err)
		}
		if s.format != "json" {
			s.say("rule %s: kept, version %d", clean(kept.Name), kept.Version)
			s.sayMissing(&kept)
		}
		out.Kept = &kept
	}
	if s.format == "json" {
		return writeJSON(s.Out, out)
	}
	return nil
}

// showDefined prints the sentence, the rule and what it would have found. As CSV it is the latter alone that is data.
func (s *shell) showDefined(d *defined, q *defining, past time.Time) error {
	if s.format == "csv" {
		s.say("%s", printable(d.Sentence))
	} else if _, err := fmt.Fprintf(s.Out, "%s\n\n%s", printable(d.Sentence), printable(d.Text)); err != nil {
		return err
	}
	b := d.BackTest
	if b == nil {
		return nil
	}
	if s.format != "csv" {
		if _, err := fmt.Fprintln(s.Out); err != nil {
			return err
		}
	}
	if err := s.hits(b); err != nil {
		return err
	}
	many := q.Entity + "s"
	if stem, ok := strings.CutSuffix(q.Entity, "y"); ok {
		many = stem + "ies" // countries
	}
	s.say("since %s: %s, %s about %s would have been raised", s.instant(past), plural(b.Events, "flow record"), plural(int64(b.Alerts), "alert"), countOf(b.Entities, q.Entity, many))
	if n := b.Alerts - len(b.Hits); n > 0 {
		s.say("the first %d are shown; --limit shows more", len(b.Hits))
	}
	if b.Evicted > 0 {
		s.say("%d entities were given up for lack of room: there may be more", b.Evicted)
	}
	s.suggestion(b.Suggestion, q)
	return nil
}

// hits prints the alerts that there would have been.
func (s *shell) hits(b *api.BackTestAnswer) error {
	out := s.sheet(column{name: "entity"}, column{name: "first", time: true}, column{name: "last", time: true}, column{name: "ended", time: true, lazy: true},
		column{name: "triggers", right: true}, column{name: "peak", right: true}, column{name: "limit", right: true})
	for i := range b.Hits {
		h := &b.Hits[i]
		ended := ""
		if !h.Ended.IsZero() {
			ended = s.instant(h.Ended)
		}
		if err := out.add(h, h.Entity.String(), s.instant(h.First), s.instant(h.Last), ended, strconv.FormatInt(h.Triggers, 10), wholeOrNot(h.Peak, h.Estimate), wholeOrNot(h.Limit, false)); err != nil {
			return err
		}
	}
	return out.end()
}

// suggestion says which limit history suggests.
func (s *shell) suggestion(g *api.LimitSuggestion, q *defining) {
	if g == nil {
		return
	}
	about := ""
	if g.Estimate {
		about = "about "
	}
	switch {
	case g.Measured == 0:
		s.say("suggested: no limit, there are no such flows")
		return
	case g.Measured <= g.AtMost:
		s.say("suggested: --above %s%s, the least limit with which none would have fired: only %s measured, and %d may fire", about, define.Number(g.Limit), wereMeasured(g.Measured), g.AtMost)
	default:
		s.say("suggested: --above %s%s, the least limit with which at most %s would have fired: %d of %d", about, define.Number(g.Limit), countOf(g.AtMost, "entity", "entities"), g.Entities, g.Measured)
	}
	s.say("of the highest %s of each one, the 99.9th percentile is %s", q.Metric, wholeOrNot(g.Quantile, g.Estimate))
	for _, p := range g.Highest {
		s.say("  %s  %s  %s", wholeOrNot(p.Value, false), clean(p.Entity.String()), s.instant(p.Time))
	}
}

func wereMeasured(n int) string {
	if n == 1 {
		return "1 entity was"
	}
	return countOf(n, "entity", "entities") + " were"
}

// wholeOrNot writes a measured number, with a mark before estimates.
func wholeOrNot(v float64, estimate bool) string {
	text := strconv.FormatFloat(v, 'f', -1, 64)
	if estimate {
		return "~" + text
	}
	return text
}

// countOf writes a number of things whose plural is not made by an s.
func countOf(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}
