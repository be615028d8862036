package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// A bounded is a tocsin in which bob may see what comes from 10.0.0.0/8 alone. The word "hidden" stands in whatever he may
// not see, and nowhere else.
type bounded struct {
	*testing.T

	svc    api.Service
	data   string // its directory
	admin  context.Context
	bob    context.Context
	hidden []alert.Alert // alerts that he may not see
	seen   []alert.Alert // alerts that he may
}

const bobsBounds = `source.ip in cidr("10.0.0.0/8") || user.name == "deputy" // nothing else
`

func bound(t *testing.T) *bounded {
	t.Helper()
	a := running(t, false)
	b := &bounded{T: t, svc: a.Service(), data: a.setup.Config.Data, admin: api.As(t.Context(), api.Local())}
	b.bob = api.Through(api.As(t.Context(), api.Identity{User: "bob"}), api.Way{Via: "http", From: "192.0.2.9"})
	for _, name := range []string{"anna", "bob"} {
		b.must(b.svc.PutUser(b.admin, api.UserEdit{Name: name, Password: "correct horse battery", Create: true}))
	}
	b.must(b.svc.FilterUser(b.admin, "bob", strings.TrimSuffix(bobsBounds, " // nothing else\n")))
	rule := func(owner, name, by string) {
		_, err := b.svc.PutRule(b.admin, api.RuleEdit{Owner: owner, Text: "name: " + name + "\nfrom: log\nwhere: http.response.status_code == 404\n" +
			"detect: {threshold: {by: [" + by + "], over: 1h, at_least: 1}}\nseverity: HIGH\n"})
		b.must(err)
	}
	rule("", "each", "source.ip")
	rule("", "all", "")
	rule("anna", "annas", "source.ip")
	rule("bob", "bobs", "")
	var lines []string
	for i, e := range []string{
		`"source.ip":"10.0.0.1","message":"mine"`, `"source.ip":"10.0.0.2","message":"mine"`, `"source.ip":"192.0.2.1","message":"hidden one"`,
		`"source.ip":"192.0.2.2","message":"hidden two","user.name":"root"`, `"message":"hidden, without an address"`,
		`"source.ip":"192.0.2.3","message":"of the deputy","user.name":"deputy"`, `"source.ip":"::ffff:10.0.0.1","message":"mine, mapped"`,
	} {
		at := time.Now().Add(time.Duration(i-60) * time.Second).UTC().Format(time.RFC3339)
		lines = append(lines, fmt.Sprintf(`{"@timestamp":%q,"http.response.status_code":404,%s}`, at, e))
	}
	_, err := b.svc.Append(b.admin, api.AppendRequest{}, strings.NewReader(strings.Join(lines, "\n")))
	b.must(err)
	var all []alert.Alert
	for end := time.Now().Add(time.Minute); len(all) < 12 && time.Now().Before(end); {
		b.must(b.svc.Flush(b.admin))
		if all, err = b.svc.Alerts(b.admin, api.AlertRequest{User: "*", Oldest: true}); err != nil {
			t.Fatal(err)
		}
	}
	for _, a := range all {
		text, err := json.Marshal(a)
		b.must(err)
		mine := a.Owner == "bob" || a.Owner == "" && a.RuleName == "each" && strings.HasPrefix(a.Entity.String(), "10.")
		if mine && strings.Contains(string(text), "hidden") {
			t.Fatalf("alert %s is bob's to see", text)
		}
		if mine {
			b.seen = append(b.seen, a)
		} else {
			b.hidden = append(b.hidden, a)
		}
	}
	if len(b.seen) != 3 || len(b.hidden) != 9 {
		t.Fatalf("%d alerts that bob may see and %d others, want 3 and 9: %v", len(b.seen), len(b.hidden), all)
	}
	return b
}

func (b *bounded) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// clean fails when something tells of what bob may not see.
func (b *bounded) clean(what string, v any) {
	b.Helper()
	text, err := json.Marshal(v)
	b.must(err)
	for _, word := range []string{"hidden", "192.0.2.1", "192.0.2.2", "root"} {
		if strings.Contains(string(text), word) {
			b.Errorf("%s tells bob of %s: %.300s", what, word, text)
		}
	}
}

