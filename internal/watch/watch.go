// Package watch watches the watcher: it says outside that tocsin works, raises alerts about sources that fall silent and about
// troubles of tocsin itself that last, and notices when the clock was moved. What it finds is also told by health.
package watch

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/alerting"
	"tocsin/internal/api"
	"tocsin/internal/notifier"
)

// Names of the rules of the alerts that are raised here.
const (
	SourceRule   = alert.OwnPrefix + "source"     // a source is silent
	ExporterRule = alert.OwnPrefix + "exporter"   // an exporter of flows is silent
	HealthRule   = alert.OwnPrefix + "health"     // something is wrong with tocsin, and lasts
	FullRule     = alert.OwnPrefix + "table-full" // a rule has more entities than it has room for
	BusyRule     = alert.OwnPrefix + "interface-busy"
	DownRule     = alert.OwnPrefix + "interface-down"
)

// setting is under which the ledger keeps what must outlast a restart.
const setting = "watch"

// Alarms opens and ends alerts of tocsin's own. Raising one that is open says that its cause goes on.
type Alarms interface {
	Raise(ctx context.Context, o alerting.Own) error
	Clear(ctx context.Context, name string, entity alert.Entity) error
}

// A Keeper keeps settings.
type Keeper interface {
	Setting(ctx context.Context, name string) (value string, ok bool, err error)
	SetSetting(ctx context.Context, name, value string, now time.Time) error
}

// Options are what a Service works with. All but Heartbeat are needed; a zero Every is the default.
type Options struct {
	Every  time.Duration // between two looks; 10 s
	Alarms Alarms
	Keeper Keeper
	// Sources tells what every source brought since the start. Expected are those that must not be silent for longer than given
	// here; it may change while the service runs.
	Sources  func() []api.SourceHealth
	Expected func() map[string]time.Duration
	// Exporters tells of every exporter of flows that is missed when it says nothing how many datagrams it sent since the start,
	// and after how long; 0 is never. May be nil.
	Exporters func() (datagrams map[netip.Addr]int64, after time.Duration)
	// Ports tells of the interfaces of exporters that have names, and for how long what is told of them must last. May be nil.
	Ports func() ([]Port, PortLimits)
	// Tables tells what each rule keeps. May be nil.
	Tables func() []Table
	// Problems tells what someone must act on, with what Problems of the service says of itself.
	Problems func(context.Context) []string
	// Works returns nil when intake, judging and the ledger have just been seen to work.
	Works     func(context.Context) error
	Heartbeat Heartbeat
	Log       *slog.Logger
}

// A Heartbeat says outside, again and again, that tocsin works, so that silence means trouble.
type Heartbeat struct {
	URL   string        // asked by POST; "" is none
	Every time.Duration // between two requests to it

	Channel      notifier.Notifier // nil is none
	ChannelName  string
	ChannelEvery time.Duration // between two notices over it

	Node, Version string // told with it
}

// A Service watches one process.
type Service struct {
	options Options

	mu       sync.Mutex
	problems map[string]string // by what they are about
}

// New returns a service that is not running yet.
func New(o Options) *Service {
	if o.Every <= 0 {
		o.Every = 10 * time.Second
	}
	return &Service{options: o, problems: map[string]string{}}
}

// Problems tells what is wrong with watching itself, and with the clock.
func (s *Service) Problems() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []string
	for _, text := range s.problems {
		list = append(list, text)
	}
	slices.Sort(list)
	return list
}

// trouble says what is wrong with something, "" when nothing is any more. The log has a line for each change.
func (s *Service) trouble(about, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.problems[about]
	switch {
	case text == before:
		return
	case text == "":
		delete(s.problems, about)
		s.options.Log.Info("well again", "what", about)
		return
	}
	s.problems[about] = text
	s.options.Log.Warn("trouble", "what", about, "cause", text)
}

// Run watches until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	var all sync.WaitGroup
	all.Go(func() { s.look(ctx) })
	if s.options.Heartbeat.URL != "" {
		all.Go(func() { s.beat(ctx, "heartbeat", s.options.Heartbeat.Every, s.post) })
	}
	if s.options.Heartbeat.Channel != nil {
		all.Go(func() {
			s.beat(ctx, "heartbeat over "+s.options.Heartbeat.ChannelName, s.options.Heartbeat.ChannelEvery, s.notify)
		})
	}
	all.Wait()
	return nil
}

