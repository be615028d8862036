package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// recorder is a service that notes what it was asked and answers what it was told to.
type recorder struct {
	ledger     string // where health says that it is
	exporters  []api.Exporter
	interfaces api.Interfaces
	sources    []api.SourceHealth
	groups     []api.Group
	names      []api.Name
	namesOf    []api.Named
	rejected   []api.QuarantineGroup
	entries    []api.QuarantineEntry
	retried    api.QuarantineRetried
	calls      []any
	events     []string
	top        api.TopAnswer
	traffic    api.TrafficAnswer
	flows      api.SessionAnswer
	alerts     []alert.Alert
	story      api.AlertStory
	mutes      []api.Mute
	muted      api.MuteAnswer
	rules      []api.Rule
	explained  api.ExplainAnswer
	users      []api.User
	tokens     []api.TokenEntry
	audit      []api.AuditLine
	ingest     func(api.IngestRequest, string) (api.IngestAnswer, error)
	resume     int64
	err        map[string]error // by method

	preferences api.Preferences
	mailServer  api.MailServer
	tests       []api.WayTest
	tried       api.SelfTestAnswer
}

func (r *recorder) note(method string, asked ...any) error {
	r.calls = append(r.calls, append([]any{method}, asked...))
	return r.err[method]
}

func (r *recorder) Search(_ context.Context, q api.SearchRequest, each func(json.RawMessage) error) error {
	if err := r.note("Search", q); err != nil {
		return err
	}
	for _, e := range r.events {
		if err := each(json.RawMessage(e)); err != nil {
			return err
		}
	}
	return nil
}

func (r *recorder) Top(_ context.Context, q api.TopRequest) (api.TopAnswer, error) {
	return r.top, r.note("Top", q)
}

func (r *recorder) Traffic(_ context.Context, q api.TrafficRequest) (api.TrafficAnswer, error) {
	return r.traffic, r.note("Traffic", q)
}

func (r *recorder) FlowSessions(_ context.Context, q api.SessionRequest) (api.SessionAnswer, error) {
	return r.flows, r.note("FlowSessions", q)
}

func (r *recorder) Append(context.Context, api.AppendRequest, io.Reader) (api.AppendAnswer, error) {
	return api.AppendAnswer{}, r.note("Append")
}

func (r *recorder) Resume(_ context.Context, source string) (int64, error) {
	return r.resume, r.note("Resume", source)
}

func (r *recorder) Ingest(_ context.Context, q api.IngestRequest, body io.Reader) (api.IngestAnswer, error) {
	text, err := io.ReadAll(body)
	if err != nil {
		return api.IngestAnswer{}, err
	}
	if q.Progress != nil {
		q.Progress(api.IngestAnswer{Bytes: int64(len(text))})
	}
	q.Progress = nil
	err = r.note("Ingest", q, string(text))
	if r.ingest != nil {
		return r.ingest(q, string(text))
	}
	return api.IngestAnswer{}, err
}
func (r *recorder) Flush(context.Context) error { return r.note("Flush") }
func (r *recorder) Detect(_ context.Context, q api.DetectRequest) (api.DetectAnswer, error) {
	return api.DetectAnswer{Events: 1000, Rules: 2, Alerts: r.alerts}, r.note("Detect", q)
}

func (r *recorder) Explain(_ context.Context, q api.ExplainRequest) (api.ExplainAnswer, error) {
	return r.explained, r.note("Explain", q)
}

func (r *recorder) Quarantine(_ context.Context, q api.QuarantineRequest) ([]api.QuarantineGroup, error) {
	return r.rejected, r.note("Quarantine", q)
}

func (r *recorder) QuarantineEntries(_ context.Context, q api.QuarantineRequest) ([]api.QuarantineEntry, error) {
	return r.entries, r.note("QuarantineEntries", q)
}

func (r *recorder) RetryQuarantine(_ context.Context, q api.QuarantineRetry) (api.QuarantineRetried, error) {
	return r.retried, r.note("RetryQuarantine", q)
}