// However bob asks, he finds what lies within his bounds and nothing else.
func TestBoundsOfEvents(t *testing.T) {
	b := bound(t)
	for where, want := range map[string]int{
		"": 4, `has(message)`: 4, `true || message == "x"`: -1, `message contains "hidden"`: 0, `!(source.ip in cidr("10.0.0.0/8"))`: 1,
		`source.ip == "192.0.2.1" || true`: -1, `source.ip == "192.0.2.1"`: 0, `) || (source.ip == "192.0.2.1"`: -1, `has(message) /* `: -1,
		`has(message) || has(message)`: 4, `!has(source.ip)`: 0, `message matches ".*"`: 4, `related.ip in cidr("0.0.0.0/0")`: 4,
		"has(message) // \n|| message contains \"hidden\"": -1, `user.name != "deputy"`: 3, `user.name == "root" or has(message)`: 4, `message contains "mine" # x`: -1,
	} {
		var found []string
		err := b.svc.Search(b.bob, api.SearchRequest{Where: where, Limit: -1}, func(e json.RawMessage) error {
			found = append(found, string(e))
			return nil
		})
		if want < 0 { // no filter; that some are one is no matter, as long as nothing comes of it
			b.clean("search "+where, []any{found, fmt.Sprint(err)}[0])
			continue
		}
		if err != nil || len(found) != want {
			t.Errorf("search %q = %d events, %v, want %d", where, len(found), err, want)
		}
		b.clean("search "+where, found)
	}
	for _, q := range []api.TopRequest{
		{By: []string{"source.ip"}}, {By: []string{"message"}, Limit: -1}, {By: []string{"user.name"}}, {},
		{By: []string{"source.ip"}, Lowest: true}, {By: []string{"message"}, Bucket: time.Hour}, {By: []string{"source.ip"}, Where: `message contains "hidden" || has(message)`},
	} {
		a, err := b.svc.Top(b.bob, q)
		if err != nil || a.Events != 4 || a.Others != 0 {
			t.Errorf("top %+v = %+v, %v, want 4 events", q, a, err)
		}
		b.clean("top", a)
	}
	health, err := b.svc.Health(b.bob)
	b.must(err)
	if len(health.Sources) != 0 || health.Ledger != "" || health.Alerts != len(b.seen) {
		t.Errorf("health tells bob of %d alerts, %v, %q", health.Alerts, health.Sources, health.Ledger)
	}
}

