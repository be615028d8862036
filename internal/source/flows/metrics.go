package flows

import "github.com/prometheus/client_golang/prometheus"

type statistics struct {
	datagrams, flows, refused, dropped, lost prometheus.Counter
}

// newStatistics registers the figures of one source, which are told apart by the label source.
func newStatistics(name string, registry prometheus.Registerer) *statistics {
	counter := func(metric, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: metric, Help: help})
	}
	s := &statistics{
		datagrams: counter("tocsin_flows_datagrams_total", "Datagrams received, of whatever content."),
		flows:     counter("tocsin_flows_records_total", "Flow records read."),
		refused:   counter("tocsin_flows_refused_total", "Datagrams of exporters that are not allowed."),
		dropped:   counter("tocsin_flows_dropped_total", "Datagrams that the system dropped because they were not read in time."),
		lost:      counter("tocsin_flows_lost_total", "Flows that were read and could not be kept."),
	}
	if registry != nil {
		prometheus.WrapRegistererWith(prometheus.Labels{"source": name}, registry).MustRegister(s.datagrams, s.flows, s.refused, s.dropped, s.lost)
	}
	return s
}
