package desk

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/bookmark"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/preference"
	"tocsin/internal/report"
	"tocsin/internal/traq"
)

// reportTime is how long one report may take.
const reportTime = 2 * time.Minute

// A Scheduler has the desk make what is due. It is asked by nobody but tocsin itself, and so no part of api.Service.
type Scheduler struct{ desk *Desk }

// Scheduler returns that of a desk.
func (d *Desk) Scheduler() Scheduler { return Scheduler{d} }

var _ report.Maker = Scheduler{}

// Due implements report.Maker. Of a report that was due several times only the latest counts. Where the clock was put back, what
// comes again is due again, and found to be made already.
func (s Scheduler) Due(ctx context.Context, now time.Time) (due []report.Due, next time.Time, err error) {
	all, err := s.desk.parts.Ledger.ScheduledReports(ctx)
	if err != nil {
		return nil, next, err
	}
	for i := range all {
		r := &all[i]
		spec, err := report.Decode(r.Body)
		if err != nil {
			continue // it holds up no other; who lists it is told
		}
		p, err := decodePreferences(r.Preferences)
		if err != nil {
			continue // likewise
		}
		zone, past := p.Location(), r.Past
		if past.After(now) {
			past = now
			if err := s.desk.parts.Ledger.PassReport(ctx, r.ID, r.Past, past); err != nil {
				return nil, next, err
			}
		}
		if at := spec.Schedule().Latest(past, now, zone); !at.IsZero() {
			due = append(due, report.Due{ScheduledReport: *r, At: at.UTC()})
		} else if at := spec.Schedule().Next(now, zone); !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	slices.SortStableFunc(due, func(a, b report.Due) int { return a.At.Compare(b.At) })
	return due, next, nil
}

// decodePreferences reads those that an account stored; none are empty.
func decodePreferences(body string) (preference.Preferences, error) {
	if body == "" {
		return preference.Preferences{}, nil
	}
	return preference.Decode(body)
}

// Make implements report.Maker.
func (s Scheduler) Make(ctx context.Context, due report.Due) (outcome string, err error) {
	d := s.desk
	done, err := d.parts.Ledger.HasResult(ctx, due.ID, due.At)
	if err != nil {
		return "", err
	}
	if done {
		return report.Dropped, d.parts.Ledger.PassReport(ctx, due.ID, due.Past, due.At)
	}
	p, err := decodePreferences(due.Preferences)
	if err != nil {
		return "", err
	}
	job := reportJob{kept: due.SavedReport, owner: due.Owner, prefs: p, due: due.At}
	spec, err := report.Decode(due.Body)
	if err != nil {
		return "", err
	}
	if job.mail = spec.Mail; job.mail {
		if job.way, err = d.reportWayOf(ctx, due.Account, p); err != nil {
			return "", err
		}
	}
	made, err := d.makeReport(ctx, &job)
	switch {
	case err != nil && ctx.Err() == nil && report.Gone(err), err == nil && made.ID == 0:
		return report.Dropped, nil
	case err != nil:
		return "", err
	case made.Error != "":
		return report.Failed, nil
	}
	return report.Answered, nil
}

// A reportJob is one report that is made.
type reportJob struct {
	kept  ledger.SavedReport
	owner ledger.User
	prefs preference.Preferences
	due   time.Time // zero with asked
	asked bool      // somebody asked for it; else it is due
	mail  bool      // it is to be sent
	way   mailWay
	sight string // what its owner might see when it was answered
}

// A mailWay is where the mail of a user goes.
type mailWay struct {
	Channel, To string // empty: nowhere
	why         string // it goes nowhere
}

// reportWayOf is where the mail of a user goes, as notices of alerts do.
func (d *Desk) reportWayOf(ctx context.Context, user string, p preference.Preferences) (mailWay, error) {
	if !p.Mail.On() {
		return mailWay{why: user + " has no mail address (tocsin me mail set --to ADDRESS)"}, nil
	}
	server, err := d.mailServer(ctx)
	if err != nil {
		return mailWay{}, err
	}
	if !server.On() {
		return mailWay{why: "there is no mail server (an administrator sets it: tocsin settings mail set)"}, nil
	}
	return mailWay{Channel: "mail:" + user, To: strings.Join(p.Mail.To, ", ")}, nil
}

// makeReport asks the question of a report and keeps the answer, one at a time. A result without a number was there already.
func (d *Desk) makeReport(ctx context.Context, job *reportJob) (api.ReportResult, error) {
	leave, err := d.reporting.enter(ctx, "make report")
	if err != nil {
		return api.ReportResult{}, err
	}
	defer leave()
	now := time.Now().UTC().Round(0)
	if job.asked {
		job.due = now
	}
	r := api.ReportResult{Report: job.kept.Name, Due: job.due, Asked: job.asked, Zone: zoneWord(job.prefs)}
	if err := d.answerReport(ctx, job, &r); err != nil {
		if ctx.Err() != nil { // nobody waits for it, or tocsin ends and makes it when it runs again
			return r, context.Cause(ctx)
		}
		r = api.ReportResult{Report: r.Report, Address: r.Address, Due: r.Due, Asked: r.Asked, Zone: r.Zone, From: r.From, To: r.To, Error: d.unanswered(job, err)}
	}
	if err := report.Bound(&r); err != nil {
		return r, err
	}
	r.Made = time.Now().UTC().Round(0)
	if job.mail {
		if r.Mail = "not sent: " + job.way.why; job.way.Channel != "" {
			r.Mail = "to " + job.way.To
		}
	}
	return r, d.keepReport(ctx, job, &r)
}

// unanswered says to the owner of a report why it has no answer. What is tocsin's own fault is told in full to administrators alone, and
// stands in the log.
func (d *Desk) unanswered(job *reportJob, err error) string {
	if fault.Kind(err) != nil {
		return err.Error()
	}
	d.parts.Log.Error("a report cannot be answered", "user", job.kept.Account, "report", job.kept.Name, "err", err)
	if job.owner.Admin {
		return err.Error()
	}
	return "tocsin could not do this; its log says why"
}

// keepReport keeps a result, with its mail.
func (d *Desk) keepReport(ctx context.Context, job *reportJob, r *api.ReportResult) error {
	kept := ledger.NewResult{Report: job.kept.ID, Changed: job.kept.Changed, Scheduled: !job.asked}
	kept.Due, kept.Made, kept.Failed = r.Due, r.Made, r.Error
	var err error
	if kept.Head, kept.Body, err = report.EncodeResult(r, job.sight); err != nil {
		return err
	}
	if job.way.Channel != "" {
		base := ""
		if d.parts.PageURL != nil {
			base = d.parts.PageURL()
		}
		kept.Mail = func(id int64) (ledger.ReportMail, error) {
			sent, link := *r, ""
			if sent.ID = id; base != "" {
				link = base + sent.Page()
			}
			return ledger.ReportMail{Channel: job.way.Channel, To: job.way.To, Report: report.Mail(&sent, job.prefs.Location(), link)}, nil
		}
	}
	if r.ID, err = d.parts.Ledger.KeepResult(ctx, kept); err == nil && kept.Mail != nil {
		d.parts.Channels.Wake()
	}
	return err
}

// answerReport asks the question of a report as its owner, by his clock, as it stood when it was due.
func (d *Desk) answerReport(ctx context.Context, job *reportJob, r *api.ReportResult) (err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, reportTime, fault.New(fault.Unavailable, "it took longer than %s", reportTime))
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("it panicked: %v", p)
		}
		if cause := context.Cause(ctx); err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
			err = cause
		}
	}()
	ctx = asOwner(ctx, job.owner)
	caller, err := d.viewer(ctx)
	if err != nil {
		return err
	}
	job.sight = sightOf(caller)
	spec, err := report.Decode(job.kept.Body)
	if err != nil {
		return err
	}
	r.Address = spec.Address
	at := job.due.In(job.prefs.Location())
	v, err := bookmark.Parse(spec.Address, at)
	if err != nil {
		return err
	}
	if err := d.parts.Kept(ctx); err != nil {
		return err
	}
	limit := spec.Limit(v)
	if v.Page == bookmark.AlertsPage {
		return d.answerAlerts(ctx, &v.Alerts, at, limit, r)
	}
	if r.From, r.To, err = v.Flows.Times(at); err != nil {
		return err
	}
	r.From, r.To = r.From.UTC(), r.To.UTC()
	if v.Page == bookmark.SessionsPage {
		a, err := d.FlowSessions(ctx, v.Flows.Sessions(r.From, r.To, limit))
		if err == nil {
			report.Sessions(r, &a)
		}
		return err
	}
	q := v.Flows.Ranking(r.From, r.To)
	q.Limit, q.Bucket = limit, traq.Step(r.To.Sub(r.From))
	a, err := d.Traffic(ctx, q)
	if err == nil {
		report.Ranking(r, &v.Flows, &a)
	}
	return err
}

// answerAlerts lists the alerts that triggered last before a report was due. How they stand is how they do now.
func (d *Desk) answerAlerts(ctx context.Context, ask *bookmark.Alerts, at time.Time, limit int, r *api.ReportResult) error {
	q, err := ask.Request(at, limit)
	if err != nil {
		return err
	}
	q.Until, q.Brief = at, true
	r.From, r.To = q.Since.UTC(), at.UTC()
	if q.Since.IsZero() {
		r.From = time.Time{}
	}
	list, err := d.Alerts(ctx, q)
	if err != nil {
		return err
	}
	counts, err := d.CountAlerts(ctx, q)
	if err != nil {
		return err
	}
	var all int64
	for _, c := range counts {
		all += c.Alerts
	}
	report.Alerts(r, list, all)
	return nil
}
