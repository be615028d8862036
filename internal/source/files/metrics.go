package files

import "github.com/prometheus/client_golang/prometheus"

type statistics struct {
	open        prometheus.Gauge
	lines       prometheus.Counter
	truncations prometheus.Counter
	lost        prometheus.Counter
	refused     prometheus.Counter
}

// newStatistics registers the figures of one source, which are told apart by the label source.
func newStatistics(name string, registry prometheus.Registerer) *statistics {
	counter := func(metric, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: metric, Help: help})
	}
	s := &statistics{
		open:        prometheus.NewGauge(prometheus.GaugeOpts{Name: "tocsin_files_open", Help: "Log files that are followed."}),
		lines:       counter("tocsin_files_lines_total", "Lines read from log files."),
		truncations: counter("tocsin_files_truncations_total", "Log files that were truncated or overwritten."),
		lost:        counter("tocsin_files_lost_bytes_total", "Bytes known to have been destroyed by truncation before they were read."),
		refused:     counter("tocsin_files_refused_total", "Log files that could not be read, once for each cause."),
	}
	if registry != nil {
		prometheus.WrapRegistererWith(prometheus.Labels{"source": name}, registry).
			MustRegister(s.open, s.lines, s.truncations, s.lost, s.refused)
	}
	return s
}
