package desk

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/permission"
	"tocsin/internal/rule"
)

// A Guard stands before a desk: it lets callers do what package permission allows, and leaves a line in the audit log for
// every change that is made or refused. Everybody asks the guard; nobody asks the desk.
type Guard struct {
	api.Service // what is not guarded here; a test holds that this is nothing

	desk  *Desk
	audit *Auditor
}

var _ api.Service = (*Guard)(nil)

// NewGuard returns the guard of a desk.
func NewGuard(d *Desk, a *Auditor) *Guard { return &Guard{Service: d, desk: d, audit: a} }

// look lets a caller look at something.
func look[A any](ctx context.Context, op permission.Operation, ask func() (A, error)) (A, error) {
	if err := api.Caller(ctx).May(op); err != nil {
		var none A
		return none, err
	}
	return ask()
}

// change lets a caller change something, and writes it down.
func change[A any](ctx context.Context, g *Guard, op permission.Operation, subject, became string, do func(context.Context) (A, error)) (answer A, err error) {
	err = g.audit.change(ctx, draft(ctx, op, subject, became), func(ctx context.Context) error {
		if err := api.Caller(ctx).May(op); err != nil {
			return err
		}
		if _, err := g.desk.viewer(ctx); err != nil { // whose account is gone meanwhile changes nothing
			return err
		}
		answer, err = do(ctx)
		return err
	})
	return answer, err
}

// alter is change for what has no answer.
func alter(ctx context.Context, g *Guard, op permission.Operation, subject, became string, do func(context.Context) error) error {
	_, err := change(ctx, g, op, subject, became, func(ctx context.Context) (struct{}, error) { return struct{}{}, do(ctx) })
	return err
}

