package session_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tocsin/internal/flow"
	"tocsin/internal/flow/session"
)

func sortBy[T any](list []T, by func(T) int64) {
	slices.SortStableFunc(list, func(a, b T) int { return cmp.Compare(by(a), by(b)) })
}

// An oracle says what a Tracker must say, with a list that it searches from end to end.
type oracle struct {
	options session.Options
	known   []*talk // the one silent longest first
	made    int
}

type talk struct {
	ends          string
	touched       int64
	now, before   *piece
	ended, clean  bool
	client        string
	clientIsShown bool
}

// A piece is one session; number counts them in the order in which they are met.
type piece struct {
	number      int
	first, last int64
}

func (o *oracle) piece(r *flow.Record) *piece {
	o.made++
	return &piece{o.made, r.Start, r.End}
}

func ends(r *flow.Record) (both, source string) {
	source, destination := fmt.Sprint(r.Source, r.SourcePort), fmt.Sprint(r.Destination, r.DestinationPort)
	return fmt.Sprint(r.Protocol, min(source, destination), max(source, destination)), source
}

func (o *oracle) track(r *flow.Record, received int64) (number int, role session.Role) {
	now := received / second
	for range 2 {
		if len(o.known) > 0 && now-o.known[0].touched > int64(max(o.options.IdleTCP, o.options.IdleUDP, o.options.Idle).Seconds())+1 {
			o.known = o.known[1:]
		}
	}
	both, source := ends(r)
	i := slices.IndexFunc(o.known, func(s *talk) bool { return s.ends == both })
	var s *talk
	hasSYN := r.Has&flow.HasTCPFlags != 0 && r.TCPFlags&syn != 0
	begin := func() {
		s.now, s.ended, s.clean, s.clientIsShown = o.piece(r), false, hasSYN, false
		s.client = source
		if r.SourcePort < r.DestinationPort {
			s.client = "other"
		}
	}
	idle := int64(o.options.IdleUDP)
	if r.Protocol == 6 {
		idle = int64(o.options.IdleTCP)
	}
	grace := int64(o.options.Grace)
	var which *piece
	if i < 0 {
		s = &talk{ends: both, touched: now}
		o.known = append(o.known, s)
		begin()
		if len(o.known) > o.options.Max {
			o.known = o.known[1:]
		}
		which = s.now
	} else {
		s = o.known[i]
		if s.touched != now {
			s.touched = now
			o.known = append(slices.Delete(o.known, i, i+1), s)
		}
		switch {
		case r.Start-s.now.last > idle, s.ended && r.Start-s.now.last > 240*second, s.ended && hasSYN && r.Start-s.now.last > grace:
			s.before = s.now
			begin()
			which = s.now
		case s.now.first-r.End > idle, s.clean && s.now.first-r.End > grace:
			if s.before == nil || r.Start-s.before.last > idle || s.before.first-r.End > idle {
				s.before = o.piece(r)
			}
			which = s.before
		default:
			which = s.now
		}
	}
	which.first, which.last = min(which.first, r.Start), max(which.last, r.End)
	if which == s.now && r.Has&flow.HasTCPFlags != 0 {
		s.clean = s.clean || hasSYN
		s.ended = s.ended || r.TCPFlags&(fin|rst) != 0
		if !s.clientIsShown && r.TCPFlags&(syn|ack) == syn {
			s.client, s.clientIsShown = source, true
		}
	}
	// The client is known by its end, or as the one that is not the source of the first record.
	if s.client == "other" {
		for _, e := range []*flow.Record{{Source: r.Destination, SourcePort: r.DestinationPort}} {
			_, s.client = ends(e)
		}
	}
	if s.client == source {
		return which.number, session.Client
	}
	return which.number, session.Server
}

// input draws records of few ends, so that they meet often, over times that pass all the limits.
func input(t *rapid.T) (records []flow.Record, received []int64) {
	clock := int64(0)
	for range rapid.IntRange(1, 120).Draw(t, "records") {
		clock += rapid.SampledFrom([]int64{0, second / 2, second, 3 * second, 20 * second, 100 * second}).Draw(t, "pause")
		protocol := rapid.SampledFrom([]uint8{6, 6, 6, 17}).Draw(t, "protocol")
		flags := untold
		if protocol == 6 {
			flags = rapid.SampledFrom([]int{untold, 0, syn, ack, syn | ack, whole, rst | ack, ack | fin}).Draw(t, "flags")
		}
		end := clock - rapid.SampledFrom([]int64{0, second, 5 * second, 40 * second, 200 * second}).Draw(t, "late")
		start := end - rapid.SampledFrom([]int64{0, 0, second, 30 * second}).Draw(t, "length")
		from := fmt.Sprintf("10.0.0.%d:%d", rapid.IntRange(1, 2).Draw(t, "from"), rapid.SampledFrom([]int{80, 4000, 4001}).Draw(t, "port"))
		to := fmt.Sprintf("10.0.0.%d:%d", rapid.IntRange(2, 3).Draw(t, "to"), rapid.SampledFrom([]int{80, 4000}).Draw(t, "to port"))
		records = append(records, record(from, to, protocol, flags, start, end))
		received = append(received, base+clock)
	}
	return records, received
}

// TestAgainstOracle: the sessions and roles are those that a naive model finds, also where there are too many sessions and over
// a restart, and the numbers follow from the input alone.
func TestAgainstOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		options := session.Options{
			Max: rapid.IntRange(1, 12).Draw(t, "max"), IdleTCP: 300 * time.Second, IdleUDP: 10 * time.Second, Idle: 10 * time.Second, Grace: 2 * time.Second, Salt: 9,
		}
		records, received := input(t)
		stop := rapid.IntRange(0, len(records)).Draw(t, "restart")
		tracker, unbroken, o := session.New(options), session.New(options), &oracle{options: options}
		ids, numbers := map[int]uint64{}, map[uint64]int{}
		for i := range records {
			if i == stop {
				state := tracker.Save()
				tracker = session.New(session.Options{Max: options.Max, IdleTCP: options.IdleTCP, IdleUDP: options.IdleUDP, Idle: options.Idle, Grace: options.Grace})
				if err := tracker.Load(state); err != nil {
					t.Fatal(err)
				}
			}
			got := tracker.Track(records[i:i+1], received[i], 0, nil)[0]
			if other := unbroken.Track(records[i:i+1], received[i], 0, nil)[0]; got != other {
				t.Fatalf("record %d: got %+v with a restart at %d, %+v without", i, got, stop, other)
			}
			number, role := o.track(&records[i], received[i])
			if got.Role != role {
				t.Fatalf("record %d: got %s, want %s", i, got.Role, role)
			}
			if id, met := ids[number]; met && id != got.ID {
				t.Fatalf("record %d: session %d is %d, was %d", i, number, got.ID, id)
			}
			// The same ends that begin at the same time are the same session, however it was forgotten in between.
			if other, met := numbers[got.ID]; met && other != number && options.Max > 11 {
				t.Fatalf("record %d: sessions %d and %d are both %d", i, other, number, got.ID)
			}
			ids[number], numbers[got.ID] = got.ID, number
		}
		if s := unbroken.Statistics(); int(s.Opened) != o.made || s.Sessions != len(o.known) { //nolint:gosec // small
			t.Fatalf("got %+v, want %d opened and %d known", s, o.made, len(o.known))
		}
	})
}
