package config

import (
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/document"
)

// Config is the configuration file: what an operator writes. Every setting has a default; an empty file is a good one.
type Config struct {
	// Data is the directory in which everything is kept. One process at a time uses it. Default: /var/lib/tocsin for root,
	// $XDG_STATE_HOME/tocsin or ~/.local/state/tocsin for others.
	Data string `yaml:"data"`
	// Bind is the address of every listener whose own setting names only a port, as in `:8400`. The default keeps all of
	// them on this machine; `0.0.0.0` or `::` opens them.
	Bind string `yaml:"bind"`
	// Node numbers this machine among those that share an outside journal: 0 to 32767. Never change it, and never give it to
	// two machines.
	Node uint16 `yaml:"node"`
	// Drain is how long a stop waits for what was accepted to flow out before it cuts; 1s or more.
	Drain time.Duration `yaml:"drain"`

	Log     Log     `yaml:"log"`
	HTTP    HTTP    `yaml:"http"`
	Login   Login   `yaml:"login"`
	Journal Journal `yaml:"journal"`
	History History `yaml:"history"`
	Ledger  Ledger  `yaml:"ledger"`

	Quarantine Quarantine `yaml:"quarantine"`
	Audit      Audit      `yaml:"audit"`

	Sources Sources            `yaml:"sources"`
	Enrich  Enrich             `yaml:"enrich"`
	Detect  Detect             `yaml:"detect"`
	Alerts  Alerts             `yaml:"alerts"`
	Notify  map[string]Channel `yaml:"notify"`

	Heartbeat Heartbeat `yaml:"heartbeat"`

	// RuleFiles are files of rules, as paths or patterns such as `rules/*.yaml`. A pattern that matches nothing is fine, a
	// path that does not exist is a mistake.
	RuleFiles []string `yaml:"rule_files"`
	// Rules are rules that stand in this file. People see them, and cannot change them in the page.
	Rules []document.Node `yaml:"rules"`
	// Packs are the rules that tocsin brings along and that are switched on, as names such as `[web, ssh]`, or each name with
	// what is tuned of it; `tocsin rules packs` lists them. Default: none.
	Packs document.Node `yaml:"packs"`
	// Formats are formats of your own by name, each one of tocsin's with settings, and samples that are tried by `tocsin check`.
	// Sources and commands name them like any other.
	Formats document.Node `yaml:"formats"`
	// FormatFiles are files of formats, as paths or patterns such as `formats/*.yaml`. A pattern that matches nothing is fine,
	// a path that does not exist is a mistake.
	FormatFiles []string `yaml:"format_files"`

	dir string // of the file; relative paths begin there
}

// Log is what tocsin says of itself, on standard error.
type Log struct {
	// Level is the least that is told: `debug`, `info`, `warn` or `error`.
	Level string `yaml:"level"`
	// Format is `text`, `json`, or `auto`: text on a terminal, JSON elsewhere.
	Format string `yaml:"format"`
}

// HTTP is the API and the page over TCP. The socket in the data directory is always there.
type HTTP struct {
	// Listen is the address to listen on, as in `:8400` or `192.0.2.1:8400`; `off` for none.
	Listen string `yaml:"listen"`
	// FlowTraq is the address at which the same is answered for FlowTraq's command line tools, which know no other port, as in
	// `:9640`; `off` for none. Default: `:9640` when that port is free, and none where `listen` is `off`.
	FlowTraq string `yaml:"flowtraq"`
	// URL is where people find the page, as in `https://tocsin.example.org`: notices carry links that begin with it, and forms
	// sent from there are taken. It has no path: a proxy in front of tocsin passes on all of that host. `off` is no links.
	// Default: the address of the listener with the name of this machine, and no links while it listens on the loopback alone.
	URL string `yaml:"url"`
	// MaxBody bounds one body of events, decompressed; 1KiB or more.
	MaxBody document.Size `yaml:"max_body"`
	// MaxIntake is how many bodies of events are taken in at once before senders are told to wait: 1 to 10000.
	MaxIntake int `yaml:"max_intake"`
}

// Login is how people log in besides by a name and password of tocsin's own.
type Login struct {
	OIDC OIDC `yaml:"oidc"`
}

