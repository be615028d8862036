package app

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
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
	for end := time.Now().Add(20 * time.Second); len(ids) < 2 && time.Now().Before(end); {
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
