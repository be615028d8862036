package app

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/config"
)

// replayRules are of every detector. All but the last look at the web server alone.
var replayRules = []string{
	`{name: missing, from: log, where: 'http.response.status_code == 404', detect: {threshold: {by: [source.ip], over: 10m, at_least: 4}}, severity: HIGH}`,
	`{name: heavy, from: log, where: 'service.name == "web"', detect: {threshold: {metric: sum(http.response.bytes), by: [source.ip], over: 1h, above: 30000000}}, severity: LOW}`,
	`{name: wide, from: log, where: 'service.name == "web"', detect: {threshold: {metric: distinct(url.path), by: [source.ip], over: 1h, above: 25}}, severity: LOW}`,
	`{name: slow, from: log, where: 'service.name == "web"', detect: {threshold: {over: 2m, below: 50}}, severity: LOW}`,
	`{name: silent, from: log, where: 'service.name == "web"', detect: {absence: {idle: 30m}}, severity: LOW}`,
	`{name: volume, from: log, where: 'service.name == "web"', detect: {deviation: {bucket: 1h, baseline: 12, min_buckets: 4, z: 1.5, direction: both}}, severity: LOW}`,
	`{name: new-agent, from: log, where: 'service.name == "web"', detect: {novelty: {by: [user_agent.original], learn: 1d, end_after: 2h}}, severity: LOW}`,
	`{name: new-call, from: log, where: 'has(event.action)', detect: {novelty: {by: [event.action], learn: off}}, severity: LOW}`,
}

// cloudTrail are the names of the CloudTrail files.
func cloudTrail(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../testdata/real/cloudtrail/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no CloudTrail files (%v)", err)
	}
	return files
}

// flushing starts an app that writes a segment every so many rows, with the rules.
func flushing(t *testing.T, rows int) api.Service {
	t.Helper()
	s, err := Load("", nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Config.Data, s.Config.Journal.FreeFloor, s.Config.Sources.Syslog, s.Config.Sources.Flows = t.TempDir(), config.Floor{}, nil, nil
	s.Config.History.FlushRows = rows
	s.Config.Alerts.Reopen = 0 // live, an alert goes on when it comes back soon; of the past each time is told by itself
	a, err := New(t.Context(), s, Options{Version: "test", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
		if err := a.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	})
	for _, text := range replayRules {
		if _, err := a.Service().PutRule(admin(t), api.RuleEdit{Text: text}); err != nil {
			t.Fatal(err)
		}
	}
	return a.Service()
}

func admin(t *testing.T) context.Context { return api.As(t.Context(), api.Local()) }

// ingested takes the logs in as old files, each in pieces of so many bytes, and judges them.
func ingested(t *testing.T, svc api.Service, piece int) []alert.Alert {
	t.Helper()
	ctx := admin(t)
	take := func(path string, q api.IngestRequest, piece int) {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		q.Source, q.Path = "file:"+filepath.Base(path), filepath.Base(path)
		for int(q.Offset) < len(text) {
			end := len(text)
			if to := int(q.Offset) + piece; piece > 0 && to < end {
				end = to + 1 + bytes.IndexByte(text[to:], '\n')
			}
			a, err := svc.Ingest(ctx, q, bytes.NewReader(text[q.Offset:end]))
			if err != nil || a.Rejected > 0 || a.Bytes == 0 {
				t.Fatalf("Ingest %s from %d: %+v, %v", path, q.Offset, a, err)
			}
			q.Offset += a.Bytes
		}
	}
	take("../../testdata/real/apache_logs", api.IngestRequest{Service: "web", Format: "combined"}, piece)
	for _, name := range cloudTrail(t) {
		take(name, api.IngestRequest{Format: "cloudtrail"}, 0)
	}
	if err := svc.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	a, err := svc.Detect(ctx, api.DetectRequest{Until: replayEnd})
	if err != nil {
		t.Fatal(err)
	}
	return kept(t, svc, len(a.Alerts))
}

// replayEnd is up to when everything is judged: long after the last event.
var replayEnd = time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)

// kept lists all alerts, without what says when the test ran.
func kept(t *testing.T, svc api.Service, least int) []alert.Alert {
	t.Helper()
	list, err := svc.Alerts(admin(t), api.AlertRequest{User: "*", Limit: 100_000})
	if err != nil || len(list) < least || len(list) == 0 {
		t.Fatalf("Alerts: %d of %d, %v", len(list), least, err)
	}
	for i := range list {
		a := &list[i]
		a.Updated, a.Change, a.Born = time.Time{}, 0, 0 // how often it was written is up to the clock
		for k, s := range a.Samples {
			var fields map[string]any
			if err := json.Unmarshal(s, &fields); err != nil {
				t.Fatal(err)
			}
			delete(fields, "event.ingested")
			delete(fields, "tocsin.sequence") // which batch of the journal it came in
			if a.Samples[k], err = json.Marshal(fields); err != nil {
				t.Fatal(err)
			}
		}
	}
	return list
}

