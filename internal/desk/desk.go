// Package desk answers what people ask of tocsin, from its journal, history and ledger. It is the one implementation of
// api.Service; the command line, the HTTP API and the page all end here.
package desk

import (
	"context"
	"io"
	"io/fs"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"tocsin/internal/alerting"
	"tocsin/internal/api"
	"tocsin/internal/detect"
	"tocsin/internal/detector"
	"tocsin/internal/history"
	"tocsin/internal/ingest"
	"tocsin/internal/journal"
	"tocsin/internal/ledger"
	"tocsin/internal/list"
	"tocsin/internal/mute"
	"tocsin/internal/quarantine"
)

// Parts are what a desk answers from.
type Parts struct {
	Version string
	Log     *slog.Logger // of what nobody waits for; nil: none
	// Page returns the address of the page, "" when there is none.
	Page func() string
	// PageURL returns where people find the page, without a slash at the end, "" when nowhere; nil is nowhere.
	PageURL func() string
	Journal *journal.Journal
	History *history.Store
	Ledger  *ledger.Ledger
	Ingest  *ingest.Service
	// Quarantine keeps the records that Ingest could not read.
	Quarantine *quarantine.Store
	Alerting   *alerting.Service // of whichever class: judging history needs no position
	Mutes      *mute.Shelf
	Rules      *Rulebook
	Detectors  detector.Set
	Lists      fs.FS // where rules find the files that they name
	// Listed are the lists of addresses that filters name; nil when there are none.
	Listed *list.Shelf

	// Judges are what judges now, and whether time goes on for them: else they stand where tocsin ran last.
	Judges func() (engines []*detect.Engine, live bool)
	// RulesChanged makes the rules that run those of the rulebook.
	RulesChanged func(context.Context) error
	// CaughtUp returns when all that the journal holds now was judged and is found by queries.
	CaughtUp func(context.Context) error
	// Replayed says that all that the journal held at the start is found by queries.
	Replayed func() bool
	// Kept returns when all that the journal holds now is found by queries. ClearAlerts deletes all alerts while none is written.
	Kept        func(context.Context) error
	ClearAlerts func(context.Context) (int64, error)
	// Sessions returns the logins there are; nil, or a function that returns nil: there are none.
	Sessions func() Sessions
	// Ways try out the channels of single users. PreferencesChanged makes those who are told, and how, what the ledger says.
	Ways               Ways
	PreferencesChanged func(context.Context) error
	// Channels shows what channels would send, and tests them.
	Channels Channels
	// Try begins a self-test for the event whose label SelfTestLabel is token.
	Try func(ctx context.Context, token string, q api.SelfTestRequest) (Trial, error)
	// Naming has traffic groups and names.
	Naming Naming
	// Exporters lists who sends flows.
	Exporters func() []api.Exporter
	// Interfaces lists those of an exporter, or with the zero address those of all.
	Interfaces func(exporter netip.Addr) []api.Interface
	// Troubles tells of exporters of whom somebody must look. It names them, so it is told to those alone who may see all. May be
	// nil.
	Troubles func() []string
	// Problems tells what else someone must act on.
	Problems func() []string
	// Backup copies what the desk does not know, below a directory: all but the history.
	Backup func(ctx context.Context, dir string) error
}

// A Desk answers. Its methods may be called from several goroutines.
type Desk struct {
	parts   Parts
	started time.Time
	counter counter
	backups sync.Mutex
	clears  sync.Mutex
	tries   tries // test messages

	traffics *lately[*api.AlertTraffic] // of alerts
	arounds  *lately[[]api.Around]

	preferring sync.Mutex // held while preferences, and settings of the mail server, are stored
	written    bell       // rings when alerts were written
	trying     sync.Mutex // one self-test at a time
	backTests  gate       // one rule is tried at a time
	reporting  gate       // one report is made at a time
	rankings   gate       // for what takes much memory to answer
}

var _ api.Service = (*Desk)(nil)

// New returns a desk that can answer as soon as its parts run.
func New(p Parts) *Desk {
	if p.Listed != nil {
		p.Listed = p.Listed.ForQuestions()
	}
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	return &Desk{
		parts: p, started: time.Now(), backTests: make(gate, 1), reporting: make(gate, 1), rankings: make(gate, questions),
		traffics: newLately[*api.AlertTraffic](involvedFor, involvedKept), arounds: newLately[[]api.Around](aroundFor, aroundKept),
	}
}

// Append implements api.Service.
func (d *Desk) Append(ctx context.Context, q api.AppendRequest, body io.Reader) (api.AppendAnswer, error) {
	return d.parts.Ingest.Append(ctx, q, body)
}

// Resume implements api.Service.
func (d *Desk) Resume(_ context.Context, source string) (int64, error) {
	if offset, known := d.parts.Ingest.Resume(source); known {
		return offset, nil
	}
	return -1, nil
}

// Ingest implements api.Service.
func (d *Desk) Ingest(ctx context.Context, q api.IngestRequest, body io.Reader) (api.IngestAnswer, error) {
	return d.parts.Ingest.File(ctx, q, body)
}

// Flush implements api.Service.
func (d *Desk) Flush(ctx context.Context) error {
	if err := d.parts.CaughtUp(ctx); err != nil {
		return err
	}
	return d.parts.History.Flush(ctx)
}
