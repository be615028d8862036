package report

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/internal/fault"
	"tocsin/internal/ledger"
)

// A Due is a report that is to be made now.
type Due struct {
	ledger.ScheduledReport

	At time.Time // when it was due, from which its question counts back
}

// Outcomes of what was due.
const (
	Answered = "answered"
	Failed   = "failed"  // what is kept says why there is no answer
	Dropped  = "dropped" // the report was changed or removed meanwhile, or there is a result of that time already
)

// A Maker makes reports.
type Maker interface {
	// Due returns what is due, the longest due first, and when something is due next; the zero time when nothing is.
	Due(ctx context.Context, now time.Time) (list []Due, next time.Time, err error)
	// Make makes one and keeps its result. Its error is that nothing could be kept.
	Make(ctx context.Context, d Due) (outcome string, err error)
}

// Waits of a runner: the longest between two looks, so that a clock that was set is heeded, and after an error.
const (
	longLook   = 15 * time.Second
	shortLook  = 10 * time.Millisecond
	afterError = 5 * time.Second
)

// A Runner has reports made when they are due, one after another.
type Runner struct {
	maker Maker
	ready func(context.Context) error
	log   *slog.Logger
	runs  *prometheus.CounterVec
}

// NewRunner returns a runner that begins when ready returns.
func NewRunner(m Maker, ready func(context.Context) error, log *slog.Logger, registry prometheus.Registerer) *Runner {
	r := &Runner{maker: m, ready: ready, log: log, runs: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tocsin_report_runs_total", Help: "Reports that were due, by what became of them: answered, failed or dropped.",
	}, []string{"outcome"})}
	registry.MustRegister(r.runs)
	for _, outcome := range []string{Answered, Failed, Dropped} {
		r.runs.WithLabelValues(outcome)
	}
	return r
}

// Run makes what is due until ctx ends. What was due while nobody ran is made once, for the latest time at which it was due.
func (r *Runner) Run(ctx context.Context) error {
	if err := r.ready(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		r.log.Warn("reports may lack what came in before the start", "err", err)
	}
	for ctx.Err() == nil {
		wait, err := r.round(ctx)
		if err != nil && ctx.Err() == nil {
			r.log.Warn("reports wait for the ledger", "err", err)
			wait = afterError
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
	return nil
}

// round makes all that is due and returns how long to wait then.
func (r *Runner) round(ctx context.Context) (wait time.Duration, err error) {
	due, next, err := r.maker.Due(ctx, time.Now())
	if err != nil {
		return 0, err
	}
	for _, d := range due {
		outcome, err := r.maker.Make(ctx, d)
		if err != nil && ctx.Err() == nil && !errors.Is(err, fault.Unavailable) { // that one alone, so it holds up no other
			r.log.Error("the result of a report cannot be kept", "user", d.Account, "report", d.Name, "due", d.At, "err", err)
			r.runs.WithLabelValues(Failed).Inc()
			wait = afterError
			continue
		}
		if err != nil {
			return 0, err
		}
		r.runs.WithLabelValues(outcome).Inc()
		if outcome == Failed {
			r.log.Warn("a report has no answer", "user", d.Account, "report", d.Name, "due", d.At)
		}
	}
	if len(due) > 0 {
		return max(wait, shortLook), nil // time went by meanwhile
	}
	wait = longLook
	if !next.IsZero() {
		wait = min(max(time.Until(next), shortLook), longLook)
	}
	return wait, nil
}

// Gone reports whether an error of keeping a result says that nobody wants it any more.
func Gone(err error) bool {
	kind := fault.Kind(err)
	return kind == fault.Conflict || kind == fault.NotFound //nolint:errorlint // Kind gives the very values
}
