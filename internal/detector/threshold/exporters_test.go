package threshold

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
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

// A saying is what an exporter tells: that a host sent so much.
type saying struct {
	t        int64
	exporter int // 192.0.2.N; 0: it is not said who
	host     int
	bytes    int64
}

// outOf are hosts that the rule of these tests leaves out: their flows show that an exporter is alive.
const outOf = 100

func sayings(list []saying) (b *event.Batch, selected []int32) {
	build := event.NewBuilder(event.Flow)
	for i, s := range list {
		build.Time(event.Timestamp, s.t)
		build.Addr(event.SourceIP, netip.MustParseAddr(address(s.host)))
		build.Addr(event.DestinationIP, netip.MustParseAddr("198.51.100.1"))
		build.Uint(event.SourceBytes, uint64(s.bytes))
		if s.exporter > 0 {
			build.Addr(event.ObserverIP, netip.AddrFrom4([4]byte{192, 0, 2, byte(s.exporter)}))
		}
		build.Next()
		if s.host < outOf {
			selected = append(selected, int32(i))
		}
	}
	return build.Batch(), selected
}

const (
	sec  = int64(time.Second)
	hour = int64(3600)
)

// alive makes an exporter tell of others, ofHost of one that the rule looks at.
func alive(exporter int, from, to int64) []saying {
	return everySecond(exporter, outOf, 30, from, to, 1)
}

func ofHost(exporter, who int, from, to int64) []saying {
	return everySecond(exporter, who, 30, from, to, 100)
}

// everySecond makes an exporter tell of a host every so many seconds, from one to another.
func everySecond(exporter, host int, step, from, to, bytes int64) (list []saying) {
	for t := from; t <= to; t += step {
		list = append(list, saying{1_700_000_000*sec + t*sec, exporter, host, bytes})
	}
	return list
}

func quietConfig() *Config {
	return &Config{Metric: "sum(source.bytes)", By: []string{"source.ip"}, Over: 10 * time.Minute, Below: num(1000), SilentAfter: 2 * time.Minute, Memory: 64}
}

// outcome brings sayings to a rule in order, judges after each and, at the end, up to a second, and returns what is told, as
// "host second" and "host second ended".
func outcome(t *testing.T, config *Config, until int64, parts ...[]saying) (out []string) {
	t.Helper()
	d, err := config.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	list := slices.Concat(parts...)
	slices.SortStableFunc(list, func(a, b saying) int { return cmp.Compare(a.t, b.t) })
	var found []alert.Finding
	for part := range slices.Chunk(list, 3) {
		b, rows := sayings(part)
		found = append(found, d.Judge(event.Watermark(part[0].t-1))...)
		d.Fold(b, rows)
		found = append(found, d.Early()...)
	}
	found = append(found, d.Judge(event.Watermark((1_700_000_000+until)*sec))...)
	for _, f := range found {
		text := fmt.Sprint(f.Entity, " ", (f.Time-1_700_000_000*sec)/sec)
		if f.Ended {
			text += " ended"
		} else if f.Triggers == 0 || f.Value >= 1000 || !f.Below {
			t.Errorf("got %+v", f)
		}
		out = append(out, text)
	}
	return out
}