func (r *recorder) DropQuarantine(_ context.Context, q api.QuarantineRequest) (api.QuarantineDropped, error) {
	return api.QuarantineDropped{Dropped: 3}, r.note("DropQuarantine", q)
}

func (r *recorder) Alerts(_ context.Context, q api.AlertRequest) ([]alert.Alert, error) {
	return r.alerts, r.note("Alerts", q)
}

func (r *recorder) CountAlerts(_ context.Context, q api.AlertRequest) ([]api.AlertCount, error) {
	return nil, r.note("CountAlerts", q)
}

func (r *recorder) ActOnAlert(_ context.Context, q api.AlertAct) (alert.Alert, error) {
	a := alert.Alert{ID: q.ID, State: alert.Open}
	for _, one := range r.alerts {
		if one.ID == q.ID {
			a = one
		}
	}
	return a, r.note("ActOnAlert", q)
}

func (r *recorder) Mutes(_ context.Context, q api.MuteRequest) ([]api.Mute, error) {
	return r.mutes, r.note("Mutes", q)
}

func (r *recorder) PreviewMute(_ context.Context, q api.MuteEdit) (api.MuteAnswer, error) {
	return r.muted, r.note("PreviewMute", q)
}

func (r *recorder) AddMute(_ context.Context, q api.MuteEdit) (api.MuteAnswer, error) {
	return r.muted, r.note("AddMute", q)
}

func (r *recorder) EndMute(_ context.Context, q api.MuteEnd) (api.Mute, error) {
	return r.muted.Mute, r.note("EndMute", q)
}

func (r *recorder) AlertStory(_ context.Context, id int64) (api.AlertStory, error) {
	return r.story, r.note("AlertStory", id)
}

func (r *recorder) FollowAlerts(_ context.Context, q api.AlertFollow, each func(api.AlertChange) error) error {
	if err := r.note("FollowAlerts", q); err != nil {
		return err
	}
	for _, a := range r.alerts {
		if err := each(api.AlertChange{Change: a.Change, Alert: a}); err != nil {
			return err
		}
	}
	return nil
}

func (r *recorder) Rules(_ context.Context, q api.RuleRequest) ([]api.Rule, error) {
	var list []api.Rule
	for _, one := range r.rules {
		if q.Name == "" || q.Name == one.Name {
			list = append(list, one)
		}
	}
	return list, r.note("Rules", q)
}

func (r *recorder) BackTest(_ context.Context, q api.BackTestRequest) (api.BackTestAnswer, error) {
	return api.BackTestAnswer{}, r.note("BackTest", q)
}

func (r *recorder) PutRule(_ context.Context, e api.RuleEdit) (api.Rule, error) {
	err := r.note("PutRule", e)
	if strings.Contains(e.Text, "bad") {
		err = fault.New(fault.Invalid, "rule: 1:1: bad word\n  bad\n  ^")
	}
	if e.Replace && strings.Contains(e.Text, "new") {
		err = fault.New(fault.NotFound, "no such rule")
	}
	return api.Rule{Name: "kept", Version: 3}, err
}

func (r *recorder) DeleteRule(_ context.Context, owner, name string) error {
	return r.note("DeleteRule", owner, name)
}

func (r *recorder) EnableRule(_ context.Context, owner, name string, enabled bool) error {
	return r.note("EnableRule", owner, name, enabled)
}
func (r *recorder) Users(context.Context) ([]api.User, error)       { return r.users, r.note("Users") }
func (r *recorder) PutUser(_ context.Context, u api.UserEdit) error { return r.note("PutUser", u) }
func (r *recorder) Preferences(_ context.Context, user string) (api.Preferences, error) {
	return r.preferences, r.note("Preferences", user)
}

func (r *recorder) Views(_ context.Context, user string) ([]api.View, error) {
	return []api.View{{Name: "night", Address: "/flows?since=24h"}}, r.note("Views", user)
}

