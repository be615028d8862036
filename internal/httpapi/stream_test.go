package httpapi

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tocsin/internal/alert"
	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// changes are what FollowAlerts tells: each with a text that must not break the stream, then the id from which to go on.
func changes(from, to int64) func(context.Context, api.AlertFollow, func(api.AlertChange) error) error {
	return func(ctx context.Context, q api.AlertFollow, each func(api.AlertChange) error) error {
		for n := max(from, q.SinceChange+1); n <= to; n++ {
			if err := each(api.AlertChange{Change: n, Alert: alert.Alert{ID: n % 7, Change: n, Severity: alert.Low, Title: "a\nevent: end\r\ndata: {}\n\n\u2028ü"}}); err != nil {
				return err
			}
		}
		if err := q.Reached(to + 3); err != nil { // three more that the caller may not see
			return err
		}
		<-ctx.Done()
		return context.Cause(ctx)
	}
}

// stream opens a stream and returns what comes, line by line.
func (s *site) stream(t *testing.T, path string, headers ...string) (*http.Response, *bufio.Scanner) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	in := bufio.NewScanner(res.Body)
	in.Buffer(nil, 1<<20)
	return res, in
}

// until reads to the line that begins with want.
func until(t *testing.T, in *bufio.Scanner, want string) (line string) {
	t.Helper()
	for in.Scan() {
		if strings.HasPrefix(in.Text(), want) {
			return in.Text()
		}
	}
	t.Fatalf("stream ended (%v), want a line that begins with %q", in.Err(), want)
	return ""
}

