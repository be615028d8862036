package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tocsin/internal/api"
	"tocsin/internal/app"
	"tocsin/internal/catalog"
	"tocsin/internal/config"
	"tocsin/internal/ledger/ledgertest"
	"tocsin/internal/takeover"
)

// logTrackTables are LogTrack's tables as it makes them.
const logTrackTables = `
CREATE TABLE users (id SERIAL PRIMARY KEY, username TEXT UNIQUE NOT NULL, password_hash TEXT NOT NULL, role TEXT DEFAULT 'user');
CREATE TABLE rules (id TEXT PRIMARY KEY, rule_type TEXT, service TEXT, keyword TEXT, message TEXT, threshold INTEGER, window_minutes INTEGER,
  window_seconds INTEGER, max_idle_minutes INTEGER, user_field TEXT, description TEXT, created_by INTEGER REFERENCES users (id));
CREATE TABLE logs (id SERIAL PRIMARY KEY, timestamp TIMESTAMPTZ, service TEXT, severity TEXT, message TEXT, username TEXT, extra_fields JSONB);
CREATE TABLE alerts (id SERIAL PRIMARY KEY, rule_id TEXT, triggered_at TIMESTAMPTZ NOT NULL, message TEXT NOT NULL, related_log_ids INTEGER[]);`

// logTrackRows are ordinary rows and odd ones.
const logTrackRows = `
INSERT INTO users (username, password_hash, role) VALUES
 ('anna', '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc', 'user'),
 ('broken', 'no hash', NULL), ('with blank', 'x', 'user');
INSERT INTO rules (id, rule_type, service, keyword, threshold, window_minutes, description) VALUES
 ('login-errors', 'keyword_threshold', 'apache', 'login failed', 5, 2, 'Guessing'), ('odd', 'weather', NULL, NULL, 1, 1, NULL);
INSERT INTO logs (timestamp, service, severity, message, username, extra_fields) VALUES
 ('2024-01-20 21:32:14+00', 'apache', NULL, 'GET /a?b=c HTTP/1.1', 'bob', '{"ip": "192.0.2.7", "identifier": null, "status": 404, "bytes": 217}'),
 ('2024-01-20 21:32:15+00', 'iam.amazonaws.com', NULL, 'CreateUser', NULL, '{"sourceIPAddress": "ec2.amazonaws.com", "awsRegion": "eu-west-1", "eventID": "e-1", "userAgent": "aws \u00e4"}'),
 ('2024-01-20 21:32:16+00', 'HDFS', 'WARN', 'Block lost', NULL, '{"Pid": "143", "EventId": "E5", "Component": "dfs.DataNode"}'),
 (NULL, 'apache', NULL, 'no time', NULL, NULL),
 ('2024-01-20 21:32:17+00', NULL, NULL, NULL, NULL, '["no", "object"]'),
 ('infinity', 'apache', NULL, 'for ever', NULL, '3'),
 ('0001-01-01 00:00:00+00 BC', 'apache', NULL, 'long ago', NULL, '"text"'),
 ('2024-01-20 21:32:18+00', 'apache', NULL, repeat('x' || chr(1) || chr(8364), 300000), repeat('u', 5000), '{"status": "many", "bytes": -1, "ip": "nobody"}'),
 ('2024-01-20 21:32:19+00', 'apache', NULL, 'huge extra', NULL, jsonb_build_object('a', repeat('y', 200000))),
 ('2024-01-20 21:32:20+00', 'apache', NULL, E'two\nlines "quoted" \\', NULL, jsonb_build_object(E'a "b".\n', 1, repeat('k', 900), 'v'));
INSERT INTO alerts (rule_id, triggered_at, message, related_log_ids) VALUES
 ('login-errors', '2024-01-20 21:40:00+00', 'Rule login-errors triggered with 5 matches', '{1,2,3,4,5}'),
 ('login-errors', '2024-01-20 21:40:00+00', 'Rule login-errors triggered with 5 matches', '{1,2,3,4,5}'),
 ('login-errors', '2024-01-20 21:40:00+00', 'another text', NULL), ('gone', '2024-01-20 21:41:00+00', 'No logs', '{}'),
 ('gone', '2024-01-20 21:42:00+00', repeat('z', 9000), ARRAY[NULL, 7]), (NULL, 'infinity', '', NULL);`

// A breaking service fails in the middle of what it is told.
type breaking struct {
	api.Service
	left int64 // bytes of log rows until it fails
}

var errBroke = errors.New("broke off")

func (b *breaking) Ingest(ctx context.Context, q api.IngestRequest, body io.Reader) (api.IngestAnswer, error) {
	return b.Service.Ingest(ctx, q, &brittle{body, &b.left})
}

type brittle struct {
	io.Reader
	left *int64
}