// look holds sources and troubles against what is wanted, again and again.
func (s *Service) look(ctx context.Context) {
	memory, ok := s.recall(ctx)
	if !ok {
		return
	}
	ticker := time.NewTicker(s.options.Every)
	defer ticker.Stop()
	clock := newClock(time.Now())
	stored := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now := time.Now()
		elapsed, step := clock.tick(now)
		s.trouble("clock", step)
		for _, c := range memory.Silence.step(elapsed, s.options.Sources(), s.options.Expected(), aSource) {
			memory.Silence.told(c, s.tell(ctx, c))
		}
		heard, expected := s.exporters()
		for _, c := range memory.Exporters.step(elapsed, heard, expected, anExporter) {
			memory.Exporters.told(c, s.tell(ctx, c))
		}
		if s.options.Ports != nil {
			now, limits := s.options.Ports()
			for _, c := range memory.Ports.step(elapsed, now, limits) {
				memory.Ports.told(c, s.tell(ctx, c))
			}
		}
		if s.options.Tables != nil {
			for _, c := range memory.Tables.step(elapsed, s.options.Tables()) {
				memory.Tables.told(c, s.tell(ctx, c))
			}
		}
		for _, c := range memory.Trouble.step(elapsed, s.options.Problems(ctx)) {
			memory.Trouble.told(c, s.tell(ctx, c))
		}
		stored = s.remember(ctx, memory, stored, now)
	}
}

// exporters tells of exporters as of sources.
func (s *Service) exporters() (heard []api.SourceHealth, expected map[string]time.Duration) {
	if s.options.Exporters == nil {
		return nil, nil
	}
	datagrams, after := s.options.Exporters()
	expected = map[string]time.Duration{}
	for address, n := range datagrams {
		heard = append(heard, api.SourceHealth{Name: address.String(), Lines: n})
		if after > 0 {
			expected[address.String()] = after
		}
	}
	return heard, expected
}

// A call is an alert that is to be raised or cleared.
type call struct {
	key   string // of the tracker that asks for it
	raise bool
	alerting.Own
}

// tell raises or clears; it reports whether that worked, else it is asked for again.
func (s *Service) tell(ctx context.Context, c call) bool {
	var err error
	if c.raise {
		err = s.options.Alarms.Raise(ctx, c.Own)
	} else {
		err = s.options.Alarms.Clear(ctx, c.Name, c.Entity)
	}
	if err != nil && ctx.Err() == nil {
		s.options.Log.Warn("alert of tocsin's own not told, trying again", "rule", c.Name, "entity", c.Entity.String(), "err", err)
	}
	return err == nil
}

// A memory is what outlasts a restart.
type memory struct {
	Silence   silence `json:"silence"`
	Exporters silence `json:"exporters,omitempty"`
	Trouble   lasting `json:"trouble"`
	Tables    tables  `json:"tables,omitempty"`
	Ports     ports   `json:"interfaces,omitempty"`
}

// whole makes what was not read empty.
func (m *memory) whole() *memory {
	if m.Silence == nil {
		m.Silence = silence{}
	}
	if m.Exporters == nil {
		m.Exporters = silence{}
	}
	if m.Trouble == nil {
		m.Trouble = lasting{}
	}
	if m.Tables == nil {
		m.Tables = tables{}
	}
	if m.Ports == nil {
		m.Ports = ports{}
	}
	maps.DeleteFunc(m.Silence, func(_ string, l *listened) bool { return l == nil })
	maps.DeleteFunc(m.Exporters, func(_ string, l *listened) bool { return l == nil })
	maps.DeleteFunc(m.Ports, func(_ string, p *portState) bool { return p == nil })
	maps.DeleteFunc(m.Tables, func(_ string, f *filled) bool { return f == nil })
	maps.DeleteFunc(m.Trouble, func(_ string, t *trouble) bool { return t == nil })
	return m
}

// recall reads the memory. It waits for a ledger that is away, until ctx ends. A memory that cannot be read is none.
func (s *Service) recall(ctx context.Context) (*memory, bool) {
	for {
		text, ok, err := s.options.Keeper.Setting(ctx, setting)
		if err == nil {
			m := &memory{}
			if ok {
				if err := json.Unmarshal([]byte(text), m); err != nil {
					s.options.Log.Warn("what was watched before cannot be read, beginning anew", "err", err)
					m = &memory{}
				}
			}
			return m.whole(), true
		}
		select {
		case <-ctx.Done():
			return nil, false
		case <-time.After(s.options.Every):
		}
	}
}

// remember stores the memory when it says something new, to the minute, and returns what is stored.
func (s *Service) remember(ctx context.Context, m *memory, stored string, now time.Time) string {
	text, err := json.Marshal(m)
	if err != nil {
		s.options.Log.Error("what is watched is not encoded", "err", err)
		return stored
	}
	if string(text) == stored {
		return stored
	}
	if err := s.options.Keeper.SetSetting(ctx, setting, string(text), now); err != nil {
		return stored // health tells of a ledger that is away
	}
	return string(text)
}
