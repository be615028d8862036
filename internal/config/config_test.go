package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/config"
	"tocsin/internal/document"
	"tocsin/internal/event"
	"tocsin/internal/fault"
	"tocsin/internal/notifier"
	"tocsin/internal/parser"
)

// write makes a file in a new directory and returns its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaultIsValid(t *testing.T) {
	c, _, err := config.Load("", nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(config.Default(), c, cmp.AllowUnexported(config.Config{})); diff != "" {
		t.Errorf("Load without a file: Default - got +\n%s", diff)
	}
	empty, _, err := config.Load(write(t, "tocsin.yaml", "# all of it commented out\nhttp:\n#  listen: x\n"), nil)
	if err != nil || empty.HTTP.Listen != ":8400" {
		t.Errorf("Load of an empty file: got %+v and %v", empty, err)
	}
}

func TestLoad(t *testing.T) {
	path := write(t, "tocsin.yaml", `
data: state
bind: "::1"
journal: {free_floor: 1GB, url_file: nats.url}
history: {retention: {flow: 7d, log: off}}
ledger: {dsn: "postgres://tocsin:hunter2@db/tocsin"}
rule_files: [rules/*.yaml, /etc/tocsin/rules.yaml]
rules:
- name: ssh
sources:
  files:
  - {name: nginx, paths: [/var/log/nginx/*.log, local.log], format: combined, zone: Europe/Berlin}
  syslog: []
notify:
  pager: {via: {command: {run: [page]}}, min_severity: high}
  all: {via: command}
`)
	dir := filepath.Dir(path)
	if err := os.WriteFile(filepath.Join(dir, "nats.url"), []byte("nats://u:p@a:4222\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, origins, err := config.Load(path, []string{"TOCSIN_HTTP_LISTEN=off", "TOCSIN_CONFIG=" + path, "TOCSIN_LOG_LEVL=debug"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.Data, filepath.Join(dir, "state"); got != want {
		t.Errorf("data: got %q, want %q", got, want)
	}
	if want := []string{filepath.Join(dir, "rules/*.yaml"), "/etc/tocsin/rules.yaml"}; !cmp.Equal(c.RuleFiles, want) {
		t.Errorf("rule_files: got %q, want %q", c.RuleFiles, want)
	}
	if want := []string{"/var/log/nginx/*.log", filepath.Join(dir, "local.log")}; !cmp.Equal(c.Sources.Files[0].Paths, want) {
		t.Errorf("paths: got %q, want %q", c.Sources.Files[0].Paths, want)
	}
	if got := c.Journal.URL.Reveal(); got != "nats://u:p@a:4222" {
		t.Errorf("journal.url: got %q", got)
	}
	if c.Journal.FreeFloor.Limit() != 1e9 || c.Journal.Replicas != 1 || len(c.Sources.Syslog) != 0 || len(c.Rules) != 1 {
		t.Errorf("Load: got %+v", c)
	}
	const day = 24 * time.Hour
	if want := map[string]time.Duration{"login": 400 * day, "flow": 7 * day, "log": 0, "sighting": 400 * day}; !cmp.Equal(c.History.Retention, want) {
		t.Errorf("retention: got %v, want %v", c.History.Retention, want)
	}
	if c.Notify["pager"].MinSeverity != alert.High || c.Notify["all"].MinSeverity != alert.Info {
		t.Errorf("notify: got %v", c.Notify)
	}
	if got := c.Address(c.HTTP.Listen) + "|" + c.Address(":514") + "|" + c.Address("192.0.2.1:1"); got != "|[::1]:514|192.0.2.1:1" {
		t.Errorf("Address: got %q", got)
	}
	if origins.Of("http.listen") != "TOCSIN_HTTP_LISTEN" || origins.Of("bind") != path+":3" || origins.Of("node") != "default" {
		t.Errorf("Origins: got %q, %q, %q", origins.Of("http.listen"), origins.Of("bind"), origins.Of("node"))
	}
	if want := []string{"TOCSIN_LOG_LEVL (did you mean TOCSIN_LOG_LEVEL?)"}; !cmp.Equal(origins.Ignored, want) {
		t.Errorf("Ignored: got %q, want %q", origins.Ignored, want)
	}
}

// said returns the first line of each mistake, with the file left out.
func said(t *testing.T, path string, err error) []string {
	t.Helper()
	var ms document.Mistakes
	if !errors.As(err, &ms) || !errors.Is(err, fault.Invalid) {
		t.Fatalf("got %v, want Mistakes of kind fault.Invalid", err)
	}
	var all []string
	for _, m := range ms {
		first, _, _ := strings.Cut(m.Error(), "\n")
		all = append(all, strings.TrimPrefix(first, path+":"))
	}
	return all
}

func TestMistakes(t *testing.T) {
	path := write(t, "tocsin.yaml", `
bind: "[::]"
node: 40000
drain: 10ms
lgo: {level: debug}
log: {level: verbose, format: JSON}
http: {listen: 8400, max_body: 2GiB, max_intake: 0}
journal: {replicas: 3, max_events: 1MiB, free_floor: some, group_delay: 2s, group_rows: 0, cache: 5GiB}
history:
  retention: {flows: 3d, log: 1h}
  flush_rows: 10
  flush_bytes: 1KiB
  flush_after: 2h
ledger: {dsn: "mysql://root:hunter2@x"}
sources:
  files:
  - {name: a, paths: ["/x/[a"], zone: Mars/Base}
  - {name: a}
  - {name: http, paths: [x], settings: {a: b}}
  - {name: "a b", paths: [""]}
  syslog:
  - {udp: ":8400", tcp: "127.0.0.1:8400"}
  - {name: s, udp: ":8400"}
  - {name: t}
detect: {lateness: 2h, save_every: 0s}
alerts: {max_open: 0, reopen: 31d}
rule_files: [""]
rules: [3]
notify:
  "a/b": {via: command}
  c: {min_severity: urgent}
`)
	_, _, err := config.Load(path, nil)
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the password shows in %v", err)
	}
	if diff := cmp.Diff([]string{
		`2: bind: got "[::]", want an address such as 127.0.0.1, 0.0.0.0 or ::`,
		`3: node: got 40000, want 32767 or less`,
		`4: drain: got 10ms, want 1s or more`,
		`5: lgo: is not known here (did you mean log?)`,
		`6: log.level: got "verbose", want debug, info, warn or error`,
		`6: log.format: got "JSON", want auto, text or json (did you mean json?)`,
		`7: http.listen: got "8400", want a port as in :8400, an address and a port as in 192.0.2.1:8400, or off`,
		`7: http.max_body: got 2GiB, want 1KiB to 1GiB`,
		`7: http.max_intake: got 0, want 1 to 10000`,
		`8: journal.replicas: got 3, want 1, since no url of a cluster is set`,
		`8: journal.max_events: got 1MiB, want 64MiB or more`,
		`8: journal.free_floor: got "some", want auto, off or a size with its unit, as in 2GB`,
		`8: journal.group_delay: got 2s, want 1s or less`,
		`8: journal.group_rows: got 0, want 1 to 100000`,
		`8: journal.cache: got 5GiB, want 4GiB or less`,
		`10: history.retention.flows: got "flows", want login, flow, log or sighting (did you mean flow?)`,
		`10: history.retention.log: got 1h, want 1d or more, or off`,
		`11: history.flush_rows: got 10, want 1000 to 2000000`,
		`12: history.flush_bytes: got 1KiB, want 1MiB to 1GiB`,
		`13: history.flush_after: got 2h, want 1s to 1h`,
		`14: ledger.dsn: got ***, want a URL that begins with postgres://, or none for SQLite`,
		`17: sources.files[0].paths[0]: got "/x/[a", want a path, or a pattern with closed brackets`,
		`17: sources.files[0].zone: got "Mars/Base", want an IANA zone such as Europe/Berlin, UTC or Local`,
		`18: sources.files[1].paths: is needed`,
		`18: sources.files[1].name: got "a", want a name of its own; it is taken by sources.files[0]`,
		`19: sources.files[2].name: got "http", want a name of its own; it is taken by the HTTP intake`,
		`19: sources.files[2].settings: want a format whose settings they are`,
		`20: sources.files[3].name: got "a b", want letters, digits, -, _ and ., 64 at most`,
		`20: sources.files[3].paths[0]: got "", want a path, or a pattern with closed brackets`,
		`22: sources.syslog[0].name: is needed`,
		`23: sources.syslog[1].udp: got ":8400", want an address of its own; it is taken by sources.syslog[0].udp`,
		`24: sources.syslog[2]: listens nowhere; want udp, tcp or both`,
		`25: detect.lateness: got 2h, want 1h or less`,
		`25: detect.save_every: got 0s, want 1s to 1h`,
		`26: alerts.max_open: got 0, want 1 to 1000000`,
		`26: alerts.reopen: got 31d, want 30d or less`,
		`27: rule_files[0]: got "", want a path, or a pattern with closed brackets`,
		`28: rules[0]: got "3", want a mapping`,
		`30: notify: got the name "a/b", want letters, digits, - and _`,
		`31: notify.c.via: is needed`,
		`31: notify.c.min_severity: severity "urgent": want INFO, LOW, MEDIUM, HIGH or CRITICAL`,
	}, said(t, path, err)); diff != "" {
		t.Errorf("Load: want - got +\n%s", diff)
	}
}

