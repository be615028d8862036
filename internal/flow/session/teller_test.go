package session_test

import (
	"testing"

	"tocsin/internal/flow"
	"tocsin/internal/flow/session"
)

// TestRepeated: of several exporters one tells, as long as it does.
func TestRepeated(t *testing.T) {
	const minute = 60 * second
	type told struct {
		exporter   [16]byte
		domain     uint32
		start, end int64
		back       bool // from the server
		repeated   bool
	}
	for name, list := range map[string][]told{
		"who is first tells":            {{here, 0, 0, minute, false, false}, {there, 0, 0, minute, false, true}, {here, 0, minute, 2 * minute, false, false}, {there, 0, minute, 2 * minute, false, true}},
		"each direction has its teller": {{here, 0, 0, minute, false, false}, {there, 0, 0, minute, true, false}, {here, 0, 0, minute, true, true}, {there, 0, 0, minute, false, true}},
		"two domains of one exporter":   {{here, 1, 0, minute, false, false}, {here, 2, 0, minute, false, true}},
		"the teller dies": {
			{here, 0, 0, minute, false, false}, {there, 0, 0, minute, false, true}, {there, 0, minute, 2 * minute, false, true}, {there, 0, 2 * minute, 3 * minute, false, true},
			{there, 0, 3 * minute, 4 * minute, false, false}, {there, 0, 4 * minute, 5 * minute, false, false}, {here, 0, 4 * minute, 5 * minute, false, true},
		},
		"half-hourly, both begin together": {
			{here, 0, 0, 30 * minute, false, false}, {there, 0, 0, 30 * minute, false, true}, {there, 0, 30 * minute, 60 * minute, false, false}, {here, 0, 30 * minute, 60 * minute, false, true},
		},
		"half-hourly beside every five minutes": {
			{there, 0, 0, 5 * minute, false, false}, {there, 0, 5 * minute, 10 * minute, false, false}, {there, 0, 10 * minute, 15 * minute, false, false},
			{there, 0, 15 * minute, 20 * minute, false, false}, {there, 0, 20 * minute, 25 * minute, false, false}, {here, 0, 0, 30 * minute, false, true}, {there, 0, 25 * minute, 30 * minute, false, false},
		},
		"half-hourly, the other ten minutes later": {
			{here, 0, 0, 30 * minute, false, false}, {there, 0, 10 * minute, 40 * minute, false, true}, {here, 0, 30 * minute, 60 * minute, false, false}, {there, 0, 40 * minute, 70 * minute, false, true},
		},
		"late, of the session before": {
			{here, 0, 0, minute, false, false}, {here, 0, 50 * minute, 51 * minute, true, false}, {there, 0, 0, minute, false, true}, {there, 0, 50 * minute, 51 * minute, true, true},
			{there, 0, 0, minute, true, false}, {there, 0, 50 * minute, 51 * minute, false, false}, {here, 0, 0, minute, true, true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			tracker := session.New(session.Options{})
			for i, one := range list {
				flags := ack
				if name == "late, of the session before" {
					flags = whole
				}
				from, to := "10.0.0.1:40000", "198.51.100.7:443"
				if one.back {
					from, to = to, from
				}
				r := record(from, to, 6, flags, one.start, one.end)
				r.Domain = one.domain
				if m := tracker.Track(one.exporter, []flow.Record{r}, base+one.end+second, 0, nil)[0]; m.Repeated != one.repeated {
					t.Errorf("record %d is repeated: got %v, want %v", i, m.Repeated, one.repeated)
				}
			}
		})
	}
}

// TestClockAhead: a teller that claims to have told of days to come keeps nobody quiet.
func TestClockAhead(t *testing.T) {
	tracker := session.New(session.Options{})
	ahead := record("10.0.0.1:40000", "198.51.100.7:443", 6, ack, 0, 50*3600*second)
	tracker.Track(here, []flow.Record{ahead}, base+second, 0, nil)
	right := record("10.0.0.1:40000", "198.51.100.7:443", 6, ack, 200*second, 260*second)
	if m := tracker.Track(there, []flow.Record{right}, base+261*second, 0, nil)[0]; m.Repeated {
		t.Error("who has the right time is taken for one who repeats")
	}
}
