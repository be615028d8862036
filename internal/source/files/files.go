// Package files follows log files as they grow, through every usual way of rotation and over restarts, without missing a
// line or reading one twice.
package files

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/internal/event"
	"tocsin/internal/fingerprint"
	"tocsin/internal/lines"
	"tocsin/internal/parser"
	"tocsin/internal/source"
)

// Options are the settings and parts of one source of files.
type Options struct {
	Name  string   // of the source
	Paths []string // files, or patterns of filepath.Match; both are looked for again and again
	// Choose returns the parser of one file, by its first lines. Each file needs one of its own. See Fixed and Guess.
	Choose func(sample [][]byte) (Choice, error)
	// Resume tells how far journal and history hold a file: fingerprint.Index.Resume over all that they hold.
	Resume func(id string) (to int64, known bool)
	// Poll is how often files are looked at when nothing says that they changed. Default 1s.
	Poll time.Duration
	// Idle is how long a last line without a line end is waited for before it is taken as it is. Default 1m.
	Idle time.Duration
	// Linger is how long a file that was renamed, replaced or deleted is still followed after that, and after it last grew:
	// writers go on writing until they have noticed. Default 1m.
	Linger time.Duration
	// Settle is how long a compressed file that ends early must look the same before it is taken for broken and not for
	// unfinished. Default 5s.
	Settle   time.Duration
	Log      *slog.Logger
	Registry prometheus.Registerer // nil: not measured
}

// A Choice is a parser and what it is called.
type Choice struct {
	Parser parser.Parser
	Format string
	Kind   event.Kind
	// Settings are those that the parser was made with.
	Settings parser.Options
}

// Fixed chooses the same format for every file.
func Fixed(format parser.Format, config parser.Config) func([][]byte) (Choice, error) {
	return func([][]byte) (Choice, error) {
		p, err := config.New()
		return Choice{Parser: p, Format: format.Name, Kind: format.Kind, Settings: *config.Base()}, err
	}
}

// Guess chooses by the first lines of each file; configure, which may be nil, sets what the source says about all formats.
func Guess(formats parser.Set, configure func(parser.Config)) func([][]byte) (Choice, error) {
	return func(sample [][]byte) (Choice, error) {
		name, _, why := parser.Recognise(formats, sample)
		if name == "" {
			return Choice{}, fmt.Errorf("recognise its format: %s (name the format in the configuration)", why)
		}
		format := formats[name]
		config := format.Default()
		if configure != nil {
			configure(config)
		}
		p, err := config.New()
		return Choice{Parser: p, Format: name, Kind: format.Kind, Settings: *config.Base()}, err
	}
}

// A Source follows files. It implements source.Source.
type Source struct {
	options Options
	stats   *statistics
}

// New checks the patterns and starts nothing.
func New(o Options) (*Source, error) {
	for _, pattern := range o.Paths {
		if _, err := filepath.Match(pattern, "x"); err != nil {
			return nil, fmt.Errorf("path %q: %w", pattern, err)
		}
	}
	if o.Choose == nil || o.Resume == nil || o.Log == nil {
		return nil, errors.New("a source of files needs Choose, Resume and Log")
	}
	for _, d := range []struct {
		of    *time.Duration
		usual time.Duration
	}{{&o.Poll, time.Second}, {&o.Idle, time.Minute}, {&o.Linger, time.Minute}, {&o.Settle, 5 * time.Second}} {
		if *d.of <= 0 {
			*d.of = d.usual
		}
	}
	return &Source{options: o, stats: newStatistics(o.Name, o.Registry)}, nil
}

// breath is the least time between two looks at the files, so that a busy writer does not cost a look for each line.
const breath = 20 * time.Millisecond

// makeUp bounds how long the files asked for wait at the start until what was rotated away in the meantime is read.
const makeUp = time.Minute

// Run follows the files until ctx ends. It gives up only when emit does.
func (s *Source) Run(ctx context.Context, emit source.Emit) error {
	r := &reader{
		Options:  s.options,
		stats:    s.stats,
		emit:     emit,
		splitter: lines.NewSplitter(nil, 0),
		tails:    map[key]*tail{},
		closed:   map[key]closed{},
		packed:   map[key]*archive{},
		steady:   map[key]steadiness{},
		anew:     map[key]left{},
		copies:   map[key]bool{},
		told:     map[string]string{},
		seen:     &fingerprint.Index{},
		started:  time.Now(),
		behind:   true,
	}
	defer r.close()
	wake, stop := r.watch()
	defer stop()
	for {
		more, err := r.look(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if more {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(breath):
		}
		if r.behind {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-wake:
		case <-time.After(s.options.Poll):
		}
	}
}

// A reader is one run of a source. One goroutine does it all, so nothing is locked.
type reader struct {
	Options
	stats    *statistics
	emit     source.Emit
	splitter *lines.Splitter // lent to the tail whose turn it is
	tails    map[key]*tail
	packed   map[key]*archive
	closed   map[key]closed     // what was read to its end and has not changed since
	steady   map[key]steadiness // compressed files that may still be being written
	anew     map[key]left       // files that were cut and have no name yet
	copies   map[key]bool       // were let go of for their originals
	told     map[string]string  // path to what was last said of it, so that it is said once
	seen     *fingerprint.Index // how far this run has read
	orphans  []orphan           // to be handed on
	cut      []truncation       // found since the last look for new files
	looks    int                // how many there were
	watching map[string]bool    // directories

	newest    time.Time // when a known rotated file was last written, in the look at hand
	strangers []stranger
	unsettled bool      // some compressed file is not known yet for what it is
	started   time.Time // of this run
	behind    bool      // what came and went before this run is still being read
	watcher   watcher
}

// look goes once over all files. more says that there is more to read at once.
func (r *reader) look(ctx context.Context) (more bool, err error) {
	for _, t := range r.ordered() {
		r.check(t)
	}
	if err := r.handOrphans(ctx); err != nil {
		return false, err
	}
	r.looks++
	r.discover()
	r.account()
	cut := r.recheck()
	r.behind = r.behind && time.Since(r.started) < makeUp
	for _, t := range r.ordered() {
		if r.behind && t.listed {
			continue
		}
		if cut && t.found == r.looks { // it may be a copy of what stands now in a file that was cut: that comes first
			more = true
			continue
		}
		again, err := r.turn(ctx, t)
		if err != nil {
			return false, err
		}
		more = more || again
	}
	for _, a := range r.archives() {
		again, err := r.unpack(ctx, a)
		if err != nil {
			return false, err
		}
		more = more || again
	}
	r.stats.open.Set(float64(len(r.tails) + len(r.packed)))
	return more, nil
}

// resume is what Find asks: this run knows more than journal and history do yet.
func (r *reader) resume(id string) (to int64, known bool) {
	to, known = r.Resume(id)
	if here, ok := r.seen.Resume(id); ok {
		to, known = max(to, here), true
	}
	return to, known
}

// tell says once what is wrong with a path, and again when that has changed.
func (r *reader) tell(path string, err error) {
	text := err.Error()
	if r.told[path] == text {
		return
	}
	if len(r.told) >= maxFiles {
		clear(r.told)
	}
	r.told[path] = text
	r.stats.refused.Inc()
	r.Log.Warn("a log file cannot be read; it is tried again", "source", r.Name, "path", path, "err", err)
}

func (r *reader) close() {
	for _, t := range r.tails {
		t.file.Close()
	}
	for _, a := range r.packed {
		a.close()
	}
}
