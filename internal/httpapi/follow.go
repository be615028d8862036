package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/api"
	"tocsin/internal/fault"
)

// Waits of a client that follows alerts.
const (
	followSilence = 3 * streamAlive // without a sign of life the connection counts as lost
	followFirst   = 200 * time.Millisecond
	followLong    = 15 * time.Second
)

// errSilence ends a connection on which nothing comes any more.
var errSilence = errors.New("no sign of life for " + followSilence.String())

// FollowAlerts implements api.Service. Once it has reached tocsin it comes back however often the connection breaks, and goes
// on where it was.
func (c *Client) FollowAlerts(ctx context.Context, f api.AlertFollow, each func(api.AlertChange) error) error {
	t := &trail{follow: f, each: each}
	for wait := followFirst; ; wait = min(2*wait, followLong) {
		before := t.heard
		err := c.followOnce(ctx, t)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case t.stopped:
			return err
		case t.heard == 0, !errors.Is(err, fault.Unavailable):
			return err // nothing was there to begin with, or what is asked is refused
		}
		if f.Broken != nil {
			f.Broken(err)
		}
		if t.heard > before {
			wait = followFirst
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// A trail is how far a client that follows alerts is.
type trail struct {
	follow  api.AlertFollow // SinceChange moves on
	each    func(api.AlertChange) error
	heard   int  // events since the beginning, ids alone counted too
	stopped bool // by who is told
}

// followOnce follows over one connection until that ends, and says why.
func (c *Client) followOnce(ctx context.Context, t *trail) error {
	ctx, cut := context.WithCancelCause(ctx)
	defer cut(nil)
	silence := time.AfterFunc(followSilence, func() { cut(errSilence) })
	defer silence.Stop()
	res, err := c.do(ctx, call{method: http.MethodGet, path: "/api/v1/alerts/stream", query: encodeQuery(t.follow),
		header: http.Header{"Accept": {eventStream}}})
	if err != nil {
		if errors.Is(err, errSilence) {
			err = fault.New(fault.Unavailable, "%w", err)
		}
		return err
	}
	defer func() { _ = res.Body.Close() }() // read only
	if kind, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";"); kind != eventStream {
		return fault.New(fault.Unavailable, "ask %s: it answered %q and is no tocsin, or a proxy stands before it", c.where, kind)
	}
	in := bufio.NewReaderSize(res.Body, 64<<10)
	for {
		e, err := readEvent(in, func() { silence.Reset(followSilence) })
		if err != nil {
			if cause := context.Cause(ctx); cause != nil {
				err = cause
			}
			return fault.New(fault.Unavailable, "follow alerts at %s: %w", c.where, err)
		}
		if err := t.take(e); err != nil {
			return err
		}
	}
}

// take hands one event on.
func (t *trail) take(e sentEvent) error {
	var err error
	switch e.name {
	case "alert":
		var change api.AlertChange
		if err := json.Unmarshal(e.data, &change); err != nil {
			return fmt.Errorf("decode change of an alert: %w", err)
		}
		err = t.each(change)
	case "end":
		var p Problem
		if err := json.Unmarshal(e.data, &p); err != nil {
			return fmt.Errorf("decode end of a stream: %w", err)
		}
		return errorOf(p)
	default: // an id alone, or what a later tocsin says
	}
	if err != nil {
		t.stopped = true
		return err
	}
	if e.id == "" {
		return nil
	}
	at, err := strconv.ParseInt(e.id, 10, 64)
	if err != nil {
		return fmt.Errorf("decode id of a change: %w", err)
	}
	t.heard++
	t.follow.SinceChange = at
	if t.follow.Reached == nil {
		return nil
	}
	if err := t.follow.Reached(at); err != nil {
		t.stopped = true
		return err
	}
	return nil
}

// A sentEvent is one of a stream.
type sentEvent struct {
	id, name string
	data     []byte
}

// readEvent reads the next event that says anything. Each line, comments too, is a sign of life.
func readEvent(in *bufio.Reader, alive func()) (e sentEvent, err error) {
	for {
		line, err := readLine(in)
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = errors.New("the connection ended")
			}
			return e, err
		}
		alive()
		text := strings.TrimSuffix(string(line), "\r")
		if text == "" {
			if e.id != "" || e.name != "" || e.data != nil {
				return e, nil
			}
			continue
		}
		name, value, _ := strings.Cut(text, ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "id":
			e.id = value
		case "event":
			e.name = value
		case "data":
			if e.data != nil {
				e.data = append(e.data, '\n')
			}
			if e.data = append(e.data, value...); len(e.data) > maxEventLine {
				return e, errors.New("an event is longer than 16 MiB")
			}
		default: // comments, and retry: this client has waits of its own
		}
	}
}
