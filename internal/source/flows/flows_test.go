package flows_test

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/api"
	"tocsin/internal/event"
	"tocsin/internal/flow/flowtest"
	"tocsin/internal/leaktest"
	"tocsin/internal/source/flows"
)

func TestMain(m *testing.M) { os.Exit(leaktest.Run(m)) }

// An intake keeps the batches that it is given.
type intake struct {
	mu      sync.Mutex
	batches []*event.Batch
	rows    int
	fails   error
	blocked chan struct{} // nil, or Take waits for it to be closed
}

func (in *intake) Take(ctx context.Context, _ string, b *event.Batch) error {
	if in.blocked != nil {
		select {
		case <-in.blocked:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.fails != nil {
		return in.fails
	}
	in.batches = append(in.batches, b)
	in.rows += b.Rows
	return nil
}

func (in *intake) has() int {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.rows
}

// column returns the values of a field over all rows, as people see them; "" where there is none.
func (in *intake) column(id event.FieldID) (list []string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, b := range in.batches {
		for row := range b.Rows {
			text := ""
			if c := b.Column(id); c != nil {
				if v, ok := c.Value(row); ok {
					text = string(c.AppendValueText(nil, v))
				}
			}
			list = append(list, text)
		}
	}
	return list
}

func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); {
		if time.Now().After(deadline) {
			t.Fatalf("in vain awaited: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// A run is a source that runs.
type run struct {
	*flows.Source
	to   net.Conn
	wait func() error // waits for its end and returns its error
	stop func() error // ends it and does the same
}

func start(t *testing.T, o flows.Options) *run {
	t.Helper()
	o.Name, o.Listen, o.Log = "flows", "127.0.0.1:0", slog.New(slog.DiscardHandler)
	if o.Memory == nil {
		o.Memory = flows.NewMemory()
	}
	s, err := flows.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, nil) }()
	to, err := net.Dial("udp", s.Address().String())
	if err != nil {
		t.Fatal(err)
	}
	wait := sync.OnceValue(func() error { return errors.Join(<-ended, to.Close()) })
	stop := func() error {
		cancel()
		return wait()
	}
	t.Cleanup(func() { _ = stop() }) // which tests look at that care
	return &run{s, to, wait, stop}
}

func (r *run) send(t *testing.T, datagrams ...[]byte) {
	t.Helper()
	for _, d := range datagrams {
		if _, err := r.to.Write(d); err != nil {
			t.Fatal(err)
		}
	}
}

// v5 is a datagram of NetFlow 5 with so many flows, exported at a time.
func v5(flows int, sequence uint32, exported time.Time) []byte {
	be := binary.BigEndian
	b := be.AppendUint16(be.AppendUint16(nil, 5), uint16(flows)) //nolint:gosec // small
	b = be.AppendUint32(b, 3_600_000)
	b = be.AppendUint32(b, uint32(exported.Unix())) //nolint:gosec // of this century
	b = be.AppendUint32(be.AppendUint32(b, 0), sequence)
	b = be.AppendUint32(b, 0)
	for i := range flows {
		r := make([]byte, 48)
		copy(r, []byte{10, 0, 0, 1, 192, 0, 2, 7})
		be.PutUint32(r[16:], 2)
		be.PutUint32(r[20:], 100)
		be.PutUint32(r[24:], 3_590_000)
		be.PutUint32(r[28:], 3_595_000)
		be.PutUint16(r[32:], uint16(40000+i)) //nolint:gosec // small
		be.PutUint16(r[34:], 443)
		r[37], r[38] = 27, 6
		b = append(b, r...)
	}
	return b
}

func exporter(t *testing.T, m *flows.Memory) api.Exporter {
	t.Helper()
	list := m.Exporters(time.Now(), 0)
	if len(list) != 1 {
		t.Fatalf("got exporters %+v, want one", list)
	}
	return list[0]
}

// TestProtocols sends what real exporters make of one capture to one port: every protocol is told by its content, and the sums
// are those of the capture.
func TestProtocols(t *testing.T) {
	traffic := flowtest.Traffic()
	capture := flowtest.WriteCapture(t, uint32(time.Now().Add(-time.Minute).Unix()), traffic) //nolint:gosec // of this century
	for name, test := range map[string]struct {
		datagrams func() [][]byte
		v6        bool
	}{
		"netflow5": {func() [][]byte { return flowtest.Softflowd(t, capture, 5) }, false},
		"netflow9": {func() [][]byte { return flowtest.Softflowd(t, capture, 9) }, true},
		"ipfix":    {func() [][]byte { return flowtest.Softflowd(t, capture, 10) }, true},
		"sflow":    {func() [][]byte { return flowtest.Pmacct(t, capture) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			datagrams, in, m := test.datagrams(), &intake{}, flows.NewMemory()
			r := start(t, flows.Options{Memory: m, Take: in.Take})
			r.send(t, datagrams...)
			sums := flowtest.Sums(traffic, test.v6)
			want, packets := len(sums), uint64(0)
			for _, s := range sums {
				packets += s.Packets
			}
			if name == "sflow" { // one row a packet
				want = int(packets) //nolint:gosec // small
			}
			await(t, "all rows", func() bool { return in.has() >= want })
			if err := r.stop(); err != nil {
				t.Error(err)
			}
			if got := in.has(); got != want {
				t.Errorf("got %d rows, want %d", got, want)
			}
			for _, dataset := range in.column(event.EventDataset) {
				if dataset != name {
					t.Fatalf("event.dataset: got %q, want %q", dataset, name)
				}
			}
			e := exporter(t, m)
			if e.Flows != int64(want) || e.Datagrams != int64(len(datagrams)) || e.Lost != 0 || e.Problems != nil || !cmp.Equal(e.Protocols, []string{name}) {
				t.Errorf("got %+v, want %d flows in %d datagrams of %s", e, want, len(datagrams), name)
			}
			ids := map[string]bool{}
			for _, id := range in.column(event.FlowID) {
				ids[id] = true
			}
			if conversations := sessions(traffic, test.v6); len(ids) != conversations {
				t.Errorf("got %d sessions, want %d", len(ids), conversations)
			}
		})
	}
}

// TestTwoExporters: two real exporters tell of one capture, in different protocols. What is not repeated is as many flows, packets
// and bytes as one tells.
func TestTwoExporters(t *testing.T) {
	traffic := flowtest.Traffic()
	capture := flowtest.WriteCapture(t, uint32(time.Now().Add(-time.Minute).Unix()), traffic) //nolint:gosec // of this century
	in, m := &intake{}, flows.NewMemory()
	r := start(t, flows.Options{Memory: m, Take: in.Take})
	r.send(t, flowtest.Softflowd(t, capture, 9)...)
	other, err := net.DialUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 2)}, net.UDPAddrFromAddrPort(r.Address()))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	for _, d := range flowtest.Softflowd(t, capture, 10) {
		if _, err := other.Write(d); err != nil {
			t.Fatal(err)
		}
	}
	sums := flowtest.Sums(traffic, true)
	await(t, "the rows of both", func() bool { return in.has() == 2*len(sums) })
	want, got := flowtest.Sum{}, flowtest.Sum{}
	for _, s := range sums {
		want.Packets, want.Bytes = want.Packets+s.Packets, want.Bytes+s.Bytes
	}
	rows := 0
	packets, octets := in.column(event.SourcePackets), in.column(event.SourceBytes)
	for i, repeated := range in.column(event.FlowRepeated) {
		if repeated != "true" {
			rows++
			got.Packets, got.Bytes = got.Packets+number(t, packets[i]), got.Bytes+number(t, octets[i])
		}
	}
	if rows != len(sums) || got != want {
		t.Errorf("not repeated are %d rows of %+v, want %d of %+v", rows, got, len(sums), want)
	}
}

