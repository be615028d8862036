package flows

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	diff "github.com/google/go-cmp/cmp"

	"tocsin/internal/api"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/flow/capture"
	"tocsin/internal/flow/flowtest"
	"tocsin/internal/ingest"
)

var (
	collector = netip.MustParseAddrPort("198.51.100.1:2055")
	router    = netip.MustParseAddrPort("192.0.2.1:51000")
	began     = time.Now().Add(-2 * time.Hour).Truncate(time.Second)
	loaded    = began.Add(time.Hour)
)

// A gotten is what was read of a capture.
type gotten struct {
	rows   []string
	ranges []int64 // up to where
	answer api.IngestAnswer
	err    error
}

// read reads a capture from a place on, and stops after so many batches have been taken; 0: at the end.
func read(t *testing.T, c *Captures, file []byte, from int64, stop int) (g gotten) {
	t.Helper()
	errStop := errors.New("that is enough")
	g.answer, g.err = c.Read(t.Context(), ingest.Capture{Body: bytes.NewReader(file), From: from, Received: loaded.UnixNano(), Rows: 16, Take: func(b *event.Batch, to int64, _ api.IngestAnswer) error {
		if stop > 0 && len(g.ranges) == stop {
			return errStop
		}
		g.ranges = append(g.ranges, to)
		for row := range b.Rows {
			g.rows = append(g.rows, string(b.AppendJSON(nil, row)))
		}
		return nil
	}})
	if errors.Is(g.err, errStop) {
		g.err = nil
	}
	return g
}

func captures(t *testing.T) *Captures {
	t.Helper()
	return NewCaptures(filepath.Join(t.TempDir(), "captures"), slog.New(slog.DiscardHandler))
}

// nine makes a datagram of NetFlow 9 with a template, flows from 10.0.0.first on, or both.
func nine(template bool, first, count int) []byte {
	be := binary.BigEndian
	b := be.AppendUint32(be.AppendUint32([]byte{0, 9, 0, byte(count)}, 1000), uint32(began.Unix()))
	b = be.AppendUint32(be.AppendUint32(b, 1), 7)
	if template {
		b = append(b, 0, 0, 0, 28, 1, 4, 0, 5, 0, 8, 0, 4, 0, 12, 0, 4, 0, 7, 0, 2, 0, 11, 0, 2, 0, 1, 0, 4)
	}
	if count > 0 {
		b = be.AppendUint16(append(b, 1, 4), uint16(4+16*count))
		for i := range count {
			b = append(b, 10, 0, 0, byte(first+i), 198, 51, 100, 7, 0x80, byte(i), 1, 187, 0, 0, 4, 0)
		}
	}
	return b
}

func exports(datagrams ...[]byte) []byte {
	return flowtest.Capture(uint32(began.Unix()), flowtest.Exports(router, collector, datagrams))
}

// TestCaptureOfExports: each datagram makes the rows that it makes over a socket, with who sent it and when. From when it was
// loaded on it is kept as long as what comes in then.
func TestCaptureOfExports(t *testing.T) {
	g := read(t, captures(t), exports(nine(true, 1, 20), nine(false, 30, 5), nine(true, 0, 0)), 0, 0)
	if g.err != nil || len(g.rows) != 25 || g.answer.Lines != 3 || g.answer.Packets != 3 || g.answer.Empty != 1 || g.answer.Rejected != 0 || g.answer.Format != "pcap" || len(g.answer.Notes) != 0 {
		t.Fatalf("%v: %d rows, %+v", g.err, len(g.rows), g.answer)
	}
	if want := loaded.UTC().Format(`"event.ingested":"2006-01-02T15:04:05`); !strings.Contains(g.rows[0], `"source.ip":"10.0.0.1"`) || !strings.Contains(g.rows[0], `"observer.ip":"192.0.2.1"`) ||
		!strings.Contains(g.rows[0], want) || !strings.Contains(g.rows[0], `"tocsin.source":"ingest"`) {
		t.Errorf("first row: %s", g.rows[0])
	}
	if last := g.ranges[len(g.ranges)-1]; last != int64(len(exports(nine(true, 1, 20), nine(false, 30, 5), nine(true, 0, 0)))) {
		t.Errorf("read up to %d", last)
	}
}

