package flows

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"tocsin/internal/drops"
	"tocsin/internal/event"
	"tocsin/internal/source"
)

// Options are the settings and parts of one source.
type Options struct {
	Name   string // of the source
	Listen string // the UDP address to listen on
	// Allow are the networks whose exporters are heard; none: all.
	Allow []netip.Prefix
	// Sockets is how many sockets share the port, so that several processors read from it. Default one for each processor, 4 at
	// most; where the system does not spread datagrams over them it is always 1. Datagrams of one exporter go to the same one.
	Sockets int
	// Buffer is what the system is asked to hold of datagrams that were not read yet, in bytes for each socket. Default 32 MiB.
	Buffer int
	Memory *Memory
	// Take makes a batch durable. While it does not return, what comes in waits: as much as some batches and the system hold.
	Take func(ctx context.Context, source string, b *event.Batch) error
	// Dropped is told how many datagrams the system dropped because they were not read in time. May be nil.
	Dropped func(source string, datagrams int64)
	// Rows ends a batch, Delay is how long its first row waits for others; 8,192 and 100 ms.
	Rows  int
	Delay time.Duration
	// Drain bounds how long the end waits for batches to be taken; 5 s.
	Drain    time.Duration
	Log      *slog.Logger
	Registry prometheus.Registerer // nil: not measured
}

// waiting is how many batches wait to be taken.
const waiting = 8

// A Source listens on one port. It implements source.Source, though it makes batches itself.
type Source struct {
	options Options
	stats   *statistics
	conns   []*net.UDPConn
	buffer  int // bytes that the system holds for each socket
	closing sync.Once
	closed  error
}

// Open listens, so that a taken port is known before anything runs. Close gives the port back; so does Run when it ends.
func Open(ctx context.Context, o Options) (*Source, error) {
	if o.Memory == nil || o.Take == nil || o.Log == nil {
		return nil, errors.New("a source of flows needs Memory, Take and Log")
	}
	if o.Sockets <= 0 {
		o.Sockets = min(4, runtime.GOMAXPROCS(0))
	}
	if !spreads {
		o.Sockets = 1
	}
	if o.Buffer <= 0 {
		o.Buffer = 32 << 20
	}
	if o.Rows <= 0 {
		o.Rows = 8192
	}
	o.Rows = min(o.Rows, mostRows)
	if o.Delay <= 0 {
		o.Delay = 100 * time.Millisecond
	}
	if o.Drain <= 0 {
		o.Drain = 5 * time.Second
	}
	s := &Source{options: o}
	if err := s.listen(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("listen for flows on UDP %s: %w", o.Listen, err), s.Close())
	}
	s.stats = newStatistics(o.Name, o.Registry)
	return s, nil
}

// listen opens the sockets. That the port is free is found out without sharing it: else two programs of one user would share
// it, and each get a part of the datagrams.
func (s *Source) listen(ctx context.Context) error {
	address := s.options.Listen
	probe, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp", address)
	if err != nil {
		return err
	}
	if s.options.Sockets == 1 {
		s.add(probe)
		return nil
	}
	address = probe.LocalAddr().String()
	if err := probe.Close(); err != nil {
		return err
	}
	sharing := net.ListenConfig{Control: share}
	for range s.options.Sockets {
		c, err := sharing.ListenPacket(ctx, "udp", address)
		if err != nil {
			return err
		}
		s.add(c)
	}
	return nil
}

func (s *Source) add(c net.PacketConn) {
	udp := c.(*net.UDPConn) //nolint:forcetypeassert // UDP was asked for
	s.conns = append(s.conns, udp)
	s.buffer = enlarge(udp, s.options.Buffer)
}

// Address returns where datagrams are taken.
func (s *Source) Address() netip.AddrPort { return s.conns[0].LocalAddr().(*net.UDPAddr).AddrPort() }

// Close stops listening.
func (s *Source) Close() error {
	s.closing.Do(func() {
		var errs []error
		for _, c := range s.conns {
			errs = append(errs, c.Close())
		}
		s.closed = errors.Join(errs...)
	})
	return s.closed
}

// Run takes flows in until ctx ends, and then hands on what was read. After an error the port is free again, and a new Source
// is needed.
func (s *Source) Run(ctx context.Context, _ source.Emit) error {
	s.options.Log.Info("listening for flows", "source", s.options.Name, "address", s.Address(), "sockets", len(s.conns), "receive_buffer", s.buffer)
	if s.buffer < s.options.Buffer/4 {
		s.options.Log.Info("the system holds little of what is not read at once (raise net.core.rmem_max)", "source", s.options.Name, "bytes", s.buffer, "wanted", s.options.Buffer)
	}
	taking, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	g, inner := errgroup.WithContext(ctx)
	stop := context.AfterFunc(inner, func() {
		s.Close()
		time.AfterFunc(s.options.Drain, cut)
	})
	defer stop()
	defer s.Close()
	queue := make(chan *event.Batch, waiting)
	var readers sync.WaitGroup
	for _, c := range s.conns {
		r := newReader(s, queue)
		ended := make(chan struct{})
		readers.Add(2)
		g.Go(func() error {
			defer readers.Done()
			defer close(ended)
			return r.read(inner, c)
		})
		g.Go(func() error {
			defer readers.Done()
			r.flush(ended)
			return nil
		})
	}
	g.Go(func() error {
		readers.Wait()
		close(queue)
		return nil
	})
	g.Go(func() error { return s.hand(taking, queue) })
	g.Go(func() error { return drops.Watch(inner, s.Address().Port(), s.dropped) })
	err := g.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// hand has batches made durable, in order, until there are no more. What cannot be is counted as lost.
func (s *Source) hand(ctx context.Context, queue <-chan *event.Batch) (failed error) {
	for b := range queue {
		if failed == nil {
			failed = s.options.Take(ctx, s.options.Name, b)
		}
		if failed != nil {
			s.stats.lost.Add(float64(b.Rows))
			s.options.Log.Error("flows lost", "source", s.options.Name, "flows", b.Rows, "cause", failed)
			s.Close() // so that the readers end, and the queue
		}
	}
	return failed
}

// dropped counts the datagrams that the system dropped because they were not read in time, and says so.
func (s *Source) dropped(n uint64) {
	s.stats.dropped.Add(float64(n))
	s.options.Log.Warn("datagrams of flows were dropped by the system (raise net.core.rmem_max)", "source", s.options.Name, "dropped", n)
	if s.options.Dropped != nil {
		s.options.Dropped(s.options.Name, int64(n)) //nolint:gosec // of ten seconds
	}
}
