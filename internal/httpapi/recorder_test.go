package httpapi

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// recorder is a service that notes what it was asked, and answers with every field set or with an error.
type recorder struct {
	mu      sync.Mutex
	method  string
	asked   []any
	caller  api.Identity
	body    string
	err     error
	events  []string                                                                  // what Search finds
	search  error                                                                     // how Search ends
	append  func(io.Reader) (int, error)                                              // in place of reading all
	gate    chan struct{}                                                             // Flush waits for it
	follow  func(context.Context, api.AlertFollow, func(api.AlertChange) error) error // in place of one change
	append0 api.AppendAnswer                                                          // answer of Append, when set
}

func (r *recorder) note(ctx context.Context, method string, asked ...any) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.method, r.asked, r.caller = method, asked, api.Caller(ctx)
	return r.err
}

// filled returns a value with every field set to something that is not zero.
func filled[T any]() T {
	var v T
	fillIn(reflect.ValueOf(&v).Elem(), 1)
	return v
}

func fillIn(v reflect.Value, n int) {
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = time.Date(2026, 1, 2, 3, 4, 5, n, time.UTC)
		return
	case *netip.Addr:
		*x = netip.AddrFrom4([4]byte{192, 0, 2, byte(n)})
		return
	case *json.RawMessage:
		*x = json.RawMessage(`{"message":"x"}`)
		return
	case *alert.Severity:
		*x = alert.High
		return
	case *bool:
		*x = true
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("text " + string(rune('a'+n%26)) + " ü/&?%")
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(1e15) + int64(n))
	case reflect.Uint64:
		v.SetUint(uint64(1e15) + uint64(n))
	case reflect.Float64:
		v.SetFloat(float64(n) + .25)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fillIn(v.Index(i), n+i)
		}
	case reflect.Map:
		one := reflect.New(v.Type().Elem()).Elem()
		fillIn(one, n)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("key"), one)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Tag.Get("json") != "-" {
				fillIn(v.Field(i), n+i)
			}
		}
	}
}

func (r *recorder) Search(ctx context.Context, q api.SearchRequest, each func(json.RawMessage) error) error {
	if err := r.note(ctx, "Search", q); err != nil {
		return err
	}
	for _, e := range r.events {
		if err := each(json.RawMessage(e)); err != nil {
			return err
		}
	}
	return r.search
}

func (r *recorder) Top(ctx context.Context, q api.TopRequest) (api.TopAnswer, error) {
	return filled[api.TopAnswer](), r.note(ctx, "Top", q)
}

func (r *recorder) Traffic(ctx context.Context, q api.TrafficRequest) (api.TrafficAnswer, error) {
	return filled[api.TrafficAnswer](), r.note(ctx, "Traffic", q)
}

func (r *recorder) FlowSessions(ctx context.Context, q api.SessionRequest) (api.SessionAnswer, error) {
	return filled[api.SessionAnswer](), r.note(ctx, "FlowSessions", q)
}

func (r *recorder) Append(ctx context.Context, q api.AppendRequest, body io.Reader) (api.AppendAnswer, error) {
	if err := r.note(ctx, "Append", q); err != nil {
		return api.AppendAnswer{}, err
	}
	if r.append != nil {
		n, err := r.append(body)
		return api.AppendAnswer{Accepted: n}, err
	}
	text, err := io.ReadAll(body)
	r.body = string(text)
	if !reflect.ValueOf(r.append0).IsZero() {
		return r.append0, err
	}
	return api.AppendAnswer{Accepted: strings.Count(r.body, "\n")}, err
}

func (r *recorder) Resume(ctx context.Context, source string) (int64, error) {
	return 1 << 40, r.note(ctx, "Resume", source)
}

func (r *recorder) Ingest(ctx context.Context, q api.IngestRequest, body io.Reader) (api.IngestAnswer, error) {
	text, err := io.ReadAll(body)
	r.body = string(text)
	if noted := r.note(ctx, "Ingest", q); noted != nil {
		err = noted
	}
	return filled[api.IngestAnswer](), err
}