func (r *recorder) PutView(_ context.Context, q api.ViewEdit) (api.View, error) {
	return api.View{Name: q.Name, Address: q.Address}, r.note("PutView", q)
}

func (r *recorder) DeleteView(_ context.Context, q api.ViewRemoval) error {
	return r.note("DeleteView", q)
}

func (r *recorder) Board(_ context.Context, user string) (api.Board, error) {
	return api.Board{User: "anna", Pages: []api.BoardPage{{Name: "Overview", Columns: 2, Widgets: []api.Widget{{ID: "grave", Kind: "alerts", Column: 2, MinSeverity: "HIGH", Rows: 5}}}}}, r.note("Board", user)
}

func (r *recorder) PutBoard(_ context.Context, q api.BoardEdit) (api.Board, error) {
	return api.Board{User: "anna", Version: 2, Pages: q.Pages}, r.note("PutBoard", q)
}

func (r *recorder) ResetBoard(_ context.Context, user string) (api.Board, error) {
	return api.Board{User: "anna", Preset: true}, r.note("ResetBoard", user)
}

func (r *recorder) Reports(_ context.Context, user string) ([]api.Report, error) {
	return []api.Report{{Name: "nightly", Address: "/flows?since=24h", Every: "day", At: "08:00", Keep: 12, Zone: "UTC"}}, r.note("Reports", user)
}

func (r *recorder) PutReport(_ context.Context, q api.ReportEdit) (api.Report, error) {
	return api.Report{Name: q.Name, Address: q.Address, Every: q.Every, At: q.At, Day: q.Day, Rows: q.Rows, Keep: q.Keep, Mail: q.Mail, Paused: q.Paused}, r.note("PutReport", q)
}

func (r *recorder) DeleteReport(_ context.Context, q api.ReportRef) error {
	return r.note("DeleteReport", q)
}

func (r *recorder) RunReport(_ context.Context, q api.ReportRun) (api.ReportResult, error) {
	return result(q.Name), r.note("RunReport", q)
}

func (r *recorder) ReportResults(_ context.Context, q api.ReportRef) ([]api.ReportResult, error) {
	return []api.ReportResult{{ID: 7, Report: q.Name, Title: "Hosts by bytes", Count: 1}}, r.note("ReportResults", q)
}

func (r *recorder) ReportResult(_ context.Context, q api.ResultRef) (api.ReportResult, error) {
	return result(q.Report), r.note("ReportResult", q)
}

func (r *recorder) DeleteReportResult(_ context.Context, q api.ResultRef) error {
	return r.note("DeleteReportResult", q)
}

// result is one of a report.
func result(of string) api.ReportResult {
	return api.ReportResult{ID: 7, Report: of, Title: "Hosts by bytes", Count: 1, Columns: []api.ReportColumn{{Name: "host"}, {Name: "sent bytes", Kind: api.BytesColumn}}, Rows: [][]string{{"192.0.2.7", "100"}}}
}

func (r *recorder) PutPreferences(_ context.Context, q api.PreferencesEdit) (api.PreferencesSaved, error) {
	return api.PreferencesSaved{Preferences: q.Preferences, Tests: r.tests}, r.note("PutPreferences", q)
}

func (r *recorder) TestWays(_ context.Context, user string) ([]api.WayTest, error) {
	return r.tests, r.note("TestWays", user)
}

func (r *recorder) MailServer(context.Context) (api.MailServer, error) {
	return r.mailServer, r.note("MailServer")
}

func (r *recorder) PutMailServer(_ context.Context, q api.MailServerEdit) (api.MailServerSaved, error) {
	return api.MailServerSaved{MailServer: r.mailServer, Tests: r.tests}, r.note("PutMailServer", q)
}

func (r *recorder) Health(context.Context) (api.Health, error) {
	return api.Health{Ledger: r.ledger, Sources: r.sources}, r.note("Health")
}
func (r *recorder) Exporters(context.Context) ([]api.Exporter, error) {
	return r.exporters, r.note("Exporters")
}

