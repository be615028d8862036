package logtrack

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/api"
)

// A told is one event of a past: when, and whose.
type told struct {
	at   int64 // seconds
	user string
}

// A past answers Search and Top from events in memory, in the plainest way.
type past struct {
	api.Service

	events []told
	most   int // groups of one answer; more make it an estimate
	asked  int
}

func (p *past) Search(_ context.Context, q api.SearchRequest, each func(json.RawMessage) error) error {
	all := slices.Clone(p.events)
	slices.SortStableFunc(all, func(a, b told) int { return cmp.Compare(a.at, b.at) })
	if !q.Oldest {
		slices.Reverse(all)
	}
	for i, e := range all {
		if i == q.Limit {
			break
		}
		if err := each(fmt.Appendf(nil, `{"@timestamp": %q}`, time.Unix(e.at, 0).UTC().Format(time.RFC3339Nano))); err != nil {
			return err
		}
	}
	return nil
}

func (p *past) Top(_ context.Context, q api.TopRequest) (api.TopAnswer, error) {
	p.asked++
	a := api.TopAnswer{By: q.By}
	type group struct {
		at   int64
		user string
	}
	counts := map[group]int{}
	step := int64(q.Bucket / time.Second)
	for _, e := range p.events {
		if e.at < q.Since.Unix() || e.at >= q.Until.Unix() {
			continue
		}
		g := group{at: e.at - (e.at%step+step)%step}
		if len(q.By) > 0 {
			g.user = e.user
		}
		counts[g]++
		a.Events++
	}
	for g, n := range counts {
		row := api.TopRow{Time: time.Unix(g.at, 0).UTC(), Value: float64(n)}
		if len(q.By) > 0 {
			row.Values = []string{g.user}
		}
		a.Rows = append(a.Rows, row)
	}
	slices.SortFunc(a.Rows, func(a, b api.TopRow) int { return cmp.Or(a.Time.Compare(b.Time), -cmp.Compare(a.Value, b.Value)) })
	if len(a.Rows) > p.most {
		a.Rows, a.Estimate = a.Rows[:p.most], true
	}
	return a, nil
}

// model finds the first full window of each user event by event, as LogTrack does.
func model(events []told, over, atLeast int64, by bool) (hits []hit) {
	times := map[string][]int64{}
	for _, e := range events {
		if !by {
			e.user = ""
		}
		times[e.user] = append(times[e.user], e.at)
	}
	for user, at := range times {
		slices.Sort(at)
		left := 0
		for right := range at {
			for at[right]-at[left] > over {
				left++
			}
			if int64(right-left+1) >= atLeast {
				hits = append(hits, hit{key: user, at: time.Unix(at[right], 0).UTC()})
				break
			}
		}
	}
	slices.SortFunc(hits, func(a, b hit) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.key, b.key)) })
	return hits
}

func TestWindowIsModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		origin := rapid.Int64Range(-4e9, 4e9).Draw(t, "origin")
		spread := rapid.SampledFrom([]int64{1, 60, 3600, 86_400, 86_400 * 400}).Draw(t, "spread")
		events := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) told {
			burst := rapid.Int64Range(0, 12).Draw(t, "burst") * spread
			return told{at: origin + burst + rapid.Int64Range(0, 90).Draw(t, "second"), user: rapid.SampledFrom([]string{"a", "b", "ü"}).Draw(t, "user")}
		}), 0, 80).Draw(t, "events")
		w := window{
			over:    time.Duration(rapid.SampledFrom([]int64{0, 1, 30, 59, 60, 61, 3599, 3600, 86_400 * 30}).Draw(t, "over")) * time.Second,
			atLeast: rapid.Int64Range(1, 12).Draw(t, "at least"),
		}
		if rapid.Bool().Draw(t, "by user") {
			w.by = "user.name"
		}
		p := &past{events: events, most: rapid.SampledFrom([]int{3, 10, 1 << 20}).Draw(t, "most")}
		got, err := w.first(t.Context(), p)
		if err != nil {
			t.Fatal(err)
		}
		want := model(events, int64(w.over/time.Second), w.atLeast, w.by != "")
		if diff := gocmp.Diff(want, got, gocmp.AllowUnexported(hit{})); diff != "" {
			t.Errorf("window %+v over %v: (-want +got)\n%s", w, events, diff)
		}
	})
}

// What stays below the limit is counted and not looked at second by second, however long it goes on.
func TestQuietPastIsCountedOnce(t *testing.T) {
	p := &past{most: 1 << 20}
	for i := range int64(50_000) {
		p.events = append(p.events, told{at: i * 600})
	}
	got, err := window{over: time.Hour, atLeast: 20}.first(t.Context(), p)
	if err != nil || len(got) != 0 {
		t.Fatalf("first: got %v, %v, want nothing", got, err)
	}
	if p.asked > 40 {
		t.Errorf("first asked %d times, want 40 at most", p.asked)
	}
}

// More keys in one bucket than an answer holds is an error and not a wrong answer.
func TestTooManyKeys(t *testing.T) {
	p := &past{most: 3}
	for i := range int64(10) {
		p.events = append(p.events, told{at: 7, user: fmt.Sprint(i)})
	}
	if got, err := (window{over: time.Minute, atLeast: 1, by: "user.name"}).first(t.Context(), p); err == nil {
		t.Errorf("first: got %v and no error", got)
	}
}
