package app

import (
	"context"
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/desk"
	"tocsin/internal/fault"
	"tocsin/internal/permission"
)

// operations says which operation each method of the service is. What a call asks for decides between two of one method.
func operations() map[string]permission.Operation {
	return map[string]permission.Operation{
		"Search": permission.Search, "Top": permission.Top, "Traffic": permission.RankFlows, "FlowSessions": permission.ListSessions, "Explain": permission.Explain, "Append": permission.SendEvents, "Resume": permission.Resume,
		"Ingest": permission.Ingest, "Flush": permission.Flush, "Detect": permission.Detect, "Alerts": permission.ListAlerts, "CountAlerts": permission.ListAlerts,
		"AlertStory": permission.ShowAlert, "FollowAlerts": permission.FollowAlerts, "ActOnAlert": permission.ActOnAlert, "Rules": permission.ListRules,
		"PutRule": permission.ChangeRule, "DeleteRule": permission.DeleteRule, "EnableRule": permission.EnableRule, "BackTest": permission.BackTest, "Users": permission.ListUsers,
		"User": permission.ShowUser, "PutUser": permission.SetPassword, "DisableUser": permission.EnableUser, "SetRole": permission.SetRole,
		"FilterUser": permission.FilterUser, "DeleteUser": permission.DeleteUser, "LogOutUser": permission.LogOutUser, "MakeToken": permission.MakeToken,
		"Tokens": permission.ListTokens, "RevokeTokens": permission.RevokeToken, "Audit": permission.ListAudit, "Quarantine": permission.ListQuarantine, "Exporters": permission.ListExporters, "Interfaces": permission.ListExporters,
		"QuarantineEntries": permission.ListQuarantine, "RetryQuarantine": permission.RetryQuarantine, "DropQuarantine": permission.DropQuarantine,
		"Health": permission.Health, "Backup": permission.Backup, "Clear": permission.Clear, "Adopt": permission.Adopt,
		"Board": permission.ShowBoard, "PutBoard": permission.ChangeBoard, "ResetBoard": permission.ChangeBoard,
		"Views": permission.ListViews, "PutView": permission.ChangeView, "DeleteView": permission.ChangeView,
		"Reports": permission.ListReports, "PutReport": permission.ChangeReport, "DeleteReport": permission.ChangeReport, "RunReport": permission.RunReport,
		"ReportResults": permission.ListReports, "ReportResult": permission.ListReports, "DeleteReportResult": permission.ChangeReport,
		"Preferences": permission.ShowPreferences, "PutPreferences": permission.ChangePreferences, "TestWays": permission.ChangePreferences,
		"Mutes": permission.ListMutes, "PreviewMute": permission.PreviewMute, "AddMute": permission.ChangeMute, "EndMute": permission.ChangeMute,
		"Notices": permission.ListNotices, "SendNotices": permission.SendNotices, "PreviewNotice": permission.PreviewTemplate, "TestChannel": permission.TestChannel,
		"Groups": permission.ListGroups, "PutGroups": permission.ChangeGroup, "DeleteGroup": permission.ChangeGroup,
		"Names": permission.ListNames, "PutNames": permission.ChangeName, "DeleteNames": permission.ChangeName, "NamesOf": permission.ListNames,
		"SelfTest": permission.Selftest, "MailServer": permission.ShowMail, "PutMailServer": permission.ChangeMail,
	}
}

// call calls a method of the service with the zero value of everything that it takes.
func call(ctx context.Context, svc api.Service, name string) error {
	m := reflect.ValueOf(svc).MethodByName(name)
	args := []reflect.Value{reflect.ValueOf(ctx)}
	for i := 1; i < m.Type().NumIn(); i++ {
		switch in := m.Type().In(i); {
		case in == reflect.TypeFor[io.Reader]():
			args = append(args, reflect.ValueOf(strings.NewReader("")))
		case in.Kind() == reflect.Func:
			args = append(args, reflect.MakeFunc(in, func([]reflect.Value) []reflect.Value {
				return []reflect.Value{reflect.Zero(reflect.TypeFor[error]())}
			}))
		default:
			args = append(args, reflect.Zero(in))
		}
	}
	out := m.Call(args)
	err, _ := out[len(out)-1].Interface().(error)
	return err
}

