package flowtraq

import (
	"context"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/traq"
)

// Bounds of a ranking.
const (
	defaultRows = 10
	maxRows     = 10_000
)

// A rankingJob is a ranking that is asked for.
type rankingJob struct {
	tool  string
	ask   traq.Ranking
	when  traq.Range
	where string
	limit int
	once  bool
	lines bool // -w
	graph *graph
	print printer
}

// planRanking ranks flows.
func (o *Options) planRanking(q *question) (_ job, err error) {
	j := rankingJob{tool: q.tool.name, ask: q.tool.ask, once: q.has("-once"), lines: q.has("-w"), print: o.printer(q)}
	if q.tool.kind == statistic {
		if j.ask, err = statisticOf(q); err != nil {
			return nil, err
		}
	}
	if q.has("-snd") {
		j.ask.Side = "sent"
	}
	if q.has("-rcv") {
		j.ask.Side = "received"
	}
	if err := j.ask.Check(); err != nil {
		return nil, misused(q.tool.name, "%w", err)
	}
	if j.when, err = o.span(q); err != nil {
		return nil, err
	}
	if j.where, err = q.where(); err != nil {
		return nil, err
	}
	if j.limit, err = q.number("-n", defaultRows, 1, maxRows); err != nil {
		return nil, err
	}
	if j.graph, err = o.graphOf(q); err != nil {
		return nil, err
	}
	return func(ctx context.Context, service api.Service, _ Server) error { return o.rank(ctx, service, &j) }, nil
}

// statisticOf reads what ftstat is to rank.
func statisticOf(q *question) (ask traq.Ranking, err error) {
	ask = traq.Ranking{By: "host", Rank: "bytes"}
	if q.has("-grp") {
		if ask.By, err = traq.Entity(q.given["-grp"]); err != nil {
			return ask, misused(q.tool.name, "-grp %w", err)
		}
	}
	if q.has("-cnt") {
		if ask.Rank, err = traq.Rank(q.given["-cnt"]); err != nil {
			return ask, misused(q.tool.name, "-cnt %w", err)
		}
	}
	return ask, nil
}

func (o *Options) rank(ctx context.Context, service api.Service, j *rankingJob) error {
	zone, since, until, err := o.window(ctx, service, j.tool, j.when)
	if err != nil {
		return err
	}
	request := j.ask.Request()
	request.Where, request.Since, request.Until, request.Limit, request.Once = j.where, since, until, j.limit, j.once
	if j.lines || j.graph != nil {
		request.Bucket = traq.Step(until.Sub(since))
	}
	answer, err := service.Traffic(ctx, request)
	if err != nil {
		return err
	}
	if j.graph != nil {
		if err := j.graph.draw(j.ask, answer, since, until, zone); err != nil || j.graph.alone {
			return err
		}
	}
	table := j.ask.Table(answer)
	if j.lines {
		table.WithSeries(answer, since, until, zone)
	}
	return j.print.table(table)
}

// window returns the zone of the machine where tocsin runs, and the range of time on its clock.
func (o *Options) window(ctx context.Context, service api.Service, tool string, when traq.Range) (zone *time.Location, since, until time.Time, err error) {
	health, err := service.Health(ctx)
	if err != nil {
		return nil, since, until, err
	}
	zone = health.Location()
	if since, until, err = when.Of(o.Now().In(zone), zone); err != nil {
		err = misused(tool, "%w", err)
	}
	return zone, since, until, err
}

// span reads -tn, -te and -tl, as far as that can be without the zone of who is asked.
func (o *Options) span(q *question) (traq.Range, error) {
	r := traq.Range{Last: q.given["-tn"], Earliest: q.given["-te"], Latest: q.given["-tl"]}
	for _, name := range [...]string{"-te", "-tl"} {
		if text := q.given[name]; text != "" {
			if _, err := traq.ParseInstant(text, time.UTC); err != nil {
				return r, misused(q.tool.name, name+" %w", err)
			}
		}
	}
	if r.Last != "" {
		if _, err := traq.Before(r.Last, o.Now()); err != nil {
			return r, misused(q.tool.name, "-tn %w", err)
		}
	}
	return r, nil
}

// where is the filter that -q, -e, -ei and -ef make.
func (q *question) where() (string, error) {
	s := traq.Selection{Query: q.given["-q"], Exporter: q.given["-e"], Interface: q.given["-ei"]}
	if both, ok := q.given["-ef"]; ok {
		address, index, found := strings.Cut(both, "#")
		if !found {
			return "", misused(q.tool.name, "-ef %q: want the address of an exporter and the index of its interface, as 192.0.2.254#3", both)
		}
		s.Exporter, s.Interface = address, index
	}
	where, err := s.Where()
	if err != nil {
		return "", fault.New(fault.Invalid, q.tool.name+": %w", err)
	}
	return where, nil
}

// number reads a whole number; otherwise is what it is where the option was not given.
func (q *question) number(name string, otherwise, least, most int) (int, error) {
	text, ok := q.given[name]
	if !ok {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, misused(q.tool.name, "%s %.20q: want a number from %d to %d", name, text, least, most)
	}
	return n, nil
}

// rankedBy says what a ranking is, in the middle of a sentence.
func rankedBy(r traq.Ranking) string {
	title := r.Title()
	return strings.ToLower(title[:1]) + title[1:]
}
