package ledger

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tocsin/internal/alert"
	"tocsin/internal/fault"
	"tocsin/internal/notifier"
)

// MaxNote bounds a comment or a note, in bytes.
const MaxNote = 4096

// A Deed is one of the things that somebody can do to an alert.
type Deed string

// The deeds.
const (
	Acknowledge   Deed = "acknowledge"
	Unacknowledge Deed = "unacknowledge"
	Comment       Deed = "comment"
	Assign        Deed = "assign"
	Close         Deed = "close"
)

// An Act is what somebody does to an alert. Beside Who, Now and Note each deed takes what is said for it.
type Act struct {
	Alert int64
	Deed  Deed
	Who   string    // account of who does it
	Now   time.Time // also the event time at which an alert that is closed ends
	Note  string    // for Comment it must say something

	Until       time.Time         // of Acknowledge: when it ends by itself; zero: not
	Assignee    string            // of Assign: an account; empty is nobody
	Disposition alert.Disposition // of Close
	DuplicateOf int64             // of Close as a duplicate: the other alert; 0: it is not told

	// May says whether the act is allowed, given the alert as it is and, for Assign, whose it is to be. Nil allows all.
	May func(a alert.Alert, assignee User) error
	// Sees says whether who acts may know of an alert. Nil: of all.
	Sees  func(alert.Alert) bool
	Route Route // who is told
}

// Act does what somebody does to an alert, with its line in the alert's log, in one transaction. An act that would change
// nothing, such as the same acknowledgement again, changes nothing and is not logged; a comment always is. The error is a
// NotFound, an Invalid, a Conflict where the alert's state does not allow it, or what May returns.
func (l *Ledger) Act(ctx context.Context, a Act) (alert.Alert, []Change, error) {
	a.Now = a.Now.UTC().Round(0)
	if err := a.check(); err != nil {
		return alert.Alert{}, nil, err
	}
	var r *row
	var changes []Change
	err := l.write(ctx, "act on an alert", func(ctx context.Context, tx *sql.Tx) (err error) {
		changes = nil
		if r, err = a.find(ctx, tx, a.Alert); err != nil {
			return err
		}
		var to User
		if a.Deed == Assign && a.Assignee != "" {
			if to, err = assignee(ctx, tx, a.Assignee); err != nil {
				return err
			}
		}
		if a.May != nil {
			if err := a.May(r.Alert, to); err != nil {
				return err
			}
		}
		if a.DuplicateOf != 0 {
			if err := a.checkDuplicate(ctx, tx); err != nil {
				return err
			}
		}
		r.lapse(a.Now)
		ended, err := a.do(r)
		if err != nil || len(r.log) == 0 {
			return err
		}
		r.Updated = a.Now
		did := r.log[len(r.log)-1]
		if err := r.store(ctx, tx); err != nil {
			return err
		}
		if err := note(ctx, tx, did.From, strings.TrimRight(did.What+" "+did.To+": "+did.Note, " :")); err != nil {
			return err
		}
		switch {
		case ended:
			changes = []Change{{Kind: notifier.End, Alert: r.Alert}}
		case a.Deed == Acknowledge:
			changes = []Change{{Kind: notifier.Update, Alert: r.Alert, Acked: true}}
		default:
			return nil
		}
		return enqueue(ctx, tx, changes[0], a.Route, a.Now)
	})
	if err != nil {
		return alert.Alert{}, nil, err
	}
	return r.Alert, changes, nil
}

// check refuses what is wrong whatever the alert is.
func (a *Act) check() error {
	switch {
	case a.Who == "":
		return fault.New(fault.Denied, "act on alert %d: nobody is logged in", a.Alert)
	case len(a.Note) > MaxNote:
		return fault.New(fault.Invalid, "note: got %d bytes, want %d or fewer", len(a.Note), MaxNote)
	case !utf8.ValidString(a.Note) || strings.ContainsRune(a.Note, 0):
		return fault.New(fault.Invalid, "note: want text in UTF-8 without NUL")
	case a.Deed == Comment && strings.TrimSpace(a.Note) == "":
		return fault.New(fault.Invalid, "comment: got none, want 1 to %d bytes of text", MaxNote)
	case a.Deed == Acknowledge && !a.Until.IsZero() && !a.Until.After(a.Now):
		return fault.New(fault.Invalid, "until: got %s, want a time to come", a.Until.UTC().Format(time.RFC3339))
	case a.Until.UTC().Year() > 2261:
		return fault.New(fault.Invalid, "until: got the year %d, want 2261 or earlier", a.Until.UTC().Year())
	case a.DuplicateOf != 0 && (a.Deed != Close || a.Disposition != alert.Duplicate):
		return fault.New(fault.Invalid, "duplicate_of: want it with the disposition duplicate alone")
	case a.DuplicateOf != 0 && a.DuplicateOf == a.Alert:
		return fault.New(fault.Invalid, "duplicate_of: alert %d cannot be a duplicate of itself", a.Alert)
	case a.Deed == Close:
		if _, err := alert.ParseDisposition(string(a.Disposition)); err != nil {
			return fault.New(fault.Invalid, "%w", err)
		}
	}
	return nil
}

