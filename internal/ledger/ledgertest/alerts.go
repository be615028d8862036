package ledgertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"tocsin/internal/alert"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
)

func testAlertLife(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	a := host("192.0.2.1")
	if got, want := kinds(step(t, l, 1, write(1, a, trigger(1, 2, 12)))), "CREATE 192.0.2.1;"; got != want {
		t.Errorf("first trigger: changes %q, want %q", got, want)
	}
	if got := kinds(step(t, l, 2, write(1, a, trigger(5, 3, 20)), write(1, host("192.0.2.2"), trigger(5, 1, 11)))); got != "CREATE 192.0.2.2;" {
		t.Errorf("further triggers: changes %q, want that of the other entity alone", got)
	}
	step(t, l, 3, write(1, a, trigger(7, 1, 15)))
	got := alerts(t, l, ledger.AlertQuery{Rule: "rule-1", States: []alert.State{alert.Open}})
	if len(got) != 2 {
		t.Fatalf("open alerts = %+v, want 2", got)
	}
	want := alert.Alert{
		ID: got[0].ID, Rule: 1, RuleName: "rule-1", RuleVersion: 1, Title: "rule-1: 192.0.2.1", Severity: alert.High, State: alert.Open,
		Entity: a, Origin: ledger.Live, First: at(1), Last: at(7), Updated: at(3), Change: 4, Born: 1, Triggers: 6, Value: 15, Peak: 20, Limit: 10,
		Window: 10e9, Reason: "15 in 10s", Samples: []json.RawMessage{},
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("alert differs (-want +got):\n%s", diff)
	}
	louder := write(1, a, trigger(8, 1, 15))
	louder.Rule.Severity, louder.Rule.Version = alert.Critical, 2
	if got := kinds(step(t, l, 4, louder)); got != "UPDATE 192.0.2.1;" {
		t.Errorf("severity rises: changes %q, want an UPDATE", got)
	}
	louder.Episodes = episodes(end(20), trigger(25, 1, 11), end(26), trigger(30, 4, 12))
	if got := kinds(step(t, l, 5, louder)); got != "END 192.0.2.1;CREATE 192.0.2.1;END 192.0.2.1;CREATE 192.0.2.1;" {
		t.Errorf("end and two more: changes %q", got)
	}
	all := alerts(t, l, ledger.AlertQuery{MinSeverity: alert.Critical})
	if len(all) != 3 || all[0].State != alert.Open || all[1].EndedAt != at(26) || all[2].EndedAt != at(20) || all[2].Triggers != 7 {
		t.Errorf("alerts = %+v, want one open and two ended, at 26 and 20 s", all)
	}
	if got := kinds(step(t, l, 6, write(1, host("192.0.2.9"), end(31)))); got != "" {
		t.Errorf("end of what is not open: changes %q, want none", got)
	}
	open, err := l.OpenAlerts(t.Context())
	if err != nil || !reflect.DeepEqual(open, map[int64]int{1: 2}) {
		t.Errorf("OpenAlerts = %v, %v, want 2 of rule 1", open, err)
	}
	if n := len(deliveries(t, l)); n != 7 {
		t.Errorf("%d notices in the outbox, want one for each of 7 changes", n)
	}
}

