package httpapi

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/permission"
)

// flowtraqLogsIn asks for a token as FlowTraq's scripts do, and returns it.
func flowtraqLogsIn(t *testing.T, s *site, user string) string {
	t.Helper()
	res, text := s.try(t, "POST", "/flowtraq/api/v1/auth", "server=localhost&port=9640&username="+user+"&password=right", "Content-Type", form)
	var answer map[string]string
	if err := json.Unmarshal([]byte(text), &answer); err != nil || res.StatusCode != 200 || answer["auth_token"] == "" || len(answer) != 1 {
		t.Fatalf("auth = %d %s", res.StatusCode, text)
	}
	return answer["auth_token"]
}

// A token is given for a name and password, as a form or as JSON; what is wrong is told as FlowTraq's API did.
func TestFlowTraqAuth(t *testing.T) {
	s := open(t, nil)
	for _, c := range []struct {
		name, path, kind, body string
		status                 int
		says                   string
	}{
		{"form", "/flowtraq/api/v1/auth", form, "username=bob&password=right", 200, "auth_token"},
		{"form with a charset", "/api/v1/auth", form + "; charset=utf-8", "username=bob&password=right", 200, "auth_token"},
		{"JSON", "/api/v1/auth", "application/json", `{"server":"localhost","port":9640,"username":"bob","password":"right"}`, 200, "auth_token"},
		{"JSON with another server", "/api/v1/auth", "application/json", `{"server":7,"port":{"a":[1]},"username":"bob","password":"right"}`, 200, "auth_token"},
		{"JSON without a type", "/flowtraq/api/v1/auth", "", `{"port":"9640","username":"bob","password":"right"}`, 200, "auth_token"},
		{"wrong", "/flowtraq/api/v1/auth", form, "username=bob&password=hunter2", 401, "name and password, or token, are not right"},
		{"nobody", "/flowtraq/api/v1/auth", form, "username=nobody&password=right", 401, "name and password, or token, are not right"},
		{"no password", "/flowtraq/api/v1/auth", form, "username=bob", 400, "want username and password"},
		{"nothing", "/flowtraq/api/v1/auth", "", "", 400, "want username and password"},
		{"in the address", "/flowtraq/api/v1/auth?username=bob&password=right", form, "username=bob&password=right", 400, "have no place in an address"},
		{"another type", "/flowtraq/api/v1/auth", "text/plain", "username=bob&password=right", 415, "want application/json"},
		{"foul JSON", "/flowtraq/api/v1/auth", "application/json", `{"username":`, 400, "decode body"},
		{"unknown fields", "/flowtraq/api/v1/auth", "application/json", `{"user":"bob","password":"right"}`, 400, "unknown field"},
		{"too much", "/flowtraq/api/v1/auth", form, "username=bob&password=" + strings.Repeat("x", 9<<10), 400, "too large"},
	} {
		res, text := s.try(t, "POST", c.path, c.body, "Content-Type", c.kind)
		var answer struct {
			Token string `json:"auth_token"`
			Error string `json:"error"`
		}
		if err := json.Unmarshal([]byte(text), &answer); err != nil || res.StatusCode != c.status || (answer.Token == "") == (answer.Error == "") ||
			!strings.Contains(text, c.says) || strings.Contains(text, "hunter2") {
			t.Errorf("%s: %d %s, want %d with %q", c.name, res.StatusCode, text, c.status, c.says)
		}
	}
}

// Guessing by this door is slowed down as by any other, and by the same count. Time stands still: the first wait is a second long.
func TestFlowTraqAuthIsThrottled(t *testing.T) { synctest.Test(t, throttledAtBothDoors) }

func throttledAtBothDoors(t *testing.T) {
	s := built(t, nil)
	post := func(path, kind, body string) *httptest.ResponseRecorder {
		q, err := http.NewRequestWithContext(t.Context(), "POST", path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Content-Type", kind)
		return s.handle(q, peer{addr: addr("203.0.113.5")})
	}
	for range 200 {
		w := post("/flowtraq/api/v1/auth", form, "username=bob&password=hunter2")
		if w.Code == http.StatusTooManyRequests {
			if w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), `"error":"too many wrong passwords`) {
				t.Errorf("throttled: %s, Retry-After %q", w.Body, w.Header().Get("Retry-After"))
			}
			if w := post("/api/v1/session", "application/json", `{"user":"bob","password":"hunter2"}`); w.Code != http.StatusTooManyRequests {
				t.Errorf("the other door is open: %d", w.Code)
			}
			return
		}
	}
	t.Error("200 wrong passwords were tried without a wait")
}

