package desk

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/detect"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/filter"
	"tocsin/internal/ingest"
	"tocsin/internal/lines"
	"tocsin/internal/rule"
	"tocsin/internal/window"
)

const (
	// recallFor is how many days of history stand in for the live state: as many as a new rule is shown.
	recallFor = 8 * 24 * time.Hour
	// recallLimit bounds how long that may take.
	recallLimit = time.Minute
	// mostTraces bounds the events of a request times the rules that are asked, and so the size of the answer.
	mostTraces  = 50_000
	shownText   = 4 << 10 // bytes of a line in the answer
	shownAround = 60      // bytes on either side of a fault
)

// Explain implements api.Service. The rules are asked between two batches, so that nothing that is judged depends on it.
func (d *Desk) Explain(ctx context.Context, q api.ExplainRequest) (api.ExplainAnswer, error) {
	records, err := recordsOf(q)
	if err != nil {
		return api.ExplainAnswer{}, err
	}
	entries, err := d.explained(ctx, q.Rules)
	if err != nil {
		return api.ExplainAnswer{}, err
	}
	x := &explaining{desk: d, entries: entries, answer: api.ExplainAnswer{Rules: len(entries), Lines: []api.Account{}}}
	received := time.Now().UnixNano()
	for i, record := range records {
		if err := ctx.Err(); err != nil {
			return api.ExplainAnswer{}, context.Cause(ctx)
		}
		if err := x.line(i+1, record, ingest.Reading{Format: q.Format, Zone: q.Zone, Service: q.Service}, received); err != nil {
			return api.ExplainAnswer{}, err
		}
	}
	if err := x.judge(ctx, q.State); err != nil {
		return api.ExplainAnswer{}, err
	}
	if err := x.mutes(ctx); err != nil {
		return api.ExplainAnswer{}, err
	}
	for i := range x.pending {
		rules := x.pending[i].trace.Rules
		slices.SortStableFunc(rules, func(a, b api.RuleTrace) int { return cmp.Compare(weight(a.Verdict), weight(b.Verdict)) })
	}
	x.answer.Lines = x.lines()
	return x.answer, nil
}

// recordsOf returns the lines of a request. One that is an array, or holds one as files of CloudTrail do, stands for its
// elements; without any it is as good as blank.
func recordsOf(q api.ExplainRequest) (records [][]byte, err error) {
	given := q.Raw
	for _, l := range q.Lines {
		given = append(given, []byte(l))
	}
	size := 0
	for _, l := range given {
		size += len(l)
		if !lines.Nested(l) || size > api.MaxExplainBytes {
			records = append(records, l)
			continue
		}
		elements, err := elementsOf(l)
		if err != nil {
			return nil, err
		}
		if elements == nil {
			elements = [][]byte{nil}
		}
		records = append(records, elements...)
	}
	switch {
	case len(q.Lines) > 0 && len(q.Raw) > 0:
		return nil, fault.New(fault.Invalid, "lines and raw: want one of them")
	case len(records) == 0:
		return nil, fault.New(fault.Invalid, "lines: got none, want one or more")
	case len(records) > api.MaxExplainLines || size > api.MaxExplainBytes:
		return nil, fault.New(fault.Invalid, "lines: got %d of %d bytes, want %d of %d bytes at most", len(records), size, api.MaxExplainLines, api.MaxExplainBytes)
	case q.State != "" && q.State != stateLive && q.State != stateHistory:
		return nil, fault.New(fault.Invalid, "state %q: want live or history", q.State)
	}
	return records, nil
}