// TestWhatLasts: what must last before people are told of exporters and their interfaces has one range, and may be off.
func TestWhatLasts(t *testing.T) {
	path := write(t, "tocsin.yaml", "sources:\n  exporter_silent_after: 59s\n  interface_busy_after: 366d\n  interface_down_after: 1s\n")
	_, _, err := config.Load(path, nil)
	if diff := cmp.Diff([]string{
		`2: sources.exporter_silent_after: got 59s, want 1m to 365d`,
		`3: sources.interface_busy_after: got 366d, want 1m to 365d`,
		`4: sources.interface_down_after: got 1s, want 1m to 365d`,
	}, said(t, path, err)); diff != "" {
		t.Errorf("Load: want - got +\n%s", diff)
	}
	c, _, err := config.Load(write(t, "off.yaml", "sources: {exporter_silent_after: off, interface_busy_after: off, interface_down_after: 2m}\n"), nil)
	if err != nil || c.Sources.ExporterSilentAfter != 0 || c.Sources.InterfaceBusyAfter != 0 || c.Sources.InterfaceDownAfter != 2*time.Minute {
		t.Errorf("Load of what is off: %+v and %v", c.Sources, err)
	}
	if d := config.Default().Sources; d.InterfaceBusyAfter != 5*time.Minute || d.InterfaceDownAfter != 0 {
		t.Errorf("by default: busy after %s, down after %s", d.InterfaceBusyAfter, d.InterfaceDownAfter)
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	if _, _, err := config.Load(filepath.Join(t.TempDir(), "none.yaml"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Load of a file that is not there: got %v", err)
	}
	if _, _, err := config.Load(t.TempDir(), nil); err == nil {
		t.Error("Load of a directory: got no error")
	}
	big := write(t, "tocsin.yaml", strings.Repeat("#", document.MaxSize+2))
	if _, _, err := config.Load(big, nil); err == nil || !strings.Contains(err.Error(), "is larger than 4MiB") {
		t.Errorf("Load of a huge file: got %v", err)
	}
	path := write(t, "tocsin.yaml", "data: x\njournal:\n  url_file: gone\nledger: {dsn: file:/dev/zero}\n")
	_, _, err := config.Load(path, nil)
	if got := said(t, path, err); len(got) != 2 || !strings.HasPrefix(got[0], "3: journal.url: open ") || got[1] != "4: ledger.dsn: /dev/zero is larger than 64KiB" {
		t.Errorf("Load with secrets that cannot be read: got %q", got)
	}
}

// plugin has the settings of the plug-ins that the tests hand in.
type plugin struct {
	parser.Options `yaml:",inline"`
	Depth          int             `yaml:"depth"`
	Token          document.Secret `yaml:"token"`
}

func (p *plugin) Validate() error {
	var errs []error
	if p.Depth < 1 {
		errs = append(errs, document.At("depth", p.Depth, "1 or more"))
	}
	return errors.Join(append(errs, p.Options.Validate())...)
}

type reader struct {
	plugin `yaml:",inline"`
}

func (r *reader) New() (parser.Parser, error) { return nil, nil }

type channel struct {
	plugin `yaml:",inline"`
}

func (c *channel) New() (notifier.Notifier, error) { return nil, nil }

func plugins() config.Plugins {
	return config.Plugins{
		Formats: parser.Set{
			"combined": {Name: "combined", Kind: event.Log, Default: func() parser.Config { return &reader{plugin{Depth: 1}} }},
			"syslog":   {Name: "syslog", Kind: event.Log, Default: func() parser.Config { return &reader{plugin{Depth: 2}} }},
		},
		Notifiers: notifier.Set{"command": func() notifier.Config { return &channel{plugin{Depth: 3}} }},
	}
}

func TestPluginBlocks(t *testing.T) {
	path := write(t, "tocsin.yaml", `
sources:
  files:
  - {name: a, paths: [x], format: combined, zone: Asia/Tokyo, service: web, settings: {depth: 7, token_file: t}}
  - {name: b, paths: [x]}
notify:
  pager: {via: {command: {token: hunter2}}}
`)
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "t"), []byte("in a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, origins, err := config.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	readers, err := c.Readers(origins, plugins())
	if err != nil {
		t.Fatal(err)
	}
	a := readers["a"].Settings.(*reader)
	if a.Depth != 7 || a.Zone != "Asia/Tokyo" || a.Service != "web" || a.Token.Reveal() != "in a file" || readers["a"].Format.Name != "combined" {
		t.Errorf("Readers: got %+v", a)
	}
	if b := readers["b"]; b.Settings != nil || b.Format.Name != "" {
		t.Errorf("Readers: got %+v for a format to be guessed", b)
	}
	if s := readers["syslog"].Settings.(*reader); s.Depth != 2 || readers["syslog"].Format.Name != "syslog" {
		t.Errorf("Readers: got %+v for the default listener", s)
	}
	channels, err := c.Channels(plugins())
	if err != nil || channels["pager"].(*channel).Token.Reveal() != "hunter2" {
		t.Errorf("Channels: got %v and %v", channels, err)
	}
	if err := c.Check(origins, plugins()); err != nil {
		t.Errorf("Check: %v", err)
	}
}

func TestMistakesInPluginBlocks(t *testing.T) {
	path := write(t, "tocsin.yaml", `
sources:
  files:
  - {name: a, paths: [x], format: combimed}
  - name: b
    paths: [x]
    format: combined
    settings:
      depth: 0
      zone: Mars
      dept: 3
      token_file: gone
  - {name: c, paths: [x], format: combined, settings: {token_file: gone}}
notify:
  a: {via: {comand: {}}}
  b: {via: {command: {depth: -1}}}
`)
	c, origins, err := config.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := said(t, path, c.Check(origins, plugins()))
	if diff := cmp.Diff([]string{
		`4: sources.files[0].format: got "combimed", want combined or syslog (did you mean combined?)`,
		`9: sources.files[1].settings.depth: got 0, want 1 or more`,
		`10: sources.files[1].settings.zone: got "Mars", want an IANA zone such as Europe/Berlin, UTC or Local`,
		`11: sources.files[1].settings.dept: is not known here (did you mean depth?)`,
		`13: sources.files[2].settings.token: open ` + filepath.Join(filepath.Dir(path), "gone") + `: no such file or directory`,
		`15: notify.a.via: got "comand", want command (did you mean command?)`,
		`16: notify.b.via.command.depth: got -1, want 1 or more`,
	}, got); diff != "" {
		t.Errorf("Check: want - got +\n%s", diff)
	}
}

func TestNeedsRestart(t *testing.T) {
	load := func(text string) *config.Config {
		c, _, err := config.Load(write(t, "tocsin.yaml", text), nil)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	running := load("data: /x\nrules: [{name: a}]\n")
	if got := config.NeedsRestart(running, load("data: /x\nrules: []\nsources: {syslog: []}\n")); got != nil {
		t.Errorf("NeedsRestart: got %q, want none", got)
	}
	if got, want := config.NeedsRestart(running, load("data: /y\nlog: {level: debug}\nhttp: {listen: off}\nledger: {dsn: 'postgres://x'}\nhistory: {retention: {log: 1d}}\nalerts: {max_open: 5}\n")), []string{"data", "log", "http", "ledger", "history", "alerts"}; !cmp.Equal(got, want) {
		t.Errorf("NeedsRestart: got %q, want %q", got, want)
	}
}

func TestReadRuleFiles(t *testing.T) {
	path := write(t, "tocsin.yaml", "rule_files:\n- rules/*.yaml\n- rules/b.yaml\n- none/*.yaml\n")
	dir := filepath.Join(filepath.Dir(path), "rules")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"b.yaml", "a.yaml", "c.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, origins, err := config.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.ReadRuleFiles(origins)
	want := []config.RuleFile{{Path: filepath.Join(dir, "a.yaml"), Text: []byte("a.yaml")}, {Path: filepath.Join(dir, "b.yaml"), Text: []byte("b.yaml")}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("ReadRuleFiles: %v, want - got +\n%s", err, diff)
	}
	c.RuleFiles = append(c.RuleFiles, filepath.Join(dir, "gone.yaml"))
	_, err = c.ReadRuleFiles(origins)
	if got := said(t, path, err); len(got) != 1 || !strings.Contains(got[0], "rule_files[3]: open ") {
		t.Errorf("ReadRuleFiles of a path that is not there: got %q", got)
	}
}

// Mistakes of the file and of the blocks in it are found in one go.
func TestMistakesOfAllSorts(t *testing.T) {
	path := write(t, "tocsin.yaml", "http: {listn: x}\nledger: {dsn_file: gone}\nsources: {files: [{name: a, paths: [x], format: combimed}]}\nnotify: {a: {via: {command: {depth: 0}}}, b: {}}\n")
	c, origins, err := config.Load(path, nil)
	if c == nil {
		t.Fatal(err)
	}
	got := said(t, path, document.Join(err, c.Check(origins, plugins())))
	if diff := cmp.Diff([]string{
		`1: http.listn: is not known here (did you mean listen?)`,
		`2: ledger.dsn: open ` + filepath.Join(filepath.Dir(path), "gone") + `: no such file or directory`,
		`3: sources.files[0].format: got "combimed", want combined or syslog (did you mean combined?)`,
		`4: notify.a.via.command.depth: got 0, want 1 or more`,
		`4: notify.b.via: is needed`,
	}, got); diff != "" {
		t.Errorf("Load and Check: want - got +\n%s", diff)
	}
	c, origins, err = config.Load(write(t, "broken.yaml", "a: [\n"), nil)
	if c == nil || err == nil || c.Check(origins, plugins()) != nil {
		t.Errorf("Load of a file that is no YAML: got %v and %v, want one mistake and defaults", c, err)
	}
}
