package ledger

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"strconv"
	"time"

	"tocsin/internal/fault"
)

// A Mute is a silence, a maintenance window or an exclusion as stored. What it applies to stands in Body, which the ledger
// does not look into.
type Mute struct {
	ID        int64
	Kind      string
	Body      string // JSON
	Author    string
	Note      string
	Created   time.Time
	Starts    time.Time
	Ends      time.Time // zero: never
	Revoked   time.Time // when it was taken back; zero: it was not
	RevokedBy string    // empty: tocsin itself
	Hits      int64
	LastHit   time.Time
	Told      time.Time // up to when ends of it were told
}

// Excluding is the kind of mute whose end nobody is told of.
const Excluding = "exclusion"

// A MuteQuery selects mutes; a zero field selects all.
type MuteQuery struct {
	ID   int64
	Kind string
	// InForce selects those that are in force at this time or later. With Untold also those whose end is still to be told.
	InForce time.Time
	Untold  bool
	Limit   int // the newest so many; 0 is all
}

const muteColumns = `id, kind, body, author, note, created, starts, ends, revoked, revoked_by, hits, last_hit, told`

func scanMute(from scanner) (m Mute, err error) {
	var created, starts, ends, revoked, last, told int64
	err = from.Scan(&m.ID, &m.Kind, &m.Body, &m.Author, &m.Note, &created, &starts, &ends, &revoked, &m.RevokedBy, &m.Hits, &last, &told)
	m.Created, m.Starts, m.Ends, m.Revoked = instant(created), instant(starts), instant(ends), instant(revoked)
	m.LastHit, m.Told = instant(last), instant(told)
	return m, err
}

// Mutes returns the mutes that q selects, the newest first.
func (l *Ledger) Mutes(ctx context.Context, q MuteQuery) ([]Mute, error) {
	var mutes []Mute
	err := l.read(ctx, "list mutes", func(ctx context.Context, db *sql.DB) error {
		mutes = nil
		at, untold, limit := nanos(q.InForce), int64(0), int64(q.Limit)
		if q.Untold {
			untold = 1
		}
		if limit <= 0 {
			limit = math.MaxInt32
		}
		found, err := db.QueryContext(ctx, `SELECT `+muteColumns+` FROM mutes WHERE (CAST($1 AS BIGINT) = 0 OR id = $1) AND ($2 = '' OR kind = $2)
AND (CAST($3 AS BIGINT) = 0 OR (revoked = 0 AND (ends = 0 OR ends > $3))
  OR ($4 = 1 AND kind <> '`+Excluding+`' AND told < CASE WHEN revoked > 0 THEN revoked ELSE ends END))
ORDER BY id DESC LIMIT $5`, q.ID, clean(q.Kind), at, untold, limit)
		if err != nil {
			return err
		}
		defer found.Close()
		for found.Next() {
			m, err := scanMute(found)
			if err != nil {
				return err
			}
			mutes = append(mutes, m)
		}
		return found.Err()
	})
	return mutes, err
}

// AddMute stores a mute and returns it with its number. The error is a Conflict when there are at least most of any kind in
// force or to come at its Created.
func (l *Ledger) AddMute(ctx context.Context, m Mute, most int) (Mute, error) {
	m.Author, m.Note = clean(m.Author), clean(m.Note)
	err := l.write(ctx, "add a mute", func(ctx context.Context, tx *sql.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM mutes WHERE revoked = 0 AND (ends = 0 OR ends > $1)`, nanos(m.Created)).Scan(&n); err != nil {
			return err
		}
		if n >= most {
			return fault.New(fault.Conflict, "%d silences, windows and exclusions are in force, which is as many as there may be: end some", n)
		}
		err := tx.QueryRowContext(ctx, `INSERT INTO mutes (kind, body, author, note, created, starts, ends, revoked, revoked_by, hits, last_hit, told)
VALUES ($1, $2, $3, $4, $5, $6, $7, 0, '', 0, 0, 0) RETURNING id`,
			m.Kind, clean(m.Body), m.Author, m.Note, nanos(m.Created), nanos(m.Starts), nanos(m.Ends)).Scan(&m.ID)
		if err != nil {
			return err
		}
		return note(ctx, tx, "", m.words())
	})
	return m, err
}

// words says of a mute what the audit log tells.
func (m *Mute) words() string {
	s := m.Kind + " " + strconv.FormatInt(m.ID, 10) + ": " + m.Body
	if !m.Ends.IsZero() {
		s += " until " + m.Ends.UTC().Format(time.RFC3339)
	}
	return s + " (" + m.Note + ")"
}

// A Revocation takes a mute back.
type Revocation struct {
	ID  int64
	Who string // empty: tocsin itself
	Now time.Time
	May func(Mute) error // nil allows all
}

// RevokeMute takes a mute back and returns it as it is then. The error is a NotFound, what May returns, or a Conflict when
// it is over already.
func (l *Ledger) RevokeMute(ctx context.Context, r Revocation) (m Mute, err error) {
	r.Now = r.Now.UTC().Round(0)
	err = l.write(ctx, "take a mute back", func(ctx context.Context, tx *sql.Tx) (err error) {
		m, err = scanMute(tx.QueryRowContext(ctx, `SELECT `+muteColumns+` FROM mutes WHERE id = $1`, r.ID))
		if errors.Is(err, sql.ErrNoRows) {
			return fault.New(fault.NotFound, "no silence, window or exclusion %d", r.ID)
		}
		if err != nil {
			return err
		}
		if r.May != nil {
			if err := r.May(m); err != nil {
				return err
			}
		}
		switch {
		case !m.Revoked.IsZero():
			return fault.New(fault.Conflict, "%s %d was taken back at %s already", m.Kind, m.ID, m.Revoked.Format(time.RFC3339))
		case !m.Ends.IsZero() && !r.Now.Before(m.Ends):
			return fault.New(fault.Conflict, "%s %d ended at %s already", m.Kind, m.ID, m.Ends.Format(time.RFC3339))
		}
		m.Revoked, m.RevokedBy = r.Now, clean(r.Who)
		if _, err := tx.ExecContext(ctx, `UPDATE mutes SET revoked = $1, revoked_by = $2 WHERE id = $3`, nanos(m.Revoked), m.RevokedBy, m.ID); err != nil {
			return err
		}
		return note(ctx, tx, m.words(), "taken back")
	})
	if err != nil {
		return Mute{}, err
	}
	return m, nil
}

// A Hit says how often a mute did something since this was told last.
type Hit struct {
	Mute int64
	N    int64
	Last time.Time
}

// hit counts what mutes did.
func hit(ctx context.Context, tx session, hits []Hit) error {
	for _, h := range hits {
		if _, err := tx.ExecContext(ctx, `UPDATE mutes SET hits = hits + $1, last_hit = CASE WHEN last_hit < $2 THEN $2 ELSE last_hit END WHERE id = $3`,
			h.N, nanos(h.Last), h.Mute); err != nil {
			return err
		}
	}
	return nil
}
