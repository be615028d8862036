package apitest

import (
	"strings"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// viewing: addresses are kept under names as their pages read them, each account its own; what a page would refuse is refused.
func viewing(s *suite) {
	_, err := s.Views(s.ctx, "")
	s.kind("Views of who has no account", err, fault.NotFound)
	_, err = s.PutView(s.ctx, api.ViewEdit{Name: "a", Address: "/alerts"})
	s.kind("PutView of who has no account", err, fault.NotFound)
	for _, name := range []string{"admin", "bob"} {
		s.must("PutUser", s.PutUser(s.ctx, api.UserEdit{Name: name, Password: "correct horse battery", Admin: name == "admin", Create: true}))
	}
	s.views("bob")
	for given, kept := range map[string]string{
		"/alerts": "/alerts", "/alerts?": "/alerts", "/alerts?state=active&severity=high&text=": "/alerts?severity=HIGH", "/flows?by=host&rank=bytes": "/flows",
		"/flows?where=destination.port+%3D%3D+22&since=24h": "/flows?since=24h&where=destination.port+%3D%3D+22", "/flows?where=flowtraq:SRVPORT%3D%3D22&side=": "/flows?where=flowtraq%3ASRVPORT%3D%3D22",
		"/flows/sessions?order=bytes&rows=10": "/flows/sessions?order=bytes", "/flows/sessions#main": "/flows/sessions", "/flows?since=2026-01-02&until=2026-01-03#x": "/flows?since=2026-01-02&until=2026-01-03",
	} {
		v, err := s.PutView(s.ctx, api.ViewEdit{User: "bob", Name: "any", Address: given, Replace: true})
		s.must("PutView of "+given, err)
		if v.Address != kept || v.Name != "any" || v.Changed.IsZero() {
			s.Errorf("PutView of %s keeps %+v, want %s", given, v, kept)
		}
	}
	night := api.View{Name: "Nacht / <b>\"ä\" 7%", Address: "/flows?by=pair&rows=100"}
	for _, user := range []string{"bob", ""} {
		_, err = s.PutView(s.ctx, api.ViewEdit{User: user, Name: night.Name, Address: night.Address})
		s.must("PutView", err)
	}
	_, err = s.PutView(s.ctx, api.ViewEdit{Name: night.Name, Address: "/alerts"})
	s.kind("PutView of a name that there is", err, fault.Conflict)
	s.views("", night)
	s.must("DeleteView", s.DeleteView(s.ctx, api.ViewRemoval{User: "bob", Name: "any"}))
	s.kind("DeleteView of none", s.DeleteView(s.ctx, api.ViewRemoval{User: "bob", Name: "any"}), fault.NotFound)
	s.kind("DeleteView without a name", s.DeleteView(s.ctx, api.ViewRemoval{}), fault.Invalid)
	s.views("bob", night)
	s.refusedViews()
	s.views("bob", night)
	s.views("", night)
	audited(s, "views.change", "view "+night.Name+" of bob:  > "+night.Address)
	audited(s, "views.change", "view any of bob: ")
	s.must("DeleteView", s.DeleteView(s.ctx, api.ViewRemoval{Name: night.Name}))
	s.views("")
}

func (s *suite) views(user string, want ...api.View) {
	s.Helper()
	got, err := s.Views(s.ctx, user)
	s.must("Views", err)
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(api.View{}, "Changed"), cmpopts.EquateEmpty()); diff != "" || got == nil {
		s.Errorf("Views of %q (-want +got):\n%s", user, diff)
	}
}

func (s *suite) refusedViews() {
	s.Helper()
	for address, want := range map[string]string{
		"": "begins with /alerts, /flows", "/": "begins with", "/users": "begins with", "/alerts/17": "begins with", "https://example.org/flows": "begins with", "//example.org/flows": "begins with",
		"/alerts/../users": "begins with", "javascript:alert(1)": "begins with", "/flows/exporters": "begins with", "/flows?by=hots": "want host, pair", "/flows?rank=loud": "rank", "/flows?side=x": "side",
		"/flows?since=never": "never", "/flows?since=1h&until=2h": "earlier time first", "/flows?rows=0": "1 to 100", "/flows?rows=101": "1 to 100", "/flows?where=nosuch+%3D%3D+1": "no field",
		"/flows?where=flowtraq:SRVPORT==": "flowtraq", "/flows?where=%00": "control", "/flows?where=%ff": "control", "/flows?nosuch=1": "nosuch", "/flows?by=host&by=port": "2 values", "/flows?by=%zz": "%zz",
		"/flows?by=host;rank=bytes": "semicolon", "/flows?order=bytes": "order", "/flows/sessions?where=(": "ends too early", "/alerts?behind=1.1": "behind", "/alerts?state=lost": "state", "/alerts?severity=LOUD": "severity",
		"/alerts?since=x": "since", "/alerts?group=owner": "group", "/flows?where=" + strings.Repeat("x", 2048): "2048",
	} {
		_, err := s.PutView(s.ctx, api.ViewEdit{User: "bob", Name: "new", Address: address, Replace: true})
		s.kind("PutView of "+address, err, fault.Invalid)
		if err != nil && !strings.Contains(err.Error(), want) {
			s.Errorf("PutView of %s: %v, want %q", address, err, want)
		}
	}
	for _, name := range []string{"", " ", "a ", "a\nb", "a\u202eb", "a\x00", "\xff", strings.Repeat("ä", 81)} {
		_, err := s.PutView(s.ctx, api.ViewEdit{User: "bob", Name: name, Address: "/alerts"})
		s.kind("PutView with the name "+name, err, fault.Invalid)
	}
	long := strings.Repeat("ä", 80)
	_, err := s.PutView(s.ctx, api.ViewEdit{User: "bob", Name: long, Address: "/alerts"})
	s.must("PutView with 80 characters", err)
	s.must("DeleteView", s.DeleteView(s.ctx, api.ViewRemoval{User: "bob", Name: long}))
	_, err = s.PutView(s.ctx, api.ViewEdit{User: "carol", Name: "a", Address: "/alerts"})
	s.kind("PutView of nobody", err, fault.NotFound)
}
