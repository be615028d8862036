package quarantine

import "github.com/prometheus/client_golang/prometheus"

// statistics are running totals since the start.
type statistics struct{ kept, notKept, damaged prometheus.Counter }

func newStatistics(r prometheus.Registerer) *statistics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "tocsin", Subsystem: "quarantine", Name: name, Help: help})
	}
	s := &statistics{
		kept:    counter("kept_total", "Rejected records that are kept, or were to be."),
		notKept: counter("not_kept_total", "Rejected records that were counted alone, for want of room or because the disk took nothing."),
		damaged: counter("damaged_total", "Places in the files at which rejected records were found damaged."),
	}
	if r != nil {
		r.MustRegister(s.kept, s.notKept, s.damaged)
	}
	return s
}