func TestStreamOfAlerts(t *testing.T) {
	s := open(t, nil)
	s.svc.follow = changes(1, 9)
	res, in := s.stream(t, "/api/v1/alerts/stream?since_change=4&min_severity=LOW", "Authorization", asBob, "Last-Event-ID", "6")
	if got := res.Header.Get("Content-Type"); res.StatusCode != http.StatusOK || got != eventStream {
		t.Fatalf("stream = %d %q", res.StatusCode, got)
	}
	var got []string
	for in.Scan() {
		line, _, _ := strings.Cut(in.Text(), `,"alert":`)
		if got = append(got, line); line == "id: 12" {
			break
		}
	}
	want := []string{
		"retry: 2000", "",
		"id: 7", "event: alert", `data: {"change":7`, "",
		"id: 8", "event: alert", `data: {"change":8`, "",
		"id: 9", "event: alert", `data: {"change":9`, "",
		"id: 12",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("stream (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]any{api.AlertFollow{SinceChange: 6, MinSeverity: "LOW"}}, s.svc.asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

// What is wrong before anything was told is a problem like any other.
func TestStreamThatIsRefused(t *testing.T) {
	s := open(t, nil)
	for _, test := range []struct {
		path, id string
		err      error
		want     int
	}{
		{"?since_change=x", "", nil, http.StatusBadRequest},
		{"?since=1", "", nil, http.StatusBadRequest},
		{"", "-1", nil, http.StatusBadRequest},
		{"", "9223372036854775808", nil, http.StatusBadRequest},
		{"", "", fault.New(fault.Denied, "no"), http.StatusForbidden},
		{"", "", fault.New(fault.Unavailable, "ledger is away"), http.StatusServiceUnavailable},
		{"", "", errors.New("broken"), http.StatusInternalServerError},
	} {
		s.svc.err = test.err
		res, text := s.try(t, "GET", "/api/v1/alerts/stream"+test.path, "", "Authorization", asBob, "Last-Event-ID", test.id)
		if res.StatusCode != test.want || res.Header.Get("Content-Type") != "application/problem+json" || !strings.Contains(text, `"detail"`) {
			t.Errorf("stream%s, %q, %v = %d %s %s, want a problem with %d", test.path, test.id, test.err, res.StatusCode, res.Header.Get("Content-Type"), text, test.want)
		}
	}
}

// A stream ends, and says why, when who opened it logs out, when his account changes, and when the token is revoked.
func TestStreamEndsWithItsLogin(t *testing.T) {
	s := open(t, nil)
	s.svc.follow = changes(1, 1)
	bob := api.Identity{User: "bob"}
	first, _ := s.sessions.start(bob, time.Now())
	second, _ := s.sessions.start(bob, time.Now())
	_, logout := s.stream(t, "/api/v1/alerts/stream", "Cookie", cookieName+"="+first)
	_, changed := s.stream(t, "/api/v1/alerts/stream", "Authorization", "Bearer "+second)
	_, revoked := s.stream(t, "/api/v1/alerts/stream", "Authorization", "Bearer token of bob")
	for _, in := range []*bufio.Scanner{logout, changed, revoked} {
		until(t, in, "id: 4")
	}
	if res, text := s.try(t, "DELETE", "/api/v1/session", "", "Cookie", cookieName+"="+first); res.StatusCode != http.StatusNoContent {
		t.Fatalf("logout = %d %s", res.StatusCode, text)
	}
	until(t, logout, "event: end")
	if line := until(t, logout, "data: "); !strings.Contains(line, `"status":401`) {
		t.Errorf("stream ends with %s, want status 401", line)
	}
	s.sessions.forget("bob")
	until(t, changed, "event: end")
	s.auth.mu.Lock()
	s.auth.err = fault.New(fault.Denied, "revoked")
	s.auth.mu.Unlock()
	until(t, revoked, "event: end")
	lines := 0 // of the last event: its data and the empty line behind it
	for revoked.Scan() {
		lines++
	}
	if lines > 2 {
		t.Errorf("%d lines more come behind the end", lines-2)
	}
}

// Whether a login is still good cannot be told while the ledger is away, and an open page keeps no session alive.
func TestStreamOutlastsTheLedger(t *testing.T) {
	s := open(t, nil)
	r := mustRequest(t, "GET", "/api/v1/alerts/stream")
	r.Header.Set("Authorization", "Bearer token of bob")
	r = r.WithContext(api.As(r.Context(), api.Identity{User: "bob"}))
	s.auth.err = fault.New(fault.Unavailable, "ledger is away")
	if !s.stillGood(r) {
		t.Error("a stream ends because the ledger is away")
	}
	s.auth.err = nil
	if !s.stillGood(r) {
		t.Error("a stream ends though its token is good")
	}
	if s.stillGood(r.WithContext(api.As(r.Context(), api.Identity{User: "bob", Admin: true}))) {
		t.Error("a stream goes on though its account has lost a right")
	}
	now := time.Now()
	token, _ := s.sessions.start(api.Identity{User: "bob"}, now)
	for _, at := range []time.Duration{sessionIdle / 2, sessionIdle} {
		if _, ok := s.sessions.peek(token, now.Add(at)); !ok {
			t.Errorf("session is over after %v", at)
		}
	}
	if _, ok := s.sessions.peek(token, now.Add(sessionIdle+1)); ok {
		t.Error("a stream keeps its session alive")
	}
}

func TestStreamsAreBounded(t *testing.T) {
	s := open(t, nil)
	s.svc.follow = changes(1, 1)
	var open []*http.Response
	for range maxStreamsEach {
		res, in := s.stream(t, "/api/v1/alerts/stream", "Authorization", asBob)
		until(t, in, "id: 4")
		open = append(open, res)
	}
	res, text := s.try(t, "GET", "/api/v1/alerts/stream", "", "Authorization", asBob)
	if res.StatusCode != http.StatusTooManyRequests || res.Header.Get("Retry-After") == "" {
		t.Errorf("one stream too many = %d %s", res.StatusCode, text)
	}
	if _, in := s.stream(t, "/api/v1/alerts/stream", "Authorization", asAlice); until(t, in, "id: 4") == "" {
		t.Error("another account gets no stream")
	}
	_ = open[0].Body.Close()
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		res, in := s.stream(t, "/api/v1/alerts/stream", "Authorization", asBob)
		if res.StatusCode == http.StatusOK {
			until(t, in, "id: 4")
			break
		}
		if time.Now().After(end) {
			t.Fatal("the place of a stream that was closed is not free again")
		}
	}
}

// A stop ends streams at once, and a client that follows comes back and misses nothing, whatever ends its connection.
func TestClientFollowsOverBreaks(t *testing.T) {
	s := open(t, nil)
	calls := 0
	s.svc.follow = func(ctx context.Context, q api.AlertFollow, each func(api.AlertChange) error) error {
		switch calls++; calls {
		case 1: // which breaks off
			if err := each(api.AlertChange{Change: 1, Alert: alert.Alert{Severity: alert.Low}}); err != nil {
				return err
			}
			if err := q.Reached(2); err != nil {
				return err
			}
			panic(http.ErrAbortHandler)
		case 2:
			return fault.New(fault.Unavailable, "ledger is away")
		default:
			return changes(1, 5)(ctx, q, each)
		}
	}
	c := connect(t, s.url, "token of alice")
	enough := errors.New("enough")
	var told, reached []int64
	broken := 0
	err := c.FollowAlerts(t.Context(), api.AlertFollow{
		SinceChange: api.FromNow, Broken: func(error) { broken++ },
		Reached: func(n int64) error {
			if reached = append(reached, n); n == 8 {
				return enough
			}
			return nil
		},
	}, func(a api.AlertChange) error { told = append(told, a.Change); return nil })
	if !errors.Is(err, enough) || broken != 2 {
		t.Errorf("FollowAlerts = %v after %d breaks, want %v after 2", err, broken, enough)
	}
	if diff := cmp.Diff([]int64{1, 3, 4, 5}, told); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int64{1, 2, 3, 4, 5, 8}, reached); diff != "" {
		t.Errorf("reached (-want +got):\n%s", diff)
	}
}

// What will not work the next time either ends FollowAlerts, and so does its caller.
func TestClientGivesUpFollowing(t *testing.T) {
	s := open(t, nil)
	s.svc.err = fault.New(fault.Invalid, "no such rule")
	c := connect(t, s.url, "token of alice")
	nobody := func(api.AlertChange) error { return nil }
	if err := c.FollowAlerts(t.Context(), api.AlertFollow{}, nobody); !errors.Is(err, fault.Invalid) {
		t.Errorf("FollowAlerts of what is refused = %v", err)
	}
	if err := connect(t, s.url, "wrong").FollowAlerts(t.Context(), api.AlertFollow{}, nobody); !errors.Is(err, fault.Denied) {
		t.Errorf("FollowAlerts with a wrong token = %v", err)
	}
	if err := connect(t, "http://127.0.0.1:1", "").FollowAlerts(t.Context(), api.AlertFollow{}, nobody); !errors.Is(err, fault.Unavailable) {
		t.Errorf("FollowAlerts of nobody = %v", err)
	}
	s.svc.err, s.svc.follow = nil, changes(1, 3)
	enough := errors.New("enough")
	if err := c.FollowAlerts(t.Context(), api.AlertFollow{}, func(api.AlertChange) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("FollowAlerts = %v, want %v", err, enough)
	}
	ctx, stop := context.WithCancelCause(t.Context())
	if err := c.FollowAlerts(ctx, api.AlertFollow{}, func(api.AlertChange) error { stop(enough); return nil }); !errors.Is(err, enough) {
		t.Errorf("FollowAlerts that is ended = %v, want %v", err, enough)
	}
}

func FuzzReadEvent(f *testing.F) {
	f.Add("id: 7\nevent: alert\ndata: {}\n\n: alive\n\nid: 8\n\n")
	f.Add("data: a\r\ndata:b\n\nretry: 5\n\n\x00\n")
	f.Fuzz(func(t *testing.T, text string) {
		in, lines := bufio.NewReaderSize(strings.NewReader(text), 16), 0
		for {
			e, err := readEvent(in, func() { lines++ })
			if err != nil {
				break
			}
			if e.id == "" && e.name == "" && e.data == nil {
				t.Error("an event that says nothing")
			}
			if strings.Contains(e.id+e.name, "\n") {
				t.Errorf("event %q, %q", e.id, e.name)
			}
		}
		if _, err := in.ReadByte(); !errors.Is(err, io.EOF) && lines < strings.Count(text, "\n") {
			t.Errorf("%d lines read of %q", lines, text)
		}
	})
}
