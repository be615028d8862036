package view_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/event"
	"tocsin/internal/view"
)

// A record is a flow record as an oracle sees it.
type record struct {
	source, destination         netip.Addr
	sourcePort, destinationPort int64
	from, to                    string // countries
	bytes, id                   uint64
	role                        string
}

func random(r *rand.Rand) record {
	address := func() netip.Addr {
		if r.IntN(4) == 0 {
			return netip.MustParseAddr(fmt.Sprintf("2001:db8::%d", r.IntN(3)))
		}
		return netip.AddrFrom4([4]byte{10, 0, 0, byte(r.IntN(4))})
	}
	country := func() string { return []string{"", "DE", "NL"}[r.IntN(3)] }
	return record{
		address(), address(), int64(r.IntN(3)), int64(r.IntN(3)), country(), country(), uint64(r.IntN(1000)), uint64(r.IntN(5)),
		[]string{"", "client", "server"}[r.IntN(3)],
	}
}

func batch(records []record) *event.Batch {
	b := event.NewBuilder(event.Flow)
	text := func(id event.FieldID, v string) {
		if v != "" {
			b.Text(id, v)
		}
	}
	for _, r := range records {
		b.IP(event.SourceIP, r.source.As16())
		b.IP(event.DestinationIP, r.destination.As16())
		b.Int(event.SourcePort, r.sourcePort)
		b.Int(event.DestinationPort, r.destinationPort)
		text(event.SourceCountry, r.from)
		text(event.DestinationCountry, r.to)
		b.Uint(event.SourceBytes, r.bytes)
		b.Uint(event.FlowID, r.id)
		text(event.FlowRole, r.role)
		b.Next()
	}
	return b.Batch()
}

// tell writes what a record is to one entity, in words.
func tell(r record, entity string, sender bool) string {
	client := r.role != "server"
	server, port := r.destination, r.destinationPort
	if !client {
		server, port = r.source, r.sourcePort
	}
	peer := r.source
	if sender {
		peer = r.destination
	}
	text := entity + " peer " + peer.String() + fmt.Sprintf(" port %d", port)
	if sender {
		text += fmt.Sprintf(" sent %d", r.bytes)
	} else {
		text += fmt.Sprintf(" received %d", r.bytes)
	}
	if sender == client {
		return text + fmt.Sprintf(" initiated %d target %s:%d", r.id, server, port)
	}
	return text + fmt.Sprintf(" accepted %d", r.id)
}

// words writes the rows of an aspect in the same words.
func words(b *event.Batch, row int32, entity ...event.FieldID) string {
	value := func(id event.FieldID) string {
		c := b.Column(id)
		if c == nil {
			return ""
		}
		v, ok := c.Value(int(row))
		if !ok {
			return ""
		}
		return string(c.AppendValueText(nil, v))
	}
	text := ""
	for _, id := range entity {
		if v := value(id); v == "" {
			return ""
		} else {
			text += v + " "
		}
	}
	text += "peer " + value(event.FlowPeer) + " port " + value(event.FlowPort)
	for _, m := range []struct {
		word string
		id   event.FieldID
	}{{"sent", event.FlowSentBytes}, {"received", event.FlowReceivedBytes}, {"initiated", event.FlowInitiated}, {"accepted", event.FlowAccepted}, {"target", event.FlowTarget}} {
		if v := value(m.id); v != "" {
			text += " " + m.word + " " + v
		}
	}
	if v := value(event.FlowTargetPort); v != "" {
		text += ":" + v
	}
	return text
}

var measures = []event.FieldID{event.FlowPeer, event.FlowPort, event.FlowSentBytes, event.FlowReceivedBytes, event.FlowInitiated, event.FlowAccepted, event.FlowTarget, event.FlowTargetPort}