// TestRealExportersInCaptures: what softflowd tells of traffic in three protocols, and pmacct in sFlow, has the sums of that traffic also when it is
// read from a capture; nothing is rejected.
func TestRealExportersInCaptures(t *testing.T) {
	traffic := flowtest.Traffic()
	file := flowtest.WriteCapture(t, uint32(began.Unix()), traffic)
	for name, c := range map[string]struct {
		datagrams [][]byte
		v6        bool
	}{"netflow5": {flowtest.Softflowd(t, file, 5), false}, "netflow9": {flowtest.Softflowd(t, file, 9), true}, "ipfix": {flowtest.Softflowd(t, file, 10), true}, "sflow": {flowtest.Pmacct(t, file), true}} {
		want := flowtest.Sum{}
		for _, s := range flowtest.Sums(traffic, c.v6) {
			want.Bytes, want.Packets = want.Bytes+s.Bytes, want.Packets+s.Packets
		}
		var got flowtest.Sum
		answer, err := captures(t).Read(t.Context(), ingest.Capture{Body: bytes.NewReader(flowtest.Capture(uint32(time.Now().Unix()), flowtest.Exports(router, collector, c.datagrams))), Rows: 100,
			Take: func(b *event.Batch, _ int64, _ api.IngestAnswer) error {
				octets, packets := b.Column(event.SourceBytes), b.Column(event.SourcePackets)
				for row := range b.Rows {
					got.Bytes, got.Packets = got.Bytes+octets.Uint(row), got.Packets+packets.Uint(row)
				}
				return nil
			}})
		if err != nil || got != want || answer.Rejected != 0 || answer.Lines != int64(len(c.datagrams)) {
			t.Errorf("%s: %v: %+v, want %+v; %+v", name, err, got, want, answer)
		}
	}
}

// TestCaptureIsReadOn: wherever reading ends, and in whatever process it goes on, each flow comes once, in the session that it
// would have been in.
func TestCaptureIsReadOn(t *testing.T) {
	var datagrams [][]byte
	datagrams = append(datagrams, nine(false, 100, 2), nine(true, 1, 3)) // data that waits for its template
	for i := range 40 {
		datagrams = append(datagrams, nine(false, i%7*10, 5))
	}
	file := exports(datagrams...)
	dir := t.TempDir()
	open := func() *Captures { return NewCaptures(dir, slog.New(slog.DiscardHandler)) }
	whole := read(t, open(), file, 0, 0)
	forgetTemplates := func() {
		if err := os.Remove(filepath.Join(dir, "templates.json")); err != nil {
			t.Fatal(err)
		}
	}
	if len(whole.ranges) < 10 || len(whole.rows) != 205 || whole.answer.Rejected != 0 {
		t.Fatalf("%d batches, %d rows, %+v", len(whole.ranges), len(whole.rows), whole.answer)
	}
	for stop := 1; stop < len(whole.ranges); stop++ {
		forgetTemplates()
		first := read(t, open(), file, 0, stop)
		at := first.ranges[stop-1]
		second := read(t, open(), file, at, 0)
		if d := diff.Diff(whole.rows, slices.Concat(first.rows, second.rows)); d != "" {
			t.Fatalf("read on at %d (-want +got):\n%s", at, d)
		}
		if second.answer.Rejected != 0 || first.answer.Lines+second.answer.Lines > 2*42 {
			t.Errorf("read on at %d: %+v", at, second.answer)
		}
	}
	// A file that has grown since, also when it ended within a packet.
	for _, size := range []int{len(file) / 3, len(file)/2 + 5} {
		forgetTemplates()
		first := read(t, open(), file[:size], 0, 0)
		second := read(t, open(), file, first.ranges[len(first.ranges)-1], 0)
		if d := diff.Diff(whole.rows, slices.Concat(first.rows, second.rows)); d != "" {
			t.Fatalf("grown from %d bytes (-want +got):\n%s", size, d)
		}
		if !slices.ContainsFunc(first.answer.Notes, func(n string) bool { return strings.Contains(n, "ends within a packet") }) {
			t.Errorf("%d bytes: %q", size, first.answer.Notes)
		}
	}
}

// TestCapturesInOrder: what a file begins without, the files before it have told, also before a restart; sessions go on over files.
func TestCapturesInOrder(t *testing.T) {
	dir := t.TempDir()
	c := NewCaptures(dir, slog.New(slog.DiscardHandler))
	first := read(t, c, exports(nine(true, 1, 2)), 0, 0)
	second := read(t, c, exports(nine(false, 1, 2)), 0, 0)
	if len(second.rows) != 2 || second.answer.Rejected != 0 || second.rows[0] != first.rows[0] {
		t.Errorf("the second file: %+v, %q, want %q", second.answer, second.rows, first.rows)
	}
	again := read(t, NewCaptures(dir, slog.New(slog.DiscardHandler)), exports(nine(false, 1, 2)), 0, 0)
	if d := diff.Diff(first.rows, again.rows); d != "" {
		t.Errorf("after a restart (-want +got):\n%s", d)
	}
	alone := read(t, captures(t), exports(nine(false, 1, 2)), 0, 0)
	if len(alone.rows) != 0 || diff.Diff(map[string]int64{"no-template": 1}, alone.answer.Reasons) != "" || alone.answer.Rejected != 1 || alone.err != nil {
		t.Errorf("without a template: %v, %+v", alone.err, alone.answer)
	}
}

