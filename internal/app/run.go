package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/journal"
)

var errDrain = errors.New("draining took too long")

// Run works until ctx ends, then lets what was accepted flow out: intake ends first, then whoever reads the journal when he
// has read all of it, then whoever tells people.
func (a *App) Run(ctx context.Context) error {
	base, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cut(nil)
	g, work := errgroup.WithContext(base)
	intake, closeIntake := context.WithCancel(work)
	defer closeIntake()
	defer context.AfterFunc(ctx, func() {
		closeIntake()
		time.AfterFunc(a.setup.Config.Drain, func() { cut(errDrain) })
	})()

	g.Go(func() error {
		defer a.journal.Seal()
		return a.takeIn(intake)
	})
	kept, allKept := context.WithCancel(work)
	g.Go(func() error {
		defer allKept()
		return a.keepAll(work)
	})
	g.Go(func() error { return a.history.Run(kept) })
	judged, allJudged := context.WithCancel(work)
	g.Go(func() error {
		defer allJudged()
		return a.judgeAll(work, ctx)
	})
	if a.options.Live {
		g.Go(func() error { return a.delivery.Run(judged) })
		g.Go(func() error { return a.renewLists(intake) })
		g.Go(func() error { return a.reports.Run(intake) })
	}
	if a.watch != nil {
		g.Go(func() error { return a.watch.Run(intake) })
	}
	close(a.running)
	err := g.Wait()
	if cause := context.Cause(base); errors.Is(cause, errDrain) && errors.Is(err, context.Canceled) {
		return cause
	}
	return err
}

// takeIn runs what brings events: sources, requests and the passing of time.
func (a *App) takeIn(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	if a.options.Live {
		sources, err := a.sources(a.setup)
		if err != nil {
			return err
		}
		select {
		case a.feed <- sources:
		default: // a newer configuration was read meanwhile
		}
		g.Go(func() error { return a.server.Run(ctx, a.listeners...) })
		for _, class := range []journal.Class{journal.Events, journal.Flows} {
			g.Go(func() error { return a.tell(ctx, class) })
		}
	}
	g.Go(func() error {
		defer a.saveFlows() // when no more can come
		return a.ingest.Run(ctx, a.feed)
	})
	g.Go(func() error { return a.rejected.Run(ctx) })
	g.Go(func() error { return a.keepFlows(ctx) })
	g.Go(func() error { return a.keepNaming(ctx) })
	g.Go(func() error {
		if a.options.Live {
			a.auditor.Prune(ctx, a.setup.Config.Audit.Keep)
		}
		return nil
	})
	g.Go(func() error { // the server alone would end with its first failure; without it Run waits for the end
		<-ctx.Done()
		return nil
	})
	return g.Wait()
}

// clockEvery is how often the journal is told that time has passed while no events come, so that silence can be judged.
const clockEvery = 10 * time.Second

// clockSource begins the id of the source range that says so.
const clockSource = "clock:"

// tell puts a batch without rows into the journal whenever a class was quiet. What a rule makes of silence then follows from
// the journal alone.
func (a *App) tell(ctx context.Context, class journal.Class) error {
	kind := event.Log
	if class == journal.Flows {
		kind = event.Flow
	}
	partition := journal.Partition(a.setup.Config.Node, class)
	ticker := time.NewTicker(clockEvery)
	defer ticker.Stop()
	seen := uint64(math.MaxUint64)
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-ticker.C:
			head := a.journal.Head().Seq(partition)
			quiet := head == seen
			seen = head
			if !quiet {
				continue
			}
			b := event.NewBatch(kind, 0, nil, event.Labels{})
			b.Sources = []event.SourceRange{{ID: clockSource + class.String(), From: now.UnixNano(), To: now.UnixNano()}}
			if place, err := a.journal.Append(ctx, b); err == nil {
				seen = place.Sequence
			} else if fault.Kind(err) == nil && ctx.Err() == nil {
				return fmt.Errorf("tell the time: %w", err)
			}
		}
	}
}

// keepAll applies both classes of the journal to the history and commits what is durable there.
func (a *App) keepAll(ctx context.Context) error {
	g, work := errgroup.WithContext(ctx)
	reading, readAll := context.WithCancel(work)
	var readers sync.WaitGroup
	for _, partition := range a.journal.Partitions() {
		readers.Add(1)
		g.Go(func() error {
			defer readers.Done()
			return a.keep(work, partition)
		})
	}
	g.Go(func() error {
		readers.Wait()
		readAll()
		return nil
	})
	g.Go(func() error {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		for {
			select {
			case <-reading.Done():
				return nil
			case <-ticker.C:
				if err := a.commit(historyCursor, a.history.Applied()); err != nil {
					return err
				}
			}
		}
	})
	if err := g.Wait(); err != nil {
		return err
	}
	if err := a.history.Flush(ctx); err != nil {
		a.log.Error("history left behind; the journal keeps the rest", "cause", err)
	}
	return a.commit(historyCursor, a.history.Applied())
}

