package config

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/document"
	"tocsin/internal/event"
)

const (
	off             = "off"
	defaultSeverity = alert.Info
)

// Validate checks what only the whole can tell: names that must differ, and listeners that would meet.
func (c *Config) Validate() error {
	errs := []error{
		between("node", c.Node, 0, 32767),
		atLeast("drain", c.Drain, time.Second),
		c.validateNames(),
		c.validateListeners(),
		c.validateLogin(),
	}
	if c.Bind == "" || strings.ContainsAny(c.Bind, " /[]") || strings.Contains(c.Bind, ":") && !isAddr(c.Bind) {
		errs = append(errs, document.At("bind", c.Bind, "an address such as 127.0.0.1, 0.0.0.0 or ::"))
	}
	for i, pattern := range c.RuleFiles {
		errs = append(errs, checkPattern(fmt.Sprintf("rule_files[%d]", i), pattern))
	}
	for i, pattern := range c.FormatFiles {
		errs = append(errs, checkPattern(fmt.Sprintf("format_files[%d]", i), pattern))
	}
	if !c.Formats.IsZero() && !c.Formats.IsMapping() {
		errs = append(errs, document.At("formats", c.Formats.String(), "a mapping of names to formats"))
	}
	for i, r := range c.Rules {
		if !r.IsMapping() {
			errs = append(errs, document.At(fmt.Sprintf("rules[%d]", i), r.String(), "a mapping"))
		}
	}
	if _, known := c.Notify[c.Heartbeat.Channel]; !known && c.Heartbeat.Channel != "" {
		errs = append(errs, document.Choice("heartbeat.channel", c.Heartbeat.Channel, slices.Sorted(maps.Keys(c.Notify))))
	}
	for name := range c.Notify {
		if !isName(name) {
			errs = append(errs, fmt.Errorf("notify: got the name %q, want letters, digits, - and _", name))
		}
		errs = append(errs, c.checkFallback(name))
	}
	return errors.Join(errs...)
}

func isAddr(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

// validateNames checks that sources have names that differ. Names of tocsin's own intake are taken.
func (c *Config) validateNames() error {
	var errs []error
	first := map[string]string{"http": "the HTTP intake", "ingest": "tocsin ingest"}
	check := func(key, name string) {
		switch other, taken := first[name]; {
		case name == "":
			errs = append(errs, fmt.Errorf("%s: %w", key, errNeeded))
		case !isName(name):
			errs = append(errs, document.At(key, name, "letters, digits, -, _ and ., 64 at most"))
		case taken:
			errs = append(errs, document.At(key, name, "a name of its own; it is taken by "+other))
		default:
			first[name] = strings.TrimSuffix(key, ".name")
		}
	}
	for i, s := range c.Sources.Files {
		check(fmt.Sprintf("sources.files[%d].name", i), s.Name)
	}
	for i, s := range c.Sources.Syslog {
		check(fmt.Sprintf("sources.syslog[%d].name", i), s.Name)
	}
	for i, s := range c.Sources.Flows {
		check(fmt.Sprintf("sources.flows[%d].name", i), s.Name)
	}
	return errors.Join(errs...)
}

// validateListeners checks each address and that no two are the same.
func (c *Config) validateListeners() error {
	var errs []error
	taken := map[string]string{}
	check := func(network, key, listen string) {
		if err := checkListen(key, listen); err != nil {
			errs = append(errs, err)
			return
		}
		address := c.Address(listen)
		if address == "" || strings.HasSuffix(address, ":0") {
			return
		}
		if other, ok := taken[network+address]; ok {
			errs = append(errs, document.At(key, listen, "an address of its own; it is taken by "+other))
			return
		}
		taken[network+address] = key
	}
	check("tcp", "http.listen", c.HTTP.Listen)
	check("tcp", "http.flowtraq", c.HTTP.FlowTraq)
	for i, s := range c.Sources.Syslog {
		check("udp", fmt.Sprintf("sources.syslog[%d].udp", i), s.UDP)
		check("tcp", fmt.Sprintf("sources.syslog[%d].tcp", i), s.TCP)
	}
	for i, s := range c.Sources.Flows {
		check("udp", fmt.Sprintf("sources.flows[%d].udp", i), s.UDP)
	}
	return errors.Join(errs...)
}

// Validate checks the words.
func (l Log) Validate() error {
	return errors.Join(
		oneOf("level", l.Level, "debug", "info", "warn", "error"),
		oneOf("format", l.Format, "auto", "text", "json"))
}

// Validate checks the limits and the form of the URL; the address is checked with all others.
func (h HTTP) Validate() error {
	return errors.Join(
		checkURL("url", h.URL),
		between("max_body", h.MaxBody, 1<<10, 1<<30),
		between("max_intake", h.MaxIntake, 1, 10_000))
}

// Validate checks the ranges.
func (j Journal) Validate() error {
	var errs []error
	if j.Replicas != 1 && j.Replicas != 3 && j.Replicas != 5 {
		errs = append(errs, document.At("replicas", j.Replicas, "1, 3 or 5"))
	} else if j.Replicas > 1 && j.URL.IsZero() {
		errs = append(errs, document.At("replicas", j.Replicas, "1, since no url of a cluster is set"))
	}
	return errors.Join(append(errs,
		atLeast("max_events", j.MaxEvents, 64<<20),
		atLeast("max_flows", j.MaxFlows, 64<<20),
		between("group_delay", j.GroupDelay, 0, time.Second),
		between("group_rows", j.GroupRows, 1, 100_000),
		between("cache", j.Cache, 0, 4<<30))...)
}

// Validate checks the ranges and the kinds.
func (h History) Validate() error {
	errs := []error{
		between("flush_rows", h.FlushRows, 1000, 2_000_000),
		between("flush_bytes", h.FlushBytes, 1<<20, 1<<30),
		between("flush_after", h.FlushAfter, time.Second, time.Hour),
	}
	if h.Rollups != 0 && h.Rollups < 24*time.Hour {
		errs = append(errs, document.At("rollups", h.Rollups, "1d or more, or off"))
	}
	kinds := make([]string, 0, len(event.Kinds()))
	for _, k := range event.Kinds() {
		kinds = append(kinds, k.String())
	}
	for _, kind := range slices.Sorted(maps.Keys(h.Retention)) {
		keep := h.Retention[kind]
		switch {
		case !slices.Contains(kinds, kind):
			errs = append(errs, document.Choice("retention."+kind, kind, kinds))
		case keep != 0 && keep < 24*time.Hour:
			errs = append(errs, document.At("retention."+kind, keep, "1d or more, or off"))
		}
	}
	return errors.Join(errs...)
}

// Validate checks the limits.
func (q Quarantine) Validate() error {
	errs := []error{atLeast("max_bytes", q.MaxBytes, 1<<20), atLeast("max_lines", q.MaxLines, 1)}
	if q.Keep != 0 && q.Keep < time.Hour {
		errs = append(errs, document.At("keep", q.Keep, "1h or more, or off"))
	}
	return errors.Join(errs...)
}

// Validate checks how long.
func (a Audit) Validate() error {
	if a.Keep != 0 && a.Keep < 24*time.Hour {
		return document.At("keep", a.Keep, "1d or more, or off")
	}
	return nil
}

// Validate checks the form. Whether the database answers is found out when it is opened.
func (l Ledger) Validate() error {
	dsn := l.DSN.Reveal()
	if dsn == "" || strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://") {
		return nil
	}
	return document.At("dsn", l.DSN, "a URL that begins with postgres://, or none for SQLite")
}

