package syslogin

import "github.com/prometheus/client_golang/prometheus"

type statistics struct {
	messages    *prometheus.CounterVec // by transport
	dropped     prometheus.Counter
	connections prometheus.Gauge
	refused     prometheus.Counter
	broken      prometheus.Counter
}

// newStatistics registers the figures of one source, which are told apart by the label source.
func newStatistics(name string, registry prometheus.Registerer) *statistics {
	counter := func(metric, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: metric, Help: help})
	}
	s := &statistics{
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tocsin_syslogin_messages_total", Help: "Syslog messages received, by transport.",
		}, []string{"transport"}),
		dropped: counter("tocsin_syslogin_dropped_total", "Datagrams that the system dropped because they were not read in time."),
		connections: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tocsin_syslogin_connections", Help: "Syslog senders connected over TCP.",
		}),
		refused: counter("tocsin_syslogin_refused_total", "Syslog connections turned away because there were too many."),
		broken:  counter("tocsin_syslogin_broken_total", "Syslog connections that ended in the middle: reset, idle, or badly framed."),
	}
	if registry != nil {
		prometheus.WrapRegistererWith(prometheus.Labels{"source": name}, registry).
			MustRegister(s.messages, s.dropped, s.connections, s.refused, s.broken)
	}
	return s
}
