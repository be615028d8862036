package ledger

import (
	"context"
	"database/sql"
)

// A session is what statements are run on: a transaction, or a prepared one.
type session interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// A prepared transaction compiles each statement once. SQLite takes longer to compile one of ours than to run it; with a few
// rows it is not worth the further round trips to PostgreSQL.
type prepared struct {
	tx         *sql.Tx
	statements map[string]*sql.Stmt // closed with the transaction
}

// worthPreparing is the number of rows from which on a transaction is prepared.
const worthPreparing = 8

func newSession(tx *sql.Tx, rows int) session {
	if rows < worthPreparing {
		return tx
	}
	return &prepared{tx: tx, statements: map[string]*sql.Stmt{}}
}

func (p *prepared) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	if s := p.statements[query]; s != nil {
		return s, nil
	}
	s, err := p.tx.PrepareContext(ctx, query) // the end of the transaction closes it
	if err == nil {
		p.statements[query] = s
	}
	return s, err
}

// ExecContext runs a statement.
func (p *prepared) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := p.statement(ctx, query) //nolint:sqlclosecheck // the end of the transaction closes it
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args...)
}

// QueryRowContext runs a query for one row.
func (p *prepared) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	s, err := p.statement(ctx, query) //nolint:sqlclosecheck // likewise
	if err != nil {
		return p.tx.QueryRowContext(ctx, query, args...) // fails with the same cause, as a Row
	}
	return s.QueryRowContext(ctx, args...)
}

// QueryContext runs a query.
func (p *prepared) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := p.statement(ctx, query) //nolint:sqlclosecheck // likewise
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}
