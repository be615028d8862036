package main

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"

	"tocsin/internal/flow/flowtest"
)

// capturesFrom is when the captures of scripts begin: 2026-03-02 10:00:00 UTC.
const capturesFrom = 1772445600

// exportOf is a datagram of NetFlow 9 with a template, or flows, or both: an address tries ports of another from first on, with one
// packet of 40 bytes each.
func exportOf(second uint32, template bool, first, count int) []byte {
	be := binary.BigEndian
	b := be.AppendUint32(be.AppendUint32([]byte{0, 9, 0, byte(count)}, 1000), second)
	b = be.AppendUint32(be.AppendUint32(b, 1), 7)
	if template { // addresses, ports, protocol, flags, bytes and packets
		b = append(b, 0, 0, 0, 40, 1, 4, 0, 8, 0, 8, 0, 4, 0, 12, 0, 4, 0, 7, 0, 2, 0, 11, 0, 2, 0, 4, 0, 1, 0, 6, 0, 1, 0, 1, 0, 4, 0, 2, 0, 4)
	}
	if count > 0 {
		b = be.AppendUint16(append(b, 1, 4), uint16(4+22*count)) //nolint:gosec // few
		for i := range count {
			b = append(b, 203, 0, 113, 9, 10, 0, 2, 1, 0xee, 0x48)
			b = append(be.AppendUint16(b, uint16(first+i)), 6, 2, 0, 0, 0, 40, 0, 0, 0, 1) //nolint:gosec // few
		}
	}
	return b
}

// scriptCaptures makes a directory of captures: of a scan, which goes over three files and whose template stands in the first one
// alone, one of ordinary traffic, and such as are empty, cut, damaged, and no captures.
func scriptCaptures(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: captures DIR")
	}
	router, here := netip.MustParseAddrPort("192.0.2.1:51000"), netip.MustParseAddrPort("198.51.100.1:9995")
	capture := func(second uint32, datagrams ...[]byte) []byte {
		return flowtest.Capture(second, flowtest.Exports(router, here, datagrams))
	}
	const five = 300
	first := capture(capturesFrom, exportOf(capturesFrom, true, 1, 20), exportOf(capturesFrom, false, 21, 20))
	second := capture(capturesFrom+five, exportOf(capturesFrom+five, false, 41, 20))
	third := capture(capturesFrom+2*five, exportOf(capturesFrom+2*five, false, 61, 20), exportOf(capturesFrom+2*five, false, 81, 20))
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write(second)
	ts.Check(err)
	ts.Check(z.Close())
	damaged := bytes.Clone(third)
	copy(damaged[30:], bytes.Repeat([]byte{0xff}, 16))
	all := [][]byte{exportOf(capturesFrom, true, 1, 20), exportOf(capturesFrom, false, 21, 20), exportOf(capturesFrom, false, 41, 20), exportOf(capturesFrom, false, 61, 20), exportOf(capturesFrom, false, 81, 20)}
	long := capture(capturesFrom, all...)
	foul := bytes.Clone(long)
	copy(foul[len(capture(capturesFrom, all[:3]...)):], bytes.Repeat([]byte{0xff}, 16)) // behind what the file is known by
	for name, content := range map[string][]byte{
		"day/2026/03/02/10/exports.202603021000": first, "day/2026/03/02/10/exports.202603021005.gz": packed.Bytes(), "day/2026/03/02/10/exports.202603021010": third,
		"day/2026/03/02/.hidden": []byte("nothing to read"), "part.pcap": third[:len(third)-100], "grown.pcap": third,
		"traffic.pcap": flowtest.Capture(capturesFrom, flowtest.Traffic()), "empty.pcap": capture(capturesFrom), "damaged.pcap": damaged, "long.pcap": long, "foul.pcap": foul, "short.pcap": long[:len(long)-100],
		"nfcapd.202603021000": append([]byte{0x0c, 0xa5, 2, 0}, make([]byte, 300)...),
	} {
		path := filepath.Join(ts.MkAbs(args[0]), filepath.FromSlash(name))
		ts.Check(os.MkdirAll(filepath.Dir(path), 0o700))
		ts.Check(os.WriteFile(path, content, 0o600))
	}
}
