package desk

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/bookmark"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/preference"
	"tocsin/internal/report"
)

// Reports implements api.Service: by name.
func (d *Desk) Reports(ctx context.Context, user string) ([]api.Report, error) {
	name, err := d.owner(ctx, "see the reports of", user)
	if err != nil {
		return nil, err
	}
	kept, err := d.parts.Ledger.Reports(ctx, name)
	if err != nil {
		return nil, err
	}
	p, prefs, err := d.preferences(ctx, name)
	if err != nil {
		return nil, err
	}
	list, now := make([]api.Report, 0, len(kept)), time.Now()
	for i := range kept {
		r, err := showReport(&kept[i], prefs.User, p, now)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	slices.SortFunc(list, func(a, b api.Report) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// showReport says of a report what people see, and when it is made next.
func showReport(kept *ledger.SavedReport, owner ledger.User, p preference.Preferences, now time.Time) (api.Report, error) {
	s, err := report.Decode(kept.Body)
	if err != nil {
		return api.Report{}, err
	}
	r := api.Report{
		Name: kept.Name, Address: s.Address, Every: s.Every, At: s.At, Day: s.Day, Rows: s.Rows, Keep: s.Keep, Mail: s.Mail, Paused: s.Paused,
		Changed: kept.Changed, Zone: zoneWord(p), Last: kept.Last, LastError: kept.Failed,
	}
	if !s.Paused && !owner.Disabled {
		zone, past := p.Location(), kept.Past
		if past.After(now) {
			past = now
		}
		if r.Next = s.Schedule().Latest(past, now, zone); r.Next.IsZero() {
			r.Next = s.Schedule().Next(now, zone)
		}
		r.Next = r.Next.UTC()
	}
	return r, nil
}

// zoneWord names the zone of a user.
func zoneWord(p preference.Preferences) string {
	if p.Zone == "" {
		return "UTC"
	}
	return p.Zone
}

// PutReport implements api.Service. What its owner would be refused is refused.
func (d *Desk) PutReport(ctx context.Context, q api.ReportEdit) (api.Report, error) {
	user, err := d.owner(ctx, "set up a report of", q.User)
	if err != nil {
		return api.Report{}, err
	}
	p, prefs, err := d.preferences(ctx, user)
	if err != nil {
		return api.Report{}, err
	}
	owner := prefs.User
	now := time.Now().UTC().Round(0)
	s, v, err := report.Read(q, now.In(p.Location()))
	if err != nil {
		return api.Report{}, err
	}
	if !owner.Disabled {
		if err := d.checkView(asOwner(ctx, owner), v, now.In(p.Location())); err != nil {
			return api.Report{}, err
		}
	}
	body, err := s.Encode()
	if err != nil {
		return api.Report{}, err
	}
	kept := ledger.SavedReport{Account: user, Name: q.Name, Body: body, Keep: s.Keep, Paused: s.Paused, Past: now, Changed: now}
	if err := d.parts.Ledger.PutReport(ctx, kept, q.Replace || !q.Changed.IsZero(), q.Changed); err != nil {
		return api.Report{}, err
	}
	if kept, err = d.parts.Ledger.Report(ctx, user, q.Name); err != nil {
		return api.Report{}, err
	}
	return showReport(&kept, owner, p, now)
}

// reportWay is how questions of reports come: on behalf of an account, of which is looked each time what it may see.
const reportWay = "report"

// asOwner is a context in which an account asks for its reports.
func asOwner(ctx context.Context, u ledger.User) context.Context {
	return api.Through(api.As(ctx, api.Identity{User: u.Name, Admin: u.Admin}), api.Way{Via: reportWay})
}

// DeleteReport implements api.Service.
func (d *Desk) DeleteReport(ctx context.Context, q api.ReportRef) error {
	user, err := d.owner(ctx, "remove a report of", q.User)
	if err == nil {
		err = bookmark.CheckName("name", q.Name)
	}
	if err != nil {
		return err
	}
	return d.parts.Ledger.DeleteReport(ctx, user, q.Name)
}

// ReportResults implements api.Service: without rows, the newest first.
func (d *Desk) ReportResults(ctx context.Context, q api.ReportRef) ([]api.ReportResult, error) {
	user, err := d.owner(ctx, "see the reports of", q.User)
	if err != nil {
		return nil, err
	}
	kept, err := d.parts.Ledger.Results(ctx, user, q.Name)
	if err != nil {
		return nil, err
	}
	list := make([]api.ReportResult, 0, len(kept))
	for i := range kept {
		r, err := d.showResult(ctx, &kept[i], q.Name)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, nil
}

// ReportResult implements api.Service.
func (d *Desk) ReportResult(ctx context.Context, q api.ResultRef) (api.ReportResult, error) {
	user, err := d.owner(ctx, "see the reports of", q.User)
	if err != nil {
		return api.ReportResult{}, err
	}
	kept, err := d.parts.Ledger.Result(ctx, user, q.Report, q.ID)
	if err != nil {
		return api.ReportResult{}, err
	}
	return d.showResult(ctx, &kept, q.Report)
}

// showResult says of a result what the caller may see: all of it unless its owner might see other things when it was made, be it
// that his filter was another or that he was an administrator.
func (d *Desk) showResult(ctx context.Context, kept *ledger.KeptResult, name string) (r api.ReportResult, err error) {
	caller, err := d.viewer(ctx)
	if err != nil {
		return r, err
	}
	r, sight, err := report.DecodeResult(kept.Head, kept.Body)
	r.ID, r.Report = kept.ID, name
	if err == nil && !caller.Admin && sight != sightOf(caller) && (caller.bounds != nil || !strings.HasPrefix(sight, boundSight)) {
		r = api.ReportResult{ID: r.ID, Report: r.Report, Address: r.Address, Due: r.Due, Asked: r.Asked, Made: r.Made, From: r.From, To: r.To, Zone: r.Zone,
			Error: "it was made when its owner might see other things than now: run the report again"}
	}
	return r, err
}

// boundSight stands before the filter of an account in what sightOf says.
const boundSight = "within "

// sightOf tells what somebody may see, so that what he saw is told from what he may see later. Of who has no filter it is "within ".
func sightOf(who viewer) string {
	if who.Admin {
		return "all"
	}
	return boundSight + who.bounds.String()
}

// DeleteReportResult implements api.Service.
func (d *Desk) DeleteReportResult(ctx context.Context, q api.ResultRef) error {
	user, err := d.owner(ctx, "remove a result of a report of", q.User)
	if err != nil {
		return err
	}
	if q.ID <= 0 {
		return fault.New(fault.Invalid, "id: got %d, want the number of a result", q.ID)
	}
	return d.parts.Ledger.DeleteResult(ctx, user, q.Report, q.ID)
}

// RunReport implements api.Service. It counts back from now, and leaves the schedule alone.
func (d *Desk) RunReport(ctx context.Context, q api.ReportRun) (api.ReportResult, error) {
	user, err := d.owner(ctx, "run a report of", q.User)
	if err != nil {
		return api.ReportResult{}, err
	}
	kept, err := d.parts.Ledger.Report(ctx, user, q.Name)
	if err != nil {
		return api.ReportResult{}, err
	}
	owner, err := d.parts.Ledger.User(ctx, user)
	if err != nil {
		return api.ReportResult{}, err
	}
	if owner.Disabled {
		return api.ReportResult{}, fault.New(fault.Conflict, "run report %q: %s is shut out, and nothing is asked for him", q.Name, user)
	}
	p, _, err := d.preferences(ctx, user)
	if err != nil {
		return api.ReportResult{}, err
	}
	job := reportJob{kept: kept, owner: owner, prefs: p, asked: true, mail: q.Mail}
	if q.Mail {
		if job.way, err = d.reportWayOf(ctx, user, p); err != nil {
			return api.ReportResult{}, err
		}
		if job.way.Channel == "" {
			return api.ReportResult{}, fault.New(fault.Conflict, "run report %q: it cannot be sent: %s", q.Name, job.way.why)
		}
		if by := api.Caller(ctx).User; !d.tries.take(by, time.Now()) {
			return api.ReportResult{}, fault.New(fault.Unavailable, "run report %q: %s had %d sent within %s; wait a little, or run it without its mail", q.Name, by, maxTries, triesWithin)
		}
	}
	made, err := d.makeReport(ctx, &job)
	if err == nil && made.ID == 0 {
		err = errors.New("run report: there is a result of this very moment")
	}
	return made, err
}
