package session_test

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/flow"
	"tocsin/internal/flow/session"
)

const second = int64(time.Second)

// Two exporters.
var here, there = [16]byte{15: 1}, [16]byte{15: 2}

// base is when the records of these tests begin.
const base = 1_700_000_000 * second

// record makes one of TCP, or of another protocol where flags are below 0.
func record(from, to string, protocol uint8, flags int, start, end int64) flow.Record {
	f, d := netip.MustParseAddrPort(from), netip.MustParseAddrPort(to)
	r := flow.Record{
		Source: f.Addr().As16(), Destination: d.Addr().As16(), SourcePort: f.Port(), DestinationPort: d.Port(), Protocol: protocol,
		Start: base + start, End: base + end, Has: flow.HasAddresses | flow.HasProtocol | flow.HasTimes,
	}
	switch {
	case protocol == 1 || protocol == 58:
		r.Has |= flow.IsICMP
	default:
		r.Has |= flow.HasPorts
	}
	if flags >= 0 {
		r.Has, r.TCPFlags = r.Has|flow.HasTCPFlags, uint8(flags) //nolint:gosec // eight bits
	}
	return r
}

func track(t *session.Tracker, records ...flow.Record) (marks []session.Mark) {
	for _, r := range records {
		marks = t.Track(here, []flow.Record{r}, r.End+second, 0, marks)
	}
	return marks
}

const (
	fin, syn, rst, psh, ack = 1, 2, 4, 8, 16
	whole                   = syn | ack | psh | fin
	untold                  = -1
)

func TestSessions(t *testing.T) {
	const a, b = "10.0.0.1:40000", "198.51.100.7:443"
	for name, test := range map[string]struct {
		records []flow.Record
		want    []int // which session each is of, the first is 0
	}{
		"both directions":                         {[]flow.Record{record(a, b, 6, whole, 0, 9), record(b, a, 6, whole, 1, 9)}, []int{0, 0}},
		"told again and again while it goes on":   {[]flow.Record{record(a, b, 6, syn|ack, 0, 60*second), record(a, b, 6, ack, 60*second, 120*second)}, []int{0, 0}},
		"a SYN right behind the end is jitter":    {[]flow.Record{record(a, b, 6, whole, 0, 0), record(b, a, 6, whole, second, second)}, []int{0, 0}},
		"a SYN well behind the end begins anew":   {[]flow.Record{record(a, b, 6, whole, 0, 0), record(a, b, 6, whole, 3*second, 4*second)}, []int{0, 1}},
		"a SYN without an end before it does not": {[]flow.Record{record(a, b, 6, syn, 0, 0), record(a, b, 6, syn, 3*second, 3*second)}, []int{0, 0}},
		"what comes behind the end without a SYN": {[]flow.Record{record(a, b, 6, whole, 0, 0), record(b, a, 6, ack|fin, 9*second, 9*second)}, []int{0, 0}},
		"what comes long behind the end":          {[]flow.Record{record(a, b, 6, whole, 0, 0), record(b, a, 6, ack, 241*second, 241*second)}, []int{0, 1}},
		"the end is a reset":                      {[]flow.Record{record(a, b, 6, syn, 0, 0), record(b, a, 6, rst|ack, 1, 1), record(a, b, 6, syn, 5*second, 5*second)}, []int{0, 0, 1}},
		"TCP is silent for less than an hour":     {[]flow.Record{record(a, b, 6, ack, 0, 0), record(a, b, 6, ack, 3600*second, 3600*second)}, []int{0, 0}},
		"TCP is silent for more":                  {[]flow.Record{record(a, b, 6, ack, 0, 0), record(a, b, 6, ack, 3600*second+1, 3601*second)}, []int{0, 1}},
		"UDP is silent for five minutes":          {[]flow.Record{record(a, b, 17, untold, 0, 0), record(b, a, 17, untold, 300*second, 300*second)}, []int{0, 0}},
		"UDP is silent for more":                  {[]flow.Record{record(a, b, 17, untold, 0, 0), record(b, a, 17, untold, 300*second+1, 301*second)}, []int{0, 1}},
		"TCP and UDP of the same ports":           {[]flow.Record{record(a, b, 6, ack, 0, 0), record(a, b, 17, untold, 0, 0)}, []int{0, 1}},
		"another port":                            {[]flow.Record{record(a, b, 6, ack, 0, 0), record("10.0.0.1:40001", b, 6, ack, 0, 0)}, []int{0, 1}},
		"question and answer of a ping":           {[]flow.Record{record("10.0.0.1:0", "10.0.0.2:2048", 1, untold, 0, 9), record("10.0.0.2:0", "10.0.0.1:0", 1, untold, 0, 9)}, []int{0, 0}},
		"the other direction of the session before": {[]flow.Record{
			record(a, b, 6, whole, 0, second), record(a, b, 6, whole, 60*second, 61*second), record(b, a, 6, whole, 0, second), record(b, a, 6, whole, 60*second, 61*second),
		}, []int{0, 1, 0, 1}},
		"both directions of one before what is known": {[]flow.Record{
			record(a, b, 6, whole, 60*second, 61*second), record(a, b, 6, whole, 0, second), record(b, a, 6, whole, 0, second),
		}, []int{0, 1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			marks := track(session.New(session.Options{}), test.records...)
			for i := range marks {
				for j := range i {
					if same, want := marks[i].ID == marks[j].ID, test.want[i] == test.want[j]; same != want {
						t.Errorf("records %d and %d are of one session: got %v, want %v (%+v)", j, i, same, want, marks)
					}
				}
			}
		})
	}
}

