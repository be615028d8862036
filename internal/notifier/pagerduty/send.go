package pagerduty

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"tocsin/internal/alert"
	"tocsin/internal/notifier"
	"tocsin/internal/post"
)

// A pager sends events.
type pager struct {
	address *url.URL
	key     string
	words   *post.Writer
	client  *post.Client
}

// Bounds: summaries are refused beyond 1,024 characters, events beyond 512 KB.
const (
	maxSummary = 1024
	maxDetail  = 16 << 10 // bytes of each text in the details
)

// event is one of the Events API v2.
type event struct {
	Key     string   `json:"routing_key"`
	Action  string   `json:"event_action"`
	Dedup   string   `json:"dedup_key"` // one for each alert
	Payload *payload `json:"payload,omitempty"`
	Links   []link   `json:"links,omitempty"`
	Client  string   `json:"client,omitempty"`
	At      string   `json:"client_url,omitempty"`
}

type payload struct {
	Summary   string         `json:"summary"`
	Source    string         `json:"source"`
	Severity  string         `json:"severity"`
	Timestamp string         `json:"timestamp"`
	Component string         `json:"component,omitempty"`
	Group     string         `json:"group,omitempty"`
	Class     string         `json:"class"`
	Details   map[string]any `json:"custom_details"`
}

type link struct {
	To   string `json:"href"`
	Text string `json:"text"`
}

// Send makes one attempt. A repeat changes nothing: an event of the same dedup_key belongs to the same incident.
func (p *pager) Send(ctx context.Context, n notifier.Notice) (string, error) {
	answer, err := p.client.JSON(ctx, http.MethodPost, p.address, nil, p.event(n))
	if err != nil {
		return answer.Line, err
	}
	var taken struct {
		Status string `json:"status"`
	}
	if answer.Decode(&taken) != nil || taken.Status != "success" {
		return answer.Line, post.Strange(p.address, "PagerDuty")
	}
	return answer.Line, nil
}

// event writes a notice. All texts are plain ones to PagerDuty.
func (p *pager) event(n notifier.Notice) event {
	e := event{Key: p.key, Action: action(n), Dedup: "tocsin-" + post.Thread(n)}
	if e.Action != "trigger" {
		return e
	}
	a, words := &n.Alert, p.words.Write(n)
	e.Client, e.At = "tocsin", n.Link
	if n.Link != "" {
		e.Links = []link{{To: n.Link, Text: "Alert in tocsin"}}
	}
	e.Payload = &payload{
		Summary: post.Cut(words.Subject, maxSummary, post.Characters), Source: source(n), Severity: severity(a.Severity),
		Timestamp: a.Last.UTC().Format(time.RFC3339Nano), Component: post.Cut(a.Entity.String(), maxSummary, post.Characters),
		Group: post.Cut(a.RuleName, maxSummary, post.Characters), Class: "alert",
		Details: map[string]any{
			"alert": a.ID, "reason": post.Cut(a.Reason, maxDetail, post.Bytes), "triggers": a.Triggers,
			"value": fmt.Sprint(a.Value), "peak": fmt.Sprint(a.Peak), "limit": fmt.Sprint(a.Limit), // numbers of JSON have no infinity
			"text": post.Cut(words.Text, maxDetail, post.Bytes),
		},
	}
	return e
}

// action is what happens to the incident.
func action(n notifier.Notice) string {
	switch {
	case n.Change == notifier.End || n.Alert.State == alert.Ended:
		return "resolve"
	case n.Alert.State == alert.Acknowledged:
		return "acknowledge"
	default:
		return "trigger"
	}
}

func source(n notifier.Notice) string {
	if n.Node == "" {
		return "tocsin"
	}
	return n.Node
}

func severity(s alert.Severity) string {
	switch s {
	case alert.Critical:
		return "critical"
	case alert.High:
		return "error"
	case alert.Medium:
		return "warning"
	default:
		return "info"
	}
}

// Preview implements notifier.Previewer.
func (p *pager) Preview(n notifier.Notice) notifier.Preview { return p.words.Preview(n) }
