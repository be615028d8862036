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
	begun       string // its ends and when it was taken to begin first, by which its number is made
	first, last int64
	tells       map[bool]string // who tells of what the end that stands first sends, and of what the other one does
	told        map[bool]int64  // until which second; kept of the session at hand alone
}

func (o *oracle) piece(r *flow.Record) *piece {
	o.made++
	both, _, _ := ends(r)
	return &piece{o.made, fmt.Sprint(both, " ", r.Start), r.Start, r.End, map[bool]string{}, map[bool]int64{}}
}

// repeated says whether somebody else tells of a direction of a piece.
func (o *oracle) repeated(s *talk, p *piece, direction bool, teller string, start, end, received int64) bool {
	end = min(end, received/second*second+60*second)
	mine, nobody := p.tells[direction] == teller, p.tells[direction] == ""
	until := p.told[direction] * second
	silent := end > until+int64(o.options.Silence) && end-until > until-start
	switch {
	case p != s.now && !mine && !nobody, p == s.now && !mine && !nobody && !silent:
		return true
	case !mine:
		p.tells[direction], p.told[direction] = teller, end/second
	default:
		p.told[direction] = max(p.told[direction], end/second)
	}
	return false
}

func ends(r *flow.Record) (both, source string, forward bool) {
	source, destination := fmt.Sprint(r.Source, r.SourcePort), fmt.Sprint(r.Destination, r.DestinationPort)
	return fmt.Sprint(r.Protocol, min(source, destination), max(source, destination)), source, source <= destination
}

func (o *oracle) track(teller string, r *flow.Record, received int64) (of *piece, mark session.Mark) {
	now := received / second
	for range 2 {
		if len(o.known) > 0 && now-o.known[0].touched > int64(max(o.options.IdleTCP, o.options.IdleUDP, o.options.Idle).Seconds())+1 {
			o.known = o.known[1:]
		}
	}
	both, source, forward := ends(r)
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
	if which == s.now && !s.clientIsShown && r.Has&flow.HasReverse != 0 {
		s.client, s.clientIsShown = source, true
	}
	// The client is known by its end, or as the one that is not the source of the first record.
	if s.client == "other" {
		for _, e := range []*flow.Record{{Source: r.Destination, SourcePort: r.DestinationPort}} {
			_, s.client, _ = ends(e)
		}
	}
	mark.Role = session.Server
	if s.client == source {
		mark.Role = session.Client
	}
	mark.Repeated = o.repeated(s, which, forward, teller, r.Start, r.End, received)
	if r.Has&flow.HasReverse != 0 {
		mark.ReverseRepeated = o.repeated(s, which, !forward, teller, r.Start, r.End, received)
	}
	return which, mark
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
		r := record(from, to, protocol, flags, start, end)
		r.Domain = rapid.SampledFrom([]uint32{0, 0, 7}).Draw(t, "domain")
		if rapid.IntRange(0, 5).Draw(t, "both directions") == 0 {
			r.Has |= flow.HasReverse
		}
		records = append(records, r)
		received = append(received, base+clock)
	}
	return records, received
}

// TestAgainstOracle: the sessions, roles and repetitions are those that a naive model finds, also where there are too many sessions and over
// a restart, and the numbers follow from the input alone.
func TestAgainstOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		options := session.Options{
			Max: rapid.IntRange(1, 12).Draw(t, "max"), IdleTCP: 300 * time.Second, IdleUDP: 10 * time.Second, Idle: 10 * time.Second, Grace: 2 * time.Second, Silence: 15 * time.Second, Salt: 9,
		}
		records, received := input(t)
		stop := rapid.IntRange(0, len(records)).Draw(t, "restart")
		tracker, unbroken, o := session.New(options), session.New(options), &oracle{options: options}
		ids, begun, numbers := map[int]uint64{}, map[uint64]string{}, map[string]uint64{}
		for i := range records {
			if i == stop {
				state := tracker.Save()
				tracker = session.New(session.Options{Max: options.Max, IdleTCP: options.IdleTCP, IdleUDP: options.IdleUDP, Idle: options.Idle, Grace: options.Grace, Silence: options.Silence})
				if err := tracker.Load(state); err != nil {
					t.Fatal(err)
				}
			}
			exporter := rapid.SampledFrom([][16]byte{here, there}).Draw(t, "exporter")
			got := tracker.Track(exporter, records[i:i+1], received[i], 0, nil)[0]
			if other := unbroken.Track(exporter, records[i:i+1], received[i], 0, nil)[0]; got != other {
				t.Fatalf("record %d: got %+v with a restart at %d, %+v without", i, got, stop, other)
			}
			of, want := o.track(fmt.Sprint(exporter, records[i].Domain), &records[i], received[i])
			if want.ID = got.ID; got != want {
				t.Fatalf("record %d: got %+v, want %+v", i, got, want)
			}
			if id, met := ids[of.number]; met && id != got.ID {
				t.Fatalf("record %d: session %d is %d, was %d", i, of.number, got.ID, id)
			}
			// The same ends that begin at the same time are the same session, however it was forgotten in between, and no others are.
			if other, met := begun[got.ID]; met && other != of.begun {
				t.Fatalf("record %d: sessions %q and %q are both %d", i, other, of.begun, got.ID)
			}
			if other, met := numbers[of.begun]; met && other != got.ID {
				t.Fatalf("record %d: session %q is %d, was %d", i, of.begun, got.ID, other)
			}
			ids[of.number], begun[got.ID], numbers[of.begun] = got.ID, of.begun, got.ID
		}
		if s := unbroken.Statistics(); int(s.Opened) != o.made || s.Sessions != len(o.known) { //nolint:gosec // small
			t.Fatalf("got %+v, want %d opened and %d known", s, o.made, len(o.known))
		}
	})
}
