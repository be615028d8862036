package journal

import "github.com/prometheus/client_golang/prometheus"

// metrics are the figures of a journal; class tells events from flows.
type metrics struct {
	batches   *prometheus.CounterVec
	events    *prometheus.CounterVec
	bytes     *prometheus.CounterVec
	messages  *prometheus.CounterVec
	refused   *prometheus.CounterVec
	publish   *prometheus.HistogramVec
	retries   prometheus.Counter
	reopened  prometheus.Counter
	lost      prometheus.Counter
	unread    prometheus.Counter
	fromCache *prometheus.CounterVec
	stored    *prometheus.GaugeVec
	limit     *prometheus.GaugeVec
	free      prometheus.Gauge
	lag       *prometheus.GaugeVec

	registry   prometheus.Registerer // nil for none
	registered []prometheus.Collector
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tocsin_journal_" + name, Help: help}, labels)
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "tocsin_journal_" + name, Help: help}, labels)
	}
	m := &metrics{
		batches:  counter("batches_total", "Batches accepted: synced and acknowledged.", "class"),
		events:   counter("events_total", "Events in the batches accepted.", "class"),
		bytes:    counter("bytes_total", "Bytes of the messages accepted, compressed.", "class"),
		messages: counter("messages_total", "Messages written, each with one or more batches.", "class"),
		refused:  counter("refused_total", "Batches not accepted, by kind of failure.", "class", "reason"),
		publish: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "tocsin_journal_publish_seconds",
			Help: "Time from handing a message to the engine to its acknowledgement.", Buckets: prometheus.ExponentialBuckets(0.0002, 2, 16)}, []string{"class"}),
		fromCache: counter("reads_total", "Batches handed to readers, from memory or from the stream.", "from"),
		stored:    gauge("stored_bytes", "Bytes in the streams of a class.", "class"),
		limit:     gauge("limit_bytes", "Bytes that the streams of a class may hold.", "class"),
		lag:       gauge("cursor_lag_batches", "Batches that a cursor has not committed.", "cursor"),
		retries:   prometheus.NewCounter(prometheus.CounterOpts{Name: "tocsin_journal_retries_total", Help: "Messages sent again because their outcome was unknown."}),
		reopened:  prometheus.NewCounter(prometheus.CounterOpts{Name: "tocsin_journal_reopened_total", Help: "Restarts of the engine inside the process after a write error."}),
		lost:      prometheus.NewCounter(prometheus.CounterOpts{Name: "tocsin_journal_losses_total", Help: "Ranges of batches found to be lost."}),
		unread:    prometheus.NewCounter(prometheus.CounterOpts{Name: "tocsin_journal_unreadable_total", Help: "Messages that could not be read or were not the journal's."}),
		free:      prometheus.NewGauge(prometheus.GaugeOpts{Name: "tocsin_journal_free_bytes", Help: "Bytes free on the disk of the journal."}),
	}
	m.registry = reg
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.batches, m.events, m.bytes, m.messages, m.refused, m.publish, m.retries, m.reopened,
		m.lost, m.unread, m.fromCache, m.stored, m.limit, m.free, m.lag} {
		if err := reg.Register(c); err != nil {
			m.unregister()
			return nil, err
		}
		m.registered = append(m.registered, c)
	}
	return m, nil
}

// unregister makes room for the metrics of another journal.
func (m *metrics) unregister() {
	for _, c := range m.registered {
		m.registry.Unregister(c)
	}
}
