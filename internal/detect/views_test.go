package detect

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/event"
)

// views are rules that look at flows from where somebody stands: every sort of entity, sums that are spread over the time
// that a flow lasted, sessions and members told apart, and limits from below.
const views = `rules:
- {name: sent, from: flow, detect: {threshold: {metric: sum(flow.sent.bytes), by: [flow.host], over: 1m, above: 4000}}}
- {name: bits, from: flow, detect: {threshold: {metric: sum(flow.received.bytes), unit: bits, by: [flow.host], over: 30s, at_least: 20000, end_after: 10s}}}
- {name: opened, from: flow, detect: {threshold: {metric: distinct(flow.initiated), by: [flow.host], over: 1m, above: 4}}}
- {name: targets, from: flow, where: flow.role == "client", detect: {threshold: {metric: distinct(flow.target), by: [flow.host], over: 2m, above: 2}}}
- {name: pair, from: flow, detect: {threshold: {metric: sum(source.bytes), by: [flow.pair], over: 1m, above: 2500}}}
- {name: pair-ports, from: flow, detect: {threshold: {metric: distinct(flow.port), by: [flow.pair], over: 2m, above: 2}}}
- {name: port, from: flow, detect: {threshold: {metric: distinct(flow.client), by: [flow.port], over: 30s, at_least: 3}}}
- {name: country, from: flow, detect: {threshold: {metric: distinct(flow.host), by: [flow.country], over: 20s, above: 1}}}
- {name: country-sent, from: flow, detect: {threshold: {metric: sum(flow.sent.bytes), by: [flow.country], over: 45s, above: 6000}}}
- {name: quiet, from: flow, detect: {threshold: {metric: sum(flow.sent.bytes), by: [flow.host], over: 1m, below: 100}}}
`

// A talk is what a record of a flow says besides what all facts of these tests say.
type talk struct {
	peer    byte
	server  bool // the source is the server of the session
	session uint64
	bytes   uint64
	length  int64
}

func country(ip byte) string { return []string{"DE", "FR", "US"}[ip%3] }

// put writes what a record says besides the fact that it is.
func (k *talk) put(b *event.Builder, f *fact) {
	if k == nil {
		return
	}
	role := "client"
	if k.server {
		role = "server"
	}
	b.IP(event.DestinationIP, [16]byte{10: 0xff, 11: 0xff, 12: 10, 15: k.peer})
	b.Int(event.SourcePort, 40_000)
	b.Text(event.FlowRole, role)
	b.Uint(event.FlowID, k.session)
	b.Uint(event.SourceBytes, k.bytes)
	b.Time(event.EventStart, f.t-k.length)
	b.Time(event.EventEnd, f.t)
	if f.source != "" {
		b.IP(event.ObserverIP, [16]byte{10: 0xff, 11: 0xff, 12: 192, 14: 2, 15: f.source[1]})
	}
	b.Text(event.SourceCountry, country(f.ip))
	b.Text(event.DestinationCountry, country(k.peer))
}

// drawTalks makes up records of flows, in order of their ends: many of a few sessions, some that lasted longer than windows.
func drawTalks(r *rand.Rand, n int) []fact {
	now := 1_700_000_000 * second
	facts := make([]fact, n)
	for i := range facts {
		if r.IntN(60) == 0 {
			now += r.Int64N(400) * second
		}
		now += r.Int64N(3) * second / 2
		k := &talk{
			peer: byte(r.IntN(6)), server: r.IntN(2) == 0, session: uint64(i + 1), bytes: r.Uint64N(900),
			length: []int64{0, 0, r.Int64N(second), r.Int64N(20 * second), r.Int64N(200 * second)}[r.IntN(5)],
		}
		f := fact{kind: event.Flow, t: now, source: fmt.Sprint("s", r.IntN(2)), ip: byte(r.IntN(3) * r.IntN(3)), port: 20 + r.IntN(4), talk: k}
		if old := r.IntN(i + 1); old < i && r.IntN(3) == 0 { // one more record of a session
			was := facts[old]
			f.ip, f.port = was.ip, was.port
			k.peer, k.server, k.session = was.talk.peer, was.talk.server, was.talk.session
		}
		facts[i] = f
	}
	return facts
}

// A bout is an alert with the most unusual of its values. Triggers of sessions are reported together for each call of Judge,
// so single findings depend on the cut.
type bout struct {
	Episode episode
	Last    int64
	Peak    float64
}