// OIDC is a provider of OpenID Connect at which people log in, such as Keycloak, Entra ID or Google. It is off without an issuer.
// Names and passwords of tocsin's own go on to work.
type OIDC struct {
	// Issuer is the address of the provider, as it calls itself. Default: none.
	Issuer string `yaml:"issuer"`
	// ClientID is the name by which the provider knows tocsin. Needed with an issuer.
	ClientID string `yaml:"client_id"`
	// ClientSecret is what tocsin shows the provider; a public client has none.
	ClientSecret document.Secret `yaml:"client_secret"`
	// Redirect is the address to which the provider sends people back; it must be registered there. Default: that of `http.url`
	// with `/login/oidc/done` behind.
	Redirect string `yaml:"redirect"`
	// Scopes are asked for besides `openid`. Default: `profile` and `email`.
	Scopes []string `yaml:"scopes"`
	// NameClaim is the claim that is the name of the account.
	NameClaim string `yaml:"name_claim"`
	// GroupsClaim is the claim that lists groups.
	GroupsClaim string `yaml:"groups_claim"`
	// Groups are those whose members are let in. Default: everybody whom the provider lets in.
	Groups []string `yaml:"groups"`
	// AdminGroup is the one whose members are administrators, and nobody else of the provider. Default: none, administrators
	// are made with `tocsin users promote`.
	AdminGroup string `yaml:"admin_group"`
	// Create gives who comes for the first time an account. Else an administrator adds it, and `link` must be on.
	Create bool `yaml:"create"`
	// Link makes an account that has the name of who comes for the first time his. Only where nobody can choose his own name
	// at the provider.
	Link bool `yaml:"link"`
	// Label is the name of the provider on the login page.
	Label string `yaml:"label"`
}

// Journal holds accepted events, durably and in order, until everybody who needs them has read them.
type Journal struct {
	// URL is the address of an outside NATS server or cluster, as in `nats://a:4222,nats://b:4222`. Default: none, the
	// journal runs inside tocsin. A URL may hold a password, so it is never shown.
	URL document.Secret `yaml:"url"`
	// Replicas is how many servers of an outside cluster keep each message: 1, 3 or 5.
	Replicas int `yaml:"replicas"`
	// MaxEvents is how much disk logins, log lines and sightings may take; 64MiB or more. When it is reached, intake is
	// refused until the slowest reader has caught up.
	MaxEvents document.Size `yaml:"max_events"`
	// MaxFlows is the same for flows, which are kept apart so that a flood of them refuses nothing else.
	MaxFlows document.Size `yaml:"max_flows"`
	// FreeFloor is how much of the disk stays free: below that nothing is accepted. `auto` is the larger of 2GB and 5 % of
	// the disk, `off` is no floor.
	FreeFloor Floor `yaml:"free_floor"`
	// GroupDelay is how long a small batch waits for others to be synced together with it: 0s to 1s.
	GroupDelay time.Duration `yaml:"group_delay"`
	// GroupRows is how many events are synced together at most: 1 to 100000.
	GroupRows int `yaml:"group_rows"`
	// Cache is the memory for fresh events that are handed on without being read back. Fresh flows have four times as much.
	Cache document.Size `yaml:"cache"`
}

// History keeps events for questions, in columns.
type History struct {
	// Retention is how long events of a kind are kept, in whole days from their own time on, or from when they came in where that is
	// later, as with files of long ago; 1d or more, `off` for ever.
	Retention map[string]time.Duration `yaml:"retention"`
	// Rollups is how long it is kept what flows come to by hour and day, for rankings over long times; 1d or more, `off`: none are
	// made.
	Rollups time.Duration `yaml:"rollups"`
	// FlushRows is after how many events of a kind they are written from memory to a segment: 1000 to 2000000.
	FlushRows int `yaml:"flush_rows"`
	// FlushBytes is the same by size; 1MiB or more.
	FlushBytes document.Size `yaml:"flush_bytes"`
	// FlushAfter is the same by age; 1s or more.
	FlushAfter time.Duration `yaml:"flush_after"`
}

// Quarantine keeps records that could not be read, until they are read again or dropped.
type Quarantine struct {
	// MaxBytes is how much disk they may take; 1MiB or more. A quarter of it is for one reason at most. What comes when there
	// is no room is counted.
	MaxBytes document.Size `yaml:"max_bytes"`
	// MaxLines is how many records of one source, format and reason are kept; 1 or more.
	MaxLines int `yaml:"max_lines"`
	// Keep is how long they are kept; 1h or more, `off` for ever.
	Keep time.Duration `yaml:"keep"`
}

// Ledger keeps users, rules, alerts and notices.
type Ledger struct {
	// DSN is where PostgreSQL is, as in `postgres://tocsin@db.example.org/tocsin`. Default: none, an SQLite file in the data
	// directory. It may also stand alone, as in `ledger: postgres://tocsin@db.example.org/tocsin`. A DSN may hold a password,
	// so it is never shown.
	DSN document.Secret `yaml:"dsn,alone"`
}