func testPositions(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	ctx := t.Context()
	if p, err := l.Progress(ctx, "alerting"); err != nil || !reflect.DeepEqual(p, ledger.Progress{}) {
		t.Errorf("Progress of an empty ledger = %+v, %v", p, err)
	}
	a := host("192.0.2.1")
	step(t, l, 5, write(1, a, trigger(1, 1, 11)))
	for _, seq := range []uint64{5, 4, 1} {
		if got := step(t, l, seq, write(1, a, trigger(1, 1, 11)), write(1, host("other"), trigger(1, 1, 11))); len(got.Changes) > 0 {
			t.Errorf("Commit at %d behind 5 changed %s", seq, kinds(got))
		}
	}
	if got := alerts(t, l, ledger.AlertQuery{}); len(got) != 1 || got[0].Triggers != 1 {
		t.Errorf("alerts after repeats = %+v, want one with one trigger", got)
	}
	p, err := l.Progress(ctx, "alerting")
	if err != nil || !p.Position.Covers(pos(5)) || p.Position.Covers(pos(6)) || p.Updated != at(5) {
		t.Errorf("Progress = %+v, %v, want 5", p, err)
	}
	// Another generation of the journal begins at 0, and counts.
	next := event.Position{Epoch: "e2", Seqs: map[uint16]uint64{0: 1}}
	_, err = l.Commit(ctx, ledger.Commit{Name: "alerting", Position: next, Front: next, Now: at(9), Writes: []ledger.Write{write(1, a, trigger(9, 1, 12))}})
	if err != nil {
		t.Fatal(err)
	}
	if got := alerts(t, l, ledger.AlertQuery{}); len(got) != 1 || got[0].Triggers != 2 {
		t.Errorf("alerts after a new epoch = %+v, want 2 triggers", got)
	}
	if p, err := l.Progress(ctx, "alerting"); err != nil || p.Position.Epoch != "e2" {
		t.Errorf("Progress = %+v, %v, want the new epoch", p, err)
	}
	if p, err := l.Progress(ctx, "somebody else"); err != nil || p.Position.Epoch != "" {
		t.Errorf("Progress of somebody else = %+v, %v, want none", p, err)
	}
}

// testHeld: what was held back when the process died is counted when the journal is judged again, and nothing else is.
func testHeld(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	a, b := host("a"), host("b")
	step(t, l, 1, write(1, a, trigger(1, 1, 11)))
	// Findings at 2 about a are held back while b is written at 3.
	commit := ledger.Commit{Name: "alerting", Position: pos(1), Front: pos(3), Now: at(3), Writes: []ledger.Write{write(1, b, trigger(3, 1, 12))}}
	for range 2 { // the outcome of the first was not known
		if _, err := l.Commit(t.Context(), commit); err != nil {
			t.Fatal(err)
		}
	}
	p, err := l.Progress(t.Context(), "alerting")
	if err != nil || !p.Position.Covers(pos(1)) || p.Position.Covers(pos(2)) || !p.Front.Covers(pos(3)) {
		t.Fatalf("Progress = %+v, %v, want position 1 and front 3", p, err)
	}
	// Now both are found again.
	step(t, l, 2, write(1, a, trigger(2, 5, 13)))
	step(t, l, 3, write(1, b, trigger(3, 1, 12)))
	step(t, l, 4, write(1, b, trigger(4, 1, 12)))
	counts := map[string]int64{}
	for _, x := range alerts(t, l, ledger.AlertQuery{}) {
		counts[x.Entity.String()] += x.Triggers
	}
	if want := map[string]int64{"a": 6, "b": 2}; !reflect.DeepEqual(counts, want) {
		t.Errorf("triggers = %v, want %v", counts, want)
	}
}

func testCap(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	var writes []ledger.Write
	for i := range 8 {
		writes = append(writes, write(1, host(fmt.Sprintf("h%d", i)), trigger(1, 2, 11)))
	}
	result := step(t, l, 1, writes...)
	if got := kinds(result); strings.Count(got, "CREATE") != 4 || !strings.Contains(got, "further entities") || result.Open[1] != 3 {
		t.Errorf("changes %q, open %v, want 3 alerts and one for the rest", got, result.Open)
	}
	step(t, l, 1, writes...) // known
	step(t, l, 2, write(1, host("h7"), trigger(2, 1, 11)), write(2, host("h7"), trigger(2, 1, 11)))
	all := alerts(t, l, ledger.AlertQuery{Rule: "rule-1", SinceID: 3})
	if len(all) != 1 || all[0].Triggers != 11 || all[0].State != alert.Open || all[0].Value != 11 || all[0].Limit != 3 {
		t.Errorf("alert of the overflow = %+v, want 11 triggers over a cap of 3", all)
	}
	// One that the cap let in goes on; its end makes room.
	if got := kinds(step(t, l, 3, write(1, host("h0"), trigger(3, 1, 11)))); got != "" {
		t.Errorf("alert under the cap: changes %q, want none", got)
	}
	if got := kinds(step(t, l, 4, write(1, host("h0"), end(4)))); got != "END h0;END further entities;" {
		t.Errorf("room again: changes %q, want the end of both", got)
	}
	if got := kinds(step(t, l, 5, write(1, host("h9"), trigger(5, 1, 11)))); got != "CREATE h9;" {
		t.Errorf("changes %q, want the new one", got)
	}
	if got := kinds(step(t, l, 6, write(1, host("h8"), trigger(6, 1, 11)))); got != "CREATE further entities;" {
		t.Errorf("changes %q, want another overflow", got)
	}
}

