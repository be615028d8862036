package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/api"
)

// hostile is an answer in which everything foreign would act on a terminal.
func hostile() api.ExplainAnswer {
	const foul = "\x1b[31mred\u202e\r\n\x00"
	held := []api.FieldHeld{{Name: foul, Values: []string{foul, ""}}, {Name: "user.name"}}
	return api.ExplainAnswer{State: "live", AsOf: time.Unix(1e9, 0), Note: foul, Rules: 2, Lines: []api.Account{{
		Line: 1, Text: foul, Format: "combined", Confidence: 95, Scores: []api.FormatScore{{Format: "combined", Score: 95}, {Format: foul, Score: 3}},
		Fault: &api.LineFault{Offset: 3, Reason: foul, Before: foul, Here: foul},
		Events: []api.EventTrace{{
			Kind: "log", Time: time.Unix(1e9, 0), Mended: []string{foul},
			Fields: []api.EventField{{Name: "labels." + foul, Type: "label", Value: foul}},
			Rules: []api.RuleTrace{
				{Name: foul, Verdict: api.Fires, Why: foul, Entity: alert.Entity{{Field: "user.name", Value: foul}}, Facts: []api.TraceFact{{Name: foul, Text: foul}, {Name: "oldest", Time: time.Unix(1e9, 0)}}},
				{Name: "b", Verdict: api.NotSelected, Blame: []api.FilterTrace{{Text: foul, Has: held}, {Text: "x"}, {Text: "y", Holds: true}, {Text: "z"}, {Text: "more"}, {Text: "and more"}}},
				{Name: "c", Verdict: api.OtherKind}, {Name: "d", Verdict: api.Counts, Why: "count is 1", Late: true},
			},
		}},
	}}}
}

func TestExplainIsSafeAndWhole(t *testing.T) {
	for _, form := range []string{"table", "csv", "json"} {
		r := (&run{svc: &recorder{explained: hostile()}}).do(t, "explain", "line", "-o", form)
		if i := strings.IndexFunc(r.out, func(c rune) bool { return c < ' ' && c != '\n' || c == '\u202e' || c == 0x7f }); i >= 0 {
			t.Errorf("-o %s writes %q", form, r.out[i:min(i+20, len(r.out))])
		}
		if r.code != 0 {
			t.Errorf("-o %s: exit code %d: %s", form, r.code, r.err)
		}
	}
	r := (&run{svc: &recorder{explained: hostile()}}).do(t, "explain", "line")
	for _, want := range []string{
		"\n  FIRES         \\x1b[31mred", "    and 2 more (-o json has all)\n", "there is no user.name", "  1 rule looks at other kinds of event only\n",
		"\n    x: it is not\n", "\n    y: it is so\n", "oldest 2001-09-09 01:46:40", "  too late      d  everything together\n", "so it does not count; as one of now it would count, and not fire",
		"asked what they know now; newest event 2001-09-09 01:46:40", "; also \\x1b[31m",
	} {
		if !strings.Contains(r.out, want) {
			t.Errorf("the table lacks %q:\n%s", want, r.out)
		}
	}
}

func TestExplainAsks(t *testing.T) {
	asked := func(r *run) api.ExplainRequest {
		t.Helper()
		if len(r.svc.calls) != 1 {
			t.Fatalf("calls: %v, errors %q", r.svc.calls, r.err)
		}
		return r.svc.calls[0].([]any)[1].(api.ExplainRequest)
	}
	got := asked((&run{}).do(t, "explain", "a b", "--zone", "Europe/Berlin", "--service", "shop", "--rule", "x,y", "--format", "combined", "--history"))
	want := api.ExplainRequest{Raw: [][]byte{[]byte("a b")}, Format: "combined", Zone: "Europe/Berlin", Service: "shop", Rules: []string{"x", "y"}, State: "history"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	got = asked((&run{in: "one\r\n\n\xfftwo"}).do(t, "explain", "-"))
	if diff := cmp.Diff([][]byte{[]byte("one"), {}, []byte("\xfftwo")}, got.Raw); diff != "" {
		t.Errorf("lines of standard input (-want +got):\n%s", diff)
	}
	r := (&run{in: strings.Repeat("x\n", 5000)}).do(t, "explain", "-")
	if got := asked(r); len(got.Raw) != api.MaxExplainLines || !strings.Contains(r.err, "only the first 1000 lines") {
		t.Errorf("of 5000 lines %d are asked about, errors %q", len(got.Raw), r.err)
	}
	r = (&run{in: strings.Repeat(strings.Repeat("x", 99)+"\n", 50_000)}).do(t, "explain", "-")
	size := 0
	for _, l := range asked(r).Raw {
		size += len(l)
	}
	if size == 0 || size > api.MaxExplainBytes {
		t.Errorf("asked about %d bytes", size)
	}
	(&run{in: " \n\t\n"}).do(t, "explain", "-").want(t, 1, "", "standard input holds no line")
	(&run{}).do(t, "explain", "a", "b").want(t, 2, "", "one line in quotes")
	(&run{svc: &recorder{explained: api.ExplainAnswer{Lines: []api.Account{{Text: "x", Why: "no"}}}}}).do(t, "explain", "x").want(t, 1, "not recognised: no", "")
}
