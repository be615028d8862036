package desk

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/ledger"
	"tocsin/internal/mute"
)

// Bounds of what a preview looks at and shows.
const (
	lookBack    = 7 * 24 * time.Hour
	mostLooked  = 100_000
	mostPreview = 20
	// settling is how long an alert that is excluded may wait for what was found about it before.
	settling = 5 * time.Second
)

// Mutes implements api.Service. A user sees those for his own rules and those that he made; administrators see all.
func (d *Desk) Mutes(ctx context.Context, q api.MuteRequest) ([]api.Mute, error) {
	if err := checkKind(q.Kind); q.Kind != "" && err != nil {
		return nil, err
	}
	if q.Limit < 0 || q.Limit > 100_000 {
		return nil, fault.New(fault.Invalid, "limit: got %d, want 0 to 100000", q.Limit)
	}
	now, caller := time.Now(), api.Caller(ctx)
	var found []mute.Mute
	if q.ID != 0 {
		one, err := d.parts.Mutes.Mute(ctx, q.ID)
		if err == nil && (!seesMute(caller, &one) || q.Kind != "" && q.Kind != string(one.Kind)) {
			err = fault.New(fault.NotFound, "no %s %d", cmp.Or(q.Kind, "silence, window or exclusion"), q.ID)
		}
		if err != nil {
			return nil, err
		}
		return []api.Mute{shownMute(&one, now)}, nil
	}
	at := now
	if q.All {
		at = time.Time{}
	}
	found, err := d.parts.Mutes.List(ctx, mute.Kind(q.Kind), at)
	if err != nil {
		return nil, err
	}
	shown := []api.Mute{}
	for i := range found {
		if seesMute(caller, &found[i]) && len(shown) < cmp.Or(q.Limit, 1000) {
			shown = append(shown, shownMute(&found[i], now))
		}
	}
	return shown, nil
}

func checkKind(kind string) error {
	switch kind {
	case api.Silence, api.Window, api.Exclusion:
		return nil
	}
	return fault.New(fault.Invalid, "kind %q: want silence, window or exclusion", kind)
}

func seesMute(who api.Identity, m *mute.Mute) bool {
	return who.Admin || who.User != "" && (m.Owner == who.User || m.Author == who.User)
}

// shownMute is a mute as people see it.
func shownMute(m *mute.Mute, now time.Time) api.Mute {
	out := api.Mute{
		ID: m.ID, Kind: string(m.Kind), Rule: m.Rule, Owner: m.Owner, Entity: m.Entity, Where: m.Where, Author: m.Author, Note: m.Note,
		Created: m.Created, Starts: m.Starts, Ends: m.Ends, UntilResolved: m.EndsWhenResolved, Hits: m.Hits, LastHit: m.LastHit,
		EndedAt: m.Revoked, EndedBy: m.By,
	}
	if m.MinSeverity > 0 {
		out.MinSeverity = m.MinSeverity.String()
	}
	if m.MaxSeverity > 0 {
		out.MaxSeverity = m.MaxSeverity.String()
	}
	on := !now.Before(m.Starts)
	if s := m.Schedule; s != nil {
		out.Schedule = &api.MuteSchedule{Days: s.Days, Dates: s.Dates, From: s.From, To: s.To, Zone: s.Zone}
		if !m.Over(now) {
			from := now
			if m.Starts.After(now) {
				from = m.Starts
			}
			var within bool
			out.From, out.To, within = s.Now(from)
			on = on && within
		}
	}
	switch {
	case !m.Revoked.IsZero():
		out.State = api.MuteEnded
	case m.Over(now):
		out.State = api.MuteExpired
	case on:
		out.State = api.MuteActive
	default:
		out.State = api.MuteWaiting
	}
	return out
}

// PreviewMute implements api.Service.
func (d *Desk) PreviewMute(ctx context.Context, q api.MuteEdit) (api.MuteAnswer, error) {
	now := time.Now().UTC()
	q.Note = cmp.Or(q.Note, "preview")
	m, _, err := d.muteOf(ctx, q)
	if err != nil {
		return api.MuteAnswer{}, err
	}
	if err := m.Validate(now); err != nil {
		return api.MuteAnswer{}, err
	}
	preview, err := d.preview(ctx, &m, now)
	return api.MuteAnswer{Mute: shownMute(&m, now), MutePreview: preview}, err
}

