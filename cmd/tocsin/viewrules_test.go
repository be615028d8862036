package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/api"
)

// viewRules look at flows from where somebody stands, one for each sort of entity.
var viewRules = []struct{ name, text string }{
	{"host-sent", `{metric: sum(flow.sent.bytes), by: [flow.host], over: 5m, above: 100000}`},
	{"host-targets", `{metric: distinct(flow.target), by: [flow.host], over: 10m, above: 3}`},
	{"pair-bytes", `{metric: sum(source.bytes), by: [flow.pair], over: 5m, above: 40000}`},
	{"port-clients", `{metric: distinct(flow.client), by: [flow.port], over: 2m, at_least: 4}`},
	{"country-hosts", `{metric: distinct(flow.host), by: [flow.country], over: 90s, above: 2}`},
	{"country-sent", `{metric: sum(flow.sent.bytes), by: [flow.country], over: 5m, above: 150000}`},
}

func viewRule(i int) string {
	return fmt.Sprintf("{name: %s, from: flow, detect: {threshold: %s}, severity: LOW}\n", viewRules[i].name, viewRules[i].text)
}

// viewFlows makes records of flows that begin at base and end, all of them judged, with one an hour later. Some lasted for
// longer than the windows of the rules; sessions have several records.
func viewFlows(base time.Time, n int) (lines []string) {
	r := rand.New(rand.NewPCG(20, 26))
	host := func(i int) (address, country string) {
		return fmt.Sprintf("192.0.2.%d", i), []string{"DE", "FR"}[i%2]
	}
	write := func(at time.Time, length time.Duration, source, destination, session int, role string, octets int) {
		from, of := host(source)
		to, in := host(destination)
		line, _ := json.Marshal(map[string]any{
			"@timestamp": at.UTC(), "event.start": at.Add(-length).UTC(), "event.end": at.UTC(), "source.ip": from, "destination.ip": to,
			"source.port": 40_000, "destination.port": 20 + session%5, "source.geo.country_iso_code": of, "destination.geo.country_iso_code": in,
			"source.bytes": octets, "source.packets": 1 + octets/1000, "flow.id": session, "flow.role": role, "network.transport": "tcp",
		})
		lines = append(lines, string(line))
	}
	now, role := base, []string{"client", "server"}
	for i := range n {
		now = now.Add(time.Duration(r.IntN(12_000)) * time.Millisecond)
		length := []time.Duration{0, time.Duration(r.IntN(30)) * time.Second, time.Duration(r.IntN(900)) * time.Second}[r.IntN(3)]
		session := 1 + i - r.IntN(min(i+1, 40))*r.IntN(2)
		write(now, length, 1+r.IntN(8), 1+session%9, session, role[r.IntN(2)], r.IntN(20_000))
	}
	write(now.Add(time.Hour), 0, 200, 201, 1_000_000, "client", 1)
	return lines
}

// viewAlerts is what of alerts must be the same however they came about.
func viewAlerts(list []alert.Alert, rule string) (out []string) {
	for _, a := range list {
		if rule == "" || a.RuleName == rule {
			out = append(out, fmt.Sprintf("%s %s first=%s last=%s ended=%s triggers=%d peak=%g", a.RuleName, a.Entity.Key(),
				a.First.UTC().Format(time.RFC3339Nano), a.Last.UTC().Format(time.RFC3339Nano), a.EndedAt.UTC().Format(time.RFC3339Nano), a.Triggers, a.Peak))
		}
	}
	slices.Sort(out)
	return out
}

// jsonAlerts decodes what a command prints about alerts with -o json, a line each.
func jsonAlerts(t *testing.T, text string) (list []alert.Alert) {
	t.Helper()
	for lines := json.NewDecoder(strings.NewReader(text)); lines.More(); {
		var a alert.Alert
		if err := lines.Decode(&a); err != nil {
			t.Fatalf("%v in %.300s", err, text)
		}
		list = append(list, a)
	}
	return list
}

