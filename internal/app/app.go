// Package app wires every part of tocsin by hand, runs them and lets them drain.
package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tocsin/internal/api"
	"tocsin/internal/catalog"
	"tocsin/internal/config"
	"tocsin/internal/declared"
	"tocsin/internal/delivery"
	"tocsin/internal/desk"
	"tocsin/internal/document"
	"tocsin/internal/enrich"
	"tocsin/internal/event"
	"tocsin/internal/history"
	"tocsin/internal/httpapi"
	"tocsin/internal/ingest"
	"tocsin/internal/journal"
	"tocsin/internal/ledger"
	"tocsin/internal/list"
	"tocsin/internal/mute"
	"tocsin/internal/naming"
	"tocsin/internal/pack"
	"tocsin/internal/parser"
	"tocsin/internal/policy"
	"tocsin/internal/quarantine"
	"tocsin/internal/report"
	"tocsin/internal/rule"
	"tocsin/internal/source"
	"tocsin/internal/source/flows"
	"tocsin/internal/watch"
	"tocsin/internal/web"
)

// SocketName is the name of the socket in the data directory on which a running tocsin answers.
const SocketName = "tocsin.sock"

// Cursors of the journal. Nothing that one of them has not committed is purged.
const (
	historyCursor = "history"
	judgeCursor   = "detect"
)

// A Setup is a configuration that was read and found good.
type Setup struct {
	Config  *config.Config
	Rules   []rule.Rule // that stand in files, without numbers
	Doubts  []string    // what is probably not meant so, for people
	Formats []declared.Format
	formats parser.Set // those of the catalog and those declared
	readers map[string]config.Reader
	routes  []route
}

// Plugins are the parts by which the blocks of a configuration are read.
func Plugins() config.Plugins {
	return config.Plugins{Formats: catalog.Formats(), Notifiers: catalog.Notifiers()}
}

// Load reads the configuration with everything that it names, and reports all mistakes at once. It starts nothing.
func Load(path string, environ []string) (*Setup, error) {
	c, origins, err := config.Load(path, environ)
	if c == nil {
		return nil, err
	}
	s := &Setup{Config: c}
	errs := []error{err}
	for _, name := range origins.Ignored {
		if strings.Contains(name, "did you mean") {
			s.Doubts = append(s.Doubts, "environment: nothing is called "+name)
		}
	}
	plugins := Plugins()
	if s.Formats, err = c.DeclaredFormats(origins, plugins.Formats); err != nil {
		errs = append(errs, err)
	}
	plugins.Formats = declared.Set(plugins.Formats, s.Formats)
	s.formats = plugins.Formats
	if s.readers, err = c.Readers(origins, plugins); err != nil {
		errs = append(errs, err)
	}
	errs = append(errs, s.readRoutes()...)
	if err := s.readRules(origins); err != nil {
		errs = append(errs, err)
	}
	if err := document.Join(errs...); err != nil {
		return nil, err
	}
	return s, nil
}

// UseFormats makes the formats that another configuration declares good here as well.
func (s *Setup) UseFormats(of *Setup) { s.Formats, s.formats = of.Formats, of.formats }

// readRules reads the rules that stand in the configuration and in the files that it names.
func (s *Setup) readRules(origins *document.Origins) error {
	detectors := catalog.Detectors()
	names := map[string]string{} // where each stands
	var errs []error
	add := func(list []rule.Rule, err error) {
		if err != nil {
			errs = append(errs, err)
		}
		for _, r := range list {
			place := fmt.Sprintf("%s:%d", r.File, r.Line)
			if other, twice := names[r.Name]; twice {
				errs = append(errs, fmt.Errorf("%s: rule %s: there is one of that name in %s", place, r.Name, other))
				continue
			}
			names[r.Name] = place
			s.Rules = append(s.Rules, r)
		}
	}
	add(pack.Enabled(s.Config.Packs, detectors))
	for _, node := range s.Config.Rules {
		r, err := rule.DecodeOne(node, detectors)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		add([]rule.Rule{r}, nil)
	}
	files, err := s.Config.ReadRuleFiles(origins)
	if err != nil {
		errs = append(errs, err)
	}
	for _, f := range files {
		add(rule.Decode(f.Path, f.Text, detectors))
	}
	return document.Join(errs...)
}

