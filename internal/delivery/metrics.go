package delivery

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	attempts *prometheus.CounterVec
	resting  *prometheus.GaugeVec
}

func newMetrics(registry prometheus.Registerer) *metrics {
	m := &metrics{
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tocsin_delivery_attempts_total", Help: "Attempts to send a notice, by channel and outcome: sent, pending (to be tried again), dead or expired.",
		}, []string{"channel", "outcome"}),
		resting: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "tocsin_delivery_resting_channels", Help: "1 for a channel that rests because it only fails.",
		}, []string{"channel"}),
	}
	registry.MustRegister(m.attempts, m.resting)
	return m
}
