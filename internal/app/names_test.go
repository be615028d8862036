package app

import (
	"encoding/json"
	"strings"
	"testing"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// Who is bounded by a filter learns the names of what he is shown, and no others; nor does he learn around an alert what he could
// not have searched for.
func TestNamesWithinBounds(t *testing.T) {
	b := bound(t)
	_, err := b.svc.PutNames(b.admin, api.NamesEdit{Names: []api.NameEdit{
		{Kind: api.NameAddress, Key: "10.0.0.1", Name: "desk-1"}, {Kind: api.NameNetwork, Key: "192.0.2.0/31", Name: "hidden net"}, {Kind: api.NameAddress, Key: "192.0.2.2", Name: "hidden host"},
	}})
	b.must(err)
	for what, ask := range map[string]func() (any, error){
		"Names":  func() (any, error) { return b.svc.Names(b.bob, api.NameRequest{}) },
		"Groups": func() (any, error) { return b.svc.Groups(b.bob, api.GroupRequest{}) },
		"NamesOf": func() (any, error) {
			return b.svc.NamesOf(b.bob, api.NamesOfRequest{Keys: []api.NameKey{{Kind: "address", Key: "192.0.2.1"}}})
		},
	} {
		if _, err := ask(); fault.Kind(err) != fault.Denied {
			t.Errorf("%s for bob: %v, want it denied", what, err)
		}
	}
	var shown []any
	keep := func(v any, err error) {
		b.must(err)
		shown = append(shown, v)
	}
	keep(b.svc.Alerts(b.bob, api.AlertRequest{User: "*"}))
	keep(b.svc.Top(b.bob, api.TopRequest{By: []string{"source.ip"}}))
	named := false
	for _, a := range b.seen {
		story, err := b.svc.AlertStory(b.bob, a.ID)
		keep(story, err)
		named = named || story.Alert.Names["10.0.0.1"] == "desk-1"
	}
	text, err := json.Marshal(shown)
	b.must(err)
	if !named || !strings.Contains(string(text), `"desk-1"`) {
		t.Errorf("what bob may see has no names: %s", text)
	}
	if strings.Contains(string(text), "hidden") {
		t.Errorf("bob is shown what is hidden from him: %s", text)
	}

	all, err := b.svc.Alerts(b.admin, api.AlertRequest{User: "*"})
	b.must(err)
	names := map[string]bool{}
	for _, a := range all {
		for _, name := range a.Names {
			names[name] = true
		}
	}
	if !names["hidden host"] || !names["hidden net"] || !names["desk-1"] {
		t.Errorf("an administrator is shown the names %v, want all three", names)
	}
}

// What was seen about the time of an alert is bounded: in time, in number, in length, and to what the asker may see.
func TestAround(t *testing.T) {
	b := bound(t)
	var one alert.Alert
	for _, a := range b.seen {
		if a.Owner == "" && a.Entity.String() == "10.0.0.1" {
			one = a
		}
	}
	at := one.Last.UTC().Format("2006-01-02T15:04:05Z")
	var lines []string
	add := func(line string) { lines = append(lines, strings.ReplaceAll(line, "AT", at)) }
	for _, user := range []string{"anna", "bert", "anna", "carl", "dora", "emil", "fred", "gert"} {
		add(`{"kind":"login","@timestamp":"AT","source.ip":"10.0.0.1","user.name":"` + user + `","event.outcome":"success"}`)
	}
	for range 9 {
		add(`{"kind":"log","@timestamp":"AT","source.ip":"10.0.0.1","message":"` + strings.Repeat("long ", 200) + `"}`)
	}
	add(`{"kind":"sighting","@timestamp":"AT","host.ip":"10.0.0.1","host.mac":"00-00-5E-00-53-07","host.name":"hidden device"}`)
	add(`{"kind":"flow","@timestamp":"AT","source.ip":"10.0.0.1","destination.ip":"10.0.0.2","source.mac":"00-00-5E-00-53-09"}`)
	add(`{"kind":"log","@timestamp":"AT","source.ip":"192.0.2.1","destination.ip":"10.0.0.1","message":"hidden line"}`)
	_, err := b.svc.Append(b.admin, api.AppendRequest{}, strings.NewReader(strings.Join(lines, "\n")))
	b.must(err)
	b.must(b.svc.Flush(b.admin))

	story, err := b.svc.AlertStory(b.admin, one.ID)
	b.must(err)
	if len(story.Around) != 1 || story.Around[0].Address != "10.0.0.1" || story.Around[0].Cut {
		t.Fatalf("around = %+v, want it of 10.0.0.1", story.Around)
	}
	a := story.Around[0]
	users := map[string]bool{}
	for _, l := range a.Logins {
		if l.Outcome != "success" || users[l.User] {
			t.Errorf("login %+v stands twice or is none", l)
		}
		users[l.User] = true
	}
	if len(a.Logins) != api.MaxAroundEvents || len(a.Lines) != api.MaxAroundEvents || len(a.Devices) != 2 {
		t.Errorf("%d logins, %d lines, %d devices, want %d, %d and 2: %+v", len(a.Logins), len(a.Lines), len(a.Devices), api.MaxAroundEvents, api.MaxAroundEvents, a)
	}
	for _, l := range a.Lines {
		if len(l.Text) > 400 {
			t.Errorf("a line of %d bytes is told whole", len(l.Text))
		}
	}
	// bob's filter proves nothing of sightings, nor of what others sent to the address.
	story, err = b.svc.AlertStory(b.bob, one.ID)
	b.must(err)
	text, err := json.Marshal(story)
	b.must(err)
	if len(story.Around) != 1 || len(story.Around[0].Logins) == 0 || strings.Contains(string(text), "hidden") {
		t.Errorf("bob is told %s", text)
	}
}
