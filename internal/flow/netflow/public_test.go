package netflow_test

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tocsin/internal/flow"
	"tocsin/internal/flow/netflow"
)

// facts are what records say, by their number among the flows of a case.
type facts map[int]string

// factOf is how facts are written: both ends and the protocol, bytes and packets of both directions, times where they are told.
func factOf(r *flow.Record) string {
	times := ""
	if r.Has&flow.HasTimes != 0 {
		at := func(ns int64) string { return time.Unix(0, ns).UTC().Format("2006-01-02T15:04:05.000Z") }
		times = ", " + at(r.Start) + " to " + at(r.End)
	}
	end := func(a [16]byte, port uint16) string { return fmt.Sprintf("%s:%d", netip.AddrFrom16(a).Unmap(), port) }
	return fmt.Sprintf("%s > %s by %d, %d+%d bytes, %d+%d packets%s, interfaces %d>%d, systems %d>%d", end(r.Source, r.SourcePort), end(r.Destination, r.DestinationPort),
		r.Protocol, r.Bytes, r.ReverseBytes, r.Packets, r.ReversePackets, times, r.Ingress, r.Egress, r.SourceAS, r.DestinationAS)
}

// exportedAt is when a datagram of NetFlow or IPFIX says that it was sent.
func exportedAt(b []byte) int64 {
	at := 8
	if binary.BigEndian.Uint16(b) == 10 {
		at = 4
	}
	return int64(binary.BigEndian.Uint32(b[at:])) * second
}

// A payloads is some public payloads, which one decoder is given in their order, and what they are.
type payloads struct {
	files    string // with blanks between
	flows    int
	options  int
	problems string
	facts    facts
}

// decode reads files as if all had come when the last of them was sent.
func (p *payloads) decode(t *testing.T, dir string) ([]flow.Record, flow.Report) {
	t.Helper()
	var datagrams [][]byte
	b := newBench(netflow.Options{})
	b.now = 0
	for _, file := range strings.Fields(p.files) {
		datagram, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		datagrams = append(datagrams, datagram)
		b.now = max(b.now, exportedAt(datagram))
	}
	return b.takeAll(datagrams)
}