func cases(findings []alert.Finding) []bout {
	episodes := episodes(findings)
	all := make([]bout, len(episodes))
	for i, e := range episodes {
		all[i] = bout{Episode: e}
		triggers := 0
		for k := range findings {
			f := &findings[k]
			if f.Rule != e.Rule || f.Entity.Key() != e.Entity || f.Ended || f.Time < e.First || e.Ended != 0 && f.Time > e.Ended {
				continue
			}
			b := &all[i]
			corrects := f.Triggers == 0 && triggers == 1 // what was told early was another value
			if triggers == 0 || corrects || f.Below == (f.Value < b.Peak) {
				b.Peak = f.Value
			}
			triggers += f.Triggers
			b.Last = f.Time
		}
	}
	return all
}

// What rules by views find live, out of order, saved and started again in the middle of windows, is what they find in
// history, however that is cut.
func TestViewsLiveAreHistory(t *testing.T) {
	all := rules(t, views)
	fired := map[int64]int{}
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 11))
		facts := drawTalks(r, 500)
		until := facts[len(facts)-1].t + 7200*second
		want, stats, err := History(context.Background(), HistoryOptions{Until: until}, all, stored(r, facts))
		if err != nil || stats.Late != 0 {
			t.Fatalf("History: %+v, %v", stats, err)
		}
		again, _, err := History(context.Background(), HistoryOptions{Until: until}, all, stored(r, facts))
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(cases(want), cases(again)); diff != "" {
			t.Fatalf("seed %d: another cut of history gives other alerts:\n%s", seed, diff)
		}
		for _, restart := range []bool{false, true} {
			got := live(t, r, all, journal(r, facts, int64(DefaultLateness)), restart, until)
			if diff := gocmp.Diff(cases(want), cases(got)); diff != "" {
				t.Fatalf("seed %d, restart %v: live differs (-history +live):\n%s", seed, restart, diff)
			}
		}
		for _, f := range want {
			fired[f.Rule] += f.Triggers
		}
	}
	for _, r := range all {
		if fired[r.ID] == 0 {
			t.Errorf("rule %s never fires: nothing is shown of it", r.Name)
		}
	}
}

// The engine says of the next record, to whichever end of it a rule looks, what applying it then shows.
func TestExplainForetellsViews(t *testing.T) {
	e, err := New(Options{}, rules(t, `{name: sent, from: flow, detect: {threshold: {metric: sum(flow.sent.bytes), by: [flow.host], over: 1m, above: 1000}}}`))
	if err != nil {
		t.Fatal(err)
	}
	base := 1_700_000_000 * second
	fires := 0
	for i := range int64(8) {
		at := base + i*second
		k := &talk{peer: byte(50 + i), session: uint64(i + 1), bytes: 300}
		b := build(event.Flow, []fact{{t: at, received: at, ip: 7, port: 443, talk: k}})
		b.Sequence = uint64(i + 1)
		accounts := e.Explain(b, 0, numbers(1))
		if len(accounts) != 1 {
			t.Fatalf("record %d: got %d accounts, want 1", i, len(accounts))
		}
		x := accounts[0].Explanation
		if x.Entity.String() != "10.0.0.7" || x.Value != float64(300*i) || x.With != float64(300*i+300) || x.Open != (i > 3) || x.Late {
			t.Errorf("record %d: got %+v", i, x)
		}
		if i == 3 && !x.Fires {
			t.Errorf("record 3 is the one that fires, Explain says %q", x.Text)
		}
		fired := len(e.Apply(b).Findings) > 0
		if fired {
			fires++
		}
		if i <= 3 && fired != x.Fires {
			t.Errorf("record %d: fired %v, Explain said %v", i, fired, x.Fires)
		}
	}
	if fires != 1 {
		t.Errorf("%d records were told at once, want the one that passed the limit", fires)
	}
	lacking := build(event.Flow, []fact{{t: base + 9*second, received: base, ip: 7}})
	if x := e.Explain(lacking, 0, numbers(1))[0].Explanation; x.Lacks != "flow.sent.bytes" {
		t.Errorf("a record without bytes: got %+v, want that it lacks them", x)
	}
}

// What history makes known to rules by views is what the engine would know had it been there.
func TestRecallViews(t *testing.T) {
	limits := 0
	for _, x := range recalled(t, rules(t, views), drawTalks(rand.New(rand.NewPCG(5, 11)), 300), 220) {
		if x.Lacks == "" && strings.Contains(x.Text, "limit") {
			limits++
		}
	}
	if limits < 400 {
		t.Errorf("only %d explanations of a limit were compared", limits)
	}
}