func (b *brittle) Read(p []byte) (int, error) {
	if *b.left <= 0 {
		return 0, errBroke
	}
	n, err := b.Reader.Read(p[:min(int64(len(p)), *b.left)])
	*b.left -= int64(n)
	return n, err
}

func openData(t testing.TB) (api.Service, context.Context) {
	t.Helper()
	s, err := app.Load("", nil)
	if err != nil {
		t.Fatal(err)
	}
	s.Config.Data, s.Config.Journal.FreeFloor, s.Config.Sources.Syslog, s.Config.Sources.Flows = t.TempDir(), config.Floor{}, nil, nil
	svc, end, err := (&program{}).openLocal(context.WithoutCancel(t.Context()), s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := end(); err != nil {
			t.Error(err)
		}
	})
	return svc, api.As(t.Context(), api.Local())
}

// takenOver runs a takeover and returns what was said.
func takenOver(t testing.TB, ctx context.Context, svc api.Service, url string, o takeover.Options) (takeover.Summary, []string, error) {
	t.Helper()
	var said []string
	o.URL, o.Detectors = url, catalog.Detectors()
	o.Say, o.Progress = func(text string) { said = append(said, text) }, func(int64, int64) {}
	s, err := takeover.Run(ctx, svc, o)
	if err == nil {
		err = svc.Flush(ctx)
	}
	return s, said, err
}

