package ledger

import (
	"context"
	"database/sql"
	"errors"
	"strconv"

	"tocsin/internal/fault"
	"tocsin/internal/notifier"
)

// A Removal deletes an account. One that owns rules is deleted only when it is said what becomes of them.
type Removal struct {
	Name      string
	WithRules bool    // delete them
	To        *string // hand them and their alerts over to this account; "" is everybody
}

// gone stands behind the name of a deleted account in what stays of it, so that an account made later under that name has
// no part in it: no account has such a name.
const gone = " (deleted)"

// DeleteUser deletes an account with its tokens, preferences, views, board and reports. Alerts of rules that are not handed over stay, for
// administrators; what it wrote down stays under its name. The last administrator stays.
func (l *Ledger) DeleteUser(ctx context.Context, r Removal) error {
	if r.WithRules && r.To != nil {
		return fault.New(fault.Invalid, "delete user %s: its rules are deleted or handed over, not both", cut(r.Name, 64))
	}
	return l.changeUser(ctx, "delete user "+r.Name, r.Name, func(ctx context.Context, tx *sql.Tx, u User) error {
		if err := keepAdmin(ctx, tx, u); err != nil {
			return err
		}
		heir, err := r.rules(ctx, tx, u)
		if err != nil {
			return err
		}
		for _, step := range []struct {
			text   string
			values []any
		}{
			{`UPDATE alerts SET owner = $1 WHERE owner = $2`, []any{heir, u.Name}},
			{`UPDATE alerts SET assignee = '' WHERE assignee = $1`, []any{u.Name}},
			{`UPDATE mutes SET author = $1 WHERE author = $2`, []any{u.Name + gone, u.Name}},
			{`DELETE FROM preferences WHERE account = $1`, []any{u.Name}},
			{`DELETE FROM saved_views WHERE account = $1`, []any{u.Name}},
			{`DELETE FROM boards WHERE account = $1`, []any{u.Name}},
			{`DELETE FROM report_results WHERE report IN (SELECT id FROM reports WHERE account = $1)`, []any{u.Name}},
			{`DELETE FROM reports WHERE account = $1`, []any{u.Name}},
			{`DELETE FROM outbox WHERE change = $1 AND recipient = $2`, []any{string(notifier.Reported), u.Name}},
			{`DELETE FROM tokens WHERE account = $1`, []any{u.ID}},
			{`DELETE FROM accounts WHERE id = $1`, []any{u.ID}},
		} {
			if _, err := tx.ExecContext(ctx, step.text, step.values...); err != nil {
				return err
			}
		}
		return nil
	})
}

// rules deletes the rules of an account or hands them over, and returns whose its alerts are then.
func (r *Removal) rules(ctx context.Context, tx *sql.Tx, u User) (heir string, err error) {
	var owned int64
	if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM rules WHERE owner = $1`, u.Name).Scan(&owned); err != nil {
		return "", err
	}
	switch {
	case r.To != nil && *r.To == u.Name:
		return "", fault.New(fault.Invalid, "hand over the rules of %s: want another account", u.Name)
	case r.To != nil:
		return *r.To, r.handOver(ctx, tx, u)
	case owned > 0 && !r.WithRules:
		return "", fault.New(fault.Conflict, "%s owns %s rules: delete them as well (--with-rules), or hand them over (--to NAME)", u.Name, strconv.FormatInt(owned, 10))
	}
	_, err = tx.ExecContext(ctx, `DELETE FROM rules WHERE owner = $1`, u.Name)
	return u.Name + gone, err
}

func (r *Removal) handOver(ctx context.Context, tx *sql.Tx, u User) error {
	if *r.To != "" {
		var there int64
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM accounts WHERE name = $1`, clean(*r.To)).Scan(&there); err != nil {
			return err
		}
		if there == 0 {
			return fault.New(fault.NotFound, "hand over the rules of %s: no user %q", u.Name, cut(*r.To, 64))
		}
	}
	var twice string
	err := tx.QueryRowContext(ctx, `SELECT name FROM rules WHERE owner = $1 AND name IN (SELECT name FROM rules WHERE owner = $2) ORDER BY name LIMIT 1`,
		u.Name, clean(*r.To)).Scan(&twice)
	switch {
	case err == nil:
		return fault.New(fault.Conflict, "hand over the rules of %s: there is a rule %q already: rename one of them", u.Name, twice)
	case !errors.Is(err, sql.ErrNoRows):
		return err
	}
	_, err = tx.ExecContext(ctx, `UPDATE rules SET owner = $1 WHERE owner = $2`, clean(*r.To), u.Name)
	return err
}
