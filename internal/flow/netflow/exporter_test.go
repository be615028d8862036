package netflow_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tocsin/internal/flow"
	"tocsin/internal/flow/flowtest"
	"tocsin/internal/flow/netflow"
)

// TestSoftflowd: what a real exporter tells of a capture in version 5, 9 and IPFIX are the flows of the capture, packet by
// packet and byte by byte.
func TestSoftflowd(t *testing.T) {
	began := time.Now().Add(-time.Minute)
	traffic := flowtest.Traffic()
	capture := flowtest.WriteCapture(t, uint32(began.Unix()), traffic) //nolint:gosec // of this century
	for _, version := range []int{5, 9, 10} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			t.Parallel()
			d := netflow.New(netflow.Options{})
			var got []flow.Record
			var lost uint32
			datagrams := flowtest.Softflowd(t, capture, version)
			for i, datagram := range datagrams {
				if !netflow.Knows(datagram) {
					t.Fatalf("datagram %d is not known: % x", i, datagram[:min(len(datagram), 16)])
				}
				var report flow.Report
				got, report = d.Decode(addr("127.0.0.1"), time.Now().UnixNano(), datagram, got)
				if report.String() != "" {
					t.Errorf("datagram %d: %s", i, &report)
				}
				lost += report.Lost
			}
			want := flowtest.Sums(traffic, version != 5)
			if diff := cmp.Diff(want, flowtest.SumsOf(got), cmpopts.EquateComparable(flowtest.Key{})); diff != "" || len(got) != len(want) || lost != 0 {
				t.Errorf("%d records in %d datagrams, %d lost, want %d (-want +got):\n%s", len(got), len(datagrams), lost, len(want), diff)
			}
			for _, r := range got {
				if r.Has&flow.HasTimes == 0 || r.Start < began.Add(-time.Second).UnixNano() && version != 5 || r.End > time.Now().UnixNano() {
					t.Fatalf("a record of %v to %v, began at %v", time.Unix(0, r.Start), time.Unix(0, r.End), began)
				}
			}
		})
	}
}

// TestSoftflowdByUptime: times are right also where they count from when the exporter was started, as in NetFlow 9 always, and in IPFIX by
// option data.
func TestSoftflowdByUptime(t *testing.T) {
	began := time.Now().Add(-time.Minute)
	traffic := flowtest.Traffic()
	capture := flowtest.WriteCapture(t, uint32(began.Unix()), traffic) //nolint:gosec // of this century
	lasted := time.Duration(traffic[len(traffic)-1].Microseconds) * time.Microsecond
	for _, version := range []int{9, 10} {
		t.Run(fmt.Sprint(version), func(t *testing.T) {
			t.Parallel()
			d, n := netflow.New(netflow.Options{}), 0
			for _, datagram := range flowtest.SoftflowdWith(t, capture, version) {
				records, report := d.Decode(addr("127.0.0.1"), time.Now().UnixNano(), datagram, nil)
				if report.String() != "" {
					t.Error(&report)
				}
				for _, r := range records {
					n++
					// Both protocols tell the time of an export in whole seconds.
					if start, end := time.Unix(0, r.Start), time.Unix(0, r.End); r.Has&flow.HasTimes == 0 || start.Before(began.Add(-2*time.Second)) || end.After(began.Add(lasted+2*time.Second)) {
						t.Fatalf("a flow of %v to %v in a capture of %v that began at %v", start, end, lasted, began)
					}
				}
			}
			if want := len(flowtest.Sums(traffic, true)); n != want {
				t.Errorf("%d flows, want %d", n, want)
			}
		})
	}
}

// TestSoftflowdOfOthersCaptures: of captures that others made, as industrial networks have them, the three versions tell what
// is in them, and 9 and IPFIX the same flows.
func TestSoftflowdOfOthersCaptures(t *testing.T) {
	for _, path := range flowtest.Others(t, "layers/testdata/[ce]*.pcap") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			want, packets := flowtest.SumsOfFile(t, path)
			if packets < 20 {
				t.Fatalf("%d packets of IP", packets)
			}
			flows := map[int]int{}
			for _, version := range []int{5, 9, 10} {
				d, lost := netflow.New(netflow.Options{}), uint32(0)
				var got []flow.Record
				for i, datagram := range flowtest.Softflowd(t, path, version) {
					var report flow.Report
					got, report = d.Decode(addr("127.0.0.1"), time.Now().UnixNano(), datagram, got)
					if report.Problems[flow.BadTime] = 0; report.String() != "" { // it is as old as the capture is
						t.Errorf("version %d, datagram %d: %s", version, i, &report)
					}
					lost += report.Lost
				}
				if diff := cmp.Diff(want, flowtest.SumsOf(got), cmpopts.EquateComparable(flowtest.Key{})); diff != "" || lost != 0 {
					t.Errorf("version %d: %d lost (-want +got):\n%s", version, lost, diff)
				}
				flows[version] = len(got)
			}
			if flows[9] != flows[10] || flows[9] < len(want) {
				t.Errorf("%d packets in %d directions of conversations: flows by version %v", packets, len(want), flows)
			}
			t.Logf("%d packets, %d directions, flows by version %v", packets, len(want), flows)
		})
	}
}
