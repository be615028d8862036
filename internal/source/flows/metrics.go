package flows

import (
	"github.com/prometheus/client_golang/prometheus"

	"tocsin/internal/flow"
	"tocsin/internal/flow/session"
)

// An exporter is never a label: there may be thousands, and forged ones. The list of exporters tells of each.
type statistics struct {
	datagrams, flows, samples, refused, dropped, lost, missing, late prometheus.Counter

	problems [flow.Reasons]prometheus.Counter
}

// newStatistics registers the figures of one source, which are told apart by the label source.
func newStatistics(name string, registry prometheus.Registerer) *statistics {
	counter := func(metric, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: metric, Help: help})
	}
	s := &statistics{
		datagrams: counter("tocsin_flows_datagrams_total", "Datagrams received, of whatever content."),
		flows:     counter("tocsin_flows_records_total", "Flow records read."),
		samples:   counter("tocsin_flows_counter_samples_total", "Counter samples of sFlow, which tell of interfaces."),
		refused:   counter("tocsin_flows_refused_total", "Datagrams of exporters that are not allowed."),
		dropped:   counter("tocsin_flows_dropped_total", "Datagrams that the system dropped because they were not read in time."),
		lost:      counter("tocsin_flows_lost_total", "Flows that were read and could not be kept."),
		missing:   counter("tocsin_flows_missing_total", "What the numbering of exporters says did not come: flows of NetFlow 5 and 7, records of IPFIX, else datagrams."),
		late:      counter("tocsin_flows_late_total", "Datagrams that came late after all."),
	}
	problems := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tocsin_flows_problems_total", Help: "What was not, or not at once, read, by reason."}, []string{"reason"})
	for why := range s.problems {
		s.problems[why] = problems.WithLabelValues(flow.Reason(why).String()) //nolint:gosec // few
	}
	if registry != nil {
		prometheus.WrapRegistererWith(prometheus.Labels{"source": name}, registry).MustRegister(s.datagrams, s.flows, s.samples, s.refused, s.dropped, s.lost, s.missing, s.late, problems)
	}
	return s
}

// report counts what became of a datagram.
func (s *statistics) report(r *flow.Report) {
	s.missing.Add(float64(r.Lost))
	if r.Late {
		s.late.Inc()
	}
	for why, n := range r.Problems {
		if n > 0 {
			s.problems[why].Add(float64(n))
		}
	}
}

// Measure registers figures of what is remembered.
func (m *Memory) Measure(registry prometheus.Registerer) {
	of := func(what func(session.Statistics) float64) func() float64 {
		return func() float64 { return what(m.sessions.Statistics()) }
	}
	registry.MustRegister(
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "tocsin_flows_exporters", Help: "Exporters that are listed, those that are refused among them."}, func() float64 {
			m.exporters.mu.Lock()
			defer m.exporters.mu.Unlock()
			return float64(len(m.exporters.all))
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "tocsin_flows_interfaces", Help: "Interfaces of exporters that counter samples told of within a week."},
			func() float64 { return float64(m.interfaces.count()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "tocsin_flows_sessions", Help: "Sessions that are remembered."},
			of(func(s session.Statistics) float64 { return float64(s.Sessions) })),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "tocsin_flows_sessions_opened_total", Help: "Sessions that began."},
			of(func(s session.Statistics) float64 { return float64(s.Opened) })),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "tocsin_flows_sessions_evicted_total", Help: "Sessions forgotten while they may have gone on, because there were too many."},
			of(func(s session.Statistics) float64 { return float64(s.Evicted) })),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "tocsin_flows_repeated_total", Help: "Directions of records that another exporter tells."},
			of(func(s session.Statistics) float64 { return float64(s.Repeated) })),
	)
}
