package ledger

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"tocsin/internal/fault"
)

// A User is an account.
type User struct {
	ID       int64
	Name     string
	Admin    bool
	Disabled bool
	Created  time.Time
	Changed  time.Time
	// Filter bounds what the account may see; empty: nothing does. Administrators have none.
	Filter string
	// Issuer and Subject tell who the account is at an identity provider; empty: it is known here alone.
	Issuer, Subject string
	LastLogin       time.Time // zero: it never logged in
}

const userColumns = `id, name, admin, disabled, created, changed, data_filter, issuer, subject, last_login`

func scanUser(from scanner, more ...any) (u User, err error) {
	var admin, disabled, created, changed, login int64
	err = from.Scan(append([]any{&u.ID, &u.Name, &admin, &disabled, &created, &changed, &u.Filter, &u.Issuer, &u.Subject, &login}, more...)...)
	u.Admin, u.Disabled, u.Created, u.Changed, u.LastLogin = admin != 0, disabled != 0, instant(created), instant(changed), instant(login)
	return u, err
}

// words says of an account what the audit log tells.
func (u User) words() string {
	text := "user"
	if u.Admin {
		text = "administrator"
	}
	if u.Disabled {
		text += ", disabled"
	}
	if u.Filter != "" {
		text += ", sees " + u.Filter
	}
	if u.Subject != "" {
		text += ", is " + u.Subject + " of " + u.Issuer
	}
	return text
}

// CreateUser adds an account. Names are 1 to 64 letters, digits and ._@- and never change.
func (l *Ledger) CreateUser(ctx context.Context, name, password string, admin bool, now time.Time) (User, error) {
	u := User{Name: name, Admin: admin, Created: now.UTC(), Changed: now.UTC()}
	if err := errors.Join(checkUserName(name), checkPassword(password)); err != nil {
		return User{}, err
	}
	release, err := l.slot(ctx)
	if err != nil {
		return User{}, err
	}
	phc := hash(password, usualCost())
	release()
	err = l.write(ctx, "add user "+name, func(ctx context.Context, tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `INSERT INTO accounts (name, password, admin, disabled, created, changed)
VALUES ($1, $2, $3, 0, $4, $4) ON CONFLICT (name) DO NOTHING RETURNING id`, name, phc, flag(admin), nanos(now)).Scan(&u.ID)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.New(fault.Conflict, "there is a user %q already", name)
		}
		if err != nil {
			return err
		}
		return note(ctx, tx, "", u.words())
	})
	if err != nil {
		return User{}, err
	}
	return u, nil
}

func checkUserName(name string) error {
	const allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@-"
	if name == "" || len(name) > 64 || strings.Trim(name, allowed) != "" || strings.ContainsFunc(name, func(r rune) bool {
		return !strings.ContainsRune(allowed, r)
	}) {
		return fault.New(fault.Invalid, "user name %q: want 1 to 64 letters, digits and . _ @ -", cut(name, 64))
	}
	return nil
}

// Users returns all accounts by name.
func (l *Ledger) Users(ctx context.Context) ([]User, error) {
	var users []User
	err := l.read(ctx, "list users", func(ctx context.Context, db *sql.DB) error {
		found, err := db.QueryContext(ctx, `SELECT `+userColumns+` FROM accounts ORDER BY name`)
		if err != nil {
			return err
		}
		defer found.Close()
		for found.Next() {
			u, err := scanUser(found)
			if err != nil {
				return err
			}
			users = append(users, u)
		}
		return found.Err()
	})
	return users, err
}

// User returns an account by name.
func (l *Ledger) User(ctx context.Context, name string) (User, error) {
	u, _, err := l.user(ctx, name)
	return u, err
}

func (l *Ledger) user(ctx context.Context, name string) (u User, phc string, err error) {
	err = l.read(ctx, "look up user", func(ctx context.Context, db *sql.DB) error {
		u, err = scanUser(db.QueryRowContext(ctx, `SELECT `+userColumns+`, password FROM accounts WHERE name = $1`, clean(name)), &phc)
		if errors.Is(err, sql.ErrNoRows) {
			return fault.New(fault.NotFound, "no user %q", cut(name, 64))
		}
		return err
	})
	return u, phc, err
}