// find returns an alert that who acts may know of.
func (a *Act) find(ctx context.Context, tx *sql.Tx, id int64) (*row, error) {
	r, err := scanAlert(tx.QueryRowContext(ctx, `SELECT `+alertColumns+` FROM alerts WHERE id = $1`, id))
	if errors.Is(err, sql.ErrNoRows) || err == nil && a.Sees != nil && !a.Sees(r.Alert) {
		return nil, fault.New(fault.NotFound, "no alert %d", id)
	}
	return r, err
}

// assignee returns the account that an alert is to be assigned to.
func assignee(ctx context.Context, tx *sql.Tx, name string) (User, error) {
	u, err := scanUser(tx.QueryRowContext(ctx, `SELECT `+userColumns+` FROM accounts WHERE name = $1`, clean(name)))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return User{}, fault.New(fault.Invalid, "assign: no user %q", cut(name, 64))
	case err == nil && u.Disabled:
		return User{}, fault.New(fault.Conflict, "assign: user %s is disabled", u.Name)
	}
	return u, err
}

func (a *Act) checkDuplicate(ctx context.Context, tx *sql.Tx) error {
	other, err := a.find(ctx, tx, a.DuplicateOf)
	switch {
	case errors.Is(err, fault.NotFound):
		return fault.New(fault.Invalid, "duplicate_of: no alert %d", a.DuplicateOf)
	case err != nil:
		return err
	case other.DuplicateOf == a.Alert:
		return fault.New(fault.Conflict, "duplicate_of: alert %d was closed as a duplicate of alert %d", a.DuplicateOf, a.Alert)
	}
	return nil
}

// do changes the alert and says so in its log; ended is true when it stood before and has ended now.
func (a *Act) do(r *row) (ended bool, err error) {
	e := alert.Entry{At: a.Now, Who: a.Who, Note: a.Note}
	switch a.Deed {
	case Acknowledge:
		return false, a.acknowledge(r, e)
	case Unacknowledge:
		if r.State != alert.Acknowledged {
			return false, fault.New(fault.Conflict, "alert %d is %s, not acknowledged", r.ID, r.State)
		}
		e.What = alert.DidUnacknowledge
		r.release(e)
	case Comment:
		e.What = alert.DidComment
		r.say(e)
	case Assign:
		if r.Assignee != a.Assignee {
			e.What, e.From, e.To = alert.DidAssign, r.Assignee, a.Assignee
			r.Assignee = a.Assignee
			r.say(e)
		}
	case Close:
		return a.close(r, e), nil
	default:
		return false, fault.New(fault.Invalid, "act %q: want acknowledge, unacknowledge, comment, assign or close", cut(string(a.Deed), 64))
	}
	return false, nil
}

func (a *Act) acknowledge(r *row, e alert.Entry) error {
	until := a.Until
	if !until.IsZero() {
		until = until.UTC().Round(0)
	}
	switch {
	case r.State == alert.Ended:
		return fault.New(fault.Conflict, "alert %d has ended, and cannot be acknowledged any more", r.ID)
	case r.State == alert.Acknowledged && r.AckedBy == a.Who && r.AckedUntil.Equal(until) && r.AckNote == a.Note:
		return nil
	}
	e.What, e.From, e.To = alert.DidAcknowledge, string(r.State), string(alert.Acknowledged)
	if !until.IsZero() {
		e.To += " until " + until.Format(time.RFC3339)
	}
	r.say(e)
	r.State = alert.Acknowledged
	r.AckedBy, r.AckedAt, r.AckedUntil, r.AckNote = a.Who, a.Now, until, a.Note
	return nil
}

// close says what the alert was, and ends it if it stands. One that has ended by itself can be closed as well.
func (a *Act) close(r *row, e alert.Entry) (ended bool) {
	if r.ClosedBy == a.Who && r.Disposition == a.Disposition && r.DuplicateOf == a.DuplicateOf && r.CloseNote == a.Note {
		return false
	}
	e.What, e.From, e.To = alert.DidClose, string(r.State), string(a.Disposition)
	if r.State == alert.Ended && r.ClosedBy != "" {
		e.From = string(r.Disposition)
	}
	if a.DuplicateOf != 0 {
		e.To += " of " + strconv.FormatInt(a.DuplicateOf, 10)
	}
	r.say(e)
	if ended = r.State != alert.Ended; ended {
		r.State, r.EndedAt = alert.Ended, maxTime(a.Now, r.Last)
		r.stopFlapping()
	}
	r.Disposition, r.DuplicateOf, r.ClosedBy, r.ClosedAt, r.CloseNote = a.Disposition, a.DuplicateOf, a.Who, a.Now, a.Note
	return ended
}
