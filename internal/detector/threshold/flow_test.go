package threshold

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"math/big"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/detector"
	"tocsin/internal/detector/detectortest"
	"tocsin/internal/event"
)

// A record is a flow record as the oracle sees it.
type record struct {
	start, end          int64
	source, destination int // 10.0.0.N
	port                int // of the server
	bytes               int64
	session             uint64
	server              bool // the source is the server of the session
}

func address(n int) string { return fmt.Sprintf("10.0.0.%d", n) }

// drawFlows makes up records, in order of their ends: short ones, long ones, some far longer than any window, and sessions
// of many records.
func drawFlows(r *rand.Rand, n int) []record {
	now := int64(1_700_000_000) * 1e9
	records := make([]record, n)
	for i := range records {
		if now += r.Int64N(4) * 500e6; r.IntN(60) == 0 {
			now += r.Int64N(300) * 1e9
		}
		length := []int64{0, 0, r.Int64N(1e9), r.Int64N(20e9), r.Int64N(200e9)}[r.IntN(5)]
		rec := record{start: now - length, end: now, source: r.IntN(4), destination: r.IntN(4), port: 20 + r.IntN(5), bytes: r.Int64N(1000), server: r.IntN(2) == 0}
		if rec.session = uint64(i + 1); i > 0 && r.IntN(2) == 0 {
			old := records[r.IntN(i)]
			rec.session, rec.source, rec.destination, rec.port, rec.server = old.session, old.source, old.destination, old.port, old.server
			if r.IntN(2) == 0 {
				rec.source, rec.destination, rec.server = rec.destination, rec.source, !rec.server
			}
		}
		records[i] = rec
	}
	return records
}

func flowBatch(records []record) *event.Batch {
	b := event.NewBuilder(event.Flow)
	for _, r := range records {
		b.Time(event.Timestamp, r.end)
		b.Time(event.EventStart, r.start)
		b.Time(event.EventEnd, r.end)
		b.Addr(event.SourceIP, netip.MustParseAddr(address(r.source)))
		b.Addr(event.DestinationIP, netip.MustParseAddr(address(r.destination)))
		client, server := event.SourcePort, event.DestinationPort
		role := "client"
		if r.server {
			client, server, role = server, client, "server"
		}
		b.Int(client, 40_000)
		b.Int(server, int64(r.port))
		b.Uint(event.SourceBytes, uint64(r.bytes))
		b.Uint(event.FlowID, r.session)
		b.Text(event.FlowRole, role)
		b.Next()
	}
	return b.Batch()
}

// A part is what a record is to one entity.
type part struct {
	who    string
	t      int64
	length int64
	value  int64
	rec    record
}

// what tells of a record to whom it counts, and what.
type what func(r record) []part

func host(value func(r record, sender bool) (int64, bool)) what {
	return func(r record) (list []part) {
		for sender, who := range map[bool]int{true: r.source, false: r.destination} {
			if v, ok := value(r, sender); ok {
				list = append(list, part{who: address(who), value: v})
			}
		}
		return list
	}
}

func pairOf(r record) string {
	low, high := min(r.source, r.destination), max(r.source, r.destination)
	return address(low) + ", " + address(high)
}

// An episode is one alert.
type episode struct {
	First, Last, Ended int64
	Triggers           int
}

// flowModel says by brute force what alerts there are.
func flowModel(records []record, of what, op string, over, end int64, limit float64) map[string][]episode {
	all := map[string][]part{}
	for _, r := range records {
		for _, p := range of(r) {
			p.t, p.length, p.rec = r.end, r.end-r.start, r
			all[p.who] = append(all[p.who], p)
		}
	}
	out := map[string][]episode{}
	for who, parts := range all {
		if list := alertsOf(parts, op, over, end, limit); len(list) > 0 {
			out[who] = list
		}
	}
	return out
}

// lies tells how much of a part lies at which times: all of it at its end, or, of a sum of bytes, each share at the end of
// the sixtieth of the window in which it was sent.
func (p part) lies(op string, over int64) map[int64]int64 {
	grain := over / 60
	if op != "sum" || p.length <= grain {
		return map[int64]int64{p.t: p.value}
	}
	upto := func(t int64) int64 { // what was sent before t, rounded down
		x := new(big.Int).Mul(big.NewInt(p.value), big.NewInt(min(max(t-p.rec.start, 0), p.length)))
		return x.Quo(x, big.NewInt(p.length)).Int64()
	}
	lies := map[int64]int64{}
	for from := p.rec.start - p.rec.start%grain; from <= p.t; from += grain {
		if p.t < from+grain {
			lies[p.t] += p.value - upto(from)
		} else {
			lies[from+grain-1] += upto(from+grain) - upto(from)
		}
	}
	return lies
}

