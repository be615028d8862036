package ledger

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/fault"
)

// A TrafficGroup is a traffic group as stored. The ledger does not look into its members.
type TrafficGroup struct {
	Name    string
	Members string // one a line
	Changed time.Time
	Author  string
}

// A ThingName is what people call something, as stored.
type ThingName struct {
	Kind    string
	Thing   string
	Name    string
	Changed time.Time
	Author  string
}

// A NamingChange is what becomes of rows: those that are put take the place of others with their key, and of those that are
// deleted the key alone counts. Was and Became tell it to the audit log.
type NamingChange[R any] struct {
	Put, Delete []R
	Was, Became string
}

// NamingVersion tells how often groups and names were changed: who knows the number that he read them at need not read them
// again.
func (l *Ledger) NamingVersion(ctx context.Context) (version int64, err error) {
	err = l.read(ctx, "read version of groups and names", func(ctx context.Context, db *sql.DB) error {
		return db.QueryRowContext(ctx, `SELECT version FROM naming_version`).Scan(&version)
	})
	return version, err
}

// TrafficGroups returns all groups, in no particular order.
func (l *Ledger) TrafficGroups(ctx context.Context) (all []TrafficGroup, err error) {
	err = l.read(ctx, "list traffic groups", func(ctx context.Context, db *sql.DB) error {
		all, err = scanAll(ctx, db, groupRows)
		return err
	})
	return all, err
}

// ThingNames returns all names, in no particular order.
func (l *Ledger) ThingNames(ctx context.Context) (all []ThingName, err error) {
	err = l.read(ctx, "list names", func(ctx context.Context, db *sql.DB) error {
		all, err = scanAll(ctx, db, nameRows)
		return err
	})
	return all, err
}

// ChangeTrafficGroups makes the change that decide makes of the groups that there are, all of it or with an error nothing.
// Nobody else changes them meanwhile.
func (l *Ledger) ChangeTrafficGroups(ctx context.Context, decide func(have []TrafficGroup) (NamingChange[TrafficGroup], error)) error {
	return l.write(ctx, "change traffic groups", func(ctx context.Context, tx *sql.Tx) error { return changeNaming(ctx, tx, groupRows, decide) })
}

// ChangeThingNames is ChangeTrafficGroups for names.
func (l *Ledger) ChangeThingNames(ctx context.Context, decide func(have []ThingName) (NamingChange[ThingName], error)) error {
	return l.write(ctx, "change names", func(ctx context.Context, tx *sql.Tx) error { return changeNaming(ctx, tx, nameRows, decide) })
}

// A rowKind says how rows of a table are read and written; its key stands in front of the columns.
type rowKind[R any] struct {
	table   string
	columns []string
	keys    int // how many of the columns are the key
	scan    func(from scanner) (R, error)
	values  func(R) []any
}

var (
	groupRows = rowKind[TrafficGroup]{
		table: "traffic_groups", columns: []string{"name", "members", "changed", "author"}, keys: 1,
		scan: func(from scanner) (g TrafficGroup, err error) {
			var changed int64
			err = from.Scan(&g.Name, &g.Members, &changed, &g.Author)
			g.Changed = instant(changed)
			return g, err
		},
		values: func(g TrafficGroup) []any { return []any{g.Name, g.Members, nanos(g.Changed), g.Author} },
	}
	nameRows = rowKind[ThingName]{
		table: "thing_names", columns: []string{"kind", "thing", "name", "changed", "author"}, keys: 2,
		scan: func(from scanner) (n ThingName, err error) {
			var changed int64
			err = from.Scan(&n.Kind, &n.Thing, &n.Name, &changed, &n.Author)
			n.Changed = instant(changed)
			return n, err
		},
		values: func(n ThingName) []any { return []any{n.Kind, n.Thing, n.Name, nanos(n.Changed), n.Author} },
	}
)

func scanAll[R any](ctx context.Context, from session, kind rowKind[R]) (all []R, err error) {
	found, err := from.QueryContext(ctx, `SELECT `+strings.Join(kind.columns, ", ")+` FROM `+kind.table)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	for found.Next() {
		r, err := kind.scan(found)
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, found.Err()
}

func changeNaming[R any](ctx context.Context, tx *sql.Tx, kind rowKind[R], decide func(have []R) (NamingChange[R], error)) error {
	have, err := scanAll(ctx, tx, kind)
	if err != nil {
		return err
	}
	change, err := decide(have)
	if err != nil {
		return err
	}
	if len(change.Put) > 0 || len(change.Delete) > 0 {
		if _, err := tx.ExecContext(ctx, `UPDATE naming_version SET version = version + 1`); err != nil {
			return err
		}
	}
	for _, r := range change.Delete {
		if err := deleteRow(ctx, tx, kind, r); err != nil {
			return err
		}
	}
	for rest := change.Put; len(rest) > 0; {
		n := min(len(rest), 500) // 2,500 values at most; both databases take more than 30,000
		if err := putRows(ctx, tx, kind, rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return note(ctx, tx, change.Was, change.Became)
}

func deleteRow[R any](ctx context.Context, tx *sql.Tx, kind rowKind[R], r R) error {
	conditions := make([]string, kind.keys)
	for i, column := range kind.columns[:kind.keys] {
		conditions[i] = column + " = $" + strconv.Itoa(i+1)
	}
	done, err := tx.ExecContext(ctx, `DELETE FROM `+kind.table+` WHERE `+strings.Join(conditions, " AND "), kind.values(r)[:kind.keys]...)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return fault.New(fault.NotFound, "%v: nothing of that name", kind.values(r)[:kind.keys])
}

// putRows writes rows with one statement, which saves a database over a network a round trip for each.
func putRows[R any](ctx context.Context, tx *sql.Tx, kind rowKind[R], rows []R) error {
	var text strings.Builder
	var values []any
	text.WriteString(`INSERT INTO ` + kind.table + ` (` + strings.Join(kind.columns, ", ") + `) VALUES `)
	for i, r := range rows {
		for j, v := range kind.values(r) {
			switch {
			case j > 0:
				text.WriteString(", $")
			case i > 0:
				text.WriteString("), ($")
			default:
				text.WriteString("($")
			}
			if s, ok := v.(string); ok {
				v = clean(s)
			}
			values = append(values, v)
			text.WriteString(strconv.Itoa(len(values)))
		}
	}
	text.WriteString(`) ON CONFLICT (` + strings.Join(kind.columns[:kind.keys], ", ") + `) DO UPDATE SET `)
	for i, column := range kind.columns[kind.keys:] {
		if i > 0 {
			text.WriteString(", ")
		}
		text.WriteString(column + " = excluded." + column)
	}
	_, err := tx.ExecContext(ctx, text.String(), values...)
	return err
}
