package files

import (
	"context"
	"time"

	"tocsin/internal/fingerprint"
	"tocsin/internal/lines"
	"tocsin/internal/source"
)

// A Prober looks at files when it is told to, for tests in which a watch of directories would be in the way.
type Prober struct{ r *reader }

// Probe makes one of a source.
func Probe(s *Source, emit func(*source.Stream, ...source.Record)) *Prober {
	return &Prober{&reader{
		Options: s.options, stats: s.stats, splitter: lines.NewSplitter(nil, 0), tails: map[key]*tail{}, closed: map[key]closed{},
		packed: map[key]*archive{}, steady: map[key]steadiness{}, anew: map[key]left{}, copies: map[key]bool{}, told: map[string]string{},
		seen: &fingerprint.Index{}, started: time.Now(),
		emit: func(_ context.Context, from *source.Stream, records ...source.Record) error {
			emit(from, records...)
			return nil
		},
	}}
}

// Look looks once at all files.
func (p *Prober) Look(ctx context.Context) error {
	_, err := p.r.look(ctx)
	return err
}

// Close closes all files.
func (p *Prober) Close() { p.r.close() }
