package filter

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"tocsin/internal/event"
)

// A trace agrees with the model as a whole, and so does every condition in it when it is a filter by itself; and what it
// blames decided.
func TestTraceIsModel(t *testing.T) {
	held, failed := 0, 0
	for seed := range uint64(400) {
		c := chooser{rand.New(rand.NewPCG(seed, 3))}
		b := drawBatch(c, 3)
		cond := drawCondition(c, 3)
		e, err := Parse(cond.text)
		if err != nil {
			t.Fatalf("%s: %v", cond.text, err)
		}
		for row := range int32(b.Rows) {
			trace := e.Explain(b, row)
			if want := cond.holds(rowOf(b, int(row))); trace.Holds != want {
				t.Fatalf("seed %d: %s: the trace says %v, the model %v", seed, cond.text, trace.Holds, want)
			}
			checkTrace(t, b, row, trace)
			for _, blamed := range trace.Blame() {
				if len(blamed.Parts) > 0 {
					t.Fatalf("seed %d: %s: blames %s, which has parts", seed, cond.text, blamed.Text)
				}
			}
			if trace.Holds {
				held++
			} else {
				failed++
			}
		}
	}
	if held < 100 || failed < 100 {
		t.Errorf("%d rows were selected and %d not: the property was hardly tested", held, failed)
	}
}

func checkTrace(t *testing.T, b *event.Batch, row int32, trace *Trace) {
	t.Helper()
	e, err := Parse(trace.Text)
	if err != nil {
		t.Fatalf("the trace spells %s: %v", trace.Text, err)
	}
	if got := slices.Contains(Compile(e).Select(b, nil), row); got != trace.Holds {
		t.Fatalf("%s: the trace says %v, a filter of its own %v", trace.Text, trace.Holds, got)
	}
	for _, p := range trace.Parts {
		checkTrace(t, b, row, p)
	}
}

// What is blamed is what an administrator has to look at.
func TestBlame(t *testing.T) {
	b := event.NewBuilder(event.Log)
	b.Int(event.HTTPStatus, 200)
	b.Addr(event.SourceIP, netip.MustParseAddr("192.0.2.7"))
	b.Text(event.Message, "GET /")
	b.Label([]byte("team"), []byte("a"))
	b.Label([]byte("team"), []byte("b"))
	b.Next()
	batch := b.Batch()
	for where, want := range map[string]string{
		`http.response.status_code == 404 && source.ip == "192.0.2.7"`:            `http.response.status_code == 404 [http.response.status_code=200]`,
		`user.name == "root" && http.response.status_code >= 500`:                 `user.name == "root" [user.name lacks] | http.response.status_code >= 500 [http.response.status_code=200]`,
		`message contains "x" || message contains "y"`:                            `message contains "x" [message=GET /] | message contains "y" [message=GET /]`,
		`!(message contains "GET" && http.response.status_code == 200)`:           `message contains "GET" [message=GET /] | http.response.status_code == 200 [http.response.status_code=200]`,
		`http.response.status_code != 200`:                                        `http.response.status_code != 200 [http.response.status_code=200]`,
		`related.ip == "198.51.100.1"`:                                            `related.ip == "198.51.100.1" [related.ip=192.0.2.7]`,
		`labels.team == "a"`:                                                      `labels.team == "a" [labels.team=b]`,
		`num(labels.team) > 3 && true`:                                            `num(labels.team) > 3 [num(labels.team)=b]`,
		`source.ip == destination.ip`:                                             `source.ip == destination.ip [source.ip=192.0.2.7 destination.ip lacks]`,
		`false`:                                                                   `false []`,
		`http.response.status_code in [404, 403] || user.name in ["root", "ann"]`: `http.response.status_code in [404, 403] [http.response.status_code=200] | user.name in ["root", "ann"] [user.name lacks]`,
	} {
		e, err := Parse(where)
		if err != nil {
			t.Fatal(err)
		}
		trace := e.Explain(batch, 0)
		var got []string
		for _, p := range trace.Blame() {
			var has []string
			for _, h := range p.Has {
				if len(h.Values) == 0 {
					has = append(has, h.Name+" lacks")
				} else {
					has = append(has, h.Name+"="+strings.Join(h.Values, ","))
				}
			}
			got = append(got, p.Text+" ["+strings.Join(has, " ")+"]")
		}
		if text := strings.Join(got, " | "); text != want || trace.Holds {
			t.Errorf("%s: blames %s, want %s", where, text, want)
		}
	}
	if trace := (*Expr)(nil).Explain(batch, 0); !trace.Holds {
		t.Error("no filter selects everything")
	}
}
