package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// maxAnswer bounds what a client reads of one JSON answer.
const maxAnswer = 256 << 20

// A Client asks a tocsin in another process. Its methods may run at once. It is an api.Service; the user on whose behalf a
// call is made is who the server takes the client for, whatever api.As says.
type Client struct {
	base  string // without a slash at the end
	where string // for messages
	token string
	user  string // shown with password where there is no token
	pass  string
	http  *http.Client
}

var _ api.Service = (*Client)(nil)

// NewClient returns a client of the tocsin behind a target: an http or https URL, or else the path of a socket. The token
// is shown over URLs; it may be empty. Nothing is connected yet.
func NewClient(target, token string) (*Client, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute, ExpectContinueTimeout: 10 * time.Second,
		TLSHandshakeTimeout: 10 * time.Second, Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true,
		DialContext: (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext}
	c := &Client{where: target, token: token, http: &http.Client{Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if !strings.Contains(target, "://") {
		c.base, transport.Proxy = "http://socket", nil
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return dialSocket(ctx, target) }
		return c, nil
	}
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fault.New(fault.Invalid, "server %q: want a URL such as http://127.0.0.1:8400", redacted(u, target))
	}
	c.base, c.where = strings.TrimRight(target, "/"), u.Redacted()
	return c, nil
}

// NewLogin is NewClient for who shows the name and password of an account instead of a token.
func NewLogin(target, user, password string) (*Client, error) {
	c, err := NewClient(target, "")
	if err != nil {
		return nil, err
	}
	c.user, c.pass = user, password
	return c, nil
}

func redacted(u *url.URL, text string) string {
	if u == nil {
		return text
	}
	return u.Redacted()
}

func dialSocket(ctx context.Context, path string) (net.Conn, error) {
	name, release, err := socketName(path)
	if err != nil {
		return nil, err
	}
	defer release()
	return (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "unix", name)
}

// Close lets go of idle connections.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// A call is one request of a client.
type call struct {
	method, path string
	query        url.Values
	body         io.Reader
	kind         string // media type of body
	header       http.Header
	trailer      http.Header // what may be set while body is read
	wait         bool        // send the body only when the server asks for it
}

// do sends a call and returns the answer when it is no problem. The caller closes its body.
func (c *Client) do(ctx context.Context, l call) (*http.Response, error) {
	target := c.base + l.path
	if len(l.query) > 0 {
		target += "?" + l.query.Encode()
	}
	body := l.body
	if _, known := body.(*bytes.Reader); body != nil && !known {
		body = io.NopCloser(body) // what the caller handed in, the caller closes
	}
	r, err := http.NewRequestWithContext(ctx, l.method, target, body)
	if err != nil {
		return nil, fault.New(fault.Invalid, "ask %s: %w", c.where, err)
	}
	for name, values := range l.header {
		r.Header[name] = values
	}
	r.Trailer = l.trailer
	if l.kind != "" {
		r.Header.Set("Content-Type", l.kind)
	}
	if l.wait {
		r.Header.Set("Expect", "100-continue")
	}
	switch {
	case c.token != "":
		r.Header.Set("Authorization", "Bearer "+c.token)
	case c.user != "":
		r.SetBasicAuth(c.user, c.pass)
	}
	res, err := c.http.Do(r)
	if err != nil {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("ask %s: %w", c.where, context.Cause(ctx))
		}
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err
		}
		return nil, fault.New(fault.Unavailable, "ask tocsin at %s: %w (does it run?)", c.where, err)
	}
	if res.StatusCode >= 300 {
		defer drain(res)
		return nil, c.problem(res)
	}
	return res, nil
}

// A problemError keeps what a problem said beside its text.
type problemError struct {
	error

	problem Problem
}

func (e *problemError) Unwrap() error { return e.error }

// problem reads why a call failed. Something that is no tocsin may have answered.
func (c *Client) problem(res *http.Response) error {
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	var p Problem
	if err != nil || json.Unmarshal(text, &p) != nil || p.Kind == "" {
		return fault.New(fault.Unavailable, "ask %s: it answered %s and is no tocsin, or a proxy stands before it", c.where, res.Status)
	}
	return &problemError{errorOf(p), p}
}

// drain makes the connection free for the next call.
func drain(res *http.Response) {
	_, _ = io.CopyN(io.Discard, res.Body, 64<<10) // as far as it goes: the answer was read
	_ = res.Body.Close()
}

// get asks a question that changes nothing.
func get[A any](ctx context.Context, c *Client, path string, query url.Values) (A, error) {
	return receive[A](ctx, c, call{method: http.MethodGet, path: path, query: query})
}

// post sends a question as JSON.
func post[A any](ctx context.Context, c *Client, path string, question any) (A, error) {
	return send[A](ctx, c, http.MethodPost, path, question)
}

func send[A any](ctx context.Context, c *Client, method, path string, question any) (A, error) {
	text, err := json.Marshal(question)
	if err != nil {
		var none A
		return none, fault.New(fault.Invalid, "encode question: %w", err)
	}
	return receive[A](ctx, c, call{method: method, path: path, body: bytes.NewReader(text), kind: "application/json"})
}

// receive makes a call and reads its JSON answer.
func receive[A any](ctx context.Context, c *Client, l call) (A, error) {
	var a A
	res, err := c.do(ctx, l)
	if err != nil {
		return a, err
	}
	defer drain(res)
	if res.StatusCode == http.StatusNoContent {
		return a, nil
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, maxAnswer)).Decode(&a); err != nil {
		return a, fault.New(fault.Unavailable, "read answer of %s: %w", c.where, err)
	}
	return a, nil
}

// segment writes a name as one segment of a path, also a name that a path would swallow.
func segment(name string) (string, error) {
	switch name {
	case "":
		return "", fault.New(fault.Invalid, "name: got none, want one")
	case ".", "..":
		return strings.ReplaceAll(name, ".", "%2E"), nil
	}
	return url.PathEscape(name), nil
}
