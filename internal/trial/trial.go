// Package trial runs the samples that stand beside rules: their lines are parsed and judged as old logs are, and what is
// found is held against what the sample expects. Nothing is kept.
package trial

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/detect"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/list"
	"tocsin/internal/parser"
	"tocsin/internal/rule"
)

// received is when the lines of samples are taken to have come in: what a time without a year is completed by.
var received = time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC).UnixNano()

// source is what samples have for tocsin.source.
const source = "sample"

// minCertainty is how sure a guess of the format must be, in percent.
const minCertainty = 50

// Run tries all samples of some rules, in their order.
func Run(ctx context.Context, rules []rule.Rule, formats parser.Set) ([]api.SampleResult, error) {
	var results []api.SampleResult
	for i := range rules {
		for k := range rules[i].Samples {
			r, err := try(ctx, rules[i], &rules[i].Samples[k], formats)
			if err != nil {
				return results, err
			}
			results = append(results, r)
		}
	}
	return results, nil
}

// try judges one sample. An error is about the sample's form or the context; what the rule did wrong stands in the result.
func try(ctx context.Context, r rule.Rule, s *rule.Sample, formats parser.Set) (api.SampleResult, error) {
	out := api.SampleResult{Rule: r.Name, Sample: s.Name, Line: s.Line}
	b, faults, err := read(s, formats, r.Kinds())
	if err != nil {
		return out, fmt.Errorf("%s:%d: sample %q of rule %s: %w", r.File, s.Line, s.Name, r.Name, err)
	}
	out.Events, out.Faults = b.Rows, faults
	var last int64
	if b.Rows > 0 {
		_, last = b.TimeRange()
	}
	r.Enabled = true // a rule that rests can be tried as well
	findings, _, err := detect.History(ctx, detect.HistoryOptions{Until: last + int64(s.Then), Lists: list.Of(s.Lists)}, []rule.Rule{r},
		func(yield func(*event.Batch, []int32) error) error {
			if b.Rows == 0 {
				return nil
			}
			return yield(b, nil)
		})
	if err != nil {
		return out, err
	}
	got := map[string]int{}
	for _, f := range findings {
		if f.Triggers > 0 {
			var values []string
			for _, pair := range f.Entity {
				values = append(values, pair.Value)
			}
			got[strings.Join(values, ", ")] += f.Triggers
		}
	}
	out.Faults = append(out.Faults, compare(s.Expect, got)...)
	out.Passed = len(out.Faults) == 0
	return out, nil
}

// compare says in what the alerts that came differ from those expected.
func compare(want []rule.Expected, got map[string]int) (faults []string) {
	expected := map[string]bool{}
	for _, e := range want {
		expected[e.Entity] = true
		n, ok := got[e.Entity]
		switch {
		case !ok:
			faults = append(faults, "no alert about "+about(e.Entity))
		case e.Triggers != 0 && e.Triggers != n:
			faults = append(faults, fmt.Sprintf("%d triggers about %s, want %d", n, about(e.Entity), e.Triggers))
		}
	}
	for _, entity := range slices.Sorted(maps.Keys(got)) {
		if !expected[entity] {
			faults = append(faults, fmt.Sprintf("an alert about %s with %d triggers, want none", about(entity), got[entity]))
		}
	}
	return faults
}

func about(entity string) string {
	if entity == "" {
		return "everything"
	}
	return entity
}

// anyKind is the format that events of all kinds can be written in.
const anyKind = "jsonlines"

// read parses the log of a sample into one batch. Lines that cannot be read are faults of the sample. Of JSON lines come
// events of the first of kinds.
func read(s *rule.Sample, formats parser.Set, kinds []event.Kind) (*event.Batch, []string, error) {
	name := s.Format
	if name == "" {
		var first [][]byte
		for _, p := range s.Pieces {
			for text := range strings.Lines(p.Lines) {
				first = append(first, []byte(strings.TrimSpace(text)))
			}
		}
		var sure int
		var why string
		if name, sure, why = parser.Recognise(formats, first); sure < minCertainty {
			return nil, nil, fault.New(fault.Invalid, "recognise the format: %s (name it by format)", why)
		}
	}
	format, ok := formats[name]
	if !ok {
		return nil, nil, fault.New(fault.Invalid, "no format %q (want one of %s)", name, formats.Names())
	}
	p, err := format.Default().New()
	if err != nil {
		return nil, nil, err
	}
	var later time.Duration
	kind := format.Kind
	if name == anyKind && len(kinds) > 0 && !slices.Contains(kinds, kind) {
		kind = kinds[0]
	}
	b := event.NewBuilder(kind)
	b.Stamp = func(b *event.Builder) {
		at, timed := b.IntNow(event.Timestamp)
		if !timed {
			at = received
			b.Flag(event.NoTime)
		}
		b.Time(event.Timestamp, at+int64(later))
		b.Time(event.Ingested, received)
		b.Text(event.TocsinSource, source)
		if !b.Has(event.EventDataset) {
			b.Text(event.EventDataset, name)
		}
	}
	var faults []string
	for _, piece := range s.Pieces {
		for text, shift := range piece.Copies {
			later = shift
			for line := range strings.Lines(text) {
				if line = strings.TrimRight(line, "\r\n"); strings.TrimSpace(line) == "" {
					continue
				}
				if err := p.Parse(b, []byte(line), received); err != nil {
					b.Abandon()
					faults = append(faults, fmt.Sprintf("line %.80q cannot be read: %v", line, err))
				}
			}
		}
	}
	return b.Batch(), faults[:min(len(faults), maxFaults)], nil
}

// maxFaults bounds how many bad lines of one sample are told.
const maxFaults = 10
