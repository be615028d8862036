// Package gotify sends notices to telephones and desktops through a server of Gotify.
package gotify

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"tocsin/internal/alert"
	"tocsin/internal/document"
	"tocsin/internal/notifier"
	"tocsin/internal/post"
)

// Sample is a configuration that names every setting.
//
//go:embed sample.yaml
var Sample []byte

// Gotify itself knows no bounds; these keep a notice readable on a telephone.
const (
	maxTitle   = 250  // characters
	maxMessage = 4096 // bytes
)

// Config is what an operator writes.
type Config struct {
	// Server is the address of the Gotify server. Needed.
	Server string `yaml:"server"`
	// Token is that of an application. Needed.
	Token document.Secret `yaml:"token"`

	post.Terms `yaml:",inline"`
}

// Default returns the settings that hold where none are given.
func Default() notifier.Config { return &Config{Terms: post.DefaultTerms()} }

// Validate reports every mistake.
func (c *Config) Validate() error {
	mistakes := c.Mistakes()
	if _, err := post.Target(c.Server); err != nil {
		mistakes = append(mistakes, document.At("server", c.Server, "an address such as https://gotify.example.org: "+err.Error()))
	}
	if post.Missing(c.Token) || strings.ContainsAny(c.Token.Reveal(), " \r\n\x00") {
		mistakes = append(mistakes, document.At("token", c.Token, "the token of an application"))
	}
	return errors.Join(mistakes...)
}

// New returns the notifier; nothing is connected.
func (c *Config) New() (notifier.Notifier, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	server, err := post.Target(c.Server)
	if err != nil {
		return nil, err
	}
	words, err := c.Words()
	if err != nil {
		return nil, err
	}
	client, err := post.New(post.Options{CA: c.CA, Timeout: c.Timeout, Check: "server and token", Secrets: []document.Secret{c.Token}})
	if err != nil {
		return nil, err
	}
	return &pusher{address: server.JoinPath("message"), token: c.Token.Reveal(), words: words, client: client}, nil
}

// A pusher pushes notices.
type pusher struct {
	address *url.URL
	token   string
	words   *post.Writer
	client  *post.Client
}

// push is a message as Gotify takes it.
type push struct {
	Title    string         `json:"title"`
	Message  string         `json:"message"`
	Priority int            `json:"priority"`
	Extras   map[string]any `json:"extras"`
}

// Send makes one attempt. The message is declared to be plain text, so that no Markdown is looked for in it.
func (p *pusher) Send(ctx context.Context, n notifier.Notice) (string, error) {
	words := p.words.Write(n)
	m := push{
		Title: post.Cut(words.Subject, maxTitle, post.Characters), Message: post.Cut(words.Text, maxMessage, post.Bytes), Priority: priority(n),
		Extras: map[string]any{"client::display": map[string]string{"contentType": "text/plain"}},
	}
	if n.Link != "" {
		m.Extras["client::notification"] = map[string]any{"click": map[string]string{"url": n.Link}}
	}
	answer, err := p.client.JSON(ctx, http.MethodPost, p.address, http.Header{"X-Gotify-Key": {p.token}}, m)
	if err != nil {
		return answer.Line, err
	}
	var taken struct {
		ID int64 `json:"id"`
	}
	if answer.Decode(&taken) != nil || taken.ID == 0 {
		return answer.Line, post.Strange(p.address, "Gotify")
	}
	return fmt.Sprintf("%d: message %d", answer.Status, taken.ID), nil
}

// priority is one that Gotify's apps show silently (up to 3), with a sound (up to 7), or with sound and vibration (8 and more).
func priority(n notifier.Notice) int {
	if n.Change == notifier.End {
		return 1
	}
	return [...]int{1, 1, 3, 5, 8, 10}[min(n.Alert.Severity, alert.Critical)]
}

// Preview implements notifier.Previewer.
func (p *pusher) Preview(n notifier.Notice) notifier.Preview { return p.words.Preview(n) }
