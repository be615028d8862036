package ingest

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/internal/api"
	"tocsin/internal/event"
)

// statistics are running totals since the start.
type statistics struct {
	mu      sync.Mutex
	sources map[string]*api.SourceHealth

	events   *prometheus.CounterVec
	rejects  *prometheus.CounterVec
	refusals prometheus.Counter
}

func newStatistics(r prometheus.Registerer) *statistics {
	s := &statistics{
		sources: map[string]*api.SourceHealth{},
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tocsin_ingest_events_total", Help: "Events made durable, by kind.",
		}, []string{"kind"}),
		rejects: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tocsin_ingest_rejected_total", Help: "Lines that could not be read, by source and reason.",
		}, []string{"source", "reason"}),
		refusals: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tocsin_ingest_refusals_total", Help: "Times that the journal refused a batch, which was then tried again.",
		}),
	}
	for _, kind := range event.Kinds() {
		s.events.WithLabelValues(kind.String())
	}
	if r != nil {
		r.MustRegister(s.events, s.rejects, s.refusals)
	}
	return s
}

func (s *statistics) source(name string) *api.SourceHealth {
	h := s.sources[name]
	if h == nil {
		h = &api.SourceHealth{Name: name, Rejected: map[string]int64{}}
		s.sources[name] = h
	}
	return h
}

func (s *statistics) parsed(name string, lines, empty int64, events int, received int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.source(name)
	h.Lines += lines
	h.Empty += empty
	h.Events += int64(events)
	h.Last = time.Unix(0, received)
	h.Problem = ""
}

func (s *statistics) rejected(name, reason string, lines int64) {
	s.rejects.WithLabelValues(name, reason).Add(float64(lines))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.source(name).Rejected[reason] += lines
}

// repeated counts events that were known already.
func (s *statistics) repeated(name string, events int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.source(name).Repeated += int64(events)
}

func (s *statistics) problem(name, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.source(name).Problem = text
}

func (s *statistics) taken(b *event.Batch) {
	s.events.WithLabelValues(b.Kind.String()).Add(float64(b.Rows))
}

func (s *statistics) refused() { s.refusals.Inc() }

// Sources returns how each source is, by name.
func (s *Service) Sources() []api.SourceHealth {
	s.stats.mu.Lock()
	defer s.stats.mu.Unlock()
	var list []api.SourceHealth
	for _, name := range slices.Sorted(maps.Keys(s.stats.sources)) {
		h := *s.stats.sources[name]
		h.Rejected = maps.Clone(h.Rejected)
		list = append(list, h)
	}
	return list
}
