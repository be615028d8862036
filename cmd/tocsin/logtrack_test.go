package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"tocsin/internal/api"
)

// A logTrack is a directory in which somebody works with LogTrack's targets.
type logTrack struct {
	t    *testing.T
	dir  string
	root string
	self string
}

func newLogTrack(t *testing.T) *logTrack {
	t.Helper()
	if testing.Short() {
		t.Skip("starts make and the program: skipped with -short")
	}
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("make is not here")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	m := &logTrack{t: t, dir: t.TempDir(), root: root, self: self}
	m.write("tocsin.yaml", quietConfig)
	return m
}

func (m *logTrack) write(name, text string) {
	m.t.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// command prepares a run of make with the Makefile of the project and this program as tocsin.
func (m *logTrack) command(args ...string) *exec.Cmd {
	cmd := exec.Command("make", append([]string{"-s", "--no-print-directory", "-f", filepath.Join(m.root, "Makefile"), "TOCSIN=" + m.self, "DATA=" + filepath.Join(m.dir, "data")}, args...)...)
	cmd.Dir = m.dir
	cmd.Env = append(os.Environ(), childVar+"=1", "TOCSIN_CONFIG="+filepath.Join(m.dir, "tocsin.yaml"), "TZ=UTC", "FILE=", "file=", "MAKEFLAGS=")
	return cmd
}

// make runs a target, wants it to end well or, with fails, not to, and returns what it printed.
func (m *logTrack) make(fails bool, input string, args ...string) (out, said string) {
	m.t.Helper()
	var stdout, stderr strings.Builder
	cmd := m.command(args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &stdout, &stderr
	if err := cmd.Run(); (err != nil) != fails {
		m.t.Fatalf("make %q: %v, want it to fail %v\n%s%s", args, err, fails, &stdout, &stderr)
	}
	return stdout.String(), stderr.String()
}

// want runs a target and compares what it prints; NOW stands for any time.
func (m *logTrack) want(want string, args ...string) {
	m.t.Helper()
	out, said := m.make(false, "", args...)
	pattern := strings.ReplaceAll(regexp.QuoteMeta(want), "NOW", `\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`)
	if !regexp.MustCompile(`\A` + pattern + `\z`).MatchString(out) {
		m.t.Errorf("make %q: got\n%s\nwant\n%s\nit also said %s", args, out, want, said)
	}
}

// tocsin asks the program itself, and returns the lines of its answer.
func (m *logTrack) tocsin(args ...string) []string {
	m.t.Helper()
	cmd := exec.Command(m.self, args...)
	cmd.Env = append(os.Environ(), childVar+"=1", "TOCSIN_DATA="+filepath.Join(m.dir, "data"), "TOCSIN_CONFIG="+filepath.Join(m.dir, "tocsin.yaml"))
	out, _ := cmd.Output() // exit code 1 says that there is nothing
	if len(out) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
}

const exampleRows = `(1, datetime.datetime(2000, 10, 10, 13, 55, 36, tzinfo=datetime.timezone(datetime.timedelta(days=-1, seconds=61200))), 'apache', None, 'GET /apache_pb.gif HTTP/1.0', 'frank')
(2, datetime.datetime(2000, 10, 11, 14, 5, 1, tzinfo=datetime.timezone(datetime.timedelta(days=-1, seconds=61200))), 'apache', None, 'POST /login HTTP/1.0', 'ben')
`

const example = `127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326
127.0.0.1 - ben [11/Oct/2000:14:05:01 -0700] "POST /login HTTP/1.0" 401 1420
`

const idle = `Number of alerts triggered: 1
Rules triggered: apache_inactivity_60min
Alerts written to DB:
  - [apache_inactivity_60min] NOW: No logs from 'apache' in the past 60 minutes
`

// The session of LogTrack's README, command by command. Docker is looked for and not needed.
func TestLogTrackReadme(t *testing.T) {
	t.Parallel()
	m := newLogTrack(t)
	m.write("example.clf", example)
	m.make(false, "", "venv")
	if out, err := exec.Command("bash", "-c", "cd "+m.dir+" && source venv/bin/activate && echo $PATH && deactivate && echo $PATH").Output(); err != nil || !strings.HasPrefix(string(out), m.dir+"/bin:") || strings.Count(string(out), m.dir+"/bin:") != 1 {
		t.Errorf("source venv/bin/activate: %s, %v", out, err)
	}
	m.make(false, "", "docker-down", "COMPOSE=false")
	m.make(false, "", "docker-up", "COMPOSE=false")
	m.want("Migration complete.\n", "reinit")
	m.make(false, "correct horse\n", "user", "username=yourname")
	m.want(exampleRows, "ingest", "file=example.clf")
	m.want(idle, "detect")
	alerts := m.tocsin("alerts", "-o", "json") // LogTrack tells of the silence at the end; the one between is one as well
	if len(alerts) != 2 || strings.Count(strings.Join(alerts, ""), `"rule_name":"apache_inactivity_60min"`) != 2 {
		t.Errorf("alerts after detect: got %q, want two silences", alerts)
	}
	m.want(idle, "ingest-detect", "file=example.clf")
	if again := m.tocsin("alerts", "-o", "json"); len(again) != len(alerts) {
		t.Errorf("alerts after a second run: got %d, want %d", len(again), len(alerts))
	}
	m.want(exampleRows, "print")
	m.want("Migration complete.\n", "init-db")
	m.make(false, "", "activate")
	if users := m.tocsin("users", "list", "-o", "csv"); len(users) != 2 || !strings.HasPrefix(users[1], "yourname,no,") {
		t.Errorf("accounts: got %q, want yourname, no administrator", users)
	}
	m.want("", "clear-alerts")
	if alerts := m.tocsin("alerts"); alerts != nil {
		t.Errorf("alerts after clear-alerts: %q", alerts)
	}
	m.want("Cleared all logs that are >= 24 hours old\n", "clear-logs", "hours=24")
	m.want("", "print")
	m.want("Number of alerts triggered: 0\nRules triggered: \nAlerts written to DB:\n", "detect")

	// reset-db forgets how far files were read; both spellings name the file.
	m.want("", "reset-db")
	m.want(exampleRows, "ingest", "FILE=example.clf")
	m.want(exampleRows, "ingest", "file=example.clf") // known again: nothing twice
	m.want("", "reset-db")
	m.want("", "print")
	m.want(exampleRows, "ingest", "FILE=example.clf")
}

// LogTrack's golden run, with what its artifacts hold, and its z-score switch.
func TestLogTrackGolden(t *testing.T) {
	t.Parallel()
	m := newLogTrack(t)
	golden := filepath.Join(m.root, "testdata", "logtrack", "golden.clf")
	m.make(false, "", "reinit")
	m.make(false, "", "ingest", "FILE="+golden, "EMIT_ARTIFACTS=1")
	m.want(`Alert artifacts written to artifacts/alerts/clf_alerts.json
Number of alerts triggered: 2
Rules triggered: apache_inactivity_60min, apache_rate_spike
Alerts written to DB:
  - [apache_inactivity_60min] NOW: No logs from 'apache' in the past 60 minutes
  - [apache_rate_spike] 2021-03-04 00:00:02: apache logged 4 entries in 300s
`, "detect", "EMIT_ARTIFACTS=1")
	for _, name := range []string{"parsed/clf_parsed.json", "alerts/clf_alerts.json"} {
		got, err := os.ReadFile(filepath.Join(m.dir, "artifacts", name))
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join(m.root, "testdata", "logtrack", "expected", filepath.Base(name)))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
	m.want("Golden path verified: parsed output matches expected.\nGolden path verified: alert output matches expected.\n",
		"assert-golden", "assert-alerts")
	m.write("artifacts/alerts/clf_alerts.json", "[]")
	m.make(true, "", "assert-alerts")

	// A steady service, then six requests at once: ten minutes apart, so that every second window of five is empty.
	var spike strings.Builder
	for _, at := range []string{"10:00:00", "10:10:00", "10:20:00", "10:30:00", "10:40:00", "10:50:00", "10:50:01", "10:50:02", "10:50:03", "10:50:04", "10:50:05"} {
		spike.WriteString(`192.0.2.9 - - [14/Sep/2025:` + at + ` +0000] "GET /ping HTTP/1.1" 200 2` + "\n")
	}
	m.write("spike.clf", spike.String())
	m.make(false, "", "reinit")
	m.make(false, "", "ingest", "file=spike.clf")
	off, _ := m.make(false, "", "detect")
	on, _ := m.make(false, "", "detect", "ZSCORE_ENABLED=1")
	const line = "  - [apache_zscore_spike] 2025-09-14T10:50:05+00:00: apache log volume spike detected (z=11.00)\n"
	if strings.Contains(off, "zscore") || !strings.Contains(on, line) {
		t.Errorf("z-score off:\n%s\non, want %q:\n%s", off, line, on)
	}
}

// LogTrack, run over the same log with these rules, says this.
func TestLogTrackAsOracle(t *testing.T) {
	t.Parallel()
	m := newLogTrack(t)
	m.write("rules_config.json", `[
{"id": "favicon", "rule_type": "keyword_threshold", "service": "apache", "keyword": "favicon.ico", "threshold": 10, "window_minutes": 5},
{"id": "exact", "rule_type": "repeated_message", "message": "GET /favicon.ico HTTP/1.1", "threshold": 12, "window_minutes": 60},
{"id": "rate60", "rule_type": "rate_spike", "service": "apache", "threshold": 60, "window_seconds": 60},
{"id": "rate200", "rule_type": "rate_spike", "service": "apache", "threshold": 200, "window_seconds": 60},
{"id": "case", "rule_type": "keyword_threshold", "service": "apache", "keyword": "FAVICON", "threshold": 1, "window_minutes": 60},
{"id": "zscore", "rule_type": "zscore_anomaly", "service": "apache", "threshold": 3, "window_minutes": 60},
{"id": "idle-nginx", "rule_type": "inactivity", "service": "nginx", "max_idle_minutes": 60},
{"id": "wildcards", "rule_type": "keyword_threshold", "service": "apache", "keyword": "wp_%php", "threshold": 2, "window_minutes": 1440},
{"id": "idle-apache", "rule_type": "inactivity", "service": "apache", "max_idle_minutes": 60}]`)
	m.make(false, "", "init-db")
	m.make(false, "", "ingest", "file="+filepath.Join(m.root, "testdata", "real", "apache_logs"))
	m.want(`Number of alerts triggered: 5
Rules triggered: exact, favicon, idle-apache, rate60, wildcards
Alerts written to DB:
  - [favicon] 2015-05-17 12:05:34: Rule favicon triggered with 10 matches
  - [exact] 2015-05-17 12:05:22: Message 'GET /favicon.ico HTTP/1.1' repeated 12 times in 60m
  - [rate60] 2015-05-17 10:05:47: apache logged 60 entries in 60s
  - [wildcards] 2015-05-17 17:05:24: Rule wildcards triggered with 2 matches
  - [idle-apache] NOW: No logs from 'apache' in the past 60 minutes
`, "detect", "ZSCORE_ENABLED=1")
}

// One bad line costs one line; files go by what is in them; names are only names.
func TestLogTrackOddFiles(t *testing.T) {
	t.Parallel()
	m := newLogTrack(t)
	m.make(false, "", "init-db")
	line := strings.SplitAfter(example, "\n")[0]
	for _, name := range []string{"with blank.clf", `quo"te's.clf`, "semi;touch owned.clf", "$(touch owned).clf", "`touch owned`.clf", "-rf.clf", "ünï.clf", "no-suffix"} {
		m.make(false, "", "reset-db")
		m.write(name, line)
		if out, said := m.make(false, "", "ingest", "file="+name); strings.Count(out, "\n") != 1 {
			t.Errorf("make ingest of %q: printed %q, said %q, want one row", name, out, said)
		}
	}
	if _, err := os.Stat(filepath.Join(m.dir, "owned")); err == nil {
		t.Error("a file name was run as a command")
	}
	m.make(false, "", "reset-db")
	m.write("bad.clf", line+"this is no access log\n"+`192.0.2.1 - - [10/Oct/2000:13:56:00 -0700] "GET /\"><script> HTTP/1.0" 404 1`+"\n"+line)
	if out, said := m.make(false, "", "ingest", "file=bad.clf"); strings.Count(out, "\n") != 3 || !strings.Contains(said, "bad.clf:2:") {
		t.Errorf("make ingest of a file with a bad line: printed %q, said %q, want three rows and the place", out, said)
	}
	m.make(false, "", "reset-db")
	m.write("trail.aws", `{"Records": [{"eventVersion": "1.08", "eventTime": "2024-03-10T11:59:58Z", "eventSource": "signin.amazonaws.com", "eventName": "ConsoleLogin", "awsRegion": "us-east-1", "eventID": "e", "userIdentity": {"userName": "anna"}}]}`)
	m.want("(1, datetime.datetime(2024, 3, 10, 11, 59, 58, tzinfo=datetime.timezone.utc), 'signin.amazonaws.com', None, 'ConsoleLogin', 'anna')\n", "ingest", "file=trail.aws")
	m.make(false, "", "reset-db")
	m.write("block.hdfs", "LineId,Date,Time,Pid,Level,Component,Content,EventId,EventTemplate\n1,081109,203518,143,INFO,dfs.X,\"Receiving, block\",E5,Receiving <*>\n")
	m.want("(1, datetime.datetime(2008, 11, 9, 20, 35, 18, tzinfo=datetime.timezone.utc), 'HDFS', 'INFO', 'Receiving, block', None)\n", "ingest", "file=block.hdfs")
}

// LogTrack prints an error and ends well; this does not.
func TestLogTrackMistakesFail(t *testing.T) {
	t.Parallel()
	m := newLogTrack(t)
	m.write("empty.clf", "")
	m.write("foul.clf", "nothing\nof\nuse\n")
	m.write("foul.json", "{")
	for _, args := range [][]string{
		{"ingest"}, {"ingest", "file=gone.clf"}, {"ingest", "file=foul.clf"}, {"ingest-detect", "file=gone.clf"}, {"ingest", "file=."},
		{"user"}, {"user", "username=anna"}, {"user", "username=anna", "role=king"},
		{"clear-logs"}, {"clear-logs", "hours=soon"}, {"clear-logs", "hours=-1"}, {"clear-logs", "hours=99999999999999999999"},
	} {
		if _, said := m.make(true, "", args...); !strings.Contains(said, "tocsin: ") {
			t.Errorf("make %q says %q, want why", args, said)
		}
	}
	cmd := m.command("init-db")
	cmd.Env = append(cmd.Env, "RULES_CONFIG=foul.json")
	if out, err := cmd.CombinedOutput(); err == nil {
		t.Errorf("init-db of a foul file: %s", out)
	}
	m.make(false, "", "ingest", "file=empty.clf")
	m.make(false, "correct horse\n", "user", "username=anna")
	if _, said := m.make(true, "battery staple\n", "user", "username=anna"); !strings.Contains(said, "anna") {
		t.Errorf("a second account of one name: said %q", said)
	}
}

// Beside a daemon everything is the same, and dash says where its page is.
func TestLogTrackBesideDaemon(t *testing.T) {
	t.Parallel()
	m := newLogTrack(t)
	m.write("example.clf", example)
	d := start(t, filepath.Join(m.dir, "data"), filepath.Join(m.dir, "tocsin.yaml"), "")
	m.want("Migration complete.\n", "reinit")
	m.want(exampleRows, "ingest", "file=example.clf")
	m.want(idle, "detect")
	m.want("", "reset-db")
	m.want(exampleRows, "ingest", "file=example.clf")
	if _, said := m.make(true, "", "dash"); !strings.Contains(said, "switched off") {
		t.Errorf("make dash with the page off: said %q", said)
	}
	d.stop()
	m.write("tocsin.yaml", strings.Replace(quietConfig, `"off"`, "127.0.0.1:0", 1))
	d = start(t, filepath.Join(m.dir, "data"), filepath.Join(m.dir, "tocsin.yaml"), "")
	var health api.Health
	d.ask(http.MethodGet, "/api/v1/health", &health)
	if !regexp.MustCompile(`^http://127\.0\.0\.1:[1-9]\d*$`).MatchString(health.Page) {
		t.Errorf("health says that the page is at %q", health.Page)
	}
	m.want("URL: "+health.Page+"\n", "dash") // where it is, whatever the configuration said; and none is started
	d.stop()
}

// The file for Docker Compose names an image, binds to this machine alone and holds no password.
func TestComposeFile(t *testing.T) {
	text, err := os.ReadFile("../../compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Services map[string]struct {
			Image       string            `yaml:"image"`
			Environment map[string]string `yaml:"environment"`
			Ports       []string          `yaml:"ports"`
			Volumes     []string          `yaml:"volumes"`
		} `yaml:"services"`
	}
	if err := yaml.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	db, ok := file.Services["db"]
	if !ok || len(file.Services) != 1 || !strings.Contains(db.Image, "postgres") {
		t.Fatalf("services: got %+v, want one database", file.Services)
	}
	if len(db.Ports) != 1 || !strings.HasPrefix(db.Ports[0], "127.0.0.1:") {
		t.Errorf("ports: got %q, want one at 127.0.0.1", db.Ports)
	}
	if got := db.Environment["POSTGRES_PASSWORD"]; got != "${DB_PASSWORD:-}" {
		t.Errorf("password: got %q, want it from the environment alone", got)
	}
	if len(db.Volumes) != 1 || !strings.HasPrefix(db.Volumes[0], "./db/data:") {
		t.Errorf("volumes: got %q, want ./db/data", db.Volumes)
	}
}

// docker-up makes a password when nobody named one, and never a second one.
func TestLogTrackDockerPassword(t *testing.T) {
	t.Parallel()
	m := newLogTrack(t)
	read := func() string {
		text, err := os.ReadFile(filepath.Join(m.dir, ".env"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	m.make(false, "", "docker-up", "COMPOSE=true")
	made := read()
	if !regexp.MustCompile(`\ADB_PASSWORD=[0-9a-f]{32}\n\z`).MatchString(made) {
		t.Errorf(".env: got %q", made)
	}
	if info, err := os.Stat(filepath.Join(m.dir, ".env")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf(".env: %v, %v, want it to be readable by its owner alone", info, err)
	}
	m.make(false, "", "docker-up", "COMPOSE=true")
	if again := read(); again != made {
		t.Errorf(".env: changed from %q to %q", made, again)
	}
	m.make(false, "", "docker-down", "COMPOSE=true")
}

// Called by LogTrack's name the program is LogTrack.
func TestArguments(t *testing.T) {
	for _, c := range []struct{ all, want string }{
		{"tocsin print", "print"}, {"/opt/bin/logtrack print", "logtrack print"}, {"./logtrack", "logtrack"}, {"logtracker x", "x"}, {"", ""},
	} {
		if got := strings.Join(arguments(strings.Fields(c.all)), " "); got != c.want {
			t.Errorf("arguments(%q): got %q, want %q", c.all, got, c.want)
		}
	}
	link := filepath.Join(t.TempDir(), "logtrack")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(self, link); err != nil {
		t.Skip(err)
	}
	cmd := exec.Command(link, "fly")
	cmd.Env = append(os.Environ(), childVar+"=1")
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 2 || !strings.Contains(string(out), `"fly" is no command of LogTrack`) {
		t.Errorf("logtrack fly: %v, said %s, want exit code 2 and the commands", err, out)
	}
}
