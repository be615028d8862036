package report_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/report"
)

// An hourly maker has one report that is due each hour.
type hourly struct {
	mu     sync.Mutex
	done   time.Time
	made   []time.Time
	broken int           // calls that fail
	takes  time.Duration // of one
}

func (m *hourly) Due(_ context.Context, now time.Time) ([]report.Due, time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if at := now.Truncate(time.Hour); at.After(m.done) {
		return []report.Due{{ScheduledReport: ledger.ScheduledReport{SavedReport: ledger.SavedReport{Name: "r"}}, At: at}}, time.Time{}, nil
	}
	return nil, now.Truncate(time.Hour).Add(time.Hour), nil
}

func (m *hourly) Make(ctx context.Context, d report.Due) (string, error) {
	select {
	case <-time.After(m.takes):
	case <-ctx.Done():
		return "", ctx.Err()
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken > 0 {
		m.broken--
		return "", fault.New(fault.Unavailable, "the ledger is away")
	}
	m.done = d.At
	m.made = append(m.made, time.Now())
	return []string{report.Answered, report.Failed}[len(m.made)%2], nil
}

// What is due is made when its time comes, to the moment; a ledger that is away is asked again, and what is made when tocsin ends is
// left for its next start.
func TestRunner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &hourly{done: time.Now().Truncate(time.Hour), broken: 2, takes: time.Second}
		registry := prometheus.NewRegistry()
		begin := make(chan struct{})
		r := report.NewRunner(m, func(ctx context.Context) error {
			select {
			case <-begin:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}, slog.New(slog.DiscardHandler), registry)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		start := m.done
		time.Sleep(90 * time.Minute)
		if len(m.made) != 0 {
			t.Errorf("before it was ready it made %v", m.made)
		}
		close(begin)
		time.Sleep(4 * time.Hour)
		synctest.Wait()
		var after []string
		m.mu.Lock()
		for _, at := range m.made {
			after = append(after, fmt.Sprint(at.Sub(start).Round(time.Second)))
		}
		m.mu.Unlock()
		if want := []string{"1h30m13s", "2h0m1s", "3h0m1s", "4h0m1s", "5h0m1s"}; !slices.Equal(after, want) {
			t.Errorf("made %v after the start, want %v", after, want)
		}
		families, err := registry.Gather()
		if err != nil || len(families) != 1 || families[0].GetName() != "tocsin_report_runs_total" {
			t.Fatalf("metrics are %v, %v", families, err)
		}
		counted := map[string]float64{}
		for _, m := range families[0].GetMetric() {
			counted[m.GetLabel()[0].GetValue()] = m.GetCounter().GetValue()
		}
		if counted[report.Answered] != 2 || counted[report.Failed] != 3 || counted[report.Dropped] != 0 {
			t.Errorf("metrics count %v", counted)
		}
		time.Sleep(time.Until(start.Add(6*time.Hour + 500*time.Millisecond)))
		stop()
		if err := <-ended; err != nil || len(m.made) != 5 {
			t.Errorf("Run = %v, and made %d, want 5", err, len(m.made))
		}
	})
}

// A stuck maker has two reports that are due, of which the result of one can never be kept.
type stuck struct{ made int }

func (m *stuck) Due(context.Context, time.Time) (list []report.Due, next time.Time, err error) {
	for _, name := range []string{"bad", "good"}[:2-min(m.made, 1)] {
		list = append(list, report.Due{ScheduledReport: ledger.ScheduledReport{SavedReport: ledger.SavedReport{Name: name}}})
	}
	return list, next, nil
}

func (m *stuck) Make(_ context.Context, d report.Due) (string, error) {
	if d.Name == "bad" {
		return "", fault.New(fault.Invalid, "it is too large")
	}
	m.made++
	return report.Answered, nil
}

// A report whose result can never be kept holds up no other.
func TestRunnerGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &stuck{}
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		if err := report.NewRunner(m, func(context.Context) error { return nil }, slog.New(slog.DiscardHandler), prometheus.NewRegistry()).Run(ctx); err != nil || m.made != 1 {
			t.Errorf("Run = %v, and made %d, want 1", err, m.made)
		}
	})
}
