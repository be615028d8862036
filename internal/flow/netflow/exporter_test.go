package netflow_test

import (
	"fmt"
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
