package app

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"tocsin/internal/api"
	"tocsin/internal/enrich/enrichtest"
)

// given sends one event with an address and returns what it was given, as "country group".
func given(t *testing.T, svc api.Service, kind, id string) string {
	t.Helper()
	ctx := api.As(t.Context(), api.Local())
	line := fmt.Sprintf(`{"kind":%q,"event.id":%q,"source.ip":"192.0.2.7","destination.ip":"198.51.100.9"}`, kind, id)
	if _, err := svc.Append(ctx, api.AppendRequest{}, strings.NewReader(line+"\n")); err != nil {
		t.Fatal(err)
	}
	if err := svc.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	var e struct {
		Country string `json:"source.geo.country_iso_code"`
		Group   string `json:"source.group"`
	}
	err := svc.Search(ctx, api.SearchRequest{Where: fmt.Sprintf("event.id == %q", id)}, func(text json.RawMessage) error { return json.Unmarshal(text, &e) })
	if err != nil {
		t.Fatal(err)
	}
	return e.Country + " " + e.Group
}

// Events of every kind are given country and group, and another configuration is followed while tocsin runs; one with a database
// that is not there, or with groups that clash with those that people made, changes nothing.
func TestEnrichment(t *testing.T) {
	german := enrichtest.File(t, "a.mmdb", enrichtest.Database{Of: map[string]map[string]any{"192.0.2.0/24": enrichtest.City("DE", "Berlin")}})
	french := enrichtest.File(t, "b.mmdb", enrichtest.Database{Of: map[string]map[string]any{"192.0.2.0/24": enrichtest.City("FR", "Paris")}})
	a := running(t, true, func(s *Setup) {
		s.Config.Enrich.Databases, s.Config.Enrich.Groups = []string{german}, map[string][]string{"fixed": {"192.0.2.0/24"}}
	})
	svc := a.Service()
	for _, kind := range []string{"flow", "login", "log", "sighting"} {
		if got := given(t, svc, kind, "1"+kind); got != "DE fixed" {
			t.Errorf("a %s is given %q, want DE fixed", kind, got)
		}
	}
	ctx := api.As(t.Context(), api.Local())
	if _, err := svc.PutGroups(ctx, api.GroupsEdit{Groups: []api.GroupEdit{{Name: "closer", Members: []string{"192.0.2.0/25"}}}}); err != nil {
		t.Fatal(err)
	}
	known, err := svc.NamesOf(ctx, api.NamesOfRequest{Keys: []api.NameKey{{Kind: "address", Key: "192.0.2.7"}}})
	if want := (api.Named{Kind: "address", Key: "192.0.2.7", Group: "closer", Country: "DE", City: "Berlin"}); err != nil || len(known) != 1 || known[0] != want {
		t.Errorf("NamesOf = %+v, %v, want %+v", known, err, want)
	}
	for i, test := range []struct {
		databases []string
		groups    map[string][]string
		refused   string
		want      string
	}{
		{[]string{german}, nil, "", "DE closer"},
		{[]string{french}, map[string][]string{"fixed": {"192.0.2.7"}}, "", "FR fixed"},
		{[]string{german, filepath.Join(t.TempDir(), "none.mmdb")}, nil, "none.mmdb", "FR fixed"},
		{[]string{german}, map[string][]string{"fixed": {"192.0.2.0/25"}}, `"closer"`, "FR fixed"},
		{nil, nil, "", " closer"},
	} {
		next, err := Load("", nil)
		if err != nil {
			t.Fatal(err)
		}
		config := *a.setup.Config
		next.Config = &config
		next.Config.Enrich.Databases, next.Config.Enrich.Groups = test.databases, test.groups
		if _, err := a.Reload(t.Context(), next); (err != nil) != (test.refused != "") || err != nil && !strings.Contains(err.Error(), test.refused) {
			t.Errorf("%d: Reload = %v, want %q", i, err, test.refused)
		}
		if got := given(t, svc, "flow", fmt.Sprint("2-", i)); got != test.want {
			t.Errorf("%d: a flow is given %q, want %q", i, got, test.want)
		}
	}
}