func (r *recorder) Flush(ctx context.Context) error {
	err := r.note(ctx, "Flush")
	if r.gate != nil {
		<-r.gate
	}
	return err
}

func (r *recorder) Explain(ctx context.Context, q api.ExplainRequest) (api.ExplainAnswer, error) {
	return filled[api.ExplainAnswer](), r.note(ctx, "Explain", q)
}

func (r *recorder) Quarantine(ctx context.Context, q api.QuarantineRequest) ([]api.QuarantineGroup, error) {
	return filled[[]api.QuarantineGroup](), r.note(ctx, "Quarantine", q)
}

func (r *recorder) QuarantineEntries(ctx context.Context, q api.QuarantineRequest) ([]api.QuarantineEntry, error) {
	return filled[[]api.QuarantineEntry](), r.note(ctx, "QuarantineEntries", q)
}

func (r *recorder) RetryQuarantine(ctx context.Context, q api.QuarantineRetry) (api.QuarantineRetried, error) {
	return filled[api.QuarantineRetried](), r.note(ctx, "RetryQuarantine", q)
}

func (r *recorder) DropQuarantine(ctx context.Context, q api.QuarantineRequest) (api.QuarantineDropped, error) {
	return filled[api.QuarantineDropped](), r.note(ctx, "DropQuarantine", q)
}

func (r *recorder) Detect(ctx context.Context, q api.DetectRequest) (api.DetectAnswer, error) {
	return filled[api.DetectAnswer](), r.note(ctx, "Detect", q)
}

func (r *recorder) ActOnAlert(ctx context.Context, q api.AlertAct) (alert.Alert, error) {
	return filled[alert.Alert](), r.note(ctx, "ActOnAlert", q)
}

func (r *recorder) AlertStory(ctx context.Context, id int64) (api.AlertStory, error) {
	return filled[api.AlertStory](), r.note(ctx, "AlertStory", id)
}

func (r *recorder) Mutes(ctx context.Context, q api.MuteRequest) ([]api.Mute, error) {
	return filled[[]api.Mute](), r.note(ctx, "Mutes", q)
}

func (r *recorder) PreviewMute(ctx context.Context, q api.MuteEdit) (api.MuteAnswer, error) {
	return filled[api.MuteAnswer](), r.note(ctx, "PreviewMute", q)
}

func (r *recorder) AddMute(ctx context.Context, q api.MuteEdit) (api.MuteAnswer, error) {
	return filled[api.MuteAnswer](), r.note(ctx, "AddMute", q)
}

func (r *recorder) EndMute(ctx context.Context, q api.MuteEnd) (api.Mute, error) {
	return filled[api.Mute](), r.note(ctx, "EndMute", q)
}

func (r *recorder) Alerts(ctx context.Context, q api.AlertRequest) ([]alert.Alert, error) {
	return filled[[]alert.Alert](), r.note(ctx, "Alerts", q)
}

func (r *recorder) FollowAlerts(ctx context.Context, q api.AlertFollow, each func(api.AlertChange) error) error {
	asked := q
	asked.Reached, asked.Broken = nil, nil
	if err := r.note(ctx, "FollowAlerts", asked); err != nil {
		return err
	}
	if r.follow != nil {
		return r.follow(ctx, q, each)
	}
	if err := each(filled[api.AlertChange]()); err != nil {
		return err
	}
	return q.Reached(1e15)
}

func (r *recorder) CountAlerts(ctx context.Context, q api.AlertRequest) ([]api.AlertCount, error) {
	return filled[[]api.AlertCount](), r.note(ctx, "CountAlerts", q)
}

func (r *recorder) Rules(ctx context.Context, q api.RuleRequest) ([]api.Rule, error) {
	return filled[[]api.Rule](), r.note(ctx, "Rules", q)
}

func (r *recorder) PutRule(ctx context.Context, e api.RuleEdit) (api.Rule, error) {
	return filled[api.Rule](), r.note(ctx, "PutRule", e)
}

func (r *recorder) BackTest(ctx context.Context, q api.BackTestRequest) (api.BackTestAnswer, error) {
	return filled[api.BackTestAnswer](), r.note(ctx, "BackTest", q)
}