// written is alerts as text, a line each.
func written(t *testing.T, list []alert.Alert) []string {
	t.Helper()
	var out []string
	for i := range list {
		text, err := json.Marshal(list[i])
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(text))
	}
	return out
}

// told is what of an alert does not depend on whether it was judged as it came.
func told(list []alert.Alert) []string {
	var out []string
	for _, a := range list {
		out = append(out, fmt.Sprintln(a.RuleName, a.Entity.Key(), a.State, a.First, a.Last, a.EndedAt, a.Triggers, a.Value, a.Peak, a.Limit, a.Window, a.Reason))
	}
	slices.Sort(out)
	return out
}

// Two runs over the same files keep the same alerts, byte for byte but for when the tests ran: on one processor and on two,
// however the files are cut and however the history is.
func TestSameFilesSameAlerts(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes in 10,000 lines several times")
	}
	want := ingested(t, flushing(t, 200_000), 0)
	names := map[string]bool{}
	for _, a := range want {
		names[a.RuleName] = true
	}
	if len(names) != len(replayRules) {
		t.Errorf("only the rules %v found anything", names)
	}
	for _, c := range []struct{ rows, piece, processors int }{{200_000, 0, 2}, {200_000, 0, 1}, {1000, 0, 2}, {50_000, 100_000, 2}, {1024, 333_333, 1}} {
		was := runtime.GOMAXPROCS(c.processors)
		got := ingested(t, flushing(t, c.rows), c.piece)
		runtime.GOMAXPROCS(was)
		if c.piece > 0 || c.rows < 10_000 { // samples are of the rows that were at hand
			for i := range got {
				got[i].Samples = nil
			}
			bare := slices.Clone(want)
			for i := range bare {
				bare[i].Samples = nil
			}
			if diff := gocmp.Diff(written(t, bare), written(t, got)); diff != "" {
				t.Fatalf("%+v: other alerts (-first +this):\n%.4000s", c, diff)
			}
			continue
		}
		if diff := gocmp.Diff(written(t, want), written(t, got)); diff != "" {
			t.Fatalf("%+v: other alerts (-first +this):\n%.4000s", c, diff)
		}
	}
}

// placed is an event with its place in the file that it came from.
type placed struct {
	offset int64
	text   string
}

func texts(list []placed) (out []string) {
	for _, p := range list {
		out = append(out, p.text)
	}
	return out
}

// What is judged as it comes, in whatever portions, ends in the alerts that judging the files makes.
func TestLiveAlertsAreThoseOfHistory(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes in 10,000 lines several times")
	}
	files := flushing(t, 200_000)
	want := told(ingested(t, files, 0))
	var events []string
	var web []placed // the access log is not in order of time; it comes as it stands in its file
	err := files.Search(admin(t), api.SearchRequest{Oldest: true, Limit: -1}, func(e json.RawMessage) error {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(e, &fields); err != nil {
			return err
		}
		var p placed
		if string(fields["service.name"]) == `"web"` {
			if err := json.Unmarshal(fields["log.offset"], &p.offset); err != nil {
				return err
			}
		}
		for name := range fields { // how it came in is told anew
			if strings.HasPrefix(name, "tocsin.") || name == "event.ingested" {
				delete(fields, name)
			}
		}
		text, err := json.Marshal(fields)
		if p.text = string(text); string(fields["service.name"]) == `"web"` {
			web = append(web, p)
		} else {
			events = append(events, p.text)
		}
		return err
	})
	if err != nil || len(web) != 10_000 {
		t.Fatalf("Search finds %d events of the access log, %v", len(web), err)
	}
	slices.SortFunc(web, func(a, b placed) int { return cmp.Compare(a.offset, b.offset) })
	events = slices.Concat(texts(web), events)
	last := replayEnd.Add(5 * time.Minute).Format(time.RFC3339)
	events = append(events, `{"@timestamp":"`+last+`","service.name":"end"}`)
	for _, portion := range []int{101, 8192} {
		svc := flushing(t, 200_000)
		for chunk := range slices.Chunk(events, portion) {
			a, err := svc.Append(admin(t), api.AppendRequest{}, strings.NewReader(strings.Join(chunk, "\n")))
			if err != nil || a.Rejected > 0 {
				t.Fatalf("Append: %+v, %v", a, err)
			}
		}
		if err := svc.Flush(admin(t)); err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(want, told(kept(t, svc, 0))); diff != "" {
			t.Errorf("in portions of %d: other alerts (-history +live):\n%.4000s", portion, diff)
		}
	}
}
