// Package syslogin takes syslog messages in over UDP and TCP.
package syslogin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"tocsin/internal/drops"
	"tocsin/internal/event"
	"tocsin/internal/parser"
	"tocsin/internal/source"
)

// Options are the settings and parts of one source.
type Options struct {
	Name string // of the source
	// UDP and TCP are the addresses to listen on; empty for none.
	UDP, TCP string
	// Parser makes the parser of one sender. Format and Kind say what it gives.
	Parser func() (parser.Parser, error)
	Format string
	Kind   event.Kind
	// MaxConnections bounds how many TCP senders are served at a time; more are turned away. Default 256.
	MaxConnections int
	// MaxMessage bounds one message in bytes; what goes beyond is cut. Default 64 KiB, at most parser.MaxRecord.
	MaxMessage int
	// Idle is how long a TCP sender may be silent before it is cut off. Default 1h; syslog daemons keep connections open.
	Idle time.Duration
	// Buffer is what the system is asked to hold of datagrams that were not read yet, in bytes. Default 8 MiB.
	Buffer   int
	Log      *slog.Logger
	Registry prometheus.Registerer // nil: not measured
}

// A Source listens. It implements source.Source.
type Source struct {
	options  Options
	stats    *statistics
	udp      *net.UDPConn
	tcp      *net.TCPListener
	slots    chan struct{} // one for each TCP sender that may be served
	closing  sync.Once
	released error
}

// Open listens on the addresses, so that a taken port is known before anything runs. Close gives them back; so does Run
// when it ends.
func Open(o Options) (*Source, error) {
	if o.Parser == nil || o.Log == nil {
		return nil, errors.New("a source of syslog needs Parser and Log")
	}
	if o.MaxConnections <= 0 {
		o.MaxConnections = 256
	}
	if o.MaxMessage <= 0 {
		o.MaxMessage = 64 << 10
	}
	o.MaxMessage = min(o.MaxMessage, parser.MaxRecord)
	if o.Idle <= 0 {
		o.Idle = time.Hour
	}
	if o.Buffer <= 0 {
		o.Buffer = 8 << 20
	}
	s := &Source{options: o, slots: make(chan struct{}, o.MaxConnections)}
	if err := s.listen(); err != nil {
		s.Close()
		return nil, err
	}
	s.stats = newStatistics(o.Name, o.Registry)
	return s, nil
}

func (s *Source) listen() error {
	if s.options.UDP != "" {
		at, err := net.ResolveUDPAddr("udp", s.options.UDP)
		if err == nil {
			s.udp, err = net.ListenUDP("udp", at)
		}
		if err != nil {
			return fmt.Errorf("listen for syslog on UDP %s: %w", s.options.UDP, err)
		}
		if err := s.udp.SetReadBuffer(s.options.Buffer); err != nil {
			s.options.Log.Warn("the receive buffer cannot be made larger", "source", s.options.Name, "bytes", s.options.Buffer, "err", err)
		}
	}
	if s.options.TCP != "" {
		at, err := net.ResolveTCPAddr("tcp", s.options.TCP)
		if err == nil {
			s.tcp, err = net.ListenTCP("tcp", at)
		}
		if err != nil {
			return fmt.Errorf("listen for syslog on TCP %s: %w", s.options.TCP, err)
		}
	}
	return nil
}

// UDP returns the address that datagrams are taken on, invalid when there is none.
func (s *Source) UDP() netip.AddrPort {
	if s.udp == nil {
		return netip.AddrPort{}
	}
	return s.udp.LocalAddr().(*net.UDPAddr).AddrPort()
}

// TCP returns the address that connections are taken on, invalid when there is none.
func (s *Source) TCP() netip.AddrPort {
	if s.tcp == nil {
		return netip.AddrPort{}
	}
	return s.tcp.Addr().(*net.TCPAddr).AddrPort()
}

// Close stops listening.
func (s *Source) Close() error {
	s.closing.Do(func() {
		var errs []error
		if s.udp != nil {
			errs = append(errs, s.udp.Close())
		}
		if s.tcp != nil {
			errs = append(errs, s.tcp.Close())
		}
		s.released = errors.Join(errs...)
	})
	return s.released
}

// Run takes messages in until ctx ends. After an error the addresses are free again, and a new Source is needed.
func (s *Source) Run(ctx context.Context, emit source.Emit) error {
	g, inner := errgroup.WithContext(ctx)
	stop := context.AfterFunc(inner, func() { s.Close() })
	defer stop()
	defer s.Close()
	if s.udp != nil {
		g.Go(func() error { return s.datagrams(inner, emit) })
		g.Go(func() error { return drops.Watch(inner, s.UDP().Port(), s.dropped) })
	}
	if s.tcp != nil {
		g.Go(func() error { return s.accept(inner, emit) })
	}
	err := g.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// stream makes what records of one sender come from.
func (s *Source) stream(peer netip.Addr) (*source.Stream, error) {
	p, err := s.options.Parser()
	if err != nil {
		return nil, err
	}
	return &source.Stream{
		Source: s.options.Name, Peer: peer.As16(), Parser: p, Format: s.options.Format, Kind: s.options.Kind,
	}, nil
}
