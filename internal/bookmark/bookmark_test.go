package bookmark

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"tocsin/internal/fault"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// What a page writes as its address is kept as it is, and read back as the same question.
func TestAddressesOfPages(t *testing.T) {
	for _, q := range []string{"", "by=pair&rank=ports&side=sent&since=7d&rows=100&once=yes&where=source.ip+%3D%3D+%22192.0.2.7%22", "since=2026-03-01&until=2026-03-02", "where=flowtraq%3A+SRVPORT%3D%3D22", "order=bytes"} {
		values, err := url.ParseQuery(q)
		if err != nil {
			t.Fatal(err)
		}
		asked := ReadFlows(values)
		for _, path := range []string{RankingPage, SessionsPage} {
			v, err := Parse(asked.Address(path), noon)
			if err != nil {
				t.Errorf("Parse of what %s?%s writes = %v", path, q, err)
				continue
			}
			want := asked
			if path == RankingPage {
				want.Order = ""
			}
			if v.Flows != want || v.Address() != asked.Address(path) || v.Page != path {
				t.Errorf("%s?%s is kept as %s", path, q, v.Address())
			}
		}
	}
	a := Alerts{State: "all", Severity: "HIGH", Rule: "a b", Owner: "anna", Text: "x&y", Since: "1h", Silenced: Hide, Group: ByRule}
	if v, err := Parse(a.Address(AlertsPage), noon); err != nil || v.Alerts != a {
		t.Errorf("Parse of %s = %+v, %v", a.Address(AlertsPage), v, err)
	}
}

func TestNames(t *testing.T) {
	for name, good := range map[string]bool{"a": true, "ssh, a day": true, strings.Repeat("ä", MaxName): true, "日本語 / <b>": true, "": false, " a": false, "a ": false, strings.Repeat("a", MaxName+1): false,
		"a\tb": false, "a\nb": false, "a\u200bb": false, "a\u202eb": false, "\xff": false, "a\x7f": false} {
		if err := CheckName("name", name); (err == nil) != good || err != nil && !errors.Is(err, fault.Invalid) {
			t.Errorf("CheckName(%q) = %v, want good %v", name, err, good)
		}
	}
}

// Whatever is to be kept leads to one of the pages, is bounded, and is kept as itself once it was kept.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"/alerts", "/flows?by=host&since=1h&rows=7", "/flows/sessions?order=bytes#x", "/alerts?state=all&severity=high&text=a+b", "/flows?where=%zz", "//x/flows", "/flows?a=1&a=2", "/flows?since=1h&until=2h;"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		v, err := Parse(address, noon)
		if err != nil {
			if !errors.Is(err, fault.Invalid) || len(err.Error()) > len(address)+1000 {
				t.Errorf("Parse(%q) = %v", address, err)
			}
			return
		}
		kept := v.Address()
		u, err := url.Parse(kept)
		if err != nil || u.Host != "" || u.Scheme != "" || u.Path != v.Page || strings.ContainsAny(kept, " \n\"<>") {
			t.Errorf("Parse(%q) keeps %q", address, kept)
		}
		if again, err := Parse(kept, noon); err != nil || again.Address() != kept {
			t.Errorf("Parse(%q) keeps %q, which is kept otherwise: %v", address, kept, err)
		}
	})
}
