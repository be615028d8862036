package teams

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"unicode/utf8"

	"tocsin/internal/alert"
	"tocsin/internal/document"
	"tocsin/internal/notifier"
	"tocsin/internal/post"
)

// A dealer sends cards.
type dealer struct {
	url    document.Secret
	words  *post.Writer
	client *post.Client
}

// Bounds. A message to Teams has at most 28 KB, the card's own markup included. Text counts as it stands in JSON.
const (
	maxTitle = 2_000  // bytes in JSON
	maxText  = 18_000 // bytes in JSON
)

// envelope is what the workflow takes: a message with one card attached.
type envelope struct {
	Type        string       `json:"type"`
	Attachments []attachment `json:"attachments"`
}

type attachment struct {
	ContentType string `json:"contentType"`
	Content     card   `json:"content"`
}

type card struct {
	Schema  string         `json:"$schema"`
	Type    string         `json:"type"`
	Version string         `json:"version"`
	Body    []block        `json:"body"`
	Actions []action       `json:"actions,omitempty"`
	Teams   map[string]any `json:"msteams"`
}

// block is a RichTextBlock. Unlike those of a TextBlock or a FactSet, its texts are shown as they are: no Markdown is looked for
// in them (Adaptive Cards, TextRun).
type block struct {
	Type    string `json:"type"`
	Inlines []run  `json:"inlines"`
}

type run struct {
	Type   string `json:"type"`
	Text   string `json:"text"`
	Size   string `json:"size,omitempty"`
	Weight string `json:"weight,omitempty"`
	Color  string `json:"color,omitempty"`
	Font   string `json:"fontType,omitempty"`
}

type action struct {
	Type  string `json:"type"`
	Title string `json:"title"`
	URL   string `json:"url"`
}

// Send makes one attempt. The workflow answers when it has the card, before it posts it.
func (d *dealer) Send(ctx context.Context, n notifier.Notice) (string, error) {
	to, err := post.Target(d.url.Reveal())
	if err != nil {
		return "", fmt.Errorf("post: %w: url: %w", notifier.ErrPermanent, err)
	}
	answer, err := d.client.JSON(ctx, http.MethodPost, to, nil, envelope{
		Type: "message", Attachments: []attachment{{ContentType: "application/vnd.microsoft.card.adaptive", Content: d.card(n)}},
	})
	return answer.Line, err
}

func (d *dealer) card(n notifier.Notice) card {
	words := d.words.Write(n)
	c := card{
		Schema: "http://adaptivecards.io/schemas/adaptive-card.json", Type: "AdaptiveCard", Version: "1.4", Teams: map[string]any{"width": "Full"},
		Body: []block{
			text(run{Text: post.Cut(words.Subject, maxTitle, inJSON), Size: "medium", Weight: "bolder", Color: color(n)}),
			text(run{Text: post.Cut(words.Text, maxText, inJSON), Font: "monospace"}),
		},
	}
	if n.Link != "" {
		c.Actions = []action{{Type: "Action.OpenUrl", Title: "Open alert", URL: n.Link}}
	}
	return c
}

// text is a block of one run.
func text(r run) block {
	r.Type = "TextRun"
	return block{Type: "RichTextBlock", Inlines: []run{r}}
}

// inJSON is how many bytes a character becomes in JSON.
func inJSON(r rune) int {
	if r >= ' ' && r < utf8.RuneSelf && r != '"' && r != '\\' && r != '<' && r != '>' && r != '&' {
		return 1
	}
	packed, err := json.Marshal(string(r))
	if err != nil {
		return 6
	}
	return len(packed) - 2
}

func color(n notifier.Notice) string {
	switch s := n.Alert.Severity; {
	case n.Change == notifier.End:
		return "good"
	case s >= alert.High:
		return "attention"
	case s == alert.Medium:
		return "warning"
	default:
		return "default"
	}
}

// Preview implements notifier.Previewer.
func (d *dealer) Preview(n notifier.Notice) notifier.Preview { return d.words.Preview(n) }
