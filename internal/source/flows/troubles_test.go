package flows

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/flow"
)

// TestTroubles: an exporter is told of when somebody must look, and not when all is well or when it is hardly known.
func TestTroubles(t *testing.T) {
	now := time.Date(2026, 3, 4, 12, 0, 30, 0, time.UTC)
	well := flow.Report{Version: 9, Records: 30}
	off := func(skew time.Duration) flow.Report {
		r := well
		r.Exported = now.Add(skew).UnixNano()
		return r
	}
	untold := well
	untold.Problems[flow.HeldTooLong] = 4
	for name, test := range map[string]struct {
		first, last time.Duration // before now
		reports     func(i int) flow.Report
		after       time.Duration
		want        []string // what stands in its line, none: there is none
	}{
		"well":                  {time.Hour, 0, func(int) flow.Report { return well }, 2 * time.Minute, nil},
		"a few lost":            {time.Hour, 0, func(i int) flow.Report { r := well; r.Lost = uint32(i / 990); return r }, 2 * time.Minute, nil},                             //nolint:gosec // small
		"many lost, datagrams":  {time.Hour, 0, func(i int) flow.Report { r := well; r.Lost = uint32(i % 2); return r }, 0, []string{"500 of 1500"}},                         //nolint:gosec // small
		"many lost, flows":      {time.Hour, 0, func(i int) flow.Report { return flow.Report{Version: 5, Records: 30, Lost: uint32(i % 10)} }, 0, []string{"4500 of 34500"}}, //nolint:gosec // small
		"one in 667 flows lost": {time.Hour, 0, func(i int) flow.Report { return flow.Report{Version: 5, Records: 30, Lost: uint32(i % 20 / 19)} }, 0, nil},                  //nolint:gosec // small
		"lost an hour ago":      {time.Hour, 20 * time.Minute, func(i int) flow.Report { r := well; r.Lost = 9; return r }, 0, nil},
		"silent":                {time.Hour, 5 * time.Minute, func(int) flow.Report { return well }, 2 * time.Minute, []string{"silent exporter 192.0.2.1: nothing came for 5m"}},
		"silence is not told":   {time.Hour, 5 * time.Minute, func(int) flow.Report { return well }, 0, nil},
		"clock":                 {time.Hour, 0, func(int) flow.Report { return off(-time.Hour) }, 0, []string{"its clock is 1h behind"}},
		"clock nearly right":    {time.Hour, 0, func(int) flow.Report { return off(50 * time.Second) }, 0, nil},
		"no templates":          {time.Hour, 0, func(i int) flow.Report { return untold }, 0, []string{"4000 pieces of data"}},
		"two at once":           {time.Hour, 0, func(int) flow.Report { r := off(2 * time.Minute); r.Lost = 1; return r }, 0, []string{"1000 of 2000", "; its clock is 2m ahead"}},
		"hardly known":          {5 * time.Minute, 0, func(int) flow.Report { return off(-time.Hour) }, time.Minute, nil},
	} {
		t.Run(name, func(t *testing.T) {
			m, address := NewMemory(), netip.MustParseAddr("192.0.2.1")
			first := flow.Report{Version: 9}
			m.exporters.heard("flows", address, now.Add(-test.first).UnixNano(), 100, &first, 0)
			for i := range 1000 {
				r := test.reports(i)
				m.exporters.heard("flows", address, now.Add(-test.last).UnixNano(), 100, &r, 0)
			}
			got := m.Troubles(now, test.after)
			if len(got) != min(1, len(test.want)) {
				t.Fatalf("got %q, want %q", got, test.want)
			}
			for _, part := range test.want {
				if !strings.Contains(got[0], part) {
					t.Errorf("got %q, want in it %q", got[0], part)
				}
			}
		})
	}
}

// TestManyTroubles: of very many exporters a few are named.
func TestManyTroubles(t *testing.T) {
	m, now := NewMemory(), time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	r := flow.Report{Version: 9, Records: 1, Lost: 100}
	for i := range 25 {
		address := netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})
		m.exporters.heard("flows", address, now.Add(-time.Hour+time.Duration(i)*time.Second).UnixNano(), 100, &r, 0)
		m.exporters.heard("flows", address, now.UnixNano(), 100, &r, 0)
	}
	got := m.Troubles(now, 0)
	if len(got) != mostTroubles+1 || !strings.HasPrefix(got[0], "exporter 192.0.2.0: ") || !strings.HasPrefix(got[mostTroubles], fmt.Sprintf("exporters: %d more", 25-mostTroubles)) {
		t.Errorf("got %d lines: %s", len(got), slices.Concat(got))
	}
}