// elementsOf cuts the array that a text is or holds.
func elementsOf(text []byte) (elements [][]byte, err error) {
	cutter, _ := lines.Cut(bytes.NewReader(text), 0)
	for {
		some, err := cutter.Next()
		for _, r := range some {
			elements = append(elements, bytes.Clone(r.Data))
		}
		if errors.Is(err, io.EOF) {
			if rest, ok := cutter.Rest(); ok {
				elements = append(elements, bytes.Clone(rest.Data))
			}
			return elements, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// What the rules are asked by.
const (
	stateLive    = "live"
	stateSaved   = "saved"
	stateHistory = "history"
)

// explained lists the rules that are asked: of a user his own, of an administrator all. Those that are named are also looked
// at when they rest.
func (d *Desk) explained(ctx context.Context, names []string) ([]entry, error) {
	if !d.parts.Rules.Loaded() {
		if err := d.parts.Rules.Load(ctx); err != nil {
			return nil, err
		}
	}
	caller := api.Caller(ctx)
	var list []entry
	for _, e := range d.parts.Rules.all() {
		mine := caller.Admin || e.kept.Owner == caller.User
		if mine && (len(names) == 0 && e.kept.Enabled || slices.Contains(names, e.kept.Name)) {
			list = append(list, e)
		}
	}
	for _, name := range names {
		if !slices.ContainsFunc(list, func(e entry) bool { return e.kept.Name == name }) {
			return nil, fault.New(fault.NotFound, "no rule %q", name)
		}
	}
	return list, nil
}

// explaining is one call of Explain.
type explaining struct {
	desk    *Desk
	entries []entry
	answer  api.ExplainAnswer
	all     []*api.Account
	pending []pending
}

// pending is an event that rules select, and that they are still to be asked about.
type pending struct {
	batch *event.Batch
	row   int32
	time  int64
	trace *api.EventTrace
	ids   map[int64]bool
}

func (x *explaining) lines() []api.Account {
	out := make([]api.Account, len(x.all))
	for i, a := range x.all {
		out[i] = *a
	}
	return out
}

// line reads one line and holds the filters against its events.
func (x *explaining) line(no int, line []byte, r ingest.Reading, received int64) error {
	a := &api.Account{Line: no, Text: beginning(line, shownText), Bytes: len(line)}
	x.all = append(x.all, a)
	if len(bytes.TrimSpace(line)) == 0 {
		a.Empty, a.Why = true, "an empty line is skipped"
		return nil
	}
	found, err := x.desk.parts.Ingest.Examine(line, r, received)
	if err != nil {
		return err
	}
	a.Format, a.Confidence, a.Why = found.Format, found.Confidence, found.Why
	if a.Format == "" {
		a.Why = "no format is sure enough of the line"
	}
	for _, s := range found.Scores {
		a.Scores = append(a.Scores, api.FormatScore{Format: s.Format, Score: s.Score})
	}
	if f := found.Fault; f != nil {
		at := min(max(f.Offset, 0), len(line))
		a.Fault = &api.LineFault{
			Offset: f.Offset, Reason: f.Reason,
			Before: beginning(line[max(0, at-shownAround):at], shownAround), Here: beginning(line[at:], shownAround),
		}
		return nil
	}
	b := found.Batch
	if b == nil {
		a.Empty = a.Format != ""
		return nil
	}
	if n := (len(x.pending) + b.Rows) * len(x.entries); n > mostTraces {
		return fault.New(fault.Invalid, "lines: %d events by %d rules, want %d answers at most (name fewer rules, or give fewer lines)",
			len(x.pending)+b.Rows, len(x.entries), mostTraces)
	}
	clock := window.NewClock(b)
	a.Events = make([]api.EventTrace, b.Rows) // its elements are pointed at from here on
	for row := range b.Rows {
		t := &a.Events[row]
		*t = eventTrace(b, row, clock.At(int32(row)))
		p := pending{batch: b, row: int32(row), time: clock.At(int32(row)), trace: t, ids: map[int64]bool{}}
		for _, e := range x.entries {
			if p.look(e, x.desk.found(e.rule.Where)) {
				p.ids[e.kept.ID] = true
			}
		}
		x.pending = append(x.pending, p)
	}
	return nil
}

// look holds the filter of a rule, where, against the event, and reports whether the rule is to be asked what it makes of it.
func (p *pending) look(e entry, where *filter.Expr) bool {
	t := api.RuleTrace{ID: e.kept.ID, Name: e.kept.Name, Owner: e.kept.Owner}
	defer func() { p.trace.Rules = append(p.trace.Rules, t) }()
	if e.problem != "" || e.rule.Config == nil {
		t.Verdict, t.Why = api.Resting, "it does not run: "+e.problem
		return false
	}
	t.Severity, t.Detect = e.rule.Severity.String(), e.rule.Detect
	if !e.rule.From.Has(p.batch.Kind) {
		t.Verdict, t.Why = api.OtherKind, "it looks at "+kinds(&e)+", this is a "+p.batch.Kind.String()
		return false
	}
	trace := where.Explain(p.batch, p.row)
	t.Filter = flat(nil, trace, 0)
	if !trace.Holds {
		t.Verdict = api.NotSelected
		for _, c := range trace.Blame() {
			t.Blame = append(t.Blame, condition(c, 0))
		}
		t.Why = "its filter leaves the event out"
		return false
	}
	if !e.kept.Enabled {
		t.Verdict, t.Why = api.Resting, "it is not enabled; its filter would select the event"
		return false
	}
	t.Verdict, t.Why = api.Resting, "it does not run yet" // until it says more
	return true
}

func kinds(e *entry) string {
	var names []string
	for _, k := range e.rule.Kinds() {
		names = append(names, k.String())
	}
	return strings.Join(names, " and ")
}

func flat(list []api.FilterTrace, t *filter.Trace, depth int) []api.FilterTrace {
	list = append(list, condition(t, depth))
	for _, p := range t.Parts {
		list = flat(list, p, depth+1)
	}
	return list
}

func condition(t *filter.Trace, depth int) api.FilterTrace {
	c := api.FilterTrace{Depth: depth, Word: t.Word, Text: t.Text, Holds: t.Holds}
	for _, h := range t.Has {
		held := api.FieldHeld{Name: h.Name}
		for _, v := range h.Values {
			held.Values = append(held.Values, strings.ToValidUTF8(v, "\ufffd"))
		}
		c.Has = append(c.Has, held)
	}
	return c
}

// judge asks the rules, by the state that is wanted or fits.
func (x *explaining) judge(ctx context.Context, state string) error {
	engines, live := x.desk.parts.Judges()
	x.answer.State = stateLive
	if !live {
		x.answer.State = stateSaved
		if err := x.desk.parts.CaughtUp(ctx); err != nil {
			return err
		}
	}
	if state != stateHistory {
		late, blank := x.ask(engines)
		if state == stateLive || live || !late && !blank {
			if late && live {
				x.answer.Note = "some lines are older than what the rules still judge; they are taken as ones of now (--history asks history instead)"
			}
			return nil
		}
	}
	return x.recall(ctx)
}

// ask asks engines about every event that is selected. It reports whether one comes too late for them, and whether a rule
// has seen nothing at all.
func (x *explaining) ask(engines []*detect.Engine) (late, blank bool) {
	newest := int64(math.MinInt64)
	for i := range x.pending {
		p := &x.pending[i]
		if len(p.ids) == 0 {
			continue
		}
		left := len(p.ids)
		for _, e := range engines {
			for _, a := range e.Explain(p.batch, p.row, p.ids) {
				left--
				newest = max(newest, a.Newest)
				late = late || a.Explanation.Late
				blank = blank || a.Newest == math.MinInt64
				for k := range p.trace.Rules {
					if t := &p.trace.Rules[k]; t.ID == a.Rule.ID {
						account(t, &a)
					}
				}
			}
		}
		blank = blank || left > 0
	}
	if x.answer.AsOf = (time.Time{}); newest != math.MinInt64 {
		x.answer.AsOf = time.Unix(0, newest).UTC()
	}
	return late, blank
}

// account writes down what a rule makes of an event.
func account(t *api.RuleTrace, a *detect.Account) {
	e := &a.Explanation
	switch {
	case a.Disabled != "":
		t.Verdict, t.Why = api.Resting, "it was switched off: "+a.Disabled
		return
	case e.Lacks != "":
		t.Verdict, t.Why = api.Lacking, "selected, but it has no "+e.Lacks+", by which the rule counts"
		return
	case e.Fires:
		t.Verdict = api.Fires
	case e.Open || e.Already:
		t.Verdict = api.Stands
	default:
		t.Verdict = api.Counts
	}
	t.Why, t.Entity, t.Late, t.Known, t.Open = e.Text, e.Entity, e.Late, e.Known, e.Open
	t.Value, t.With, t.Limit, t.Below, t.Estimate = finite(e.Value), finite(e.With), finite(e.Limit), e.Below, e.Estimate
	t.Facts = nil
	for _, f := range e.Facts {
		fact := api.TraceFact{Name: f.Name, Text: f.Text}
		if f.Text == "" {
			fact.Time = time.Unix(0, f.Time).UTC()
		}
		t.Facts = append(t.Facts, fact)
	}
	if a.Warming || a.Cold {
		t.Facts = append(t.Facts, api.TraceFact{Name: "new", Text: "the rule was not shown history yet"})
	}
}

// finite makes a number that JSON can carry.
func finite(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

// recall asks the rules by what they would know had they seen the history before the newest line.
func (x *explaining) recall(ctx context.Context) error {
	x.answer.State = stateHistory
	newest := int64(math.MinInt64)
	ids := map[int64]bool{}
	for i := range x.pending {
		for id := range x.pending[i].ids {
			ids[id] = true
			newest = max(newest, x.pending[i].time)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	rules := x.desk.parts.Rules.Running()
	rules = slices.DeleteFunc(rules, func(r rule.Rule) bool { return !ids[r.ID] })
	if err := x.desk.parts.CaughtUp(ctx); err != nil { // what came in is in the history by then
		return err
	}
	x.answer.Since = time.Unix(0, window.Earlier(newest, int64(recallFor))).UTC()
	q, err := query(nil, "", x.answer.Since, time.Unix(0, newest).UTC())
	if err != nil {
		return err
	}
	narrow(&q, rules)
	q.Where = x.desk.found(q.Where)
	within, stop := context.WithTimeoutCause(ctx, recallLimit, errRecall)
	defer stop()
	engine, _, err := detect.Recall(within, detect.HistoryOptions{Files: x.desk.parts.Lists, Lists: x.desk.parts.Listed}, rules, func(yield func(*event.Batch, []int32) error) error {
		return x.desk.parts.History.Ordered(within, q, yield)
	})
	if err != nil {
		if errors.Is(context.Cause(within), errRecall) {
			return fault.New(fault.Unavailable, "explain by history: %w", errRecall)
		}
		return err
	}
	x.ask([]*detect.Engine{engine})
	return nil
}

var errRecall = errors.New("eight days of it take longer than a minute to read (name fewer rules with --rule, or ask a running tocsin)")

// weight orders verdicts by how much people want to see them.
func weight(verdict string) int {
	return slices.Index([]string{api.Fires, api.Stands, api.Counts, api.Lacking, api.Resting, api.NotSelected, api.OtherKind}, verdict)
}