// Every method of the service lets in whom the table of permissions lets in, and leaves a line in the audit log if it changes
// anything: also when it refuses, and when what was asked for is wrong.
func TestEveryMethodIsGuarded(t *testing.T) {
	a := running(t, false)
	svc := a.Service()
	admin := api.As(t.Context(), api.Local())
	if err := svc.PutUser(admin, api.UserEdit{Name: "bob", Password: "correct horse battery", Create: true}); err != nil {
		t.Fatal(err)
	}
	identities := map[string]api.Identity{"nobody": {}, "bob": {User: "bob"}, "owner": api.Local()}
	for _, s := range permission.Scopes() {
		identities["bob's token for "+string(s)] = api.Identity{User: "bob", Scopes: string(s)}
		identities["owner's token for "+string(s)] = api.Identity{User: "admin", Admin: true, Scopes: string(s)}
	}
	identities["a token for what is no scope"] = api.Identity{User: "admin", Admin: true, Scopes: "everything"}
	service := reflect.TypeFor[api.Service]()
	for i := range service.NumMethod() {
		name := service.Method(i).Name
		op, known := operations()[name]
		if !known {
			t.Errorf("nobody says which operation %s is", name)
			continue
		}
		line, _ := permission.Of(op)
		m, _ := reflect.TypeOf(svc).MethodByName(name)
		if file, _ := runtime.FuncForPC(m.Func.Pointer()).FileLine(m.Func.Pointer()); file == "<autogenerated>" {
			t.Errorf("%s is not guarded", name)
		}
		for who, id := range identities {
			before := newestLine(t, a)
			svc := desk.NewGuard(a.desk, desk.NewAuditor(a.ledger, a.log)) // whose count of refusals begins anew
			ctx, stop := context.WithTimeoutCause(api.As(t.Context(), id), time.Minute, errors.New("test ends"))
			if name == "FollowAlerts" {
				stop() // it lasts
			}
			err := call(ctx, svc, name)
			stop()
			if denied, want := errors.Is(err, fault.Denied), id.May(op) != nil; want && !denied {
				t.Errorf("%s by %s = %v, want Denied", name, who, err)
			}
			after, written := newestLine(t, a), false
			if after.ID > before.ID {
				written = after.What == string(op) && after.Who == id.User && (after.Outcome == "done") == (err == nil)
			}
			if written != line.Changes {
				t.Errorf("%s by %s (%v) leaves the line %+v, want one: %v", name, who, err, after, line.Changes)
			}
		}
	}
}

// newestLine is the newest line of the audit log.
func newestLine(t *testing.T, a *App) api.AuditLine {
	t.Helper()
	lines, err := a.Service().Audit(api.As(t.Context(), api.Local()), api.AuditRequest{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) == 0 {
		return api.AuditLine{}
	}
	return lines[0]
}

// Who got in and who did not is told, with the address he came from; and of many failures that there were many.
func TestLoginsAreAudited(t *testing.T) {
	a := running(t, true)
	admin := api.As(t.Context(), api.Local())
	svc := a.Service()
	if err := svc.PutUser(admin, api.UserEdit{Name: "bob", Password: "correct horse battery", Create: true}); err != nil {
		t.Fatal(err)
	}
	login := func(password string) (int, string) {
		return post(t, a.Address()+"/api/v1/session", "", `{"user":"bob","password":"`+password+`"}`)
	}
	for range 3 {
		if status, _ := login("wrong"); status != 401 {
			t.Fatalf("a wrong password gets %d", status)
		}
	}
	status, body := login("correct horse battery")
	if status != 200 {
		t.Fatalf("login = %d %s", status, body)
	}
	_, token, _ := strings.Cut(body, `"token":"`)
	token, _, _ = strings.Cut(token, `"`)
	if status, body := post(t, a.Address()+"/api/v1/users", token, `{"name":"eve","password":"correct horse battery","admin":true,"create":true}`); status != 403 {
		t.Errorf("bob adds an administrator: %d %s", status, body)
	}
	lines, err := svc.Audit(admin, api.AuditRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range lines {
		if l.Via == "http" && l.From != "127.0.0.1" {
			t.Errorf("%+v: want the address", l)
		}
		got = append(got, l.What+" by "+l.Who+" on "+l.Subject+": "+strings.SplitN(l.Outcome, ":", 2)[0])
	}
	want := []string{
		"users.add by bob on /api/v1/users: refused", "login by bob on user bob: done", "login by  on user bob: refused", "login by  on user bob: refused",
		"login by  on user bob: refused", "users.add by admin on user bob: done",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("audit log:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	// He is logged in: he is marked, and stays until that is ended.
	users, err := client(t, filepath.Join(a.setup.Config.Data, SocketName), "").Users(admin)
	if err != nil || len(users) != 1 || users[0].Sessions != 1 || users[0].LastLogin.IsZero() {
		t.Errorf("users = %+v, %v, want bob logged in once", users, err)
	}
	if err := svc.DeleteUser(admin, api.UserRemoval{Name: "bob"}); !errors.Is(err, fault.Conflict) || !strings.Contains(err.Error(), "logged in") {
		t.Errorf("delete who is logged in = %v", err)
	}
	if ended, err := svc.LogOutUser(admin, "bob"); err != nil || ended.Sessions != 1 {
		t.Errorf("log out = %+v, %v", ended, err)
	}
	if status, _ := post(t, a.Address()+"/api/v1/top", token, `{}`); status != 401 {
		t.Errorf("the session goes on: %d", status)
	}
	if err := svc.DeleteUser(admin, api.UserRemoval{Name: "bob"}); err != nil {
		t.Errorf("delete who is logged in no more = %v", err)
	}
}

// Of what is refused there are no more lines than a few a minute, and then it is told how many more there were.
func TestRefusalsAreBounded(t *testing.T) {
	a := running(t, false)
	id := api.As(t.Context(), api.Identity{User: "bob", Scopes: "read"})
	for range 500 {
		if _, err := a.Service().Clear(id, api.ClearRequest{Alerts: true}); !errors.Is(err, fault.Denied) {
			t.Fatal(err)
		}
	}
	lines, err := a.Service().Audit(api.As(t.Context(), api.Local()), api.AuditRequest{})
	if err != nil || len(lines) < 60 || len(lines) > 125 { // the minute may turn meanwhile
		t.Errorf("500 refusals leave %d lines, %v", len(lines), err)
	}
}

// post sends JSON with a token, and returns the status and the body.
func post(t *testing.T, url, token, body string) (int, string) {
	t.Helper()
	q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	q.Header.Set("Content-Type", "application/json")
	if token != "" {
		q.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}
