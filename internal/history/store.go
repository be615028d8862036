package history

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"tocsin/internal/event"
	"tocsin/internal/fault"
)

// A Store is a history in one directory. All its methods may be called at once from any goroutine.
type Store struct {
	opts    Options
	log     *slog.Logger
	metrics *metrics
	pools   *pools

	mu       sync.Mutex
	layout   *layout
	memory   map[event.Kind][]*event.Batch // applied but in no segment, in the order applied
	memRows  int
	memBytes int64
	oldest   time.Time // when the first batch of memory was applied
	position event.Position
	sources  map[string]sourceEntry
	durable  event.Position // what a restart would find applied
	closed   bool
	nextID   uint64
	pins     map[uint64]int // queries that hold a layout, by its number
	dying    []dying
	clock    int64           // counts uses of segments
	touches  map[int64]touch // hours of which flows were written of late

	flushing sync.Mutex // one flush at a time
	writing  sync.Mutex // one change of the manifest at a time; never held while a flush or merge writes rows
	upkeep   sync.Mutex // one merge, retention or scrub at a time
	rolling  sync.Mutex // held from looking at rollups until the manifest says what became of them; before writing
	pending  []*segment // replaced, but a manifest on disk may still name them; guarded by writing
	unclean  bool       // the last process did not close the store
	wake     chan struct{}
}

// A layout is the segments of one manifest. It is never changed.
type layout struct {
	number   uint64
	manifest *manifest
	segments []*segment
}

// A dying segment was replaced; it goes when no query holds the layout with the number any more, or an older one.
type dying struct {
	seg    *segment
	number uint64
}