func testOneOpen(t *testing.T, fresh Fresh) {
	dsn, dir := fresh(t)
	one, two := Open(t, dsn, dir), Open(t, dsn, dir)
	var all sync.WaitGroup
	for i := range 20 {
		for n, l := range []*ledger.Ledger{one, two} {
			all.Go(func() {
				c := ledger.Commit{
					Name: fmt.Sprintf("node%d-%d", n, i), Position: pos(uint64(i + 1)), Front: pos(uint64(i + 1)), Now: at(i), //nolint:gosec // small
					Writes: []ledger.Write{write(1, host("a"), trigger(i, 1, 11))},
				}
				if err := insist(func() error { _, err := l.Commit(t.Context(), c); return err }); err != nil {
					t.Errorf("Commit = %v", err)
				}
			})
		}
	}
	all.Wait()
	if got := alerts(t, one, ledger.AlertQuery{}); len(got) != 1 {
		t.Errorf("%d alerts, want one", len(got))
	}
}

func testHostile(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	long := strings.Repeat("ä", 500_000)
	values := []string{"a\x00b", "a\xffb", "a\xfeb", long, long + "x", "'; DROP TABLE alerts; --", "\u202e", ""}
	f := trigger(1, 1, math.NaN())
	f.Limit, f.Reason = math.Inf(-1), long+"\x00\xff"
	f.Samples = []json.RawMessage{
		json.RawMessage(`{"message":"fine"}`), json.RawMessage(`{"message":`), json.RawMessage("{\"message\":\"\xff\"}"),
		json.RawMessage(`"` + strings.Repeat("x", 1<<20) + `"`), nil,
	}
	var writes []ledger.Write
	for _, v := range values {
		w := write(1, alert.Entity{{Field: "user.name", Value: v}, {Field: "url.path\x00", Value: v}}, f)
		w.Rule.Owner, w.Rule.Title = v, v
		writes = append(writes, w)
	}
	_, err := l.Commit(t.Context(), ledger.Commit{Name: "alerting", Position: pos(1), Front: pos(1), Now: at(1), Writes: writes, Route: page})
	if err != nil {
		t.Fatalf("Commit = %v", err)
	}
	got := alerts(t, l, ledger.AlertQuery{})
	if len(got) != len(values) {
		t.Errorf("%d alerts, want %d: different entities fell together", len(got), len(values))
	}
	for _, a := range got {
		text, err := json.Marshal(a)
		if err != nil || !utf8.Valid(text) || len(text) > 32<<10 {
			t.Errorf("alert %d as JSON: %d bytes, %v; want few, and valid", a.ID, len(text), err)
		}
		if len(a.Samples) != 2 {
			t.Errorf("alert %d has %d samples, want the 2 that are JSON", a.ID, len(a.Samples))
		}
	}
	// The same again belongs to the same alerts.
	step(t, l, 2, writes...)
	if got := alerts(t, l, ledger.AlertQuery{}); len(got) != len(values) || got[0].Triggers != 2 {
		t.Errorf("after a repeat %d alerts, want %d", len(got), len(values))
	}
	claimed, err := l.Claim(t.Context(), ledger.Claim{Channel: "page", Holder: "t", Lease: 1e9, Limit: 100, Now: at(2)})
	if err != nil || len(claimed) != len(values) {
		t.Errorf("Claim = %d notices, %v, want %d", len(claimed), err, len(values))
	}
}

