package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/delivery"
	"tocsin/internal/fault"
	"tocsin/internal/notifier"
)

// Who may act on an alert: the owner of its rule, whom it is assigned to, and administrators. Who may see it and not act on
// it is denied, and for others there is no such alert. Nobody acts under another's name.
func TestWhoActsOnAlerts(t *testing.T) {
	svc := running(t, false).Service()
	admin := api.As(t.Context(), api.Local())
	as := func(name string) api.Identity { return api.Identity{User: name} }
	for _, name := range []string{"anna", "bob"} {
		if err := svc.PutUser(admin, api.UserEdit{Name: name, Password: "correct horse battery", Create: true}); err != nil {
			t.Fatal(err)
		}
	}
	// one rule of anna's, one that is everybody's
	const text = "from: log\nwhere: http.response.status_code == 404\ndetect: {threshold: {by: [source.ip], over: 1m, at_least: 1}}\nseverity: HIGH\n"
	for owner, name := range map[string]string{"anna": "hers", "": "everybodys"} {
		if _, err := svc.PutRule(admin, api.RuleEdit{Owner: owner, Text: "name: " + name + "\n" + text}); err != nil {
			t.Fatal(err)
		}
	}
	line := fmt.Sprintf(`{"@timestamp":%q,"source.ip":"192.0.2.1","http.response.status_code":404}`, time.Now().Add(-time.Minute).UTC().Format(time.RFC3339))
	if _, err := svc.Append(admin, api.AppendRequest{}, strings.NewReader(line)); err != nil {
		t.Fatal(err)
	}
	ids := map[string]int64{}
	for end := time.Now().Add(time.Minute); len(ids) < 2 && time.Now().Before(end); {
		if err := svc.Flush(admin); err != nil {
			t.Fatal(err)
		}
		found, err := svc.Alerts(admin, api.AlertRequest{User: "*"})
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range found {
			ids[a.RuleName] = a.ID
		}
	}
	hers, everybodys := ids["hers"], ids["everybodys"]
	if hers == 0 || everybodys == 0 {
		t.Fatalf("alerts of rules = %v, want one of each", ids)
	}
	try := func(who api.Identity, q api.AlertAct, want error) alert.Alert {
		t.Helper()
		a, err := svc.ActOnAlert(api.As(t.Context(), who), q)
		if !errors.Is(err, want) || (want == nil) != (err == nil) {
			t.Errorf("%s of %d by %q = %v, want %v", q.Act, q.ID, who.User, err, want)
		}
		return a
	}
	ack := func(id int64) api.AlertAct { return api.AlertAct{ID: id, Act: api.Acknowledge} }
	try(as("anna"), ack(everybodys), fault.Denied)
	try(as("bob"), ack(hers), fault.NotFound)
	try(as("bob"), api.AlertAct{ID: hers, Act: api.Comment, Note: "x"}, fault.NotFound)
	try(api.Identity{}, ack(everybodys), fault.Denied)
	try(api.Identity{}, ack(hers), fault.Denied)
	if a := try(as("anna"), ack(hers), nil); a.AckedBy != "anna" {
		t.Errorf("acknowledged by %q, want anna", a.AckedBy)
	}
	try(as("anna"), api.AlertAct{ID: hers, Act: api.Close, Disposition: "duplicate", DuplicateOf: everybodys}, nil)
	try(as("anna"), api.AlertAct{ID: hers, Act: api.Assign, Assignee: "bob"}, fault.Conflict) // he may not see it
	try(as("bob"), api.AlertAct{ID: everybodys, Act: api.Assign, Assignee: "bob"}, fault.Denied)
	try(api.Local(), api.AlertAct{ID: everybodys, Act: api.Assign, Assignee: "bob"}, nil)
	if a := try(as("bob"), ack(everybodys), nil); a.AckedBy != "bob" {
		t.Errorf("acknowledged by %q, want bob", a.AckedBy)
	}
	try(as("bob"), api.AlertAct{ID: everybodys, Act: api.Close, Disposition: "duplicate", DuplicateOf: hers}, fault.Invalid) // of which he knows nothing
	try(as("bob"), api.AlertAct{ID: everybodys, Act: api.Assign}, nil)
	try(as("bob"), api.AlertAct{ID: everybodys, Act: api.Unacknowledge}, fault.Denied)

	for _, test := range []struct {
		who  api.Identity
		id   int64
		want error
	}{{as("anna"), hers, nil}, {as("bob"), everybodys, nil}, {as("bob"), hers, fault.NotFound}, {api.Local(), hers, nil}} {
		story, err := svc.AlertStory(api.As(t.Context(), test.who), test.id)
		if !errors.Is(err, test.want) || (test.want == nil) != (err == nil) || err == nil && len(story.Log) < 2 {
			t.Errorf("AlertStory(%d) by %s = %+v, %v, want %v", test.id, test.who.User, story, err, test.want)
		}
	}
}