func TestQuietHostOrDeadExporter(t *testing.T) {
	for name, c := range map[string]struct {
		until int64
		parts [][]saying
		want  []string
	}{
		// At 3,930 seconds nine records of 100 are left in the window. Later triggers are as ever.
		"a quiet host beside a living exporter": {2 * hour, [][]saying{alive(1, 0, 2*hour), ofHost(1, 1, 0, hour)},
			[]string{"10.0.0.1 3930"}},
		"a dead exporter":               {20 * hour, [][]saying{alive(1, 0, hour), ofHost(1, 1, 0, hour), ofHost(1, 2, 0, hour)}, nil},
		"an exporter that nobody names": {2 * hour, [][]saying{ofHost(0, 1, 0, hour)}, []string{"10.0.0.1 3930"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := outcome(t, quietConfig(), c.until, c.parts...)
			if diff := gocmp.Diff(c.want, got[:min(1, len(got))]); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestExporterComesBack(t *testing.T) {
	back := 2*hour + 7
	got := outcome(t, quietConfig(), 3*hour,
		alive(1, 0, hour), alive(1, back, 3*hour),
		ofHost(1, 1, 0, hour), ofHost(1, 1, back+20, 3*hour), // as before it died
		ofHost(1, 2, 0, hour), // quiet since
	)
	if want := []string{fmt.Sprint("10.0.0.2 ", back+600)}; len(got) == 0 || got[0] != want[0] || slices.ContainsFunc(got, func(s string) bool { return s[:8] == "10.0.0.1" }) {
		t.Errorf("got %q, want %q first: one whole window after the exporter is back, and nothing of the other host", got, want)
	}
}

func TestOneOfTwoExportersDies(t *testing.T) {
	got := outcome(t, quietConfig(), 3*hour,
		alive(1, 0, hour), alive(2, 0, 3*hour), // the first dies
		everySecond(1, 1, 60, 0, hour, 150), everySecond(2, 1, 60, 0, 3*hour, 50), // told of by both: half of it goes on
		everySecond(1, 2, 30, 0, hour, 100), // by the one that died
		everySecond(2, 3, 30, 0, hour, 100), // by the one that lives
	)
	if want := "10.0.0.3 3930"; len(got) == 0 || got[0] != want {
		t.Errorf("got %q, want %q first", got, want)
	}
	for _, s := range got {
		if s[:8] != "10.0.0.3" {
			t.Errorf("got %q, of a host whose exporter is dead", s)
		}
	}
}

// An exporter that died for good is waited for for a week, and entities that nobody else told of are forgotten then.
func TestExporterIsGone(t *testing.T) {
	d, err := quietConfig().New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b, rows := sayings(slices.Concat(everySecond(1, 1, 30, 0, 3600, 100), everySecond(1, 2, 30, 0, 3600, 100)))
	d.Fold(b, rows)
	at := func(hours int64) event.Watermark { return event.Watermark((1_700_000_000 + 3600*hours) * sec) }
	if got := d.Judge(at(6 * 24)); len(got) > 0 || d.Stats().Entities != 2 {
		t.Errorf("after six days: got %v, %d entities, want none and both", got, d.Stats().Entities)
	}
	for hour := int64(6 * 24); hour <= 8*24; hour++ {
		if got := d.Judge(at(hour)); len(got) > 0 {
			t.Fatalf("got %v", got)
		}
	}
	if s := d.Stats(); s.Entities != 0 || d.(*judge).bytes > 1000 {
		t.Errorf("after eight days: %d entities are left, of %d bytes, want none", s.Entities, d.(*judge).bytes)
	}
}

// drawSayings makes up what three exporters say, which die and come back, about four hosts that do so as well.
func drawSayings(r *rand.Rand) (list []saying) {
	for exporter := 1; exporter <= 3; exporter++ {
		for t := r.Int64N(100); t < 6000; {
			if r.IntN(40) == 0 {
				t += 121 + r.Int64N(900)
			}
			t += 1 + r.Int64N(100)
			host := r.IntN(4)
			if r.IntN(3) == 0 || host == exporter {
				host = outOf
			}
			list = append(list, saying{1_700_000_000*sec + t*sec, exporter, host, r.Int64N(400)})
		}
	}
	slices.SortStableFunc(list, func(a, b saying) int { return cmp.Compare(a.t, b.t) })
	return list
}

// seen says by brute force whether everybody who told of a host up to t was heard during the whole window that ends at t.
func seen(list []saying, host int, t, over, gap int64) bool {
	for exporter := 1; exporter <= 3; exporter++ {
		tells, from, last := false, int64(math.MinInt64), int64(math.MinInt64)
		after := int64(math.MaxInt64)
		for _, s := range list {
			if s.exporter != exporter {
				continue
			}
			tells = tells || s.host == host && s.t <= t
			if s.t > t {
				after = min(after, s.t)
				continue
			}
			if last == math.MinInt64 || s.t-last > gap {
				from = s.t
			}
			last = s.t
		}
		if tells && (from > t-over || last < t && (after == math.MaxInt64 || after-last > gap)) {
			return false
		}
	}
	return true
}

// A rule from below fires exactly when what is left of a host is too little and everybody who tells of it was there for a
// whole window: nothing else is told, and of nothing that is, however the records are cut and however often it is saved.
func TestQuietAgainstModel(t *testing.T) {
	config := quietConfig()
	config.Over, config.Below = 5*time.Minute, num(300)
	over, gap := int64(config.Over), int64(config.SilentAfter)
	alerts, blind := 0, 0
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 77))
		list := drawSayings(r)
		end := list[len(list)-1].t + 1200*sec
		want := quietAlerts(t, config, list, []int{len(list)}, end, false)
		for range 4 {
			var cuts []int
			for n := 0; n < len(list); {
				n += min(1+r.IntN(60), len(list)-n)
				cuts = append(cuts, n)
			}
			if diff := gocmp.Diff(want, quietAlerts(t, config, list, cuts, end, r.IntN(2) == 0)); diff != "" {
				t.Fatalf("seed %d, cut at %v (-whole +cut):\n%s", seed, cuts, diff)
			}
		}
		for who := range 4 {
			alerts += len(want[who])
			blind += quietModel(t, list, who, want[who], over, gap, end)
		}
	}
	if alerts < 50 || blind < 50 {
		t.Errorf("%d alerts, and %d times that an exporter was silent: the model was not put to the test", alerts, blind)
	}
}

// quietModel holds the alerts about a host against brute force at every instant at which something may change, and returns
// at how many of them too little was there, and an exporter silent.
func quietModel(t *testing.T, list []saying, host int, alerts [][2]int64, over, gap, end int64) (blind int) {
	t.Helper()
	var instants []int64
	first := int64(math.MaxInt64)
	for _, s := range list {
		instants = append(instants, s.t, s.t+over, s.t+over+1)
		if s.host == host {
			first = min(first, s.t)
		}
	}
	slices.Sort(instants)
	for _, at := range slices.Compact(instants) {
		if at < first+over || at > end-gap {
			continue
		}
		sum, left := int64(0), int64(0) // as long as what is as old as the window is in it, and when it has left
		for _, s := range list {
			if s.host == host && s.t <= at && s.t >= at-over {
				if sum += s.bytes; s.t > at-over {
					left += s.bytes
				}
			}
		}
		stands := slices.ContainsFunc(alerts, func(a [2]int64) bool { return a[0] <= at && (a[1] == 0 || at <= a[1]) })
		begins := slices.ContainsFunc(alerts, func(a [2]int64) bool { return a[0] == at })
		sees := seen(list, host, at, over, gap)
		switch {
		case sum < 300 && sees && !stands:
			t.Fatalf("host %d at %d: %d is too little, and nothing is told: %v", host, at/sec-1_700_000_000, sum, alerts)
		case begins && (left >= 300 || !sees):
			t.Fatalf("host %d at %d: it is told that %d is too little, exporters there: %v", host, at/sec-1_700_000_000, left, sees)
		case sum < 300 && !sees:
			blind++
		}
	}
	for _, a := range alerts {
		if _, ok := slices.BinarySearch(slices.Compact(instants), a[0]); !ok {
			t.Fatalf("host %d: an alert begins at %d, where nothing happens", host, a[0]/sec-1_700_000_000)
		}
	}
	return blind
}

// quietAlerts returns beginning and end of each alert by host.
func quietAlerts(t *testing.T, config *Config, list []saying, cuts []int, end int64, save bool) map[int][][2]int64 {
	t.Helper()
	var d detector.Detector
	d, err := config.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	var found []alert.Finding
	from := 0
	for _, to := range cuts {
		b, rows := sayings(list[from:to])
		d.Fold(b, rows)
		found = append(found, d.Judge(event.Watermark(list[from].t-1))...)
		if from = to; save {
			var state, again bytes.Buffer
			next, err := config.New(nil)
			if err = cmp.Or(err, d.Save(&state)); err != nil {
				t.Fatal(err)
			}
			saved := slices.Clone(state.Bytes())
			if err = cmp.Or(next.Load(&state), next.Save(&again)); err != nil || !bytes.Equal(saved, again.Bytes()) {
				t.Fatalf("Load: %v; saved again it is another state", err)
			}
			d = next
		}
	}
	found = append(found, d.Judge(event.Watermark(end))...)
	all := map[int][][2]int64{}
	for _, f := range found {
		var host int
		if _, err := fmt.Sscanf(f.Entity.String(), "10.0.0.%d", &host); err != nil {
			t.Fatal(err)
		}
		last := len(all[host]) - 1
		switch {
		case f.Ended:
			all[host][last][1] = f.Time
		case last < 0 || all[host][last][1] != 0:
			all[host] = append(all[host], [2]int64{f.Time})
		}
	}
	return all
}

// What exporters say can be merged from detectors that each saw a part.
func TestMergeExporters(t *testing.T) {
	list := drawSayings(rand.New(rand.NewPCG(3, 77)))
	end := list[len(list)-1].t + 1200*sec
	config := quietConfig()
	config.Over, config.Below = 5*time.Minute, num(300)
	want := quietAlerts(t, config, list, []int{len(list)}, end, false)
	parts := make([]detector.Detector, 3)
	for i := range parts {
		parts[i], _ = config.New(nil)
		var mine []saying
		for k, s := range list {
			if k%3 == i {
				mine = append(mine, s)
			}
		}
		b, rows := sayings(mine)
		parts[i].Fold(b, rows)
	}
	for _, other := range parts[1:] {
		if err := parts[0].Merge(other); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for _, f := range parts[0].Judge(event.Watermark(end)) {
		if f.Ended {
			continue
		}
		n++
		var host int
		if _, err := fmt.Sscanf(f.Entity.String(), "10.0.0.%d", &host); err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(want[host], func(a [2]int64) bool { return a[0] <= f.Time && (a[1] == 0 || f.Time <= a[1]) }) {
			t.Errorf("merged, it tells of %v at %d", f.Entity, f.Time)
		}
	}
	if n == 0 {
		t.Error("nothing was told")
	}
}

// So many exporters as anybody may make up are bounded in what they take, and hold nothing back.
func TestManyExporters(t *testing.T) {
	d, err := quietConfig().New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := event.NewBuilder(event.Flow)
	for i := range 3 * maxExporters {
		b.Time(event.Timestamp, 1_700_000_000*sec+int64(i))
		b.IP(event.SourceIP, [16]byte{10: 0xff, 11: 0xff, 12: 10, 15: 1})
		b.Uint(event.SourceBytes, 1)
		b.IP(event.ObserverIP, [16]byte{10: 0xff, 11: 0xff, 12: 100, 13: byte(i >> 16), 14: byte(i >> 8), 15: byte(i)})
		b.Next()
	}
	batch := b.Batch()
	d.Fold(batch, detectortest.AllRows(batch))
	if j := d.(*judge); len(j.exporters.all) != maxExporters || len(j.entity(0).more.fed) != maxFeeders {
		t.Errorf("%d exporters are told apart, %d of one entity", len(j.exporters.all), len(j.entity(0).more.fed))
	}
	if size := d.Stats().Bytes; size > 2<<20 {
		t.Errorf("they take %d bytes", size)
	}
}

// Who made up as many exporters as are told apart keeps none out for ever: once they are not waited for any more their numbers go to
// others, but for those of whom an entity is known to be told.
func TestNumbersOfExportersGoToOthers(t *testing.T) {
	made, err := quietConfig().New(nil)
	if err != nil {
		t.Fatal(err)
	}
	d := made.(*judge) //nolint:forcetypeassert // it is of this package
	say := func(at int64, exporters ...int) {
		b := event.NewBuilder(event.Flow)
		for _, n := range exporters {
			b.Time(event.Timestamp, at)
			b.IP(event.SourceIP, [16]byte{10: 0xff, 11: 0xff, 12: 10, 15: 1})
			b.Uint(event.SourceBytes, 1)
			b.IP(event.ObserverIP, [16]byte{10: 0xff, 11: 0xff, 12: 100, 13: byte(n >> 16), 14: byte(n >> 8), 15: byte(n)})
			b.Next()
		}
		batch := b.Batch()
		d.Fold(batch, detectortest.AllRows(batch)[:1]) // the others tell of nobody that the rule looks at
		d.Judge(event.Watermark(at + 10*sec))
	}
	noon := int64(1_700_000_000) * sec
	all := make([]int, maxExporters)
	for i := range all {
		all[i] = i
	}
	say(noon, all...)
	say(noon+sec, maxExporters)
	if len(d.exporters.all) != maxExporters || len(d.exporters.number) != maxExporters {
		t.Fatalf("%d exporters are told apart", len(d.exporters.all))
	}
	d.Judge(event.Watermark(noon + exporterGone + hour*sec))
	first := d.exporters.all[0].address // of whom entity 0 knows that it tells of it
	for n := range 3 {
		say(noon+exporterGone+(2*hour+int64(n))*sec, maxExporters+n, maxExporters+n)
	}
	for n := range 3 {
		address := [16]byte{10: 0xff, 11: 0xff, 12: 100, 14: byte((maxExporters + n) >> 8), 15: byte(maxExporters + n)}
		if at, ok := d.exporters.number[address]; !ok || d.exporters.all[at].address != address || d.exporters.all[at].gone() {
			t.Errorf("exporter %d is not told apart", maxExporters+n)
		}
	}
	if len(d.exporters.all) != maxExporters || len(d.exporters.number) != maxExporters || d.table.Len() == 1 && d.exporters.all[0].address != first {
		t.Errorf("%d exporters have %d numbers, and %x that of %x", len(d.exporters.all), len(d.exporters.number), d.exporters.all[0].address, first)
	}
	var state bytes.Buffer
	if err := d.Save(&state); err != nil {
		t.Fatal(err)
	}
	again, err := quietConfig().New(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Load(&state); err != nil {
		t.Error(err)
	}
}