func alertsOf(parts []part, op string, over, end int64, limit float64) (list []episode) {
	where := make([]map[int64]int64, len(parts))
	var instants []int64
	for i, p := range parts {
		where[i] = p.lies(op, over)
		instants = append(instants, p.t)
		for at := range where[i] {
			instants = append(instants, at+over+1)
		}
	}
	value := func(t int64) float64 {
		sum, members := int64(0), map[int64]bool{}
		for i, p := range parts {
			if p.t > t {
				continue
			}
			for at, v := range where[i] {
				if at >= t-over {
					members[v] = true
					if sum += v; op == "count" {
						sum += 1 - v
					}
				}
			}
		}
		if op == "distinct" {
			return float64(len(members))
		}
		return float64(sum)
	}
	slices.Sort(instants)
	open, fell := false, int64(-1)
	sessions := map[uint64]int64{} // when each began to trigger
	counted := map[uint64]int{}
	for _, t := range slices.Compact(instants) {
		last := len(list) - 1
		if open && fell >= 0 && fell+end < t {
			list[last].Ended, open = fell+end, false
		}
		if value(t) <= limit {
			if open && fell < 0 {
				fell = t - 1
			}
			continue
		}
		fell = -1
		for _, p := range parts {
			if p.t != t {
				continue
			}
			if !open {
				open, sessions, counted = true, map[uint64]int64{}, map[uint64]int{}
				list = append(list, episode{First: t})
			}
			last := len(list) - 1
			if _, ok := sessions[p.rec.session]; !ok {
				begin := t
				for _, q := range parts { // of several that end together the longest counts
					if q.t == t && q.rec.session == p.rec.session {
						begin = min(begin, t-q.length/over*over)
					}
				}
				sessions[p.rec.session] = begin
			}
			n := 1 + int((t-sessions[p.rec.session])/over)
			if n > counted[p.rec.session] {
				list[last].Last = t
			}
			list[last].Triggers += n - counted[p.rec.session]
			counted[p.rec.session] = n
		}
	}
	if open && fell >= 0 {
		list[len(list)-1].Ended = fell + end
	}
	return list
}

// episodes puts findings together to alerts.
func episodes(findings []alert.Finding) map[string][]episode {
	out := map[string][]episode{}
	for _, f := range findings {
		var values []string
		for _, p := range f.Entity {
			values = append(values, p.Value)
		}
		who := values[0]
		for _, v := range values[1:] {
			who += ", " + v
		}
		list := out[who]
		switch n := len(list); {
		case f.Ended:
			list[n-1].Ended = f.Time
		case n == 0 || list[n-1].Ended != 0:
			out[who] = append(list, episode{First: f.Time, Last: f.Time, Triggers: f.Triggers})
		case f.Triggers == 0: // what was told early was at another time
			list[n-1].First, list[n-1].Last = f.Time, f.Time
		default:
			list[n-1].Last, list[n-1].Triggers = f.Time, list[n-1].Triggers+f.Triggers
		}
	}
	return out
}

// play feeds records in another order, in batches of random size, and judges at random times.
func play(t *testing.T, c detector.Config, records []record, r *rand.Rand, early, save bool) map[string][]episode {
	t.Helper()
	const lateness = int64(60e9)
	make1 := func() detector.Detector {
		d, err := c.New(nil)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	d := make1()
	arrives := make(map[int]int64, len(records))
	order := make([]int, len(records))
	for i := range records {
		order[i], arrives[i] = i, records[i].end+r.Int64N(lateness)
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(arrives[a], arrives[b]) })
	var got []alert.Finding
	for rest := order; len(rest) > 0; {
		n := min(1+r.IntN(30), len(rest))
		var some []record
		for _, i := range rest[:n] {
			some = append(some, records[i])
		}
		rest = rest[n:]
		b := flowBatch(some)
		d.Fold(b, detectortest.AllRows(b))
		if early {
			got = append(got, d.Early()...)
		}
		if len(rest) > 0 && r.IntN(3) == 0 {
			mark := arrives[rest[0]] - lateness - 1
			for _, i := range rest {
				mark = min(mark, records[i].end-1)
			}
			got = append(got, d.Judge(event.Watermark(mark))...)
		}
		if save && r.IntN(4) == 0 {
			var state bytes.Buffer
			if err := d.Save(&state); err != nil {
				t.Fatal(err)
			}
			d = make1()
			if err := d.Load(bytes.NewReader(state.Bytes())); err != nil {
				t.Fatal(err)
			}
			var again bytes.Buffer
			if err := d.Save(&again); err != nil || !bytes.Equal(state.Bytes(), again.Bytes()) {
				t.Fatalf("a state that was loaded is saved otherwise (%v)", err)
			}
		}
	}
	got = append(got, d.Judge(event.Watermark(records[len(records)-1].end+7200e9))...)
	if s := d.Stats(); s.Late != 0 || s.Entities != 0 {
		t.Fatalf("%d rows were late and %d entities are left, want none", s.Late, s.Entities)
	}
	return episodes(got)
}