// commit tells the journal how far a reader is. One that has read nothing of this journal has nothing to tell.
func (a *App) commit(cursor string, at event.Position) error {
	if at.Epoch != a.journal.Epoch() {
		return nil
	}
	return a.journal.Commit(cursor, at)
}

// keep applies one partition. When the history cannot be written, for one because the disk is full, it waits: the journal
// keeps what comes meanwhile, as long as it has room.
func (a *App) keep(ctx context.Context, partition uint16) error {
	r, err := a.journal.Reader(a.history.Applied(), partition)
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		b, err := r.Next(ctx)
		if errors.Is(err, io.EOF) || ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read journal for history: %w", err)
		}
		err = a.history.Apply(a.journal.Epoch(), b)
		for pause := 100 * time.Millisecond; err != nil; pause = min(2*pause, 5*time.Second) {
			a.reach.trouble("history: " + err.Error())
			a.log.Error("history cannot be written, trying again", "cause", err, "pause", pause)
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(pause):
			}
			err = a.history.Apply(a.journal.Epoch(), b) // what was taken already is not taken twice
		}
		a.reach.trouble("")
		a.ingest.Learn(b)
		a.reach.moved()
	}
}

// A reach lets callers wait for readers of the journal to come along.
type reach struct {
	mu      sync.Mutex
	changed chan struct{}
	problem string // why the history cannot be written
}

func newReach() *reach { return &reach{changed: make(chan struct{})} }

// moved says that some reader has come further.
func (r *reach) moved() {
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.changed)
	r.changed = make(chan struct{})
}

// trouble says why the history cannot be written, "" when it can.
func (r *reach) trouble(text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if text != "" && r.problem == "" { // whoever waits is told
		close(r.changed)
		r.changed = make(chan struct{})
	}
	r.problem = text
}

func (r *reach) problemNow() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.problem
}

// until returns when ok holds, which is asked whenever a reader has moved.
func (r *reach) until(ctx context.Context, ok func() bool) error {
	for {
		r.mu.Lock()
		changed := r.changed
		r.mu.Unlock()
		if ok() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// paceBatches is how far, in batches, the history may be behind an old file that is being read: few enough to be in the cache
// of the journal still.
const paceBatches = 8

// pace waits while the history is too far behind. An old file can wait; what comes in live never does.
func (a *App) pace(ctx context.Context) error {
	return a.reach.until(ctx, func() bool {
		head, at := a.journal.Head(), a.history.Position()
		for partition, seq := range head.Seqs {
			if seq > at.Seq(partition)+paceBatches {
				return false
			}
		}
		return true
	})
}

// Replayed returns when queries find everything that the journal held when a was made.
func (a *App) Replayed(ctx context.Context) error { return a.holds(ctx, a.begun) }

// replayed says whether Replayed would return at once.
func (a *App) replayed() bool { return isStart(a.begun) || a.history.Position().Covers(a.begun) }

// holds returns when queries find everything up to a position, or with an error when the history cannot be written.
func (a *App) holds(ctx context.Context, at event.Position) error {
	problem := ""
	err := a.reach.until(ctx, func() bool {
		problem = a.reach.problemNow()
		return problem != "" || isStart(at) || a.history.Position().Covers(at)
	})
	if err == nil && problem != "" {
		return fault.New(fault.Unavailable, "%s", problem)
	}
	return err
}

// isStart says that there is nothing before a position, so that the history need not even have begun with that journal.
func isStart(at event.Position) bool {
	for _, seq := range at.Seqs {
		if seq > 0 {
			return false
		}
	}
	return true
}

// caughtUp returns when everything that is in the journal now is found by queries and, unless the ledger is away, was judged.
func (a *App) caughtUp(ctx context.Context) error {
	select {
	case <-a.running:
	case <-ctx.Done():
		return ctx.Err()
	}
	head := a.journal.Head()
	if err := a.holds(ctx, head); err != nil {
		return err
	}
	if isStart(head) {
		return nil
	}
	for _, j := range a.judges {
		if err := j.caughtUp(ctx, head); err != nil {
			return err
		}
	}
	return nil
}

// problems tells what someone must act on, besides what journal and history say of themselves.
func (a *App) problems() []string {
	var list []string
	a.reach.mu.Lock()
	if a.reach.problem != "" {
		list = append(list, a.reach.problem)
	}
	a.reach.mu.Unlock()
	if err := a.rejected.Problem(); err != nil {
		list = append(list, err.Error())
	}
	list = append(list, a.roomProblems()...)
	list = append(list, a.namingProblems()...)
	list = append(list, a.listed.Problems()...)
	if a.watch != nil {
		list = append(list, a.watch.Problems()...)
	}
	for _, j := range a.judges {
		list = append(list, j.problems()...)
	}
	return append(list, a.delivery.Problems()...)
}