// AddMute implements api.Service.
func (d *Desk) AddMute(ctx context.Context, q api.MuteEdit) (api.MuteAnswer, error) {
	m, of, err := d.muteOf(ctx, q)
	if err != nil {
		return api.MuteAnswer{}, err
	}
	now := time.Now().UTC()
	if err := m.Validate(now); err != nil {
		return api.MuteAnswer{}, err
	}
	if m.Everything() && !q.All {
		return api.MuteAnswer{}, fault.New(fault.Conflict, "this %s would mean every alert: name a rule, a severity or a filter, or say that all are meant (all, --all)", m.Kind)
	}
	preview, err := d.preview(ctx, &m, now)
	if err != nil {
		return api.MuteAnswer{}, err
	}
	if m.EndsWhenResolved && preview.Open == 0 {
		return api.MuteAnswer{}, fault.New(fault.Conflict, "until resolved: no alert stands that this silence would hide")
	}
	if m, err = d.parts.Mutes.Add(ctx, m); err != nil {
		return api.MuteAnswer{}, err
	}
	answer := api.MuteAnswer{Mute: shownMute(&m, time.Now()), MutePreview: preview}
	if q.Close && of.State != alert.Ended {
		closed, err := d.closeExcluded(ctx, of, &m)
		if err != nil {
			return answer, err
		}
		answer.Closed = &closed
	}
	return answer, nil
}

// closeExcluded closes an alert that an exclusion means, after all that was found about it before is in the ledger: it would
// open the alert again.
func (d *Desk) closeExcluded(ctx context.Context, a alert.Alert, m *mute.Mute) (alert.Alert, error) {
	settled, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	if err := d.parts.CaughtUp(settled); err != nil && ctx.Err() != nil {
		return alert.Alert{}, err
	}
	note := fmt.Sprintf("exclusion %d", m.ID)
	if both := note + ": " + m.Note; len(both) <= ledger.MaxNote {
		note = both
	}
	return d.ActOnAlert(ctx, api.AlertAct{ID: a.ID, Act: api.Close, Disposition: string(alert.Expected), Note: note})
}

// muteOf reads what somebody asks for, as far as he may, and returns the alert that he names.
func (d *Desk) muteOf(ctx context.Context, q api.MuteEdit) (m mute.Mute, of alert.Alert, err error) {
	caller := api.Caller(ctx)
	if caller.User == "" {
		return m, of, fault.New(fault.Denied, "mute alerts: nobody is logged in")
	}
	if err := checkKind(q.Kind); err != nil {
		return m, of, err
	}
	m = mute.Mute{
		Kind: mute.Kind(q.Kind), Author: caller.User, Note: q.Note, Starts: q.Starts, Ends: q.Ends, EndsWhenResolved: q.UntilResolved,
		Match: mute.Match{Rule: q.Rule, Owner: q.Owner, Where: q.Where},
	}
	if m.Owner == "" {
		if m.Owner = mute.Anybody; !caller.Admin {
			m.Owner = caller.User
		}
	}
	for _, s := range []struct {
		text string
		into *alert.Severity
	}{{q.MinSeverity, &m.MinSeverity}, {q.MaxSeverity, &m.MaxSeverity}} {
		if s.text != "" {
			if *s.into, err = alert.ParseSeverity(s.text); err != nil {
				return m, of, invalid(err)
			}
		}
	}
	if s := q.Schedule; s != nil {
		m.Schedule = &mute.Schedule{Days: s.Days, Dates: s.Dates, From: s.From, To: s.To, Zone: s.Zone}
	}
	if q.Alert != 0 {
		if of, err = d.alertOf(ctx, q); err != nil {
			return m, of, err
		}
		m.Rule, m.Owner, m.Entity = of.RuleName, of.Owner, of.Entity
	} else if q.Close {
		return m, of, fault.New(fault.Invalid, "close: want it with an alert")
	}
	if m.Kind == mute.Exclusion && alert.IsOwn(m.Rule) {
		return m, of, fault.New(fault.Conflict, "alerts of tocsin about itself cannot be excluded: silence them (tocsin silences add --rule %s)", m.Rule)
	}
	if !caller.Admin && m.Owner != caller.User {
		return m, of, fault.New(fault.Denied, "alerts of others' and of everybody's rules: only an administrator may mute them")
	}
	return m, of, nil
}

