// Package config is the configuration file: what can be set, the defaults, and every mistake at once.
package config

//go:generate go test . -run ^TestReference$ -update

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"tocsin/internal/document"
)

// Prefix begins the names in the environment that set what a file sets: TOCSIN_HTTP_LISTEN is http.listen.
const Prefix = "TOCSIN_"

// commandNames are names with the prefix that belong to the command line.
var commandNames = [...]string{"TOCSIN_CONFIG", "TOCSIN_SERVER", "TOCSIN_TOKEN", "TOCSIN_USER", "TOCSIN_PASSWORD"}

// Default returns the configuration that an empty file gives.
func Default() *Config {
	const day = 24 * time.Hour
	return &Config{
		Bind:  "127.0.0.1",
		Drain: 20 * time.Second,
		Log:   Log{Level: "info", Format: "auto"},
		HTTP:  HTTP{Listen: ":8400", MaxBody: 32 << 20, MaxIntake: 64},
		Login: Login{OIDC: OIDC{NameClaim: "preferred_username", GroupsClaim: "groups", Create: true, Label: "single sign-on"}},
		Journal: Journal{
			Replicas: 1, MaxEvents: 4 << 30, MaxFlows: 8 << 30, FreeFloor: Floor{Auto: true},
			GroupDelay: 2 * time.Millisecond, GroupRows: 5000, Cache: 32 << 20,
		},
		History: History{
			Retention: map[string]time.Duration{"login": 400 * day, "flow": 30 * day, "log": 90 * day, "sighting": 400 * day},
			Rollups:   400 * day,
			FlushRows: 200_000, FlushBytes: 32 << 20, FlushAfter: 30 * time.Second,
		},
		Quarantine: Quarantine{MaxBytes: 64 << 20, MaxLines: 100_000, Keep: 30 * day},
		Audit:      Audit{Keep: 400 * day},
		Sources: Sources{
			Syslog:              []Syslog{{Name: "syslog", UDP: ":5514", TCP: ":5514"}},
			Flows:               []Flows{{Name: "netflow", UDP: ":2055"}, {Name: "ipfix", UDP: ":4739"}, {Name: "sflow", UDP: ":6343"}},
			ExporterSilentAfter: 2 * time.Minute, InterfaceBusyAfter: 5 * time.Minute,
		},
		Detect:    Detect{Lateness: 5 * time.Minute, SaveEvery: 5 * time.Second},
		Alerts:    Alerts{MaxOpen: 1000, Reopen: time.Hour, Flapping: Flapping{Changes: 5, Within: time.Hour}, Late: 15 * time.Minute, NotifyLimit: 30, Collectors: []Network{}},
		Heartbeat: Heartbeat{Every: time.Minute, ChannelEvery: day},
	}
}

// Load reads the file at path over the defaults, then the environment over the file, and then the files that hold secrets.
// An empty path is no file. Paths in the file are taken from its directory, those in the environment are left as they are.
// The error holds every mistake and is a fault.Invalid; what could be read comes with it, so that the caller can look for
// mistakes in the blocks of plug-ins and in rules, and join them to these. When the file cannot be read at all, c is nil.
func Load(path string, environ []string) (*Config, *document.Origins, error) {
	var text []byte
	name := "configuration"
	if path != "" {
		var err error
		if text, err = readBounded(path, document.MaxSize); err != nil {
			return nil, nil, fmt.Errorf("read configuration: %w", err)
		}
		name = path
	}
	c, origins, err := decode(name, text, environ)
	if path != "" {
		c.dir = filepath.Dir(path)
		c.anchorPaths(origins)
	}
	return c, origins, document.Join(err, origins.Locate(document.ReadSecrets(c, c.ReadSecret)))
}

