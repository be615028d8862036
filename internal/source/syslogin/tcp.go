package syslogin

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"tocsin/internal/source"
)

// accept serves senders until ctx ends, and waits for all of them.
func (s *Source) accept(ctx context.Context, emit source.Emit) error {
	var senders sync.WaitGroup
	defer senders.Wait()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	for {
		conn, err := s.tcp.AcceptTCP()
		if err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			if passing, ok := errors.AsType[net.Error](err); ok && passing.Timeout() || isTemporary(err) {
				select {
				case <-ctx.Done():
				case <-time.After(50 * time.Millisecond): // out of file descriptors, mostly
				}
				continue
			}
			return err
		}
		select {
		case s.slots <- struct{}{}:
		default:
			s.stats.refused.Inc()
			conn.Close()
			continue
		}
		senders.Go(func() {
			defer func() { <-s.slots }()
			if err := s.serve(ctx, conn, emit); err != nil {
				stop(err)
				s.Close()
			}
		})
	}
}

// serve reads the messages of one sender. Only an error of emit is returned: that intake is over. Whatever else goes wrong
// ends this connection alone.
func (s *Source) serve(ctx context.Context, conn *net.TCPConn, emit source.Emit) error {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	s.stats.connections.Inc()
	defer s.stats.connections.Dec()
	peer := conn.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()
	from, err := s.stream(peer)
	if err != nil {
		s.options.Log.Error("no parser for a syslog sender", "source", s.options.Name, "err", err)
		return nil
	}
	f := newFrames(&patient{conn, s.options.Idle}, s.options.MaxMessage)
	for {
		records, err := f.next()
		if len(records) > 0 {
			s.stats.messages.WithLabelValues("tcp").Add(float64(len(records)))
			if err := emit(ctx, from, records...); err != nil {
				return err
			}
		}
		if err != nil {
			if !errors.Is(err, io.EOF) && ctx.Err() == nil {
				s.stats.broken.Inc()
				s.options.Log.Debug("a syslog connection broke", "source", s.options.Name, "peer", peer.String(), "err", err)
			}
			return nil
		}
	}
}

// patient is a connection that may be silent for a while.
type patient struct {
	conn *net.TCPConn
	idle time.Duration
}

func (p *patient) Read(b []byte) (int, error) {
	if err := p.conn.SetReadDeadline(time.Now().Add(p.idle)); err != nil {
		return 0, err
	}
	return p.conn.Read(b)
}
