package httpapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
	"tocsin/internal/lines"
)

// Search implements api.Service.
func (c *Client) Search(ctx context.Context, q api.SearchRequest, each func(json.RawMessage) error) error {
	text, err := json.Marshal(q)
	if err != nil {
		return fault.New(fault.Invalid, "encode question: %w", err)
	}
	ctx, stop := context.WithCancel(ctx) // who has seen enough ends the search
	defer stop()
	res, err := c.do(ctx, call{method: http.MethodPost, path: "/api/v1/search", body: bytes.NewReader(text), kind: "application/json"})
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // read only
	lines := bufio.NewReaderSize(res.Body, 64<<10)
	for {
		line, err := readLine(lines)
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return nil
		}
		if err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return fault.New(fault.Unavailable, "read answer of %s: %w", c.where, err)
		}
		if len(line) > 11 && string(line[:11]) == `{"problem":` {
			var last lastLine
			if json.Unmarshal(line, &last) == nil && last.Problem != nil {
				return errorOf(*last.Problem)
			}
		}
		if err := each(line); err != nil {
			return err
		}
	}
}

// maxEventLine bounds one event of an answer.
const maxEventLine = 16 << 20

// readLine returns the next line without its end. It is valid for good. A line without an end was cut off.
func readLine(r *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return line[:len(line)-1], nil
		case len(line) > maxEventLine:
			return nil, errors.New("a line is longer than 16 MiB")
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(line) > 0:
			return nil, io.ErrUnexpectedEOF
		default:
			return nil, err
		}
	}
}

// CountAlerts implements api.Service.
func (c *Client) CountAlerts(ctx context.Context, q api.AlertRequest) ([]api.AlertCount, error) {
	return get[[]api.AlertCount](ctx, c, "/api/v1/alerts/counts", encodeQuery(q))
}

// Top implements api.Service.
func (c *Client) Top(ctx context.Context, q api.TopRequest) (api.TopAnswer, error) {
	return post[api.TopAnswer](ctx, c, "/api/v1/top", q)
}

// Traffic implements api.Service.
func (c *Client) Traffic(ctx context.Context, q api.TrafficRequest) (api.TrafficAnswer, error) {
	return post[api.TrafficAnswer](ctx, c, "/api/v1/flows/top", q)
}

// FlowSessions implements api.Service.
func (c *Client) FlowSessions(ctx context.Context, q api.SessionRequest) (api.SessionAnswer, error) {
	return post[api.SessionAnswer](ctx, c, "/api/v1/flows/sessions", q)
}

// Append implements api.Service.
func (c *Client) Append(ctx context.Context, q api.AppendRequest, body io.Reader) (api.AppendAnswer, error) {
	l := call{method: http.MethodPost, path: "/api/v1/events", query: encodeQuery(q), body: body, kind: ndjson, wait: true, header: http.Header{}}
	if q.IdempotencyKey != "" {
		l.header.Set("Idempotency-Key", q.IdempotencyKey)
	}
	a, err := receive[api.AppendAnswer](ctx, c, l)
	if p, ok := errors.AsType[*problemError](err); ok && p.problem.Answer != nil {
		return *p.problem.Answer, nil // no line was usable: an answer like any other to who asks api.Service
	}
	return a, err
}

// Resume implements api.Service.
func (c *Client) Resume(ctx context.Context, source string) (int64, error) {
	a, err := get[resumeAnswer](ctx, c, "/api/v1/ingest", url.Values{"source": {source}})
	return a.Offset, err
}

// cutTrailer is set behind a body that ends where packed data broke off, and not at the end of a line. tocsin keeps what came before.
const cutTrailer = "Tocsin-Cut"

// Ingest implements api.Service. Progress tells Bytes alone.
func (c *Client) Ingest(ctx context.Context, q api.IngestRequest, body io.Reader) (api.IngestAnswer, error) {
	told := &tellingReader{from: body, tell: q.Progress, trailer: http.Header{cutTrailer: nil}}
	a, err := receive[api.IngestAnswer](ctx, c, call{method: http.MethodPost, path: "/api/v1/ingest", query: encodeQuery(q),
		body: told, kind: "application/octet-stream", wait: true, trailer: told.trailer})
	if failed := told.failure(); failed != nil {
		return a, failed // rather than that the connection broke over it
	}
	return a, err
}