// alertOf returns the alert that is named instead of a rule.
func (d *Desk) alertOf(ctx context.Context, q api.MuteEdit) (alert.Alert, error) {
	switch {
	case q.Alert < 1:
		return alert.Alert{}, fault.New(fault.Invalid, "alert %d: want its number", q.Alert)
	case q.Rule != "" || q.Owner != "":
		return alert.Alert{}, fault.New(fault.Invalid, "alert: want it or a rule, not both")
	case q.Close && q.Kind != api.Exclusion:
		return alert.Alert{}, fault.New(fault.Invalid, "close: want it with an exclusion")
	}
	found, err := d.Alerts(ctx, api.AlertRequest{ID: q.Alert})
	if err != nil {
		return alert.Alert{}, err
	}
	if len(found) == 0 {
		return alert.Alert{}, fault.New(fault.NotFound, "no alert %d", q.Alert)
	}
	return found[0], nil
}

// preview says what a mute hides of what the caller sees.
func (d *Desk) preview(ctx context.Context, m *mute.Mute, now time.Time) (api.MutePreview, error) {
	p := api.MutePreview{Everything: m.Everything()}
	matcher, err := m.Compile()
	if err != nil {
		return p, invalid(err)
	}
	open, err := d.Alerts(ctx, api.AlertRequest{States: []string{string(alert.Open), string(alert.Acknowledged)}, Limit: mostLooked})
	if err != nil {
		return p, err
	}
	for i := range open {
		if matcher.Means(&open[i]) {
			if p.Open++; len(p.Alerts) < mostPreview {
				p.Alerts = append(p.Alerts, open[i])
			}
		}
	}
	week, err := d.Alerts(ctx, api.AlertRequest{Since: now.Add(-lookBack), Limit: mostLooked})
	if err != nil {
		return p, err
	}
	rules := map[int64]bool{}
	for i := range week {
		a := &week[i]
		rules[a.Rule] = true
		if matcher.Means(a) && within(m, a) {
			p.Week++
		}
	}
	p.WeekAll = len(week)
	p.Everything = p.Everything || m.Rule == "" && len(rules) > 1 && p.Week == p.WeekAll
	slices.SortFunc(p.Alerts, func(a, b alert.Alert) int { return b.Last.Compare(a.Last) })
	return p, nil
}

// within reports whether a mute would have been on when an alert began, had it been made before.
func within(m *mute.Mute, a *alert.Alert) bool {
	if m.Schedule == nil {
		return true
	}
	_, _, on := m.Schedule.Now(a.First)
	return on
}

// EndMute implements api.Service. Who made it and administrators may.
func (d *Desk) EndMute(ctx context.Context, q api.MuteEnd) (api.Mute, error) {
	caller := api.Caller(ctx)
	if q.Kind != "" {
		if err := checkKind(q.Kind); err != nil {
			return api.Mute{}, err
		}
	}
	ended, err := d.parts.Mutes.End(ctx, q.ID, caller.User, func(m mute.Mute) error {
		switch {
		case !seesMute(caller, &m):
			return fault.New(fault.NotFound, "no silence, window or exclusion %d", q.ID)
		case q.Kind != "" && q.Kind != string(m.Kind):
			return fault.New(fault.Conflict, "%d is no %s but a %s", q.ID, q.Kind, m.Kind)
		case !caller.Admin && m.Author != caller.User:
			return fault.New(fault.Denied, "%s %d: only %s and administrators may end it", m.Kind, m.ID, m.Author)
		}
		return nil
	})
	if err != nil {
		return api.Mute{}, err
	}
	return shownMute(&ended, time.Now()), nil
}
