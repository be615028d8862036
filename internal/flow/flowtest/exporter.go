package flowtest

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"tocsin/internal/flow"
)

// program finds a program of a Debian package. Without it the test is skipped, but fails where CI is set.
func program(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range []string{"/usr/sbin", "/usr/bin"} {
		if path := filepath.Join(dir, name); exec.CommandContext(t.Context(), "test", "-x", path).Run() == nil {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatalf("no %s: install Debian's package of it", name)
	}
	t.Skipf("no %s (Debian has a package of it)", name)
	return ""
}

// Softflowd has softflowd tell of a capture in a version, 5, 9 or 10 (IPFIX), with times to the millisecond where the version has
// them, and returns its datagrams.
func Softflowd(t *testing.T, capture string, version int) [][]byte {
	t.Helper()
	return SoftflowdWith(t, capture, version, "-A", "milli")
}

// SoftflowdWith does the same with other options; with none it tells times by its uptime.
func SoftflowdWith(t *testing.T, capture string, version int, options ...string) [][]byte {
	t.Helper()
	return listen(t, true, func(ctx context.Context, port int) *exec.Cmd {
		arguments := []string{"-d", "-r", capture, "-m", "1000000", "-v", fmt.Sprint(version), "-n", fmt.Sprintf("127.0.0.1:%d", port), "-p", filepath.Join(t.TempDir(), "pid"), "-c", "none"}
		return exec.CommandContext(ctx, program(t, "softflowd"), append(arguments, options...)...)
	})
}

// Pmacct has the sFlow probe of pmacct tell of a capture, one packet in one, and returns its datagrams. At times it keeps the last
// of them to itself when it has read all; it is asked again then.
func Pmacct(t *testing.T, capture string) (datagrams [][]byte) {
	t.Helper()
	for range 10 {
		datagrams = listen(t, false, func(ctx context.Context, port int) *exec.Cmd {
			settings := fmt.Sprintf("daemonize: false\npcap_savefile: %s\npcap_savefile_delay: 3\npcap_savefile_replay: 1\nplugins: sfprobe\n"+
				"sfprobe_receiver: 127.0.0.1:%d\nsampling_rate: 1\nsfprobe_agentip: 127.0.0.1\nplugin_buffer_size: 102400\nplugin_pipe_size: 10240000\n", capture, port)
			file := filepath.Join(t.TempDir(), "pmacct.conf")
			if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
				t.Fatal(err)
			}
			return exec.CommandContext(ctx, program(t, "pmacctd"), "-f", file)
		})
		told, packets := samples(datagrams), packetsOf(t, capture)
		if told >= packets {
			break
		}
		t.Logf("pmacctd told of %d packets of %d", told, packets)
	}
	return datagrams
}

// samples counts those of datagrams of sFlow 5 by an agent with an address of IPv4 (sFlow version 5, section 5).
func samples(datagrams [][]byte) (n int) {
	for _, b := range datagrams {
		if len(b) >= 28 {
			n += int(binary.BigEndian.Uint32(b[24:]))
		}
	}
	return n
}

// packetsOf counts the packets of a capture that WriteCapture wrote.
func packetsOf(t *testing.T, capture string) (n int) {
	t.Helper()
	b, err := os.ReadFile(capture)
	if err != nil {
		t.Fatal(err)
	}
	for at := 24; at+16 <= len(b); n++ {
		at += 16 + int(binary.LittleEndian.Uint32(b[at+8:]))
	}
	return n
}

// quiet is how long an exporter that goes on to run says nothing when it has told all. On a busy machine pmacct's probe took
// more than two seconds between its last datagrams.
const quiet = 6 * time.Second

// listen runs an exporter, and returns what it sends until it has ended and nothing more comes. One that does not end by itself is ended
// when it is quiet.
func listen(t *testing.T, ends bool, exporter func(ctx context.Context, port int) *exec.Cmd) (datagrams [][]byte) {
	t.Helper()
	l, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := l.SetReadBuffer(4 << 20); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	cmd := exporter(ctx, l.LocalAddr().(*net.UDPAddr).Port) //nolint:forcetypeassert // UDP was asked for
	cmd.WaitDelay = time.Second                             // for its children, which have its output as well
	ended, over := make(chan error, 1), make(chan struct{})
	defer func() {
		stop()
		<-over
	}()
	var said []byte
	go func() {
		defer close(over)
		var err error
		said, err = cmd.CombinedOutput()
		ended <- err
		_ = l.SetReadDeadline(time.Now()) // wakes who reads; where that comes too early he waits a while longer
	}()
	buf := make([]byte, 65536)
	running := true
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); {
		wait := quiet
		if ends || !running {
			wait = 200 * time.Millisecond
		}
		if err := l.SetReadDeadline(time.Now().Add(wait)); err != nil {
			t.Fatal(err)
		}
		n, err := l.Read(buf)
		if err == nil {
			datagrams = append(datagrams, append([]byte{}, buf[:n]...))
			continue
		}
		select {
		case <-ended:
			running = false
			continue
		default:
		}
		if !running || !ends && len(datagrams) > 0 {
			return datagrams
		}
	}
	stop()
	<-over
	t.Fatalf("the exporter does not end: %s", said)
	return nil
}

// A Key is one direction of a conversation.
type Key struct {
	From, To netip.AddrPort
	Protocol uint8
}

// A Sum is what went in it.
type Sum struct{ Packets, Bytes uint64 }

// Sums adds up a capture, with version 6 or without.
func Sums(packets []Packet, v6 bool) map[Key]Sum {
	sums := map[Key]Sum{}
	for i := range packets {
		p := &packets[i]
		if p.From.Addr().Is6() && !v6 {
			continue
		}
		k := Key{p.From, p.To, p.Protocol}
		s := sums[k]
		sums[k] = Sum{s.Packets + 1, s.Bytes + uint64(p.Bytes())} //nolint:gosec // not negative
	}
	return sums
}

// SumsOf adds up records.
func SumsOf(records []flow.Record) map[Key]Sum {
	sums := map[Key]Sum{}
	for i := range records {
		r := &records[i]
		k := Key{netip.AddrPortFrom(netip.AddrFrom16(r.Source).Unmap(), r.SourcePort), netip.AddrPortFrom(netip.AddrFrom16(r.Destination).Unmap(), r.DestinationPort), r.Protocol}
		s := sums[k]
		sums[k] = Sum{s.Packets + r.Packets, s.Bytes + r.Bytes}
	}
	return sums
}