// Options are what an App is made with besides its configuration.
type Options struct {
	Version string
	Log     *slog.Logger
	// Live makes it listen, run the sources, tell people and let time go on. Without, it only answers in this process.
	Live bool
	// Extra are sources besides the configured ones.
	Extra map[string]source.Source
	// Changed is told of alert changes; it must not block. May be nil.
	Changed func([]ledger.Change)
	// Look is how often silent sources and troubles are looked for; 0 is 10 s.
	Look time.Duration
	// Crash is called at named points, for tests that end the process there. May be nil.
	Crash func(point string)
}

// An App is one running tocsin. New opens everything; Run works until its context ends; Close lets go of what New took.
type App struct {
	options Options
	setup   *Setup
	log     *slog.Logger

	lock     *lock
	registry *prometheus.Registry
	journal  *journal.Journal
	history  *history.Store
	ledger   *ledger.Ledger
	rejected *quarantine.Store
	flows    *flows.Memory
	// exporterSilence is how long an exporter may be silent, in nanoseconds; 0 is for ever.
	exporterSilence atomic.Int64
	portLimits      atomic.Pointer[watch.PortLimits] // for how long interfaces may be busy or down
	enricher        *enrich.Enricher
	naming          *naming.Shelf
	named           *Setup // whose databases and groups are in use
	listed          *list.Shelf
	ingest          *ingest.Service
	mutes           *mute.Shelf
	rules           *desk.Rulebook
	judges          []*judge
	policy          *policy.Book
	trial           atomic.Pointer[trial] // a self-test under way, nil for none
	lines           lines
	delivery        *delivery.Service
	watch           *watch.Service                           // nil when nobody is told anything
	expected        atomic.Pointer[map[string]time.Duration] // sources that must not be silent
	desk            *desk.Desk
	reports         *report.Runner
	auditor         *desk.Auditor
	guard           *desk.Guard // before the desk: whoever asks from outside asks it
	accounts        *desk.Accounts
	server          *httpapi.Server
	listeners       []net.Listener
	feed            chan map[string]source.Source
	reach           *reach
	running         chan struct{}  // closed when Run has begun
	begun           event.Position // head of the journal when it was opened
}