// tellingReader tells now and then how much was read, and keeps the error that ended it.
type tellingReader struct {
	from    io.Reader
	tell    func(api.IngestAnswer)
	trailer http.Header // of the request, sent when Read has said that this is the end
	n       int64
	last    time.Time

	mu  sync.Mutex // the connection may still read when the answer is there
	err error
}

func (t *tellingReader) failure() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

func (t *tellingReader) Read(p []byte) (int, error) {
	n, err := t.from.Read(p)
	t.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		t.mu.Lock()
		t.err = err
		t.mu.Unlock()
		if errors.As(err, new(*lines.Damaged)) {
			t.trailer.Set(cutTrailer, "1")
			err = io.EOF
		}
	}
	if now := time.Now(); t.tell != nil && (err != nil || now.Sub(t.last) > 100*time.Millisecond) {
		t.last = now
		t.tell(api.IngestAnswer{Bytes: t.n})
	}
	return n, err
}

// Flush implements api.Service.
func (c *Client) Flush(ctx context.Context) error {
	_, err := post[nothing](ctx, c, "/api/v1/flush", nothing{})
	return err
}

// Detect implements api.Service.
func (c *Client) Detect(ctx context.Context, q api.DetectRequest) (api.DetectAnswer, error) {
	return post[api.DetectAnswer](ctx, c, "/api/v1/detect", q)
}

// Explain implements api.Service.
func (c *Client) Explain(ctx context.Context, q api.ExplainRequest) (api.ExplainAnswer, error) {
	return post[api.ExplainAnswer](ctx, c, "/api/v1/explain", q)
}

// Alerts implements api.Service.
func (c *Client) Alerts(ctx context.Context, q api.AlertRequest) ([]alert.Alert, error) {
	return get[[]alert.Alert](ctx, c, "/api/v1/alerts", encodeQuery(q))
}

// Rules implements api.Service.
func (c *Client) Rules(ctx context.Context, q api.RuleRequest) ([]api.Rule, error) {
	return get[[]api.Rule](ctx, c, "/api/v1/rules", encodeQuery(q))
}

// PutRule implements api.Service.
func (c *Client) PutRule(ctx context.Context, r api.RuleEdit) (api.Rule, error) {
	return post[api.Rule](ctx, c, "/api/v1/rules", r)
}

// BackTest implements api.Service.
func (c *Client) BackTest(ctx context.Context, q api.BackTestRequest) (api.BackTestAnswer, error) {
	return post[api.BackTestAnswer](ctx, c, "/api/v1/rules/backtest", q)
}

// DeleteRule implements api.Service.
func (c *Client) DeleteRule(ctx context.Context, owner, name string) error {
	return c.about(ctx, http.MethodDelete, "/api/v1/rules/", name, "", ownerQuery{owner})
}

// EnableRule implements api.Service.
func (c *Client) EnableRule(ctx context.Context, owner, name string, enabled bool) error {
	return c.about(ctx, http.MethodPost, "/api/v1/rules/", name, ableTo(enabled), ownerQuery{owner})
}

func ableTo(enabled bool) string {
	if enabled {
		return "/enable"
	}
	return "/disable"
}

// about makes a call about a thing with a name, which has no answer.
func (c *Client) about(ctx context.Context, method, before, name, behind string, query any) error {
	part, err := segment(name)
	if err != nil {
		return err
	}
	_, err = receive[nothing](ctx, c, call{method: method, path: before + part + behind, query: encodeQuery(query)})
	return err
}

// Users implements api.Service.
func (c *Client) Users(ctx context.Context) ([]api.User, error) {
	return get[[]api.User](ctx, c, "/api/v1/users", nil)
}

// PutUser implements api.Service. A change goes by the route that also the account itself may use.
func (c *Client) PutUser(ctx context.Context, u api.UserEdit) error {
	if u.Create || u.Admin {
		_, err := post[nothing](ctx, c, "/api/v1/users", u)
		return err
	}
	part, err := segment(u.Name)
	if err != nil {
		return err
	}
	_, err = send[nothing](ctx, c, http.MethodPut, "/api/v1/users/"+part+"/password", passwordBody{u.Password})
	return err
}

// DisableUser implements api.Service.
func (c *Client) DisableUser(ctx context.Context, name string, disabled bool) error {
	return c.about(ctx, http.MethodPost, "/api/v1/users/", name, ableTo(!disabled), nothing{})
}