func (r *recorder) Interfaces(_ context.Context, q api.InterfaceRequest) (api.Interfaces, error) {
	return r.interfaces, r.note("Interfaces", q)
}

func (r *recorder) Groups(_ context.Context, q api.GroupRequest) ([]api.Group, error) {
	return r.groups, r.note("Groups", q)
}

func (r *recorder) PutGroups(_ context.Context, q api.GroupsEdit) (api.GroupsSaved, error) {
	return api.GroupsSaved{Added: len(q.Groups)}, r.note("PutGroups", q)
}

func (r *recorder) DeleteGroup(_ context.Context, name string) error {
	return r.note("DeleteGroup", name)
}

func (r *recorder) Names(_ context.Context, q api.NameRequest) ([]api.Name, error) {
	return r.names, r.note("Names", q)
}

func (r *recorder) PutNames(_ context.Context, q api.NamesEdit) (api.NamesSaved, error) {
	return api.NamesSaved{Added: len(q.Names)}, r.note("PutNames", q)
}

func (r *recorder) DeleteNames(_ context.Context, q api.NamesRemoval) (api.NamesSaved, error) {
	return api.NamesSaved{Removed: len(q.Keys)}, r.note("DeleteNames", q)
}

func (r *recorder) NamesOf(_ context.Context, q api.NamesOfRequest) ([]api.Named, error) {
	return r.namesOf, r.note("NamesOf", q)
}

func (r *recorder) SelfTest(_ context.Context, q api.SelfTestRequest) (api.SelfTestAnswer, error) {
	return r.tried, r.note("SelfTest", q)
}

func (r *recorder) Backup(_ context.Context, dir string) error { return r.note("Backup", dir) }
func (r *recorder) Adopt(_ context.Context, q api.AdoptRequest) (api.AdoptAnswer, error) {
	return api.AdoptAnswer{}, r.note("Adopt", q)
}
func (r *recorder) Clear(_ context.Context, q api.ClearRequest) (api.ClearAnswer, error) {
	return api.ClearAnswer{Alerts: 2, Events: 30}, r.note("Clear", q)
}
func (r *recorder) DisableUser(_ context.Context, n string, d bool) error {
	return r.note("DisableUser", n, d)
}
func (r *recorder) MakeToken(_ context.Context, t api.TokenRequest) (api.Token, error) {
	return api.Token{User: t.User, Token: "tok-123"}, r.note("MakeToken", t)
}

// A run is a command line with what it may touch, and then what came of it.
type run struct {
	svc    *recorder
	env    map[string]string
	in     string
	files  map[string]string
	open   error
	change func(*Options)

	code     int
	out, err string
	closed   int
	common   Common
	closedIn int
}

// file is an input that counts how often it is closed. It cannot seek, as a decompressed one cannot.
type file struct {
	io.Reader

	r *run
}

func (f file) Close() error { f.r.closedIn++; return nil }

