package ledger

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"tocsin/internal/fault"
)

// steps are the migrations; the number in front of a file's name is the version that it leads to, from 1 without a gap. A
// step that was released is never changed.
//
//go:embed migrations/*.sql
var steps embed.FS

// migrate brings the schema up to date, all of it or nothing: both databases undo a CREATE TABLE with its transaction.
func (l *Ledger) migrate(ctx context.Context, tx *sql.Tx) error {
	have, err := l.engine.HasTable(ctx, tx, "schema_version")
	if err != nil {
		return err
	}
	version := 0
	if have {
		if err := tx.QueryRowContext(ctx, `SELECT version FROM schema_version`).Scan(&version); err != nil {
			return fmt.Errorf("read its schema version: %w", err)
		}
	}
	names, err := fs.Glob(steps, "migrations/*.sql")
	if err != nil {
		return err
	}
	if version > len(names) {
		return fault.New(fault.Conflict, "its schema is version %d and this program knows %d: run the newer tocsin that wrote it, or restore a backup", version, len(names))
	}
	if version == len(names) {
		return nil
	}
	if !have {
		if err := l.refuseForeign(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `CREATE TABLE schema_version (version BIGINT NOT NULL)`); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO schema_version (version) VALUES (0)`); err != nil {
			return err
		}
	}
	for _, name := range names[version:] {
		if err := l.step(ctx, tx, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	_, err = tx.ExecContext(ctx, `UPDATE schema_version SET version = $1`, len(names))
	return err
}

// refuseForeign keeps us out of a database in which tables of our names belong to somebody else.
func (l *Ledger) refuseForeign(ctx context.Context, tx *sql.Tx) error {
	for _, table := range []string{"accounts", "alerts", "rules", "outbox"} {
		have, err := l.engine.HasTable(ctx, tx, table)
		if err != nil {
			return err
		}
		if have {
			return fault.New(fault.Conflict, "it has a table %q that is not tocsin's: give tocsin a database of its own", table)
		}
	}
	return nil
}

func (l *Ledger) step(ctx context.Context, tx *sql.Tx, name string) error {
	text, err := steps.ReadFile(name)
	if err != nil {
		return err
	}
	for statement := range strings.SplitSeq(string(text), ";\n") {
		if statement = strings.TrimSpace(withoutComments(statement)); statement == "" {
			continue
		}
		statement = strings.ReplaceAll(statement, "SERIAL", l.engine.SerialKey())
		if _, err := tx.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

// withoutComments leaves out the lines that are comments.
func withoutComments(text string) string {
	var kept strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "--") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}
