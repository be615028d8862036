package mute

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"tocsin/internal/alert"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// about makes an alert of rule ssh-scan about an address, with a sample of each host.
func about(address string, hosts ...string) *alert.Alert {
	a := &alert.Alert{RuleName: "ssh-scan", Owner: "anna", Severity: alert.High, Entity: alert.Entity{{Field: "source.ip", Value: address}}}
	for _, host := range hosts {
		a.Samples = append(a.Samples, json.RawMessage(fmt.Sprintf(`{"host.name":%q,"http.response.status_code":404,"labels.team":"shop","tocsin.flags":["x"]}`, host)))
	}
	return a
}

func TestMatches(t *testing.T) {
	scan := about("192.0.2.7", "web1", "web1")
	both := about("192.0.2.7", "web1", "web2")
	bare := about("192.0.2.7")
	everybodys := about("192.0.2.7", "web1")
	everybodys.Owner = ""
	foul := about("192.0.2.7")
	foul.Samples = []json.RawMessage{[]byte(`{"host.name":"web1"}`), []byte(`null`)}
	for _, test := range []struct {
		match Match
		alert *alert.Alert
		want  bool
	}{
		{Match{Owner: Anybody}, scan, true},
		{Match{Owner: "anna"}, scan, true},
		{Match{Owner: "bob"}, scan, false},
		{Match{Owner: ""}, scan, false},
		{Match{Owner: ""}, everybodys, true},
		{Match{Owner: "anna"}, everybodys, false},
		{Match{Owner: Anybody, Rule: "ssh-scan"}, scan, true},
		{Match{Owner: Anybody, Rule: "ssh"}, scan, false},
		{Match{Owner: Anybody, Entity: alert.Entity{{Field: "source.ip", Value: "192.0.2.7"}}}, scan, true},
		{Match{Owner: Anybody, Entity: alert.Entity{{Field: "source.ip", Value: "192.0.2.8"}}}, scan, false},
		{Match{Owner: Anybody, Entity: alert.Entity{}}, scan, false},
		{Match{Owner: Anybody, MinSeverity: alert.High, MaxSeverity: alert.High}, scan, true},
		{Match{Owner: Anybody, MinSeverity: alert.Critical}, scan, false},
		{Match{Owner: Anybody, MaxSeverity: alert.Medium}, scan, false},
		{Match{Owner: Anybody, Where: `source.ip == "192.0.2.7"`}, scan, true}, // of the entity
		{Match{Owner: Anybody, Where: `source.ip == "192.0.2.7"`}, bare, true},
		{Match{Owner: Anybody, Where: `source.ip in cidr("192.0.2.0/24")`}, scan, true},
		{Match{Owner: Anybody, Where: `host.name == "web1"`}, scan, true}, // of every sample
		{Match{Owner: Anybody, Where: `host.name == "web1"`}, both, false},
		{Match{Owner: Anybody, Where: `host.name == "web1" or host.name == "web2"`}, both, true},
		{Match{Owner: Anybody, Where: `host.name == "web1"`}, bare, false}, // nothing proves it
		{Match{Owner: Anybody, Where: `host.name != "db1"`}, scan, true},
		{Match{Owner: Anybody, Where: `host.name != "db1"`}, bare, false},
		{Match{Owner: Anybody, Where: `user.name != "root"`}, scan, false}, // it is missing, which proves nothing
		{Match{Owner: Anybody, Where: `labels.team == "shop"`}, scan, true},
		{Match{Owner: Anybody, Where: `http.response.status_code >= 400`}, scan, true},
		{Match{Owner: Anybody, Where: `host.name == "web1"`}, foul, false},
	} {
		m, err := test.match.Compile()
		if err != nil {
			t.Errorf("%+v: %v", test.match, err)
			continue
		}
		if got := m.Means(test.alert); got != test.want {
			t.Errorf("%+v means %s of %q with %d samples: %v, want %v", test.match, test.alert.Entity, test.alert.Owner, len(test.alert.Samples), got, test.want)
		}
	}
}

// What the entity tells stands: a sample cannot say that it is another.
func TestEntityStands(t *testing.T) {
	a := about("192.0.2.7")
	a.Samples = []json.RawMessage{[]byte(`{"source.ip":"198.51.100.1","host.name":"web1"}`)}
	m, err := Match{Owner: Anybody, Where: `source.ip == "192.0.2.7"`}.Compile()
	if err != nil {
		t.Fatal(err)
	}
	if !m.Means(a) {
		t.Error("a filter on the address of the entity does not mean its alert")
	}
}