func (r *recorder) DeleteRule(ctx context.Context, owner, name string) error {
	return r.note(ctx, "DeleteRule", owner, name)
}

func (r *recorder) EnableRule(ctx context.Context, owner, name string, enabled bool) error {
	return r.note(ctx, "EnableRule", owner, name, enabled)
}

func (r *recorder) Users(ctx context.Context) ([]api.User, error) {
	return filled[[]api.User](), r.note(ctx, "Users")
}

func (r *recorder) PutUser(ctx context.Context, u api.UserEdit) error {
	return r.note(ctx, "PutUser", u)
}

func (r *recorder) DisableUser(ctx context.Context, name string, disabled bool) error {
	return r.note(ctx, "DisableUser", name, disabled)
}

func (r *recorder) MakeToken(ctx context.Context, t api.TokenRequest) (api.Token, error) {
	return filled[api.Token](), r.note(ctx, "MakeToken", t)
}

func (r *recorder) Preferences(ctx context.Context, user string) (api.Preferences, error) {
	return filled[api.Preferences](), r.note(ctx, "Preferences", user)
}

func (r *recorder) Views(ctx context.Context, user string) ([]api.View, error) {
	return filled[[]api.View](), r.note(ctx, "Views", user)
}

func (r *recorder) PutView(ctx context.Context, q api.ViewEdit) (api.View, error) {
	return filled[api.View](), r.note(ctx, "PutView", q)
}

func (r *recorder) DeleteView(ctx context.Context, q api.ViewRemoval) error {
	return r.note(ctx, "DeleteView", q)
}

func (r *recorder) Board(ctx context.Context, user string) (api.Board, error) {
	return filled[api.Board](), r.note(ctx, "Board", user)
}

func (r *recorder) PutBoard(ctx context.Context, q api.BoardEdit) (api.Board, error) {
	return filled[api.Board](), r.note(ctx, "PutBoard", q)
}

func (r *recorder) ResetBoard(ctx context.Context, user string) (api.Board, error) {
	return filled[api.Board](), r.note(ctx, "ResetBoard", user)
}

func (r *recorder) Reports(ctx context.Context, user string) ([]api.Report, error) {
	return filled[[]api.Report](), r.note(ctx, "Reports", user)
}

func (r *recorder) PutReport(ctx context.Context, q api.ReportEdit) (api.Report, error) {
	return filled[api.Report](), r.note(ctx, "PutReport", q)
}

func (r *recorder) DeleteReport(ctx context.Context, q api.ReportRef) error {
	return r.note(ctx, "DeleteReport", q)
}

func (r *recorder) RunReport(ctx context.Context, q api.ReportRun) (api.ReportResult, error) {
	return filled[api.ReportResult](), r.note(ctx, "RunReport", q)
}

func (r *recorder) ReportResults(ctx context.Context, q api.ReportRef) ([]api.ReportResult, error) {
	return filled[[]api.ReportResult](), r.note(ctx, "ReportResults", q)
}

func (r *recorder) ReportResult(ctx context.Context, q api.ResultRef) (api.ReportResult, error) {
	return filled[api.ReportResult](), r.note(ctx, "ReportResult", q)
}

func (r *recorder) DeleteReportResult(ctx context.Context, q api.ResultRef) error {
	return r.note(ctx, "DeleteReportResult", q)
}

func (r *recorder) PutPreferences(ctx context.Context, q api.PreferencesEdit) (api.PreferencesSaved, error) {
	return filled[api.PreferencesSaved](), r.note(ctx, "PutPreferences", q)
}

func (r *recorder) TestWays(ctx context.Context, user string) ([]api.WayTest, error) {
	return filled[[]api.WayTest](), r.note(ctx, "TestWays", user)
}

func (r *recorder) MailServer(ctx context.Context) (api.MailServer, error) {
	return filled[api.MailServer](), r.note(ctx, "MailServer")
}

func (r *recorder) PutMailServer(ctx context.Context, q api.MailServerEdit) (api.MailServerSaved, error) {
	return filled[api.MailServerSaved](), r.note(ctx, "PutMailServer", q)
}