// Sources are where raw data comes in.
type Sources struct {
	Files  []Files  `yaml:"files"`
	Syslog []Syslog `yaml:"syslog"`
	Flows  []Flows  `yaml:"flows"`
	// ExporterSilentAfter is how long nothing may come from an exporter of flows that was heard for 10 minutes or more, counted
	// while tocsin runs, before people are told: 1m to 365d. `off`: they may be silent.
	ExporterSilentAfter time.Duration `yaml:"exporter_silent_after"`
	// InterfaceBusyAfter is for how long an interface of an exporter, one that people gave a name, may use more than 90 % of its
	// speed before people are told: 1m to 365d. `off`: it may always.
	InterfaceBusyAfter time.Duration `yaml:"interface_busy_after"`
	// InterfaceDownAfter is for how long an interface of an exporter, one that people gave a name, that is switched on and was up
	// before, may be down before people are told: 1m to 365d. `off`: it may always be, as ports of people who go home. Default: off.
	InterfaceDownAfter time.Duration `yaml:"interface_down_after"`
}

// Files is one set of log files that are followed as they grow, through rotation and restarts.
type Files struct {
	// Name tells the sources apart; events carry it as `tocsin.source`. Needed.
	Name string `yaml:"name"`
	// Paths are files, or patterns such as `/var/log/nginx/*.log`. Needed.
	Paths []string `yaml:"paths"`
	// Format is the name of the parser. Default: guessed from the first lines of each file.
	Format string `yaml:"format"`
	// Zone is taken for times that carry none: an IANA name such as `Europe/Berlin`, `UTC` or `Local`. Default: the parser's.
	Zone string `yaml:"zone"`
	// Service is set as `service.name` where a line names none.
	Service string `yaml:"service"`
	// SilentAfter is how long nothing may come from it, counted while tocsin runs, before people are told: 1m to 365d. `off`: it
	// may be silent. Default: off.
	SilentAfter time.Duration `yaml:"silent_after"`
	// Settings are those of the parser; see its page. They need a format.
	Settings document.Node `yaml:"settings"`
}

// Syslog is one pair of listeners for syslog over the network. The default is one, named `syslog`, on port 5514.
type Syslog struct {
	// Name tells the sources apart; events carry it as `tocsin.source`. Needed.
	Name string `yaml:"name"`
	// UDP is the address to listen on for datagrams, as in `:5514`. Default: none.
	UDP string `yaml:"udp"`
	// TCP is the address to listen on for streams, as in `:5514`. Default: none.
	TCP string `yaml:"tcp"`
	// Format is the name of the parser. Default: `syslog`.
	Format string `yaml:"format"`
	// Zone is taken for times that carry none, which is usual in the old format. Default: the parser's.
	Zone string `yaml:"zone"`
	// Service is set as `service.name` where a message names none.
	Service string `yaml:"service"`
	// SilentAfter is how long nothing may come from it, counted while tocsin runs, before people are told: 1m to 365d. `off`: it
	// may be silent. Default: off.
	SilentAfter time.Duration `yaml:"silent_after"`
	// Settings are those of the parser; see its page.
	Settings document.Node `yaml:"settings"`
}

// Flows is one port on which exporters of flows are heard, in whatever protocol they speak: NetFlow 1, 5, 7, 9, IPFIX and sFlow 5.
// The default are three, named `netflow`, `ipfix` and `sflow`, on their customary ports 2055, 4739 and 6343. `flows: []` is none.
type Flows struct {
	// Name tells the sources apart; events carry it as `tocsin.source`. Needed.
	Name string `yaml:"name"`
	// UDP is the address to listen on, as in `:2055`. Needed.
	UDP string `yaml:"udp"`
	// Allow are the networks whose exporters are heard, as in `[192.0.2.0/24, "2001:db8::/32"]`; others are counted and listed as
	// refused. The address of a datagram can be forged: this keeps mistakes out, and a firewall keeps out who means it. Default:
	// all.
	Allow []Network `yaml:"allow"`
	// Sockets is how many sockets share the port, each read by itself: 0 to 64. Default: 0, which is one for each processor and 4
	// at most. Only Linux spreads datagrams over them.
	Sockets int `yaml:"sockets"`
	// Buffer is how much the system is asked to hold of what was not read yet, for each socket: 64KiB to 1GiB. Without privileges
	// Linux gives no more than net.core.rmem_max. Default: 32MiB.
	Buffer document.Size `yaml:"buffer"`
}

// Enrich adds to events, as they arrive, what is known of their addresses. It changes no event that is there already.
type Enrich struct {
	// Databases are files in the format of MaxMind DB, of countries, cities or autonomous systems, as `GeoLite2-City.mmdb`; 16 at
	// most. A relative path begins in the data directory. What the first does not know the next is asked for. A file that changes
	// is read again. Default: none.
	Databases []string `yaml:"databases"`
	// Groups are traffic groups by name, each a list of members such as `[192.0.2.0/24, "192.0.2.7:8000-8999/tcp",
	// "[2001:db8::/32]:443"]`. People see them, and cannot change them with `tocsin groups`. Default: none.
	Groups map[string][]string `yaml:"groups"`
}