func testQueries(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	for i := range 6 {
		w := write(int64(1+i%2), host(fmt.Sprintf("h%d", i)), trigger(i*10, 1, 11))
		w.Rule.Severity, w.Rule.Owner = alert.Severity(1+i%5), []string{"anna", "bob", ""}[i%3]
		if i == 5 {
			w.Episodes = episodes(trigger(50, 1, 11), end(55))
		}
		step(t, l, uint64(i+1), w) //nolint:gosec // small
	}
	anna := "anna"
	nobody := ""
	for name, test := range map[string]struct {
		q    ledger.AlertQuery
		want string
	}{
		"all":      {ledger.AlertQuery{}, "543210"},
		"limit":    {ledger.AlertQuery{Limit: 2}, "54"},
		"number":   {ledger.AlertQuery{ID: 3}, "2"},
		"rule":     {ledger.AlertQuery{Rule: "rule-2"}, "531"},
		"rule id":  {ledger.AlertQuery{RuleID: 1}, "420"},
		"owner":    {ledger.AlertQuery{Owner: &anna}, "30"},
		"no owner": {ledger.AlertQuery{Owner: &nobody}, "52"},
		"severity": {ledger.AlertQuery{MinSeverity: alert.High}, "43"},
		"since":    {ledger.AlertQuery{Since: at(20)}, "5432"},
		"until":    {ledger.AlertQuery{Until: at(20)}, "10"},
		"since id": {ledger.AlertQuery{SinceID: 4}, "54"},
		"ended":    {ledger.AlertQuery{States: []alert.State{alert.Ended}}, "5"},
		"states":   {ledger.AlertQuery{States: []alert.State{alert.Open, alert.Acknowledged}, MinSeverity: alert.Medium}, "432"},
		"none":     {ledger.AlertQuery{Rule: "x' OR 1=1 --"}, ""},
		"history":  {ledger.AlertQuery{Origin: ledger.History}, ""},
	} {
		got := ""
		for _, a := range alerts(t, l, test.q) {
			got += strings.TrimPrefix(a.Entity.String(), "h")
		}
		if got != test.want {
			t.Errorf("%s: alerts %q, want %q", name, got, test.want)
		}
	}
}

func testHistory(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	ctx := t.Context()
	past := ledger.Past{Now: at(900), Writes: []ledger.Write{
		write(1, host("a"), trigger(10, 2, 15), end(20), trigger(40, 1, 12)),
		write(1, host("b"), end(5)),
	}}
	dry := past
	dry.DryRun = true
	got, err := l.Record(ctx, dry)
	if err != nil || len(got) != 2 || len(alerts(t, l, ledger.AlertQuery{})) != 0 {
		t.Errorf("Record without writing = %+v, %v, want 2 alerts, none of them stored", got, err)
	}
	got, err = l.Record(ctx, past)
	if err != nil || len(got) != 2 || got[0].State != alert.Ended || got[0].EndedAt != at(20) || got[1].EndedAt != at(40) || got[0].Origin != ledger.History {
		t.Errorf("Record = %+v, %v, want 2 ended alerts", got, err)
	}
	if n := len(deliveries(t, l)); n != 0 {
		t.Errorf("%d notices, want none without a route", n)
	}
	// One that overlaps widens the alert, and tells nobody; a new one is told of.
	past.Route = page
	past.Writes = []ledger.Write{write(1, host("a"), trigger(15, 3, 30), trigger(25, 1, 14), end(30), trigger(60, 1, 11), end(61))}
	got, err = l.Record(ctx, past)
	if err != nil || len(got) != 2 || got[0].First != at(10) || got[0].Last != at(25) || got[0].EndedAt != at(30) || got[0].Peak != 30 || got[0].Triggers != 4 {
		t.Errorf("Record of an overlap = %+v, %v", got, err)
	}
	if n := len(deliveries(t, l)); n != 1 {
		t.Errorf("%d notices, want that of the new alert", n)
	}
	// A live alert that stands keeps standing, and live findings do not touch those of history.
	step(t, l, 1, write(1, host("a"), trigger(100, 1, 11)))
	past.Writes = []ledger.Write{write(1, host("a"), trigger(95, 7, 11), trigger(110, 1, 11), end(120))}
	got, err = l.Record(ctx, past)
	if err != nil || len(got) != 1 || got[0].State != alert.Open || got[0].Triggers != 8 || got[0].First != at(95) || got[0].Origin != ledger.Live {
		t.Errorf("Record over a live alert = %+v, %v, want it widened and open", got, err)
	}
	step(t, l, 2, write(1, host("a"), trigger(121, 1, 11), end(130)))
	if all := alerts(t, l, ledger.AlertQuery{}); len(all) != 4 || all[0].Triggers != 9 || all[0].EndedAt != at(130) {
		t.Errorf("alerts = %+v, want 4, the newest with 9 triggers and ended", all)
	}
}