// receiver takes every notice.
type receiver struct{}

func (receiver) Send(_ context.Context, n notifier.Notice) (string, error) {
	return "took " + string(n.Change), nil
}

// A live alert is acknowledged, closed and opened again by its rule; its story tells what people were told meanwhile.
func TestAlertIsOpenedAgain(t *testing.T) {
	svc := running(t, true, func(s *Setup) {
		s.Config.Detect.Lateness = time.Millisecond
		s.routes = []route{{Channel: delivery.Channel{Name: "pager", Notifier: receiver{}}}}
	}).Service()
	ctx := api.As(t.Context(), api.Local())
	if _, err := svc.PutRule(ctx, api.RuleEdit{Text: "name: r\nfrom: log\nwhere: message == \"x\"\ndetect: {threshold: {by: [], over: 1s, at_least: 1}}\nseverity: HIGH\n"}); err != nil {
		t.Fatal(err)
	}
	act := func(q api.AlertAct) alert.Alert {
		t.Helper()
		a, err := svc.ActOnAlert(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	// until waits until the alert is as wanted. Its condition is met once, and as long as meet says so now and then.
	until := func(what string, meet, ok func(api.AlertStory) bool) {
		t.Helper()
		var last api.AlertStory
		again := time.NewTicker(50 * time.Millisecond)
		defer again.Stop()
		var posted time.Time
		for end := time.Now().Add(time.Minute); time.Now().Before(end); <-again.C {
			if posted.IsZero() || time.Since(posted) > 2500*time.Millisecond && meet(last) { // so that the condition has passed in between
				posted = time.Now()
				line := fmt.Sprintf(`{"@timestamp":%q,"message":"x"}`, posted.UTC().Format(time.RFC3339Nano))
				if _, err := svc.Append(ctx, api.AppendRequest{}, strings.NewReader(line)); err != nil {
					t.Fatal(err)
				}
			}
			found, err := svc.Alerts(ctx, api.AlertRequest{User: "*"})
			if err != nil || len(found) > 1 {
				t.Fatalf("%d alerts, %v, want one, %s: %+v", len(found), err, what, last)
			}
			if len(found) == 0 {
				continue
			}
			if last, err = svc.AlertStory(ctx, found[0].ID); err != nil {
				t.Fatal(err)
			}
			if ok(last) {
				return
			}
		}
		t.Fatalf("alert is not %s: %+v", what, last)
	}
	told := func(want ...string) func(api.AlertStory) bool {
		return func(s api.AlertStory) bool {
			var got []string
			for _, n := range s.Notices {
				for _, a := range n.Attempts {
					got = append(got, n.Channel+" "+n.State+" "+a.Answer)
				}
			}
			return strings.HasPrefix(strings.Join(got, ",")+",", strings.Join(want, ",")+",")
		}
	}
	until("told", func(api.AlertStory) bool { return false }, told("pager sent took CREATE"))
	act(api.AlertAct{ID: 1, Act: api.Acknowledge, Note: "mine"})
	act(api.AlertAct{ID: 1, Act: api.Close, Disposition: "benign"})
	again := told("pager sent took CREATE", "pager sent took END", "pager sent took UPDATE") // and perhaps of its end
	until("opened again", func(s api.AlertStory) bool { return s.Alert.Reopened == 0 }, func(s api.AlertStory) bool { return s.Alert.Reopened == 1 && again(s) })
}