func TestBoundsOfAlerts(t *testing.T) {
	b := bound(t)
	ids := func(list []alert.Alert) (ids []int64) {
		for _, a := range list {
			ids = append(ids, a.ID)
		}
		slices.Sort(ids)
		return ids
	}
	want := ids(b.seen)
	for _, q := range []api.AlertRequest{
		{}, {User: "*"}, {Limit: 100}, {Oldest: true}, {SinceID: 0, Oldest: true}, {SinceChange: -1}, {Brief: true}, {States: []string{"open", "acknowledged", "ended"}}, {MinSeverity: "HIGH"},
	} {
		found, err := b.svc.Alerts(b.bob, q)
		if err != nil || !slices.Equal(ids(found), want) {
			t.Errorf("alerts %+v = %v, %v, want %v", q, ids(found), err, want)
		}
		b.clean("alerts", found)
		if counts, err := b.svc.CountAlerts(b.bob, q); err != nil || total(counts) != int64(len(want)) {
			t.Errorf("count %+v = %+v, %v, want %d", q, counts, err, len(want))
		}
	}
	for one := int64(0); ; { // page by page, none is missed behind those that are hidden
		page, err := b.svc.Alerts(b.bob, api.AlertRequest{Oldest: true, SinceID: one, Limit: 1})
		b.must(err)
		if len(page) == 0 {
			break
		}
		if one = page[0].ID; len(want) == 0 || one != want[0] {
			t.Fatalf("page by page comes %d, want %v", one, want)
		}
		want = want[1:]
	}
	if len(want) > 0 {
		t.Errorf("page by page does not bring %v", want)
	}
	for _, a := range b.hidden {
		b.noAlert(a.ID)
	}
	b.noAlert(99_999)
	if found, err := b.svc.Alerts(b.bob, api.AlertRequest{Text: "192.0.2"}); err != nil || len(found) != 0 {
		t.Errorf("alerts by a text = %v, %v", found, err)
	}
	ctx, stop := context.WithCancel(b.bob)
	defer stop()
	var followed []alert.Alert
	err := b.svc.FollowAlerts(ctx, api.AlertFollow{}, func(c api.AlertChange) error {
		if followed = append(followed, c.Alert); len(followed) == len(b.seen) {
			stop()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || !slices.Equal(ids(followed), ids(b.seen)) {
		t.Errorf("followed %v, %v, want %v", ids(followed), err, ids(b.seen))
	}
	b.clean("stream", followed)

	// Bob's own rule was shown what he may see, and no more. Narrower bounds hold for what was found before, too.
	for _, a := range b.seen {
		if a.RuleName == "bobs" && a.Triggers > 4 {
			t.Errorf("bob's rule counted %d events, want 4 at most", a.Triggers)
		}
	}
	answer, err := b.svc.Detect(b.admin, api.DetectRequest{DryRun: true, Rules: nil})
	b.must(err)
	for _, a := range answer.Alerts {
		if a.Owner == "bob" {
			b.clean("detect for bob's rule", a)
		}
	}
	b.must(b.svc.FilterUser(b.admin, "bob", `source.ip == "10.0.0.2"`))
	found, err := b.svc.Alerts(b.bob, api.AlertRequest{})
	if err != nil || len(found) != 1 || found[0].Entity.String() != "10.0.0.2" {
		t.Errorf("alerts within narrower bounds = %v, %v", found, err)
	}
}

func total(counts []api.AlertCount) (n int64) {
	for _, c := range counts {
		n += c.Alerts
	}
	return n
}

// noAlert holds that for bob an alert is as good as none: whatever he does says the same as of one that never was.
func (b *bounded) noAlert(id int64) {
	b.Helper()
	want := fmt.Sprintf("no alert %d", id)
	story, err := b.svc.AlertStory(b.bob, id)
	if !errors.Is(err, fault.NotFound) || !strings.HasSuffix(err.Error(), want) {
		b.Errorf("story of hidden alert %d = %v", id, err)
	}
	b.clean("story", story)
	if found, err := b.svc.Alerts(b.bob, api.AlertRequest{ID: id}); err != nil || len(found) != 0 {
		b.Errorf("hidden alert %d by its number = %v, %v", id, found, err)
	}
	for _, act := range []api.AlertAct{
		{ID: id, Act: api.Comment, Note: "x"}, {ID: id, Act: api.Acknowledge}, {ID: id, Act: api.Assign, Assignee: "bob"}, {ID: id, Act: api.Close, Disposition: "false"},
	} {
		if _, err := b.svc.ActOnAlert(b.bob, act); !errors.Is(err, fault.NotFound) || !strings.HasSuffix(err.Error(), want) {
			b.Errorf("%s of hidden alert %d = %v, want NotFound %q", act.Act, id, err, want)
		}
	}
	own := b.seen[slices.IndexFunc(b.seen, func(a alert.Alert) bool { return a.Owner == "bob" })].ID
	_, err = b.svc.ActOnAlert(b.bob, api.AlertAct{ID: own, Act: api.Close, Disposition: "duplicate", DuplicateOf: id})
	if !errors.Is(err, fault.Invalid) || !strings.HasSuffix(err.Error(), want) {
		b.Errorf("duplicate of hidden alert %d = %v", id, err)
	}
}

// An account that is gone, shut out or demoted is refused at once, whatever it showed when it came.
func TestWhoIsGoneIsRefused(t *testing.T) {
	svc := running(t, false).Service()
	admin := api.As(t.Context(), api.Local())
	as := func(name string, admin bool) context.Context {
		return api.Through(api.As(t.Context(), api.Identity{User: name, Admin: admin}), api.Way{Via: "page"})
	}
	for _, name := range []string{"anna", "bob", "carl"} {
		if err := svc.PutUser(admin, api.UserEdit{Name: name, Password: "correct horse battery", Create: true, Admin: name != "bob"}); err != nil {
			t.Fatal(err)
		}
	}
	asked := func(ctx context.Context) error {
		_, err := svc.Alerts(ctx, api.AlertRequest{})
		return errors.Join(err, svc.EnableRule(ctx, "", "nosuch", true))
	}
	if err := asked(as("bob", false)); errors.Is(err, fault.Denied) {
		t.Fatalf("bob asks: %v", err)
	}
	for name, change := range map[string]error{
		"bob": svc.DisableUser(admin, "bob", true), "carl": svc.SetRole(admin, "carl", false), "nobody": nil,
	} {
		if change != nil {
			t.Fatal(change)
		}
		if err := asked(as(name, name == "carl")); !errors.Is(err, fault.Denied) {
			t.Errorf("%s asks, who is not what he was: %v, want Denied", name, err)
		}
	}
	for what, err := range map[string]error{
		"demote himself": svc.SetRole(as("anna", true), "anna", false), "delete himself": svc.DeleteUser(as("anna", true), api.UserRemoval{Name: "anna"}),
		"shut himself out": svc.DisableUser(as("anna", true), "anna", true),
	} {
		if !errors.Is(err, fault.Conflict) {
			t.Errorf("an administrator may %s: %v", what, err)
		}
	}
}
