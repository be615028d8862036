package alerting

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	findings, excluded, orphans, commits, failures prometheus.Counter
	changes                                        *prometheus.CounterVec
	held                                           prometheus.Gauge
}

func newMetrics(registry prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "tocsin_alerting_" + name, Help: help})
	}
	m := &metrics{
		findings: counter("findings_total", "Findings taken over from detection."),
		excluded: counter("excluded_total", "Findings that did not become alerts because of an exclusion."),
		orphans:  counter("orphans_total", "Entities whose findings were left out because their rule is gone."),
		commits:  counter("commits_total", "Transactions written to the ledger."),
		failures: counter("failures_total", "Attempts to reach the ledger that failed."),
		changes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tocsin_alerting_changes_total", Help: "Alert changes that people may be told of, by kind.",
		}, []string{"change"}),
		held: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tocsin_alerting_held_entities", Help: "Entities whose findings are held back after the last write.",
		}),
	}
	registry.MustRegister(m.findings, m.excluded, m.orphans, m.commits, m.failures, m.changes, m.held)
	return m
}