// A token of this API shows what its account may see, for an hour, and changes nothing. Only this API takes it, or any other,
// from an address.
func TestFlowTraqToken(t *testing.T) {
	s := open(t, nil)
	token := flowtraqLogsIn(t, s, "alice")
	in := "?auth_token=" + token
	for _, c := range []struct {
		method, path, header string
		status               int
	}{
		{"GET", "/flowtraq/api/v1/stat" + in, "", 200},
		{"GET", "/api/v1/sessions" + in, "", 200},
		{"GET", "/api/v1/stat", "Bearer " + token, 200},
		{"GET", "/api/v1/alerts", "Bearer " + token, 200},
		{"GET", "/api/v1/stat", "", 401},
		{"GET", "/api/v1/stat?auth_token=session-AAAA", "", 401},
		{"POST", "/flowtraq/api/v1/stat" + in, "", 405},
		{"GET", "/flowtraq/api/v1/statistics" + in, "", 404},
		{"GET", "/api/v1/stat?auth_token=" + url.QueryEscape("token of bob"), "", 401}, // lasting ones do not belong into addresses
		{"GET", "/api/v1/stat", "Bearer token of bob", 200},
		{"GET", "/api/v1/stat" + in, "Bearer revoked", 401},
		{"GET", "/api/v1/alerts" + in, "", 401},
		{"POST", "/api/v1/flush" + in, "", 401},
		{"POST", "/api/v1/flush", "Bearer " + token, 403},
		{"POST", "/api/v1/tokens", "Bearer " + token, 403},
		{"POST", "/api/v1/users", "Bearer " + token, 403},
	} {
		var headers []string
		if c.header != "" {
			headers = []string{"Authorization", c.header}
		}
		res, text := s.try(t, c.method, c.path, "", headers...)
		if res.StatusCode != c.status {
			t.Errorf("%s %s with %q: %d %s, want %d", c.method, c.path, c.header, res.StatusCode, text, c.status)
		}
		var answer struct {
			Error string `json:"error"`
		}
		ours := strings.Contains(c.path, "/stat") || strings.Contains(c.path, "/v1/sessions")
		if err := json.Unmarshal([]byte(text), &answer); ours && (err != nil || (answer.Error != "") != (c.status >= 400)) {
			t.Errorf("%s %s: error is %q in %s", c.method, c.path, answer.Error, text)
		}
	}
	now := time.Now()
	lent := s.sessions.lend(api.Identity{User: "bob", Scopes: permission.FormatScopes([]permission.Scope{permission.Read})}, now, flowtraqLife)
	if _, ok := s.sessions.find(lent, now.Add(flowtraqLife)); !ok {
		t.Error("a token is over within its hour")
	}
	if _, ok := s.sessions.find(lent, now.Add(flowtraqLife+1)); ok {
		t.Error("a token lives on by being used")
	}
	s.sessions.forget("alice") // as when the account is disabled or its password changes
	if res, _ := s.try(t, "GET", "/flowtraq/api/v1/stat"+in, ""); res.StatusCode != 401 {
		t.Errorf("a token of an account that changed: %d", res.StatusCode)
	}
}

