package flowtest

import (
	"errors"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// Others returns the files of gopacket's module that a pattern names, which are captures that others made: of the module as it stands
// in Go's cache, so nothing of it is kept here. There are some, or the test fails.
func Others(t testing.TB, pattern string) []string {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/gopacket/gopacket").Output()
	if err != nil {
		t.Fatal(err)
	}
	paths, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no %s in gopacket's module at %q: %v", pattern, dir, err)
	}
	return paths
}

// SumsOfFile adds up a capture of the form of libpcap that others made, as gopacket reads it, and counts its packets. Lengths are those
// from the IP header to the end of the frame, so padding counts, as it does for softflowd.
func SumsOfFile(t testing.TB, path string) (sums map[Key]Sum, packets int) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := pcapgo.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	sums = map[Key]Sum{}
	for {
		data, info, err := r.ReadPacketData()
		if errors.Is(err, io.EOF) {
			return sums, packets
		}
		if err != nil {
			t.Fatal(err)
		}
		k, before, ok := keyOf(gopacket.NewPacket(slices.Clone(data), r.LinkType(), gopacket.Default))
		if !ok {
			continue
		}
		length := uint64(info.Length - before) //nolint:gosec // not negative
		s := sums[k]
		sums[k], packets = Sum{s.Packets + 1, s.Bytes + length}, packets+1
	}
}

// keyOf returns who sends a packet to whom, and how many bytes come before its IP header; false for what is not IP.
func keyOf(p gopacket.Packet) (k Key, before int, ok bool) {
	var from, to netip.Addr
	switch ip := p.NetworkLayer().(type) {
	case *layers.IPv4:
		from, _ = netip.AddrFromSlice(ip.SrcIP.To4())
		to, _ = netip.AddrFromSlice(ip.DstIP.To4())
		k.Protocol = uint8(ip.Protocol)
	case *layers.IPv6:
		from, _ = netip.AddrFromSlice(ip.SrcIP)
		to, _ = netip.AddrFromSlice(ip.DstIP)
		k.Protocol = uint8(ip.NextHeader)
	default:
		return k, 0, false
	}
	for _, l := range p.Layers() {
		if l.LayerType() == p.NetworkLayer().LayerType() {
			break
		}
		before += len(l.LayerContents())
	}
	var source, destination uint16
	switch l := p.TransportLayer().(type) {
	case *layers.TCP:
		source, destination = uint16(l.SrcPort), uint16(l.DstPort)
	case *layers.UDP:
		source, destination = uint16(l.SrcPort), uint16(l.DstPort)
	}
	if icmp, is := p.Layer(layers.LayerTypeICMPv4).(*layers.ICMPv4); is {
		destination = uint16(icmp.TypeCode)
	}
	k.From, k.To = netip.AddrPortFrom(from, source), netip.AddrPortFrom(to, destination)
	return k, before, true
}