// do runs a command line.
func (r *run) do(t *testing.T, args ...string) *run {
	t.Helper()
	if r.svc == nil {
		r.svc = &recorder{}
	}
	var out, errs bytes.Buffer
	o := Options{
		Args: args, In: strings.NewReader(r.in), Out: &out, Err: &errs, Version: "1.2.3", Formats: []string{"combined", "jsonlines"}, Zone: time.UTC,
		Env: func(name string) string { return r.env[name] },
		Open: func(_ context.Context, c Common) (api.Service, func() error, error) {
			r.common = c
			return r.svc, func() error { r.closed++; return nil }, r.open
		},
		Serve: func(_ context.Context, c Common, o ServeOptions) error { r.common = c; return r.svc.note("Serve", o) },
		Demo:  func(_ context.Context, c Common, o DemoOptions) error { r.common = c; return r.svc.note("Demo", o) },
		Check: func(_ context.Context, _ Common, out io.Writer) error {
			_, err := io.WriteString(out, "tocsin.yaml: good\n")
			return errors.Join(err, r.svc.note("Check"))
		},
		TestRule: func(_ context.Context, _ Common, rule string, q api.IngestRequest, body io.Reader) (api.DetectAnswer, error) {
			text, err := io.ReadAll(body)
			return api.DetectAnswer{Events: 5, Rules: 1, Alerts: r.svc.alerts}, errors.Join(err, r.svc.note("TestRule", rule, q, string(text)))
		},
		OpenInput: func(path string, in io.Reader, resume func(string) (int64, bool)) (Input, error) {
			if path == "-" {
				return Input{Request: api.IngestRequest{Path: "-"}, Body: file{in, r}}, nil
			}
			text, ok := r.files[path]
			if !ok {
				return Input{}, fault.New(fault.NotFound, "open %s: no such file", path)
			}
			source := "id of " + path
			from, _ := resume(source)
			from = min(from, int64(len(text)))
			return Input{
				Request: api.IngestRequest{Source: source, Path: path, Offset: from},
				Body:    file{strings.NewReader(text[from:]), r}, Size: int64(len(text)),
			}, nil
		},
	}
	if r.change != nil {
		r.change(&o)
	}
	r.code = Run(t.Context(), o)
	r.out, r.err = out.String(), errs.String()
	return r
}

// want checks exit code and what standard output and error hold.
func (r *run) want(t *testing.T, code int, out, err string) {
	t.Helper()
	if r.code != code || !strings.Contains(r.out, out) || !strings.Contains(r.err, err) {
		t.Errorf("exit code %d, output %q, errors %q; want %d, %q, %q", r.code, r.out, r.err, code, out, err)
	}
}

func (r *recorder) User(_ context.Context, name string) (api.User, error) {
	for _, u := range r.users {
		if u.Name == name {
			return u, r.note("User", name)
		}
	}
	return api.User{Name: name}, r.note("User", name)
}

func (r *recorder) SetRole(_ context.Context, name string, admin bool) error {
	return r.note("SetRole", name, admin)
}

func (r *recorder) FilterUser(_ context.Context, name, filter string) error {
	return r.note("FilterUser", name, filter)
}

func (r *recorder) DeleteUser(_ context.Context, q api.UserRemoval) error {
	return r.note("DeleteUser", q)
}

func (r *recorder) LogOutUser(_ context.Context, name string) (api.LoggedOut, error) {
	return api.LoggedOut{Sessions: 2}, r.note("LogOutUser", name)
}

func (r *recorder) Tokens(_ context.Context, q api.TokenQuery) ([]api.TokenEntry, error) {
	return r.tokens, r.note("Tokens", q)
}

func (r *recorder) RevokeTokens(_ context.Context, q api.TokenRevocation) (api.Revoked, error) {
	return api.Revoked{Tokens: 3}, r.note("RevokeTokens", q)
}

func (r *recorder) Audit(_ context.Context, q api.AuditRequest) ([]api.AuditLine, error) {
	return r.audit, r.note("Audit", q)
}

func (r *recorder) Notices(_ context.Context, q api.NoticeRequest) ([]api.AlertNotice, error) {
	return r.story.Notices, r.note("Notices", q)
}

func (r *recorder) SendNotices(_ context.Context, q api.NoticesAgain) (api.NoticesSent, error) {
	return api.NoticesSent{IDs: []int64{7}}, r.note("SendNotices", q)
}

func (r *recorder) PreviewNotice(_ context.Context, q api.PreviewRequest) (api.NoticePreview, error) {
	return api.NoticePreview{Channel: q.Channel, Subject: "s\x1b[31m", Text: "t\n", Shipped: &api.NoticeTemplates{Text: "{{.Title}}"}}, r.note("PreviewNotice", q)
}

func (r *recorder) TestChannel(_ context.Context, q api.ChannelTest) (api.ChannelTested, error) {
	return api.ChannelTested{Channel: q.Channel, Answer: "250 ok"}, r.note("TestChannel", q)
}