// Open opens the history in a directory, or begins one. Segments that the manifest does not name are removed; those that
// are damaged so that it shows at once are set aside. Run must be called for the background work.
func Open(ctx context.Context, opts Options) (*Store, error) {
	opts = withDefaults(opts)
	if err := os.MkdirAll(opts.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	m, behind, warning, err := loadManifest(opts.Dir)
	if err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	p, err := newPools()
	if err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	s := &Store{opts: opts, log: opts.Log, pools: p, memory: map[event.Kind][]*event.Batch{}, sources: map[string]sourceEntry{}, pins: map[uint64]int{}, touches: map[int64]touch{}, nextID: m.NextID, wake: make(chan struct{}, 1)}
	if warning != "" {
		s.log.Warn("history manifest is damaged", "fault", warning)
	}
	for _, e := range m.Sources {
		s.sources[e.ID] = e
	}
	s.position = event.Position{Epoch: m.Epoch, Seqs: maps.Clone(m.Applied[m.Epoch])}
	s.durable = s.position
	unclean, err := s.begin()
	if err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	s.unclean = unclean && len(m.Segments) > 0
	if behind != nil { // before what that one names goes
		if _, err := m.save(opts.Dir, func(string) {}); err != nil {
			s.log.Warn("history manifest has no copy now", "fault", err)
		} else {
			behind = nil
		}
	}
	if err := s.adopt(ctx, m, behind); err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	s.metrics = newMetrics(opts.Registry, s)
	return s, nil
}

// cleanFile is there while nobody has the store open and the last one closed it.
const cleanFile = "clean"

// begin removes the mark of a clean end and says whether it was missing although there is something to verify.
func (s *Store) begin() (unclean bool, err error) {
	err = os.Remove(filepath.Join(s.opts.Dir, cleanFile))
	switch {
	case err == nil:
		return false, syncDir(s.opts.Dir)
	case errors.Is(err, os.ErrNotExist):
		return true, nil
	default:
		return false, fmt.Errorf("remove mark of clean end: %w", err)
	}
}

// adopt takes the segments of a manifest, sets those aside that are gone or cut, and removes files that neither it names nor the one
// on the disk that is behind it; nil: there is none.
func (s *Store) adopt(ctx context.Context, m, behind *manifest) error {
	named := m.names()
	maps.Copy(named, behind.names())
	l := &layout{manifest: m}
	var bad []*segment
	for _, e := range m.Segments {
		seg := &segment{entry: e, path: filepath.Join(s.opts.Dir, e.File)}
		l.segments = append(l.segments, seg)
		if info, err := os.Stat(seg.path); err != nil || info.Size() != e.Bytes {
			bad = append(bad, seg)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	s.layout = l
	files, err := os.ReadDir(s.opts.Dir)
	if err != nil {
		return fmt.Errorf("list segments: %w", err)
	}
	for _, f := range files {
		name := f.Name()
		if f.Type().IsRegular() && !named[name] && (strings.HasSuffix(name, segmentSuffix) || strings.HasSuffix(name, rollupSuffix) || strings.HasSuffix(name, ".tmp")) {
			if err := os.Remove(filepath.Join(s.opts.Dir, name)); err != nil {
				return fmt.Errorf("remove file without place in the manifest: %w", err)
			}
			s.log.Info("removed file that the manifest does not name", "file", name)
		}
	}
	for _, seg := range bad {
		reason := damaged("the file is gone")
		if info, err := os.Stat(seg.path); err == nil {
			reason = damaged("%d bytes long, want %d", info.Size(), seg.Bytes)
		}
		if err := s.setAside(seg, reason); err != nil {
			return err
		}
	}
	var lost []string
	for _, e := range m.Rollups {
		if info, err := os.Stat(filepath.Join(s.opts.Dir, e.File)); err != nil || info.Size() != e.Bytes {
			lost = append(lost, e.File)
		}
	}
	return s.dropRollups(damaged("files are gone or cut"), lost...)
}

// Apply takes a batch with its place in the journal. It is found by queries from now on and durable after the next flush.
// A batch at or below the applied position is ignored, so that replay doubles nothing. An epoch that is not the one at
// hand starts at 0. When too much is waiting Apply writes memory out first; if that fails, the batch is not taken and may
// be applied again later (fault.Full on a full disk).
func (s *Store) Apply(epoch string, b *event.Batch) error {
	if b.Sequence == 0 {
		return fault.New(fault.Invalid, "apply batch to history: it has no journal sequence")
	}
	if err := s.enter(epoch); err != nil {
		return err
	}
	s.mu.Lock()
	over := s.memRows >= 2*s.opts.FlushRows || s.memBytes >= 2*s.opts.FlushBytes
	s.mu.Unlock()
	if over { // whoever applies waits, so that memory stays bounded
		if err := s.Flush(context.Background()); err != nil {
			return fmt.Errorf("apply batch %d: %w", b.Sequence, err)
		}
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return errClosed
	}
	if b.Sequence <= s.position.Seq(b.Partition) {
		s.mu.Unlock()
		return nil
	}
	if b.Rows > 0 {
		if len(s.memory) == 0 || s.memRows == 0 {
			s.oldest = time.Now()
		}
		stamped := stamp(b)
		s.memory[b.Kind] = append(s.memory[b.Kind], stamped)
		s.memRows += b.Rows
		s.memBytes += batchBytes(stamped)
	}
	s.position = s.position.With(b.Partition, b.Sequence)
	s.note(b)
	due := s.memRows >= s.opts.FlushRows || s.memBytes >= s.opts.FlushBytes
	s.mu.Unlock()
	if due {
		select {
		case s.wake <- struct{}{}:
		default:
		}
	}
	return nil
}

var errClosed = fault.New(fault.Unavailable, "history is closed")

// enter makes epoch the one at hand. What is in memory of another one is written out first, so that a position always
// belongs to one epoch.
func (s *Store) enter(epoch string) error {
	s.mu.Lock()
	same := s.position.Epoch == epoch
	s.mu.Unlock()
	if same {
		return nil
	}
	if err := s.Flush(context.Background()); err != nil {
		return fmt.Errorf("enter epoch %q: %w", epoch, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.position.Epoch == epoch {
		return nil
	}
	known := s.layout.manifest.Applied[epoch]
	if s.position.Epoch != "" {
		s.log.Warn("history enters another epoch of the journal", "old", s.position.String(), "new", epoch, "known", len(known) > 0)
	}
	s.position = event.Position{Epoch: epoch, Seqs: maps.Clone(known)}
	s.durable = s.position
	return nil
}

// stamp adds the journal sequence as a column.
func stamp(b *event.Batch) *event.Batch {
	f, ok := event.FieldByID(event.TocsinSequence)
	if !ok {
		panic("history: schema without tocsin.sequence")
	}
	columns := make([]event.Column, 0, len(b.Columns())+1)
	for _, c := range b.Columns() {
		if c.Field.ID != event.TocsinSequence {
			columns = append(columns, c)
		}
	}
	codes := make([]uint32, b.Rows)
	for i := range codes {
		codes[i] = 1
	}
	columns = append(columns, event.Column{Field: f, Codes: codes, Nums: []int64{0, int64(b.Sequence)}})
	n := event.NewBatch(b.Kind, b.Rows, columns, b.Labels)
	n.Sources, n.Backfill, n.Partition, n.Sequence = b.Sources, b.Backfill, b.Partition, b.Sequence
	return n
}

// batchBytes estimates the memory that a batch takes.
func batchBytes(b *event.Batch) int64 {
	n := int64(0)
	for _, c := range b.Columns() {
		n += int64(4*len(c.Codes) + 8*len(c.Present) + 8*len(c.Nums) + 16*len(c.IPs) + 4*len(c.Strs.Ends) + len(c.Strs.Bytes))
	}
	l := &b.Labels
	return n + int64(4*len(l.Ends)+4*len(l.Keys)+4*len(l.Vals.Ends)+len(l.Vals.Bytes)+len(l.Names.Bytes))
}

// Applied returns the position up to which everything is in a segment that a restart finds.
func (s *Store) Applied() event.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	return event.Position{Epoch: s.durable.Epoch, Seqs: maps.Clone(s.durable.Seqs)}
}

// Position returns the position up to which queries find everything; Applied is at or before it.
func (s *Store) Position() event.Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	return event.Position{Epoch: s.position.Epoch, Seqs: maps.Clone(s.position.Seqs)}
}

// Sources returns for each outside source how far it has been applied, whether durable yet or not. Idempotency keys that
// are older than a day are left out.
func (s *Store) Sources() map[string]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget()
	list := make(map[string]int64, len(s.sources))
	for id, e := range s.sources {
		list[id] = e.To
	}
	return list
}

// Close writes memory out and closes the store. Queries that still run end first or fail.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.mu.Unlock()
	err := s.Flush(context.Background())
	s.upkeep.Lock()
	defer s.upkeep.Unlock()
	s.mu.Lock()
	s.closed = true
	segments := s.layout.segments
	s.mu.Unlock()
	for _, seg := range segments {
		seg.retire(false)
	}
	s.metrics.unregister()
	if err != nil {
		return fmt.Errorf("close history: %w", err)
	}
	if _, err := replaceFile(s.opts.Dir, cleanFile, nil); err != nil {
		return fmt.Errorf("close history: %w", err)
	}
	return nil
}