func searched(t testing.TB, ctx context.Context, svc api.Service, where string) (events []map[string]any) {
	t.Helper()
	err := svc.Search(ctx, api.SearchRequest{Where: where, Limit: -1}, func(raw json.RawMessage) error {
		var e map[string]any
		if err := json.Unmarshal(raw, &e); err != nil {
			return err
		}
		delete(e, "event.original")
		events = append(events, e)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// Everything that LogTrack kept comes over, odd as it may be, and a second time nothing does.
func TestTakeOver(t *testing.T) {
	server := ledgertest.StartPostgres(t)
	url := server.Database(t)
	execute(t, url, logTrackTables+logTrackRows)
	svc, ctx := openData(t)

	dry, _, err := takenOver(t, ctx, svc, url, takeover.Options{DryRun: true})
	if err != nil || dry.Logs != (takeover.Count{Found: 10}) || dry.Users.New != 0 || len(searched(t, ctx, svc, "")) != 0 {
		t.Errorf("dry run = %+v, %v", dry, err)
	}
	zone, err := time.LoadLocation("America/Denver")
	if err != nil {
		t.Fatal(err)
	}
	sum, said, err := takenOver(t, ctx, svc, url, takeover.Options{Zone: zone})
	if err != nil {
		t.Fatal(err)
	}
	want := takeover.Summary{Logs: takeover.Count{Found: 10, New: 10}, Alerts: takeover.Count{Found: 6, New: 4}, Users: takeover.Count{Found: 3, New: 2}, Rules: takeover.Count{Found: 2, New: 1}}
	if sum != want {
		t.Errorf("Run = %+v, want %+v", sum, want)
	}
	for _, word := range []string{"weather", "user broken:", `"with blank"`, "1 alerts have no time"} {
		if !slices.ContainsFunc(said, func(line string) bool { return strings.Contains(line, word) }) {
			t.Errorf("nobody said %q: %q", word, said)
		}
	}
	for where, fields := range map[string]map[string]any{
		`labels.logtrack_id == "1"`: {"@timestamp": "2024-01-21T04:32:14Z", "service.name": "apache", "user.name": "bob", "source.ip": "192.0.2.7",
			"http.response.status_code": 404.0, "http.response.bytes": 217.0, "url.path": "/a", "url.query": "b=c", "http.request.method": "GET"},
		`labels.logtrack_id == "2"`: {"event.provider": nil, "source.domain": "ec2.amazonaws.com", "cloud.region": "eu-west-1", "event.id": "e-1", "user_agent.original": "aws ä"},
		`labels.logtrack_id == "3"`: {"log.level": "WARN", "process.pid": 143.0, "event.code": "E5", "labels.Component": "dfs.DataNode"},
		`message == "no time"`:      {"labels.logtrack_id": "4"},
		`labels.logtrack_id == "5"`: {"labels.extra_fields": `["no", "object"]`},
		`labels.logtrack_id == "6"`: {"message": "for ever"},
		`labels.logtrack_id == "8"`: {"labels.status": "many", "labels.ip": "nobody"},
	} {
		events := searched(t, ctx, svc, where)
		if len(events) != 1 {
			t.Errorf("%s finds %d events", where, len(events))
			continue
		}
		labels, _ := events[0]["labels"].(map[string]any)
		for name, value := range fields {
			got := events[0][name]
			if label, ok := strings.CutPrefix(name, "labels."); ok && got == nil {
				got = labels[label]
			}
			if fmt.Sprint(got) != fmt.Sprint(value) {
				t.Errorf("%s: %s = %v, want %v in %.500v", where, name, got, value, events[0])
			}
		}
	}
	again, _, err := takenOver(t, ctx, svc, url, takeover.Options{Zone: zone})
	if err != nil || again.Logs.New+again.Alerts.New+again.Users.New+again.Rules.New != 0 {
		t.Errorf("Run again = %+v, %v, want nothing new", again, err)
	}
	alerts, err := svc.Alerts(ctx, api.AlertRequest{})
	if err != nil || len(alerts) != 4 {
		t.Fatalf("Alerts = %d, %v, want 4", len(alerts), err)
	}
	for _, a := range alerts {
		if a.Origin != "history" || a.State != "ended" {
			t.Errorf("alert %+v: want it ended, of history", a)
		}
	}
	execute(t, url, `INSERT INTO logs (timestamp, message) VALUES ('2024-02-01 00:00:00+00', 'later')`)
	if later, _, err := takenOver(t, ctx, svc, url, takeover.Options{}); err != nil || later.Logs.New != 1 || len(searched(t, ctx, svc, "")) != 11 {
		t.Errorf("Run with a new row = %+v, %v", later, err)
	}
}

// Broken off anywhere and run again until it is through, a takeover brings every row once.
func TestTakeOverBreaksOff(t *testing.T) {
	server := ledgertest.StartPostgres(t)
	url := server.Database(t)
	execute(t, url, logTrackTables)
	// Ids with gaps of any size, over many ranges.
	execute(t, url, `INSERT INTO logs (id, timestamp, service, message)
SELECT n + n / 7000 * 13000, '2024-01-01 00:00:00+00'::timestamptz + n * interval '1 second', 'apache', 'row ' || n FROM generate_series(1, 45000) n`)
	svc, ctx := openData(t)
	rng := rand.New(rand.NewPCG(1, 1))
	rounds := 0
	for ; ; rounds++ {
		_, _, err := takenOver(t, ctx, &breaking{svc, 200_000 + rng.Int64N(600_000)}, url, takeover.Options{})
		if err == nil {
			break
		}
		if !errors.Is(err, errBroke) {
			t.Fatal(err)
		}
		if rounds > 100 {
			t.Fatal("it gets nowhere")
		}
	}
	if rounds < 3 {
		t.Errorf("it broke off %d times, want more", rounds)
	}
	if err := svc.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	once := map[string]int{}
	for _, e := range searched(t, ctx, svc, "") {
		once[fmt.Sprint(e["message"])]++
	}
	for n := 1; n <= 45000; n++ {
		if once["row "+strconv.Itoa(n)] != 1 {
			t.Fatalf("row %d is there %d times", n, once["row "+strconv.Itoa(n)])
		}
	}
}

// What is wrong with the address is told without the password.
func TestTakeOverKeepsThePassword(t *testing.T) {
	svc, ctx := openData(t)
	for _, url := range []string{"postgres://u:hunter2@127.0.0.1:1/db", "postgres://u:hunter2@h:x/db", "mysql://u:hunter2@h/db", "postgres://u:hunter2%zz@h/db", "host=127.0.0.1 port=1 password=hunter2"} {
		_, said, err := takenOver(t, ctx, svc, url, takeover.Options{})
		if err == nil || strings.Contains(fmt.Sprint(err, said), "hunter2") {
			t.Errorf("%q: %v %q", url, err, said)
		}
	}
}

// How fast rows come over, and how fast half of them and then the rest is deleted.
func BenchmarkTakeOver(b *testing.B) {
	const rows = 200_000
	url := ledgertest.StartPostgres(b).Database(b)
	execute(b, url, logTrackTables)
	execute(b, url, `INSERT INTO logs (timestamp, service, message, username, extra_fields)
SELECT '2024-01-01 00:00:00+00'::timestamptz + n * interval '1 second', 'apache', 'GET /item/' || n || ' HTTP/1.1', NULL,
jsonb_build_object('ip', '192.0.2.' || n % 250, 'identifier', NULL, 'status', 200, 'bytes', n) FROM generate_series(1, `+strconv.Itoa(rows)+`) n`)
	for b.Loop() {
		svc, ctx := openData(b)
		began := time.Now()
		sum, _, err := takenOver(b, ctx, svc, url, takeover.Options{})
		if err != nil || sum.Logs.New != rows {
			b.Fatalf("Run = %+v, %v", sum, err)
		}
		b.ReportMetric(rows/time.Since(began).Seconds(), "rows/s")
		for _, before := range []time.Time{time.Date(2024, 1, 2, 0, 0, 0, 0, time.UTC), {}} { // some, then the rest
			began = time.Now()
			answer, err := svc.Clear(ctx, api.ClearRequest{Events: true, Before: before})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(time.Since(began).Seconds(), fmt.Sprintf("s/delete-%d", answer.Events))
		}
	}
}

func execute(t testing.TB, url, sql string) {
	t.Helper()
	db, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.WithoutCancel(t.Context()))
	if _, err := db.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}