func number(t *testing.T, text string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// sessions counts the conversations of a capture.
func sessions(packets []flowtest.Packet, v6 bool) int {
	met := map[flowtest.Key]bool{}
	for k := range flowtest.Sums(packets, v6) {
		if k.Protocol != 6 && k.Protocol != 17 { // the destination port of others is their type
			k.From, k.To = netip.AddrPortFrom(k.From.Addr(), 0), netip.AddrPortFrom(k.To.Addr(), 0)
		}
		if !met[flowtest.Key{From: k.To, To: k.From, Protocol: k.Protocol}] {
			met[k] = true
		}
	}
	return len(met)
}

func TestWhoIsNotAllowed(t *testing.T) {
	in, m := &intake{}, flows.NewMemory()
	r := start(t, flows.Options{Memory: m, Take: in.Take, Allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	r.send(t, v5(3, 0, time.Now()))
	await(t, "the exporter", func() bool { return len(m.Exporters(time.Now(), 0)) > 0 })
	if e := exporter(t, m); !e.Refused || e.Datagrams != 1 || e.Flows != 0 || in.has() != 0 {
		t.Errorf("got %+v and %d rows, want one refused datagram", e, in.has())
	}
}

// TestFoul: what cannot be read is counted by exporter and reason, and harms nothing that follows.
func TestFoul(t *testing.T) {
	in, m := &intake{}, flows.NewMemory()
	r := start(t, flows.Options{Memory: m, Take: in.Take})
	liar := v5(1, 2, time.Now())
	binary.BigEndian.PutUint16(liar[2:], 65535)
	r.send(t, []byte("GET / HTTP/1.0\r\n"), []byte{0}, v5(2, 0, time.Now())[:60], liar, v5(2, 3, time.Now()))
	await(t, "what can be read", func() bool { return in.has() == 3 })
	e := exporter(t, m)
	if want := map[string]int64{"unknown-version": 1, "truncated": 3}; !cmp.Equal(e.Problems, want) {
		t.Errorf("problems: got %v, want %v", e.Problems, want)
	}
	if !cmp.Equal(e.Protocols, []string{"netflow5"}) {
		t.Errorf("protocols: got %v, want netflow5 alone", e.Protocols)
	}
}

func TestLossAndClock(t *testing.T) {
	in, m := &intake{}, flows.NewMemory()
	r := start(t, flows.Options{Memory: m, Take: in.Take})
	r.send(t, v5(2, 0, time.Now()), v5(2, 7, time.Now().Add(-time.Hour)))
	await(t, "both datagrams", func() bool { return in.has() == 4 })
	e := exporter(t, m)
	if e.Lost != 5 {
		t.Errorf("lost: got %d, want 5", e.Lost)
	}
	if e.Skew > -59*time.Minute || e.Skew < -61*time.Minute {
		t.Errorf("skew: got %s, want an hour behind", e.Skew)
	}
	if got, want := in.column(event.TocsinFlags), []string{"", "", "no-time", "no-time"}; !cmp.Equal(got, want) {
		t.Errorf("flags: got %q, want %q", got, want)
	}
	// The same ports are the same sessions, though the second datagram says that they were an hour before.
	if ids := in.column(event.FlowID); ids[0] != ids[2] || ids[1] != ids[3] || ids[0] == ids[1] {
		t.Errorf("sessions: got %q, want the same two twice", ids)
	}
}

// TestRestart: templates, sessions and the list of exporters outlast a restart.
func TestRestart(t *testing.T) {
	capture := flowtest.WriteCapture(t, uint32(time.Now().Add(-time.Minute).Unix()), flowtest.Traffic()) //nolint:gosec // of this century
	datagrams := flowtest.Softflowd(t, capture, 9)
	if len(datagrams) < 2 {
		t.Fatalf("got %d datagrams, want several, of which the first brings templates", len(datagrams))
	}
	dir := t.TempDir()
	take := func(m *flows.Memory, some [][]byte) *intake {
		in := &intake{}
		r := start(t, flows.Options{Memory: m, Take: in.Take})
		r.send(t, some...)
		await(t, "the datagrams", func() bool {
			list := m.Exporters(time.Now(), 0)
			return len(list) == 1 && list[0].Datagrams == int64(len(some))
		})
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		return in
	}
	before := flows.NewMemory()
	first := take(before, datagrams)
	if err := before.Save(dir); err != nil {
		t.Fatal(err)
	}
	after := flows.NewMemory()
	if err := after.Load(dir); err != nil {
		t.Fatal(err)
	}
	if e := exporter(t, after); e.Templates == 0 || e.Datagrams != 0 || e.First.IsZero() {
		t.Errorf("after the restart got %+v, want it known with its templates", e)
	}
	second := take(after, datagrams[1:])
	if e := exporter(t, after); e.Problems != nil || second.has() == 0 {
		t.Errorf("after the restart got %d rows and %+v, want all read", second.has(), e)
	}
	known := map[string]bool{}
	for _, id := range first.column(event.FlowID) {
		known[id] = true
	}
	for _, id := range second.column(event.FlowID) {
		if !known[id] {
			t.Fatalf("session %s is new, though its flows were told before", id)
		}
	}
}

// TestBehind: while nothing is taken, what comes waits, and at the end all that was read is handed on.
func TestBehind(t *testing.T) {
	in := &intake{blocked: make(chan struct{})}
	m := flows.NewMemory()
	r := start(t, flows.Options{Memory: m, Take: in.Take, Sockets: 1, Rows: 10})
	for i := range 40 {
		r.send(t, v5(5, uint32(5*i), time.Now())) //nolint:gosec // small
	}
	await(t, "some to be read", func() bool { return len(m.Exporters(time.Now(), 0)) == 1 && exporter(t, m).Datagrams >= 10 })
	close(in.blocked)
	await(t, "all to be taken", func() bool { return in.has() == 200 })
	if e := exporter(t, m); e.Lost != 0 || e.Flows != 200 {
		t.Errorf("got %+v, want 200 flows and none lost", e)
	}
}

func TestEndHandsOn(t *testing.T) {
	in, m := &intake{}, flows.NewMemory()
	r := start(t, flows.Options{Memory: m, Take: in.Take, Delay: time.Hour})
	r.send(t, v5(7, 0, time.Now()))
	await(t, "the datagram", func() bool { return len(m.Exporters(time.Now(), 0)) == 1 })
	if err := r.stop(); err != nil || in.has() != 7 {
		t.Errorf("at the end got %d rows and %v, want all 7", in.has(), err)
	}
}

func TestTakeFails(t *testing.T) {
	broken := errors.New("the journal is broken")
	in := &intake{fails: broken}
	r := start(t, flows.Options{Take: in.Take})
	r.send(t, v5(7, 0, time.Now()))
	if err := r.wait(); !errors.Is(err, broken) {
		t.Errorf("got %v, want what made it end", err)
	}
	l, err := net.ListenPacket("udp", r.Address().String())
	if err != nil {
		t.Fatalf("the port is not given back: %v", err)
	}
	l.Close()
}

func TestPortIsTaken(t *testing.T) {
	r := start(t, flows.Options{Take: (&intake{}).Take})
	_, err := flows.Open(t.Context(), flows.Options{
		Name: "other", Listen: r.Address().String(), Memory: flows.NewMemory(), Take: (&intake{}).Take, Log: slog.New(slog.DiscardHandler),
	})
	if err == nil {
		t.Error("two sources share a port, each would get a part of the datagrams")
	}
}
