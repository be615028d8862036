package watch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"tocsin/internal/notifier"
)

// Bounds of one beat.
const (
	worksWithin = 30 * time.Second // for tocsin to show that it works
	beatWithin  = 10 * time.Second // for one attempt
	beatTries   = 3
	beatRest    = 2 * time.Second // before the next attempt
)

// A Beat is what the receiver of heartbeats is told, as JSON.
type Beat struct {
	Node     string    `json:"node"`
	Version  string    `json:"version"`
	Time     time.Time `json:"time"`
	OK       bool      `json:"ok"` // there are no problems
	Problems []string  `json:"problems"`
}

// beat sends a heartbeat again and again, as long as tocsin works. When it does not, none is sent, and its absence tells.
func (s *Service) beat(ctx context.Context, about string, every time.Duration, send func(context.Context, Beat) error) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if text := s.beatOnce(ctx, send); ctx.Err() == nil {
			if text != "" {
				text = about + ": " + text
			}
			s.trouble(about, text)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// beatOnce returns why no heartbeat was sent, "" when one was.
func (s *Service) beatOnce(ctx context.Context, send func(context.Context, Beat) error) string {
	trial, cancel := context.WithTimeoutCause(ctx, worksWithin, errors.New("it did not show that it works within "+worksWithin.String()))
	err := s.options.Works(trial)
	cancel()
	if err != nil {
		return "not sent, as tocsin does not work: " + err.Error()
	}
	b := Beat{Node: s.options.Heartbeat.Node, Version: s.options.Heartbeat.Version, Time: time.Now().UTC(), Problems: s.options.Problems(ctx)}
	if b.Problems == nil {
		b.Problems = []string{}
	}
	b.OK = len(b.Problems) == 0
	for try := 1; ; try++ {
		attempt, cancel := context.WithTimeout(ctx, beatWithin)
		err = send(attempt, b)
		cancel()
		if err == nil {
			return ""
		}
		if try == beatTries || errors.Is(err, notifier.ErrPermanent) {
			return "not received: " + err.Error()
		}
		select {
		case <-time.After(beatRest):
		case <-ctx.Done():
			return ""
		}
	}
}

// post sends a heartbeat to the URL. Of its address errors tell the host alone, as the rest is often a secret.
func (s *Service) post(ctx context.Context, b Beat) error {
	body, err := json.Marshal(b)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.options.Heartbeat.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%w: heartbeat.url is no address", notifier.ErrPermanent)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "tocsin/"+b.Version)
	client := &http.Client{
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	res, err := client.Do(r)
	if err != nil {
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err
		}
		return fmt.Errorf("ask %s: %w", r.URL.Host, err)
	}
	defer func() { _ = res.Body.Close() }() // read only
	answer, _ := io.ReadAll(io.LimitReader(res.Body, 256))
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s answered %s: %q", r.URL.Host, res.Status, strings.TrimSpace(string(answer)))
	}
	return nil
}

// notify sends a heartbeat over the channel.
func (s *Service) notify(ctx context.Context, b Beat) error {
	digest := &notifier.Digest{Since: b.Time, Until: b.Time, Thread: "heartbeat-" + b.Node, Final: true, Severities: map[string]int{},
		Reason: "this is its heartbeat: intake, judging and the ledger work, and nothing is wrong"}
	title := "tocsin on " + b.Node + " works"
	if n := len(b.Problems); n > 0 {
		title += ", with " + strconv.Itoa(n) + " to act on"
		digest.Reason = "this is its heartbeat: intake, judging and the ledger work. To act on: " + strings.Join(b.Problems, "; ")
	}
	standing := digest.Standing()
	standing.Title = title
	_, err := s.options.Heartbeat.Channel.Send(ctx, notifier.Notice{
		Key: "heartbeat-" + b.Node + "-" + strconv.FormatInt(b.Time.UnixNano(), 36), Change: notifier.Summary, Created: b.Time, Attempt: 1,
		Alert: standing, Digest: digest, Node: b.Node,
	})
	return err
}
