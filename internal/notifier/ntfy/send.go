package ntfy

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"tocsin/internal/alert"
	"tocsin/internal/notifier"
	"tocsin/internal/post"
)

// A publisher publishes notices.
type publisher struct {
	server *url.URL
	topic  string
	header http.Header
	words  *post.Writer
	client *post.Client
}

// Bounds of ntfy's documentation, section Limitations: longer messages become attachments, longer titles are refused.
const (
	maxMessage = 4096 // bytes
	maxTitle   = 1000 // bytes
)

// publication is a message as ntfy takes it: section Publish as JSON.
type publication struct {
	Topic    string   `json:"topic"`
	Title    string   `json:"title"`
	Message  string   `json:"message"`
	Priority int      `json:"priority"`
	Tags     []string `json:"tags"`
	Click    string   `json:"click,omitempty"`
	Actions  []action `json:"actions,omitempty"`
	Sequence string   `json:"sequence_id"`
}

type action struct {
	Action string `json:"action"`
	Label  string `json:"label"`
	URL    string `json:"url"`
}

// Send makes one attempt. The message is plain text, in which ntfy sees neither markup nor mentions.
func (p *publisher) Send(ctx context.Context, n notifier.Notice) (string, error) {
	to := p.topic
	if n.To != "" {
		if to = n.To; !topic.MatchString(to) {
			return "", fmt.Errorf("ntfy for %s: %w: %q is no topic", n.User, notifier.ErrPermanent, to)
		}
	}
	words := p.words.Write(n)
	m := publication{
		Topic: to, Title: post.Cut(words.Subject, maxTitle, post.Bytes), Message: post.Cut(words.Text, maxMessage, post.Bytes),
		Priority: priority(n), Tags: []string{tag(n), "tocsin", strings.ToLower(n.Alert.Severity.String())}, Sequence: post.Thread(n),
	}
	if n.Link != "" {
		m.Click, m.Actions = n.Link, []action{{Action: "view", Label: "Open alert", URL: n.Link}}
	}
	answer, err := p.client.JSON(ctx, http.MethodPost, p.server, p.header.Clone(), m)
	if err != nil {
		return answer.Line, err
	}
	var taken struct {
		ID    string `json:"id"`
		Event string `json:"event"`
	}
	if answer.Decode(&taken) != nil || taken.ID == "" || taken.Event != "message" {
		return answer.Line, post.Strange(p.server, "ntfy")
	}
	return fmt.Sprintf("%d: message %s", answer.Status, post.Cut(taken.ID, 40, post.Characters)), nil
}

// priority is 1, which makes no sound, to 5, which does not stop making one. Neither an end rings, nor that somebody took an alert on.
func priority(n notifier.Notice) int {
	p := min(max(int(n.Alert.Severity), 1), 5)
	if n.Change == notifier.End || n.Alert.State != alert.Open {
		return min(p, 2)
	}
	return p
}

// tag is one that ntfy shows as a picture before the title.
func tag(n notifier.Notice) string {
	if n.Change == notifier.End || n.Alert.State == alert.Ended {
		return "white_check_mark"
	}
	switch n.Alert.Severity {
	case alert.Critical:
		return "rotating_light"
	case alert.High:
		return "warning"
	case alert.Medium:
		return "large_orange_diamond"
	default:
		return "information_source"
	}
}

// Preview implements notifier.Previewer.
func (p *publisher) Preview(n notifier.Notice) notifier.Preview { return p.words.Preview(n) }