func TestViews(t *testing.T) {
	for name, test := range map[string]struct {
		entity []event.FieldID
		want   func(r record) []string
	}{
		"host": {[]event.FieldID{event.FlowHost}, func(r record) []string {
			return []string{tell(r, r.source.String(), true), tell(r, r.destination.String(), false)}
		}},
		"country": {[]event.FieldID{event.FlowCountry}, func(r record) (list []string) {
			if r.from != "" {
				list = append(list, tell(r, r.from, true))
			}
			if r.to != "" {
				list = append(list, tell(r, r.to, false))
			}
			return list
		}},
		"pair": {[]event.FieldID{event.FlowLower, event.FlowHigher}, func(r record) []string {
			s, d := r.source.As16(), r.destination.As16()
			if slices.Compare(s[:], d[:]) <= 0 {
				return []string{tell(r, r.source.String()+" "+r.destination.String(), true)}
			}
			return []string{tell(r, r.destination.String()+" "+r.source.String(), false)}
		}},
		"client": {[]event.FieldID{event.FlowClient}, func(r record) []string {
			if r.role == "server" {
				return []string{tell(r, r.destination.String(), false)}
			}
			return []string{tell(r, r.source.String(), true)}
		}},
		"port": {[]event.FieldID{event.FlowPort}, func(r record) []string {
			if r.role == "server" {
				return []string{tell(r, fmt.Sprint(r.sourcePort), true)}
			}
			return []string{tell(r, fmt.Sprint(r.destinationPort), false)}
		}},
		"server": {[]event.FieldID{event.FlowServer}, func(r record) []string {
			if r.role == "server" {
				return []string{tell(r, r.source.String(), true)}
			}
			return []string{tell(r, r.destination.String(), false)}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			v, ok := view.New(test.entity, measures)
			if !ok {
				t.Fatal("no view")
			}
			for seed := range uint64(200) {
				r := rand.New(rand.NewPCG(seed, 1))
				records := make([]record, r.IntN(30))
				var rows []int32
				var want, got []string
				for i := range records {
					if records[i] = random(r); r.IntN(3) > 0 {
						rows = append(rows, int32(i))
						want = append(want, test.want(records[i])...)
					}
				}
				v.Each(batch(records), rows, func(b *event.Batch, rows []int32) {
					if !slices.IsSorted(rows) {
						t.Errorf("rows %v of an aspect are not in order", rows)
					}
					for _, row := range rows {
						if w := words(b, row, test.entity...); w != "" {
							got = append(got, w)
						}
					}
				})
				slices.Sort(want)
				slices.Sort(got)
				if d := cmp.Diff(want, got); d != "" {
					t.Fatalf("seed %d: -want +got\n%s", seed, d)
				}
			}
		})
	}
}

func TestNoView(t *testing.T) {
	if _, ok := view.New([]event.FieldID{event.SourceIP}, []event.FieldID{event.RelatedIP}); ok {
		t.Error("stored fields make a view")
	}
	if got := view.Expand([]string{"a", "flow.pair", "b"}); !slices.Equal(got, []string{"a", "flow.lower", "flow.higher", "b"}) {
		t.Errorf("Expand = %q", got)
	}
}

// What a view adds to a batch is not written out, neither as JSON nor into the journal's encoding.
func TestViewsAreNotStored(t *testing.T) {
	b := batch([]record{{source: netip.MustParseAddr("10.0.0.1"), destination: netip.MustParseAddr("10.0.0.2"), bytes: 3}})
	v, _ := view.New([]event.FieldID{event.FlowHost}, []event.FieldID{event.FlowSentBytes})
	n := 0
	v.Each(b, []int32{0}, func(wide *event.Batch, rows []int32) {
		n++
		if wide.Column(event.FlowHost) == nil {
			t.Error("no flow.host")
		}
		if got, want := string(wide.AppendJSON(nil, 0)), string(b.AppendJSON(nil, 0)); got != want {
			t.Errorf("JSON %s, want %s", got, want)
		}
		if len(wide.Stored()) != len(b.Columns()) {
			t.Errorf("%d stored columns, want %d", len(wide.Stored()), len(b.Columns()))
		}
	})
	if n != 2 || b.Column(event.FlowHost) != nil {
		t.Errorf("%d aspects, want 2, and the batch as it was", n)
	}
}