func TestRoles(t *testing.T) {
	const c, s = session.Client, session.Server
	biflow := record("10.0.0.1:53", "10.0.0.2:4000", 17, untold, 0, 0)
	biflow.Has |= flow.HasReverse
	for name, test := range map[string]struct {
		records []flow.Record
		want    []session.Role
	}{
		"who answers at the lower port":      {[]flow.Record{record("10.0.0.1:443", "10.0.0.2:4000", 6, whole, 0, 9), record("10.0.0.2:4000", "10.0.0.1:443", 6, whole, 0, 9)}, []session.Role{s, c}},
		"a SYN alone tells more than a port": {[]flow.Record{record("10.0.0.1:20", "10.0.0.2:4000", 6, syn, 0, 9), record("10.0.0.2:4000", "10.0.0.1:20", 6, syn|ack, 0, 9)}, []session.Role{c, s}},
		"it corrects what was guessed":       {[]flow.Record{record("10.0.0.2:4000", "10.0.0.1:20", 6, rst|ack, 0, 9), record("10.0.0.1:20", "10.0.0.2:4000", 6, syn, 0, 9)}, []session.Role{c, c}},
		"the first SYN counts":               {[]flow.Record{record("10.0.0.1:20", "10.0.0.2:4000", 6, syn, 0, 9), record("10.0.0.2:4000", "10.0.0.1:20", 6, syn, 0, 9)}, []session.Role{c, s}},
		"equal ports: who came first":        {[]flow.Record{record("10.0.0.9:123", "10.0.0.2:123", 17, untold, 0, 9), record("10.0.0.2:123", "10.0.0.9:123", 17, untold, 0, 9)}, []session.Role{c, s}},
		"who asks for an echo":               {[]flow.Record{record("10.0.0.1:0", "10.0.0.2:0", 1, untold, 0, 9), record("10.0.0.2:0", "10.0.0.1:2048", 1, untold, 0, 9)}, []session.Role{s, c}},
		"who asks for one in version 6":      {[]flow.Record{record("[2001:db8::1]:0", "[2001:db8::2]:33024", 58, untold, 0, 9)}, []session.Role{s}},
		"no ports at all":                    {[]flow.Record{record("10.0.0.2:0", "10.0.0.1:0", 47, untold, 0, 9), record("10.0.0.1:0", "10.0.0.2:0", 47, untold, 0, 9)}, []session.Role{c, s}},
		"one record of both directions":      {[]flow.Record{biflow}, []session.Role{c}},
		"a host that talks to itself":        {[]flow.Record{record("10.0.0.1:80", "10.0.0.1:4000", 6, whole, 0, 9), record("10.0.0.1:4000", "10.0.0.1:80", 6, whole, 0, 9)}, []session.Role{s, c}},
	} {
		t.Run(name, func(t *testing.T) {
			for i, m := range track(session.New(session.Options{}), test.records...) {
				if m.Role != test.want[i] {
					t.Errorf("record %d: got %s, want %s", i, m.Role, test.want[i])
				}
			}
		})
	}
}

