package httpapi

import (
	"context"
	"net/http"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/permission"
)

// A route is one line of the API. Its types make its description.
type route struct {
	method, path string
	op           permission.Operation // who may call it stands in the table of package permission
	doc          string
	in           any    // zero value of what is asked: a GET's query or another's JSON body; nil: nothing
	query        any    // zero value of a query beside a body
	body         string // media type of a body that is not JSON
	out          any    // zero value of the answer; nil: none
	media        string // media type of an answer that is not one JSON value; out is then one line of it
	flowtraq     bool   // FlowTraq's: a token may stand in the query, and what is wrong is told as it was there as well
	page         bool   // for people: who is not logged in is sent to the login
	handle       func(w *response, r *http.Request) error
}

// ndjson is JSON objects, one a line.
const ndjson = "application/x-ndjson"

// table is the whole API.
func (s *Server) table() []route {
	v := s.service
	routes := []route{
		{method: "POST", path: "/api/v1/events", op: permission.SendEvents, handle: s.postEvents, query: api.AppendRequest{}, body: ndjson, out: api.AppendAnswer{},
			doc: "Takes events, one JSON object a line. The answer comes when they are safe on disk. With an Idempotency-Key a repeat adds nothing; without one events may be taken twice when a request is repeated."},
		{method: "GET", path: "/api/v1/search", op: permission.Search, handle: s.search(fromQuery), in: api.SearchRequest{}, out: eventLine{}, media: ndjson,
			doc: "Finds events, one a line. A last line with the sole key problem says that the answer is not complete."},
		{method: "POST", path: "/api/v1/search", op: permission.Search, handle: s.search(fromBody), in: api.SearchRequest{}, out: eventLine{}, media: ndjson,
			doc: "Finds events, as GET does."},
		ask("GET", "/api/v1/top", permission.Top, "Ranks the values of fields, or draws a line over time.", v.Top),
		ask("POST", "/api/v1/top", permission.Top, "Ranks, as GET does.", v.Top),
		ask("GET", "/api/v1/flows/top", permission.RankFlows, "Ranks who or what makes the most traffic, with all that is told of each.", v.Traffic),
		ask("POST", "/api/v1/flows/top", permission.RankFlows, "Ranks traffic, as GET does.", v.Traffic),
		ask("GET", "/api/v1/flows/sessions", permission.ListSessions, "Lists the sessions that flows tell of, with what both ends sent.", v.FlowSessions),
		ask("POST", "/api/v1/flows/sessions", permission.ListSessions, "Lists sessions, as GET does.", v.FlowSessions),
		ask("POST", "/api/v1/detect", permission.Detect, "Judges history by rules and keeps the alerts.", v.Detect),
		ask("POST", "/api/v1/explain", permission.Explain, "Says how lines are read and what the rules make of them, and keeps nothing.", v.Explain),
		ask("GET", "/api/v1/alerts", permission.ListAlerts, "Lists alerts, newest first.", v.Alerts),
		{method: "GET", path: "/api/v1/alerts/stream", op: permission.FollowAlerts, handle: s.followAlerts, in: api.AlertFollow{}, out: api.AlertChange{}, media: eventStream,
			doc: "Tells each change of an alert as it happens, as server-sent events: alert, and at last end with a problem. Who comes back shows the last id as Last-Event-ID or since_change."},
		ask("GET", "/api/v1/alerts/counts", permission.ListAlerts, "Counts what listing alerts would list, by rule, severity and state.", v.CountAlerts),
		{method: "GET", path: "/api/v1/alerts/{id}", op: permission.ShowAlert, handle: s.getAlert, out: api.AlertStory{},
			doc: "Tells one alert with all that happened to it, and for who may act on it the notices about it."},
		toAlert[acknowledgeBody](s, api.Acknowledge, "Says that the caller has taken an alert on: its changes are told no more until it ends or gets more severe."),
		toAlert[noteBody](s, api.Unacknowledge, "Takes an acknowledgement back."),
		toAlert[commentBody](s, api.Comment, "Says something about an alert."),
		toAlert[assignBody](s, api.Assign, "Gives an alert to an account, or to nobody."),
		toAlert[closeBody](s, api.Close, "Ends an alert and says what it was: true, benign, false, expected or duplicate."),

		ask("GET", "/api/v1/mutes", permission.ListMutes, "Lists silences, maintenance windows and exclusions, newest first.", v.Mutes),
		ask("POST", "/api/v1/mutes", permission.ChangeMute, "Makes a silence, a window or an exclusion.", v.AddMute),
		ask("POST", "/api/v1/mutes/preview", permission.PreviewMute, "Says what a silence, a window or an exclusion would hide, and makes none.", v.PreviewMute),
		{method: "POST", path: "/api/v1/mutes/{id}/end", op: permission.ChangeMute, handle: s.endMute, in: muteEndBody{}, out: api.Mute{},
			doc: "Takes a silence, a window or an exclusion back."},

		ask("GET", "/api/v1/rules", permission.ListRules, "Lists rules.", v.Rules),
		ask("POST", "/api/v1/rules", permission.ChangeRule, "Adds a rule, or replaces the one of the same name.", v.PutRule),
		ask("POST", "/api/v1/rules/backtest", permission.BackTest, "Says what a rule would have found in history, suggests a limit on request, and keeps nothing.", v.BackTest),
		named("DELETE", "/api/v1/rules/{name}", permission.DeleteRule, "Deletes a rule.", func(ctx context.Context, name string, q ownerQuery) error {
			return v.DeleteRule(ctx, q.Owner, name)
		}),
		named("POST", "/api/v1/rules/{name}/enable", permission.EnableRule, "Lets a rule judge.", func(ctx context.Context, name string, q ownerQuery) error {
			return v.EnableRule(ctx, q.Owner, name, true)
		}),
		named("POST", "/api/v1/rules/{name}/disable", permission.EnableRule, "Lets a rule rest.", func(ctx context.Context, name string, q ownerQuery) error {
			return v.EnableRule(ctx, q.Owner, name, false)
		}),

		ask("GET", "/api/v1/users", permission.ListUsers, "Lists accounts.", func(ctx context.Context, _ nothing) ([]api.User, error) { return v.Users(ctx) }),
		ask("POST", "/api/v1/users", permission.AddUser, "Adds an account, or changes the password of one.", s.putUser),
		{method: "PUT", path: "/api/v1/users/{name}/password", op: permission.SetPassword, handle: s.putPassword, in: passwordBody{},
			doc: "Changes a password: one's own, or as an administrator anybody's."},
		ask("POST", "/api/v1/tokens", permission.MakeToken, "Makes a token: for oneself, or as an administrator for anybody. It is shown this once.", s.makeToken),
		named("POST", "/api/v1/users/{name}/enable", permission.EnableUser, "Lets an account in again.", func(ctx context.Context, name string, _ nothing) error {
			return s.disableUser(ctx, name, false)
		}),
		named("POST", "/api/v1/users/{name}/disable", permission.EnableUser, "Locks an account out, at once.", func(ctx context.Context, name string, _ nothing) error {
			return s.disableUser(ctx, name, true)
		}),

		ask("GET", "/api/v1/quarantine", permission.ListQuarantine, "Lists the rejected records that are kept, by source, format and reason.", v.Quarantine),
		ask("GET", "/api/v1/quarantine/entries", permission.ListQuarantine, "Shows rejected records, oldest first.", v.QuarantineEntries),
		ask("POST", "/api/v1/quarantine/retry", permission.RetryQuarantine, "Reads rejected records again. What can be read now is accepted, once, and no longer kept there.", v.RetryQuarantine),
		ask("POST", "/api/v1/quarantine/drop", permission.DropQuarantine, "Forgets rejected records.", v.DropQuarantine),
		ask("GET", "/api/v1/exporters", permission.ListExporters, "Lists who sends flows, and how they do.", func(ctx context.Context, _ nothing) ([]api.Exporter, error) { return v.Exporters(ctx) }),
		ask("GET", "/api/v1/exporters/interfaces", permission.ListExporters, "Lists interfaces of exporters: state, speed, rates and errors, as counter samples of sFlow tell them.", v.Interfaces),

		{method: "POST", path: "/api/v1/ingest", op: permission.Ingest, handle: s.postIngest, query: api.IngestRequest{}, body: "application/octet-stream", out: api.IngestAnswer{},
			doc: "Reads one file into the history: the body is its content from offset on."},
		{method: "GET", path: "/api/v1/ingest", op: permission.Resume, handle: s.resume, in: sourceQuery{}, out: resumeAnswer{},
			doc: "Says from where on the content of a source is wanted."},
		act("POST", "/api/v1/flush", permission.Flush, "Returns when everything taken in so far is in the history.", func(ctx context.Context, _ nothing) error { return v.Flush(ctx) }),
		act("POST", "/api/v1/backup", permission.Backup, "Copies everything into a directory on the machine where tocsin runs.", func(ctx context.Context, q backupBody) error { return v.Backup(ctx, q.Dir) }),
		ask("POST", "/api/v1/adopt", permission.Adopt, "Takes over accounts and alerts that another program kept.", v.Adopt),
		ask("POST", "/api/v1/clear", permission.Clear, "Deletes alerts, events or both for good.", v.Clear),
		ask("GET", "/api/v1/health", permission.Health, "Tells how tocsin is.", func(ctx context.Context, _ nothing) (api.Health, error) { return v.Health(ctx) }),
		ask("POST", "/api/v1/selftest", permission.Selftest, "Sends a marked test event through the whole of tocsin and says what became of it.", v.SelfTest),
		{method: "GET", path: "/api/v1/openapi.json", op: permission.OpenAPI, handle: s.getOpenAPI, out: anything{}, doc: "Describes this API (OpenAPI 3.1)."},

		{method: "POST", path: "/api/v1/setup", op: permission.SetUp, handle: s.setup, in: setupBody{}, out: loginAnswer{},
			doc: "Makes the first administrator, for who shows the token that was printed at the first start."},
		{method: "POST", path: "/api/v1/session", op: permission.LogIn, handle: s.startSession, in: loginBody{}, out: loginAnswer{},
			doc: "Logs in; the token is shown as a bearer token with later requests."},
		{method: "DELETE", path: "/api/v1/session", op: permission.LogOut, handle: s.endSession, doc: "Logs out."},

		{method: "GET", path: "/healthz", op: permission.Alive, handle: s.healthz, out: "", media: "text/plain", doc: "Answers ok as long as tocsin lives."},
		{method: "GET", path: "/readyz", op: permission.Alive, handle: s.readyz, out: "", media: "text/plain", doc: "Answers ok when tocsin can do its work, else 503."},
	}
	routes = append(routes, s.people()...)
	routes = append(routes, s.preferenceRoutes()...)
	routes = append(routes, s.viewRoutes()...)
	routes = append(routes, s.boardRoutes()...)
	routes = append(routes, s.reportRoutes()...)
	routes = append(routes, s.namingRoutes()...)
	routes = append(routes, s.noticeRoutes()...)
	routes = append(routes, s.flowtraqRoutes()...)
	if s.metrics != nil {
		routes = append(routes, route{method: "GET", path: "/metrics", op: permission.Metrics, handle: plain(s.metrics), out: "", media: "text/plain", doc: "Numbers for Prometheus."})
	}
	if s.pages != nil {
		routes = append(routes, s.pageRoutes()...)
		routes = append(routes, s.signonRoutes()...)
	}
	return routes
}