// What is asked reaches the service as it is meant, and nothing that is not understood does.
func TestFlowTraqQuestions(t *testing.T) {
	s := open(t, nil)
	token := flowtraqLogsIn(t, s, "bob")
	ask := func(path, query string) (int, string) {
		s.svc.asked = nil
		res, text := s.try(t, "GET", "/flowtraq/api/v1/"+path+"?server=localhost&port=9640&auth_token="+token+"&"+query, "")
		return res.StatusCode, text
	}
	for _, c := range []struct {
		query string
		want  api.TrafficRequest
		span  time.Duration
	}{
		{"", api.TrafficRequest{By: "host", Rank: "bytes", Side: "sent", Limit: 10, Bucket: 15 * time.Second}, 15 * time.Minute},
		{"group_by=COUNTRY&count_by=BYTES&time_range=-1h", api.TrafficRequest{By: "country", Rank: "bytes", Side: "sent", Limit: 10, Bucket: time.Minute}, time.Hour},
		{"group_by=pair&count_by=unique+ports&rows=3", api.TrafficRequest{By: "pair", Rank: "ports", Limit: 3, Bucket: 15 * time.Second}, 15 * time.Minute},
		{"group_by=port&count_by=sessions", api.TrafficRequest{By: "port", Rank: "sessions", Limit: 10, Bucket: 15 * time.Second}, 15 * time.Minute},
		{"count_by=packets", api.TrafficRequest{By: "host", Rank: "packets", Side: "sent", Limit: 10, Bucket: 15 * time.Second}, 15 * time.Minute},
		{"count_by=sessions&direction=rcv&after_time=11/21/25+10:00:00.000000&before_time=11/21/25+12:00:00.000000", api.TrafficRequest{By: "host", Rank: "sessions", Side: "received", Limit: 10, Bucket: 5 * time.Minute}, 2 * time.Hour},
		{"direction=both&query=" + url.QueryEscape("SRVPORT==22"), api.TrafficRequest{By: "host", Rank: "bytes", Where: "flowtraq: SRVPORT==22", Limit: 10, Bucket: 15 * time.Second}, 15 * time.Minute},
	} {
		status, text := ask("stat", c.query)
		if status != 200 {
			t.Errorf("stat?%s = %d %s", c.query, status, text)
			continue
		}
		got, ok := s.svc.asked[0].(api.TrafficRequest)
		if !ok || got.Until.Sub(got.Since) != c.span {
			t.Errorf("stat?%s asked %+v over %v, want %v", c.query, s.svc.asked, got.Until.Sub(got.Since), c.span)
		}
		if got.Since, got.Until = (time.Time{}), (time.Time{}); got != c.want {
			t.Errorf("stat?%s asked %+v, want %+v", c.query, got, c.want)
		}
	}
	if status, text := ask("sessions", "rows=7&query=PORT==53"); status != 200 {
		t.Errorf("sessions = %d %s", status, text)
	} else if got, _ := s.svc.asked[0].(api.SessionRequest); got.Limit != 7 || got.Where != "flowtraq: PORT==53" || !got.Oldest || got.Until.Sub(got.Since) != 15*time.Minute {
		t.Errorf("sessions asked %+v", s.svc.asked)
	}
	for query, says := range map[string]string{
		"stat group_by=nonsense":                         `group_by \"nonsense\": want one of IP`,
		"stat count_by=unique":                           `count_by \"unique\": want one of BYTES`,
		"stat group_by=port&count_by=unique+ports":       "it is always one",
		"stat direction=up":                              "want snd, rcv or both",
		"stat count_by=unique+hosts&direction=snd":       "neither sent nor received",
		"stat rows=-1":                                   "rows -1",
		"stat rows=1000000":                              "rows 1000000",
		"stat rows=x":                                    "want a whole number",
		"stat time_range=x":                              "want a length of time",
		"stat after_time=yesterday":                      "want MM/DD/YY",
		"stat after_time=11/21/25&time_range=1h":         "not both",
		"stat before_time=11/21/25&after_time=11/22/25":  "the range of time is empty",
		"stat query=SRVPORT":                             "query: ",
		"stat nonsense=1":                                "unknown",
		"stat rows=1&rows=2":                             "given 2 times",
		"sessions group_by=IP":                           "are for stat",
		"sessions query=source.ip":                       "query: ",
		"sessions before_time=2026-11-21":                "want MM/DD/YY",
		"stat group_by=" + strings.Repeat("x", 3000):     "want one of IP",
		"stat direction=" + strings.Repeat("y", 3000):    "want snd, rcv or both",
		"sessions time_range=" + strings.Repeat("9", 99): "want a length of time",
	} {
		path, query, _ := strings.Cut(query, " ")
		status, text := ask(path, query)
		if status != 400 || !strings.Contains(text, says) || !strings.Contains(text, `"error":"`) || len(text) > 1500 || len(s.svc.asked) > 0 && s.svc.method != "Health" {
			t.Errorf("%s?%.80s = %d %.300s, want 400 about %q, and nothing asked (%s)", path, query, status, text, says, s.svc.method)
		}
	}
}

// An answer has the columns of the manual's example: names, then rows of texts, with the line over time as a list.
func TestFlowTraqAnswer(t *testing.T) {
	s := open(t, nil)
	token := flowtraqLogsIn(t, s, "bob")
	_, text := s.try(t, "GET", "/flowtraq/api/v1/stat?group_by=COUNTRY&auth_token="+token, "")
	want := `{"columns":["COUNTRY","SENT BYTES","COLORS","SENT BYTES","RECV BYTES","SENT PCKTS","RECV PCKTS","SESS. INIT","SESS. ACPT","TIME SERIES"],"data":[["text`
	if !strings.HasPrefix(text, want) || !strings.Contains(text, `"332288ff"`) || strings.Contains(text, `"error"`) {
		t.Errorf("stat answers %s", text)
	}
	var answer struct {
		Columns []string
		Data    [][]json.RawMessage
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatal(err)
	}
	for _, row := range answer.Data {
		if len(row) != len(answer.Columns) || row[len(row)-1][0] != '[' || row[1][0] != '"' {
			t.Errorf("row %s does not fit the columns", row)
		}
	}
	_, text = s.try(t, "GET", "/flowtraq/api/v1/sessions?auth_token="+token, "")
	var sessions flowtraqSessions
	if err := json.Unmarshal([]byte(text), &sessions); err != nil || !strings.HasPrefix(text, `{"columns":["CLIENT ADDRESS","CLIENT COUNTRY","CLIENT AS",`) || len(sessions.Summary) != 3 || len(sessions.Data) != 2 {
		t.Errorf("sessions answers %v %s", err, text)
	}
}