// New opens the data directory and all that is in it, and the listeners. When it fails it leaves nothing open.
func New(ctx context.Context, setup *Setup, o Options) (a *App, err error) {
	if o.Crash == nil {
		o.Crash = func(string) {}
	}
	if o.Changed == nil {
		o.Changed = func([]ledger.Change) {}
	}
	a = &App{options: o, setup: setup, log: o.Log, reach: newReach(), running: make(chan struct{}), feed: make(chan map[string]source.Source, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	c := setup.Config
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return a, fmt.Errorf("make data dir: %w", err)
	}
	if a.lock, err = lockDir(c.Data); err != nil {
		return a, err
	}
	registry := prometheus.NewRegistry()
	a.registry = registry
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if err := a.openStores(ctx, registry); err != nil {
		return a, err
	}
	a.begun = a.journal.Head()
	if err := a.makeServices(ctx, registry); err != nil {
		return a, err
	}
	if o.Live {
		return a, a.listen(ctx, registry)
	}
	return a, nil
}

func (a *App) openStores(ctx context.Context, registry prometheus.Registerer) (err error) {
	c := a.setup.Config
	if a.ledger, err = ledger.Open(c.Ledger.DSN.Reveal(), c.Data); err != nil {
		return err
	}
	retention := map[event.Kind]time.Duration{}
	for name, keep := range c.History.Retention {
		kind, err := event.ParseKind(name)
		if err != nil {
			return err
		}
		retention[kind] = keep
	}
	a.rejected = quarantine.Open(quarantine.Options{
		Dir: filepath.Join(c.Data, "quarantine"), MaxBytes: int64(c.Quarantine.MaxBytes), MaxLines: int64(c.Quarantine.MaxLines), Keep: c.Quarantine.Keep,
		Log: a.log, Registry: registry,
	})
	a.history, err = history.Open(ctx, history.Options{
		Dir: filepath.Join(c.Data, "history"), Log: a.log, Registry: registry, Retention: retention, Rollups: c.History.Rollups, Crash: a.options.Crash,
		FlushRows: c.History.FlushRows, FlushBytes: int64(c.History.FlushBytes), FlushAge: c.History.FlushAfter,
	})
	if err != nil {
		return err
	}
	a.journal, err = journal.Open(ctx, journal.Options{
		Dir: filepath.Join(c.Data, "journal"), URL: c.Journal.URL.Reveal(), Replicas: c.Journal.Replicas, Node: c.Node,
		MaxBytes:  map[journal.Class]int64{journal.Events: int64(c.Journal.MaxEvents), journal.Flows: int64(c.Journal.MaxFlows)},
		FreeFloor: c.Journal.FreeFloor.Limit(), GroupDelay: c.Journal.GroupDelay, GroupRows: c.Journal.GroupRows,
		CacheBytes: int64(c.Journal.Cache), Cursors: []string{historyCursor, judgeCursor},
		Log: a.log, Registry: registry, Crash: a.options.Crash,
	})
	return err
}

func (a *App) makeServices(ctx context.Context, registry prometheus.Registerer) error {
	known, err := a.sourcePositions(ctx)
	if err != nil {
		return err
	}
	c := a.setup.Config
	a.openFlows()
	if err := a.openNaming(ctx, registry); err != nil {
		return err
	}
	a.ingest = ingest.New(ingest.Options{
		Journal: appender{a.journal}, Formats: a.setup.formats, Log: a.log, Known: known, Drain: c.Drain / 2, Registry: registry,
		Quarantine: a.rejected, Enrich: a.enricher.Batch, Crash: a.options.Crash, Captures: flows.NewCaptures(filepath.Join(a.flowsDir(), "captures"), a.log),
		Pace:   a.pace,
		OnTake: func(kind event.Kind, rows int) { a.desk.Took(kind, rows) },
	})
	a.ingest.SetConfigured(configured(a.setup))
	a.resolve()
	a.recall(ctx)
	a.mutes = mute.NewShelf(a.ledger, a.log)
	a.rules = desk.NewRulebook(a.ledger, catalog.Detectors(), a.setup.Rules)
	node, err := os.Hostname()
	if err != nil {
		a.log.Warn("notices do not name this machine", "err", err)
	}
	a.makePolicy(a.waysMaker(node))
	a.delivery = delivery.New(a.ledger, nil, delivery.Options{Node: node, Point: a.options.Crash, Link: a.linker(node), Show: a.showNames, Alarm: a.alarm, Storm: a.storm}, a.log, registry)
	a.openLines()
	a.listed = list.NewShelf(a.lists())
	for _, class := range []journal.Class{journal.Events, journal.Flows} {
		j, err := newJudge(a, class, prometheus.WrapRegistererWith(prometheus.Labels{"class": class.String()}, registry))
		if err != nil {
			return err
		}
		a.judges = append(a.judges, j)
	}
	a.desk = desk.New(desk.Parts{
		Version: a.options.Version, Log: a.log, Page: a.Address, Journal: a.journal, History: a.history, Ledger: a.ledger, Ingest: a.ingest, Quarantine: a.rejected,
		Alerting: a.judges[0].alerting, Mutes: a.mutes, Rules: a.rules, Detectors: catalog.Detectors(), Lists: a.lists(), Listed: a.listed,
		Judges: a.engines, RulesChanged: a.rulesChanged, CaughtUp: a.caughtUp, Replayed: a.replayed, Problems: a.problems, Exporters: a.exporters, Interfaces: a.interfaces, Troubles: a.exporterTroubles, Backup: a.backup, Try: a.try,
		Kept: a.kept, ClearAlerts: a.clearAlerts, Sessions: a.sessions, Channels: a.delivery, Ways: a.waysMaker(node), PreferencesChanged: a.preferencesChanged,
		Naming: desk.Naming{Shelf: a.naming, Look: a.enricher.Look}, PageURL: func() string { return a.pageURL(node) },
	})
	a.reports = report.NewRunner(a.desk.Scheduler(), a.Replayed, a.log, registry)
	a.auditor = desk.NewAuditor(a.ledger, a.log)
	a.guard = desk.NewGuard(a.desk, a.auditor)
	a.setExpected(a.setup)
	if a.options.Live {
		a.watch = a.newWatch(node)
	}
	a.accounts = desk.NewAccounts(a.ledger)
	return nil
}

// sourcePositions returns how far history and journal hold each outside source.
func (a *App) sourcePositions(ctx context.Context) (map[string]int64, error) {
	known := a.history.Sources()
	err := a.journal.Tail(ctx, a.history.Applied(), func(e journal.Entry) bool {
		for _, r := range e.Sources {
			known[r.ID] = max(known[r.ID], r.To)
		}
		return true
	})
	return known, err
}

// listen opens the socket in the data directory and, unless that is off, the address for the page and the API.
func (a *App) listen(ctx context.Context, registry *prometheus.Registry) error {
	c := a.setup.Config
	outside, label, err := a.signOn()
	if err != nil {
		return err
	}
	pages, err := web.New(web.Options{Service: a.guard, Log: a.log, NeedsSetup: a.accounts.NeedSetup, SignOn: label})
	if err != nil {
		return err
	}
	a.server, err = httpapi.New(httpapi.Options{
		Service: a.guard, Auth: a.accounts, Outside: outside, Audit: a.auditor, Log: a.log, Registry: registry, Pages: pages, Origin: a.origin(),
		Metrics:   promhttp.HandlerFor(registry, promhttp.HandlerOpts{}),
		MaxEvents: int64(c.HTTP.MaxBody), MaxIntake: c.HTTP.MaxIntake, DrainFor: c.Drain / 2,
	})
	if err != nil {
		return err
	}
	socket, err := httpapi.ListenSocket(filepath.Join(c.Data, SocketName))
	if err != nil {
		return err
	}
	a.listeners = append(a.listeners, socket)
	if address := c.Address(c.HTTP.Listen); address != "" {
		var config net.ListenConfig
		l, err := config.Listen(ctx, "tcp", address)
		if err != nil {
			return fmt.Errorf("listen for the page and the API: %w (set http.listen)", err)
		}
		a.listeners = append(a.listeners, l)
	}
	return a.listenFlowTraq(ctx)
}

// listenFlowTraq opens the port that FlowTraq's command line tools know, for the same API. Where it is taken by another and
// nobody asked for it, tocsin does without.
func (a *App) listenFlowTraq(ctx context.Context) error {
	address, named := a.setup.Config.FlowTraqAddress()
	if address == "" {
		return nil
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", address)
	switch {
	case err == nil:
		a.listeners = append(a.listeners, l)
	case named:
		return fmt.Errorf("listen for FlowTraq's tools: %w (set http.flowtraq)", err)
	default:
		a.log.Warn("FlowTraq's tools are not answered (set http.flowtraq, or to off)", "err", err)
	}
	return nil
}

// Address returns where the page is, "" when nowhere.
func (a *App) Address() string {
	for _, l := range a.listeners {
		if l.Addr().Network() == "tcp" {
			return "http://" + l.Addr().String()
		}
	}
	return ""
}

// Service answers in this process, while Run runs.
func (a *App) Service() api.Service { return a.guard }

// sessions are the logins there are, once it listens.
func (a *App) sessions() desk.Sessions {
	if a.server == nil {
		return nil
	}
	return a.server
}

// Accounts are those of the ledger.
func (a *App) Accounts() *desk.Accounts { return a.accounts }

// Close lets go of everything. Run has ended, or never began.
func (a *App) Close() error {
	var errs []error
	for _, l := range a.listeners {
		if err := l.Close(); err != nil && !errors.Is(err, net.ErrClosed) && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	if a.journal != nil {
		errs = append(errs, a.journal.Close())
	}
	if a.history != nil {
		errs = append(errs, a.history.Close())
	}
	if a.rejected != nil {
		errs = append(errs, a.rejected.Close())
	}
	if a.ledger != nil {
		errs = append(errs, a.ledger.Close())
	}
	if a.lock != nil {
		errs = append(errs, a.lock.release())
	}
	return errors.Join(errs...)
}

// An appender hands batches to the journal; where they are put does not matter to who brings them.
type appender struct{ journal *journal.Journal }

func (a appender) Append(ctx context.Context, b *event.Batch) error {
	_, err := a.journal.Append(ctx, b)
	return err
}