const form = "application/x-www-form-urlencoded"

// Shapes of questions and answers that no other file has.
type (
	nothing    struct{} // what routes without a question ask
	anything   struct{} // a JSON object of any shape
	eventLine  struct{} // a JSON object with dotted names
	ownerQuery struct {
		Owner string `json:"owner,omitempty"` // whose rule is meant; empty is the caller
	}
)

// ask makes the route of a call that takes a question and gives an answer.
func ask[Q, A any](method, path string, op permission.Operation, doc string, call func(context.Context, Q) (A, error)) route {
	var q Q
	var a A
	return route{method: method, path: path, op: op, doc: doc, in: q, out: a, handle: func(w *response, r *http.Request) error {
		var q Q
		if err := question(w, r, &q); err != nil {
			return err
		}
		a, err := call(r.Context(), q)
		if err != nil {
			return err
		}
		return w.answer(a)
	}}
}

// act makes the route of a call that has no answer.
func act[Q any](method, path string, op permission.Operation, doc string, call func(context.Context, Q) error) route {
	r := ask(method, path, op, doc, func(ctx context.Context, q Q) (any, error) { return nil, call(ctx, q) })
	return r
}

// named makes the route of a call about the thing that the path names. What else it asks stands in the query.
func named[Q any](method, path string, op permission.Operation, doc string, call func(context.Context, string, Q) error) route {
	var q Q
	return route{method: method, path: path, op: op, doc: doc, query: q, handle: func(w *response, r *http.Request) error {
		var q Q
		if err := decodeQuery(r.URL.Query(), &q, time.Now()); err != nil {
			return err
		}
		if err := call(r.Context(), r.PathValue("name"), q); err != nil {
			return err
		}
		return w.answer(nil)
	}}
}

// question reads what is asked: of a GET from its query, else from its JSON body.
func question(w *response, r *http.Request, into any) error {
	if r.Method == http.MethodGet {
		return fromQuery(w, r, into)
	}
	return fromBody(w, r, into)
}

func fromQuery(_ *response, r *http.Request, into any) error {
	return decodeQuery(r.URL.Query(), into, time.Now())
}

func fromBody(w *response, r *http.Request, into any) error { return decodeJSON(w, r, into) }

// plain makes a handle of a handler.
func plain(h http.Handler) func(*response, *http.Request) error {
	return func(w *response, r *http.Request) error {
		h.ServeHTTP(w, r)
		return nil
	}
}