// Validate checks what a set of files needs.
func (f Files) Validate() error {
	var errs []error
	if len(f.Paths) == 0 {
		errs = append(errs, fmt.Errorf("paths: %w", errNeeded))
	}
	for i, pattern := range f.Paths {
		errs = append(errs, checkPattern(fmt.Sprintf("paths[%d]", i), pattern))
	}
	if f.Format == "" && !f.Settings.IsZero() {
		errs = append(errs, errors.New("settings: want a format whose settings they are"))
	}
	return errors.Join(append(errs, checkZone(f.Zone), checkSilence(f.SilentAfter))...)
}

// Validate checks what a listener needs.
func (s Syslog) Validate() error {
	var errs []error
	if s.UDP == "" && s.TCP == "" {
		errs = append(errs, errors.New("listens nowhere; want udp, tcp or both"))
	}
	return errors.Join(append(errs, checkZone(s.Zone), checkSilence(s.SilentAfter))...)
}

// Validate checks the range.
func (s Sources) Validate() error {
	var errs []error
	for _, c := range []struct {
		name  string
		after time.Duration
	}{{"exporter_silent_after", s.ExporterSilentAfter}, {"interface_busy_after", s.InterfaceBusyAfter}, {"interface_down_after", s.InterfaceDownAfter}} {
		if c.after != 0 {
			errs = append(errs, between(c.name, c.after, time.Minute, 365*24*time.Hour))
		}
	}
	return errors.Join(errs...)
}

// Validate checks what a port needs.
func (f Flows) Validate() error {
	var errs []error
	if f.UDP == "" {
		errs = append(errs, fmt.Errorf("udp: %w", errNeeded))
	}
	if f.Buffer != 0 {
		errs = append(errs, between("buffer", f.Buffer, 64<<10, 1<<30))
	}
	return errors.Join(append(errs, between("sockets", f.Sockets, 0, 64))...)
}

// Validate checks the ranges.
func (d Detect) Validate() error {
	return errors.Join(
		between("lateness", d.Lateness, 0, time.Hour),
		between("save_every", d.SaveEvery, time.Second, time.Hour))
}

// Validate checks the ranges.
func (a Alerts) Validate() error {
	return errors.Join(
		between("max_open", a.MaxOpen, 1, 1_000_000),
		between("reopen", a.Reopen, 0, 30*24*time.Hour),
		between("flapping.changes", a.Flapping.Changes, 0, 100),
		between("flapping.within", a.Flapping.Within, time.Minute, 7*24*time.Hour),
		checkLate(a.Late))
}

// Validate checks that there is a way.
func (c Channel) Validate() error {
	if c.Via.IsZero() {
		return fmt.Errorf("via: %w", errNeeded)
	}
	return nil
}