func (r *recorder) Health(ctx context.Context) (api.Health, error) {
	return filled[api.Health](), r.note(ctx, "Health")
}

func (r *recorder) Exporters(ctx context.Context) ([]api.Exporter, error) {
	return filled[[]api.Exporter](), r.note(ctx, "Exporters")
}

func (r *recorder) Interfaces(ctx context.Context, q api.InterfaceRequest) (api.Interfaces, error) {
	return filled[api.Interfaces](), r.note(ctx, "Interfaces", q)
}

func (r *recorder) Groups(ctx context.Context, q api.GroupRequest) ([]api.Group, error) {
	return filled[[]api.Group](), r.note(ctx, "Groups", q)
}

func (r *recorder) PutGroups(ctx context.Context, q api.GroupsEdit) (api.GroupsSaved, error) {
	return filled[api.GroupsSaved](), r.note(ctx, "PutGroups", q)
}

func (r *recorder) DeleteGroup(ctx context.Context, name string) error {
	return r.note(ctx, "DeleteGroup", name)
}

func (r *recorder) Names(ctx context.Context, q api.NameRequest) ([]api.Name, error) {
	return filled[[]api.Name](), r.note(ctx, "Names", q)
}

func (r *recorder) PutNames(ctx context.Context, q api.NamesEdit) (api.NamesSaved, error) {
	return filled[api.NamesSaved](), r.note(ctx, "PutNames", q)
}

func (r *recorder) DeleteNames(ctx context.Context, q api.NamesRemoval) (api.NamesSaved, error) {
	return filled[api.NamesSaved](), r.note(ctx, "DeleteNames", q)
}

func (r *recorder) NamesOf(ctx context.Context, q api.NamesOfRequest) ([]api.Named, error) {
	return filled[[]api.Named](), r.note(ctx, "NamesOf", q)
}

func (r *recorder) Adopt(ctx context.Context, q api.AdoptRequest) (api.AdoptAnswer, error) {
	return filled[api.AdoptAnswer](), r.note(ctx, "Adopt", q)
}

func (r *recorder) Clear(ctx context.Context, q api.ClearRequest) (api.ClearAnswer, error) {
	return filled[api.ClearAnswer](), r.note(ctx, "Clear", q)
}

func (r *recorder) SelfTest(ctx context.Context, q api.SelfTestRequest) (api.SelfTestAnswer, error) {
	return filled[api.SelfTestAnswer](), r.note(ctx, "SelfTest", q)
}

func (r *recorder) Backup(ctx context.Context, dir string) error { return r.note(ctx, "Backup", dir) }

// accounts knows the users alice (an administrator) and bob, each with "right" as password and "token of NAME" as token.
type accounts struct {
	mu    sync.Mutex
	asked int
	down  bool
	err   error // in place of any answer
}

func (a *accounts) ask() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked++
	if a.err != nil {
		return a.err
	}
	if a.down {
		return fault.New(fault.Unavailable, "ledger is away")
	}
	return nil
}

func (a *accounts) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked
}

func (a *accounts) Check(_ context.Context, user, password string) (api.Identity, error) {
	if err := a.ask(); err != nil {
		return api.Identity{}, err
	}
	if password != "right" || user != "alice" && user != "bob" {
		return api.Identity{}, fault.New(fault.Denied, "no")
	}
	return api.Identity{User: user, Admin: user == "alice"}, nil
}

func (a *accounts) Token(ctx context.Context, token string) (api.Identity, error) {
	user, ok := strings.CutPrefix(token, "token of ")
	if !ok {
		return a.Check(ctx, "", "")
	}
	user, scope, _ := strings.Cut(user, " for ")
	id, err := a.Check(ctx, user, "right")
	id.Scopes = scope
	return id, err
}

func (a *accounts) Setup(ctx context.Context, token, user, password string) (api.Identity, error) {
	if token != "first" {
		return a.Check(ctx, "", "")
	}
	return api.Identity{User: user, Admin: true}, a.ask()
}

// A site is a running server.
type site struct {
	*Server

	svc    *recorder
	auth   *accounts
	url    string
	socket string
}