// decode is Load without touching anything. It always returns what it could read.
func decode(name string, text []byte, environ []string) (*Config, *document.Origins, error) {
	environ = slices.DeleteFunc(slices.Clone(environ), func(entry string) bool {
		variable, _, _ := strings.Cut(entry, "=")
		return slices.Contains(commandNames[:], variable)
	})
	c := Default()
	origins, err := document.Load(name, text, c, environ, Prefix)
	for name, channel := range c.Notify {
		if channel.MinSeverity == 0 {
			channel.MinSeverity = defaultSeverity
			c.Notify[name] = channel
		}
	}
	return c, origins, err
}

// anchorPaths takes paths that came from the file from its directory.
func (c *Config) anchorPaths(origins *document.Origins) {
	fromFile := func(setting string) bool { return !strings.HasPrefix(origins.Of(setting), Prefix) }
	if fromFile("data") {
		c.Data = c.anchor(c.Data)
	}
	if fromFile("rule_files") {
		for i, path := range c.RuleFiles {
			c.RuleFiles[i] = c.anchor(path)
		}
	}
	if fromFile("format_files") {
		for i, path := range c.FormatFiles {
			c.FormatFiles[i] = c.anchor(path)
		}
	}
	for _, files := range c.Sources.Files {
		for i, path := range files.Paths {
			files.Paths[i] = c.anchor(path)
		}
	}
}

func (c *Config) anchor(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(c.dir, path)
}

// ReadSecret reads a file that holds a secret, of 64 KiB at most. Whoever decodes the settings of a plug-in passes it to
// document.ReadSecrets. A relative path is taken from the directory of the configuration file.
func (c *Config) ReadSecret(path string) ([]byte, error) {
	return readBounded(c.anchor(path), 64<<10)
}

// readBounded reads a regular file, or a pipe such as a shell makes, of limit bytes at most.
func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(text)) > limit {
		return nil, fmt.Errorf("%s is larger than %s", path, document.Size(limit))
	}
	return text, nil
}

// Address returns where a listener listens: a setting such as `:8400` with the address of Bind before it, or "" when it is
// off.
func (c *Config) Address(listen string) string {
	if listen == "" || listen == off {
		return ""
	}
	if port, bare := strings.CutPrefix(listen, ":"); bare {
		return joinHostPort(c.Bind, port)
	}
	return listen
}

// FlowTraqListen is where FlowTraq's tools are answered when nobody says.
const FlowTraqListen = ":9640"

// FlowTraqAddress returns where FlowTraq's tools are answered, "" for nowhere. One that was not named is of less account than
// whatever else has the port.
func (c *Config) FlowTraqAddress() (address string, named bool) {
	switch {
	case c.HTTP.FlowTraq != "":
		return c.Address(c.HTTP.FlowTraq), true
	case c.Address(c.HTTP.Listen) == "":
		return "", false
	}
	return c.Address(FlowTraqListen), false
}

// NeedsRestart lists the settings that differ between a running configuration and the next one and that cannot be changed
// while running.
func NeedsRestart(running, next *Config) []string {
	var names []string
	for _, s := range []struct {
		name string
		a, b any
	}{
		{"data", running.Data, next.Data},
		{"bind", running.Bind, next.Bind},
		{"node", running.Node, next.Node},
		{"drain", running.Drain, next.Drain},
		{"log", running.Log, next.Log},
		{"http", running.HTTP, next.HTTP},
		{"login", running.Login, next.Login},
		{"journal", running.Journal, next.Journal},
		{"ledger", running.Ledger, next.Ledger},
		{"quarantine", running.Quarantine, next.Quarantine},
		{"audit", running.Audit, next.Audit},
		{"history", running.History, next.History},
		{"detect", running.Detect, next.Detect},
		{"alerts", running.Alerts.lasting(), next.Alerts.lasting()},
		{"heartbeat", running.Heartbeat, next.Heartbeat},
	} {
		if !reflect.DeepEqual(s.a, s.b) {
			names = append(names, s.name)
		}
	}
	return names
}

// errNeeded says that a setting has no default.
var errNeeded = errors.New("is needed")