// words writes what was asked for, for the audit log. Nothing secret is in what it is used for.
func words(asked any) string {
	text, err := json.Marshal(asked)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// of says whose a thing is.
func of(thing, name, owner string) string {
	if owner == "" {
		return thing + " " + name
	}
	return thing + " " + name + " of " + owner
}

// Search implements api.Service.
func (g *Guard) Search(ctx context.Context, q api.SearchRequest, each func(json.RawMessage) error) error {
	_, err := look(ctx, permission.Search, func() (struct{}, error) { return struct{}{}, g.desk.Search(ctx, q, each) })
	return err
}

// Top implements api.Service.
func (g *Guard) Top(ctx context.Context, q api.TopRequest) (api.TopAnswer, error) {
	return look(ctx, permission.Top, func() (api.TopAnswer, error) { return g.desk.Top(ctx, q) })
}

// Traffic implements api.Service.
func (g *Guard) Traffic(ctx context.Context, q api.TrafficRequest) (api.TrafficAnswer, error) {
	return look(ctx, permission.RankFlows, func() (api.TrafficAnswer, error) { return g.desk.Traffic(ctx, q) })
}

// FlowSessions implements api.Service.
func (g *Guard) FlowSessions(ctx context.Context, q api.SessionRequest) (api.SessionAnswer, error) {
	return look(ctx, permission.ListSessions, func() (api.SessionAnswer, error) { return g.desk.FlowSessions(ctx, q) })
}

// Explain implements api.Service.
func (g *Guard) Explain(ctx context.Context, q api.ExplainRequest) (api.ExplainAnswer, error) {
	return look(ctx, permission.Explain, func() (api.ExplainAnswer, error) { return g.desk.Explain(ctx, q) })
}

// Append implements api.Service. What came in is in the history; the audit log is of what people change.
func (g *Guard) Append(ctx context.Context, q api.AppendRequest, body io.Reader) (api.AppendAnswer, error) {
	return look(ctx, permission.SendEvents, func() (api.AppendAnswer, error) { return g.desk.Append(ctx, q, body) })
}

// Resume implements api.Service.
func (g *Guard) Resume(ctx context.Context, source string) (int64, error) {
	return look(ctx, permission.Resume, func() (int64, error) { return g.desk.Resume(ctx, source) })
}

// Ingest implements api.Service.
func (g *Guard) Ingest(ctx context.Context, q api.IngestRequest, body io.Reader) (api.IngestAnswer, error) {
	return change(ctx, g, permission.Ingest, "file "+cmp.Or(q.Path, "-"), "", func(ctx context.Context) (api.IngestAnswer, error) {
		return g.desk.Ingest(ctx, q, body)
	})
}

// Flush implements api.Service.
func (g *Guard) Flush(ctx context.Context) error {
	_, err := look(ctx, permission.Flush, func() (struct{}, error) { return struct{}{}, g.desk.Flush(ctx) })
	return err
}

// Detect implements api.Service. What writes nothing is not written down.
func (g *Guard) Detect(ctx context.Context, q api.DetectRequest) (api.DetectAnswer, error) {
	if q.DryRun {
		return look(ctx, permission.Detect, func() (api.DetectAnswer, error) { return g.desk.Detect(ctx, q) })
	}
	return change(ctx, g, permission.Detect, "history", words(q), func(ctx context.Context) (api.DetectAnswer, error) { return g.desk.Detect(ctx, q) })
}

// Alerts implements api.Service.
func (g *Guard) Alerts(ctx context.Context, q api.AlertRequest) ([]alert.Alert, error) {
	return look(ctx, permission.ListAlerts, func() ([]alert.Alert, error) { return g.desk.Alerts(ctx, q) })
}

// CountAlerts implements api.Service.
func (g *Guard) CountAlerts(ctx context.Context, q api.AlertRequest) ([]api.AlertCount, error) {
	return look(ctx, permission.ListAlerts, func() ([]api.AlertCount, error) { return g.desk.CountAlerts(ctx, q) })
}

// FollowAlerts implements api.Service.
func (g *Guard) FollowAlerts(ctx context.Context, q api.AlertFollow, each func(api.AlertChange) error) error {
	_, err := look(ctx, permission.FollowAlerts, func() (struct{}, error) { return struct{}{}, g.desk.FollowAlerts(ctx, q, each) })
	return err
}

// AlertStory implements api.Service.
func (g *Guard) AlertStory(ctx context.Context, id int64) (api.AlertStory, error) {
	return look(ctx, permission.ShowAlert, func() (api.AlertStory, error) { return g.desk.AlertStory(ctx, id) })
}

// SelfTest implements api.Service.
func (g *Guard) SelfTest(ctx context.Context, q api.SelfTestRequest) (api.SelfTestAnswer, error) {
	return change(ctx, g, permission.Selftest, "tocsin", words(q), func(ctx context.Context) (api.SelfTestAnswer, error) {
		return g.desk.SelfTest(ctx, q)
	})
}

// ActOnAlert implements api.Service.
func (g *Guard) ActOnAlert(ctx context.Context, q api.AlertAct) (alert.Alert, error) {
	return change(ctx, g, permission.ActOnAlert, fmt.Sprintf("alert %d", q.ID), words(q), func(ctx context.Context) (alert.Alert, error) {
		return g.desk.ActOnAlert(ctx, q)
	})
}

// Rules implements api.Service.
func (g *Guard) Rules(ctx context.Context, q api.RuleRequest) ([]api.Rule, error) {
	return look(ctx, permission.ListRules, func() ([]api.Rule, error) { return g.desk.Rules(ctx, q) })
}

// BackTest implements api.Service.
func (g *Guard) BackTest(ctx context.Context, q api.BackTestRequest) (api.BackTestAnswer, error) {
	return look(ctx, permission.BackTest, func() (api.BackTestAnswer, error) { return g.desk.BackTest(ctx, q) })
}

// Mutes implements api.Service.
func (g *Guard) Mutes(ctx context.Context, q api.MuteRequest) ([]api.Mute, error) {
	return look(ctx, permission.ListMutes, func() ([]api.Mute, error) { return g.desk.Mutes(ctx, q) })
}

// PreviewMute implements api.Service.
func (g *Guard) PreviewMute(ctx context.Context, q api.MuteEdit) (api.MuteAnswer, error) {
	return look(ctx, permission.PreviewMute, func() (api.MuteAnswer, error) { return g.desk.PreviewMute(ctx, q) })
}

// AddMute implements api.Service.
func (g *Guard) AddMute(ctx context.Context, q api.MuteEdit) (api.MuteAnswer, error) {
	return change(ctx, g, permission.ChangeMute, "new "+q.Kind, words(q), func(ctx context.Context) (api.MuteAnswer, error) { return g.desk.AddMute(ctx, q) })
}

// EndMute implements api.Service.
func (g *Guard) EndMute(ctx context.Context, q api.MuteEnd) (api.Mute, error) {
	subject := cmp.Or(q.Kind, "mute") + " " + strconv.FormatInt(q.ID, 10)
	return change(ctx, g, permission.ChangeMute, subject, "ended", func(ctx context.Context) (api.Mute, error) { return g.desk.EndMute(ctx, q) })
}

// PutRule implements api.Service.
func (g *Guard) PutRule(ctx context.Context, r api.RuleEdit) (api.Rule, error) {
	return change(ctx, g, permission.ChangeRule, of("rule", g.desk.nameOf(r.Text), r.Owner), r.Text, func(ctx context.Context) (api.Rule, error) {
		return g.desk.PutRule(ctx, r)
	})
}

// DeleteRule implements api.Service.
func (g *Guard) DeleteRule(ctx context.Context, owner, name string) error {
	return alter(ctx, g, permission.DeleteRule, of("rule", name, owner), "deleted", func(ctx context.Context) error { return g.desk.DeleteRule(ctx, owner, name) })
}

// EnableRule implements api.Service.
func (g *Guard) EnableRule(ctx context.Context, owner, name string, enabled bool) error {
	return alter(ctx, g, permission.EnableRule, of("rule", name, owner), able(enabled), func(ctx context.Context) error {
		return g.desk.EnableRule(ctx, owner, name, enabled)
	})
}

func able(enabled bool) string {
	if enabled {
		return "enabled"
	}
	return "disabled"
}

// Quarantine implements api.Service.
func (g *Guard) Quarantine(ctx context.Context, q api.QuarantineRequest) ([]api.QuarantineGroup, error) {
	return look(ctx, permission.ListQuarantine, func() ([]api.QuarantineGroup, error) { return g.desk.Quarantine(ctx, q) })
}

// QuarantineEntries implements api.Service.
func (g *Guard) QuarantineEntries(ctx context.Context, q api.QuarantineRequest) ([]api.QuarantineEntry, error) {
	return look(ctx, permission.ListQuarantine, func() ([]api.QuarantineEntry, error) { return g.desk.QuarantineEntries(ctx, q) })
}

// RetryQuarantine implements api.Service.
func (g *Guard) RetryQuarantine(ctx context.Context, q api.QuarantineRetry) (api.QuarantineRetried, error) {
	return change(ctx, g, permission.RetryQuarantine, "quarantine", words(q), func(ctx context.Context) (api.QuarantineRetried, error) {
		return g.desk.RetryQuarantine(ctx, q)
	})
}

// DropQuarantine implements api.Service.
func (g *Guard) DropQuarantine(ctx context.Context, q api.QuarantineRequest) (api.QuarantineDropped, error) {
	return change(ctx, g, permission.DropQuarantine, "quarantine", words(q), func(ctx context.Context) (api.QuarantineDropped, error) {
		return g.desk.DropQuarantine(ctx, q)
	})
}

// Exporters implements api.Service.
func (g *Guard) Exporters(ctx context.Context) ([]api.Exporter, error) {
	return look(ctx, permission.ListExporters, func() ([]api.Exporter, error) { return g.desk.Exporters(ctx) })
}

// Interfaces implements api.Service.
func (g *Guard) Interfaces(ctx context.Context, q api.InterfaceRequest) (api.Interfaces, error) {
	return look(ctx, permission.ListExporters, func() (api.Interfaces, error) { return g.desk.Interfaces(ctx, q) })
}

// Health implements api.Service.
func (g *Guard) Health(ctx context.Context) (api.Health, error) {
	return look(ctx, permission.Health, func() (api.Health, error) { return g.desk.Health(ctx) })
}

// Backup implements api.Service.
func (g *Guard) Backup(ctx context.Context, dir string) error {
	return alter(ctx, g, permission.Backup, "directory "+dir, "", func(ctx context.Context) error { return g.desk.Backup(ctx, dir) })
}

// Clear implements api.Service.
func (g *Guard) Clear(ctx context.Context, q api.ClearRequest) (api.ClearAnswer, error) {
	return change(ctx, g, permission.Clear, "data", words(q), func(ctx context.Context) (api.ClearAnswer, error) { return g.desk.Clear(ctx, q) })
}

// Adopt implements api.Service.
func (g *Guard) Adopt(ctx context.Context, q api.AdoptRequest) (api.AdoptAnswer, error) {
	became := fmt.Sprintf("%d users and %d alerts", len(q.Users), len(q.Alerts))
	return change(ctx, g, permission.Adopt, "another program's data", became, func(ctx context.Context) (api.AdoptAnswer, error) { return g.desk.Adopt(ctx, q) })
}

// nameOf reads the name of a rule from its text, so that the audit log can tell it.
func (d *Desk) nameOf(text string) string {
	if read, err := rule.Decode("rule", []byte(text), d.parts.Detectors); err == nil && len(read) == 1 {
		return read[0].Name
	}
	return "that cannot be read"
}