// TestCaptureOfOtherTraffic: exports are found among other packets; where there are none, that is an error which says what there is.
func TestCaptureOfOtherTraffic(t *testing.T) {
	traffic := flowtest.Traffic()
	g := read(t, captures(t), flowtest.Capture(uint32(began.Unix()), traffic), 0, 0)
	if !errors.Is(g.err, fault.Invalid) || !strings.Contains(g.err.Error(), "TCP") || !strings.Contains(g.err.Error(), "to ports 53, 50000") || !strings.Contains(g.err.Error(), "softflowd -r") || len(g.ranges) != 0 {
		t.Errorf("ordinary traffic: %v", g.err)
	}
	odd := netip.MustParseAddrPort("198.51.100.1:12345")
	mixed := append(flowtest.Exports(router, odd, [][]byte{nine(true, 1, 2)}), traffic...)
	mixed = append(mixed, flowtest.Exports(router, odd, [][]byte{{0, 77, 1, 2, 3}, nine(false, 1, 2)[:30]})...)
	for i := range 3000 { // answers of DNS, whatever their number
		body := binary.BigEndian.AppendUint16(nil, uint16(i))
		mixed = append(mixed, flowtest.Packet{From: netip.MustParseAddrPort("10.0.0.53:53"), To: netip.AddrPortFrom(odd.Addr(), 2055), Protocol: 17, Body: append(body, bytes.Repeat([]byte{1, 0, 0, 1}, 60)...)})
	}
	g = read(t, captures(t), flowtest.Capture(uint32(began.Unix()), mixed), 0, 0)
	if g.err != nil || len(g.rows) != 2 || g.answer.Lines != 3 || diff.Diff(map[string]int64{"unknown-version": 1, "truncated": 1}, g.answer.Reasons) != "" || len(g.answer.Errors) != 2 || len(g.answer.Notes) != 1 {
		t.Errorf("exports among others: %v, %d rows, %+v", g.err, len(g.rows), g.answer)
	}
	if e := g.answer.Errors[0]; e.Line != int64(len(traffic)+2) || e.Reason != "netflow77 of 192.0.2.1: unknown-version" {
		t.Errorf("the first fault: %+v", e)
	}
}

// TestFoulCaptures: what is damaged, empty or of another time costs itself alone.
func TestFoulCaptures(t *testing.T) {
	note := func(g gotten, want string) bool {
		return slices.ContainsFunc(g.answer.Notes, func(n string) bool { return strings.Contains(n, want) })
	}
	if g := read(t, captures(t), exports(), 0, 0); g.err != nil || len(g.rows) != 0 || !note(g, "has no packets") {
		t.Errorf("empty: %v, %+v", g.err, g.answer)
	}
	file := exports(nine(true, 1, 2), nine(false, 3, 2), nine(false, 5, 2), nine(false, 7, 2), nine(false, 9, 2))
	damaged := bytes.Clone(file)
	copy(damaged[len(file)/2-20:], bytes.Repeat([]byte{0xff}, 40))
	if g := read(t, captures(t), damaged, 0, 0); g.err != nil || len(g.rows) < 6 || !note(g, "damaged in one place; ") {
		t.Errorf("damaged: %v, %d rows, %+v", g.err, len(g.rows), g.answer)
	}
	future := flowtest.Capture(uint32(time.Now().Add(9*365*24*time.Hour).Unix()), flowtest.Exports(router, collector, [][]byte{nine(true, 1, 2)}))
	if g := read(t, captures(t), future, 0, 0); g.err != nil || len(g.rows) != 2 || g.answer.Reasons["bad-time"] != 1 {
		t.Errorf("of the future: %v, %+v", g.err, g.answer)
	}
	if _, err := captures(t).Read(t.Context(), ingest.Capture{Body: strings.NewReader("lines\n")}); !errors.Is(err, fault.Invalid) {
		t.Errorf("lines: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := captures(t).Read(ctx, ingest.Capture{Body: bytes.NewReader(file)}); !errors.Is(err, context.Canceled) {
		t.Errorf("after its end: %v", err)
	}
}

// FuzzCaptures: whatever stands in a capture, rows are no more than its bytes can hold, and places grow.
func FuzzCaptures(f *testing.F) {
	f.Add(exports(nine(true, 1, 2), nine(false, 3, 2)))
	f.Add(exports(nine(false, 1, 2), nine(true, 3, 2))[:150])
	f.Fuzz(func(t *testing.T, file []byte) {
		if capture.Recognise(file) == capture.None {
			return
		}
		rows, last := 0, int64(0)
		answer, err := captures(t).Read(t.Context(), ingest.Capture{Body: bytes.NewReader(file), Rows: 16, Take: func(b *event.Batch, to int64, _ api.IngestAnswer) error {
			if to < last || to > int64(len(file)) {
				t.Fatalf("read up to %d after %d, of %d bytes", to, last, len(file))
			}
			rows, last = rows+b.Rows, to
			return nil
		}})
		if err != nil && !errors.Is(err, fault.Invalid) {
			t.Fatal(err)
		}
		if rows > len(file)/4 || cmp.Compare(answer.Lines, answer.Packets) > 0 {
			t.Fatalf("%d rows of %d bytes, %+v", rows, len(file), answer)
		}
	})
}