func TestFlowsAgainstModel(t *testing.T) {
	sent := func(r record, sender bool) (int64, bool) { return r.bytes, sender }
	opened := func(r record, sender bool) bool { return sender == !r.server }
	for name, c := range map[string]struct {
		config Config
		of     what
		op     string
		limit  float64
	}{
		"bytes sent": {Config{Metric: "sum(flow.sent.bytes)", By: []string{"flow.host"}, Over: time.Minute}, host(sent), "sum", 4000},
		"bytes received": {Config{Metric: "sum(flow.received.bytes)", By: []string{"flow.host"}, Over: 10 * time.Second},
			host(func(r record, sender bool) (int64, bool) { return r.bytes, !sender }), "sum", 1500},
		"total bytes of a host": {Config{Metric: "sum(source.bytes)", By: []string{"flow.host"}, Over: 10 * time.Second, EndAfter: 3 * time.Second},
			host(func(r record, _ bool) (int64, bool) { return r.bytes, true }), "sum", 3000},
		"bytes of a pair": {Config{Metric: "sum(source.bytes)", By: []string{"flow.pair"}, Over: 20 * time.Second},
			func(r record) []part { return []part{{who: pairOf(r), value: r.bytes}} }, "sum", 1500},
		"sessions initiated": {Config{Metric: "distinct(flow.initiated)", By: []string{"flow.host"}, Over: 20 * time.Second},
			host(func(r record, sender bool) (int64, bool) { return int64(r.session), opened(r, sender) }), "distinct", 3},
		"unique ports": {Config{Metric: "distinct(flow.target.port)", By: []string{"flow.host"}, Over: 20 * time.Second},
			host(func(r record, sender bool) (int64, bool) { return int64(r.port), opened(r, sender) }), "distinct", 2},
		"records of a port": {Config{Metric: "count", By: []string{"flow.port"}, Over: 10 * time.Second},
			func(r record) []part { return []part{{who: fmt.Sprint(r.port)}} }, "count", 3},
		"hosts of a port": {Config{Metric: "distinct(flow.client)", By: []string{"flow.port"}, Over: 10 * time.Second},
			func(r record) []part {
				if r.server {
					return []part{{who: fmt.Sprint(r.port), value: int64(r.destination)}}
				}
				return []part{{who: fmt.Sprint(r.port), value: int64(r.source)}}
			}, "distinct", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.config.Memory, c.config.Above = 64, num(c.limit)
			end := cmp.Or(c.config.EndAfter, c.config.Over)
			alerts, triggers := 0, 0
			for seed := range uint64(15) {
				r := rand.New(rand.NewPCG(seed, 5))
				records := drawFlows(r, 120)
				want := flowModel(records, c.of, c.op, int64(c.config.Over), int64(end), c.limit)
				for list := range maps.Values(want) {
					alerts += len(list)
					triggers += list[0].Triggers
				}
				for _, w := range []struct{ early, save bool }{{}, {early: true}, {save: true}, {true, true}} {
					if d := gocmp.Diff(want, play(t, &c.config, records, r, w.early, w.save)); d != "" {
						t.Fatalf("seed %d, %+v: alerts (-model +got):\n%s", seed, w, d)
					}
				}
			}
			if alerts == 0 || triggers <= alerts {
				t.Errorf("%d alerts of %d triggers: the model was not put to the test", alerts, triggers)
			}
		})
	}
}