// TestSeveralExporters makes up conversations and has two exporters tell of them in pieces, late and with clocks that are a
// second apart: every piece has the number and the roles of its conversation, and no two conversations share a number.
func TestSeveralExporters(t *testing.T) {
	type told struct {
		record   flow.Record
		received int64
		session  int
		role     session.Role
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var all []told
	for i := range 400 {
		client := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i % 5)}), uint16(40000+i%7)) //nolint:gosec // small
		server := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i % 3)}), 443)
		start := int64(i) * 30 * second // the same ends meet again after 105 conversations
		length := rng.Int64N(20) * second
		for exporter := range 2 {
			skew := int64(exporter) * second / 2
			for piece := int64(0); piece <= length; piece += 8 * second {
				flags := ack
				if piece == 0 {
					flags |= syn
				}
				if piece+8*second > length {
					flags |= fin
				}
				end := min(piece+8*second, length)
				there := record(client.String(), server.String(), 6, flags, start+piece+skew, start+end+skew)
				back := record(server.String(), client.String(), 6, flags, start+piece+skew+second/10, start+max(end, piece+second/10)+skew)
				received := there.End + rng.Int64N(60)*second
				all = append(all, told{there, received, i, session.Client}, told{back, received + rng.Int64N(9)*second, i, session.Server})
			}
		}
	}
	rng.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	sortBy(all, func(a told) int64 { return a.received })
	tracker := session.New(session.Options{})
	numbers, sessions := map[int]uint64{}, map[uint64]int{}
	for i, one := range all {
		m := tracker.Track(here, []flow.Record{one.record}, one.received, 0, nil)[0]
		if n, known := numbers[one.session]; known && n != m.ID {
			t.Fatalf("record %d of conversation %d is of session %d, others of %d", i, one.session, m.ID, n)
		}
		if other, known := sessions[m.ID]; known && other != one.session {
			t.Fatalf("conversations %d and %d are both session %d", other, one.session, m.ID)
		}
		numbers[one.session], sessions[m.ID] = m.ID, one.session
		if m.Role != one.role {
			t.Fatalf("record %d of conversation %d: got %s, want %s", i, one.session, m.Role, one.role)
		}
	}
	if s := tracker.Statistics(); len(numbers) != 400 || s.Opened != 400 || s.Evicted != 0 {
		t.Errorf("%d conversations, got %+v", len(numbers), s)
	}
}

func TestShift(t *testing.T) {
	tracker := session.New(session.Options{})
	right := record("10.0.0.1:40000", "10.0.0.2:443", 6, whole, 0, second)
	wrong := right
	wrong.Start, wrong.End = wrong.Start+7*3600*second, wrong.End+7*3600*second
	a := tracker.Track(here, []flow.Record{right}, right.End, 0, nil)
	b := tracker.Track(here, []flow.Record{wrong}, right.End, -7*time.Hour, nil)
	if a[0] != b[0] {
		t.Errorf("got %+v and %+v of one session", a, b)
	}
}

func TestDamagedState(t *testing.T) {
	tracker := session.New(session.Options{Salt: 7})
	r := record("10.0.0.1:40000", "10.0.0.2:443", 6, whole, 0, second)
	want := track(tracker, r)[0]
	state := tracker.Save()
	for i := range state {
		bad := append([]byte{}, state...)
		bad[i] ^= 0x40
		if err := session.New(session.Options{}).Load(bad); !errors.Is(err, fault.Invalid) {
			t.Fatalf("byte %d changed: got %v, want an error of kind invalid", i, err)
		}
		if err := session.New(session.Options{}).Load(state[:i]); !errors.Is(err, fault.Invalid) {
			t.Fatalf("cut at %d: got %v, want an error of kind invalid", i, err)
		}
	}
	fresh := session.New(session.Options{})
	if err := fresh.Load(state); err != nil {
		t.Fatal(err)
	}
	if got := track(fresh, r)[0]; got != want {
		t.Errorf("after a restart got %+v, want %+v", got, want)
	}
}
