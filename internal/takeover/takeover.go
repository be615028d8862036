// Package takeover brings what LogTrack kept in its PostgreSQL database into tocsin: log rows, rules, users and alerts.
//
// The log rows go through the same door as files do. Rows with ids from k*span on, to the next multiple, are one source
// whose content is their JSON lines in order of id; so how far such a range is known is a number of bytes, kept with the
// events themselves, and a takeover that broke off goes on behind the last event that is safe. A further source counts, by
// empty lines, the ranges that are complete. Running it twice adds nothing, and running it later adds what is new.
package takeover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"tocsin/internal/api"
	"tocsin/internal/detector"
	"tocsin/internal/fault"
	"tocsin/internal/rule"
)

// span is how many ids of log rows are one source. Of a range that broke off in the middle this much is read again.
const span = 10_000

// batch is how many alerts or users go over at once.
const batch = 1000

// Options say what is to be taken over and how.
type Options struct {
	URL       string         // postgres://USER:PASSWORD@HOST:PORT/DATABASE
	Zone      *time.Location // in which LogTrack's logs were written; nil: times are as the database has them
	DryRun    bool           // count and write nothing
	Detectors detector.Set
	// Say is told of what goes wrong with a part, and Progress of how many of the rows were looked at.
	Say      func(text string)
	Progress func(done, all int64)
}

// A Summary counts what the database holds and what of it was new. With DryRun nothing is.
type Summary struct {
	Logs     Count `json:"logs"`
	Alerts   Count `json:"alerts"`
	Users    Count `json:"users"`
	Rules    Count `json:"rules"`
	Rejected int64 `json:"rejected"` // log rows that could not be kept
}

// A Count is of one table.
type Count struct {
	Found int64 `json:"found"`
	New   int64 `json:"new"`
}

// A run is one takeover.
type run struct {
	Options
	svc     api.Service
	db      *pgx.Conn
	summary Summary
}

// Run takes a database over. What was done is durable also when it returns an error; the next run goes on there.
func Run(ctx context.Context, svc api.Service, o Options) (Summary, error) {
	r := &run{Options: o, svc: svc}
	config, err := pgx.ParseConfig(o.URL)
	if err != nil { // the driver's own text would quote the address, and with it perhaps a password
		return r.summary, fault.New(fault.Invalid, "take over LogTrack: want an address as in postgres://USER@HOST:PORT/DATABASE")
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = 5 * time.Second
	}
	config.RuntimeParams["application_name"] = "tocsin"
	config.RuntimeParams["default_transaction_read_only"] = "on"
	if r.db, err = pgx.ConnectConfig(ctx, config); err != nil {
		return r.summary, fault.New(fault.Unavailable, "take over LogTrack: postgres://%s:%d/%s does not let us in: %s", config.Host, config.Port, config.Database, cause(err))
	}
	defer func() { _ = r.db.Close(context.WithoutCancel(ctx)) }() // it was only read
	for _, step := range []struct {
		table string
		do    func(context.Context) error
	}{{"rules", r.rules}, {"users", r.users}, {"alerts", r.alerts}, {"logs", r.logs}} {
		found, err := r.has(ctx, step.table)
		if err == nil && !found {
			r.Say("the database has no table " + step.table)
			continue
		}
		if err == nil {
			err = step.do(ctx)
		}
		if err != nil {
			return r.summary, fmt.Errorf("take over LogTrack's %s: %w", step.table, r.fault(err))
		}
	}
	return r.summary, nil
}

// cause says why no connection was made, without the address.
func cause(err error) string {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Message
	}
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}

// fault says of an error of the database that asking again may help.
func (r *run) fault(err error) error {
	if fault.Kind(err) != nil {
		return err
	}
	if _, ok := errors.AsType[*pgconn.PgError](err); ok || r.db.IsClosed() {
		return fault.New(fault.Unavailable, "the database: %w", err)
	}
	return err
}

