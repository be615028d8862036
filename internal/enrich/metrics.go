package enrich

import (
	"log/slog"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count, and log once for each database that its records cannot be read.
type metrics struct {
	log      *slog.Logger
	failures prometheus.Counter
	built    *prometheus.GaugeVec

	mu   sync.Mutex
	said *database // of which that was logged last
}

func newMetrics(log *slog.Logger, r prometheus.Registerer) *metrics {
	m := &metrics{
		log: log,
		failures: prometheus.NewCounter(prometheus.CounterOpts{Namespace: "tocsin", Subsystem: "enrich", Name: "failures_total",
			Help: "Addresses whose record in a database could not be read."}),
		built: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "tocsin", Subsystem: "enrich", Name: "database_built_seconds",
			Help: "When a database was built, in seconds since 1970."}, []string{"database"}),
	}
	if r != nil {
		r.MustRegister(m.failures, m.built)
	}
	return m
}

// using notes which databases are in use.
func (m *metrics) using(databases []*database) {
	m.built.Reset()
	for _, d := range databases {
		m.built.WithLabelValues(d.name()).Set(float64(d.reader.Metadata.BuildEpoch))
	}
}

// failed counts a record that cannot be read.
func (m *metrics) failed(d *database, err error) {
	m.failures.Inc()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.said != d {
		m.said = d
		m.log.Warn("database is damaged: addresses whose records cannot be read stay without them", "database", d.path, "cause", err)
	}
}
