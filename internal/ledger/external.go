package ledger

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"tocsin/internal/fault"
)

// An External is who logged in at an identity provider. Issuer and Subject together are always the same person; names are
// not.
type External struct {
	Issuer, Subject string
	Name            string // for an account that is made, or linked
	Admin           *bool  // what the provider makes of him; nil leaves it as it is, and a new account an ordinary one
	Create          bool   // whether he gets an account when he has none
	Link            bool   // whether an account of his name that nobody else of a provider has is his
}

// LetIn returns the account of who logged in elsewhere. It makes or links one where that is wanted, and follows what the
// provider says of administrators; only the last one stays one in any case. The error is a Denied when he has no account, or
// it is disabled.
func (l *Ledger) LetIn(ctx context.Context, e External, now time.Time) (u User, err error) {
	if e.Issuer == "" || e.Subject == "" {
		return User{}, fault.New(fault.Invalid, "log in elsewhere: want an issuer and a subject")
	}
	if err := checkUserName(e.Name); err != nil {
		return User{}, fault.New(fault.Denied, "log in elsewhere: %w", err)
	}
	err = l.write(ctx, "log in "+e.Name, func(ctx context.Context, tx *sql.Tx) error {
		u, err = scanUser(tx.QueryRowContext(ctx, `SELECT `+userColumns+` FROM accounts WHERE issuer = $1 AND subject = $2`, e.Issuer, e.Subject))
		was := u.words()
		switch {
		case errors.Is(err, sql.ErrNoRows):
			if u, was, err = e.join(ctx, tx, now); err != nil {
				return err
			}
		case err != nil:
			return err
		}
		if u.Disabled {
			return fault.New(fault.Denied, "log in elsewhere: the account %s is disabled", u.Name)
		}
		if err := e.follow(ctx, tx, &u, now); err != nil {
			return err
		}
		if u.words() == was {
			return nil
		}
		return note(ctx, tx, was, u.words())
	})
	if err != nil {
		return User{}, err
	}
	return u, nil
}

// join finds the account of somebody who comes for the first time, or makes it. was says what there was before.
func (e External) join(ctx context.Context, tx *sql.Tx, now time.Time) (u User, was string, err error) {
	u, err = scanUser(tx.QueryRowContext(ctx, `SELECT `+userColumns+` FROM accounts WHERE name = $1`, e.Name))
	switch {
	case err == nil && e.Link && u.Subject == "":
		was = u.words()
		u.Issuer, u.Subject = e.Issuer, e.Subject
		_, err = tx.ExecContext(ctx, `UPDATE accounts SET issuer = $1, subject = $2, changed = $3 WHERE id = $4`, e.Issuer, e.Subject, nanos(now), u.ID)
		return u, was, err
	case err == nil:
		return User{}, "", fault.New(fault.Denied, "log in elsewhere: there is an account %q here that is not known to be the same person's (an administrator may set login.oidc.link, or rename at the provider)", e.Name)
	case !errors.Is(err, sql.ErrNoRows):
		return User{}, "", err
	case !e.Create:
		return User{}, "", fault.New(fault.Denied, "log in elsewhere: %q has no account here (an administrator may add it)", e.Name)
	}
	admin := e.Admin != nil && *e.Admin
	if !admin {
		var others int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM accounts`).Scan(&others); err != nil {
			return User{}, "", err
		}
		if others == 0 { // else the token that makes the first administrator would be used up by this
			return User{}, "", fault.New(fault.Denied, "log in elsewhere: there is no administrator yet (make the first one with the token that was printed at the first start)")
		}
	}
	u = User{Name: e.Name, Admin: admin, Created: now.UTC(), Changed: now.UTC(), Issuer: e.Issuer, Subject: e.Subject}
	err = tx.QueryRowContext(ctx, `INSERT INTO accounts (name, password, admin, disabled, created, changed, issuer, subject)
VALUES ($1, $2, $3, 0, $4, $4, $5, $6) RETURNING id`, u.Name, noPassword, flag(admin), nanos(now), u.Issuer, u.Subject).Scan(&u.ID)
	return u, "", err
}

// follow makes the account an administrator or an ordinary one, as the provider says.
func (e External) follow(ctx context.Context, tx *sql.Tx, u *User, now time.Time) error {
	if e.Admin == nil || *e.Admin == u.Admin {
		return nil
	}
	if !*e.Admin {
		if err := keepAdmin(ctx, tx, *u); errors.Is(err, fault.Conflict) {
			return nil
		} else if err != nil {
			return err
		}
	} else {
		u.Filter = "" // administrators have none
	}
	u.Admin = *e.Admin
	_, err := tx.ExecContext(ctx, `UPDATE accounts SET admin = $1, data_filter = $2, changed = $3 WHERE id = $4`, flag(u.Admin), u.Filter, nanos(now), u.ID)
	return err
}
