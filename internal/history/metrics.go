package history

import (
	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what an operator watches of the history.
type metrics struct {
	registry prometheus.Registerer
	all      []prometheus.Collector
	rows     prometheus.Counter
	merges   prometheus.Counter
	expired  prometheus.Counter
	damages  prometheus.Counter
}

// newMetrics registers the metrics of a store; a nil registry keeps them to themselves.
func newMetrics(registry prometheus.Registerer, s *Store) *metrics {
	m := &metrics{
		registry: registry,
		rows:     prometheus.NewCounter(prometheus.CounterOpts{Name: "tocsin_history_flushed_rows_total", Help: "Events written to segments."}),
		merges:   prometheus.NewCounter(prometheus.CounterOpts{Name: "tocsin_history_merges_total", Help: "Merges of segments."}),
		expired:  prometheus.NewCounter(prometheus.CounterOpts{Name: "tocsin_history_expired_rows_total", Help: "Events dropped at the end of their retention."}),
		damages:  prometheus.NewCounter(prometheus.CounterOpts{Name: "tocsin_history_damaged_segments_total", Help: "Segments set aside as damaged."}),
	}
	gauge := func(name, help string, value func(st Stats) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return value(s.Stats()) })
	}
	m.all = []prometheus.Collector{
		m.rows, m.merges, m.expired, m.damages,
		gauge("tocsin_history_segments", "Live segments.", func(st Stats) float64 { return float64(st.Segments) }),
		gauge("tocsin_history_bytes", "Bytes of the live segments.", func(st Stats) float64 { return float64(st.Bytes) }),
		gauge("tocsin_history_rows", "Events in live segments.", func(st Stats) float64 { return float64(st.Rows) }),
		gauge("tocsin_history_memory_rows", "Events that are in no segment yet.", func(st Stats) float64 { return float64(st.MemoryRows) }),
	}
	if registry != nil {
		for _, c := range m.all {
			registry.MustRegister(c)
		}
	}
	return m
}

func (m *metrics) unregister() {
	if m.registry == nil {
		return
	}
	for _, c := range m.all {
		m.registry.Unregister(c)
	}
}

func (m *metrics) flushed(made []*segment) {
	for _, seg := range made {
		m.rows.Add(float64(seg.Rows))
	}
}