// Detect judges events by the rules as they come in.
type Detect struct {
	// Lateness is how late an event may come and still be judged, by its own time: 0s to 1h. Judging waits that long. Later
	// events are kept and found, and judged only by `tocsin detect`.
	Lateness time.Duration `yaml:"lateness"`
	// SaveEvery is how often the state of the rules is saved; 1s or more. A large state, which takes long, is saved more seldom:
	// for 3 % of the time at most, and when what came since would take eight times as long to judge again, or two minutes later. A
	// restart judges the events since then again, which the journal keeps; when it is a quarter full the state is saved sooner.
	SaveEvery time.Duration `yaml:"save_every"`
}

// Audit is the log of who changed what; `tocsin audit list` shows it.
type Audit struct {
	// Keep is how long its lines are kept: 1d or more, `off` is for ever. There are a million at most; then the oldest go.
	Keep time.Duration `yaml:"keep"`
}

// Alerts are what people work with.
type Alerts struct {
	// MaxOpen is how many alerts of one rule are open at once before one overflow alert counts the rest: 1 to 1000000.
	MaxOpen int `yaml:"max_open"`
	// Reopen is how long after an alert ended its rule opens it again, with its comments, rather than another one: 0s to 30d, in
	// the time of the events. 0s: never.
	Reopen time.Duration `yaml:"reopen"`
	// Flapping says when an alert comes and goes so often that this is one state, of which people are told once.
	Flapping Flapping `yaml:"flapping"`
	// Late is how long past what a notice tells of must be, as after a downtime, so that it waits a minute for others of the kind
	// and leaves with them in one summary: 1m to 30d. `off`: notices never wait for that.
	Late time.Duration `yaml:"late"`
	// NotifyLimit is how many notices a minute one recipient gets one by one over one channel: 1 to 100000. What is beyond is told
	// in one summary a minute until less is happening. `off`: all. It holds for e-mail of users as well.
	NotifyLimit Rate `yaml:"notify_limit"`
	// Collectors are the networks in which users may have syslog collectors of their own, as in `[192.0.2.0/24, "2001:db8::/32"]`:
	// tocsin calls what users name. Default: any single host that is not of the link alone.
	Collectors []Network `yaml:"collectors"`
}

// Flapping says when an alert flaps. Only an alert that is opened again can: `reopen` must not be 0s.
type Flapping struct {
	// Changes is how often an alert may change between open and ended in the time of `within` before it flaps: 0 to 100. 0: it
	// never does.
	Changes int `yaml:"changes"`
	// Within is that time, in the time of the events, and how long a flapping alert must not change to be steady again: 1m to
	// 7d.
	Within time.Duration `yaml:"within"`
}

// Channel is one way of telling people. Its key under `notify` is its name.
type Channel struct {
	// MinSeverity is the least severe alert that is told: `INFO`, `LOW`, `MEDIUM`, `HIGH` or `CRITICAL`.
	MinSeverity alert.Severity `yaml:"min_severity"`
	// Limit is how many notices a minute go out one by one: 1 to 100000. What is beyond is told in one summary a minute. `off`: all.
	// Default: alerts.notify_limit, but off for channels that machines read: command, syslog and webhook.
	Limit Rate `yaml:"limit"`
	// Group has notices of one rule leave together.
	Group Group `yaml:"group"`
	// Fallback is the name of a channel through which goes what this one gives up, and all that waits for it once it has failed
	// for 5 minutes. Default: none.
	Fallback string `yaml:"fallback"`
	// Via is the kind of channel with its settings, as in `command: {program: /usr/local/bin/page}`. Needed.
	Via document.Node `yaml:"via"`
}

// Group has notices of one rule over one channel leave as one summary, where there are several.
type Group struct {
	// Wait is how long the first waits for others: 0s to 1h.
	Wait time.Duration `yaml:"wait"`
	// Every is the shortest time between two messages about one rule: 0s to 1d.
	Every time.Duration `yaml:"every"`
}

// Heartbeat says outside, again and again, that tocsin works: that it takes events in, judges them and writes its ledger, which
// it tries each time. When it does not work none is sent, so that whoever waits for them learns of it.
type Heartbeat struct {
	// URL is asked by POST, with JSON that says what else is wrong, as services such as healthchecks.io want it. Default: none. A
	// URL may hold a key, so it is never shown.
	URL document.Secret `yaml:"url"`
	// Every is how often: 10s to 1d.
	Every time.Duration `yaml:"every"`
	// Channel is the name of a channel of `notify` over which one is sent as well. Default: none.
	Channel string `yaml:"channel"`
	// ChannelEvery is how often over the channel: 1m to 30d.
	ChannelEvery time.Duration `yaml:"channel_every"`
}