// Rules by views find the same live, with the process killed in the middle of windows, over history, and when they are tried
// on a file; and they explain a record of the same flows.
func TestViewRules(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts the program a dozen times: skipped with -short")
	}
	dir := t.TempDir()
	data, config, file := filepath.Join(dir, "data"), filepath.Join(dir, "tocsin.yaml"), filepath.Join(dir, "flows.json")
	text := "http: {listen: \"off\"}\njournal: {free_floor: \"off\"}\nsources: {syslog: [], flows: []}\ndetect: {save_every: 1s}\nalerts: {reopen: 0s}\n" +
		"history: {retention: {flow: off}}\nformats:\n  records: {kind: flow, jsonlines: {}}\nrules:\n"
	for i := range viewRules {
		text += "  - " + viewRule(i)
	}
	write(t, config, text, 0o600)
	flows := viewFlows(time.Now().Add(-4*time.Hour).Truncate(time.Second), 900)
	write(t, file, strings.Join(flows, "\n")+"\n", 0o600)

	d := start(t, data, config, "")
	state, left := filepath.Join(data, "detect-flows.state"), flows
	post := func(n int) {
		part := left[:n]
		left = left[n:]
		d.postKind("flow", []byte(strings.Join(part, "\n")))
	}
	for range 3 {
		before, _ := os.ReadFile(state)
		saved := func() bool {
			now, err := os.ReadFile(state)
			return err == nil && !bytes.Equal(now, before)
		}
		post(150)
		for more := 100; more > 0 && !saved(); more-- { // a state is begun, and takes its place, when something comes
			post(1)
			<-time.After(20 * time.Millisecond)
		}
		d.within(2*time.Minute, "a state is saved in the middle of windows", saved) // at the latest when the clock is told, every 10 s
		d.kill()
		d = start(t, data, config, "")
	}
	post(len(left))
	d.ask("POST", "/api/v1/flush", nil)
	var list []alert.Alert
	d.ask("GET", "/api/v1/alerts?limit=100000", &list)
	live := viewAlerts(list, "")
	for _, r := range viewRules {
		if len(viewAlerts(list, r.name)) == 0 {
			t.Errorf("rule %s finds nothing: nothing is shown of it", r.name)
		}
	}

	if said := answer(t, d, "detect", "--dry-run", "-o", "json"); said != "" {
		t.Errorf("judging history beside it finds what is new or different:\n%.3000s", said)
	}
	other := *d
	other.dir = filepath.Join(dir, "other")
	answer(t, &other, "--config", config, "ingest", file, "--format", "records")
	over := viewAlerts(jsonAlerts(t, answer(t, &other, "--config", config, "detect", "-o", "json")), "")
	if diff := gocmp.Diff(live, over); diff != "" {
		t.Errorf("taken in as old and judged it makes other alerts (-live +history):\n%.3000s", diff)
	}
	for i, r := range viewRules {
		path := filepath.Join(dir, r.name+".yaml")
		write(t, path, viewRule(i), 0o600)
		tried := viewAlerts(jsonAlerts(t, answer(t, d, "--config", config, "rules", "test", path, file, "--format", "records", "-o", "json")), r.name)
		if diff := gocmp.Diff(viewAlerts(list, r.name), tried); diff != "" {
			t.Errorf("%s tried on the file makes other alerts (-live +tried):\n%.3000s", r.name, diff)
		}
	}
	explainView(t, d, config, flows)
}

// explainView asks what rules make of the record at which one of them fired, as if it came once more.
func explainView(t *testing.T, d *daemon, config string, flows []string) {
	t.Helper()
	said := answer(t, d, "--config", config, "explain", "--history", "--format", "records", "--rule", "host-sent", flows[450])
	if !regexp.MustCompile(`(?s)host-sent.*flow\.host.*192\.0\.2\.\d+.*sum\(flow\.sent\.bytes\) over 5m is .*, with this one .* \(limit: above 100000\).*`).MatchString(said) {
		t.Errorf("explain says\n%s", said)
	}
	var account api.ExplainAnswer
	if err := json.Unmarshal([]byte(answer(t, d, "--config", config, "explain", "--history", "--format", "records", "-o", "json", flows[450])), &account); err != nil {
		t.Fatal(err)
	}
	if len(account.Lines) != 1 || len(account.Lines[0].Events) != 1 || len(account.Lines[0].Events[0].Rules) != len(viewRules) {
		t.Fatalf("explain: got %+v", account)
	}
	for _, r := range account.Lines[0].Events[0].Rules {
		if r.Verdict != api.Counts && r.Verdict != api.Fires && r.Verdict != api.Stands || len(r.Entity) == 0 || r.With < r.Value {
			t.Errorf("rule %s: got %+v, want what it counts for whom", r.Name, r)
		}
	}
}
