package sflow

import (
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tocsin/internal/flow"
	"tocsin/internal/flow/flowtest"
)

// TestPmacct: what the probe of pmacct samples of a capture, every packet, are the packets of the capture.
func TestPmacct(t *testing.T) {
	traffic := flowtest.Traffic()
	capture := flowtest.WriteCapture(t, uint32(time.Now().Add(-time.Minute).Unix()), traffic) //nolint:gosec // of this century
	d := New()
	var got []flow.Record
	for i, datagram := range flowtest.Pmacct(t, capture) {
		if !Knows(datagram) {
			t.Fatalf("datagram %d is not known: % x", i, datagram[:min(len(datagram), 16)])
		}
		var report flow.Report
		got, report = d.Decode(addr("127.0.0.1"), time.Now().UnixNano(), datagram, got)
		if report.String() != "" || report.Lost != 0 {
			t.Errorf("datagram %d: %s, %d lost", i, &report, report.Lost)
		}
	}
	if diff := cmp.Diff(flowtest.Sums(traffic, true), flowtest.SumsOf(got), cmpopts.EquateComparable(flowtest.Key{})); diff != "" || len(got) != len(traffic) {
		t.Errorf("%d records of %d packets (-want +got):\n%s", len(got), len(traffic), diff)
	}
}

// TestTelegraf: what Telegraf is tested with of sFlow; of a discarded packet it shows the note, of which no flow can be made.
func TestTelegraf(t *testing.T) {
	for path, want := range map[string]flow.Report{
		"sflow_v5_example/sflow_v5.bin":         {Version: Version, Domain: 100_000, Counters: 1},
		"sflow_issue_15375/sflow_drop_1036.bin": {Version: Version, Domain: 100_000, Problems: [flow.Reasons]uint32{flow.NoPacket: 1}},
	} {
		datagram, err := os.ReadFile("../../../testdata/real/telegraf/" + path)
		if err != nil {
			t.Fatal(err)
		}
		if got, report := take(t, New(), datagram); len(got) != 0 || report != want {
			t.Errorf("%s: %d flows, %+v, want %+v", path, len(got), report, want)
		}
	}
}
