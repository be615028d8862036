package ledger

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
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
	Created time.Time
	Expires time.Time // zero: never
	Revoked time.Time // zero: it is not
}

// CreateToken returns a new secret for an account; it is shown this once. A zero expiry is never.
func (l *Ledger) CreateToken(ctx context.Context, user, label string, expires, now time.Time) (secret string, t Token, err error) {
	random := make([]byte, 32)
	rand.Read(random) // it never fails
	secret = TokenPrefix + base64.RawURLEncoding.EncodeToString(random)
	t = Token{User: user, Label: cut(label, 200), Created: now.UTC(), Expires: expires}
	err = l.changeUser(ctx, "add token of "+user, user, func(ctx context.Context, tx *sql.Tx, u User) error {
		if u.Disabled {
			return fault.New(fault.Conflict, "user %s is disabled", u.Name)
		}
		return tx.QueryRowContext(ctx, `INSERT INTO tokens (account, hash, label, created, expires, revoked) VALUES ($1, $2, $3, $4, $5, 0) RETURNING id`,
			u.ID, tokenHash(secret), t.Label, nanos(now), nanos(expires)).Scan(&t.ID)
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

// UserOfToken returns the account that a token lets in at the given time.
func (l *Ledger) UserOfToken(ctx context.Context, secret string, now time.Time) (u User, err error) {
	denied := fault.New(fault.Denied, "the token is unknown, expired or revoked")
	if !strings.HasPrefix(secret, TokenPrefix) || len(secret) > 128 {
		return User{}, denied
	}
	err = l.read(ctx, "look up token", func(ctx context.Context, db *sql.DB) error {
		u, err = scanUser(db.QueryRowContext(ctx, `SELECT a.id, a.name, a.admin, a.disabled, a.created, a.changed
FROM tokens t JOIN accounts a ON a.id = t.account
WHERE t.hash = $1 AND t.revoked = 0 AND (t.expires = 0 OR t.expires > $2) AND a.disabled = 0`, tokenHash(secret), nanos(now)))
		if errors.Is(err, sql.ErrNoRows) {
			return denied
		}
		return err
	})
	if err != nil {
		return User{}, err
	}
	return u, nil
}

// Tokens returns the tokens of an account, the oldest first.
func (l *Ledger) Tokens(ctx context.Context, user string) ([]Token, error) {
	var tokens []Token
	err := l.read(ctx, "list tokens", func(ctx context.Context, db *sql.DB) error {
		found, err := db.QueryContext(ctx, `SELECT t.id, a.name, t.label, t.created, t.expires, t.revoked
FROM tokens t JOIN accounts a ON a.id = t.account WHERE a.name = $1 ORDER BY t.id`, clean(user))
		if err != nil {
			return err
		}
		defer found.Close()
		for found.Next() {
			var t Token
			var created, expires, revoked int64
			if err := found.Scan(&t.ID, &t.User, &t.Label, &created, &expires, &revoked); err != nil {
				return err
			}
			t.Created, t.Expires, t.Revoked = instant(created), instant(expires), instant(revoked)
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

func revokeAll(ctx context.Context, tx *sql.Tx, u User, now time.Time) error {
	_, err := tx.ExecContext(ctx, `UPDATE tokens SET revoked = $1 WHERE account = $2 AND revoked = 0`, nanos(now), u.ID)
	return err
}