// has reports whether there is such a table.
func (r *run) has(ctx context.Context, table string) (found bool, err error) {
	err = r.db.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL`, table).Scan(&found)
	return found, err
}

func (r *run) count(ctx context.Context, table string) (n int64, err error) {
	err = r.db.QueryRow(ctx, `SELECT COUNT(*) FROM `+pgx.Identifier{table}.Sanitize()).Scan(&n)
	return n, err
}

// rules takes the rules over; those that changed since are changed here.
func (r *run) rules(ctx context.Context) (err error) {
	if r.summary.Rules.Found, err = r.count(ctx, "rules"); err != nil {
		return err
	}
	var text string
	err = r.db.QueryRow(ctx, `SELECT COALESCE(json_agg(to_jsonb(r) - 'created_by' - 'user_field' ORDER BY id), '[]')::text FROM rules r`).Scan(&text)
	if err != nil {
		return err
	}
	list, problems, err := rule.ImportLogTrack([]byte(text), r.Detectors)
	if err != nil {
		return err
	}
	for _, p := range problems {
		r.Say(p)
	}
	if r.DryRun {
		return nil
	}
	for i := range list {
		fresh, err := PutRule(ctx, r.svc, api.RuleEdit{Text: list[i].Text})
		if errors.Is(err, fault.Invalid) || errors.Is(err, fault.Conflict) {
			r.Say(fmt.Sprintf("rule %s: %v", list[i].Name, err))
			continue
		}
		if err != nil {
			return err
		}
		if fresh {
			r.summary.Rules.New++
		}
	}
	return nil
}

// PutRule adds a rule, or changes the one of the same name, and reports whether it was not there.
func PutRule(ctx context.Context, svc api.Service, e api.RuleEdit) (fresh bool, err error) {
	e.Replace = true
	if _, err = svc.PutRule(ctx, e); errors.Is(err, fault.NotFound) {
		e.Replace = false
		_, err = svc.PutRule(ctx, e)
		return err == nil, err
	}
	return false, err
}

// adopt hands users and alerts over.
func (r *run) adopt(ctx context.Context, q api.AdoptRequest) error {
	if r.DryRun || len(q.Users)+len(q.Alerts) == 0 {
		return nil
	}
	answer, err := r.svc.Adopt(ctx, q)
	r.summary.Users.New += int64(answer.Users)
	r.summary.Alerts.New += int64(answer.Alerts)
	for _, p := range answer.Problems {
		r.Say(p)
	}
	return err
}

func (r *run) users(ctx context.Context) (err error) {
	if r.summary.Users.Found, err = r.count(ctx, "users"); err != nil {
		return err
	}
	for after := int64(-1 << 62); ; {
		rows, err := r.db.Query(ctx, `SELECT id::bigint, COALESCE(username, ''), COALESCE(password_hash, ''), COALESCE(role = 'admin', false)
FROM users WHERE id > $1::bigint ORDER BY id LIMIT $2`, after, batch)
		if err != nil {
			return err
		}
		var q api.AdoptRequest
		var u api.AdoptedUser
		_, err = pgx.ForEachRow(rows, []any{&after, &u.Name, &u.Hash, &u.Admin}, func() error {
			q.Users = append(q.Users, u)
			return nil
		})
		if err != nil || len(q.Users) == 0 {
			return err
		}
		if err := r.adopt(ctx, q); err != nil {
			return err
		}
	}
}

// maxIDs bounds how many numbers of events are read with an alert.
const maxIDs = 1000

func (r *run) alerts(ctx context.Context) (err error) {
	if r.summary.Alerts.Found, err = r.count(ctx, "alerts"); err != nil {
		return err
	}
	// What tells of silence has the time of the run that found it, and no rows; anything else that of a row.
	triggered := "CASE WHEN COALESCE(cardinality(related_log_ids), 0) = 0 THEN triggered_at::timestamptz ELSE " + r.time("triggered_at") + " END"
	for after := int64(-1 << 62); ; {
		rows, err := r.db.Query(ctx, `SELECT id::bigint, COALESCE(rule_id, ''), `+triggered+`, left(COALESCE(message, ''), 2000),
(SELECT COALESCE(array_agg(n::bigint), '{}') FROM unnest(related_log_ids[1:$3]) n WHERE n IS NOT NULL)
FROM alerts WHERE id > $1::bigint ORDER BY id LIMIT $2`, after, batch, maxIDs)
		if err != nil {
			return err
		}
		var q api.AdoptRequest
		var at nullTime
		var a api.AdoptedAlert
		n, timeless := 0, 0
		_, err = pgx.ForEachRow(rows, []any{&after, &a.Rule, &at, &a.Message, &a.Events}, func() error {
			n++
			instant, ok := at.instant()
			if !ok {
				timeless++
				return nil
			}
			one := a
			one.Time = instant.UTC()
			if r.Zone != nil && len(a.Events) > 0 {
				one.Time = r.moved(one.Time)
			}
			one.Events = append([]int64(nil), a.Events...)
			q.Alerts = append(q.Alerts, one)
			return nil
		})
		if timeless > 0 {
			r.Say(fmt.Sprintf("%d alerts have no time and were left out", timeless))
		}
		if err != nil || n == 0 {
			return err
		}
		if err := r.adopt(ctx, q); err != nil {
			return err
		}
	}
}

// moved reads the wall clock that an instant has in UTC in the zone of the logs.
func (r *run) moved(t time.Time) time.Time {
	t = t.UTC()
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), r.Zone).UTC()
}

// newlines reads as so many empty lines.
func newlines(n int64) io.Reader { return strings.NewReader(strings.Repeat("\n", int(n))) }