// User implements api.Service.
func (c *Client) User(ctx context.Context, name string) (api.User, error) {
	if name == "" {
		return get[api.User](ctx, c, "/api/v1/user", nil)
	}
	part, err := segment(name)
	if err != nil {
		return api.User{}, err
	}
	return get[api.User](ctx, c, "/api/v1/users/"+part, nil)
}

// aboutUser makes a call about an account that has an answer.
func aboutUser[A any](ctx context.Context, c *Client, name, behind string, body any) (a A, err error) {
	part, err := segment(name)
	if err != nil {
		return a, err
	}
	return post[A](ctx, c, "/api/v1/users/"+part+behind, body)
}

// SetRole implements api.Service.
func (c *Client) SetRole(ctx context.Context, name string, admin bool) error {
	_, err := aboutUser[nothing](ctx, c, name, "/role", roleBody{admin})
	return err
}

// FilterUser implements api.Service.
func (c *Client) FilterUser(ctx context.Context, name, filter string) error {
	_, err := aboutUser[nothing](ctx, c, name, "/filter", filterBody{filter})
	return err
}

// DeleteUser implements api.Service.
func (c *Client) DeleteUser(ctx context.Context, r api.UserRemoval) error {
	return c.about(ctx, http.MethodDelete, "/api/v1/users/", r.Name, "", removalQuery{WithRules: r.WithRules, To: r.To})
}

// LogOutUser implements api.Service.
func (c *Client) LogOutUser(ctx context.Context, name string) (api.LoggedOut, error) {
	return aboutUser[api.LoggedOut](ctx, c, name, "/logout", nothing{})
}

// Tokens implements api.Service.
func (c *Client) Tokens(ctx context.Context, q api.TokenQuery) ([]api.TokenEntry, error) {
	return get[[]api.TokenEntry](ctx, c, "/api/v1/tokens", encodeQuery(q))
}

// RevokeTokens implements api.Service.
func (c *Client) RevokeTokens(ctx context.Context, r api.TokenRevocation) (api.Revoked, error) {
	return post[api.Revoked](ctx, c, "/api/v1/tokens/revoke", r)
}

// Audit implements api.Service.
func (c *Client) Audit(ctx context.Context, q api.AuditRequest) ([]api.AuditLine, error) {
	return get[[]api.AuditLine](ctx, c, "/api/v1/audit", encodeQuery(q))
}

// MakeToken implements api.Service.
func (c *Client) MakeToken(ctx context.Context, t api.TokenRequest) (api.Token, error) {
	return post[api.Token](ctx, c, "/api/v1/tokens", t)
}

// Health implements api.Service.
func (c *Client) Health(ctx context.Context) (api.Health, error) {
	return get[api.Health](ctx, c, "/api/v1/health", nil)
}

// Exporters implements api.Service.
func (c *Client) Exporters(ctx context.Context) ([]api.Exporter, error) {
	return get[[]api.Exporter](ctx, c, "/api/v1/exporters", nil)
}

// Interfaces implements api.Service.
func (c *Client) Interfaces(ctx context.Context, q api.InterfaceRequest) (api.Interfaces, error) {
	return get[api.Interfaces](ctx, c, "/api/v1/exporters/interfaces", encodeQuery(q))
}

// SelfTest implements api.Service.
func (c *Client) SelfTest(ctx context.Context, q api.SelfTestRequest) (api.SelfTestAnswer, error) {
	return post[api.SelfTestAnswer](ctx, c, "/api/v1/selftest", q)
}

// Backup implements api.Service. The directory is one of the machine where tocsin runs.
func (c *Client) Backup(ctx context.Context, dir string) error {
	_, err := post[nothing](ctx, c, "/api/v1/backup", backupBody{dir})
	return err
}

// Clear implements api.Service.
func (c *Client) Clear(ctx context.Context, q api.ClearRequest) (api.ClearAnswer, error) {
	return post[api.ClearAnswer](ctx, c, "/api/v1/clear", q)
}

// Adopt implements api.Service.
func (c *Client) Adopt(ctx context.Context, q api.AdoptRequest) (api.AdoptAnswer, error) {
	return post[api.AdoptAnswer](ctx, c, "/api/v1/adopt", q)
}
