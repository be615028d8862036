package syslogin

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"tocsin/internal/source"
)

const (
	// maxDatagram is the largest payload that UDP has (RFC 768, less the headers).
	maxDatagram = 65507
	// maxPeers bounds how many senders of datagrams have a stream of their own; then all are made anew.
	maxPeers = 4096
	// gather bounds how many datagrams are handed on together, and bytes they take.
	gather      = 64
	gatherBytes = 256 << 10
)

// datagrams reads messages, one a datagram (RFC 5426). Those of one sender that lie ready are handed on together.
func (s *Source) datagrams(ctx context.Context, emit source.Emit) error {
	b := &bundle{source: s, emit: emit, streams: map[netip.Addr]*source.Stream{}, buf: make([]byte, gatherBytes+maxDatagram)}
	for {
		// A first datagram is waited for; further ones only as long as they lie ready.
		n, from, err := 0, netip.AddrPort{}, s.udp.SetReadDeadline(b.deadline())
		if err == nil {
			n, from, err = s.udp.ReadFromUDPAddrPort(b.buf[b.used:])
		}
		if err != nil {
			if os.IsTimeout(err) {
				if err := b.hand(ctx); err != nil {
					return err
				}
				continue
			}
			if errors.Is(err, net.ErrClosed) { // who closed it says why
				err = nil
			}
			return errors.Join(err, b.hand(ctx)) // what has come is not lost
		}
		if err := b.add(ctx, from.Addr().Unmap(), n); err != nil {
			return err
		}
	}
}

// A bundle is datagrams of one sender that were not handed on yet.
type bundle struct {
	source  *Source
	emit    source.Emit
	streams map[netip.Addr]*source.Stream
	buf     []byte
	used    int
	peer    netip.Addr
	records []source.Record
}

// deadline is no deadline while the bundle is empty, and so short a one otherwise that only what is there already is read.
func (b *bundle) deadline() time.Time {
	if len(b.records) == 0 {
		return time.Time{}
	}
	return time.Now().Add(time.Millisecond)
}

func (b *bundle) add(ctx context.Context, peer netip.Addr, n int) error {
	data := b.buf[b.used : b.used+n]
	if len(b.records) > 0 && peer != b.peer {
		if err := b.hand(ctx); err != nil {
			return err
		}
		copy(b.buf, data) // hand has emptied the buffer
		data = b.buf[:n]
	}
	b.peer = peer
	b.used += n
	b.source.stats.messages.WithLabelValues("udp").Inc()
	limit := b.source.options.MaxMessage
	b.records = append(b.records, source.Record{Data: data[:min(n, limit)], Cut: n > limit})
	if len(b.records) < gather && b.used < gatherBytes {
		return nil
	}
	return b.hand(ctx)
}

func (b *bundle) hand(ctx context.Context) error {
	if len(b.records) == 0 {
		return nil
	}
	from := b.streams[b.peer]
	if from == nil {
		if len(b.streams) >= maxPeers {
			clear(b.streams)
		}
		var err error
		if from, err = b.source.stream(b.peer); err != nil {
			return err
		}
		b.streams[b.peer] = from
	}
	err := b.emit(ctx, from, b.records...)
	b.records, b.used = b.records[:0], 0
	return err
}

// dropped counts the datagrams that the system dropped because they were not read in time, and says so.
func (s *Source) dropped(n uint64) {
	s.stats.dropped.Add(float64(n))
	s.options.Log.Warn("syslog datagrams were dropped by the system (raise net.core.rmem_max)", "source", s.options.Name, "dropped", n)
}
