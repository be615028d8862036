package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"tocsin/internal/document"
	"tocsin/internal/notifier"
	"tocsin/internal/post"
)

// A hook posts to an incoming webhook.
type hook struct {
	url    document.Secret
	words  *post.Writer
	client *post.Client
}

// Send makes one attempt.
func (h *hook) Send(ctx context.Context, n notifier.Notice) (string, error) {
	to, err := post.Target(h.url.Reveal())
	if err != nil {
		return "", fmt.Errorf("post: %w: url: %w", notifier.ErrPermanent, err)
	}
	answer, err := h.client.JSON(ctx, http.MethodPost, to, nil, write(h.words, n))
	if err != nil {
		return answer.Line, err
	}
	if strings.TrimSpace(string(answer.Body)) != "ok" {
		return answer.Line, post.Strange(to, "Slack")
	}
	return answer.Line, nil
}

// A bot posts by the Web API.
type bot struct {
	config Config
	server *url.URL
	words  *post.Writer
	client *post.Client
}

// reply is what the Web API answers.
type reply struct {
	OK       bool     `json:"ok"`
	Error    string   `json:"error"`
	Stamp    string   `json:"ts"`
	Messages []posted `json:"messages"`
	Next     struct {
		Cursor string `json:"next_cursor"`
	} `json:"response_metadata"`
}

// posted is a message of a channel or thread.
type posted struct {
	Stamp    string `json:"ts"`
	Thread   string `json:"thread_ts"`
	Metadata struct {
		Type    string          `json:"event_type"`
		Payload json.RawMessage `json:"event_payload"` // ours, or whatever another app put there
	} `json:"metadata"`
}

// about says what a message shows; nothing if it is not ours.
func (p posted) about() (ours payload) {
	if p.Metadata.Type != eventType || json.Unmarshal(p.Metadata.Payload, &ours) != nil {
		return payload{}
	}
	return ours
}

// Send makes one attempt. The first notice about an alert is a message of the channel; those that follow are answers to it, and
// then it is changed to show how the alert stands. It comes last and carries the notice's key: where it does, all is done.
func (b *bot) Send(ctx context.Context, n notifier.Notice) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, b.config.Timeout)
	defer cancel()
	l := write(b.words, n)
	l.Parse, l.Channel = "none", b.config.Channel
	if n.To != "" {
		if l.Channel = n.To; !channel.MatchString(l.Channel) {
			return "", fmt.Errorf("slack for %s: %w: %q is no number of a channel or user", n.User, notifier.ErrPermanent, l.Channel)
		}
	}
	l.Metadata = &metadata{Type: eventType, Payload: payload{Alert: post.Thread(n), Key: n.Key}}
	private := strings.ContainsRune("UW", rune(l.Channel[0])) // whose history has another number
	if !b.config.Thread || private || n.Change == notifier.Create && n.Attempt <= 1 {
		return b.say(ctx, l)
	}
	root, err := b.root(ctx, l.Channel, n)
	switch {
	case err != nil:
		said, failed := b.say(ctx, l)
		return said + ", outside of its thread: " + err.Error(), failed
	case root.Stamp == "":
		return b.say(ctx, l)
	case root.about().Key == n.Key:
		return "message " + stamp(root.Stamp) + " was there already", nil
	}
	return b.follow(ctx, l, root, n.Attempt > 1)
}

// say posts a message.
func (b *bot) say(ctx context.Context, l letter) (string, error) {
	r, line, err := b.call(ctx, "chat.postMessage", nil, l)
	if err != nil {
		return line, err
	}
	return "message " + stamp(r.Stamp), nil
}

// follow answers to a message, and then changes it. Of a repeat it sees to it that the answer is not there yet.
func (b *bot) follow(ctx context.Context, l letter, root posted, again bool) (string, error) {
	answered := false
	if again {
		var err error
		if answered, err = b.answered(ctx, l.Channel, root.Stamp, l.Metadata.Payload.Key); err != nil {
			return "", err
		}
	}
	said := "answer was there already"
	if !answered {
		l.Thread = root.Stamp
		var err error
		if said, err = b.say(ctx, l); err != nil {
			return said, err
		}
	}
	l.Thread, l.Stamp = "", root.Stamp
	if _, _, err := b.call(ctx, "chat.update", nil, l); err != nil {
		return said + " below " + stamp(root.Stamp) + ", which was not changed: " + err.Error(), nil // what is new has been told
	}
	return said + " below " + stamp(root.Stamp), nil
}

// call makes one call; with a query it only asks. Slack says in a body of status 200 what it does not take.
func (b *bot) call(ctx context.Context, method string, query url.Values, v any) (reply, string, error) {
	to := b.server.JoinPath(method)
	header := http.Header{"Authorization": {"Bearer " + b.config.Token.Reveal()}}
	var answer post.Answer
	var err error
	if query != nil {
		to.RawQuery = query.Encode()
		answer, err = b.client.Do(ctx, post.Request{Method: http.MethodGet, URL: to, Header: header})
	} else {
		answer, err = b.client.JSON(ctx, http.MethodPost, to, header, v)
	}
	var r reply
	switch {
	case err != nil:
		return r, answer.Line, err
	case answer.Decode(&r) != nil, !r.OK && r.Error == "":
		return r, answer.Line, post.Strange(to, "Slack")
	case !r.OK:
		return r, "", refusal(to, method, r.Error)
	}
	return r, answer.Line, nil
}

// word is how Slack writes what is wrong.
var word = regexp.MustCompile(`^[a-z_]{1,60}$`)

// refusal sorts what Slack does not take.
func refusal(to *url.URL, method, code string) error {
	if !word.MatchString(code) {
		return post.Strange(to, "Slack")
	}
	err := fmt.Errorf("post to %s: %s: %s", to.Host, method, code)
	switch code {
	case "internal_error", "fatal_error", "service_unavailable", "request_timeout", "ratelimited", "rate_limited", "team_added_to_org":
		return err // it may pass
	case "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired":
		return fmt.Errorf("%w (check token)", err)
	case "missing_scope", "not_allowed_token_type", "no_permission":
		return fmt.Errorf("%w (give the bot the scopes chat:write, metadata.message:read and channels:history, or groups:history for a private channel)", err)
	case "channel_not_found", "not_in_channel", "is_archived":
		return fmt.Errorf("%w (check channel, and invite the bot to it)", err)
	}
	return fmt.Errorf("%w: %w", notifier.ErrPermanent, err)
}

// stamp is the number of a message as Slack writes it, and nothing else.
func stamp(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '.' {
			return r
		}
		return -1
	}, s[:min(len(s), 30)])
}

// Preview implements notifier.Previewer.
func (h *hook) Preview(n notifier.Notice) notifier.Preview { return h.words.Preview(n) }

// Preview implements notifier.Previewer.
func (b *bot) Preview(n notifier.Notice) notifier.Preview { return b.words.Preview(n) }
