package telegram

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"

	"tocsin/internal/alert"
	"tocsin/internal/notifier"
	"tocsin/internal/post"
)

// A bot sends messages.
type bot struct {
	address *url.URL // holds the token
	chat    string
	topic   int
	words   *post.Writer
	client  *post.Client
}

// maxText is 4096 characters after the markup is taken off, as the documentation of sendMessage says. They are counted in
// UTF-16, as its entities are.
const (
	maxText  = 4096
	maxTitle = 400
)

// letter is a message as sendMessage takes it.
type letter struct {
	Chat    string  `json:"chat_id"`
	Topic   int     `json:"message_thread_id,omitempty"`
	Text    string  `json:"text"`
	Mode    string  `json:"parse_mode"`
	Silent  bool    `json:"disable_notification"`
	Preview preview `json:"link_preview_options"`
	Markup  *markup `json:"reply_markup,omitempty"`
}

type preview struct {
	Disabled bool `json:"is_disabled"`
}

type markup struct {
	Keyboard [][]button `json:"inline_keyboard"`
}

type button struct {
	Text string `json:"text"`
	URL  string `json:"url"`
}

// verdict is what the Bot API answers.
type verdict struct {
	OK     bool `json:"ok"`
	Result struct {
		Number int64 `json:"message_id"`
	} `json:"result"`
	Code        int    `json:"error_code"`
	Description string `json:"description"`
	Parameters  struct {
		RetryAfter int64 `json:"retry_after"`
		MigrateTo  int64 `json:"migrate_to_chat_id"`
	} `json:"parameters"`
}

// Send makes one attempt. A group that became a supergroup has another number, which Telegram tells: the message goes there.
func (b *bot) Send(ctx context.Context, n notifier.Notice) (string, error) {
	m := b.letter(n)
	if n.To != "" {
		if m.Chat, m.Topic = n.To, 0; !chat.MatchString(m.Chat) {
			return "", fmt.Errorf("telegram for %s: %w: %q is no chat", n.User, notifier.ErrPermanent, m.Chat)
		}
	}
	said, v, err := b.post(ctx, m)
	if moved := v.Parameters.MigrateTo; err != nil && moved != 0 {
		m.Chat = strconv.FormatInt(moved, 10)
		if said, _, err = b.post(ctx, m); err == nil {
			said += ", but the chat has become " + m.Chat + " (set chat)"
		}
	}
	return said, err
}

// post makes one request.
func (b *bot) post(ctx context.Context, m letter) (string, verdict, error) {
	var v verdict
	answer, err := b.client.JSON(ctx, http.MethodPost, b.address, nil, m)
	decoded := answer.Decode(&v)
	switch {
	case err != nil && v.Parameters.RetryAfter > 0:
		err = post.Later(err, time.Duration(min(v.Parameters.RetryAfter, int64(post.MaxLater/time.Second)))*time.Second)
		return answer.Line, v, err
	case err != nil && (strings.Contains(v.Description, "chat not found") || strings.Contains(v.Description, "thread not found")):
		return answer.Line, v, fmt.Errorf("post to %s: %s (check chat and topic, and that the bot is a member)", b.address.Host, http.StatusText(answer.Status))
	case err != nil:
		return answer.Line, v, err
	case decoded != nil || !v.OK:
		return answer.Line, v, post.Strange(b.address, "Telegram's Bot API")
	}
	return fmt.Sprintf("%d: message %d", answer.Status, v.Result.Number), v, nil
}

// letter writes a notice. All of its text stands in code and pre, inside which Telegram looks for no mentions, links, tags
// and commands.
func (b *bot) letter(n notifier.Notice) letter {
	words := b.words.Write(n)
	title := post.Cut(words.Subject, maxTitle, units)
	text := post.Cut(words.Text, maxText-size(title)-1, units)
	m := letter{Chat: b.chat, Topic: b.topic, Mode: "HTML", Preview: preview{Disabled: true}, Text: "<code>" + escape.Replace(title) + "</code>\n<pre>" + escape.Replace(text) + "</pre>"}
	m.Silent = n.Change == notifier.End || n.Alert.Severity <= alert.Low
	if strings.HasPrefix(n.Link, "https://") { // of http, Telegram takes not every address
		m.Markup = &markup{Keyboard: [][]button{{{Text: "Open alert", URL: n.Link}}}}
	}
	return m
}

// escape is that of HTML as Telegram reads it: section HTML style of the Bot API.
var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")

// units are those of UTF-16.
func units(r rune) int { return max(utf16.RuneLen(r), 1) }

func size(s string) (n int) {
	for _, r := range s {
		n += units(r)
	}
	return n
}

// Preview implements notifier.Previewer.
func (b *bot) Preview(n notifier.Notice) notifier.Preview { return b.words.Preview(n) }
