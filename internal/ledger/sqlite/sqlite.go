// Package sqlite opens a SQLite file for the ledger: write-ahead log, every commit synced, one writer.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"sync/atomic"
	"time"

	driver "modernc.org/sqlite"

	"tocsin/internal/fault"
)

// A Database is one SQLite file.
type Database struct {
	path   string
	writer *sql.DB // one connection
	reader *sql.DB
	begun  atomic.Bool // a transaction has begun once
}

// While the file goes over to WAL mode, SQLite refuses others at once and does not wait as it does for a lock: whoever
// opens the file at the same moment tries again.
const (
	openTries = 20
	openPause = 50 * time.Millisecond
)

// Open prepares to use the file at path; nothing is touched before the first call. The file is made, readable by its
// owner alone, by the first write.
func Open(path string) (*Database, error) {
	// synchronous=FULL: in WAL mode NORMAL could lose the last commits with the power, and with them alerts that the
	// journal has been told to forget (https://www.sqlite.org/pragma.html#pragma_synchronous).
	writer, err := pool(path, url.Values{
		"_txlock":  {"immediate"},
		"_journal": {"WAL"},
		"_pragma":  {"synchronous(FULL)", "foreign_keys(1)", "journal_size_limit(16777216)"},
	})
	if err != nil {
		return nil, err
	}
	// In a pool of one a transaction that must wait for another does so in order.
	writer.SetMaxOpenConns(1)
	reader, err := pool(path, url.Values{"_query_only": {"1"}})
	if err != nil {
		return nil, errors.Join(err, writer.Close())
	}
	reader.SetMaxOpenConns(4)
	return &Database{path: path, writer: writer, reader: reader}, nil
}

func pool(path string, settings url.Values) (*sql.DB, error) {
	settings.Set("_busy_timeout", "5000") // milliseconds
	name := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: settings.Encode()}
	connector, err := driver.NewConnector(name.String())
	if err != nil {
		return nil, fault.New(fault.Invalid, "database %s: %w", path, err)
	}
	return sql.OpenDB(connector), nil
}

// Begin starts a transaction with the write lock in hand.
func (d *Database) Begin(ctx context.Context) (*sql.Tx, error) {
	if err := d.makeFile(); err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		asked := time.Now()
		tx, err := d.writer.BeginTx(ctx, nil)
		if err == nil {
			d.begun.Store(true)
			return tx, nil
		}
		var native *driver.Error
		atOnce := time.Since(asked) < time.Second
		if try == openTries || !atOnce || d.begun.Load() || !errors.As(err, &native) || native.Code()&0xff != codeBusy {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(openPause):
		}
	}
}

// makeFile makes the file with our permissions, as SQLite would make it with those of the umask.
func (d *Database) makeFile() error {
	if _, err := os.Stat(d.path); !errors.Is(err, fs.ErrNotExist) {
		return nil // what else is wrong with it, SQLite says
	}
	f, err := os.OpenFile(d.path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// Reader is the pool for reading.
func (d *Database) Reader() *sql.DB { return d.reader }

// SerialKey is the type of a key that numbers itself and uses no number twice.
func (d *Database) SerialKey() string { return "INTEGER PRIMARY KEY AUTOINCREMENT" }

// HasTable reports whether there is such a table.
func (d *Database) HasTable(ctx context.Context, tx *sql.Tx, name string) (bool, error) {
	var n int
	err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = $1`, name).Scan(&n)
	return n > 0, err
}

// Backup writes the database as it is at one moment into a new file, readable by its owner alone as well.
func (d *Database) Backup(ctx context.Context, path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // SQLite fills an empty file
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := d.copyTo(ctx, path); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// copyTo runs beside the writer, on a connection that may write for as long as that takes.
func (d *Database) copyTo(ctx context.Context, path string) (err error) {
	conn, err := d.reader.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() {
		_, lockErr := conn.ExecContext(context.WithoutCancel(ctx), "PRAGMA query_only = 1")
		err = errors.Join(err, lockErr, conn.Close())
	}()
	if _, err := conn.ExecContext(ctx, "PRAGMA query_only = 0"); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, "VACUUM INTO $1", path)
	return err
}

// Close closes both pools; the last one out merges the write-ahead log into the file.
func (d *Database) Close() error { return errors.Join(d.reader.Close(), d.writer.Close()) }

// Primary result codes (https://www.sqlite.org/rescode.html).
const (
	codePerm       = 3
	codeBusy       = 5
	codeLocked     = 6
	codeNoMemory   = 7
	codeReadOnly   = 8
	codeIO         = 10
	codeCorrupt    = 11
	codeFull       = 13
	codeCannotOpen = 14
	codeConstraint = 19
	codeAuth       = 23
	codeNotADB     = 26
)

// Fault gives an error its kind.
func (d *Database) Fault(err error) error {
	var native *driver.Error
	if !errors.As(err, &native) {
		var path *fs.PathError
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			return fault.New(fault.Unavailable, "database %s did not answer in time: %w", d.path, err)
		case errors.As(err, &path):
			if errors.Is(err, fs.ErrExist) {
				return fault.New(fault.Conflict, "%w", err)
			}
			return fault.New(fault.Unavailable, "%w (tocsin's account must be able to read and write it)", err)
		}
		return err
	}
	switch native.Code() & 0xff {
	case codeFull:
		return fault.New(fault.Full, "database %s has no room (free space on its disk): %w", d.path, err)
	case codeBusy, codeLocked:
		return fault.New(fault.Unavailable, "database %s is locked by another program (close it there): %w", d.path, err)
	case codePerm, codeReadOnly, codeCannotOpen, codeAuth:
		return fault.New(fault.Unavailable, "database %s cannot be opened for writing (check its permissions and those of its directory): %w", d.path, err)
	case codeIO, codeNoMemory:
		return fault.New(fault.Unavailable, "database %s: %w", d.path, err)
	case codeConstraint:
		return fault.New(fault.Conflict, "database %s: %w", d.path, err)
	case codeCorrupt, codeNotADB:
		return fmt.Errorf("database %s is damaged (restore it from a backup): %w", d.path, err)
	}
	return err
}
