// Package ledger keeps what must be kept in SQL: accounts, rules, alerts, the outbox of notices, settings, and up to where
// in the journal all that has been brought.
//
// It runs on SQLite and on PostgreSQL with the same statements. Either way there is one writer at a time, so that a
// transaction sees what it decides upon; readers are not held up. Times are int64 nanoseconds UTC in both.
//
// Errors carry a kind of package fault: Unavailable or Full when the database is away or has no room, and the caller should
// try again; NotFound, Conflict and Invalid when the request cannot be met. An error without a kind means a damaged or
// foreign database.
package ledger

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"tocsin/internal/fault"
	"tocsin/internal/ledger/postgres"
	"tocsin/internal/ledger/sqlite"
)

// FileName is the name of the SQLite database in the data directory.
const FileName = "ledger.db"

// patience bounds every single call, so that a database that hangs counts as away. 30 s is well above the 5 s for which
// SQLite and PostgreSQL wait for a lock.
const patience = 30 * time.Second

// An engine is what differs between the databases.
type engine interface {
	// Begin starts a transaction that no other writer runs beside.
	Begin(ctx context.Context) (*sql.Tx, error)
	// Reader is the pool for reading.
	Reader() *sql.DB
	// SerialKey is the type of a key that numbers itself.
	SerialKey() string
	// HasTable asks the catalog.
	HasTable(ctx context.Context, tx *sql.Tx, name string) (bool, error)
	// Backup copies the database into a new file, where the database is a file of its own.
	Backup(ctx context.Context, path string) error
	// Fault gives an error of the driver its kind, and says what the operator can do.
	Fault(err error) error
	Close() error
}

// A Ledger is one database. Its methods may be called from several goroutines.
type Ledger struct {
	engine engine
	name   string
	hashes chan struct{} // a slot for each password that may be hashed at once
	costly chan struct{} // and one for hashes that take more memory than ours

	mu    sync.Mutex
	ready bool // the schema is known to be ours
}

// Open returns the ledger that dsn names: "" is the SQLite file in dir, sqlite:PATH another file, postgres://... a
// PostgreSQL database. It checks the wording only: the database is opened, and its schema made or brought up to date, by
// the first call that needs it, so that a ledger that is down does not keep the rest from starting.
func Open(dsn, dir string) (*Ledger, error) {
	l := &Ledger{hashes: make(chan struct{}, 2), costly: make(chan struct{}, 1)}
	path, isFile := strings.CutPrefix(dsn, "sqlite:")
	switch {
	case dsn == "":
		path, isFile = filepath.Join(dir, FileName), true
	case isFile && path == "":
		return nil, fault.New(fault.Invalid, "ledger %q: want a path behind sqlite:", dsn)
	case !isFile && !strings.HasPrefix(dsn, "postgres://") && !strings.HasPrefix(dsn, "postgresql://"):
		return nil, fault.New(fault.Invalid, "ledger: want nothing, sqlite:PATH or postgres://USER@HOST/DATABASE")
	}
	if isFile {
		l.name = path
		e, err := sqlite.Open(path)
		if err != nil {
			return nil, fmt.Errorf("open ledger: %w", err)
		}
		l.engine = e
		return l, nil
	}
	e, err := postgres.Open(dsn)
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	l.engine, l.name = e, e.Name()
	return l, nil
}

// Name says where the ledger is, without any password.
func (l *Ledger) Name() string { return l.name }

// Close ends all use of the ledger.
func (l *Ledger) Close() error { return l.engine.Close() }

// Check reports whether the ledger can be written now, and makes or updates its schema.
func (l *Ledger) Check(ctx context.Context) error {
	return l.write(ctx, "check ledger", func(context.Context, *sql.Tx) error { return nil })
}

// write runs do in one transaction beside which nothing else writes, and commits it unless do fails.
func (l *Ledger) write(ctx context.Context, act string, do func(context.Context, *sql.Tx) error) error {
	return l.writeWithin(ctx, patience, act, do)
}

func (l *Ledger) writeWithin(ctx context.Context, limit time.Duration, act string, do func(context.Context, *sql.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := l.prepare(ctx); err != nil {
		return err
	}
	return l.transact(ctx, act, do)
}

func (l *Ledger) transact(ctx context.Context, act string, do func(context.Context, *sql.Tx) error) error {
	tx, err := l.engine.Begin(ctx)
	if err != nil {
		return l.fault(act, err)
	}
	defer tx.Rollback() // after a commit it is a no-op, otherwise the first error counts
	if err := do(ctx, tx); err != nil {
		return l.fault(act, err)
	}
	if err := tx.Commit(); err != nil {
		return l.fault(act, err)
	}
	return nil
}

// read runs do on the pool of readers.
func (l *Ledger) read(ctx context.Context, act string, do func(context.Context, *sql.DB) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := l.prepare(ctx); err != nil {
		return err
	}
	if err := do(ctx, l.engine.Reader()); err != nil {
		return l.fault(act, err)
	}
	return nil
}

// prepare makes sure, once, that the schema is ours.
func (l *Ledger) prepare(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ready {
		return nil
	}
	if err := l.transact(ctx, "prepare ledger "+l.name, l.migrate); err != nil {
		return err
	}
	l.ready = true
	return nil
}

// fault words an error; one that has a kind already speaks for itself.
func (l *Ledger) fault(act string, err error) error {
	if fault.Kind(err) == nil {
		err = l.engine.Fault(err)
	}
	return fmt.Errorf("%s: %w", act, err)
}

// Backup copies the ledger into a new file at path, at one moment, while it is in use. A PostgreSQL ledger is copied with
// the tools of PostgreSQL: for that nothing is done.
func (l *Ledger) Backup(ctx context.Context, path string) error {
	return l.read(ctx, "back up ledger", func(ctx context.Context, _ *sql.DB) error { return l.engine.Backup(ctx, path) })
}
