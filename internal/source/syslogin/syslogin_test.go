package syslogin_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/internal/event"
	"tocsin/internal/leaktest"
	"tocsin/internal/parser"
	"tocsin/internal/source"
	"tocsin/internal/source/syslogin"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Run(m)) }

type raw struct{}

func (raw) Parse(*event.Builder, []byte, int64) error { return nil }

// An intake keeps what it is given.
type intake struct {
	mu      sync.Mutex
	got     []string
	peers   map[netip.Addr]bool
	streams map[*source.Stream]bool
	fails   error
}

func (in *intake) emit(_ context.Context, from *source.Stream, records ...source.Record) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.fails != nil {
		return in.fails
	}
	for _, r := range records {
		in.got = append(in.got, string(r.Data))
	}
	in.peers[netip.AddrFrom16(from.Peer).Unmap()] = true
	in.streams[from] = true
	return nil
}

func (in *intake) has() []string {
	in.mu.Lock()
	defer in.mu.Unlock()
	return slices.Clone(in.got)
}

func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited for %s", what)
		}
	}
}

func start(t *testing.T, o syslogin.Options) (*syslogin.Source, *intake, func() error) {
	t.Helper()
	o.Name, o.Format, o.Kind = "test", "raw", event.Log
	o.Parser = func() (parser.Parser, error) { return raw{}, nil }
	o.Log, o.Registry = slog.New(slog.DiscardHandler), prometheus.NewRegistry()
	s, err := syslogin.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	in := &intake{peers: map[netip.Addr]bool{}, streams: map[*source.Stream]bool{}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, in.emit) }()
	stop := sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() { stop() })
	return s, in, stop
}

func dial(t *testing.T, network string, at netip.AddrPort) net.Conn {
	t.Helper()
	c, err := net.Dial(network, at.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestUDP(t *testing.T) {
	s, in, stop := start(t, syslogin.Options{UDP: "127.0.0.1:0", MaxMessage: 100})
	a, b := dial(t, "udp", s.UDP()), dial(t, "udp", s.UDP())
	want := 0
	for i := range 500 {
		fmt.Fprintf(a, "<13>Mar 10 11:59:58 host app: message %d", i)
		fmt.Fprintf(b, "<13>Mar 10 11:59:58 host app: other %d", i)
		if want += 2; i%50 == 0 { // no more on the way than any buffer holds
			await(t, "datagrams", func() bool { return len(in.has()) == want })
		}
	}
	fmt.Fprintf(a, "%0200d", 7)
	await(t, "all datagrams", func() bool { return len(in.has()) == 1001 })
	if last := in.has()[1000]; len(last) != 100 {
		t.Errorf("a datagram of 200 bytes: got %d, want it cut at 100", len(last))
	}
	if err := stop(); err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
	if want := netip.MustParseAddr("127.0.0.1"); len(in.peers) != 1 || !in.peers[want] {
		t.Errorf("peers: got %v, want %v", in.peers, want)
	}
	if len(in.streams) != 1 {
		t.Errorf("streams of one address: got %d, want 1", len(in.streams))
	}
}

func TestTCP(t *testing.T) {
	s, in, stop := start(t, syslogin.Options{TCP: "127.0.0.1:0"})
	counted, lines := dial(t, "tcp", s.TCP()), dial(t, "tcp", s.TCP())
	var want []string
	for i := range 1000 {
		m := fmt.Sprintf("<13>1 2024-03-10T11:59:58Z host app - - - counted %d", i)
		fmt.Fprintf(counted, "%d %s", len(m), m)
		n := fmt.Sprintf("<13>Mar 10 11:59:58 host app: line %d", i)
		fmt.Fprintf(lines, "%s\n", n)
		want = append(want, m, n)
	}
	fmt.Fprint(lines, "<13>no line end")
	lines.Close()
	want = append(want, "<13>no line end")
	await(t, "all messages", func() bool { return len(in.has()) >= len(want) })
	got := in.has()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %d messages, want %d; they differ", len(got), len(want))
	}
	if err := stop(); err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
	if len(in.streams) != 2 {
		t.Errorf("streams of two connections: got %d, want 2", len(in.streams))
	}
}

func TestTooManyConnections(t *testing.T) {
	s, in, _ := start(t, syslogin.Options{TCP: "127.0.0.1:0", MaxConnections: 2})
	a, b := dial(t, "tcp", s.TCP()), dial(t, "tcp", s.TCP())
	fmt.Fprint(a, "<1>a\n")
	fmt.Fprint(b, "<1>b\n")
	await(t, "two messages", func() bool { return len(in.has()) == 2 })
	c := dial(t, "tcp", s.TCP())
	if n, err := c.Read(make([]byte, 1)); err == nil {
		t.Errorf("the third connection: read %d bytes, want it closed", n)
	}
	a.Close()
	await(t, "room for another", func() bool {
		d := dial(t, "tcp", s.TCP())
		fmt.Fprint(d, "<1>d\n")
		d.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		d.Read(make([]byte, 1))
		d.Close()
		return slices.Contains(in.has(), "<1>d")
	})
}

func TestIdleConnectionIsCut(t *testing.T) {
	s, _, _ := start(t, syslogin.Options{TCP: "127.0.0.1:0", Idle: 20 * time.Millisecond})
	c := dial(t, "tcp", s.TCP())
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("a silent connection: %v, want EOF", err)
	}
}

// When intake is over, Run says so and lets everything go.
func TestIntakeIsOver(t *testing.T) {
	over := errors.New("over")
	for _, network := range []string{"tcp", "udp"} {
		o := syslogin.Options{UDP: "127.0.0.1:0", TCP: "127.0.0.1:0"}
		o.Parser = func() (parser.Parser, error) { return raw{}, nil }
		o.Log = slog.New(slog.DiscardHandler)
		s, err := syslogin.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		in := &intake{fails: over}
		done := make(chan error, 1)
		go func() { done <- s.Run(context.Background(), in.emit) }()
		at := s.TCP()
		if network == "udp" {
			at = s.UDP()
		}
		fmt.Fprint(dial(t, network, at), "<1>a\n")
		if err := <-done; !errors.Is(err, over) {
			t.Errorf("%s: Run = %v, want %v", network, err, over)
		}
		if again, err := net.Listen("tcp", s.TCP().String()); err != nil {
			t.Errorf("%s: the address is not free: %v", network, err)
		} else {
			again.Close()
		}
	}
}

func TestPortTaken(t *testing.T) {
	s, _, _ := start(t, syslogin.Options{TCP: "127.0.0.1:0"})
	_, err := syslogin.Open(syslogin.Options{
		UDP: "127.0.0.1:0", TCP: s.TCP().String(), Log: slog.Default(),
		Parser: func() (parser.Parser, error) { return raw{}, nil },
	})
	if err == nil {
		t.Error("Open on a taken port = nil, want an error")
	}
}
