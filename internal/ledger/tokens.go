package ledger

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/fault"
)

// TokenPrefix begins every token, so that scanners for leaked secrets know one.
const TokenPrefix = "tcs_"

// A Token lets a program in as an account. The ledger keeps its SHA-256 alone: 32 random bytes need no slow hash.
type Token struct {
	ID      int64
	User    string
	Label   string
	Scopes  string // what it is for, with commas between; empty: everything that its account may
	Created time.Time
	Expires time.Time // zero: never
	Revoked time.Time // zero: it is not
	Used    time.Time // last, to the minute; zero: never
}

// tokenUse is how much later a use of a token is than the one before to be written down.
const tokenUse = time.Minute

const tokenColumns = `t.id, a.name, t.label, t.scopes, t.created, t.expires, t.revoked, t.last_used`

func scanToken(from scanner) (t Token, err error) {
	var created, expires, revoked, used int64
	err = from.Scan(&t.ID, &t.User, &t.Label, &t.Scopes, &created, &expires, &revoked, &used)
	t.Created, t.Expires, t.Revoked, t.Used = instant(created), instant(expires), instant(revoked), instant(used)
	return t, err
}

// words says of a token what the audit log tells.
func (t Token) words() string {
	text := "token " + strconv.FormatInt(t.ID, 10) + " of " + t.User
	if t.Label != "" {
		text += " (" + t.Label + ")"
	}
	text += " for " + cmp.Or(t.Scopes, "everything")
	if t.Expires.IsZero() {
		return text + ", for ever"
	}
	return text + ", until " + t.Expires.UTC().Format(time.RFC3339)
}

// CreateToken returns a new secret for an account; it is shown this once. A zero expiry is never.
func (l *Ledger) CreateToken(ctx context.Context, user, label, scopes string, expires, now time.Time) (secret string, t Token, err error) {
	random := make([]byte, 32)
	rand.Read(random) // it never fails
	secret = TokenPrefix + base64.RawURLEncoding.EncodeToString(random)
	t = Token{User: user, Label: cut(label, 200), Scopes: clean(scopes), Created: now.UTC(), Expires: expires}
	err = l.changeUser(ctx, "add token of "+user, user, func(ctx context.Context, tx *sql.Tx, u User) error {
		if u.Disabled {
			return fault.New(fault.Conflict, "user %s is disabled", u.Name)
		}
		err := tx.QueryRowContext(ctx, `INSERT INTO tokens (account, hash, label, scopes, created, expires, revoked, last_used) VALUES ($1, $2, $3, $4, $5, $6, 0, 0) RETURNING id`,
			u.ID, tokenHash(secret), t.Label, t.Scopes, nanos(now), nanos(expires)).Scan(&t.ID)
		if err != nil {
			return err
		}
		return note(ctx, tx, "", t.words())
	})
	if err != nil {
		return "", Token{}, err
	}
	return secret, t, nil
}

func tokenHash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// UserOfToken returns the account that a token lets in at the given time, and the token. That it was used is written down
// at most once a minute; where that fails it is not told.
func (l *Ledger) UserOfToken(ctx context.Context, secret string, now time.Time) (u User, t Token, err error) {
	denied := fault.New(fault.Denied, "the token is unknown, expired or revoked")
	if !strings.HasPrefix(secret, TokenPrefix) || len(secret) > 128 {
		return User{}, Token{}, denied
	}
	err = l.read(ctx, "look up token", func(ctx context.Context, db *sql.DB) error {
		t, err = scanToken(db.QueryRowContext(ctx, `SELECT `+tokenColumns+` FROM tokens t JOIN accounts a ON a.id = t.account
WHERE t.hash = $1 AND t.revoked = 0 AND (t.expires = 0 OR t.expires > $2) AND a.disabled = 0`, tokenHash(secret), nanos(now)))
		if err == nil {
			u, err = scanUser(db.QueryRowContext(ctx, `SELECT `+userColumns+` FROM accounts WHERE name = $1 AND disabled = 0`, t.User))
		}
		if errors.Is(err, sql.ErrNoRows) {
			return denied
		}
		return err
	})
	if err != nil {
		return User{}, Token{}, err
	}
	if now.Sub(t.Used) >= tokenUse {
		_ = l.writeWithin(ctx, time.Second, "note use of a token", func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE tokens SET last_used = $1 WHERE id = $2 AND last_used < $1`, nanos(now), t.ID)
			return err
		})
	}
	return u, t, nil
}

// Tokens returns the tokens of an account, or with an empty name those of all, the oldest first.
func (l *Ledger) Tokens(ctx context.Context, user string) ([]Token, error) {
	var tokens []Token
	err := l.read(ctx, "list tokens", func(ctx context.Context, db *sql.DB) error {
		tokens = nil
		found, err := db.QueryContext(ctx, `SELECT `+tokenColumns+` FROM tokens t JOIN accounts a ON a.id = t.account WHERE $1 = '' OR a.name = $1 ORDER BY t.id`, clean(user))
		if err != nil {
			return err
		}
		defer found.Close()
		for found.Next() {
			t, err := scanToken(found)
			if err != nil {
				return err
			}
			tokens = append(tokens, t)
		}
		return found.Err()
	})
	return tokens, err
}

// RevokeToken shuts out whoever has the token of this number.
func (l *Ledger) RevokeToken(ctx context.Context, user string, id int64, now time.Time) error {
	return l.changeUser(ctx, "revoke token of "+user, user, func(ctx context.Context, tx *sql.Tx, u User) error {
		done, err := tx.ExecContext(ctx, `UPDATE tokens SET revoked = $1 WHERE id = $2 AND account = $3 AND revoked = 0`, nanos(now), id, u.ID)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n > 0 {
			return err
		}
		return fault.New(fault.NotFound, "%s has no valid token %d", user, id)
	})
}

// RevokeTokens shuts out whoever has a token of an account, and returns how many counted still.
func (l *Ledger) RevokeTokens(ctx context.Context, user string, now time.Time) (revoked int64, err error) {
	err = l.changeUser(ctx, "revoke tokens of "+user, user, func(ctx context.Context, tx *sql.Tx, u User) error {
		done, err := tx.ExecContext(ctx, `UPDATE tokens SET revoked = $1 WHERE account = $2 AND revoked = 0`, nanos(now), u.ID)
		if err != nil {
			return err
		}
		revoked, err = done.RowsAffected()
		return err
	})
	return revoked, err
}

func revokeAll(ctx context.Context, tx *sql.Tx, u User, now time.Time) error {
	_, err := tx.ExecContext(ctx, `UPDATE tokens SET revoked = $1 WHERE account = $2 AND revoked = 0`, nanos(now), u.ID)
	return err
}