// Authenticate returns the account whose name and password these are. It takes as long for a name that does not exist, and
// its error does not tell which of both was wrong.
func (l *Ledger) Authenticate(ctx context.Context, name, password string) (User, error) {
	wrong := fault.New(fault.Denied, "name or password is wrong")
	if password == "" || len(password) > maxPassword {
		return User{}, wrong
	}
	u, phc, err := l.user(ctx, name)
	unknown := errors.Is(err, fault.NotFound)
	if err != nil && !unknown {
		return User{}, err
	}
	release, err := l.slot(ctx)
	if err != nil {
		return User{}, err
	}
	defer release()
	if unknown || phc == noPassword {
		hash(password, usualCost())
		return User{}, wrong
	}
	ok, err := l.verify(ctx, phc, password)
	if err != nil {
		return User{}, err
	}
	if !ok || u.Disabled {
		return User{}, wrong
	}
	l.renew(ctx, u, phc, password)
	return u, nil
}

// verify computes costly hashes, which other programs made, one at a time.
func (l *Ledger) verify(ctx context.Context, phc, password string) (bool, error) {
	if c, _, _, err := parsePHC(phc); err == nil && c.memory > muchWork {
		select {
		case l.costly <- struct{}{}:
			defer func() { <-l.costly }()
		case <-ctx.Done():
			return false, fault.New(fault.Unavailable, "check a password: too many at once: %w", context.Cause(ctx))
		}
	}
	return verify(phc, password)
}

