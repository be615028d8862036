package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
)

// act does something to an alert at a second of the test, which works.
func act(t *testing.T, l *ledger.Ledger, second int, a ledger.Act) alert.Alert {
	t.Helper()
	a.Now, a.Route = at(second), page
	if a.Who == "" {
		a.Who = "anna"
	}
	got, _, err := l.Act(t.Context(), a)
	if err != nil {
		t.Fatalf("%s at %d s = %v", a.Deed, second, err)
	}
	return got
}

// story is the log of an alert, with who did what.
func story(t *testing.T, l *ledger.Ledger, id int64) string {
	t.Helper()
	log, err := l.AlertLog(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range log {
		all = append(all, fmt.Sprintf("%d %s %s %s>%s %s", int(e.At.Sub(at(0)).Seconds()), e.Who, e.What, e.From, e.To, e.Note))
	}
	return strings.Join(all, "\n")
}

// wantStory holds the log of an alert to lines.
func wantStory(t *testing.T, l *ledger.Ledger, id int64, want ...string) {
	t.Helper()
	if got := story(t, l, id); got != strings.Join(want, "\n") {
		t.Errorf("log of alert %d:\n%s\nwant\n%s", id, got, strings.Join(want, "\n"))
	}
}

// reopening commits up to seq, with a reopen window of 60 s.
func reopening(t *testing.T, l *ledger.Ledger, seq uint64, now int, writes ...ledger.Write) ledger.Result {
	t.Helper()
	result, err := l.Commit(t.Context(), ledger.Commit{
		Name: "alerting", Position: pos(seq), Front: pos(seq), Now: at(now), Writes: writes, Route: page, Cap: 3, Reopen: time.Minute,
	})
	if err != nil {
		t.Fatalf("Commit(%d) = %v", seq, err)
	}
	return result
}

func severe(w ledger.Write, s alert.Severity) ledger.Write {
	w.Rule.Severity = s
	return w
}

// testAcknowledge: more of the same leaves an acknowledgement alone and tells nobody, a rise in severity breaks it, and it
// ends when its time is over.
func testAcknowledge(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	a := host("a")
	reopening(t, l, 1, 1, write(1, a, trigger(1, 1, 11)))
	got := act(t, l, 2, ledger.Act{Alert: 1, Deed: ledger.Acknowledge, Note: "mine"})
	if got.State != alert.Acknowledged || got.AckedBy != "anna" || got.AckedAt != at(2) || got.AckNote != "mine" || got.Updated != at(2) {
		t.Errorf("acknowledged: %+v", got)
	}
	act(t, l, 3, ledger.Act{Alert: 1, Deed: ledger.Acknowledge, Note: "mine"}) // again
	if got := kinds(reopening(t, l, 2, 4, write(1, a, trigger(4, 5, 30)))); got != "" {
		t.Errorf("more of the same: changes %q, want none", got)
	}
	if got := kinds(reopening(t, l, 3, 5, severe(write(1, a, trigger(5, 1, 30)), alert.Low))); got != "" {
		t.Errorf("less severe: changes %q, want none", got)
	}
	now := alerts(t, l, ledger.AlertQuery{})[0]
	if now.State != alert.Acknowledged || now.Triggers != 7 || now.AckedAt != at(2) || now.Severity != alert.Low {
		t.Errorf("alert = %+v, want it acknowledged as it was", now)
	}
	if got := kinds(reopening(t, l, 4, 6, severe(write(1, a, trigger(6, 1, 30)), alert.Critical))); got != "UPDATE a;" {
		t.Errorf("more severe: changes %q, want an UPDATE", got)
	}
	if now = alerts(t, l, ledger.AlertQuery{})[0]; now.State != alert.Open || now.AckedBy != "" || !now.AckedAt.IsZero() || now.AckNote != "" {
		t.Errorf("alert = %+v, want the acknowledgement broken", now)
	}
	act(t, l, 7, ledger.Act{Alert: 1, Deed: ledger.Acknowledge, Who: "bob", Until: at(20)})
	for _, step := range []struct{ second, want int }{{19, 0}, {20, 1}, {20, 0}} {
		if due, err := l.AcknowledgementsDue(t.Context(), at(step.second)); due != (step.want > 0) || err != nil {
			t.Errorf("AcknowledgementsDue at %d s = %v, %v, want %v", step.second, due, err, step.want > 0)
		}
		if n, err := l.EndAcknowledgements(t.Context(), at(step.second)); n != step.want || err != nil {
			t.Errorf("EndAcknowledgements at %d s = %d, %v, want %d", step.second, n, err, step.want)
		}
	}
	act(t, l, 21, ledger.Act{Alert: 1, Deed: ledger.Acknowledge, Until: at(22)})
	reopening(t, l, 5, 25, severe(write(1, a, trigger(25, 1, 30)), alert.Critical)) // nobody looked meanwhile
	act(t, l, 26, ledger.Act{Alert: 1, Deed: ledger.Acknowledge})
	act(t, l, 27, ledger.Act{Alert: 1, Deed: ledger.Unacknowledge, Who: "bob", Note: "no"})
	act(t, l, 28, ledger.Act{Alert: 1, Deed: ledger.Acknowledge})
	if got := kinds(reopening(t, l, 6, 30, severe(write(1, a, end(29)), alert.Critical))); got != "END a;" {
		t.Errorf("the end: changes %q, want it told", got)
	}
	wantStory(t, l, 1, "2 anna acknowledged open>acknowledged mine", "5  severity changed HIGH>LOW ", "6  severity changed LOW>CRITICAL ",
		"6  acknowledgement broken acknowledged>open ", "7 bob acknowledged open>acknowledged until 2026-03-01T12:00:20Z ",
		"20  acknowledgement ended acknowledged>open ", "21 anna acknowledged open>acknowledged until 2026-03-01T12:00:22Z ",
		"22  acknowledgement ended acknowledged>open ", "26 anna acknowledged open>acknowledged ", "27 bob unacknowledged acknowledged>open no",
		"28 anna acknowledged open>acknowledged ", "30  ended acknowledged>ended ")
	if n := len(deliveries(t, l)); n != 3 {
		t.Errorf("%d notices, want CREATE, UPDATE and END", n)
	}
}

// testReopen: what somebody closed is opened again by a trigger soon after, with its comments, and only then.
func testReopen(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	a := host("a")
	reopening(t, l, 1, 1, write(1, a, trigger(1, 2, 11)))
	act(t, l, 2, ledger.Act{Alert: 1, Deed: ledger.Comment, Note: "hm"})
	got := act(t, l, 3, ledger.Act{Alert: 1, Deed: ledger.Close, Disposition: alert.False, Note: "no"})
	if got.State != alert.Ended || got.EndedAt != at(3) || got.ClosedBy != "anna" || got.ClosedAt != at(3) || got.Disposition != alert.False {
		t.Errorf("closed: %+v", got)
	}
	if got := kinds(reopening(t, l, 2, 4, write(1, a, end(4)))); got != "" {
		t.Errorf("the end of what is closed: changes %q, want none", got)
	}
	again := write(1, a, trigger(63, 3, 40))
	if got := reopening(t, l, 3, 64, again); kinds(got) != "UPDATE a;" || got.Changes[0].Alert.State != alert.Open || got.Open[1] != 1 {
		t.Errorf("60 s after it was closed: %+v, want an UPDATE of what is open", got)
	}
	reopening(t, l, 3, 65, again) // the journal is judged again
	now := alerts(t, l, ledger.AlertQuery{})
	if len(now) != 1 || now[0].Triggers != 5 || now[0].Reopened != 1 || now[0].ClosedBy != "" || now[0].Disposition != "" || !now[0].EndedAt.IsZero() || now[0].First != at(1) {
		t.Errorf("alerts = %+v, want one that goes on", now)
	}
	// Closed again, or ended by itself, and quiet for longer: it is another one.
	act(t, l, 70, ledger.Act{Alert: 1, Deed: ledger.Close, Disposition: alert.True})
	if got := kinds(reopening(t, l, 4, 200, write(1, a, trigger(131, 1, 12), end(135), trigger(196, 1, 12)))); got != "CREATE a;END a;CREATE a;" {
		t.Errorf("61 s after it ended: changes %q, want others", got)
	}
	// One that has ended already can be closed; its end stays.
	if got := act(t, l, 210, ledger.Act{Alert: 2, Deed: ledger.Close, Disposition: alert.Duplicate, DuplicateOf: 1}); got.EndedAt != at(135) || got.DuplicateOf != 1 {
		t.Errorf("closed afterwards: %+v", got)
	}
	wantStory(t, l, 1, "2 anna commented > hm", "3 anna closed open>false no", "64  reopened ended>open closed as false by anna", "70 anna closed open>true ")
	wantStory(t, l, 2, "210 anna closed ended>duplicate of 1 ")
	// The cap holds for what is opened again, too.
	act(t, l, 211, ledger.Act{Alert: 3, Deed: ledger.Close, Disposition: alert.Benign})
	reopening(t, l, 5, 212, write(1, host("b"), trigger(212, 1, 11)), write(1, host("c"), trigger(212, 1, 11)), write(1, host("d"), trigger(212, 1, 11)))
	if got := kinds(reopening(t, l, 6, 213, write(1, a, trigger(213, 1, 11)))); got != "CREATE further entities;" {
		t.Errorf("over the cap: changes %q, want the overflow", got)
	}
	if n, err := l.ClearAlerts(t.Context()); err != nil || n != 7 || story(t, l, 1) != "" {
		t.Errorf("ClearAlerts = %d, %v, want 7 gone with their logs", n, err)
	}
}

// testActs: what cannot be done is refused by its kind and leaves nothing behind.
func testActs(t *testing.T, fresh Fresh) {
	l := open(t, fresh)
	for _, name := range []string{"anna", "bob"} {
		if _, err := l.CreateUser(t.Context(), name, "correct horse battery", name == "anna", at(0)); err != nil {
			t.Fatal(err)
		}
	}
	step(t, l, 1, write(1, host("a"), trigger(1, 1, 11)), write(1, host("b"), trigger(1, 1, 11), end(2)))
	denied := fault.New(fault.Denied, "no")
	for name, test := range map[string]struct {
		act  ledger.Act
		kind error
	}{
		"nobody":             {ledger.Act{Alert: 1, Deed: ledger.Acknowledge, Who: ""}, fault.Denied},
		"no alert":           {ledger.Act{Alert: 9, Deed: ledger.Acknowledge}, fault.NotFound},
		"not to be seen":     {ledger.Act{Alert: 1, Deed: ledger.Acknowledge, Sees: func(alert.Alert) bool { return false }}, fault.NotFound},
		"not allowed":        {ledger.Act{Alert: 1, Deed: ledger.Comment, Note: "x", May: func(alert.Alert, ledger.User) error { return denied }}, fault.Denied},
		"until now":          {ledger.Act{Alert: 1, Deed: ledger.Acknowledge, Until: at(5)}, fault.Invalid},
		"until far":          {ledger.Act{Alert: 1, Deed: ledger.Acknowledge, Until: time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC)}, fault.Invalid},
		"ack of ended":       {ledger.Act{Alert: 2, Deed: ledger.Acknowledge}, fault.Conflict},
		"unack of open":      {ledger.Act{Alert: 1, Deed: ledger.Unacknowledge}, fault.Conflict},
		"empty comment":      {ledger.Act{Alert: 1, Deed: ledger.Comment, Note: "\t"}, fault.Invalid},
		"long comment":       {ledger.Act{Alert: 1, Deed: ledger.Comment, Note: strings.Repeat("x", ledger.MaxNote+1)}, fault.Invalid},
		"foul comment":       {ledger.Act{Alert: 1, Deed: ledger.Comment, Note: "\xff"}, fault.Invalid},
		"assign to nobody":   {ledger.Act{Alert: 1, Deed: ledger.Assign, Assignee: "carol'--"}, fault.Invalid},
		"no disposition":     {ledger.Act{Alert: 1, Deed: ledger.Close}, fault.Invalid},
		"duplicate of none":  {ledger.Act{Alert: 1, Deed: ledger.Close, Disposition: alert.Duplicate, DuplicateOf: 7}, fault.Invalid},
		"duplicate of true":  {ledger.Act{Alert: 1, Deed: ledger.Close, Disposition: alert.True, DuplicateOf: 2}, fault.Invalid},
		"duplicate of self":  {ledger.Act{Alert: 1, Deed: ledger.Close, Disposition: alert.Duplicate, DuplicateOf: 1}, fault.Invalid},
		"duplicate unseen":   {ledger.Act{Alert: 1, Deed: ledger.Close, Disposition: alert.Duplicate, DuplicateOf: 2, Sees: func(a alert.Alert) bool { return a.ID == 1 }}, fault.Invalid},
		"a deed that is not": {ledger.Act{Alert: 1, Deed: "forget"}, fault.Invalid},
	} {
		test.act.Now, test.act.Route = at(5), page
		if name != "nobody" {
			test.act.Who = "anna"
		}
		_, changes, err := l.Act(t.Context(), test.act)
		wantKind(t, name, err, test.kind)
		if len(changes) > 0 {
			t.Errorf("%s: changes %+v", name, changes)
		}
	}
	if err := l.DisableUser(t.Context(), "bob", true, at(5)); err != nil {
		t.Fatal(err)
	}
	_, _, err := l.Act(t.Context(), ledger.Act{Alert: 1, Deed: ledger.Assign, Assignee: "bob", Who: "anna", Now: at(5)})
	wantKind(t, "assign to who is disabled", err, fault.Conflict)
	wantStory(t, l, 1)
	wantStory(t, l, 2)
	if n := len(deliveries(t, l)); n != 3 {
		t.Errorf("%d notices, want the 3 of before", n)
	}
	act(t, l, 6, ledger.Act{Alert: 1, Deed: ledger.Assign, Assignee: "anna", May: func(a alert.Alert, to ledger.User) error {
		if a.ID != 1 || to.Name != "anna" || !to.Admin {
			return errors.New("asked about somebody else")
		}
		return nil
	}})
	act(t, l, 7, ledger.Act{Alert: 1, Deed: ledger.Assign, Assignee: "anna"}) // changes nothing
	act(t, l, 8, ledger.Act{Alert: 1, Deed: ledger.Assign})
	note := "'; DROP TABLE alerts; -- <b>\x1b[31m\u202e" + strings.Repeat("ü", 2000)
	act(t, l, 9, ledger.Act{Alert: 1, Deed: ledger.Comment, Note: note})
	act(t, l, 10, ledger.Act{Alert: 1, Deed: ledger.Close, Disposition: alert.Duplicate, DuplicateOf: 2})
	_, _, err = l.Act(t.Context(), ledger.Act{Alert: 2, Deed: ledger.Close, Disposition: alert.Duplicate, DuplicateOf: 1, Who: "anna", Now: at(11)})
	wantKind(t, "duplicates of each other", err, fault.Conflict)
	wantStory(t, l, 1, "6 anna assigned >anna ", "8 anna assigned anna> ", "9 anna commented > "+note, "10 anna closed open>duplicate of 2 ")
	cancelled, stop := context.WithCancel(t.Context())
	stop()
	if _, _, err := l.Act(cancelled, ledger.Act{Alert: 1, Deed: ledger.Comment, Note: "x", Who: "anna", Now: at(12)}); err == nil {
		t.Error("an act of who has gone is done")
	}
}
