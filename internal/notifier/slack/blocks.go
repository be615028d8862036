package slack

import (
	"strings"
	"unicode/utf16"

	"tocsin/internal/notifier"
	"tocsin/internal/post"
)

// Bounds of Block Kit, in characters after escaping.
const (
	maxHeader   = 150
	maxSection  = 3000
	maxFallback = 1000
)

// A letter is a message as incoming webhooks and the Web API take it.
type letter struct {
	Channel  string    `json:"channel,omitempty"`
	Stamp    string    `json:"ts,omitempty"`        // of the message to change
	Thread   string    `json:"thread_ts,omitempty"` // of the message to answer
	Text     string    `json:"text"`                // for notifications
	Markdown bool      `json:"mrkdwn"`
	Parse    string    `json:"parse,omitempty"`
	Unfurl   bool      `json:"unfurl_links"`
	Media    bool      `json:"unfurl_media"`
	Blocks   []block   `json:"blocks"`
	Metadata *metadata `json:"metadata,omitempty"`
}

type block struct {
	Type     string `json:"type"`
	Text     *text  `json:"text,omitempty"`
	Elements []text `json:"elements,omitempty"`
}

// text is a text object. One of plain_text knows neither markup nor mentions; it is escaped as all text to Slack is to be.
type text struct {
	Type  string `json:"type"`
	Text  string `json:"text"`
	Emoji *bool  `json:"emoji,omitempty"`
}

// metadata go with a message unseen, and say what it is about.
type metadata struct {
	Type    string  `json:"event_type"`
	Payload payload `json:"event_payload"`
}

type payload struct {
	Alert string `json:"alert"` // the same in all messages about one alert
	Key   string `json:"key"`   // of the notice that the message last showed
}

const eventType = "tocsin_alert"

// write puts a notice into blocks. Log text is in plain_text alone; the one link is our own.
func write(words *post.Writer, n notifier.Notice) letter {
	m := words.Write(n)
	body := m.Text
	if post.Cut(m.Subject, maxHeader, escaped) != m.Subject {
		body = m.Subject + "\n\n" + body
	}
	l := letter{Text: escape.Replace(post.Cut(m.Subject, maxFallback, escaped))}
	for _, part := range []struct {
		kind, text string
		most       int
	}{{"header", m.Subject, maxHeader}, {"section", body, maxSection}} {
		l.Blocks = append(l.Blocks, block{Type: part.kind, Text: &text{Type: "plain_text", Text: escape.Replace(post.Cut(part.text, part.most, escaped)), Emoji: new(bool)}})
	}
	if n.Link != "" {
		link := strings.ReplaceAll(escape.Replace(n.Link), "|", "%7C")
		l.Blocks = append(l.Blocks, block{Type: "context", Elements: []text{{Type: "mrkdwn", Text: "<" + link + "|Open alert>"}}})
	}
	return l
}

// escape is that of all text to Slack: section Escaping text.
var escape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// escaped is how long a character is after escaping.
func escaped(r rune) int {
	switch r {
	case '&':
		return len("&amp;")
	case '<', '>':
		return len("&lt;")
	}
	return max(utf16.RuneLen(r), 1)
}