// testHistoryRepeats: however ranges overlap, recording any of them again changes nothing.
func testHistoryRepeats(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	rule := int64(0)
	rapid.Check(t, func(r *rapid.T) {
		rule++ // so that one database does for all
		var all []ledger.Past
		for range rapid.IntRange(1, 5).Draw(r, "runs") {
			var writes []ledger.Write
			for _, name := range []string{"a", "b"} {
				second, findings := 0, []alert.Finding(nil)
				for range rapid.IntRange(0, 4).Draw(r, "episodes") {
					second += rapid.IntRange(1, 10).Draw(r, "gap")
					findings = append(findings, trigger(second, rapid.IntRange(1, 5).Draw(r, "triggers"), float64(rapid.IntRange(5, 20).Draw(r, "value"))))
					second += rapid.IntRange(0, 20).Draw(r, "length")
					findings = append(findings, end(second))
				}
				writes = append(writes, write(rule, host(name), findings...))
			}
			all = append(all, ledger.Past{Now: at(1000 + len(all)), Writes: writes})
		}
		for _, past := range all {
			if _, err := l.Record(t.Context(), past); err != nil {
				r.Fatal(err)
			}
		}
		before := alerts(t, l, ledger.AlertQuery{RuleID: rule})
		for range 2 * len(all) {
			again := all[rapid.IntRange(0, len(all)-1).Draw(r, "again")]
			again.Now = at(5000)
			if changed, err := l.Record(t.Context(), again); err != nil || len(changed) > 0 {
				r.Fatalf("Record again changed %+v, %v", changed, err)
			}
		}
		if diff := cmp.Diff(before, alerts(t, l, ledger.AlertQuery{RuleID: rule})); diff != "" {
			r.Fatalf("alerts changed (-before +after):\n%s", diff)
		}
	})
}

func testEndRule(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	step(t, l, 1, write(1, host("a"), trigger(1, 1, 11)), write(1, host("b"), trigger(50, 1, 11)), write(2, host("a"), trigger(1, 1, 11)))
	changes, err := l.EndRule(t.Context(), 1, at(10), at(60), page)
	if err != nil || len(changes) != 2 || changes[0].Alert.EndedAt != at(10) || changes[1].Alert.EndedAt != at(50) {
		t.Errorf("EndRule = %+v, %v, want both ended, none before its last trigger", changes, err)
	}
	if got := alerts(t, l, ledger.AlertQuery{States: []alert.State{alert.Open}}); len(got) != 1 || got[0].Rule != 2 {
		t.Errorf("open alerts = %+v, want that of rule 2", got)
	}
	if changes, err := l.EndRule(t.Context(), 1, at(10), at(60), page); err != nil || len(changes) != 0 {
		t.Errorf("EndRule again = %+v, %v, want nothing", changes, err)
	}
}

// wantKind holds an error to a kind.
func wantKind(t *testing.T, what string, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) || fault.Kind(err) != kind {
		t.Errorf("%s = %v, want an error that is %v", what, err, kind)
	}
}
