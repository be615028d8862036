package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// eventStream is server-sent events (HTML Living Standard, section 9.2).
const eventStream = "text/event-stream"

// Bounds of streams.
const (
	maxStreams     = 1_000            // at once
	maxStreamsEach = 16               // of one account
	streamAlive    = 15 * time.Second // between signs of life
	streamCheck    = 3 * time.Second  // how often is asked whether who reads may still do so
)

// Why streams end. Who reads may come back after the first; the last is told to nobody, as nobody is there.
var (
	errStopping = fault.New(fault.Unavailable, "tocsin is being stopped: ask again, with the last id")
	errNoMore   = &refusal{status: http.StatusUnauthorized, kind: fault.Denied, text: "the login or token by which this stream was opened is no longer good, or gives other rights: log in again"}
	errGone     = errors.New("who reads the stream is gone, or takes nothing")
)

// streams counts those that are open.
type streams struct {
	mu   sync.Mutex
	all  int
	each map[string]int // by account
}

// enter takes a place for a stream of an account; leave gives it back.
func (s *streams) enter(account string) (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= maxStreams || s.each[account] >= maxStreamsEach {
		return nil, &refusal{status: http.StatusTooManyRequests, retry: retryAfter,
			text: "too many streams are open: at most " + strconv.Itoa(maxStreamsEach) + " of one account and " + strconv.Itoa(maxStreams) + " of all, close one"}
	}
	if s.each == nil {
		s.each = map[string]int{}
	}
	s.all++
	s.each[account]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.all--
		if s.each[account]--; s.each[account] == 0 {
			delete(s.each, account)
		}
	}, nil
}

// A stream writes server-sent events to one reader. Each write has the time limit of the response: who takes nothing for so
// long is cut off. Nothing waits for him meanwhile but his own stream, which reads from the ledger only what he takes.
type stream struct {
	mu   sync.Mutex
	w    *response
	out  *bufio.Writer
	last int64 // id written last, -1 before the first
}

func newStream(w *response) *stream {
	return &stream{w: w, out: bufio.NewWriterSize(w, 32<<10), last: -1}
}

// alert writes a change. It may stay in memory until flush.
func (s *stream) alert(c api.AlertChange) error {
	data, err := json.Marshal(withoutNull(c))
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begin()
	s.last = c.Change
	return s.write("id: " + strconv.FormatInt(c.Change, 10) + "\nevent: alert\ndata: " + string(data) + "\n\n")
}

// reached sends everything written, with the id from which to go on.
func (s *stream) reached(change int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begin()
	if change != s.last { // an id alone: browsers keep it and tell nobody
		s.last = change
		if err := s.write("id: " + strconv.FormatInt(change, 10) + "\n\n"); err != nil {
			return err
		}
	}
	return s.flush()
}

// alive sends a comment, by which either side learns that the other is gone.
func (s *stream) alive() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begin()
	if err := s.write(": alive\n\n"); err != nil {
		return err
	}
	return s.flush()
}

// end says why nothing more comes; it reports whether the stream had begun.
func (s *stream) end(p Problem) (begun bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.w.status == 0 {
		return false
	}
	if data, err := json.Marshal(p); err == nil {
		_ = s.write("event: end\ndata: " + string(data) + "\n\n") // the reader may be gone
		_ = s.flush()
	}
	return true
}

// begin sends the head of the answer once.
func (s *stream) begin() {
	if s.w.status != 0 {
		return
	}
	s.w.Header().Set("Content-Type", eventStream)
	s.w.Header().Set("X-Accel-Buffering", "no") // of proxies that else hold events back
	s.w.WriteHeader(http.StatusOK)
	_ = s.write("retry: 2000\n\n") // kept in memory; a failure shows with the next write
}

func (s *stream) write(text string) error {
	if _, err := s.out.WriteString(text); err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return nil
}

func (s *stream) flush() error {
	err := s.out.Flush()
	if err == nil {
		err = s.w.control.Flush()
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return nil
}

// followAlerts streams changes of alerts until who reads leaves, may no longer read, or the server stops.
func (s *Server) followAlerts(w *response, r *http.Request) error {
	var q api.AlertFollow
	if err := decodeQuery(r.URL.Query(), &q, time.Now()); err != nil {
		return err
	}
	if id := strings.TrimSpace(r.Header.Get("Last-Event-ID")); id != "" { // of who comes back, so that it goes before the address
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil || n < 0 {
			return fault.New(fault.Invalid, "header Last-Event-ID: got %q, want the number of a change", id)
		}
		q.SinceChange = n
	}
	leave, err := s.streams.enter(api.Caller(r.Context()).User)
	if err != nil {
		return err
	}
	defer leave()
	ctx, cut := context.WithCancelCause(r.Context())
	st := newStream(w)
	var guard sync.WaitGroup
	guard.Go(func() { s.guardStream(ctx, r, st, cut) })
	q.Reached = st.reached
	err = s.service.FollowAlerts(ctx, q, st.alert)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	cut(nil)
	guard.Wait()
	if err == nil || r.Context().Err() != nil || errors.Is(err, errGone) {
		return nil
	}
	p, _ := problemOf(err, api.Caller(r.Context()))
	if !st.end(p) {
		return err
	}
	if p.Kind == "internal" {
		s.log.LogAttrs(r.Context(), slog.LevelError, "stream of alerts ended", logAttrs(r), slog.Any("err", err))
	}
	return nil
}

// guardStream gives signs of life, and cuts a stream that must end, until ctx ends.
func (s *Server) guardStream(ctx context.Context, r *http.Request, st *stream, cut context.CancelCauseFunc) {
	alive, check := time.NewTicker(streamAlive), time.NewTicker(streamCheck)
	defer alive.Stop()
	defer check.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.stopping:
			cut(errStopping)
		case <-check.C:
			if !s.stillGood(r) {
				cut(errNoMore)
			}
		case <-alive.C:
			if err := st.alive(); err != nil {
				cut(err)
			}
		}
	}
}

// stillGood asks again whether what a request showed when it came stands for the same account with the same rights. While
// that cannot be told, as with the ledger away, it does.
func (s *Server) stillGood(r *http.Request) bool {
	if peerOf(r).owner {
		return true
	}
	id, err := s.recheck(r)
	if err != nil {
		return fault.Kind(err) != fault.Denied //nolint:errorlint // Kind gives the very values
	}
	return reflect.DeepEqual(id, api.Caller(r.Context()))
}

// recheck is identify for a request that was let in: it keeps no session from growing old, and is not throttled.
func (s *Server) recheck(r *http.Request) (api.Identity, error) {
	if user, password, ok := r.BasicAuth(); ok {
		id, changes, ok := s.sessions.recall(user, password, time.Now())
		if ok {
			return id, nil
		}
		id, err := s.auth.Check(r.Context(), user, password)
		if err == nil {
			s.sessions.remember(user, password, id, changes, time.Now())
		}
		return id, err
	}
	token := ""
	if scheme, shown, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		token = strings.TrimSpace(shown)
		if !strings.HasPrefix(token, sessionPrefix) {
			return s.auth.Token(r.Context(), token)
		}
	} else if c, err := r.Cookie(cookieName); err == nil {
		token = c.Value
	}
	if id, ok := s.sessions.peek(token, time.Now()); ok {
		return id, nil
	}
	return api.Identity{}, errNoMore
}