// Kinds do not get into each other's way, times bound them, and of several it is the oldest.
func TestSet(t *testing.T) {
	anybody := Match{Owner: Anybody}
	list := []Mute{
		{ID: 7, Kind: Silence, Match: anybody, Starts: noon, Ends: noon.Add(time.Hour)},
		{ID: 5, Kind: Exclusion, Match: anybody, Starts: noon},
		{ID: 6, Kind: Window, Match: Match{Owner: Anybody, Where: `host.name == "web1"`}, Starts: noon, Ends: noon.Add(2 * time.Hour)},
		{ID: 1, Kind: Silence, Match: anybody, Starts: noon, Ends: noon.Add(time.Hour), Revoked: noon},
		{ID: 2, Kind: Window, Match: anybody, Starts: noon, Schedule: &Schedule{From: "20:00", To: "21:00"}},
		{ID: 3, Kind: Silence, Match: Match{Owner: Anybody, Where: "foul =="}, Starts: noon, Ends: noon.Add(time.Hour)},
		{ID: 4, Kind: Window, Match: anybody, Starts: noon, Schedule: &Schedule{From: "20:00", To: "21"}},
	}
	set, err := NewSet(list)
	if err == nil || !strings.Contains(err.Error(), "silence 3") || !strings.Contains(err.Error(), "window 4") {
		t.Errorf("NewSet = %v, want the two foul ones named", err)
	}
	a := about("192.0.2.7", "web1")
	for _, test := range []struct {
		after time.Duration
		want  int64
	}{{-time.Nanosecond, 0}, {0, 6}, {time.Hour - 1, 6}, {time.Hour, 6}, {2 * time.Hour, 0}, {8*time.Hour - 1, 0}, {8 * time.Hour, 2}, {9*time.Hour - 1, 2}, {9 * time.Hour, 0}, {32 * time.Hour, 2}} {
		if m, ok := set.Silenced(a, noon.Add(test.after)); m.ID != test.want || ok != (test.want != 0) {
			t.Errorf("silenced at noon %+v by %d, %v, want %d", test.after, m.ID, ok, test.want)
		}
	}
	if m, ok := set.Excluded(a, noon); m.ID != 5 || !ok {
		t.Errorf("excluded by %d, %v, want 5", m.ID, ok)
	}
	if _, ok := set.Excluded(a, noon.Add(-1)); ok {
		t.Error("excluded before it starts")
	}
	var none *Set
	if _, ok := none.Silenced(a, noon); ok {
		t.Error("no set silences")
	}
}

// A set answers as the matches by themselves do, also to several goroutines at once.
func TestSetAgainstEachByItself(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	list := many(random, 200)
	set, err := NewSet(list)
	if err != nil {
		t.Fatal(err)
	}
	matchers := make([]*Matcher, len(list))
	for i := range list {
		if matchers[i], err = list[i].Compile(); err != nil {
			t.Fatal(err)
		}
	}
	var wait sync.WaitGroup
	for worker := range uint64(4) {
		wait.Go(func() {
			random := rand.New(rand.NewPCG(worker, 5))
			for range 100 {
				a := about(fmt.Sprintf("192.0.2.%d", random.IntN(256)), fmt.Sprintf("web%d", random.IntN(300)))
				a.RuleName = fmt.Sprintf("rule-%d", random.IntN(20))
				want := int64(0)
				for i, m := range matchers {
					if m.Means(a) {
						want = list[i].ID
						break
					}
				}
				if m, _ := set.Silenced(a, noon); m.ID != want {
					t.Errorf("silenced by %d, want %d", m.ID, want)
				}
			}
		})
	}
	wait.Wait()
}

// many makes silences of every sort, none of which means everything.
func many(random *rand.Rand, n int) []Mute {
	list := make([]Mute, n)
	for i := range list {
		m := Mute{ID: int64(i + 1), Kind: Silence, Match: Match{Owner: Anybody}, Note: "x", Starts: noon, Ends: noon.Add(time.Hour)}
		switch i % 4 {
		case 0:
			m.Rule, m.Entity = fmt.Sprintf("rule-%d", random.IntN(20)), alert.Entity{{Field: "source.ip", Value: fmt.Sprintf("192.0.2.%d", random.IntN(256))}}
		case 1:
			m.Where = fmt.Sprintf(`source.ip == "192.0.2.%d" and host.name != "web%d"`, random.IntN(256), random.IntN(300))
		case 2:
			m.Where = fmt.Sprintf(`host.name == "web%d" or host.name startsWith "db%d"`, random.IntN(300), random.IntN(300))
		default:
			m.Rule, m.Where = fmt.Sprintf("rule-%d", random.IntN(20)), fmt.Sprintf(`labels.team == "shop%d"`, random.IntN(3))
		}
		list[i] = m
	}
	return list
}

func TestWordsOfAMute(t *testing.T) {
	m := Mute{ID: 12, Kind: Silence, Author: "anna", Note: "disk swap", Ends: noon}
	if got, want := m.String(), "silence 12 by anna (disk swap) until 2026-03-04T12:00:00Z"; got != want {
		t.Errorf("String = %q, want %q", got, want)
	}
	m.Ends = time.Time{}
	if got, want := m.String(), "silence 12 by anna (disk swap)"; got != want {
		t.Errorf("String = %q, want %q", got, want)
	}
}

// Whatever was stored is read again as it was.
func TestStoredForm(t *testing.T) {
	for _, m := range append(many(rand.New(rand.NewPCG(1, 1)), 8), Mute{Match: Match{Owner: "", MinSeverity: alert.Low, MaxSeverity: alert.High},
		Schedule: &Schedule{Days: []string{"mon"}, Dates: []int{1, -1}, From: "22:00", To: "02:00", Zone: "Europe/Berlin"}, EndsWhenResolved: true}) {
		text, err := m.encode()
		if err != nil {
			t.Fatal(err)
		}
		again := Mute{}
		if err := again.decode(text); err != nil {
			t.Fatal(err)
		}
		if back, err := again.encode(); err != nil || back != text {
			t.Errorf("stored %s, read %s, %v", text, back, err)
		}
	}
	if err := new(Mute).decode("{"); err == nil {
		t.Error("what is no JSON was read")
	}
}

func BenchmarkSilenced(b *testing.B) {
	for _, n := range []int{1, 100, MaxInForce} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			set, err := NewSet(many(rand.New(rand.NewPCG(1, 2)), n))
			if err != nil {
				b.Fatal(err)
			}
			a := about("198.51.100.1", "web900", "web901", "web902", "web900", "web900", "web900")
			a.RuleName = "rule-3"
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := set.Silenced(a, noon); ok {
					b.Fatal("silenced")
				}
			}
		})
	}
}

func BenchmarkNewSet(b *testing.B) {
	list := many(rand.New(rand.NewPCG(1, 2)), MaxInForce)
	for b.Loop() {
		if _, err := NewSet(list); err != nil {
			b.Fatal(err)
		}
	}
}
