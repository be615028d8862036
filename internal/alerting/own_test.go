package alerting_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/alerting"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/ledger/ledgertest"
)

var quick = alerting.Options{Every: 5 * time.Millisecond}

func channel(name string) alert.Entity { return alert.Entity{{Field: "tocsin.channel", Value: name}} }

func down(name string, severity alert.Severity) alerting.Own {
	return alerting.Own{
		Name: "tocsin-channel-down", Title: "Channel fails", Entity: channel(name), Severity: severity,
		Reason: "channel " + name + " fails: connection refused", Value: 3, Limit: 1,
	}
}

func raise(t *testing.T, p *process, o alerting.Own) {
	t.Helper()
	if err := p.Raise(t.Context(), o); err != nil {
		t.Fatalf("Raise(%+v) = %v", o, err)
	}
}

func settle(t *testing.T, p *process, name string, entity alert.Entity) {
	t.Helper()
	if err := p.Clear(t.Context(), name, entity); err != nil {
		t.Fatalf("Clear(%s, %s) = %v", name, entity, err)
	}
}

func flush(t *testing.T, p *process) {
	t.Helper()
	if err := p.Flush(t.Context()); err != nil {
		t.Fatalf("Flush = %v", err)
	}
}

// told is what notices tell, the oldest first.
func told(t *testing.T, l *ledger.Ledger) string {
	t.Helper()
	all, err := l.Deliveries(t.Context(), ledger.DeliveryQuery{Limit: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	titles := map[int64]string{}
	for _, a := range alerts(t, l) {
		titles[a.ID] = a.Title
	}
	var words []string
	for i := len(all) - 1; i >= 0; i-- {
		words = append(words, fmt.Sprintf("%s %s", all[i].Change, titles[all[i].Alert]))
	}
	return strings.Join(words, "; ")
}

// TestOwn: an alert of tocsin's own is told once, goes on over a restart under the same rule number, rises, ends and begins
// again, and leaves the position of the findings of rules alone.
func TestOwn(t *testing.T) {
	l := open(t, t.TempDir())
	defer l.Close()
	p := start(t, l, quick)
	settle(t, p, "tocsin-channel-down", channel("mail")) // there is none
	for range 5 {
		raise(t, p, down("mail", alert.Medium))
	}
	raise(t, p, down("page", alert.Medium))
	flush(t, p)
	one := alerts(t, l)
	if len(one) != 2 || one[0].Triggers+one[1].Triggers != 6 {
		t.Fatalf("alerts = %+v, want two of 6 triggers", one)
	}
	for _, a := range one {
		if a.State != alert.Open || a.Severity != alert.Medium || a.Owner != "" || a.Value != 3 || a.Limit != 1 || a.Origin != ledger.Live ||
			a.RuleName != "tocsin-channel-down" || a.Title != "Channel fails: "+a.Entity.String() || a.Rule != one[0].Rule {
			t.Errorf("alert = %+v", a)
		}
	}
	p.end()

	p = start(t, l, quick)
	raise(t, p, down("mail", alert.Critical))
	flush(t, p)
	settle(t, p, "tocsin-channel-down", channel("mail"))
	flush(t, p) // mail was written just now and would wait its turn, page would not
	settle(t, p, "tocsin-channel-down", channel("page"))
	settle(t, p, "tocsin-channel-down", channel("page"))
	flush(t, p)
	for _, a := range alerts(t, l) {
		want := map[string]alert.Severity{"mail": alert.Critical, "page": alert.Medium}[a.Entity.String()]
		if a.State != alert.Ended || a.Severity != want || a.Title != "Channel fails: "+a.Entity.String() || a.Rule != one[0].Rule {
			t.Errorf("ended alert = %+v", a)
		}
	}
	p.end()
	if got, want := told(t, l), "CREATE Channel fails: mail; CREATE Channel fails: page; UPDATE Channel fails: mail; END Channel fails: mail; END Channel fails: page"; got != want {
		t.Errorf("told: %s\nwant: %s", got, want)
	}
	if progress, err := l.Progress(t.Context(), alerting.Name); err != nil || len(progress.Position.Seqs) != 0 {
		t.Errorf("position of the findings of rules = %+v, %v, want none", progress.Position, err)
	}
	rules, err := l.Rules(t.Context(), ledger.RuleQuery{Origin: ledger.InTocsin})
	if err != nil || len(rules) != 1 || rules[0].ID != one[0].Rule {
		t.Errorf("rules of tocsin's own = %+v, %v, want one of number %d", rules, err, one[0].Rule)
	}
}

// TestOwnRefused: what is no alert of tocsin's own is refused, and people cannot write rules of such names.
func TestOwnRefused(t *testing.T) {
	l := open(t, t.TempDir())
	defer l.Close()
	p := start(t, l, quick)
	defer p.end()
	fine := down("mail", alert.Low)
	for name, change := range map[string]func(*alerting.Own){
		"no name":        func(o *alerting.Own) { o.Name = "" },
		"name of a rule": func(o *alerting.Own) { o.Name = "guessing" },
		"only a prefix":  func(o *alerting.Own) { o.Name = "tocsin-" },
		"two lines":      func(o *alerting.Own) { o.Name = "tocsin-a\nb" },
		"long":           func(o *alerting.Own) { o.Name = "tocsin-" + strings.Repeat("a", 60) },
		"no severity":    func(o *alerting.Own) { o.Severity = 0 },
		"severity 9":     func(o *alerting.Own) { o.Severity = 9 },
		"no reason":      func(o *alerting.Own) { o.Reason = "" },
	} {
		o := fine
		change(&o)
		if err := p.Raise(t.Context(), o); fault.Kind(err) != fault.Invalid {
			t.Errorf("Raise with %s = %v, want an invalid", name, err)
		}
	}
	if err := p.Clear(t.Context(), "guessing", nil); fault.Kind(err) != fault.Invalid {
		t.Errorf("Clear of a rule of people = %v, want an invalid", err)
	}
	if _, err := l.PutRule(t.Context(), "", "tocsin-channel-down", "x", true, false, time.Now()); fault.Kind(err) != fault.Invalid {
		t.Errorf("PutRule of a reserved name = %v, want an invalid", err)
	}
	if _, err := l.RegisterFileRules(t.Context(), []ledger.FileRule{{Name: "tocsin-x"}}, time.Now()); fault.Kind(err) != fault.Invalid {
		t.Errorf("RegisterFileRules of a reserved name = %v, want an invalid", err)
	}
}

// TestOwnHostile: entities of any bytes and length are found again after a restart.
func TestOwnHostile(t *testing.T) {
	l := open(t, t.TempDir())
	defer l.Close()
	entities := []alert.Entity{
		nil, channel(""), channel("a\x00b"), channel("\xff\xfe"), channel(strings.Repeat("ä", 4000)), channel(strings.Repeat("x", 255) + "€"),
		{{Field: "a", Value: "1,b=2"}}, {{Field: "a", Value: "1"}, {Field: "b", Value: "2"}},
	}
	p := start(t, l, quick)
	for _, e := range entities {
		o := down("x", alert.Low)
		o.Entity = e
		raise(t, p, o)
	}
	flush(t, p)
	if all := alerts(t, l); len(all) != len(entities) {
		t.Errorf("%d alerts, want %d", len(all), len(entities))
	}
	p.end()
	p = start(t, l, quick)
	for _, e := range entities {
		settle(t, p, "tocsin-channel-down", e)
	}
	flush(t, p)
	p.end()
	for _, a := range alerts(t, l) {
		if a.State != alert.Ended {
			t.Errorf("alert about %q is %s", a.Entity, a.State)
		}
	}
}

// TestOwnEmptied: when all alerts are deleted, one whose cause goes on is opened anew.
func TestOwnEmptied(t *testing.T) {
	l := open(t, t.TempDir())
	defer l.Close()
	p := start(t, l, quick)
	defer p.end()
	raise(t, p, down("mail", alert.Low))
	take(t, p, judged(1, trigger(1, "a", 1)))
	if err := p.Empty(t.Context(), func(ctx context.Context) error { _, err := l.ClearAlerts(ctx); return err }); err != nil {
		t.Fatal(err)
	}
	settle(t, p, "tocsin-channel-down", channel("mail"))
	flush(t, p)
	if all := alerts(t, l); len(all) != 0 {
		t.Errorf("alerts = %+v, want none", all)
	}
	raise(t, p, down("mail", alert.Low))
	flush(t, p)
	if all := alerts(t, l); len(all) != 1 || all[0].State != alert.Open || all[0].Triggers != 1 {
		t.Errorf("alerts = %+v, want one anew", all)
	}
}

// ownSteps raises and clears alerts of tocsin's own between findings, and returns what must stand at the end.
func ownSteps(t *testing.T, r *rand.Rand, p func() *process) (step func(), triggers map[string]int64, standing map[string]bool) {
	triggers, standing = map[string]int64{}, map[string]bool{}
	return func() {
		name := fmt.Sprint("channel-", r.IntN(4))
		if standing[name] && r.IntN(3) == 0 {
			settle(t, p(), "tocsin-channel-down", channel(name))
			standing[name] = false
			return
		}
		raise(t, p(), down(name, alert.Medium))
		triggers[name]++
		standing[name] = true
	}, triggers, standing
}

// wantOwn compares the alerts of tocsin's own with what was raised and cleared, and the notices with the alerts: one that
// tells of each beginning, each reopening and each end.
func wantOwn(t *testing.T, l *ledger.Ledger, triggers map[string]int64, standing map[string]bool) {
	t.Helper()
	got, stands := map[string]int64{}, map[string]bool{}
	for _, a := range alerts(t, l) {
		if !alert.IsOwn(a.RuleName) {
			continue
		}
		name := a.Entity.String()
		got[name] += a.Triggers
		if a.State != alert.Ended && stands[name] {
			t.Errorf("two alerts about %s stand", name)
		}
		stands[name] = stands[name] || a.State != alert.Ended && a.Calm.IsZero()
	}
	if diff := gocmp.Diff(triggers, got); diff != "" {
		t.Errorf("triggers (-want +got):\n%s", diff)
	}
	for name := range triggers {
		if stands[name] != standing[name] {
			t.Errorf("alert about %s stands: %v, want %v", name, stands[name], standing[name])
		}
	}
	wantTold(t, l)
}

// wantTold: the notices about each alert tell of its beginning once, of its end as often as it ended, and in turn.
func wantTold(t *testing.T, l *ledger.Ledger) {
	t.Helper()
	all, err := l.Deliveries(t.Context(), ledger.DeliveryQuery{Limit: 100_000})
	if err != nil {
		t.Fatal(err)
	}
	story, keys := map[int64]string{}, map[string]bool{}
	for i := len(all) - 1; i >= 0; i-- {
		story[all[i].Alert] += string(all[i].Change) + " "
		if keys[all[i].Key] {
			t.Errorf("two notices have the key %s", all[i].Key)
		}
		keys[all[i].Key] = true
	}
	for _, a := range alerts(t, l) {
		words := strings.Fields(story[a.ID])
		if len(words) == 0 || words[0] != "CREATE" || strings.Count(story[a.ID], "CREATE") != 1 || strings.Contains(story[a.ID], "END END") ||
			(words[len(words)-1] == "END") != (a.State == alert.Ended) {
			t.Errorf("alert %d is %s and was told: %s", a.ID, a.State, story[a.ID])
		}
	}
}

// TestAway: with the ledger away for a minute, and answers lost before and after, findings and alerts of tocsin's own that
// come meanwhile are all there in the end, each once.
func TestAway(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 11))
	outputs := makeOutputs(r, 300)
	want := undisturbed(t, outputs)
	synctest.Test(t, func(t *testing.T) {
		l := open(t, t.TempDir())
		defer l.Close()
		p := start(t, l, lively(alerting.Options{}))
		step, triggers, standing := ownSteps(t, r, func() *process { return p })
		for i, j := range outputs {
			switch i {
			case 50:
				p.spy.set(func() (before, after bool) { return true, false })
			case 200:
				time.Sleep(time.Minute)
				lies := rand.New(rand.NewPCG(11, 12)) // of the one goroutine that commits
				p.spy.set(func() (before, after bool) { return lies.IntN(4) == 0, lies.IntN(3) == 0 })
			}
			take(t, p, j)
			step()
			time.Sleep(time.Duration(r.IntN(400)) * time.Millisecond)
		}
		p.spy.set(nil)
		flush(t, p)
		p.end()
		var found []alert.Alert
		for _, a := range alerts(t, l) {
			if !alert.IsOwn(a.RuleName) {
				found = append(found, a)
			}
		}
		if diff := gocmp.Diff(want, comparableRows(found)); diff != "" {
			t.Errorf("rows differ from those of an undisturbed run (-want +got):\n%s", diff)
		}
		wantOwn(t, l, triggers, standing)
	})
}

// TestPostgresAway: the same with a server that stops and starts again.
func TestPostgresAway(t *testing.T) {
	server := ledgertest.StartPostgres(t)
	r := rand.New(rand.NewPCG(12, 12))
	outputs := makeOutputs(r, 120)
	l := ledgertest.Open(t, server.Database(t), "")
	p := start(t, l, quick)
	step, triggers, standing := ownSteps(t, r, func() *process { return p })
	for i, j := range outputs {
		switch i {
		case 0, 30, 70:
			server.Stop(t)
		case 10, 45, 80:
			server.Start(t)
		}
		take(t, p, j)
		step()
	}
	flush(t, p)
	p.end()
	wantOwn(t, l, triggers, standing)
}