func open(t *testing.T, change func(*Options)) *site {
	t.Helper()
	s := built(t, change)
	s.socket = filepath.Join(t.TempDir(), "tocsin.sock")
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	unix, err := ListenSocket(s.socket)
	if err != nil {
		t.Fatal(err)
	}
	s.url = "http://" + tcp.Addr().String()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, tcp, unix) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
	})
	return s
}

// built is a server that listens nowhere: it is asked by handle alone.
func built(t *testing.T, change func(*Options)) *site {
	t.Helper()
	s := &site{svc: &recorder{events: []string{`{"message":"one"}`}}, auth: &accounts{}}
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			http.Redirect(w, r, r.URL.Path, http.StatusSeeOther)
			return
		}
		_, _ = io.WriteString(w, "page of "+api.Caller(r.Context()).User)
	})
	o := Options{Service: s.svc, Auth: s.auth, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(), Pages: page, Metrics: page}
	if change != nil {
		change(&o)
	}
	var err error
	if s.Server, err = New(o); err != nil {
		t.Fatal(err)
	}
	return s
}

// try makes one request over TCP and returns the answer with its body read.
func (s *site) try(t *testing.T, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return finish(t, http.DefaultTransport, r)
}

func finish(t *testing.T, via http.RoundTripper, r *http.Request) (*http.Response, string) {
	t.Helper()
	res, err := via.RoundTrip(r)
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL.Path, err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: read answer: %v", r.Method, r.URL.Path, err)
	}
	return res, string(text)
}

// handle answers a request without a network, as a peer of an address.
func (s *site) handle(r *http.Request, p peer) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), peerKey{}, p)))
	return w
}

const (
	asAlice = "Basic YWxpY2U6cmlnaHQ=" // alice:right
	asBob   = "Basic Ym9iOnJpZ2h0"     // bob:right
)

func (r *recorder) User(ctx context.Context, name string) (api.User, error) {
	return filled[api.User](), r.note(ctx, "User", name)
}

func (r *recorder) SetRole(ctx context.Context, name string, admin bool) error {
	return r.note(ctx, "SetRole", name, admin)
}

func (r *recorder) FilterUser(ctx context.Context, name, filter string) error {
	return r.note(ctx, "FilterUser", name, filter)
}

func (r *recorder) DeleteUser(ctx context.Context, q api.UserRemoval) error {
	return r.note(ctx, "DeleteUser", q)
}

func (r *recorder) LogOutUser(ctx context.Context, name string) (api.LoggedOut, error) {
	return filled[api.LoggedOut](), r.note(ctx, "LogOutUser", name)
}

func (r *recorder) Tokens(ctx context.Context, q api.TokenQuery) ([]api.TokenEntry, error) {
	return filled[[]api.TokenEntry](), r.note(ctx, "Tokens", q)
}

func (r *recorder) RevokeTokens(ctx context.Context, q api.TokenRevocation) (api.Revoked, error) {
	return filled[api.Revoked](), r.note(ctx, "RevokeTokens", q)
}

func (r *recorder) Audit(ctx context.Context, q api.AuditRequest) ([]api.AuditLine, error) {
	return filled[[]api.AuditLine](), r.note(ctx, "Audit", q)
}

func (r *recorder) Notices(ctx context.Context, q api.NoticeRequest) ([]api.AlertNotice, error) {
	return filled[[]api.AlertNotice](), r.note(ctx, "Notices", q)
}

func (r *recorder) SendNotices(ctx context.Context, q api.NoticesAgain) (api.NoticesSent, error) {
	return filled[api.NoticesSent](), r.note(ctx, "SendNotices", q)
}

func (r *recorder) PreviewNotice(ctx context.Context, q api.PreviewRequest) (api.NoticePreview, error) {
	return filled[api.NoticePreview](), r.note(ctx, "PreviewNotice", q)
}

func (r *recorder) TestChannel(ctx context.Context, q api.ChannelTest) (api.ChannelTested, error) {
	return filled[api.ChannelTested](), r.note(ctx, "TestChannel", q)
}
