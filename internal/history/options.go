package history

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/internal/event"
)

// Options say where a store lives and when it writes.
type Options struct {
	Dir      string // made when it does not exist; one process at a time, which the caller sees to
	Log      *slog.Logger
	Registry prometheus.Registerer // nil: no metrics

	// Memory is written out when it holds FlushRows rows (0: 131,072) or about FlushBytes (0: 32 MiB), or when its oldest
	// rows have waited FlushAge (0: 30s).
	FlushRows  int
	FlushBytes int64
	FlushAge   time.Duration
	// MergeRows is how many rows a merged segment has at most; 0 is 1,048,576.
	MergeRows int64
	// Retention says how long events of a kind are kept, in whole days of UTC: from their time, or from their receipt when
	// they came later than that. 0 or absent: for ever.
	Retention map[event.Kind]time.Duration
	// Rollups is how long rollups of flows are kept; 0: none are made.
	Rollups time.Duration
	// Crash, when set, is called at named points, for tests that kill the process there.
	Crash func(point string)
}

func withDefaults(o Options) Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.FlushRows <= 0 {
		o.FlushRows = 2 * groupRows
	}
	if o.FlushBytes <= 0 {
		o.FlushBytes = 32 << 20
	}
	if o.FlushAge <= 0 {
		o.FlushAge = 30 * time.Second
	}
	if o.MergeRows <= 0 {
		o.MergeRows = 1 << 20
	}
	if o.Crash == nil {
		o.Crash = func(string) {}
	}
	return o
}
