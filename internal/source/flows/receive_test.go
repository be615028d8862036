package flows

import (
	"bytes"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// sockets returns one that receives, with a large buffer, and one that sends to it.
func sockets(tb testing.TB, network, address string) (in *net.UDPConn, out net.Conn) {
	tb.Helper()
	c, err := (&net.ListenConfig{}).ListenPacket(tb.Context(), network, address)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { c.Close() })
	in = c.(*net.UDPConn)
	enlarge(in, 8<<20)
	out, err = (&net.Dialer{}).DialContext(tb.Context(), "udp", in.LocalAddr().String())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { out.Close() })
	return in, out
}

// TestReceive: datagrams of every size come whole, in order, and with their sender, over either version of IP.
func TestReceive(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", "[::]:0"} {
		t.Run(address, func(t *testing.T) {
			in, out := sockets(t, "udp", address)
			if err := in.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			var want, got [][]byte
			for i := range 3*32 + 5 {
				d := bytes.Repeat([]byte{byte(i)}, 1+i*13)
				if i%40 == 7 {
					d = bytes.Repeat([]byte{byte(i)}, 65507)
				}
				if strings.HasPrefix(address, "[") && len(d) > 65487 {
					d = d[:65487]
				}
				want = append(want, d)
				if _, err := out.Write(d); err != nil {
					t.Fatal(err)
				}
			}
			sender := netip.MustParseAddrPort(out.LocalAddr().String()).Addr()
			r := newReceiver(in)
			for len(got) < len(want) {
				n, err := r.receive()
				if err != nil || n < 1 {
					t.Fatalf("after %d datagrams got %d more and %v", len(got), n, err)
				}
				for i := range n {
					d, from := r.datagram(i)
					if from.Unmap() != sender {
						t.Fatalf("datagram %d is from %s, want %s", len(got), from, sender)
					}
					got = append(got, slices.Clone(d))
				}
			}
			if !slices.EqualFunc(got, want, bytes.Equal) {
				t.Error("what was received is not what was sent")
			}
		})
	}
}

// BenchmarkReceive is the price of one datagram of NetFlow 5 that waits, in calls of the system alone.
func BenchmarkReceive(b *testing.B) {
	const waiting = 512
	in, out := sockets(b, "udp", "127.0.0.1:0")
	d := make([]byte, 24+30*48)
	r := newReceiver(in)
	b.ReportAllocs()
	b.ResetTimer()
	for left := b.N; left > 0; {
		b.StopTimer()
		some := min(left, waiting)
		for range some {
			if _, err := out.Write(d); err != nil {
				b.Fatal(err)
			}
		}
		left -= some
		b.StartTimer()
		for some > 0 {
			n, err := r.receive()
			if err != nil {
				b.Fatal(err)
			}
			for i := range n {
				r.datagram(i)
			}
			some -= n
		}
	}
}