// renew replaces a hash of other parameters by one of ours, now that the password is known. Where that fails the old one
// counts on, and the next login tries again.
func (l *Ledger) renew(ctx context.Context, u User, phc, password string) {
	if c, _, _, err := parsePHC(phc); err != nil || c == usualCost() {
		return
	}
	fresh := hash(password, usualCost())
	_ = l.write(ctx, "renew password of "+u.Name, func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE accounts SET password = $1 WHERE id = $2 AND password = $3`, fresh, u.ID, phc)
		return err
	})
}

// AdoptUser adds an account of another program with the hash of its password. Where that is none that can be verified, the
// account is shut out until it gets a password and is enabled. An account of that name that is there already stays as it
// is: added is then false.
func (l *Ledger) AdoptUser(ctx context.Context, name, phc string, admin bool, now time.Time) (added, usable bool, err error) {
	if err := checkUserName(name); err != nil {
		return false, false, err
	}
	_, _, _, bad := parsePHC(phc)
	if usable = bad == nil; !usable {
		phc = noPassword
	}
	err = l.write(ctx, "take over user "+name, func(ctx context.Context, tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `INSERT INTO accounts (name, password, admin, disabled, created, changed)
VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (name) DO NOTHING`, name, phc, flag(admin), flag(!usable), nanos(now))
		if err != nil {
			return err
		}
		n, err := done.RowsAffected()
		added = n > 0
		return err
	})
	return added, usable, err
}

// SetPassword changes a password and revokes the account's tokens.
func (l *Ledger) SetPassword(ctx context.Context, name, password string, now time.Time) error {
	if err := checkPassword(password); err != nil {
		return err
	}
	release, err := l.slot(ctx)
	if err != nil {
		return err
	}
	phc := hash(password, usualCost())
	release()
	return l.changeUser(ctx, "set password of "+name, name, func(ctx context.Context, tx *sql.Tx, u User) error {
		if u.Subject != "" {
			return fault.New(fault.Conflict, "%s logs in at %s, where the password is kept", u.Name, u.Issuer)
		}
		if _, err := tx.ExecContext(ctx, `UPDATE accounts SET password = $1, changed = $2 WHERE id = $3`, phc, nanos(now), u.ID); err != nil {
			return err
		}
		return revokeAll(ctx, tx, u, now)
	})
}

// SetAdmin makes an account an administrator or an ordinary one. The last administrator stays one, and whose view is bounded
// becomes none: an administrator could take the bound off himself.
func (l *Ledger) SetAdmin(ctx context.Context, name string, admin bool, now time.Time) error {
	return l.changeUser(ctx, "change user "+name, name, func(ctx context.Context, tx *sql.Tx, u User) error {
		if !admin {
			if err := keepAdmin(ctx, tx, u); err != nil {
				return err
			}
		} else if u.Filter != "" {
			return fault.New(fault.Conflict, "what %s may see is bounded, and an administrator sees everything: take the bound off first", u.Name)
		}
		_, err := tx.ExecContext(ctx, `UPDATE accounts SET admin = $1, changed = $2 WHERE id = $3`, flag(admin), nanos(now), u.ID)
		return err
	})
}

// DisableUser shuts an account out, and revokes its tokens, or lets it in again. The last administrator stays.
func (l *Ledger) DisableUser(ctx context.Context, name string, disabled bool, now time.Time) error {
	return l.changeUser(ctx, "change user "+name, name, func(ctx context.Context, tx *sql.Tx, u User) error {
		if disabled {
			if err := errors.Join(keepAdmin(ctx, tx, u), revokeAll(ctx, tx, u, now)); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `UPDATE accounts SET disabled = $1, changed = $2 WHERE id = $3`, flag(disabled), nanos(now), u.ID)
		return err
	})
}

func (l *Ledger) changeUser(ctx context.Context, act, name string, do func(context.Context, *sql.Tx, User) error) error {
	return l.write(ctx, act, func(ctx context.Context, tx *sql.Tx) error {
		u, err := scanUser(tx.QueryRowContext(ctx, `SELECT `+userColumns+` FROM accounts WHERE name = $1`, clean(name)))
		if errors.Is(err, sql.ErrNoRows) {
			return fault.New(fault.NotFound, "no user %q", cut(name, 64))
		}
		if err != nil {
			return err
		}
		if err := do(ctx, tx, u); err != nil {
			return err
		}
		now, err := scanUser(tx.QueryRowContext(ctx, `SELECT `+userColumns+` FROM accounts WHERE id = $1`, u.ID))
		if errors.Is(err, sql.ErrNoRows) {
			return note(ctx, tx, u.words(), "deleted")
		}
		if err != nil || now.words() == u.words() {
			return errors.Join(err, note(ctx, tx, "", ""))
		}
		return note(ctx, tx, u.words(), now.words())
	})
}

// SetFilter bounds what an account may see; an empty filter takes the bound off. That it is a filter is for the caller to
// check. Administrators see everything.
func (l *Ledger) SetFilter(ctx context.Context, name, filter string, now time.Time) error {
	return l.changeUser(ctx, "change user "+name, name, func(ctx context.Context, tx *sql.Tx, u User) error {
		if u.Admin && filter != "" {
			return fault.New(fault.Conflict, "%s is an administrator, who sees everything: make it an ordinary account first", u.Name)
		}
		_, err := tx.ExecContext(ctx, `UPDATE accounts SET data_filter = $1, changed = $2 WHERE id = $3`, clean(filter), nanos(now), u.ID)
		return err
	})
}

// NoteLogin writes down that an account logged in.
func (l *Ledger) NoteLogin(ctx context.Context, name string, now time.Time) error {
	return l.changeUser(ctx, "note login of "+name, name, func(ctx context.Context, tx *sql.Tx, u User) error {
		_, err := tx.ExecContext(ctx, `UPDATE accounts SET last_login = $1 WHERE id = $2`, nanos(now), u.ID)
		return err
	})
}

// keepAdmin refuses to lose the last administrator who can come in.
func keepAdmin(ctx context.Context, tx *sql.Tx, u User) error {
	if !u.Admin || u.Disabled {
		return nil
	}
	var others int
	err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM accounts WHERE admin = 1 AND disabled = 0 AND id <> $1`, u.ID).Scan(&others)
	if err == nil && others == 0 {
		return fault.New(fault.Conflict, "%s is the last administrator: make another one first", u.Name)
	}
	return err
}
